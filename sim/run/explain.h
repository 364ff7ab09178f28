/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/explain.h -- `slowmo explain`: where the seconds of an experiment went, and what a change
 * of the platform or of the compute stages would do to them.
 *
 * The experiment runs without gradients for a few whole rounds; then again with each setting 10 %
 * lower and higher, every run a process of its own, and without each setting of its own that
 * changes the seconds.
 */
#ifndef SM_RUN_EXPLAIN_H
#define SM_RUN_EXPLAIN_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include "sim/base/tree.h"
#include "sim/comm/comm.h"
#include "sim/engine/engine.h"

enum { SM_EXPLAIN_STEPS = 100 };

struct sm_explain_options {
    const char *home;  /* the folder that holds platforms/ and workloads/profiles/    */
    size_t most_steps; /* 0: SM_EXPLAIN_STEPS; a round is longer than that: one round */
    size_t jobs;       /* runs side by side; 0: as many as there are cores            */
    FILE *progress;    /* NULL: silent                                                */
    size_t item, items;
    const volatile sig_atomic_t *interrupted; /* NULL: never */
};

/* Links whose names differ only in their numbers. */
struct sm_link_class {
    const char *name;   /* "server*_eth", a glob                                             */
    size_t links, used; /* in it, and of them those that carried something                   */
    bool stands;        /* for links that a <cluster> makes, which are in classes of their own */
    double bytes;       /* of all its links, both ways                                       */
    double mean, most;  /* utilisation of the busier way; the mean over those used; NaN where flows
                           do not share a link */
    const char *busiest;
};

enum sm_effect {
    SM_EFFECT_SOME,
    SM_EFFECT_HIDDEN, /* the same seconds: something else takes as long meanwhile   */
    SM_EFFECT_UNUSED, /* nothing that runs uses it, so it was not tried             */
};

/* A setting, 10 % lower and higher. */
struct sm_variation {
    const char *setting;     /* dotted key                                      */
    const char *less, *more; /* the values                                      */
    double seconds[2];       /* a step with them; NaN: a value it cannot have   */
    double elasticity;       /* d ln seconds / d ln value                       */
    enum sm_effect effect;
};

struct sm_explanation {
    const char *name;
    size_t workers, runs;
    size_t steps, all_steps; /* that were run, and of the experiment (0: given in epochs) */
    double seconds_per_step;
    const struct sm_ledger *spent; /* (workers) where the seconds went until the last step */
    const double *ends;            /* (workers) when that was done                         */
    const char *const *hosts;      /* (workers) the first device of each                   */
    const struct sm_link_use *links;
    size_t link_count;
    const struct sm_link_class *classes; /* (class_count) busiest first           */
    size_t class_count;
    const struct sm_variation *variations; /* (variation_count) strongest first   */
    size_t variation_count;
    const char *const *warnings; /* (warning_count) settings that change nothing  */
    size_t warning_count;
};

/* Explains the experiment of one tree of sm_experiment_expand. Everything is owned by arena. */
enum sm_status sm_explain(struct sm_arena *arena, const struct sm_node *tree,
                          const struct sm_explain_options *options,
                          struct sm_explanation *explanation);

void sm_explanation_print(const struct sm_explanation *explanation, FILE *out);
/* One object, on a line. */
enum sm_status sm_explanation_print_json(const struct sm_explanation *explanation, FILE *out);

#endif
