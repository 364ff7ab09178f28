/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/timing/straggler.h -- the straggler axis: how the compute time of a step varies.
 *
 * Every step of every worker has one factor, by which its forward and backward pass and its update
 * are multiplied; the input pipeline is not. A distribution draws it, from a stream of its own for
 * each worker, so that no number depends on who comes first. Workers may be slow for good besides.
 */
#ifndef SM_TIMING_STRAGGLER_H
#define SM_TIMING_STRAGGLER_H

#include <stdbool.h>
#include <stdio.h>

#include "sim/base/plugin.h"
#include "sim/base/rng.h"

struct sm_straggler {
    struct sm_plugin about;
    /* OPTIONAL. Once a run: refuses settings, reads files into the state. *hash is of what decides
     * the factors and is not a setting. */
    enum sm_status (*open)(void *state, struct sm_arena *arena, uint64_t *hash);
    /* OPTIONAL. Whether the factors vary at all; absent: never. */
    bool (*varies)(const void *state);
    /* REQUIRED where they vary. The factor, >= 0, of step `step` for worker (or device of all
     * workers) `unit`; `rng` is the worker's own. */
    double (*draw)(const void *state, struct sm_rng *rng, size_t unit, size_t step);
};

#define SM_STRAGGLER_LIST(X)                                                                       \
    X(constant) X(normal) X(lognormal) X(gamma) X(exponential) X(pareto) X(trace)

#define X(id) extern const struct sm_straggler sm_straggler_##id;
SM_STRAGGLER_LIST(X)
#undef X

extern const struct sm_axis sm_axis_straggler;

/* `timing.straggler` of an experiment. */
struct sm_straggler_settings {
    struct sm_choice distribution;
    const char *scope;              /* worker: a factor each; device: the largest of its devices' */
    struct sm_numbers slow_workers; /* ranks                                                     */
    struct sm_numbers slow_factor;  /* of all of them, or one each                               */
    double slow_fraction;           /* share of the workers, instead of ranks                    */
};
/* What may stand beside a distribution's own settings. */
extern const struct sm_param sm_straggler_params[];

/* Reads a distribution's name, or {distribution: ..., settings}, or nothing (NULL). */
enum sm_status sm_straggler_bind(struct sm_arena *arena, const struct sm_node *node,
                                 struct sm_straggler_settings *settings);
/* YAML that binds to the same. */
void sm_straggler_print(const struct sm_straggler_settings *settings, FILE *out);
/* Whether steps of one worker may take unlike times. */
bool sm_straggler_varies(const struct sm_straggler_settings *settings);

/* The stragglers of one run; only read by its workers. */
struct sm_stragglers;
/* SM_ERR_INPUT for what the settings, a file, or so few workers do not allow. *stragglers is NULL
 * where every factor is 1. *hash, of all that decides the factors beside the settings, is laid over
 * what it was: unchanged where nothing does. Owned by arena. */
enum sm_status sm_stragglers_create(struct sm_arena *arena,
                                    const struct sm_straggler_settings *settings, size_t workers,
                                    uint64_t seed, struct sm_stragglers **stragglers,
                                    uint64_t *hash);

/* The factor that stays the worker's for all steps; of stragglers NULL: 1. */
double sm_stragglers_slow(const struct sm_stragglers *stragglers, size_t rank);

/* One worker's factors, step by step. */
struct sm_pace;
/* *pace is NULL where all are 1, also for stragglers NULL. Owned by arena. */
enum sm_status sm_pace_create(struct sm_arena *arena, const struct sm_stragglers *stragglers,
                              size_t rank, size_t devices, struct sm_pace **pace);
/* Of the next step. NULL: 1. */
double sm_pace_next(struct sm_pace *pace);

#endif
