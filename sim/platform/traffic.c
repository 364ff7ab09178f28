/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/traffic.c -- flows of others on chosen links.
 *
 *   traffic: [{link: "*eth*", load: 0.3, bytes: 10MB}, {from: 0, to: 5, rate: 2Gbps}]
 *
 * A flow that is to cross one link only runs between two hosts made for it, whose route is that
 * link: k hosts have k (k - 1) routes. Between workers it takes theirs.
 */
#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#include "sim/platform/model.h"

const struct sm_param sm_traffic_params[] = {
    SM_PARAM_TEXT(struct sm_traffic_settings, link, "",
                  "pattern of link names; of a duplex link both directions, or NAME_UP, NAME_DOWN"),
    SM_PARAM(struct sm_traffic_settings, from, 0, 0, 1e9,
             "instead of link: worker that sends, over its whole route"),
    SM_PARAM(struct sm_traffic_settings, to, 0, 0, 1e9, "worker that receives"),
    SM_PARAM(struct sm_traffic_settings, load, 0, 0, 0.99,
             "share of the link's goodput that is asked for; or rate, or flows"),
    SM_PARAM_UNIT(struct sm_traffic_settings, rate, 0, 0, 1e18, SM_UNIT_BANDWIDTH,
                  "payload a second that is asked for"),
    SM_PARAM(struct sm_traffic_settings, flows, 0, 0, 1e4,
             "flows that always send, each as fast as its share lets it"),
    SM_PARAM_UNIT(struct sm_traffic_settings, bytes, 10e6, 1, 1e15, SM_UNIT_BYTES,
                  "mean size of a flow of load or rate"),
    SM_PARAM_UNIT(struct sm_traffic_settings, latency, 0, 0, 1e3, SM_UNIT_SECONDS,
                  "of the way that flows of a link take: shares are inverse to it, as TCP's; 0: "
                  "twice the link's, as over two NICs"),
    SM_PARAM_CHOICE(struct sm_traffic_settings, arrivals, "poisson", "poisson|constant",
                    "flows of exponential sizes at exponential gaps, or alike and evenly"),
    SM_PARAM_END,
};

struct traffic {
    struct sm_model *model;
    const struct sm_node *node; /* the entry */
    struct sm_traffic_settings settings;
    struct sm_platform_traffic *items;
    size_t count, capacity;
    xmlNodePtr zone;      /* of the hosts; NULL: none made yet */
    size_t hosts, routes; /* in it                             */
    bool bypass;          /* it knows no others                */
};

static enum sm_status
add_traffic(struct traffic *t, const char *from, const char *to, const char *link)
{
    const struct sm_traffic_settings *settings = &t->settings;
    if (t->count == t->capacity) {
        t->capacity = t->capacity == 0 ? 16 : 2 * t->capacity;
        struct sm_platform_traffic *items =
            sm_arena_alloc(t->model->arena, t->capacity, sizeof *items);
        if (items == NULL)
            return sm_model_no_memory(t->model);
        if (t->count > 0)
            memcpy(items, t->items, t->count * sizeof *items);
        t->items = items;
    }
    t->items[t->count++] = (struct sm_platform_traffic){
        .from = from,
        .to = to,
        .link = link,
        .rate = settings->rate,
        .load = settings->load,
        .bytes = settings->bytes,
        .flows = settings->flows,
        .random = settings->flows == 0 && strcmp(settings->arrivals, "poisson") == 0,
    };
    return SM_OK;
}

/* ---- one link ---- */

static xmlNodePtr
new_element(const char *name, const char *const *attributes)
{
    xmlNodePtr element = xmlNewNode(NULL, (const xmlChar *)name);
    for (size_t i = 0; element != NULL && attributes[i] != NULL; i += 2)
        if (xmlSetProp(element, (const xmlChar *)attributes[i],
                       (const xmlChar *)attributes[i + 1]) == NULL)
            return NULL;
    return element;
}

/* In front of the zone's first route, behind what routes may name. */
static bool
add_before_routes(xmlNodePtr zone, xmlNodePtr element)
{
    xmlNodePtr before = zone->children;
    while (before != NULL && sm_model_attribute(before, "dst") == NULL)
        before = before->next;
    return (before != NULL ? xmlAddPrevSibling(before, element) : xmlAddChild(zone, element)) !=
           NULL;
}

