/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/server.c -- see server.h. */
#include "sim/run/server.h"

#include "algorithms/inner/inner.h"
#include "algorithms/strategy/strategy.h"

struct server {
    struct sm_stepper stepper; /* first: its functions get a pointer to it */
    const struct sm_training *training;
    struct sm_comm *comm;
    const struct sm_inner *inner;
    void *inner_state;
    size_t n; /* of its part */
    float clip, gamma;
    float *g, *x; /* (n) of the step under way */
};

static struct server *
server_of(struct sm_stepper *stepper)
{
    return (struct server *)stepper;
}

static enum sm_status
server_begin(struct sm_stepper *stepper, size_t n)
{
    struct server *s = server_of(stepper);
    struct sm_arena *arena = &s->training->arenas[s->comm->rank];
    struct sm_setup setup = sm_training_setup(s->training, s->comm, arena);
    if (n < setup.n) { /* a part knows no layers */
        setup.n = n;
        setup.matrices = NULL;
        setup.matrix_count = 0;
    }
    s->n = n;
    s->inner_state = sm_choice_state(&s->training->experiment->algorithm.inner, arena);
    if (s->inner_state == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for a server of %zu parameters", n);
    return s->inner->init(s->inner_state, &setup);
}

static enum sm_status
server_job(void *arg, struct sm_arena *scratch)
{
    (void)scratch;
    struct server *s = arg;
    if (s->clip > 0)
        sm_inner_clip(s->n, s->clip, s->g);
    return s->inner->step(s->inner_state, s->n, s->gamma, s->g, s->x);
}

static enum sm_status
server_step(struct sm_stepper *stepper, float gamma, float *g, float *x)
{
    struct server *s = server_of(stepper);
    const double part = 1.0 / (double)s->comm->servers; /* n may be one float for a whole model */
    s->gamma = gamma;
    s->g = g;
    s->x = x;
    return s->comm->ops->compute(s->comm, SM_STAGE_UPDATE, 0, part * s->training->profile->update,
                                 &(struct sm_job){server_job, s});
}

enum sm_status
sm_server_run(const struct sm_training *training, struct sm_comm *comm)
{
    const struct sm_choice *choice = &training->experiment->algorithm.strategy;
    const struct sm_strategy *strategy = (const struct sm_strategy *)choice->plugin;
    struct sm_arena *arena = &training->arenas[comm->rank];
    const struct sm_setup setup = sm_training_setup(training, comm, arena);
    struct server *s = sm_arena_zalloc(arena, 1, sizeof *s);
    void *state = sm_choice_state(choice, arena);
    if (s == NULL || state == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for a server");
    *s = (struct server){.stepper = {server_begin, server_step},
                         .training = training,
                         .comm = comm,
                         .inner =
                             (const struct sm_inner *)training->experiment->algorithm.inner.plugin,
                         .clip = (float)training->experiment->algorithm.clip};
    SM_TRY(strategy->init(state, &setup));
    return strategy->server->serve(state, comm, &s->stepper);
}
