/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/read.c -- names, quantities and profile files of a platform file. */
#include <ctype.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "sim/base/text.h"
#include "sim/platform/model.h"

enum { MOST_CLUSTER_HOSTS = 1000000 };

/* Attributes that hold a number with a unit; all must be > 0. SimGrid starves a flow whose route
 * has no latency, and takes a negative speed without a word. */
static const struct quantity {
    const char *element, *key;
    enum sm_unit unit;
} quantities[] = {
    {"host", "speed", SM_UNIT_SPEED},         {"peer", "speed", SM_UNIT_SPEED},
    {"cluster", "speed", SM_UNIT_SPEED},      {"cabinet", "speed", SM_UNIT_SPEED},
    {"link", "bandwidth", SM_UNIT_BANDWIDTH}, {"backbone", "bandwidth", SM_UNIT_BANDWIDTH},
    {"cluster", "bw", SM_UNIT_BANDWIDTH},     {"cabinet", "bw", SM_UNIT_BANDWIDTH},
    {"cluster", "bb_bw", SM_UNIT_BANDWIDTH},  {"cluster", "loopback_bw", SM_UNIT_BANDWIDTH},
    {"peer", "bw_in", SM_UNIT_BANDWIDTH},     {"peer", "bw_out", SM_UNIT_BANDWIDTH},
    {"disk", "read_bw", SM_UNIT_BANDWIDTH},   {"disk", "write_bw", SM_UNIT_BANDWIDTH},
    {"link", "latency", SM_UNIT_SECONDS},     {"backbone", "latency", SM_UNIT_SECONDS},
    {"cluster", "lat", SM_UNIT_SECONDS},      {"cabinet", "lat", SM_UNIT_SECONDS},
};

bool
sm_element_is(xmlNodePtr element, const char *name)
{
    return strcmp((const char *)element->name, name) == 0;
}

bool
sm_element_is_zone(xmlNodePtr element)
{
    return sm_element_is(element, "zone") || sm_element_is(element, "AS");
}

enum sm_status
sm_model_fail(const struct sm_model *model, xmlNodePtr element, const char *format, ...)
{
    char message[SM_ERROR_LENGTH];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return SM_FAIL(SM_ERR_INPUT, "%s:%ld: %s", model->file, xmlGetLineNo(element), message);
}

enum sm_status
sm_model_no_memory(const struct sm_model *model)
{
    return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for the platform", model->file);
}

const char *
sm_model_attribute(xmlNodePtr element, const char *key)
{
    for (xmlAttrPtr a = element->properties; a != NULL; a = a->next)
        if (strcmp((const char *)a->name, key) == 0)
            return a->children != NULL && a->children->content != NULL
                       ? (const char *)a->children->content
                       : "";
    return NULL;
}

bool
sm_model_has(xmlNodePtr element, const char *key)
{
    const char *text = sm_model_attribute(element, key);
    return text != NULL && text[0] != '\0';
}

const char *
sm_model_property(xmlNodePtr element, const char *key, xmlNodePtr *prop)
{
    for (xmlNodePtr child = element->children; child != NULL; child = child->next)
        if (child->type == XML_ELEMENT_NODE && sm_element_is(child, "prop") &&
            strcmp(sm_model_attribute(child, "id"), key) == 0) {
            if (prop != NULL)
                *prop = child;
            return sm_model_attribute(child, "value");
        }
    return NULL;
}

/* ---- names ---- */

static enum sm_status
add_unique(struct sm_model *model, struct sm_table *table, const char *name, xmlNodePtr element,
           struct sm_entry **entry)
{
    bool fresh;
    if (name[0] == '\0')
        return sm_model_fail(model, element, "<%s> has an empty name", element->name);
    SM_TRY(sm_table_add(model, table, name, element, entry, &fresh));
    if (!fresh)
        return sm_model_fail(model, element, "'%s' is defined twice; it stands on line %ld already",
                             name, xmlGetLineNo((*entry)->element));
    return SM_OK;
}

