/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/describe.c -- see describe.h.
 *
 * The graph of all devices and links (graph.h) is folded until it can be drawn (describing.h), and
 * what is left is written.
 */
#include "sim/platform/describe.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/text.h"
#include "sim/platform/describing.h"

enum { VERSION = 1, MOST_GROUPS = 32, MOST_TRAFFIC = 16, RANKS = 96 };

/* ---- values ---- */

static void
write_number(FILE *out, const char *key, double value)
{
    char text[SM_TEXT_DOUBLE];
    fprintf(out, ",\"%s\":%s", key, isfinite(value) ? sm_text_double(value, text) : "null");
}

static void
write_range(FILE *out, const char *key, const double range[2])
{
    char text[2][SM_TEXT_DOUBLE];
    fprintf(out, ",\"%s\":[%s,%s]", key, sm_text_double(range[0], text[0]),
            sm_text_double(range[1], text[1]));
}

static void
write_flag(FILE *out, const char *key, bool value)
{
    if (value)
        fprintf(out, ",\"%s\":true", key);
}

/* -1 for SM_NOWHERE */
static void
write_index(FILE *out, size_t index)
{
    if (index == SM_NOWHERE)
        fputs("-1", out);
    else
        fprintf(out, "%zu", index);
}

/* "0-2,4-31": the workers of which list[w] is `index`. */
static void
write_ranks(FILE *out, const size_t *list, size_t count, size_t index)
{
    char text[RANKS] = "";
    size_t used = 0;
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first + 1; end < count && list[end] == list[first]; end++)
            ;
        if (list[first] != index)
            continue;
        char piece[48];
        snprintf(piece, sizeof piece, end - first > 1 ? "%s%zu-%zu" : "%s%zu", used > 0 ? "," : "",
                 first, end - 1);
        if (used + strlen(piece) + 5 > sizeof text) {
            strcpy(text + used, ", ...");
            break;
        }
        strcpy(text + used, piece);
        used += strlen(piece);
    }
    fputs(",\"ranks\":", out);
    sm_text_json(text, out);
}

/* ---- workers ---- */

static enum sm_status
write_kind(struct sm_describing *d, size_t index, FILE *out)
{
    const struct sm_described_kind *kind = &d->kinds[index];
    const struct sm_platform_worker *worker = &d->platform->workers[kind->worker];
    fprintf(out, "%s{\"count\":%zu", index > 0 ? "," : "", kind->count);
    write_ranks(out, d->kind_of, d->graph.workers, index);
    fputs(",\"name\":", out);
    sm_text_json(worker->hosts[0], out);
    fprintf(out, ",\"devices\":%zu", worker->devices);
    if (d->coarse && kind->least < kind->most) {
        write_range(out, "speeds", (const double[]){kind->least, kind->most});
        write_flag(out, "range", true);
    } else {
        char text[SM_TEXT_DOUBLE];
        const size_t list = kind->least < kind->most ? worker->devices : 1;
        for (size_t s = 0; s < list; s++)
            fprintf(out, "%s%s", s == 0 ? ",\"speeds\":[" : ",",
                    sm_text_double(worker->speeds[s], text));
        fputc(']', out);
    }
    fprintf(out, ",\"points\":%zu,\"edges\":[", d->points[kind->worker]);
    const bool known = !d->graph.contradicts;
    for (size_t e = d->first[kind->worker]; known && e < d->first[kind->worker + 1]; e++) {
        const struct sm_described_edge *edge = &d->edges[e];
        size_t link = SM_NOWHERE;
        if (edge->wire != SM_NOWHERE)
            SM_TRY(sm_describing_class(d, edge->wire, &link));
        fprintf(out, "%s[%zu,%zu,", e > d->first[kind->worker] ? "," : "", edge->ends[0],
                edge->ends[1]);
        write_index(out, link);
        fputc(']', out);
    }
    fputs("],\"rails\":[", out);
    for (size_t r = 0; r < worker->rail_count; r++)
        fprintf(out, "%s%zu", r > 0 ? "," : "", worker->rails[r]);
    fprintf(out, "],\"rings\":%zu", worker->ring_count);
    write_flag(out, "trees", worker->trees);
    write_flag(out, "varies", worker->varies);
    write_flag(out, "dies", worker->dies);
    fputc('}', out);
    return SM_OK;
}

/* ---- between workers ---- */

static size_t
point_of(const struct sm_describing *d, size_t vertex)
{
    size_t n = d->graph.device_count;
    while (d->vertices[n] != vertex)
        n++;
    return n;
}

