/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/engine/simgrid/watch.c -- when each receipt was done, for ranks that ask or wait for any.
 *
 * SimGrid's C interface says that a message is there, not since when; and where a link may die,
 * sg_comm_test takes the process with it, while sg_comm_wait returns an error. So an actor of its
 * own waits for the receipt, notes the time and wakes the rank. Such actors are kept: a rank has as
 * many as it ever had receipts watched at once.
 */
#include "sim/engine/simgrid/world.h"

/* An actor that waits for one receipt after another in a rank's place. */
struct watcher {
    struct watcher *next, *next_idle; /* of the rank's */
    struct rank *rank;
    struct sm_request *request;
    sg_sem_t handed; /* a request to wait for */
};

static void
watcher_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    struct watcher *watcher = sg_actor_self_get_data();
    struct rank *rank = watcher->rank;
    sg_actor_daemonize(sg_actor_self());
    for (;;) {
        struct sm_request *request = watcher->request;
        request->status = sm_simgrid_arrives(rank->world, request->comm, request->others) ? SM_OK
                          : rank->world->survives ? SM_ERR_LOST
                                                  : SM_ERR_STALLED;
        if (rank->world->transport.staging > 0 && request->status == SM_OK)
            sm_simgrid_unstage(rank, ((const struct envelope *)request->envelope)->bytes);
        request->arrived = simgrid_get_clock();
        request->done = true;
        watcher->next_idle = rank->idle;
        rank->idle = watcher;
        if (rank->asleep) { /* only the first to wake it, or it would be woken again later */
            rank->asleep = false;
            sg_sem_release(rank->woken);
        }
        sg_sem_acquire(watcher->handed);
    }
}

static enum sm_status
watcher_start(struct rank *rank, struct sm_request *request)
{
    struct watcher *watcher = sm_arena_alloc(rank->world->arena, 1, sizeof *watcher);
    if (watcher == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory to watch a receipt");
    *watcher = (struct watcher){
        .next = rank->watchers, .rank = rank, .request = request, .handed = sg_sem_init(0)};
    rank->watchers = watcher;
    if (rank->woken == NULL)
        rank->woken = sg_sem_init(0);
    sg_actor_t actor = sg_actor_init("watcher", rank->host);
    sg_actor_set_data(actor, watcher);
    sg_actor_start(actor, watcher_main, 0, NULL);
    return SM_OK;
}

enum sm_status
sm_simgrid_watch(struct rank *rank, struct sm_request *request)
{
    request->watched = true;
    struct watcher *watcher = rank->idle;
    if (watcher == NULL)
        return watcher_start(rank, request);
    rank->idle = watcher->next_idle;
    watcher->request = request;
    sg_sem_release(watcher->handed);
    return SM_OK;
}

enum sm_status
sm_simgrid_look(struct rank *rank, struct sm_request *const *requests, size_t count)
{
    int rounds = 1; /* of SimGrid's scheduler: who wakes at this instant runs beside the rank */
    for (size_t i = 0; i < count; i++)
        if (requests[i] != NULL && !requests[i]->done && !requests[i]->watched) {
            SM_TRY(sm_simgrid_watch(rank, requests[i]));
            rounds = 3; /* it starts, waits, and hears at once of what is there already */
        }
    for (int i = 0; i < rounds; i++)
        sg_actor_yield();
    return SM_OK;
}

void
sm_simgrid_sleep(struct rank *rank)
{
    rank->asleep = true;
    sg_sem_acquire(rank->woken);
}

void
sm_simgrid_watch_fini(struct rank *rank)
{
    for (struct watcher *watcher = rank->watchers; watcher != NULL; watcher = watcher->next)
        sg_sem_destroy(watcher->handed);
    if (rank->woken != NULL)
        sg_sem_destroy(rank->woken);
}