/* Room for one more in an array that doubles; *items moves. */
static bool
make_room(struct sm_arena *arena, void **items, size_t count, size_t size)
{
    if (count != 0 && (count & (count - 1)) != 0)
        return true;
    void *larger = sm_arena_alloc(arena, count == 0 ? 1 : 2 * count, size);
    if (larger == NULL)
        return false;
    if (count > 0)
        memcpy(larger, *items, count * size);
    *items = larger;
    return true;
}

/* ---- quantities ---- */

/* The `index`-th entry of a comma-separated list into text; false behind the last. */
static bool
list_entry(const char *list, size_t index, char *text, size_t size)
{
    while (index-- > 0) {
        list = strchr(list, ',');
        if (list == NULL)
            return false;
        list++;
    }
    list += strspn(list, " ");
    snprintf(text, size, "%.*s", (int)strcspn(list, ","), list);
    for (size_t end = strlen(text); end > 0 && text[end - 1] == ' '; end--)
        text[end - 1] = '\0';
    return true;
}

/* Checks every entry; *first = the first, which counts until somebody changes the pstate. */
static enum sm_status
read_quantity(struct sm_model *model, xmlNodePtr element, const char *key, enum sm_unit unit,
              double *first)
{
    const char *list = sm_model_attribute(element, key);
    char text[128];
    for (size_t i = 0; list_entry(list, i, text, sizeof text); i++) {
        double value;
        if (!sm_unit_parse(unit, text, &value))
            return sm_model_fail(model, element, "%s=\"%s\" of <%s> is not %s", key, list,
                                 element->name, sm_unit_expected(unit));
        if (!(value > 0))
            return sm_model_fail(model, element, "%s=\"%s\" of <%s> must be greater than 0%s", key,
                                 list, element->name,
                                 unit == SM_UNIT_SECONDS ? " (1ns will do)" : "");
        if (i == 0)
            *first = value;
    }
    return SM_OK;
}

enum sm_status
sm_model_write(struct sm_model *model, xmlNodePtr element, const char *key, enum sm_unit unit,
               double first)
{
    const char *list = sm_model_attribute(element, key);
    const char *suffix = unit == SM_UNIT_SPEED ? "f" : unit == SM_UNIT_SECONDS ? "s" : "Bps";
    char entry[128], *text = NULL;
    double old_first = 0;
    for (size_t i = 0; list_entry(list, i, entry, sizeof entry); i++) {
        double value = first;
        if (i == 0)
            sm_unit_parse(unit, entry, &old_first);
        else if (sm_unit_parse(unit, entry, &value))
            value *= first / old_first;
        text = sm_arena_printf(model->arena, "%s%s%.17g%s", text != NULL ? text : "",
                               text != NULL ? "," : "", value, suffix);
        if (text == NULL)
            return sm_model_no_memory(model);
    }
    if (xmlSetProp(element, (const xmlChar *)key, (const xmlChar *)text) == NULL)
        return sm_model_no_memory(model);
    return SM_OK;
}

/* Everything is handed on in SI units, so that SimGrid never meets a spelling it does not know. */
static enum sm_status
read_quantities(struct sm_model *model, xmlNodePtr element)
{
    for (size_t i = 0; i < sizeof quantities / sizeof quantities[0]; i++) {
        const struct quantity *q = &quantities[i];
        double first = 0;
        if (!sm_element_is(element, q->element) || sm_model_attribute(element, q->key) == NULL)
            continue;
        SM_TRY(read_quantity(model, element, q->key, q->unit, &first));
        SM_TRY(sm_model_write(model, element, q->key, q->unit, first));
    }
    return SM_OK;
}

static double
quantity_of(xmlNodePtr element, const char *key, enum sm_unit unit)
{
    double value = 0;
    char text[128];
    list_entry(sm_model_attribute(element, key), 0, text, sizeof text);
    sm_unit_parse(unit, text, &value);
    return value;
}

/* ---- profile files ---- */

enum { DEEPEST_FOLDER = 40, BITS = 20 };

/* The name SimGrid is given for a profile file, from any current folder. SimGrid 3.32 cannot open
 * an absolute name (it opens it once more for every folder of its path, which fails) and refuses
 * to read one name twice: so enough "../" to reach the root, and `number` in idle "./" or ".//". */