/* The hosts stand in the outermost zone; where that holds zones, which SimGrid lets hold no hosts,
 * in a zone of their own. */
static enum sm_status
find_zone(struct traffic *t)
{
    static const char *const attributes[] = {"id", "slowmo_traffic", "routing", "Full", NULL};
    xmlNodePtr outermost = xmlDocGetRootElement(t->model->document)->children;
    while (outermost != NULL && !sm_element_is_zone(outermost))
        outermost = outermost->next;
    const char *routing =
        outermost != NULL ? sm_model_attribute(outermost, "routing") : "that of a cluster";
    bool hosts = false;
    for (xmlNodePtr child = outermost != NULL ? outermost->children : NULL; child != NULL;
         child = child->next)
        hosts = hosts || sm_element_is(child, "host") || sm_element_is(child, "router");
    t->bypass = hosts && strcasecmp(routing, "Cluster") == 0;
    if (strcasecmp(routing, "Full") != 0 && strcasecmp(routing, "Floyd") != 0 &&
        strncasecmp(routing, "Dijkstra", 8) != 0 && !t->bypass)
        return sm_tree_fail(t->node,
                            "the outermost zone of %s has routing %s; traffic needs Full, Floyd or "
                            "Dijkstra there, or Cluster and hosts",
                            t->model->file, routing);
    t->zone = outermost;
    if (hosts)
        return SM_OK;
    t->zone = new_element("zone", attributes);
    return t->zone != NULL && add_before_routes(outermost, t->zone) ? SM_OK
                                                                    : sm_model_no_memory(t->model);
}

static enum sm_status
make_host(struct traffic *t)
{
    const char *name = sm_arena_printf(t->model->arena, "slowmo_traffic_%zu", t->hosts++);
    const char *const attributes[] = {"id", name, "speed", "1f", NULL};
    xmlNodePtr host = name != NULL ? new_element("host", attributes) : NULL;
    return host != NULL && add_before_routes(t->zone, host) ? SM_OK : sm_model_no_memory(t->model);
}

/* The rest of the way, which nobody else takes and where there is room for all. */
static enum sm_status
add_rest(struct traffic *t, xmlNodePtr route, double seconds)
{
    const char *name = sm_arena_printf(t->model->arena, "slowmo_traffic_rest_%zu", t->count);
    const char *latency = sm_arena_printf(t->model->arena, "%.17gs", seconds);
    const char *const attributes[] = {
        "id", name, "bandwidth", "1e18Bps", "latency", latency, "sharing_policy", "FATPIPE", NULL};
    const char *const hop[] = {"id", name, NULL};
    if (name == NULL || latency == NULL)
        return sm_model_no_memory(t->model);
    xmlNodePtr link = new_element("link", attributes), over = new_element("link_ctn", hop);
    if (link == NULL || over == NULL || !add_before_routes(t->zone, link) ||
        xmlAddChild(route, over) == NULL)
        return sm_model_no_memory(t->model);
    return SM_OK;
}

/* A route for the next two hosts: 1 to 0 and back, 2 to 0, 2 to 1, 3 to 0 ... */
static enum sm_status
load_link(struct traffic *t, const struct sm_model_link *link, const char *direction)
{
    const double rest =
        t->settings.latency > 0 ? t->settings.latency - link->latency : link->latency;
    if (rest < 0)
        return sm_tree_fail(sm_tree_get(t->node, "latency"),
                            "expected at least the latency of link '%s', %g s", link->name,
                            link->latency);
    if (t->zone == NULL)
        SM_TRY(find_zone(t));
    size_t larger = 1, smaller = t->routes / 2;
    const bool back = t->routes++ % 2 != 0;
    for (; smaller >= larger; larger++)
        smaller -= larger;
    while (t->hosts <= larger)
        SM_TRY(make_host(t));
    const char *from =
        sm_arena_printf(t->model->arena, "slowmo_traffic_%zu", back ? smaller : larger);
    const char *to =
        sm_arena_printf(t->model->arena, "slowmo_traffic_%zu", back ? larger : smaller);
    if (from == NULL || to == NULL)
        return sm_model_no_memory(t->model);
    const char *const ends[] = {"src", from, "dst", to, t->bypass ? NULL : "symmetrical",
                                "NO",  NULL};
    const char *const hop[] = {"id", link->name, direction != NULL ? "direction" : NULL, direction,
                               NULL};
    xmlNodePtr route = new_element(t->bypass ? "bypassRoute" : "route", ends),
               over = new_element("link_ctn", hop);
    if (route == NULL || over == NULL || xmlAddChild(route, over) == NULL ||
        xmlAddChild(t->zone, route) == NULL)
        return sm_model_no_memory(t->model);
    if (rest > 0)
        SM_TRY(add_rest(t, route, rest));
    const char *name = sm_arena_strdup(t->model->arena, link->name);
    return name != NULL ? add_traffic(t, from, to, name) : sm_model_no_memory(t->model);
}

