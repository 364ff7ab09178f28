/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/split.c -- a SPLITDUPLEX link with a state_file becomes two links, NAME_UP and
 * NAME_DOWN, as SimGrid makes them of every such link: it dies of a state_file on the whole.
 *
 * Routes name the halves then. A symmetrical one is written out in both directions, for a link of
 * its own is the same both ways.
 */
#include <string.h>
#include <strings.h>

#include "sim/platform/model.h"

static bool
set(xmlNodePtr element, const char *key, const char *value)
{
    return value != NULL && xmlSetProp(element, (const xmlChar *)key, (const xmlChar *)value);
}

static enum sm_status
split_link(struct sm_model *model, const struct sm_model_link *link)
{
    xmlNodePtr up = link->element;
    static const char *const files[] = {"bandwidth_file", "latency_file", "state_file"};
    const char *names[] = {sm_arena_printf(model->arena, "%s_UP", link->name),
                           sm_arena_printf(model->arena, "%s_DOWN", link->name)};
    xmlNodePtr down = xmlCopyNode(up, 1);
    if (down == NULL || xmlAddNextSibling(up, down) == NULL || !set(up, "id", names[0]) ||
        !set(down, "id", names[1]) || !set(up, "sharing_policy", "SHARED") ||
        !set(down, "sharing_policy", "SHARED"))
        return sm_model_no_memory(model);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        const char *file = sm_model_attribute(down, files[i]);
        if (file != NULL && file[0] != '\0' && /* under another name: SimGrid reads none twice */
            !set(down, files[i], sm_arena_printf(model->arena, "./%s", file)))
            return sm_model_no_memory(model);
    }
    return SM_OK;
}

/* The link of a hop that has been split, NULL for others. */
static const char *
split_name(xmlNodePtr hop, const struct sm_table *split)
{
    const char *direction = sm_model_attribute(hop, "direction");
    if (direction == NULL || strcmp(direction, "NONE") == 0)
        return NULL; /* it names a half already */
    struct sm_entry *entry = sm_table_find(split, sm_model_attribute(hop, "id"));
    return entry != NULL ? entry->name : NULL;
}

/* Hops in the reverse order and direction; those that are links of no direction stay. */
static enum sm_status
mirror_hops(struct sm_model *model, xmlNodePtr route)
{
    for (xmlNodePtr hop = route->children, next; hop != NULL; hop = next) {
        const char *direction = sm_model_attribute(hop, "direction");
        next = hop->next;
        if (direction != NULL && strcmp(direction, "NONE") != 0 &&
            !set(hop, "direction", strcmp(direction, "UP") == 0 ? "DOWN" : "UP"))
            return sm_model_no_memory(model);
        if (hop != route->children) { /* to the front */
            xmlUnlinkNode(hop);
            xmlAddPrevSibling(route->children, hop);
        }
    }
    return SM_OK;
}

static enum sm_status
swap(struct sm_model *model, xmlNodePtr route, const char *a, const char *b)
{
    if (sm_model_attribute(route, a) == NULL)
        return SM_OK;
    const char *of_a = sm_arena_strdup(model->arena, sm_model_attribute(route, a));
    const char *of_b = sm_arena_strdup(model->arena, sm_model_attribute(route, b));
    return set(route, a, of_b) && set(route, b, of_a) ? SM_OK : sm_model_no_memory(model);
}

static enum sm_status
name_halves(struct sm_model *model, xmlNodePtr route, const struct sm_table *split)
{
    for (xmlNodePtr hop = route->children; hop != NULL; hop = hop->next) {
        const char *name = split_name(hop, split);
        if (name == NULL)
            continue;
        if (!set(
                hop, "id",
                sm_arena_printf(model->arena, "%s_%s", name, sm_model_attribute(hop, "direction"))))
            return sm_model_no_memory(model);
        xmlUnsetProp(hop, (const xmlChar *)"direction");
    }
    return SM_OK;
}

static enum sm_status
split_route(struct sm_model *model, xmlNodePtr route, const struct sm_table *split)
{
    const char *symmetrical = sm_model_attribute(route, "symmetrical");
    const char *name = (const char *)route->name;
    bool met = false;
    for (xmlNodePtr hop = route->children; hop != NULL; hop = hop->next)
        met = met || split_name(hop, split) != NULL;
    if (!met)
        return SM_OK;
    if (strncmp(name, "bypass", 6) != 0 &&
        (symmetrical == NULL || strcasecmp(symmetrical, "yes") == 0)) {
        xmlNodePtr back = xmlCopyNode(route, 1);
        if (back == NULL || !set(route, "symmetrical", "NO") || !set(back, "symmetrical", "NO") ||
            xmlAddPrevSibling(route, back) == NULL) /* behind those still to come */
            return sm_model_no_memory(model);
        SM_TRY(swap(model, back, "src", "dst"));
        SM_TRY(swap(model, back, "gw_src", "gw_dst"));
        SM_TRY(mirror_hops(model, back));
        SM_TRY(name_halves(model, back, split));
    }
    return name_halves(model, route, split);
}

static enum sm_status
split_routes(struct sm_model *model, xmlNodePtr zone, const struct sm_table *split)
{
    for (xmlNodePtr child = zone->children; child != NULL; child = child->next) {
        if (child->type != XML_ELEMENT_NODE)
            continue;
        if (sm_element_is_zone(child))
            SM_TRY(split_routes(model, child, split));
        else if (strcasestr((const char *)child->name, "route") != NULL &&
                 !sm_element_is(child, "router"))
            SM_TRY(split_route(model, child, split));
    }
    return SM_OK;
}

enum sm_status
sm_model_split(struct sm_model *model)
{
    struct sm_table split = {0};
    for (size_t i = 0; i < model->link_count; i++) {
        const struct sm_model_link *link = &model->links[i];
        const char *state = sm_model_attribute(link->element, "state_file");
        struct sm_entry *entry;
        bool fresh;
        if (!link->duplex || state == NULL || state[0] == '\0')
            continue;
        SM_TRY(sm_table_add(model, &split, link->name, link->element, &entry, &fresh));
    }
    if (split.count == 0)
        return SM_OK;
    SM_TRY(split_routes(model, xmlDocGetRootElement(model->document), &split));
    for (size_t i = 0; i < model->link_count; i++)
        if (sm_table_find(&split, model->links[i].name) != NULL)
            SM_TRY(split_link(model, &model->links[i]));
    return SM_OK;
}