static void
name_for_simgrid(const char *absolute, size_t number, char *name, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < DEEPEST_FOLDER && used < size; i++)
        used += (size_t)snprintf(name + used, size - used, "../");
    for (size_t bit = 0; bit < BITS && used < size; bit++)
        used += (size_t)snprintf(name + used, size - used, number >> bit & 1 ? ".//" : "./");
    if (used < size)
        snprintf(name + used, size - used, "%s", absolute + 1);
}

/* The XML is loaded from memory, so what it names must not depend on where it stood. */
static enum sm_status
read_file_reference(struct sm_model *model, xmlNodePtr element, const char *key)
{
    const char *name = sm_model_attribute(element, key);
    if (name[0] == '\0')
        return SM_OK;
    char path[PATH_MAX] = "", real[PATH_MAX], given[2 * PATH_MAX], *text;
    size_t length;
    if (name[0] != '/' && model->folder != NULL)
        snprintf(path, sizeof path, "%s/%s", model->folder, name);
    if (path[0] == '\0' || access(path, R_OK) != 0) /* as SimGrid: then the working folder */
        snprintf(path, sizeof path, "%s", name);
    if (access(path, R_OK) != 0 || realpath(path, real) == NULL)
        return sm_model_fail(model, element, "%s=\"%s\" of <%s>: no such readable file", key, name,
                             element->name);
    SM_TRY(sm_text_read_file(model->arena, real, &text, &length));
    SM_TRY(sm_model_check_profile(model, path, key, text));
    model->files_hash = sm_hash(text, length, model->files_hash);
    model->varies = true;
    name_for_simgrid(real, model->file_count++, given, sizeof given);
    if (xmlSetProp(element, (const xmlChar *)key, (const xmlChar *)given) == NULL)
        return sm_model_no_memory(model);
    return SM_OK;
}

static enum sm_status
read_file_references(struct sm_model *model, xmlNodePtr element)
{
    static const char *const keys[] = {"bandwidth_file",    "latency_file", "speed_file",
                                       "availability_file", "state_file",   NULL};
    for (const char *const *key = keys; *key != NULL; key++)
        if (sm_model_attribute(element, *key) != NULL)
            SM_TRY(read_file_reference(model, element, *key));
    if (sm_element_is(element, "trace")) {
        model->varies = true;
        if (sm_model_attribute(element, "file") != NULL)
            SM_TRY(read_file_reference(model, element, "file"));
    }
    return SM_OK;
}

/* ---- elements ---- */

static enum sm_status
add_host(struct sm_model *model, xmlNodePtr element, const char *name, struct sm_entry **place)
{
    SM_TRY(add_unique(model, &model->places, name, element, place));
    if (!make_room(model->arena, (void **)&model->hosts, model->host_count, sizeof *model->hosts))
        return sm_model_no_memory(model);
    model->hosts[model->host_count++] = (struct sm_model_host){
        .name = name,
        .element = element,
        .speed = quantity_of(element, "speed", SM_UNIT_SPEED),
        .worker = sm_model_property(element, "worker", NULL),
        .device = sm_model_property(element, "device", NULL),
        .rings = sm_model_property(element, "rings", NULL),
        .rails = sm_model_property(element, "rails", NULL),
        .group = sm_model_property(element, "group", NULL),
        .collective = sm_model_property(element, "collective", NULL),
    };
    return SM_OK;
}

static bool
is_duplex(xmlNodePtr element)
{
    const char *policy = sm_model_attribute(element, "sharing_policy");
    if (policy == NULL)
        return sm_element_is(element, "cluster");
    return strcmp(policy, "SPLITDUPLEX") == 0 || strcmp(policy, "FULLDUPLEX") == 0;
}

static enum sm_status
read_goodput(struct sm_model *model, xmlNodePtr element, double *goodput)
{
    xmlNodePtr prop;
    const char *text = sm_model_property(element, "goodput", &prop);
    *goodput = 1;
    if (text == NULL)
        return SM_OK;
    if (!sm_unit_parse(SM_UNIT_NONE, text, goodput) || !(*goodput > 0 && *goodput <= 1))
        return sm_model_fail(model, prop,
                             "goodput \"%s\" is not a share of the bandwidth in (0, 1]", text);
    return SM_OK;
}

