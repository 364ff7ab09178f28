/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/link_class.c -- links of one pattern with the same values are one class. */
#include <string.h>

#include "sim/base/text.h"
#include "sim/platform/describing.h"

enum { MOST_LINKS = 64 }; /* classes, beside those that are drawn */

static bool
same_values(const struct sm_graph_wire *a, const struct sm_graph_wire *b)
{
    return a->bandwidth == b->bandwidth && a->down == b->down && a->goodput == b->goodput &&
           a->latency == b->latency && a->duplex == b->duplex && a->shared == b->shared &&
           a->varies == b->varies && a->dies == b->dies && a->busy == b->busy;
}

/* The class of links like that one; SM_NOWHERE: not there, and no room for one more. */
static enum sm_status
find_class(struct sm_describing *d, const struct sm_graph_wire *wire, bool room, size_t *found)
{
    char name[SM_DESCRIBED_NAME];
    const char *own = wire->link != SM_NOWHERE ? d->platform->links[wire->link].name : wire->name;
    sm_text_class(own, name, sizeof name);
    for (*found = 0; *found < d->link_count; ++*found)
        if (same_values(&d->links[*found].like, wire) && strcmp(d->links[*found].name, name) == 0)
            return SM_OK;
    if (!room) {
        *found = SM_NOWHERE;
        return SM_OK;
    }
    SM_TRY(sm_graph_room(d->arena, &d->links, d->link_count, &d->link_capacity, sizeof *d->links));
    d->links[d->link_count] = (struct sm_described_link){.like = *wire};
    strcpy(d->links[d->link_count++].name, name);
    return SM_OK;
}

enum sm_status
sm_describing_class(struct sm_describing *d, size_t wire, size_t *found)
{
    return find_class(d, &d->graph.wires[wire], true, found);
}

static enum sm_status
count_link(struct sm_describing *d, const struct sm_graph_wire *wire)
{
    size_t found;
    SM_TRY(find_class(d, wire, d->link_count < MOST_LINKS, &found));
    if (found == SM_NOWHERE)
        d->more++;
    else
        d->links[found].count++;
    return SM_OK;
}

/* Of a link that stands for those of a cluster, the ways say how many there are. */
enum sm_status
sm_describing_count(struct sm_describing *d)
{
    const struct sm_platform *platform = d->platform;
    for (size_t i = 0; i < platform->link_count; i++) {
        const struct sm_platform_link *link = &platform->links[i];
        struct sm_graph_wire wire = {.name = link->name,
                                     .link = i,
                                     .bandwidth = link->bandwidth,
                                     .down = link->bandwidth,
                                     .goodput = link->goodput,
                                     .latency = link->latency,
                                     .duplex = link->duplex,
                                     .shared = link->shared,
                                     .varies = link->varies,
                                     .dies = link->dies};
        if (d->wire_of[i] != SM_NOWHERE && link->stands)
            continue;
        if (d->wire_of[i] != SM_NOWHERE)
            wire = d->graph.wires[d->wire_of[i]];
        SM_TRY(count_link(d, &wire));
    }
    for (size_t w = 0; w < d->graph.wire_count; w++) {
        const struct sm_graph_wire *wire = &d->graph.wires[w];
        if (wire->link != SM_NOWHERE && !platform->links[wire->link].stands)
            continue;
        SM_TRY(count_link(d, wire));
    }
    return SM_OK;
}

enum sm_status
sm_describing_wires(struct sm_describing *d)
{
    const size_t links = d->platform->link_count;
    d->wire_of = sm_arena_alloc(d->arena, links, sizeof *d->wire_of);
    if (d->wire_of == NULL)
        return sm_graph_no_memory(&d->graph);
    for (size_t i = 0; i < links; i++)
        d->wire_of[i] = SM_NOWHERE;
    for (size_t w = 0; w < d->graph.wire_count; w++)
        if (d->graph.wires[w].link != SM_NOWHERE)
            d->wire_of[d->graph.wires[w].link] = w;
    return SM_OK;
}
