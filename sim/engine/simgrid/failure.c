/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/engine/simgrid/failure.c -- links and hosts that die on the way.
 *
 * SimGrid kills the actors of a host that goes down and fails the messages on their way;
 * sg_comm_wait says so to the receiver. Where the strategy cannot go on, the run stalls, and what
 * died is looked up in the platform's profiles. Where it can, ranks must also hear of messages that
 * will never be sent: on each host that may die stands an actor, its pulse, and on a host that does
 * not die another waits for its end, marks the rank as lost and ends the receipts posted for it. A
 * host that comes up again is not used again: its actors are not restarted.
 */
#include <stdio.h>
#include <string.h>

#include "sim/engine/simgrid/world.h"

/* Where the platform has links or hosts that go down. */
struct failure {
    sg_sem_t never; /* what waits for it waits for its end */
    /* where ranks survive */
    uint32_t *sent, *asked; /* (rank_count, rank_count) messages from, to */
    size_t lost_count, lost_messages;
    char lost_ranks[256];
};

/* ---- what died ---- */

bool
sm_simgrid_sends(sg_host_t from)
{
    return sg_host_is_on(from) != 0;
}

static bool
host_died(const struct world *world, sg_host_t host, double *since)
{
    const double now = simgrid_get_clock();
    *since = now;
    return sm_platform_is_down(world->request->platform, sg_host_get_name(host), now, since) ||
           !sg_host_is_on(host);
}

static const char *
dead_link(const struct world *world, sg_host_t from, sg_host_t to, double *since)
{
    const char *name = NULL;
    if (from == to)
        return NULL;
    sg_link_t *links;
    const size_t hops = sm_simgrid_route(world, from, to, &links);
    for (size_t i = 0; name == NULL && i < hops; i++) {
        const char *link = sg_link_get_name(links[i]);
        if (sm_platform_is_down(world->request->platform, link, simgrid_get_clock(), since))
            name = link;
    }
    return name;
}

/* "link 'wire' died at 1.5 s" into text. */
static void
what_died(const struct world *world, sg_host_t from, sg_host_t to, char *text, size_t room)
{
    double since;
    const char *link;
    if (host_died(world, from, &since) || host_died(world, to, &since))
        snprintf(text, room, "host '%s' died at %.6g s",
                 sg_host_get_name(host_died(world, from, &since) ? from : to), since);
    else if ((link = dead_link(world, from, to, &since)) != NULL)
        snprintf(text, room, "link '%s' died at %.6g s", link, since);
    else
        snprintf(text, room, "a link or host between '%s' and '%s' had gone down by %.6g s",
                 sg_host_get_name(from), sg_host_get_name(to), simgrid_get_clock());
}

enum sm_status
sm_simgrid_died(const struct world *world, sg_host_t from, sg_host_t to)
{
    char what[256];
    what_died(world, from, to, what, sizeof what);
    return SM_FAIL(SM_ERR_STALLED, "%s", what);
}

enum sm_status
sm_simgrid_died_between(const struct world *world, size_t from, size_t to)
{
    double since;
    for (size_t i = 0; i + 1 < world->rails; i++) { /* the last is what it must have been */
        sg_host_t a = sm_simgrid_rail_host(world, from, i), b = sm_simgrid_rail_host(world, to, i);
        if (host_died(world, a, &since) || host_died(world, b, &since) ||
            dead_link(world, a, b, &since) != NULL)
            return sm_simgrid_died(world, a, b);
    }
    return sm_simgrid_died(world, sm_simgrid_rail_host(world, from, world->rails - 1),
                           sm_simgrid_rail_host(world, to, world->rails - 1));
}

bool
sm_simgrid_rank_sends(const struct world *world, size_t rank)
{
    for (size_t i = 0; i < world->rails; i++)
        if (!sm_simgrid_sends(sm_simgrid_rail_host(world, rank, i)))
            return false;
    return true;
}

/* ---- ranks that die ---- */

/* Called while the rank is killed, where nothing may be asked of SimGrid's scheduler. */
static void
rank_is_killed(int failed, void *arg)
{
    struct rank *rank = arg;
    double since;
    if (failed && host_died(rank->world, rank->host, &since)) /* not at the end of a stalled run */
        rank->world->waiting[rank->comm.rank] =
            (struct sm_waiting){.kind = SM_WAIT_GONE, .since = since};
}

void
sm_simgrid_rank_started(struct rank *rank)
{
    if (rank->world->mortal)
        sg_actor_on_exit(rank_is_killed, rank);
}

