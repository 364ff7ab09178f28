/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/edit.c -- what an experiment changes in a platform, and goodput.
 *
 *   bandwidth: {"*eth*": 25Gbps, server3_eth: x0.1}
 *
 * Edits apply in the order written; a factor multiplies what stands there by then.
 */
#include <fnmatch.h>
#include <string.h>

#include "sim/platform/model.h"

/* An edit's value: a quantity, or a factor. */
struct change {
    double value;
    bool factor;
};

static enum sm_status
read_change(const struct sm_node *node, enum sm_unit unit, struct change *change)
{
    if (node->kind != SM_NODE_SCALAR)
        return sm_tree_fail(node, "expected %s, or a factor such as x2", sm_unit_expected(unit));
    change->factor = node->text[0] == 'x';
    const char *text = change->factor ? node->text + 1 : node->text;
    /* a bare 10 would be 10 bytes/s: surely not what was meant */
    bool bare = !change->factor && text[strspn(text, "+-.0123456789eE")] == '\0';
    if (bare || !sm_unit_parse(change->factor ? SM_UNIT_NONE : unit, text, &change->value))
        return sm_tree_fail(node, "'%s' is not %s, nor a factor such as x2", node->text,
                            sm_unit_expected(unit));
    if (!(change->value > 0))
        return sm_tree_fail(node, "'%s' must be greater than 0", node->text);
    return SM_OK;
}

static double
changed(const struct change *change, double old)
{
    return change->factor ? old * change->value : change->value;
}

/* Length of the longest piece of text that both hold: says more of a pattern than edit distance. */
static size_t
shared_length(const char *a, const char *b)
{
    size_t longest = 0;
    for (const char *x = a; *x != '\0'; x++)
        for (const char *y = b; *y != '\0'; y++) {
            size_t length = 0;
            while (x[length] != '\0' && x[length] == y[length])
                length++;
            if (length > longest)
                longest = length;
        }
    return longest;
}

static enum sm_status
no_match(struct sm_model *model, const struct sm_node *node, const char *what, size_t count,
         const char *(*name_of)(const struct sm_model *, size_t))
{
    const char *near = "none";
    for (size_t i = 0, best = 0; i < count; i++) {
        size_t length = shared_length(node->key, name_of(model, i));
        if (length > best) {
            best = length;
            near = name_of(model, i);
        }
    }
    return sm_tree_fail(node, "no %s of %s matches '%s'; the nearest is '%s'", what, model->file,
                        node->key, near);
}

static const char *
link_name(const struct sm_model *model, size_t i)
{
    return model->links[i].name;
}

static const char *
host_name(const struct sm_model *model, size_t i)
{
    return model->hosts[i].name;
}

static enum sm_status
edit_links(struct sm_model *model, const struct sm_node *node, bool latency)
{
    enum sm_unit unit = latency ? SM_UNIT_SECONDS : SM_UNIT_BANDWIDTH;
    struct change change;
    size_t matched = 0;
    SM_TRY(read_change(node, unit, &change));
    for (size_t i = 0; i < model->link_count; i++) {
        struct sm_model_link *link = &model->links[i];
        const char *key = latency ? link->latency_key : link->bandwidth_key;
        if (key == NULL || fnmatch(node->key, link->name, 0) != 0)
            continue;
        double *value = latency ? &link->latency : &link->bandwidth;
        *value = changed(&change, *value);
        SM_TRY(sm_model_write(model, link->element, key, unit, *value));
        matched++;
    }
    return matched > 0 ? SM_OK : no_match(model, node, "link", model->link_count, link_name);
}

/* The hosts of a <cluster> share one speed: a pattern takes all of them or none. */
static enum sm_status
edit_speeds(struct sm_model *model, const struct sm_node *node)
{
    struct change change;
    size_t matched = 0;
    SM_TRY(read_change(node, SM_UNIT_SPEED, &change));
    for (size_t first = 0, end; first < model->host_count; first = end) {
        struct sm_model_host *hosts = model->hosts;
        size_t hits = 0;
        for (end = first; end < model->host_count && hosts[end].element == hosts[first].element;
             end++)
            hits += fnmatch(node->key, hosts[end].name, 0) == 0;
        if (hits == 0)
            continue;
        if (hits < end - first)
            return sm_tree_fail(node,
                                "'%s' matches %zu of the %zu hosts that <%s id=\"%s\"> gives one "
                                "speed; expected all or none",
                                node->key, hits, end - first, hosts[first].element->name,
                                sm_model_attribute(hosts[first].element, "id"));
        double speed = changed(&change, hosts[first].speed);
        for (size_t i = first; i < end; i++)
            hosts[i].speed = speed;
        SM_TRY(sm_model_write(model, hosts[first].element, "speed", SM_UNIT_SPEED, speed));
        matched += hits;
    }
    return matched > 0 ? SM_OK : no_match(model, node, "host", model->host_count, host_name);
}

enum sm_status
sm_model_edit(struct sm_model *model, const struct sm_node *edits)
{
    static const char *const kinds[] = {"bandwidth", "latency", "speed"};
    for (size_t kind = 0; kind < 3; kind++) {
        const struct sm_node *map = sm_tree_get(edits, kinds[kind]);
        if (map != NULL && map->kind != SM_NODE_MAP)
            return sm_tree_fail(map, "expected patterns of %s names, as `\"*eth*\": %s`",
                                kind == 2 ? "host" : "link",
                                kind == 0   ? "25Gbps"
                                : kind == 1 ? "50us"
                                            : "x0.5");
        SM_NODE_EACH (node, map) {
            if (kind == 2)
                SM_TRY(edit_speeds(model, node));
            else
                SM_TRY(edit_links(model, node, kind == 1));
        }
    }
    return SM_OK;
}

enum sm_status
sm_model_apply_goodput(struct sm_model *model)
{
    for (size_t i = 0; i < model->link_count; i++) {
        const struct sm_model_link *link = &model->links[i];
        if (link->goodput < 1)
            SM_TRY(sm_model_write(model, link->element, link->bandwidth_key, SM_UNIT_BANDWIDTH,
                                  link->bandwidth * link->goodput));
    }
    return SM_OK;
}