static enum sm_status
write_node(struct sm_describing *d, size_t index, FILE *out)
{
    const struct sm_described_node *node = &d->nodes[index];
    fprintf(out, "%s{\"count\":%zu", index > 0 ? "," : "", node->count);
    if (node->vertex < d->graph.workers) {
        fprintf(out, ",\"kind\":%zu", d->kind_of[node->vertex]);
        write_ranks(out, d->node_of, d->graph.workers, index);
    } else if (d->hubs[point_of(d, node->vertex)] != SM_NOWHERE) {
        size_t link;
        SM_TRY(sm_describing_class(d, d->hubs[point_of(d, node->vertex)], &link));
        fprintf(out, ",\"hub\":%zu", link);
    }
    fputc('}', out);
    return SM_OK;
}

static enum sm_status
write_fold(struct sm_describing *d, size_t index, FILE *out)
{
    const struct sm_described_fold *fold = &d->folds[index];
    const size_t *n = fold->nodes;
    size_t link = SM_NOWHERE;
    if (fold->wire != SM_NOWHERE)
        SM_TRY(sm_describing_class(d, fold->wire, &link));
    fprintf(out, "%s{\"a\":%zu,\"b\":%zu,\"ports\":[", index > 0 ? "," : "", n[0], n[1]);
    write_index(out, fold->ports[0]);
    fputc(',', out);
    write_index(out, fold->ports[1]);
    fputs("],\"link\":", out);
    write_index(out, link);
    const size_t ends = n[0] == n[1] && fold->ports[0] == fold->ports[1] ? 2 : 1;
    fprintf(out, ",\"each\":[%zu,%zu]", ends * fold->total / d->nodes[n[0]].count,
            ends * fold->total / d->nodes[n[1]].count);
    if (d->coarse && fold->bandwidth[0] < fold->bandwidth[1])
        write_range(out, "bandwidth", fold->bandwidth);
    if (d->coarse && fold->latency[0] < fold->latency[1])
        write_range(out, "latency", fold->latency);
    fputc('}', out);
    return SM_OK;
}

/* The groups of the workers, in the order of the first of each; MOST_GROUPS + 1: more. */
static size_t
find_groups(const struct sm_describing *d, size_t *groups)
{
    size_t count = 0;
    for (size_t w = 0; w < d->graph.workers; w++) {
        size_t g = 0;
        while (g < count && groups[g] != d->platform->workers[w].group)
            g++;
        if (g == MOST_GROUPS)
            return MOST_GROUPS + 1;
        if (g == count)
            groups[count++] = d->platform->workers[w].group;
    }
    return count;
}

static void
write_site(const struct sm_describing *d, size_t group, FILE *out)
{
    size_t inside[SM_DESCRIBED_NODES] = {0}, workers = 0, written = 0;
    for (size_t w = 0; w < d->graph.workers; w++)
        if (d->platform->workers[w].group == group) {
            inside[d->node_of[w]]++;
            workers++;
        }
    for (size_t n = d->graph.device_count; n < d->graph.node_count; n++)
        if (d->graph.owners[n] == SM_NOWHERE && d->graph.sites[n] == group)
            inside[d->node_of[d->vertices[n]]]++;
    fprintf(out, "{\"group\":%zu,\"workers\":%zu,\"nodes\":[", group, workers);
    for (size_t n = 0; n < d->node_count; n++)
        if (inside[n] > 0)
            fprintf(out, "%s[%zu,%zu]", written++ > 0 ? "," : "", n, inside[n]);
    fputs("]}", out);
}

static enum sm_status
write_network(struct sm_describing *d, FILE *out)
{
    size_t groups[MOST_GROUPS];
    fputs(",\"nodes\":[", out);
    for (size_t n = 0; n < d->node_count; n++)
        SM_TRY(write_node(d, n, out));
    fputs("],\"edges\":[", out);
    for (size_t f = 0; f < d->fold_count; f++)
        SM_TRY(write_fold(d, f, out));
    fputc(']', out);
    const size_t count = find_groups(d, groups);
    if (count < 2 || count > MOST_GROUPS)
        return SM_OK;
    for (size_t g = 0; g < count; g++) {
        fputs(g == 0 ? ",\"sites\":[" : ",", out);
        write_site(d, groups[g], out);
    }
    fputc(']', out);
    return SM_OK;
}

/* ---- links and their traffic ---- */

static void
write_links(const struct sm_describing *d, FILE *out)
{
    fputs(",\"links\":[", out);
    for (size_t i = 0; i < d->link_count; i++) {
        const struct sm_described_link *link = &d->links[i];
        fprintf(out, "%s{\"name\":", i > 0 ? "," : "");
        sm_text_json(link->name, out);
        fprintf(out, ",\"count\":%zu", link->count);
        write_number(out, "bandwidth", link->like.bandwidth);
        if (link->like.down != link->like.bandwidth)
            write_number(out, "down", link->like.down);
        write_number(out, "goodput", link->like.goodput);
        write_number(out, "latency", link->like.latency);
        write_flag(out, "duplex", link->like.duplex);
        write_flag(out, "unshared", !link->like.shared);
        write_flag(out, "varies", link->like.varies);
        write_flag(out, "dies", link->like.dies);
        write_flag(out, "busy", link->like.busy);
        fputc('}', out);
    }
    fputc(']', out);
    if (d->more > 0)
        fprintf(out, ",\"more\":%zu", d->more);
}

