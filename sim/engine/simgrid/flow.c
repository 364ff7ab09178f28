/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/engine/simgrid/flow.c -- a ring as one flow an edge.
 *
 * The flow carries the bytes of all steps, and the latency of the steps after the first is slept.
 * collective/fluid.h says what is left of an edge's messages when the last rank joins. That plan
 * counts with the speed of an idle link, so where speeds change while time passes, where others use
 * a link of the ring, or two of its edges share one, there are no flows. As long as nothing else
 * travels the plan tells the end, and the flows are only slept through; the first message has what
 * is left of them played.
 */
#include <math.h>

#include "sim/collective/fluid.h"
#include "sim/engine/simgrid/world.h"

/* An idle route. */
struct wire {
    double latency, bandwidth;
};

struct flows {
    struct sm_fluid_edge *edges; /* (size) edge r-1 -> r */
    struct wire *wires;          /* (size, rails) of the routes r-1 -> r */
    double *work;                /* (3 size) */
    /* where nothing else is on the links the flows need not be played to know their end */
    bool shared;        /* with the devices inside some worker */
    bool alone;         /* when the last rank joined           */
    double alone_until; /* when it ends if it stays so         */
    bool was_disturbed;
    sg_sem_t disturbed; /* then: a permit for each rank */
};

static size_t
rank_before(const struct world *world, size_t r)
{
    return r > 0 ? r - 1 : world->size - 1;
}

/* Puts `mark` on the links of the edge into rank r; true when one bears it that has to be shared.
 */
static bool
mark_edge(const struct world *world, size_t r, void *mark)
{
    const size_t before = rank_before(world, r);
    bool shared = false;
    for (size_t i = 0; i < world->rails; i++) {
        sg_link_t *links;
        const size_t hops = sm_simgrid_route(world, sm_simgrid_rail_host(world, before, i),
                                             sm_simgrid_rail_host(world, r, i), &links);
        for (size_t k = 0; k < hops; k++) {
            shared = shared || (sg_link_get_data(links[k]) != NULL && sg_link_is_shared(links[k]));
            sg_link_set_data(links[k], mark);
        }
    }
    return shared;
}

/* Whether two edges of the ring use one link that they would have to share. */
static bool
edges_share_links(struct world *world)
{
    bool shared = false;
    for (size_t r = 0; !shared && r < world->size; r++)
        shared = mark_edge(world, r, world);
    for (size_t r = 0; r < world->size; r++)
        mark_edge(world, r, NULL);
    return shared;
}

/* Whether others use a link of the ring. */
static bool
edges_busy(const struct world *world)
{
    bool busy = false;
    for (size_t r = 0; !busy && r < world->size; r++)
        for (size_t i = 0; !busy && i < world->rails; i++)
            busy = sm_simgrid_busy(world, sm_simgrid_rail_host(world, rank_before(world, r), i),
                                   sm_simgrid_rail_host(world, r, i));
    return busy;
}

bool
sm_simgrid_flows_fit(struct world *world)
{
    const struct sm_platform *platform = world->request->platform;
    return !platform->varies && platform->settings == NULL && !edges_share_links(world) &&
           !edges_busy(world);
}

