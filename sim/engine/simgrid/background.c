/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/engine/simgrid/background.c -- flows of others that share links with the run's messages.
 *
 * Each entry is two actors, one on each of two hosts: one lets flows go, the other takes in what
 * has come. A flow begins when it is let go, for the mailbox has a permanent receiver. All end with
 * the run. SimGrid knows that a run has stalled when nothing happens any more; here something
 * always does, so the actors look whether a rank could still get somewhere.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <xbt/dynar.h>

#include "sim/base/rng.h"
#include "sim/engine/simgrid/world.h"

struct background {
    struct world *world;
    const struct sm_platform_traffic *flow;
    char name[32]; /* of the mailbox */
    sg_host_t from, to;
    double gap; /* seconds between flows, on average */
    struct sm_rng *rng;
    sg_sem_t arrived; /* one of those that always send */
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
draw(const struct background *traffic, double mean)
{
    return traffic->rng != NULL ? -mean * log1p(-sm_rng_uniform(traffic->rng)) : mean;
}

static void
send_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct background *traffic = sg_actor_self_get_data();
    const struct sm_platform_traffic *flow = traffic->flow;
    sg_actor_daemonize(sg_actor_self());
    sg_actor_yield(); /* the receiver is there */
    sg_mailbox_t box = sg_mailbox_by_name(traffic->name);
    for (size_t i = 1; i < flow->flows; i++)
        sm_simgrid_send(box, NULL, endless_bytes);
    for (double next = simgrid_get_clock(); goes_on(traffic->world);) {
        if (flow->flows == 0) {
            next += draw(traffic, traffic->rng != NULL ? traffic->gap : 0);
            sg_actor_sleep_until(next);
            next += traffic->rng != NULL ? 0 : traffic->gap;
        }
        if (!sm_simgrid_sends(traffic->to))
            return;
        sm_simgrid_send(box, NULL,
                        flow->flows > 0 ? endless_bytes : ceil(draw(traffic, flow->bytes)));
        if (flow->flows > 0)
            sg_sem_acquire(traffic->arrived);
    }
}

static void
receive_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct background *traffic = sg_actor_self_get_data();
    sg_actor_daemonize(sg_actor_self());
    sg_mailbox_set_receiver(traffic->name);
    sg_mailbox_t box = sg_mailbox_by_name(traffic->name);
    for (;;) {
        void *nothing;
        const bool came = sg_comm_wait(sg_mailbox_get_async(box, &nothing)) == SG_OK;
        if (traffic->flow->flows == 0)
            continue;
        if (!came) /* its link is down: the next tries again */
            sg_actor_sleep_for(0.1);
        sg_sem_release(traffic->arrived);
    }
}

static int
by_address(const void *a, const void *b)
{
    const sg_link_t *x = a, *y = b;
    return (uintptr_t)*x < (uintptr_t)*y ? -1 : (uintptr_t)*x > (uintptr_t)*y;
}

/* The links of a route, which is freed by the caller. */
static xbt_dynar_t
route_of(sg_host_t from, sg_host_t to)
{
    xbt_dynar_t route = xbt_dynar_new(sizeof(sg_link_t), NULL);
    sg_host_get_route(from, to, route);
    return route;
}

/* Counts the links of all routes, and where there is room writes them down. */
static size_t
list_links(const struct world *world, sg_link_t *links)
{
    size_t count = 0;
    for (size_t i = 0; i < world->request->platform->traffic_count; i++) {
        xbt_dynar_t route = route_of(world->background[i].from, world->background[i].to);
        for (unsigned long k = 0; k < xbt_dynar_length(route); k++, count++)
            if (links != NULL)
                links[count] = xbt_dynar_get_as(route, k, sg_link_t);
        xbt_dynar_free_container(&route);
    }
    return count;
}

/* Payload a second that an entry of `load` or `rate` asks for. */
static double
rate_of(const struct background *traffic)
{
    const struct sm_platform_traffic *flow = traffic->flow;
    return flow->load > 0 ? flow->load * sg_host_get_route_bandwidth(traffic->from, traffic->to)
                          : flow->rate;
}

