/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/codecs.c -- see codecs.h. */
#include "tests/helpers/codecs.h"

#include <string.h>

#include "tests/helpers/check.h"
#include "tests/helpers/training.h"

/* setup is that of a vector without layers but for its compression. */
static enum sm_status
init(struct sm_codec *codec, const char *yaml, struct sm_setup setup)
{
    struct sm_node *node;
    struct sm_choice choice;
    SM_TRY(sm_tree_parse(setup.arena, "test.yaml", yaml, &node));
    SM_TRY(sm_choice_bind(&sm_axis_compression, node, NULL, setup.arena, &choice));
    setup.compression = &choice;
    return sm_codec_init(codec, &setup);
}

enum sm_status
codec_make(struct sm_arena *arena, struct sm_codec *codec, const char *yaml, size_t n,
           struct sm_comm *comm)
{
    return init(codec, yaml, *plugin_setup(arena, n, NULL, comm));
}

static enum sm_status
session_rank(struct sm_comm *comm, const void *in, void *out)
{
    const struct session *session = in;
    const size_t n = session->n, ranks = session->ranks;
    float *results = out, *residuals = results + session->rounds * ranks * n;
    struct sm_arena own = {0};
    struct sm_codec codec;
    struct sm_setup setup = *plugin_setup(&own, n, NULL, comm);
    setup.matrices = session->matrices;
    setup.matrix_count = session->matrix_count;
    enum sm_status status = init(&codec, session->yaml, setup);
    for (size_t k = 0; k < session->rounds && status == SM_OK; k++) {
        const size_t at = (k * ranks + comm->rank) * n;
        memcpy(results + at, session->inputs + at, n * sizeof *results);
        status = sm_codec_average(&codec, comm, results + at, session->beside);
        if (codec.residual != NULL)
            memcpy(residuals + at, codec.residual, n * sizeof *residuals);
    }
    sm_arena_fini(&own);
    return status;
}

float *
session_run(struct sm_arena *arena, const struct session *session, struct machine_report *report)
{
    const size_t count = session->rounds * session->ranks * session->n;
    float *out = sm_arena_alloc(arena, 2 * count, sizeof *out);
    assert_non_null(out);
    check_ok(machine_run(&(struct machine){.engine = &sm_engine_thread,
                                           .workers = session->ranks,
                                           .program = session_rank,
                                           .in = session},
                         out, 2 * count * sizeof *out, report));
    for (size_t k = 0; k < session->rounds; k++) /* the mean is one */
        for (size_t r = 1; r < session->ranks; r++)
            assert_memory_equal(out + k * session->ranks * session->n,
                                out + (k * session->ranks + r) * session->n,
                                session->n * sizeof *out);
    return out;
}
