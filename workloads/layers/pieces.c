/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/layers/pieces.c -- the pieces of a sequence model whose time is taken: sequence.h. */
#include "workloads/layers/sequence.h"

static const char *const names[SM_PIECES] = {
    [SM_PIECE_EMBEDDING] = "embedding",
    [SM_PIECE_NORM] = "layer norm",
    [SM_PIECE_PROJECTION] = "projections",
    [SM_PIECE_ATTENTION] = "attention",
    [SM_PIECE_FEED_FORWARD] = "feed-forward",
    [SM_PIECE_GELU] = "gelu",
    [SM_PIECE_RESIDUAL] = "residual",
    [SM_PIECE_HEAD] = "head",
    [SM_PIECE_LOSS] = "loss",
};

void
sm_piece_forward(struct sm_laps *laps, enum sm_piece piece)
{
    sm_laps_forward(laps, piece, names[piece]);
}

void
sm_piece_backward(struct sm_laps *laps, enum sm_piece piece)
{
    sm_laps_backward(laps, piece, names[piece]);
}
