/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/route.c -- routes and connected traces name only what exists, and where it may be
 * named; the places they join are joined in the model. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "sim/platform/model.h"

/* Plain or bypass, in either spelling of version 4. */
static bool
is_zone_route(xmlNodePtr element)
{
    return strstr((const char *)element->name, "oneRoute") != NULL ||
           strstr((const char *)element->name, "ASroute") != NULL;
}

/* The link called NAME, or NAME_UP or NAME_DOWN: then *directed. */
static struct sm_entry *
find_wire(const struct sm_model *model, const char *name, bool *directed)
{
    char base[256];
    struct sm_entry *wire = sm_table_find(&model->wires, name);
    snprintf(base, sizeof base, "%s", name);
    char *cut = strrchr(base, '_');
    *directed =
        wire == NULL && cut != NULL && (strcmp(cut, "_UP") == 0 || strcmp(cut, "_DOWN") == 0);
    if (!*directed)
        return wire;
    *cut = '\0';
    return sm_table_find(&model->wires, base);
}

static enum sm_status
check_hop(struct sm_model *model, xmlNodePtr hop)
{
    const char *name = sm_model_attribute(hop, "id");
    const char *direction = sm_model_attribute(hop, "direction");
    char hint[320];
    bool directed;
    struct sm_entry *wire = find_wire(model, name, &directed);
    if (direction != NULL && strcmp(direction, "NONE") != 0) {
        if (directed) /* NAME_UP has no UP of its own */
            wire = NULL;
        directed = true;
    }
    if (wire == NULL)
        return sm_model_fail(model, hop, "no link is called '%s'%s", name,
                             sm_table_suggest(model, &model->wires, name, hint, sizeof hint));
    if (directed && !wire->duplex)
        return sm_model_fail(model, hop,
                             "link '%s' has no directions; expected sharing_policy=\"SPLITDUPLEX\" "
                             "on it, or no direction here",
                             wire->name);
    if (!directed && wire->duplex)
        return sm_model_fail(
            model, hop, "link '%s' is SPLITDUPLEX; expected direction=\"UP\" or \"DOWN\"", name);
    return SM_OK;
}

static bool
is_inside(xmlNodePtr element, xmlNodePtr zone)
{
    while (element != NULL && element != zone)
        element = element->parent;
    return element == zone;
}

/* The place the attribute names, which must lie in `zone`, directly where asked. */
static enum sm_status
check_end(struct sm_model *model, xmlNodePtr route, const char *key, xmlNodePtr zone, bool direct,
          struct sm_entry **end)
{
    const char *name = sm_model_attribute(route, key);
    char hint[320];
    *end = sm_table_find(&model->places, name);
    if (*end == NULL)
        return sm_model_fail(
            model, route, "%s=\"%s\" of <%s>: no host, router or zone has that name%s", key, name,
            route->name, sm_table_suggest(model, &model->places, name, hint, sizeof hint));
    xmlNodePtr element = (*end)->element;
    if (direct ? element->parent != zone : !is_inside(element, zone))
        return sm_model_fail(model, route, "%s=\"%s\" of <%s> is not in zone '%s' (see line %ld)",
                             key, name, route->name, sm_model_attribute(zone, "id"),
                             xmlGetLineNo(element));
    return SM_OK;
}

static enum sm_status
note_route(struct sm_model *model, xmlNodePtr route, const char *from, const char *to)
{
    struct sm_entry *entry;
    bool fresh;
    const char *key = sm_arena_printf(model->arena, "%s %s", from, to);
    if (key == NULL)
        return sm_model_no_memory(model);
    SM_TRY(sm_table_add(model, &model->routes, key, route, &entry, &fresh));
    if (!fresh)
        return sm_model_fail(model, route,
                             "the route from '%s' to '%s' stands on line %ld already (routes go "
                             "both ways unless symmetrical=\"NO\")",
                             from, to, xmlGetLineNo(entry->element));
    return SM_OK;
}

static bool
is_symmetrical(xmlNodePtr route)
{
    const char *symmetrical = sm_model_attribute(route, "symmetrical");
    return symmetrical == NULL || strcasecmp(symmetrical, "yes") == 0;
}

