/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/registry.c -- the axes, made from the lists in their headers. */
#include "algorithms/buffer/buffer.h"
#include "algorithms/compression/compression.h"
#include "algorithms/inner/inner.h"
#include "algorithms/outer/outer.h"
#include "algorithms/period/period.h"
#include "algorithms/schedule/schedule.h"
#include "algorithms/strategy/strategy.h"

#define X(id) &sm_inner_##id.about,
static const struct sm_plugin *const inners[] = {SM_INNER_LIST(X) NULL};
#undef X
#define X(id) &sm_schedule_##id.about,
static const struct sm_plugin *const schedules[] = {SM_SCHEDULE_LIST(X) NULL};
#undef X
#define X(id) &sm_strategy_##id.about,
static const struct sm_plugin *const strategies[] = {SM_STRATEGY_LIST(X) NULL};
#undef X
#define X(id) &sm_outer_##id.about,
static const struct sm_plugin *const outers[] = {SM_OUTER_LIST(X) NULL};
#undef X
#define X(id) &sm_period_##id.about,
static const struct sm_plugin *const periods[] = {SM_PERIOD_LIST(X) NULL};
#undef X
#define X(id) &sm_compression_##id.about,
static const struct sm_plugin *const compressions[] = {SM_COMPRESSION_LIST(X) NULL};
#undef X
#define X(id) &sm_buffer_##id.about,
static const struct sm_plugin *const buffers[] = {SM_BUFFER_LIST(X) NULL};
#undef X

const struct sm_axis sm_axis_inner = {.name = "inner",
                                      .key = "algorithm.inner",
                                      .doc = "inner optimizer: one local step from one gradient",
                                      .initial = "sgd",
                                      .plugins = inners};
/* milestones without any is constant, so {warmup: 0.05} and {milestones: [...]} both read well */
const struct sm_axis sm_axis_schedule = {.name = "schedule",
                                         .key = "algorithm.schedule",
                                         .doc = "learning rate over the run",
                                         .initial = "milestones",
                                         .plugins = schedules};
const struct sm_axis sm_axis_strategy = {.name = "strategy",
                                         .key = "algorithm.strategy",
                                         .doc = "what travels between outer steps",
                                         .initial = "allreduce",
                                         .plugins = strategies};
const struct sm_axis sm_axis_outer = {.name = "outer",
                                      .key = "algorithm.outer",
                                      .doc = "outer optimizer: what happens every tau steps",
                                      .initial = "none",
                                      .plugins = outers};
const struct sm_axis sm_axis_period = {.name = "period",
                                       .key = "algorithm.tau",
                                       .doc = "inner steps a round",
                                       .initial = "fixed",
                                       .plugins = periods};
const struct sm_axis sm_axis_compression = {.name = "compression",
                                            .key = "algorithm.compression",
                                            .doc = "fewer bytes for what travels",
                                            .initial = "none",
                                            .plugins = compressions};
const struct sm_axis sm_axis_buffer = {.name = "buffer",
                                       .key = "algorithm.buffer",
                                       .doc = "the inner optimizer's buffers at a round end",
                                       .initial = "reset",
                                       .plugins = buffers};

enum sm_round
sm_outer_round(const struct sm_outer *outer, const void *state)
{
    return outer->round != NULL ? outer->round(state) : SM_ROUND_AVERAGE;
}
