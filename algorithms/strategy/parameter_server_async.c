/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/strategy/parameter_server_async.c -- a server steps along each gradient as it comes.
 *
 *   worker i:  push g_i(x of its last pull), pull x
 *   server:    x <- x - gamma_i d(g_i);  x to worker i
 *
 * Nobody waits for anybody else. How stale a gradient is, the steps taken between a worker's pull
 * and its push, comes from the clock: from stragglers, links and the queue at the server. With
 * several servers each shard has an order of its own. gamma is that of the worker's own step count.
 * After the last step every worker takes in what the servers end with, which is the run's model.
 * A worker that dies is missed by nobody. Of a worker that is cut off for a while the pushes are
 * lost, or the answers to them, and it goes on from the parameters it has; one that is cut off at
 * the end leaves the run. Without a server nobody can go on.
 * Source: Dean et al., NeurIPS 2012, sec. 4.1 (Downpour SGD, one step between fetches and pushes);
 * Recht et al., NeurIPS 2011, arXiv:1106.5730, Alg. 1.
 */
#include <string.h>

#include "algorithms/strategy/parameter_server.h"

static unsigned
parameter_server_async_manner(const void *settings)
{
    (void)settings;
    return SM_FOLLOWS_CLOCK | SM_SURVIVES_LOSS;
}

/* Others may still read the parcel: the step overwrites a copy. */
static enum sm_status
gradient_job(void *arg, struct sm_arena *scratch)
{
    (void)scratch;
    struct sm_parameter_server *s = arg;
    memcpy(s->g, s->parcel->x, s->n * sizeof *s->g);
    sm_codec_decode(&s->codec, s->g);
    return SM_OK;
}

/* Steps along what worker r pushed, and answers. */
static enum sm_status
parameter_server_async_apply(struct sm_parameter_server *s, struct sm_comm *comm,
                             struct sm_stepper *stepper, size_t r)
{
    s->parcel = s->inbox[r];
    SM_TRY(comm->ops->compute(comm, SM_STAGE_UPDATE, 0, 0, &(struct sm_job){gradient_job, s}));
    const float gamma = s->parcel->weight;
    sm_parcel_release(s->parcel);
    SM_TRY(stepper->step(stepper, gamma, s->g, s->x));
    SM_TRY(sm_parameter_server_listen(s, comm, r, r + 1));
    return sm_parameter_server_answer(s, comm, s->wire, r, r + 1);
}

static enum sm_status
parameter_server_async_serve(void *state, struct sm_comm *comm, struct sm_stepper *stepper)
{
    struct sm_parameter_server *s = state;
    SM_TRY(stepper->begin(stepper, s->n));
    SM_TRY(sm_parameter_server_listen(s, comm, 0, comm->size));
    for (size_t left = comm->size, r; left > 0;) {
        enum sm_status status = comm->ops->wait_any(comm, s->posted, comm->size, &r);
        if (status == SM_ERR_LOST) { /* who pushed waits for an answer all the same */
            SM_TRY(sm_parameter_server_listen(s, comm, r, r + 1));
            SM_TRY(sm_parameter_server_answer(s, comm, s->wire, r, r + 1));
            continue;
        }
        if (status != SM_ERR_GONE) {
            SM_TRY(status);
            if (!sm_parameter_server_is_goodbye(s->inbox[r])) {
                SM_TRY(parameter_server_async_apply(s, comm, stepper, r));
                continue;
            }
            sm_parcel_release(s->inbox[r]);
        }
        left--;
    }
    return sm_parameter_server_answer(s, comm, 0, 0, comm->size);
}

static const struct sm_server parameter_server_async_server = {
    .count = sm_parameter_server_count,
    .serve = parameter_server_async_serve,
};

const struct sm_strategy sm_strategy_parameter_server_async = {
    .about = {.name = "parameter_server_async",
              .doc = "servers step along each gradient as it arrives: stale by as much as it takes",
              .source = "Dean et al., NeurIPS 2012, sec. 4.1; Recht et al., NeurIPS 2011, "
                        "arXiv:1106.5730, Alg. 1",
              .state_size = sizeof(struct sm_parameter_server),
              .params = sm_parameter_server_params},
    .server = &parameter_server_async_server,
    .init = sm_parameter_server_init,
    .manner = parameter_server_async_manner,
    .receive = sm_parameter_server_receive,
    .absorb = sm_parameter_server_absorb,
    .split = sm_parameter_server_split,
    .send = sm_parameter_server_send,
    .drain = sm_parameter_server_drain,
};
