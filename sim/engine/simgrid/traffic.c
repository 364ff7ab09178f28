/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/engine/simgrid/traffic.c -- flows of others that share links with the run's messages.
 *
 * Each entry is two actors, one on each of two hosts: one lets flows go, the other takes in what
 * has come. A flow begins when it is let go, for the mailbox has a permanent receiver. All end with
 * the run. SimGrid knows that a run has stalled when nothing happens any more; here something
 * always does, so the actors look whether a rank could still get somewhere.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/rng.h"
#include "sim/engine/simgrid/world.h"

/* An entry of the platform's list. */
struct source {
    struct world *world;
    const struct sm_platform_traffic *flow;
    char name[32]; /* of the mailbox */
    sg_host_t from, to;
    double gap; /* seconds between flows, on average */
    struct sm_rng *rng;
    sg_sem_t arrived; /* one of those that always send */
};

struct traffic {
    struct source *sources; /* (platform->traffic_count)           */
    sg_link_t *busy;        /* (busy_count) links it uses, by their address */
    size_t busy_count;
};

/* One that always sends: hours, then the next. */
static const double endless_bytes = 1e13;

static bool
all_wait(const struct world *world)
{
    for (size_t r = 0; r < world->rank_count; r++)
        if (world->waiting[r].kind == SM_WAIT_NOT)
            return false;
    return true;
}

/* Much longer than any message takes: all ranks' largest ones over the slowest link, beside a
 * hundred flows. */
static double
patience(const struct world *world)
{
    const struct sm_platform *platform = world->request->platform;
    double slowest = HUGE_VAL, flows = 100;
    for (size_t i = 0; i < platform->link_count; i++)
        slowest = fmin(slowest, platform->links[i].bandwidth * platform->links[i].goodput);
    for (size_t i = 0; i < platform->traffic_count; i++)
        flows += (double)platform->traffic[i].flows;
    return 1 + flows * (double)world->rank_count * world->largest / slowest;
}

/* Whether the flows go on. */
static bool
goes_on(struct world *world)
{
    double waited = simgrid_get_clock() - world->moved;
    if (!world->failed && waited > 1 && all_wait(world) && waited > patience(world)) {
        SM_FAIL(SM_ERR_STALLED, "nothing but traffic has moved since %.6g s", world->moved);
        sm_simgrid_fail(world);
    }
    return !world->failed;
}

/* Seconds or bytes. */
static double
draw(const struct source *source, double mean)
{
    return source->rng != NULL ? -mean * log1p(-sm_rng_uniform(source->rng)) : mean;
}

static void
send_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct source *source = sg_actor_self_get_data();
    const struct sm_platform_traffic *flow = source->flow;
    sg_actor_daemonize(sg_actor_self());
    sg_actor_yield(); /* the receiver is there */
    sg_mailbox_t box = sg_mailbox_by_name(source->name);
    for (size_t i = 1; i < flow->flows; i++)
        sm_simgrid_send(box, NULL, endless_bytes);
    for (double next = simgrid_get_clock(); goes_on(source->world);) {
        if (flow->flows == 0) {
            next += draw(source, source->rng != NULL ? source->gap : 0);
            sg_actor_sleep_until(next);
            next += source->rng != NULL ? 0 : source->gap;
        }
        if (!sm_simgrid_sends(source->to))
            return;
        sm_simgrid_send(box, NULL,
                        flow->flows > 0 ? endless_bytes : ceil(draw(source, flow->bytes)));
        if (flow->flows > 0)
            sg_sem_acquire(source->arrived);
    }
}

static void
receive_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct source *source = sg_actor_self_get_data();
    sg_actor_daemonize(sg_actor_self());
    sg_mailbox_set_receiver(source->name);
    sg_mailbox_t box = sg_mailbox_by_name(source->name);
    for (;;) {
        void *nothing;
        const bool came = sg_comm_wait(sg_mailbox_get_async(box, &nothing)) == SG_OK;
        if (source->flow->flows == 0)
            continue;
        if (!came) /* its link is down: the next tries again */
            sg_actor_sleep_for(0.1);
        sg_sem_release(source->arrived);
    }
}

static int
by_address(const void *a, const void *b)
{
    const sg_link_t *x = a, *y = b;
    return (uintptr_t)*x < (uintptr_t)*y ? -1 : (uintptr_t)*x > (uintptr_t)*y;
}

/* Counts the links of all routes, and where there is room writes them down. */
static size_t
list_links(const struct world *world, sg_link_t *links)
{
    size_t count = 0;
    for (size_t i = 0; i < world->request->platform->traffic_count; i++) {
        sg_link_t *route;
        const size_t hops = sm_simgrid_route(world, world->traffic->sources[i].from,
                                             world->traffic->sources[i].to, &route);
        for (size_t k = 0; k < hops; k++, count++)
            if (links != NULL)
                links[count] = route[k];
    }
    return count;
}

