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

/* options: of libxml2, beside those that always hold. */
static enum sm_status
parse(struct sm_model *model, const char *text, size_t length, int options)
{
    if (length > INT_MAX)
        return SM_FAIL(SM_ERR_INPUT, "%s: larger than 2 GiB", model->file);
    xmlParserCtxtPtr context = xmlNewParserCtxt();
    if (context == NULL)
        return sm_model_no_memory(model);
    /* what libxml2 would say goes to nobody: its first error becomes ours */
    model->document =
        xmlCtxtReadMemory(context, text, (int)length, NULL, NULL,
                          options | XML_PARSE_NOERROR | XML_PARSE_NOWARNING | XML_PARSE_NONET |
                              XML_PARSE_NOENT | XML_PARSE_BIG_LINES);
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

/* How much of it there is, for the XML only says where. */
static uint64_t
hash_traffic(const struct sm_platform *platform, uint64_t hash)
{
    for (size_t i = 0; i < platform->traffic_count; i++) {
        const struct sm_platform_traffic *t = &platform->traffic[i];
        const double amount[] = {t->rate, t->load, (double)t->flows, t->bytes, t->random};
        hash = sm_hash(t->from, strlen(t->from), sm_hash(t->to, strlen(t->to), hash));
        hash = sm_hash(amount, sizeof amount, hash);
    }
    return hash;
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
    platform->hash = hash_traffic(platform, sm_hash(xml, platform->xml_length, model->files_hash));
    return SM_OK;
}

static bool
is_shared(const struct sm_model_link *link)
{
    const bool backbone = strcmp(link->bandwidth_key, "bb_bw") == 0;
    const char *policy =
        sm_model_attribute(link->element, backbone ? "bb_sharing_policy" : "sharing_policy");
    return policy == NULL || strcmp(policy, "FATPIPE") != 0;
}

static enum sm_status
copy_links(struct sm_model *model, struct sm_platform *platform)
{
    struct sm_platform_link *links = sm_arena_alloc(model->arena, model->link_count, sizeof *links);
    if (links == NULL)
        return sm_model_no_memory(model);
    for (size_t i = 0; i < model->link_count; i++) {
        const struct sm_model_link *link = &model->links[i];
        links[i] =
            (struct sm_platform_link){.name = sm_arena_strdup(model->arena, link->name),
                                      .bandwidth = link->bandwidth,
                                      .goodput = link->goodput,
                                      .latency = link->latency,
                                      .duplex = link->duplex,
                                      .stands = strcmp(link->bandwidth_key, "bw") == 0,
                                      .shared = is_shared(link),
                                      .varies = sm_model_has(link->element, "bandwidth_file") ||
                                                sm_model_has(link->element, "latency_file"),
                                      .dies = sm_model_has(link->element, "state_file")};
        if (links[i].name == NULL)
            return sm_model_no_memory(model);
    }
    platform->links = links;
    platform->link_count = model->link_count;
    return SM_OK;
}

static enum sm_status
check_root_name(const struct sm_model *model, xmlNodePtr root)
{
    if (root == NULL || strcmp((const char *)root->name, "platform") != 0)
        return sm_model_fail(model, root, "the outermost element is <%s>, expected <platform>",
                             root != NULL ? (const char *)root->name : "");
    return SM_OK;
}

static enum sm_status
load_document(struct sm_model *model, const struct sm_platform_request *request,
              struct sm_platform *platform)
{
    xmlNodePtr root = xmlDocGetRootElement(model->document);
    SM_TRY(check_root_name(model, root));
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
    platform->gaps = model->gaps;
    platform->settings = model->settings;
    platform->states = model->states;
    return write_xml(model, platform);
}

/* Finds and parses the file of the request; its document is the caller's to free. */
static enum sm_status
open_model(struct sm_arena *arena, const struct sm_platform_request *request, int options,
           struct sm_model *model)
{
    const char *file;
    char *text;
    size_t length;
    SM_TRY(find_text(arena, request, &file, &text, &length));
    const char *shown = sm_arena_strdup(arena, file != NULL ? file : request->file);
    char *folder = file != NULL ? sm_arena_strdup(arena, file) : NULL;
    if (shown == NULL || (file != NULL && folder == NULL))
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for the platform", request->file);
    *model = (struct sm_model){
        .arena = arena, .file = shown, .folder = folder != NULL ? dirname(folder) : NULL};
    return parse(model, text, length, options);
}

enum sm_status
sm_platform_load(struct sm_arena *arena, const struct sm_platform_request *request,
                 struct sm_platform *platform)
{
    struct sm_model model;
    *platform = (struct sm_platform){.file = sm_arena_strdup(arena, request->file)};
    if (platform->file == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for the platform", request->file);
    SM_TRY(open_model(arena, request, XML_PARSE_NOBLANKS | XML_PARSE_NOCDATA, &model));
    enum sm_status status = load_document(&model, request, platform);
    xmlFreeDoc(model.document);
    return status;
}

/* ---- as a file ---- */

static enum sm_status
check_keys(const struct sm_node *edits)
{
    static const char *const known[] = {"bandwidth", "latency", "speed", NULL};
    char near[SM_TEXT_SUGGESTION];
    SM_NODE_EACH (child, edits) {
        size_t k = 0;
        while (known[k] != NULL && strcmp(known[k], child->key) != 0)
            k++;
        if (known[k] == NULL)
            return SM_FAIL(SM_ERR_INPUT,
                           "'%s' is nothing that a platform file is changed by%s; expected "
                           "bandwidth, latency or speed",
                           child->key, sm_text_suggest(near, child->key, known));
    }
    return SM_OK;
}

static xmlNodePtr
element_from(xmlNodePtr node)
{
    while (node != NULL && node->type != XML_ELEMENT_NODE)
        node = node->next;
    return node;
}

/* As people write it, where that reads back as the same number: 25Gbps, not 3125000000Bps. */
static const char *
readable(const char *text, char *buffer, size_t size)
{
    static const struct {
        enum sm_unit unit;
        double scale;
        const char *suffix;
    } forms[] = {{SM_UNIT_BANDWIDTH, 1e9 / 8, "Gbps"}, {SM_UNIT_BANDWIDTH, 1e6 / 8, "Mbps"},
                 {SM_UNIT_SECONDS, 1e-6, "us"},        {SM_UNIT_SECONDS, 1e-3, "ms"},
                 {SM_UNIT_SPEED, 1e12, "Tf"},          {SM_UNIT_SPEED, 1e9, "Gf"}};
    for (size_t f = 0; f < sizeof forms / sizeof *forms; f++) {
        double value, back;
        if (!sm_unit_parse(forms[f].unit, text, &value))
            continue;
        snprintf(buffer, size, "%.12g%s", value / forms[f].scale, forms[f].suffix);
        if (strchr(buffer, 'e') == NULL && sm_unit_parse(forms[f].unit, buffer, &back) &&
            back == value)
            return buffer;
    }
    return text;
}

/* Reading writes every quantity anew. What edits changed is what differs between a document that
 * was read and one that was read and edited: only that, and the names of profile files, goes to the
 * one as it was written. All three have the same elements. */
static enum sm_status
carry_over(struct sm_model *written, xmlNodePtr to, xmlNodePtr plain, xmlNodePtr edited)
{
    char buffer[64];
    for (xmlAttrPtr a = edited->properties; a != NULL; a = a->next) {
        const char *key = (const char *)a->name, *value = sm_model_attribute(edited, key);
        const char *before = sm_model_attribute(plain, key), *old = sm_model_attribute(to, key);
        const bool changed = before == NULL || strcmp(before, value) != 0;
        const bool file =
            old != NULL && strlen(key) >= 4 && strcmp(key + strlen(key) - 4, "file") == 0;
        if (changed)
            value = readable(value, buffer, sizeof buffer);
        if ((changed || file) && xmlSetProp(to, a->name, (const xmlChar *)value) == NULL)
            return sm_model_no_memory(written);
    }
    to = element_from(to->children);
    plain = element_from(plain->children);
    edited = element_from(edited->children);
    while (to != NULL && plain != NULL && edited != NULL) {
        SM_TRY(carry_over(written, to, plain, edited));
        to = element_from(to->next);
        plain = element_from(plain->next);
        edited = element_from(edited->next);
    }
    return SM_OK;
}

static enum sm_status
read_document(struct sm_model *model)
{
    SM_TRY(check_root_name(model, xmlDocGetRootElement(model->document)));
    SM_TRY(sm_model_validate(model));
    return sm_model_read(model);
}

static enum sm_status
write_document(struct sm_model *model, FILE *out)
{
    xmlChar *text = NULL;
    int length = 0;
    xmlDocDumpMemory(model->document, &text, &length);
    if (text == NULL)
        return sm_model_no_memory(model);
    const bool done = fwrite(text, 1, (size_t)length, out) == (size_t)length && fflush(out) == 0;
    xmlFree(text);
    return done ? SM_OK : SM_FAIL(SM_ERR_IO, "cannot write the platform: %s", strerror(errno));
}

enum { WRITTEN, PLAIN, EDITED, MODELS };

static enum sm_status
write_edited(struct sm_arena *arena, const struct sm_platform_request *request,
             struct sm_model models[MODELS], FILE *out)
{
    SM_TRY(check_keys(request->edits));
    for (size_t m = 0; m < MODELS; m++) {
        SM_TRY(open_model(arena, request, m == WRITTEN ? 0 : XML_PARSE_NOBLANKS, &models[m]));
        if (m != WRITTEN)
            SM_TRY(read_document(&models[m]));
    }
    SM_TRY(sm_model_edit(&models[EDITED], request->edits));
    SM_TRY(carry_over(&models[WRITTEN], xmlDocGetRootElement(models[WRITTEN].document),
                      xmlDocGetRootElement(models[PLAIN].document),
                      xmlDocGetRootElement(models[EDITED].document)));
    return write_document(&models[WRITTEN], out);
}

enum sm_status
sm_platform_write(const struct sm_platform_request *request, FILE *out)
{
    struct sm_arena arena = {0};
    struct sm_model models[MODELS] = {{.document = NULL}};
    enum sm_status status = write_edited(&arena, request, models, out);
    for (size_t m = 0; m < MODELS; m++)
        xmlFreeDoc(models[m].document);
    sm_arena_fini(&arena);
    return status;
}
