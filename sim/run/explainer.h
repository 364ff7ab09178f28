/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/explainer.h -- what the files of explain.h share: explain.c the course of it,
 * explain_settings.c what is varied, explain_runs.c the runs.
 */
#ifndef SM_RUN_EXPLAINER_H
#define SM_RUN_EXPLAINER_H

#include "sim/run/experiment.h"
#include "sim/run/explain.h"
#include "sim/run/run.h"

enum {
    SM_EXPLAIN_MOST = 1024, /* trials, variations, own settings */
    SM_EXPLAIN_NAME = 128   /* bytes of the name of a link or a class of them */
};

/* A run with something changed; its seconds a step go to *seconds. */
struct sm_trial {
    struct sm_experiment experiment;
    const struct sm_explain_options *options;
    const char *what; /* in messages */
    double *seconds;
};

struct sm_explainer {
    struct sm_arena *arena;
    const struct sm_explain_options *options;
    const struct sm_node *tree; /* of the experiment, with the steps that are run */
    struct sm_experiment experiment;
    struct sm_platform platform;
    struct sm_explanation *out;
    struct sm_trial *trials;
    size_t trial_count;
    struct sm_variation *variations;
    const char **warnings;
};

/* A setting that the experiment makes, and the seconds without it. */
struct sm_own_setting {
    const char *setting;
    const char *reason; /* why nothing changes when nothing does */
    double seconds;
};

/* What 10 % less and more are. */
extern const double sm_explain_factors[2];

enum sm_status sm_explain_no_memory(void);
struct sm_run_options sm_explain_run_options(const struct sm_explain_options *options);
/* Bytes of a link's busier way. */
double sm_explain_busier(const struct sm_link_use *link);

/* ---- explain_runs.c ---- */

/* Runs the experiment as it is: who spent how long, and what each link carried. */
enum sm_status sm_explain_run_base(struct sm_explainer *explainer);
/* Adds a run of the tree, if it is one that can be run; else *seconds stays NaN. What only the
 * platform could refuse, the run itself does: loading a large one takes as long as a few steps. */
enum sm_status sm_explain_try(struct sm_explainer *explainer, const struct sm_node *tree,
                              const char *what, double *seconds);
/* Runs all that were added. */
enum sm_status sm_explain_run_trials(struct sm_explainer *explainer);

/* ---- explain_settings.c ---- */

/* Takes a child out of its map; sets a dotted key. */
void sm_explain_drop(struct sm_node *map, const char *key);
enum sm_status sm_explain_set(struct sm_arena *arena, struct sm_node *tree, const char *key,
                              const char *value);
/* Tries each setting lower and higher, and the run without each of the experiment's own (count of
 * them in `own`, SM_EXPLAIN_MOST). */
enum sm_status sm_explain_vary(struct sm_explainer *explainer);
enum sm_status sm_explain_try_without(struct sm_explainer *explainer, struct sm_own_setting *own,
                                      size_t *count);

#endif