/* Payload a second that an entry of `load` or `rate` asks for. */
static double
rate_of(const struct source *source)
{
    const struct sm_platform_traffic *flow = source->flow;
    return flow->load > 0 ? flow->load * sg_host_get_route_bandwidth(source->from, source->to)
                          : flow->rate;
}

static enum sm_status
source_start(struct world *world, size_t i)
{
    struct source *source = &world->traffic->sources[i];
    const struct sm_platform_traffic *flow = &world->request->platform->traffic[i];
    *source = (struct source){.world = world,
                              .flow = flow,
                              .from = sg_host_by_name(flow->from),
                              .to = sg_host_by_name(flow->to)};
    snprintf(source->name, sizeof source->name, "traffic %zu", i);
    source->gap = flow->flows > 0 ? 0 : flow->bytes / rate_of(source);
    source->arrived = sg_sem_init(0);
    if (flow->random && (source->rng = sm_rng_create(world->arena, world->request->seed,
                                                     SM_RNG_TRAFFIC, i)) == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for traffic");
    sg_actor_t receiver = sg_actor_init("traffic", source->to);
    sg_actor_set_data(receiver, source);
    sg_actor_start(receiver, receive_main, 0, NULL);
    sg_actor_t sender = sg_actor_init("traffic", source->from);
    sg_actor_set_data(sender, source);
    sg_actor_start(sender, send_main, 0, NULL);
    return SM_OK;
}

/* Where all entries ask for more than a link lets through, more and more flows are on their way,
 * and the run's own messages never arrive. */
static enum sm_status
check_links(struct world *world)
{
    const struct traffic *traffic = world->traffic;
    double *asked = sm_arena_zalloc(world->arena, traffic->busy_count, sizeof *asked);
    if (asked == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu links with traffic", traffic->busy_count);
    for (size_t i = 0; i < world->request->platform->traffic_count; i++) {
        const struct source *source = &traffic->sources[i];
        if (source->flow->flows > 0)
            continue;
        sg_link_t *route;
        const size_t hops = sm_simgrid_route(world, source->from, source->to, &route);
        for (size_t k = 0; k < hops; k++) {
            const sg_link_t *at = bsearch(&route[k], traffic->busy, traffic->busy_count,
                                          sizeof *traffic->busy, by_address);
            asked[at - traffic->busy] += rate_of(source);
        }
    }
    size_t worst = traffic->busy_count; /* of all that have too little, the first by name */
    for (size_t i = 0; i < traffic->busy_count; i++)
        if (sg_link_is_shared(traffic->busy[i]) &&
            asked[i] > (0.99 + 1e-9) * sg_link_get_bandwidth(traffic->busy[i]) &&
            (worst == traffic->busy_count || strcmp(sg_link_get_name(traffic->busy[i]),
                                                    sg_link_get_name(traffic->busy[worst])) < 0))
            worst = i;
    if (worst < traffic->busy_count)
        return SM_FAIL(SM_ERR_INPUT,
                       "platform.traffic: %.4g Gbit/s of others over link '%s'; expected at most "
                       "99 %% of the %.4g Gbit/s that it lets through",
                       8e-9 * asked[worst], sg_link_get_name(traffic->busy[worst]),
                       8e-9 * sg_link_get_bandwidth(traffic->busy[worst]));
    return SM_OK;
}

enum sm_status
sm_simgrid_traffic_init(struct world *world)
{
    const size_t count = world->request->platform->traffic_count;
    if (count == 0)
        return SM_OK;
    struct traffic *traffic = sm_arena_zalloc(world->arena, 1, sizeof *traffic);
    struct source *sources = sm_arena_zalloc(world->arena, count, sizeof *sources);
    if (traffic == NULL || sources == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for traffic");
    world->traffic = traffic;
    traffic->sources = sources;
    for (size_t i = 0; i < count; i++)
        SM_TRY(source_start(world, i));
    const size_t links = list_links(world, NULL);
    traffic->busy = sm_arena_alloc(world->arena, links, sizeof *traffic->busy);
    if (traffic->busy == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu links with traffic", links);
    traffic->busy_count = list_links(world, traffic->busy);
    qsort(traffic->busy, links, sizeof *traffic->busy, by_address);
    return check_links(world);
}

void
sm_simgrid_traffic_fini(struct world *world)
{
    for (size_t i = 0; world->traffic != NULL && i < world->request->platform->traffic_count; i++)
        if (world->traffic->sources[i].arrived != NULL)
            sg_sem_destroy(world->traffic->sources[i].arrived);
}

bool
sm_simgrid_busy(const struct world *world, sg_host_t from, sg_host_t to)
{
    bool busy = false;
    const struct traffic *traffic = world->traffic;
    if (traffic == NULL)
        return false;
    sg_link_t *links;
    const size_t hops = sm_simgrid_route(world, from, to, &links);
    for (size_t i = 0; !busy && i < hops; i++)
        busy = sg_link_is_shared(links[i]) && bsearch(&links[i], traffic->busy, traffic->busy_count,
                                                      sizeof *traffic->busy, by_address) != NULL;
    return busy;
}