static bool
same_traffic(const struct sm_platform_traffic *a, const struct sm_platform_traffic *b)
{
    return a->rate == b->rate && a->load == b->load && a->flows == b->flows &&
           a->bytes == b->bytes && a->random == b->random && (a->link == NULL) == (b->link == NULL);
}

static void
write_traffic(const struct sm_describing *d, FILE *out)
{
    const struct sm_platform *platform = d->platform;
    size_t kinds[MOST_TRAFFIC], counts[MOST_TRAFFIC] = {0}, count = 0;
    for (size_t i = 0; i < platform->traffic_count; i++) {
        size_t k = 0;
        while (k < count && !same_traffic(&platform->traffic[kinds[k]], &platform->traffic[i]))
            k++;
        if (k == MOST_TRAFFIC)
            continue;
        if (k == count)
            kinds[count++] = i;
        counts[k]++;
    }
    for (size_t k = 0; k < count; k++) {
        const struct sm_platform_traffic *traffic = &platform->traffic[kinds[k]];
        fprintf(out, "%s{\"%s\":%zu", k == 0 ? ",\"traffic\":[" : ",",
                traffic->link != NULL ? "ways" : "routes", counts[k]);
        if (traffic->load > 0)
            write_number(out, "load", traffic->load);
        if (traffic->rate > 0)
            write_number(out, "rate", traffic->rate);
        if (traffic->flows > 0)
            fprintf(out, ",\"flows\":%zu", traffic->flows);
        else
            write_number(out, "bytes", traffic->bytes);
        write_flag(out, "random", traffic->random);
        fputs(k + 1 < count ? "}" : "}]", out);
    }
}

/* ---- all ---- */

static enum sm_status
write_all(struct sm_describing *d, FILE *out)
{
    const struct sm_platform *platform = d->platform;
    size_t devices = 0;
    for (size_t w = 0; w < d->graph.workers; w++)
        devices += platform->workers[w].devices;
    fprintf(out, "{\"version\":%d,\"file\":", VERSION);
    sm_text_json(platform->file, out);
    fprintf(out, ",\"workers\":%zu,\"devices\":%zu", platform->file_workers, devices);
    if (d->graph.workers < platform->file_workers)
        fprintf(out, ",\"sampled\":%zu", d->graph.workers);
    write_flag(out, "irregular", d->irregular);
    write_flag(out, "coarse", d->coarse);
    write_flag(out, "gaps", platform->gaps);
    write_flag(out, "contradicts", d->graph.contradicts);
    write_flag(out, "varies", platform->varies);
    for (const char *const *s = platform->settings; s != NULL && *s != NULL; s++) {
        fputs(s == platform->settings ? ",\"settings\":[" : ",", out);
        sm_text_json(*s, out);
        if (s[1] == NULL)
            fputc(']', out);
    }
    fputs(",\"kinds\":[", out);
    for (size_t k = 0; k < d->kind_count; k++)
        SM_TRY(write_kind(d, k, out));
    fputc(']', out);
    size_t others = d->graph.workers;
    for (size_t k = 0; k < d->kind_count; k++)
        others -= d->kinds[k].count;
    if (others > 0)
        fprintf(out, ",\"others\":%zu", others);
    if (!d->irregular && !platform->gaps && !d->graph.contradicts)
        SM_TRY(write_network(d, out));
    SM_TRY(sm_describing_count(d)); /* last: those that are drawn have their places by now */
    write_links(d, out);
    write_traffic(d, out);
    fputc('}', out);
    return SM_OK;
}

static enum sm_status
write_description(struct sm_describing *d, const char **json)
{
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (out == NULL)
        return sm_graph_no_memory(&d->graph);
    enum sm_status status = write_all(d, out);
    if (fclose(out) != 0 && status == SM_OK)
        status = sm_graph_no_memory(&d->graph);
    if (status == SM_OK && (*json = sm_arena_strndup(d->arena, text, length)) == NULL)
        status = sm_graph_no_memory(&d->graph);
    free(text);
    return status;
}

enum sm_status
sm_platform_describe(const struct sm_platform *platform, const struct sm_routes *routes,
                     struct sm_arena *arena, const char **json)
{
    struct sm_describing *d = sm_arena_zalloc(arena, 1, sizeof *d);
    if (d == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory to describe the platform", platform->file);
    d->arena = arena;
    d->platform = platform;
    SM_TRY(sm_graph_build(&d->graph, platform, routes, arena));
    SM_TRY(sm_describing_wires(d));
    SM_TRY(sm_describing_fold(d));
    return write_description(d, json);
}