static enum sm_status
load_links(struct traffic *t)
{
    static const char *const directions[] = {"UP", "DOWN"};
    const char *pattern = t->settings.link;
    const size_t before = t->count;
    for (size_t i = 0; i < t->model->link_count; i++) {
        const struct sm_model_link *link = &t->model->links[i];
        const bool all = fnmatch(pattern, link->name, 0) == 0;
        if (!sm_element_is(link->element, "link")) /* one line for many links of a cluster */
            continue;
        if (!link->duplex && all)
            SM_TRY(load_link(t, link, NULL));
        for (size_t d = 0; link->duplex && d < 2; d++) {
            const char *name = sm_arena_printf(t->model->arena, "%s_%s", link->name, directions[d]);
            if (name == NULL)
                return sm_model_no_memory(t->model);
            if (all || fnmatch(pattern, name, 0) == 0)
                SM_TRY(load_link(t, link, directions[d]));
        }
    }
    if (t->count == before)
        return sm_tree_fail(sm_tree_get(t->node, "link"), "no link of %s matches '%s'",
                            t->model->file, pattern);
    return SM_OK;
}

/* ---- all of it ---- */

static enum sm_status
check_entry(const struct traffic *t, size_t workers)
{
    const struct sm_traffic_settings *settings = &t->settings;
    const struct sm_node *from = sm_tree_get(t->node, "from"), *to = sm_tree_get(t->node, "to");
    if ((settings->load > 0) + (settings->rate > 0) + (settings->flows > 0) != 1)
        return sm_tree_fail(t->node, "expected one of load, rate and flows, greater than 0");
    if ((from != NULL) != (to != NULL) || (from != NULL) != (settings->link[0] == '\0'))
        return sm_tree_fail(t->node, "expected link, or from and to");
    if (from != NULL && settings->from >= workers)
        return sm_tree_fail(from, "there is no worker %zu, only 0..%zu", settings->from,
                            workers - 1);
    if (to != NULL && (settings->to >= workers || settings->to == settings->from))
        return sm_tree_fail(to, "expected another worker of 0..%zu", workers - 1);
    return SM_OK;
}

enum sm_status
sm_model_traffic(struct sm_model *model, const struct sm_node *edits, struct sm_platform *platform)
{
    const struct sm_node *entries = sm_tree_get(edits, "traffic");
    struct traffic t = {.model = model};
    if (entries != NULL && entries->kind != SM_NODE_LIST)
        return sm_tree_fail(entries, "expected a list, as `[{link: \"*eth*\", load: 0.3}]`");
    SM_NODE_EACH (node, entries) {
        t.node = node;
        if (node->kind != SM_NODE_MAP)
            return sm_tree_fail(node, "expected settings, as `{link: \"*eth*\", load: 0.3}`");
        SM_TRY(sm_param_bind(sm_traffic_params, &t.settings, node, NULL, model->arena));
        SM_TRY(check_entry(&t, platform->worker_count));
        if (t.settings.link[0] != '\0')
            SM_TRY(load_links(&t));
        else
            SM_TRY(add_traffic(&t, platform->workers[t.settings.from].hosts[0],
                               platform->workers[t.settings.to].hosts[0], NULL));
    }
    platform->traffic = t.items;
    platform->traffic_count = t.count;
    return SM_OK;
}