static enum sm_status
add_link(struct sm_model *model, xmlNodePtr element, const char *name, const char *bandwidth_key,
         const char *latency_key)
{
    if (!make_room(model->arena, (void **)&model->links, model->link_count, sizeof *model->links))
        return sm_model_no_memory(model);
    struct sm_model_link *link = &model->links[model->link_count++];
    *link = (struct sm_model_link){
        .name = name,
        .element = element,
        .bandwidth_key = bandwidth_key,
        .latency_key = latency_key,
        .bandwidth = quantity_of(element, bandwidth_key, SM_UNIT_BANDWIDTH),
        .duplex = is_duplex(element) && strcmp(bandwidth_key, "bb_bw") != 0,
    };
    if (latency_key != NULL)
        link->latency = quantity_of(element, latency_key, SM_UNIT_SECONDS);
    return read_goodput(model, element, &link->goodput);
}

static enum sm_status
read_link(struct sm_model *model, xmlNodePtr element)
{
    struct sm_entry *wire;
    const char *name = sm_model_attribute(element, "id");
    SM_TRY(add_unique(model, &model->wires, name, element, &wire));
    wire->duplex = is_duplex(element);
    if (sm_model_attribute(element, "latency") == NULL)
        return sm_model_fail(model, element,
                             "link '%s' has no latency; it must be greater than 0 (1ns will do)",
                             name);
    return add_link(model, element, name, "bandwidth", "latency");
}

/* One host of a <cluster> or <cabinet>, with the link that SimGrid makes for it. */
static enum sm_status
add_member(struct sm_model *model, xmlNodePtr element, size_t number, struct sm_entry *hub)
{
    const char *name =
        sm_arena_printf(model->arena, "%s%zu%s", sm_model_attribute(element, "prefix"), number,
                        sm_model_attribute(element, "suffix"));
    const char *link =
        sm_arena_printf(model->arena, "%s_link_%zu", sm_model_attribute(element, "id"), number);
    if (name == NULL || link == NULL)
        return sm_model_no_memory(model);
    struct sm_entry *place, *wire;
    SM_TRY(add_host(model, element, name, &place));
    sm_entry_join(place, hub);
    SM_TRY(add_unique(model, &model->wires, link, element, &wire));
    wire->duplex = is_duplex(element);
    return SM_OK;
}

/* radical="0-7,9": numbers and ranges. */
static enum sm_status
add_members(struct sm_model *model, xmlNodePtr element, struct sm_entry *hub)
{
    const char *radical = sm_model_attribute(element, "radical"), *text = radical;
    for (size_t members = 0;;) {
        char *end;
        unsigned long first = isdigit((unsigned char)*text) ? strtoul(text, &end, 10) : ULONG_MAX;
        unsigned long last = first;
        if (first != ULONG_MAX && *end == '-' && isdigit((unsigned char)end[1]))
            last = strtoul(end + 1, &end, 10);
        if (first == ULONG_MAX || last < first || (*end != ',' && *end != '\0'))
            return sm_model_fail(model, element,
                                 "radical=\"%s\" is not a list of numbers and ranges such as 0-7,9",
                                 radical);
        members += last - first + 1;
        if (last - first >= MOST_CLUSTER_HOSTS || members > MOST_CLUSTER_HOSTS)
            return sm_model_fail(model, element, "radical=\"%s\" makes more than %d hosts", radical,
                                 MOST_CLUSTER_HOSTS);
        for (unsigned long i = first; i <= last; i++)
            SM_TRY(add_member(model, element, i, hub));
        if (*end == '\0')
            return SM_OK;
        text = end + 1;
    }
}

/* The product of the first numbers of `count` groups that `separator` parts, e.g. 4 * 3 of
 * "4,2;3,1"; all numbers of each group where `all`. 0 where there is something else. */
static double
product(const char *text, char separator, size_t count, bool all)
{
    double total = 1;
    for (size_t i = 0; i < count; i++) {
        for (bool first = true;; first = false) {
            char *end;
            double number = isdigit((unsigned char)*text) ? strtod(text, &end) : 0;
            if (!(number >= 1))
                return 0;
            total *= first || all ? number : 1;
            text = end;
            if (*text != ',' || separator == ',')
                break;
            text++;
        }
        if (*text != (i + 1 < count ? separator : '\0'))
            return 0;
        text += i + 1 < count;
    }
    return total;
}