static enum sm_status
check_route(struct sm_model *model, xmlNodePtr route, xmlNodePtr zone)
{
    bool between_zones = is_zone_route(route);
    bool bypass = strncmp((const char *)route->name, "bypass", 6) == 0;
    struct sm_entry *src, *dst, *gw_src = NULL, *gw_dst = NULL;
    SM_TRY(check_end(model, route, "src", zone, !bypass, &src));
    SM_TRY(check_end(model, route, "dst", zone, !bypass, &dst));
    if (between_zones) {
        SM_TRY(check_end(model, route, "gw_src", src->element, false, &gw_src));
        SM_TRY(check_end(model, route, "gw_dst", dst->element, false, &gw_dst));
    }
    size_t hops = 0;
    for (xmlNodePtr hop = route->children; hop != NULL; hop = hop->next)
        if (hop->type == XML_ELEMENT_NODE) {
            SM_TRY(check_hop(model, hop));
            hops++;
        }
    if (hops == 0)
        return sm_model_fail(model, route, "the route from '%s' to '%s' has no <link_ctn>",
                             src->name, dst->name);
    if (bypass)
        return SM_OK;
    SM_TRY(note_route(model, route, src->name, dst->name));
    if (src != dst && is_symmetrical(route))
        SM_TRY(note_route(model, route, dst->name, src->name));
    sm_entry_join(between_zones ? gw_src : src, between_zones ? gw_dst : dst);
    return SM_OK;
}

static enum sm_status
check_trace(struct sm_model *model, xmlNodePtr connect)
{
    const char *trace = sm_model_attribute(connect, "trace");
    const char *target = sm_model_attribute(connect, "element");
    const char *kind = sm_model_attribute(connect, "kind");
    if (kind == NULL)
        kind = "HOST_AVAIL";
    if (sm_table_find(&model->traces, trace) == NULL)
        return sm_model_fail(model, connect, "no <trace> is called '%s'", trace);
    if (strcmp(kind, "HOST_AVAIL") != 0 && strcmp(kind, "SPEED") != 0)
        return sm_model_fail(model, connect,
                             "kind=\"%s\": SimGrid 3.32 connects no trace to a link; expected "
                             "bandwidth_file, latency_file or state_file on the link",
                             kind);
    struct sm_entry *place = sm_table_find(&model->places, target), *entry;
    if (place == NULL || sm_element_is(place->element, "router") ||
        sm_element_is_zone(place->element))
        return sm_model_fail(model, connect, "kind=\"%s\": no host is called '%s'", kind, target);
    bool fresh;
    /* SimGrid would forget the second */
    const char *key = sm_arena_printf(model->arena, "%s %s", kind, trace);
    if (key == NULL)
        return sm_model_no_memory(model);
    SM_TRY(sm_table_add(model, &model->connections, key, connect, &entry, &fresh));
    if (!fresh)
        return sm_model_fail(model, connect,
                             "trace '%s' is connected on line %ld already; expected a <trace> for "
                             "each",
                             trace, xmlGetLineNo(entry->element));
    if (strcmp(kind, "SPEED") == 0)
        place->varies = true;
    else
        place->dies = true;
    return SM_OK;
}

static bool
is_star(xmlNodePtr zone)
{
    return sm_element_is_zone(zone) &&
           strcasecmp(sm_model_attribute(zone, "routing"), "Cluster") == 0;
}

/* One direction of a host's link: a link, or one half of a SPLITDUPLEX one. */
static enum sm_status
check_half(struct sm_model *model, xmlNodePtr element, const char *key)
{
    const char *name = sm_model_attribute(element, key);
    char hint[320];
    bool directed;
    struct sm_entry *wire = find_wire(model, name, &directed);
    if (wire == NULL || (directed && !wire->duplex))
        return sm_model_fail(model, element, "%s=\"%s\" of <host_link>: no link has that name%s",
                             key, name,
                             sm_table_suggest(model, &model->wires, name, hint, sizeof hint));
    if (!directed && wire->duplex)
        return sm_model_fail(model, element,
                             "%s=\"%s\" of <host_link>: the link is SPLITDUPLEX; expected %s_UP or "
                             "%s_DOWN",
                             key, name, name, name);
    return SM_OK;
}