/* Of a rank that sends no more, ends the receipts that no message is on its way to. */
static void
strand(struct world *world, size_t from)
{
    for (size_t to = 0; to < world->rank_count; to++) {
        struct rank *rank = &world->ranks[to];
        bool some = false;
        for (struct sm_request *p = rank->pending; p != NULL; p = p->pending) {
            if (p->from != from || p->done ||
                p->number < world->failure->sent[from * world->rank_count + to])
                continue;
            p->status = SM_ERR_GONE;
            p->arrived = simgrid_get_clock();
            p->done = some = true;
        }
        if (some && rank->asleep) { /* it runs before this goes on, and changes the list */
            rank->asleep = false;
            sg_sem_release(rank->woken);
        }
    }
}

static void
lose(struct rank *rank, const char *why)
{
    struct world *world = rank->world;
    struct failure *failure = world->failure;
    const size_t r = rank->comm.rank;
    if (rank->lost || world->waiting[r].kind == SM_WAIT_ENDED)
        return;
    rank->lost = true;
    size_t used = strlen(failure->lost_ranks);
    snprintf(failure->lost_ranks + used, sizeof failure->lost_ranks - used,
             "%srank %zu was lost (%s)", failure->lost_count++ > 0 ? ", " : "", r, why);
    strand(world, r);
    if (world->request->lost != NULL && world->request->lost(world->request->arg, r) != SM_OK)
        sm_simgrid_fail(world);
}

void
sm_simgrid_rank_ends(struct rank *rank, enum sm_status status)
{
    struct world *world = rank->world;
    const size_t r = rank->comm.rank;
    char why[SM_ERROR_LENGTH]; /* others run while it settles, and may record errors of their own */
    snprintf(why, sizeof why, "%s", sm_error_last()->message);
    if (world->survives)
        sm_simgrid_settle(rank); /* who waits for it hears of it then */
    if (world->survives && (status == SM_ERR_LOST || status == SM_ERR_GONE))
        lose(rank, why);
    if (status == SM_OK || rank->lost)
        world->waiting[r].kind = SM_WAIT_ENDED; /* else it stays what it failed in */
    if (world->survives)
        strand(world, r);
}

/* ---- who watches over a host ---- */

/* A host that may die, and, where ranks survive, who waits for its end. */
struct mourner {
    struct rank *rank;
    sg_host_t host;
    sg_actor_t pulse;
    double until; /* the host dies then; < 0: who knows */
};

static const struct sm_platform_state *
state_of(const struct world *world, const char *host)
{
    const struct sm_platform_state *state = world->request->platform->states;
    while (state != NULL && (!state->host || strcmp(state->name, host) != 0))
        state = state->next;
    return state;
}

/* SimGrid notices the end of an idle host with the next event, so there is one. */
static void
pulse_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct mourner *mourner = sg_actor_self_get_data();
    sg_actor_daemonize(sg_actor_self());
    if (mourner->until > simgrid_get_clock())
        sg_actor_sleep_until(mourner->until);
    sg_sem_acquire(mourner->rank->world->failure->never);
}

static void
mourner_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct mourner *mourner = sg_actor_self_get_data();
    struct rank *rank = mourner->rank;
    double since;
    char why[160];
    sg_actor_daemonize(sg_actor_self());
    sg_actor_join(mourner->pulse, -1);
    host_died(rank->world, mourner->host, &since);
    snprintf(why, sizeof why, "host '%s' died at %.6g s", sg_host_get_name(mourner->host), since);
    if (sg_host_is_on(rank->host) && rank->world->waiting[rank->comm.rank].kind != SM_WAIT_ENDED) {
        sg_actor_kill(rank->actor); /* it was another of its devices */
        rank->world->waiting[rank->comm.rank] =
            (struct sm_waiting){.kind = SM_WAIT_GONE, .since = since};
    }
    lose(rank, why);
}

/* A host that never dies; where all may, that of the rank behind. */
static sg_host_t
safe_host(struct rank *rank)
{
    struct world *world = rank->world;
    for (size_t r = 0; r < world->rank_count; r++)
        if (state_of(world, world->ranks[r].worker->hosts[0]) == NULL)
            return world->ranks[r].host;
    return world->ranks[(rank->comm.rank + 1) % world->rank_count].host;
}