/* Hosts that topo_parameters ask for; 0 where they are not of the topology's form. */
static double
hosts_of_topology(const char *topology, const char *text)
{
    if (strcmp(topology, "TORUS") == 0) { /* 4,4,2 */
        size_t dimensions = 1;
        for (const char *c = text; *c != '\0'; c++)
            dimensions += *c == ',';
        return product(text, ',', dimensions, true);
    }
    if (strcmp(topology, "DRAGONFLY") == 0) /* groups,links;chassis,links;routers,links;nodes */
        return product(text, ';', 4, false);
    const char *levels = strchr(text, ';'); /* levels;down;up;parallel */
    char down[128];
    if (levels == NULL)
        return 0;
    snprintf(down, sizeof down, "%.*s", (int)strcspn(levels + 1, ";"), levels + 1);
    return product(down, ';', 1, true);
}

/* SimGrid dies, or leaves hosts out, where the two do not agree. */
static enum sm_status
check_topology(struct sm_model *model, xmlNodePtr element, size_t hosts)
{
    const char *topology = sm_model_attribute(element, "topology");
    const char *text = sm_model_attribute(element, "topo_parameters");
    if (topology == NULL || strcmp(topology, "FLAT") == 0)
        return SM_OK;
    double expected = text != NULL ? hosts_of_topology(topology, text) : 0;
    if (expected < 1)
        return sm_model_fail(model, element, "topo_parameters=\"%s\" of a %s cluster: expected %s",
                             text != NULL ? text : "", topology,
                             strcmp(topology, "TORUS") == 0       ? "its sizes, as 4,4,2"
                             : strcmp(topology, "DRAGONFLY") == 0 ? "groups, chassis, routers "
                                                                    "and nodes, as 2,1;2,1;2,1;4"
                                                                  : "levels, hosts, uplinks and "
                                                                    "cables, as 2;8,8;1,4;1,1");
    if ((double)hosts != expected)
        return sm_model_fail(model, element,
                             "topo_parameters=\"%s\" make %.0f hosts, radical makes %zu", text,
                             expected, hosts);
    return SM_OK;
}

static enum sm_status
read_cluster(struct sm_model *model, xmlNodePtr element)
{
    const char *id = sm_model_attribute(element, "id");
    const char *router = sm_model_attribute(element, "router_id");
    struct sm_entry *zone, *gate, *backbone;
    SM_TRY(add_unique(model, &model->places, id, element, &zone));
    if (sm_element_is(element, "cluster")) {
        if (router == NULL || router[0] == '\0')
            router = sm_arena_printf(model->arena, "%s%s_router%s",
                                     sm_model_attribute(element, "prefix"), id,
                                     sm_model_attribute(element, "suffix"));
        if (router == NULL)
            return sm_model_no_memory(model);
        SM_TRY(add_unique(model, &model->places, router, element, &gate));
        sm_entry_join(gate, zone);
    }
    size_t before = model->host_count;
    SM_TRY(add_members(model, element, zone));
    SM_TRY(check_topology(model, element, model->host_count - before));

    const char *link = sm_arena_printf(model->arena, "%s_link", id);
    const char *trunk = sm_arena_printf(model->arena, "%s_backbone", id);
    if (link == NULL || trunk == NULL)
        return sm_model_no_memory(model);
    SM_TRY(add_link(model, element, link, "bw", "lat"));
    if (sm_model_attribute(element, "bb_bw") == NULL)
        return SM_OK;
    SM_TRY(add_unique(model, &model->wires, trunk, element, &backbone));
    return add_link(model, element, trunk, "bb_bw", NULL);
}

