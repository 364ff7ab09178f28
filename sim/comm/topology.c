/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/comm/topology.c -- communication graphs, static and changing with the step. */
#include "sim/comm/topology.h"

/* Adds `rank` to the list unless it is there already or is `self`. */
static size_t
add(size_t *list, size_t count, size_t rank, size_t self)
{
    for (size_t i = 0; i < count; i++)
        if (list[i] == rank)
            return count;
    if (rank != self)
        list[count++] = rank;
    return count;
}

static size_t
ahead(size_t size, size_t rank, size_t offset)
{
    return (rank + offset) % size;
}

static size_t
behind(size_t size, size_t rank, size_t offset)
{
    return (rank + size - offset % size) % size;
}

/* Offsets j (p+1)^e, j = 1..p, with e = step mod ceil(log_{p+1} size). */
static size_t
exponential_neighbours(size_t size, size_t peers, size_t rank, size_t step, size_t *list,
                       size_t (*move)(size_t, size_t, size_t))
{
    size_t base = peers + 1, levels = 0, stride = 1, count = 0;
    for (size_t reach = 1; reach < size; reach *= base)
        levels++;
    for (size_t e = levels > 0 ? step % levels : 0; e > 0; e--)
        stride *= base;
    for (size_t j = 1; j <= peers && size > 1; j++)
        count = add(list, count, move(size, rank, j * stride), rank);
    return count;
}

static size_t
exponential_out(size_t size, size_t peers, size_t rank, size_t step, size_t *to)
{
    return exponential_neighbours(size, peers, rank, step, to, ahead);
}

static size_t
exponential_in(size_t size, size_t peers, size_t rank, size_t step, size_t *from)
{
    return exponential_neighbours(size, peers, rank, step, from, behind);
}

const struct sm_topology sm_topology_exponential = {
    .about = {.name = "exponential",
              .doc = "directed; at step k to the p ranks j (p+1)^(k mod L) ahead, "
                     "L = ceil(log_(p+1) m); for m = (p+1)^L exact averaging after L steps",
              .source = "Assran et al., ICML 2019, arXiv:1811.10792, app. A"},
    .out = exponential_out,
    .in = exponential_in,
};

/* One peer: the directed ring; two: both neighbours. */
static size_t
ring_neighbours(size_t size, size_t peers, size_t rank, size_t *list, bool forward)
{
    size_t count = 0;
    if (forward || peers > 1)
        count = add(list, count, ahead(size, rank, 1), rank);
    if (!forward || peers > 1)
        count = add(list, count, behind(size, rank, 1), rank);
    return count;
}

static size_t
ring_out(size_t size, size_t peers, size_t rank, size_t step, size_t *to)
{
    (void)step;
    return ring_neighbours(size, peers, rank, to, true);
}

static size_t
ring_in(size_t size, size_t peers, size_t rank, size_t step, size_t *from)
{
    (void)step;
    return ring_neighbours(size, peers, rank, from, false);
}

const struct sm_topology sm_topology_ring = {
    .about = {.name = "ring",
              .doc = "the next rank (one peer), or both neighbours (two peers)",
              .source = "Lian et al., NeurIPS 2017, arXiv:1705.09056"},
    .out = ring_out,
    .in = ring_in,
};

static size_t
complete_out(size_t size, size_t peers, size_t rank, size_t step, size_t *to)
{
    (void)peers;
    (void)step;
    size_t count = 0;
    for (size_t offset = 1; offset < size; offset++)
        to[count++] = ahead(size, rank, offset);
    return count;
}

const struct sm_topology sm_topology_complete = {
    .about = {.name = "complete", .doc = "every other rank", .source = "the averaging matrix J"},
    .out = complete_out,
};

static enum sm_status
bipartite_check(size_t size, size_t peers)
{
    (void)peers;
    if (size % 2 != 0)
        return SM_FAIL(SM_ERR_INPUT,
                       "topology bipartite pairs even with odd ranks: %zu workers "
                       "is odd, expected an even number",
                       size);
    return SM_OK;
}

/* Even ranks reach forward by an odd offset 1, 1+2, 1+4, 1+8 ..., odd ranks back by the same. */
static size_t
bipartite_out(size_t size, size_t peers, size_t rank, size_t step, size_t *to)
{
    (void)peers;
    size_t levels = 1;
    while (((size_t)1 << levels) + 1 < size)
        levels++;
    size_t e = step % levels, offset = e == 0 ? 1 : 1 + ((size_t)1 << e);
    size_t peer = rank % 2 == 0 ? ahead(size, rank, offset) : behind(size, rank, offset);
    return add(to, 0, peer, rank);
}

const struct sm_topology sm_topology_bipartite = {
    .about = {.name = "bipartite",
              .doc = "pairs that change with the step: even ranks reach 1 or 1+2^e ahead; m even",
              .source =
                  "Assran et al., ICML 2019, arXiv:1811.10792, app. A; Lian et al., ICML 2018"},
    .check = bipartite_check,
    .out = bipartite_out,
};

/* Rows of the torus: the largest divisor of size that is at most its square root. */
static size_t
torus_out(size_t size, size_t peers, size_t rank, size_t step, size_t *to)
{
    (void)peers;
    (void)step;
    size_t rows = 1;
    for (size_t r = 1; r * r <= size; r++)
        if (size % r == 0)
            rows = r;
    size_t columns = size / rows, row = rank / columns, column = rank % columns, count = 0;
    count = add(to, count, row * columns + ahead(columns, column, 1), rank);
    count = add(to, count, row * columns + behind(columns, column, 1), rank);
    count = add(to, count, ahead(rows, row, 1) * columns + column, rank);
    return add(to, count, behind(rows, row, 1) * columns + column, rank);
}

const struct sm_topology sm_topology_torus = {
    .about = {.name = "torus",
              .doc = "up to four neighbours on the squarest two-dimensional torus",
              .source = "Koloskova et al., ICML 2019, arXiv:1902.00340"},
    .out = torus_out,
};

static const struct sm_plugin *const topologies[] = {
#define X(id) &sm_topology_##id.about,
    SM_TOPOLOGY_LIST(X)
#undef X
        NULL,
};

const struct sm_axis sm_axis_topology = {
    .name = "topology",
    .key = "algorithm.strategy.topology",
    .doc = "who sends to whom at which step",
    .initial = "exponential",
    .plugins = topologies,
};