static enum sm_status
traffic_start(struct world *world, size_t i)
{
    struct background *traffic = &world->background[i];
    const struct sm_platform_traffic *flow = &world->request->platform->traffic[i];
    *traffic = (struct background){.world = world,
                                   .flow = flow,
                                   .from = sg_host_by_name(flow->from),
                                   .to = sg_host_by_name(flow->to)};
    snprintf(traffic->name, sizeof traffic->name, "traffic %zu", i);
    traffic->gap = flow->flows > 0 ? 0 : flow->bytes / rate_of(traffic);
    traffic->arrived = sg_sem_init(0);
    if (flow->random && (traffic->rng = sm_rng_create(world->arena, world->request->seed,
                                                      SM_RNG_TRAFFIC, i)) == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for traffic");
    sg_actor_t receiver = sg_actor_init("traffic", traffic->to);
    sg_actor_set_data(receiver, traffic);
    sg_actor_start(receiver, receive_main, 0, NULL);
    sg_actor_t sender = sg_actor_init("traffic", traffic->from);
    sg_actor_set_data(sender, traffic);
    sg_actor_start(sender, send_main, 0, NULL);
    return SM_OK;
}

/* Where all entries ask for more than a link lets through, more and more flows are on their way,
 * and the run's own messages never arrive. */
static enum sm_status
check_links(struct world *world)
{
    double *asked = sm_arena_zalloc(world->arena, world->busy_count, sizeof *asked);
    if (asked == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu links with traffic", world->busy_count);
    for (size_t i = 0; i < world->request->platform->traffic_count; i++) {
        const struct background *traffic = &world->background[i];
        if (traffic->flow->flows > 0)
            continue;
        xbt_dynar_t route = route_of(traffic->from, traffic->to);
        for (unsigned long k = 0; k < xbt_dynar_length(route); k++) {
            sg_link_t link = xbt_dynar_get_as(route, k, sg_link_t),
                      *at = bsearch(&link, world->busy, world->busy_count, sizeof *world->busy,
                                    by_address);
            asked[at - world->busy] += rate_of(traffic);
        }
        xbt_dynar_free_container(&route);
    }
    for (size_t i = 0; i < world->busy_count; i++) {
        const double has = sg_link_get_bandwidth(world->busy[i]);
        if (sg_link_is_shared(world->busy[i]) && asked[i] > (0.99 + 1e-9) * has)
            return SM_FAIL(SM_ERR_INPUT,
                           "platform.traffic: %.4g Gbit/s of others over link '%s'; expected at "
                           "most 99 %% of the %.4g Gbit/s that it lets through",
                           8e-9 * asked[i], sg_link_get_name(world->busy[i]), 8e-9 * has);
    }
    return SM_OK;
}

enum sm_status
sm_simgrid_background_init(struct world *world)
{
    const size_t count = world->request->platform->traffic_count;
    if (count == 0)
        return SM_OK;
    world->background = sm_arena_zalloc(world->arena, count, sizeof *world->background);
    if (world->background == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for traffic");
    for (size_t i = 0; i < count; i++)
        SM_TRY(traffic_start(world, i));
    world->busy_count = list_links(world, NULL);
    world->busy = sm_arena_alloc(world->arena, world->busy_count, sizeof *world->busy);
    if (world->busy == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu links with traffic", world->busy_count);
    list_links(world, world->busy);
    qsort(world->busy, world->busy_count, sizeof *world->busy, by_address);
    return check_links(world);
}

void
sm_simgrid_background_fini(struct world *world)
{
    for (size_t i = 0; world->background != NULL && i < world->request->platform->traffic_count;
         i++)
        if (world->background[i].arrived != NULL)
            sg_sem_destroy(world->background[i].arrived);
}

bool
sm_simgrid_busy(const struct world *world, sg_host_t from, sg_host_t to)
{
    bool busy = false;
    if (world->busy_count == 0)
        return false;
    xbt_dynar_t route = route_of(from, to);
    for (unsigned long i = 0; !busy && i < xbt_dynar_length(route); i++) {
        sg_link_t link = xbt_dynar_get_as(route, i, sg_link_t);
        busy = sg_link_is_shared(link) && bsearch(&link, world->busy, world->busy_count,
                                                  sizeof *world->busy, by_address) != NULL;
    }
    xbt_dynar_free_container(&route);
    return busy;
}