static enum sm_status
check_routing(struct sm_model *model, xmlNodePtr zone)
{
    static const char *const known[] = {
        "Full",    "Floyd", "Dijkstra",         "DijkstraCache",  "None",         "Vivaldi",
        "Cluster", "Wifi",  "ClusterDragonfly", "ClusterFatTree", "ClusterTorus", NULL};
    const char *routing = sm_model_attribute(zone, "routing");
    for (const char *const *name = known; *name != NULL; name++)
        if (strcasecmp(routing, *name) == 0)
            return SM_OK;
    char list[256];
    return sm_model_fail(model, zone, "routing=\"%s\" is not one of %s", routing,
                         sm_text_join(list, sizeof list, known));
}

static bool
routes_are_listed(xmlNodePtr zone)
{
    const char *routing = sm_model_attribute(zone, "routing");
    return strcasecmp(routing, "Full") == 0 || strcasecmp(routing, "Floyd") == 0 ||
           strncasecmp(routing, "Dijkstra", 8) == 0;
}

static enum sm_status
read_elements(struct sm_model *model, xmlNodePtr parent, struct sm_entry *zone)
{
    for (xmlNodePtr child = parent->children; child != NULL; child = child->next) {
        if (child->type != XML_ELEMENT_NODE)
            continue;
        SM_TRY(read_quantities(model, child));
        SM_TRY(read_file_references(model, child));
        struct sm_entry *place = NULL;
        const char *id = sm_model_attribute(child, "id");
        if (sm_element_is_zone(child)) {
            SM_TRY(check_routing(model, child));
            SM_TRY(add_unique(model, &model->places, id, child, &place));
            SM_TRY(read_elements(model, child, place));
        } else if (sm_element_is(child, "host") || sm_element_is(child, "peer")) {
            SM_TRY(add_host(model, child, id, &place));
            SM_TRY(read_elements(model, child, NULL)); /* disks */
        } else if (sm_element_is(child, "router")) {
            SM_TRY(add_unique(model, &model->places, id, child, &place));
        } else if (sm_element_is(child, "cluster") || sm_element_is(child, "cabinet")) {
            SM_TRY(read_cluster(model, child));
            place = sm_table_find(&model->places, id);
        } else if (sm_element_is(child, "link") || sm_element_is(child, "backbone")) {
            SM_TRY(read_link(model, child));
        } else if (sm_element_is(child, "trace")) {
            struct sm_entry *trace;
            SM_TRY(add_unique(model, &model->traces, id, child, &trace));
        }
        /* where routes are computed from coordinates or a topology, all members reach each other */
        if (zone != NULL && place != NULL && !routes_are_listed(zone->element))
            sm_entry_join(place, zone);
    }
    return SM_OK;
}

/* ---- all of it ---- */

static enum sm_status
check_root(struct sm_model *model, xmlNodePtr root)
{
    const char *version = sm_model_attribute(root, "version");
    if (strcmp(version, "4") != 0 && strcmp(version, "4.0") != 0 && strcmp(version, "4.1") != 0)
        return sm_model_fail(model, root,
                             "version=\"%s\" is not the platform format 4.1 (simgrid_update_xml "
                             "brings older files up to date)",
                             version);
    if (xmlSetProp(root, (const xmlChar *)"version", (const xmlChar *)"4.1") == NULL)
        return sm_model_no_memory(model);
    xmlNodePtr first = NULL;
    for (xmlNodePtr child = root->children; child != NULL; child = child->next) {
        if (child->type != XML_ELEMENT_NODE)
            continue;
        if (sm_element_is(child, "config"))
            SM_TRY(sm_model_config(model, child));
        if (!sm_element_is_zone(child) && !sm_element_is(child, "cluster"))
            continue;
        if (first != NULL)
            return sm_model_fail(model, child,
                                 "a second outermost zone (the first is on line %ld); expected one "
                                 "that holds the others",
                                 xmlGetLineNo(first));
        first = child;
    }
    return first != NULL ? SM_OK : sm_model_fail(model, root, "the platform holds no zone");
}

enum sm_status
sm_model_read(struct sm_model *model)
{
    xmlNodePtr root = xmlDocGetRootElement(model->document);
    SM_TRY(check_root(model, root));
    SM_TRY(read_elements(model, root, NULL));
    if (model->host_count == 0)
        return sm_model_fail(model, root, "the platform holds no host");
    return sm_model_check_routes(model, root);
}
