/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/platform.c -- see platform.h. */
#include "sim/platform/platform.h"

#include <ctype.h>
#include <errno.h>
#include <libgen.h>
#include <libxml/parser.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/text.h"
#include "sim/platform/make.h"
#include "sim/platform/model.h"

static const char head[] = "<?xml version='1.0'?>\n"
                           "<!DOCTYPE platform SYSTEM \"https://simgrid.org/simgrid.dtd\">\n";

const char *const *
sm_platform_names(struct sm_arena *arena, const char *home)
{
    const char *folder = sm_arena_printf(arena, "%s/platforms", home);
    return folder != NULL ? sm_text_folder(arena, folder, ".xml") : NULL;
}

/* N of "star_N", 0 when the name is another. */
static size_t
star_size(const char *name)
{
    char *end;
    if (strncmp(name, "star_", 5) != 0 || !isdigit((unsigned char)name[5]))
        return 0;
    unsigned long n = strtoul(name + 5, &end, 10);
    return *end == '\0' && n <= SM_LARGEST_STAR ? n : 0;
}

static enum sm_status
make_star(struct sm_arena *arena, size_t nodes, char **text, size_t *length)
{
    char settings[64], *written = NULL;
    struct sm_node *map;
    snprintf(settings, sizeof settings, "{nodes: %zu}", nodes);
    SM_TRY(sm_tree_parse(arena, "star", settings, &map));
    FILE *out = open_memstream(&written, length);
    if (out == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "star_%zu: no memory for the platform", nodes);
    enum sm_status status = sm_platform_make("star", map, out);
    if (fclose(out) != 0 && status == SM_OK)
        status = SM_FAIL(SM_ERR_NOMEM, "star_%zu: no memory for the platform", nodes);
    *text = status == SM_OK ? sm_arena_strndup(arena, written, *length) : NULL;
    free(written);
    if (status == SM_OK && *text == NULL)
        status = SM_FAIL(SM_ERR_NOMEM, "star_%zu: no memory for the platform", nodes);
    return status;
}