enum sm_status
sm_simgrid_flows_init(struct world *world)
{
    const size_t size = world->size, rails = world->rails;
    struct flows *flows = sm_arena_zalloc(world->arena, 1, sizeof *flows);
    if (flows == NULL ||
        (flows->wires = sm_arena_alloc(world->arena, size * rails, sizeof *flows->wires)) == NULL ||
        (flows->edges = sm_arena_zalloc(world->arena, size, sizeof *flows->edges)) == NULL ||
        (flows->work = sm_arena_alloc(world->arena, 3 * size, sizeof *flows->work)) == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for the all-reduces of %zu ranks", size);
    for (size_t r = 0; r < size; r++)
        for (size_t i = 0; i < rails; i++) {
            sg_host_t from = sm_simgrid_rail_host(world, rank_before(world, r), i),
                      to = sm_simgrid_rail_host(world, r, i);
            flows->wires[r * rails + i] = (struct wire){sg_host_get_route_latency(from, to),
                                                        sg_host_get_route_bandwidth(from, to)};
        }
    for (size_t r = 0; r < world->rank_count; r++)
        flows->shared =
            flows->shared || (world->ranks[r].worker->devices > 1 && world->ranks[r].kind == NULL);
    flows->disturbed = sg_sem_init(0);
    world->flows = flows;
    return SM_OK;
}

void
sm_simgrid_flows_fini(struct world *world)
{
    if (world->flows != NULL)
        sg_sem_destroy(world->flows->disturbed);
}

/* Seconds of `count` messages of `chunk` bytes each over the idle edge into rank r: as messages one
 * after the other, or as one flow a rail, which has its latency once and is not staged. */
static double
edge_seconds(const struct world *world, size_t r, double chunk, double count, bool flow)
{
    double longest = 0;
    for (size_t i = 0; i < world->rails; i++) {
        const struct wire *wire = &world->flows->wires[r * world->rails + i];
        double part = sm_simgrid_part(world, chunk, i);
        double travel = part / world->transport.collective_efficiency / wire->bandwidth;
        longest = fmax(
            longest, flow ? wire->latency + count * travel
                          : count * (wire->latency + 2 * world->transport.staging * part + travel));
    }
    return longest;
}

struct sm_collective_network
sm_simgrid_edge(const struct world *world, size_t r)
{
    const double many = 1e12, latency = world->flows->wires[r * world->rails].latency;
    return (struct sm_collective_network){
        latency, many / (edge_seconds(world, r, many, 1, false) - latency)};
}

/* Seconds that the messages which are left need and their flows do not. */
static double
beside_flow(const struct world *world, size_t r, double chunk)
{
    const struct sm_fluid_edge *edge = &world->flows->edges[r];
    const double remaining = edge->remaining;
    if (world->rails == 1)
        return edge->pause + (remaining - 1) * world->flows->wires[r].latency +
               remaining * (2 * world->transport.staging * chunk);
    return edge->pause + remaining * edge->message - edge_seconds(world, r, chunk, remaining, true);
}

/* When the flows end that begin now, if nothing else travels. */
static void
look_ahead(struct world *world, double chunk)
{
    double longest = 0;
    for (size_t r = 0; r < world->size; r++)
        longest =
            fmax(longest, edge_seconds(world, r, chunk, world->flows->edges[r].remaining, true) +
                              fmax(0, beside_flow(world, r, chunk)));
    world->flows->alone = world->in_flight == 0 && !world->flows->shared;
    world->flows->alone_until = world->all_there + longest;
    world->flows->was_disturbed = false;
}

void
sm_simgrid_disturb(struct world *world)
{
    static const double hardly = 1e-9; /* seconds before the end that need no playing */
    struct flows *flows = world->flows;
    if (flows == NULL || !flows->alone || flows->was_disturbed ||
        simgrid_get_clock() >= flows->alone_until - hardly)
        return;
    flows->was_disturbed = true;
    for (size_t r = 0; r < world->size; r++)
        sg_sem_release(flows->disturbed);
}

void
sm_simgrid_flow_joins(const struct rank *rank)
{
    if (rank->world->flows != NULL)
        rank->world->flows->edges[rank->comm.rank].arrival = simgrid_get_clock();
}

void
sm_simgrid_flows_plan(struct world *world, size_t steps, double chunk)
{
    struct flows *flows = world->flows;
    for (size_t r = 0; r < world->size; r++)
        flows->edges[r].message = edge_seconds(world, r, chunk, 1, false);
    sm_fluid_plan(world->size, steps, flows->edges, flows->work);
    look_ahead(world, chunk);
}

/* Of the flow into rank r, `elapsed` seconds after it began on an idle link: the share of its bytes
 * that is left; *spent: seconds of its latency that are over, or that it would have once more. */
static double
flow_left(const struct world *world, size_t r, double chunk, double elapsed, double *spent)
{
    const double latency = world->flows->wires[r * world->rails].latency;
    const double travel =
        edge_seconds(world, r, chunk, world->flows->edges[r].remaining, true) - latency;
    *spent = fmin(elapsed, latency);
    if (elapsed <= latency)
        return 1;
    return travel > elapsed - latency ? 1 - (elapsed - latency) / travel : 0;
}

enum sm_status
sm_simgrid_flow_play(struct rank *rank, double chunk)
{
    struct world *world = rank->world;
    struct flows *flows = world->flows;
    size_t r = rank->comm.rank, size = world->size, next = (r + 1) % size;
    sg_barrier_wait(world->barrier); /* the plan is made when the last rank arrives */
    double now = simgrid_get_clock();
    if (flows->alone && flows->alone_until > now &&
        sg_sem_acquire_timeout(flows->disturbed, flows->alone_until - now))
        return SM_OK;
    double elapsed = simgrid_get_clock() - world->all_there, spent;
    double bytes = flows->edges[next].remaining * chunk / world->transport.collective_efficiency *
                   flow_left(world, next, chunk, elapsed, &spent);
    SM_TRY(sm_simgrid_post_step(rank, next, round(bytes), rank_before(world, r), 0, &rank->flow));
    SM_TRY(sm_simgrid_await(rank, &rank->receipts[--rank->receipt_count]));
    flow_left(world, r, chunk, elapsed, &spent);
    double later = beside_flow(world, r, chunk) - spent;
    if (later > 0)
        sg_actor_sleep_for(later);
    sg_barrier_wait(world->barrier); /* it ends for all when its slowest edge is done */
    if (rank->flow != NULL)
        sg_comm_wait(rank->flow);
    return SM_OK;
}