static enum sm_status
check_host_link(struct sm_model *model, xmlNodePtr element, xmlNodePtr zone)
{
    const char *name = sm_model_attribute(element, "id");
    char hint[320];
    struct sm_entry *host = sm_table_find(&model->places, name);
    if (!is_star(zone))
        return sm_model_fail(model, element,
                             "<host_link> in zone '%s'; expected routing=\"Cluster\" on the zone",
                             sm_model_attribute(zone, "id"));
    if (host == NULL || host->element->parent != zone || !sm_element_is(host->element, "host"))
        return sm_model_fail(model, element,
                             "id=\"%s\" of <host_link>: no host of the zone has that name%s", name,
                             sm_table_suggest(model, &model->places, name, hint, sizeof hint));
    if (host->linked)
        return sm_model_fail(model, element, "host '%s' has a second <host_link>", name);
    host->linked = true;
    SM_TRY(check_half(model, element, "up"));
    return check_half(model, element, "down");
}

/* SimGrid would take a host without a link as one at no distance, and dies of a zone or a route. */
static enum sm_status
check_star(struct sm_model *model, xmlNodePtr zone)
{
    for (xmlNodePtr child = zone->children; child != NULL; child = child->next) {
        if (child->type != XML_ELEMENT_NODE)
            continue;
        if (sm_element_is_zone(child) || sm_element_is(child, "cluster"))
            return sm_model_fail(model, child,
                                 "zone '%s' in zone '%s': one with routing=\"Cluster\" holds hosts "
                                 "only",
                                 sm_model_attribute(child, "id"), sm_model_attribute(zone, "id"));
        if (sm_element_is(child, "route") &&
            strcmp(sm_model_attribute(child, "src"), sm_model_attribute(child, "dst")) != 0)
            return sm_model_fail(model, child,
                                 "<route> in zone '%s' with routing=\"Cluster\"; expected "
                                 "<host_link>, or <bypassRoute>",
                                 sm_model_attribute(zone, "id"));
        if (sm_element_is(child, "host") &&
            !sm_table_find(&model->places, sm_model_attribute(child, "id"))->linked)
            return sm_model_fail(model, child, "host '%s' has no <host_link>",
                                 sm_model_attribute(child, "id"));
    }
    return SM_OK;
}

/* Whether a zone with routing Full lacks routes between zones in it. */
static bool
has_gaps(xmlNodePtr zone)
{
    size_t zones = 0, routes = 0;
    if (!sm_element_is_zone(zone) || strcasecmp(sm_model_attribute(zone, "routing"), "Full") != 0)
        return false;
    for (xmlNodePtr child = zone->children; child != NULL; child = child->next) {
        if (child->type != XML_ELEMENT_NODE)
            continue;
        zones += sm_element_is_zone(child) || sm_element_is(child, "cluster");
        if (is_zone_route(child) && strncmp((const char *)child->name, "bypass", 6) != 0 &&
            strcmp(sm_model_attribute(child, "src"), sm_model_attribute(child, "dst")) != 0)
            routes += 1 + (size_t)is_symmetrical(child);
    }
    return zones > 1 && routes < zones * (zones - 1);
}

enum sm_status
sm_model_check_routes(struct sm_model *model, xmlNodePtr zone)
{
    model->gaps = model->gaps || has_gaps(zone);
    for (xmlNodePtr child = zone->children; child != NULL; child = child->next) {
        if (child->type != XML_ELEMENT_NODE)
            continue;
        if (sm_element_is_zone(child))
            SM_TRY(sm_model_check_routes(model, child));
        else if (is_zone_route(child) || sm_element_is(child, "route") ||
                 sm_element_is(child, "bypassRoute"))
            SM_TRY(check_route(model, child, zone));
        else if (sm_element_is(child, "trace_connect"))
            SM_TRY(check_trace(model, child));
        else if (sm_element_is(child, "host_link"))
            SM_TRY(check_host_link(model, child, zone));
    }
    return is_star(zone) ? check_star(model, zone) : SM_OK;
}