static enum sm_status
unknown_platform(struct sm_arena *arena, const struct sm_platform_request *request)
{
    const char *const *names = sm_platform_names(arena, request->home);
    if (names == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for the names of platforms", request->file);
    char known[512], near[SM_TEXT_SUGGESTION];
    return sm_tree_fail(sm_tree_get(request->edits, "file"),
                        "no platform '%s'%s; expected a path of an .xml, star_N (N <= %d), or "
                        "one of %s",
                        request->file, sm_text_suggest(near, request->file, names), SM_LARGEST_STAR,
                        sm_text_join(known, sizeof known, names));
}

/* The text of the platform, and where its profile files are looked for. */
static enum sm_status
find_text(struct sm_arena *arena, const struct sm_platform_request *request, const char **file,
          char **text, size_t *length)
{
    const char *name = request->file;
    size_t nodes = star_size(name), size = strlen(name);
    *file = name;
    bool path = strchr(name, '/') != NULL || (size > 4 && strcmp(name + size - 4, ".xml") == 0);
    if (!path && nodes > 0) {
        *file = NULL;
        return make_star(arena, nodes, text, length);
    }
    if (!path) {
        *file = sm_arena_printf(arena, "%s/platforms/%s.xml", request->home, name);
        if (*file == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for the platform", name);
        if (access(*file, F_OK) != 0)
            return unknown_platform(arena, request);
    }
    return sm_text_read_file(arena, *file, text, length);
}

static enum sm_status
parse(struct sm_model *model, const char *text, size_t length)
{
    if (length > INT_MAX)
        return SM_FAIL(SM_ERR_INPUT, "%s: larger than 2 GiB", model->file);
    xmlParserCtxtPtr context = xmlNewParserCtxt();
    if (context == NULL)
        return sm_model_no_memory(model);
    /* what libxml2 would say goes to nobody: its first error becomes ours */
    model->document = xmlCtxtReadMemory(context, text, (int)length, NULL, NULL,
                                        XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NONET |
                                            XML_PARSE_NOENT | XML_PARSE_NOBLANKS |
                                            XML_PARSE_NOCDATA | XML_PARSE_BIG_LINES);
    enum sm_status status = SM_OK;
    if (model->document == NULL) {
        xmlErrorPtr error = xmlCtxtGetLastError(context);
        int cut = error != NULL && error->message != NULL ? (int)strcspn(error->message, "\n") : 0;
        status = SM_FAIL(SM_ERR_INPUT, "%s:%d: not well-formed XML: %.*s", model->file,
                         error != NULL ? error->line : 1, cut, cut > 0 ? error->message : "");
    }
    xmlFreeParserCtxt(context);
    return status;
}

/* Comments and processing instructions mean nothing to SimGrid, nor to the hash. */
static void
drop_comments(xmlNodePtr parent)
{
    for (xmlNodePtr child = parent->children, next; child != NULL; child = next) {
        next = child->next;
        if (child->type == XML_COMMENT_NODE || child->type == XML_PI_NODE) {
            xmlUnlinkNode(child);
            xmlFreeNode(child);
        } else if (child->type == XML_ELEMENT_NODE) {
            drop_comments(child);
        }
    }
}

static enum sm_status
write_xml(struct sm_model *model, struct sm_platform *platform)
{
    xmlBufferPtr buffer = xmlBufferCreate();
    if (buffer == NULL ||
        xmlNodeDump(buffer, model->document, xmlDocGetRootElement(model->document), 0, 0) < 0) {
        xmlBufferFree(buffer);
        return sm_model_no_memory(model);
    }
    char *xml =
        sm_arena_printf(model->arena, "%s%s\n", head, (const char *)xmlBufferContent(buffer));
    xmlBufferFree(buffer);
    if (xml == NULL)
        return sm_model_no_memory(model);
    platform->xml = xml;
    platform->xml_length = strlen(xml);
    platform->hash = sm_hash(xml, platform->xml_length, model->files_hash);
    return SM_OK;
}

static enum sm_status
copy_links(struct sm_model *model, struct sm_platform *platform)
{
    struct sm_platform_link *links = sm_arena_alloc(model->arena, model->link_count, sizeof *links);
    if (links == NULL)
        return sm_model_no_memory(model);
    for (size_t i = 0; i < model->link_count; i++) {
        const struct sm_model_link *link = &model->links[i];
        links[i] = (struct sm_platform_link){.name = sm_arena_strdup(model->arena, link->name),
                                             .bandwidth = link->bandwidth,
                                             .goodput = link->goodput,
                                             .latency = link->latency,
                                             .duplex = link->duplex,
                                             .stands = strcmp(link->bandwidth_key, "bw") == 0};
        if (links[i].name == NULL)
            return sm_model_no_memory(model);
    }
    platform->links = links;
    platform->link_count = model->link_count;
    return SM_OK;
}

static enum sm_status
load_document(struct sm_model *model, const struct sm_platform_request *request,
              struct sm_platform *platform)
{
    xmlNodePtr root = xmlDocGetRootElement(model->document);
    if (root == NULL || strcmp((const char *)root->name, "platform") != 0)
        return sm_model_fail(model, root, "the outermost element is <%s>, expected <platform>",
                             root != NULL ? (const char *)root->name : "");
    drop_comments(root);
    SM_TRY(sm_model_validate(model));
    SM_TRY(sm_model_read(model));
    SM_TRY(sm_model_edit(model, request->edits));
    SM_TRY(sm_model_workers(model, request->workers, request->servers, request->edits, platform));
    SM_TRY(sm_model_apply_goodput(model));
    SM_TRY(copy_links(model, platform));
    SM_TRY(sm_model_traffic(model, request->edits, platform));
    SM_TRY(sm_model_states(model, root));
    SM_TRY(sm_model_split(model));
    platform->varies = model->varies;
    platform->settings = model->settings;
    platform->states = model->states;
    return write_xml(model, platform);
}

enum sm_status
sm_platform_load(struct sm_arena *arena, const struct sm_platform_request *request,
                 struct sm_platform *platform)
{
    const char *file;
    char *text;
    size_t length;
    SM_TRY(find_text(arena, request, &file, &text, &length));
    const char *shown = sm_arena_strdup(arena, file != NULL ? file : request->file);
    char *folder = file != NULL ? sm_arena_strdup(arena, file) : NULL;
    *platform = (struct sm_platform){.file = sm_arena_strdup(arena, request->file)};
    if (shown == NULL || platform->file == NULL || (file != NULL && folder == NULL))
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for the platform", request->file);

    struct sm_model model = {
        .arena = arena, .file = shown, .folder = folder != NULL ? dirname(folder) : NULL};
    SM_TRY(parse(&model, text, length));
    enum sm_status status = load_document(&model, request, platform);
    xmlFreeDoc(model.document);
    return status;
}