static enum sm_status
watch_over(struct rank *rank, size_t device)
{
    const struct world *world = rank->world;
    const struct sm_platform_state *state = state_of(world, rank->worker->hosts[device]);
    if (state == NULL)
        return SM_OK;
    struct mourner *mourner = sm_arena_alloc(world->arena, 1, sizeof *mourner);
    if (mourner == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory to watch over %zu ranks", world->rank_count);
    *mourner = (struct mourner){.rank = rank, .host = rank->devices[device], .until = -1};
    for (size_t i = state->count; i-- > 0;)
        if (!state->on[i])
            mourner->until = state->times[i];
    mourner->pulse = sg_actor_init("pulse", mourner->host);
    sg_actor_set_data(mourner->pulse, mourner);
    sg_actor_start(mourner->pulse, pulse_main, 0, NULL);
    if (!world->survives)
        return SM_OK;
    sg_actor_t actor = sg_actor_init("mourner", safe_host(rank));
    sg_actor_set_data(actor, mourner);
    sg_actor_start(actor, mourner_main, 0, NULL);
    return SM_OK;
}

enum sm_status
sm_simgrid_failure_init(struct world *world)
{
    if (!world->mortal)
        return SM_OK;
    struct failure *failure = sm_arena_zalloc(world->arena, 1, sizeof *failure);
    if (failure == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory to watch over %zu ranks", world->rank_count);
    world->failure = failure;
    failure->never = sg_sem_init(0);
    for (size_t r = 0; r < world->rank_count; r++) {
        struct rank *rank = &world->ranks[r];
        for (size_t d = 0; d < rank->worker->devices; d++)
            SM_TRY(watch_over(rank, d));
    }
    if (!world->survives)
        return SM_OK;
    const size_t pairs = world->rank_count * world->rank_count;
    failure->sent = sm_arena_zalloc(world->arena, pairs, sizeof *failure->sent);
    failure->asked = sm_arena_zalloc(world->arena, pairs, sizeof *failure->asked);
    if (failure->sent == NULL || failure->asked == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory to count the messages of %zu ranks",
                       world->rank_count);
    return SM_OK;
}

void
sm_simgrid_failure_fini(struct world *world)
{
    if (world->failure != NULL)
        sg_sem_destroy(world->failure->never);
}

/* ---- where ranks survive ---- */

static bool
is_gone(const struct rank *rank)
{
    return rank->lost || !sm_simgrid_rank_sends(rank->world, rank->comm.rank);
}

bool
sm_simgrid_may_send(struct rank *rank, size_t to)
{
    struct world *world = rank->world;
    if (is_gone(&world->ranks[to]))
        return false;
    world->failure->sent[rank->comm.rank * world->rank_count + to]++;
    return true;
}

bool
sm_simgrid_may_receive(struct rank *rank, struct sm_request *request)
{
    struct world *world = rank->world;
    const size_t from = request->from, pair = from * world->rank_count + rank->comm.rank;
    request->number = world->failure->asked[pair]++;
    request->watched = true;
    if (is_gone(&world->ranks[from]) || (world->waiting[from].kind == SM_WAIT_ENDED &&
                                         request->number >= world->failure->sent[pair])) {
        request->status = SM_ERR_GONE;
        request->arrived = simgrid_get_clock();
        request->done = true;
        return false;
    }
    request->watched = false;
    request->pending = rank->pending;
    request->pending_link = &rank->pending;
    if (rank->pending != NULL)
        rank->pending->pending_link = &request->pending;
    rank->pending = request;
    return true;
}

void
sm_simgrid_received(struct sm_request *request)
{
    if (request->pending_link == NULL)
        return;
    *request->pending_link = request->pending;
    if (request->pending != NULL)
        request->pending->pending_link = request->pending_link;
}

enum sm_status
sm_simgrid_lost_message(struct rank *rank, const struct sm_request *request)
{
    struct world *world = rank->world;
    const struct rank *from = &world->ranks[request->from];
    char what[256];
    if (!is_gone(from) && world->waiting[request->from].kind == SM_WAIT_ENDED)
        snprintf(what, sizeof what, "rank %zu has ended", request->from);
    else
        what_died(world, from->host, rank->host, what, sizeof what);
    world->failure->lost_messages += request->status == SM_ERR_LOST;
    return SM_FAIL(request->status, "%s: rank %zu waited for a message from rank %zu since %.6g s",
                   what, rank->comm.rank, request->from, world->waiting[rank->comm.rank].since);
}

const char *
sm_simgrid_lost_ranks(const struct world *world)
{
    const struct failure *failure = world->failure;
    return failure != NULL && failure->lost_count > 0 ? failure->lost_ranks : NULL;
}

enum sm_status
sm_simgrid_failure_report(const struct world *world, struct sm_engine_report *report)
{
    const struct failure *failure = world->failure;
    if (failure == NULL || (failure->lost_count == 0 && failure->lost_messages == 0))
        return SM_OK;
    bool *lost = sm_arena_alloc(world->arena, world->rank_count, sizeof *lost);
    char messages[64] = "";
    if (failure->lost_messages > 0)
        snprintf(messages, sizeof messages, "%s%zu messages were lost on their way",
                 failure->lost_count > 0 ? ", " : "", failure->lost_messages);
    report->losses = sm_arena_printf(world->arena, "%s%s", failure->lost_ranks, messages);
    if (lost == NULL || report->losses == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for what was lost");
    size_t left = 0;
    for (size_t r = 0; r < world->rank_count; r++) {
        lost[r] = world->ranks[r].lost;
        left += r < world->size && !lost[r];
    }
    report->lost = lost;
    return left > 0 ? SM_OK : SM_FAIL(SM_ERR_STALLED, "no worker is left: %s", failure->lost_ranks);
}
