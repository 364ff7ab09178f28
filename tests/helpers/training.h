/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/training.h -- whole runs from the text of an experiment, and plug-ins from theirs.
 */
#ifndef SM_TESTS_HELPERS_TRAINING_H
#define SM_TESTS_HELPERS_TRAINING_H

#include <signal.h>
#include <stdbool.h>

#include "algorithms/setup.h"
#include "sim/engine/engine.h"
#include "sim/store/store.h"

/* A softmax of 4 x 16 and 4 numbers, small, but every worker sees its data more than once; and a
 * network whose gradient is large enough that it goes to the pool. */
#define SYNTHETIC "dataset: {name: synthetic, classes: 4, features: 16, train: 240, test: 60}"
#define SOFTMAX   "workload: {model: softmax, batch: 8, " SYNTHETIC "}"
#define MLP                                                                                        \
    "workload: {model: mlp, hidden: [64], batch: 32, dataset: {name: synthetic, train: 1000,"      \
    " test: 100}}"

enum { TRAINING_EVALUATIONS = 256, TRAINING_PARAMETERS = 65536, TRAINING_TEXT = 8192 };

/* How to run, beside the experiment. {0}: on SimGrid, with all cores, from the start to the end. */
struct training_how {
    const struct sm_engine *engine; /* NULL: simgrid, in a process of its own */
    size_t threads;
    bool timing_only, no_replay;
    const char *load, *save;
    const volatile sig_atomic_t *interrupted;
};

/* What came out; one piece without pointers, so that a child can send it. */
struct training {
    enum sm_status status; /* of sm_experiment_bind or sm_run */
    struct sm_error error; /* its message also says why a run diverged */
    char state[16];        /* summary.status                                    */
    char hash[17];         /* hashes.parameters; "" when the run left none      */
    char trajectory_key[17], timing_key[17];
    char summary[TRAINING_TEXT]; /* the JSON object                       */
    double seconds, bytes;       /* sim.seconds, sim.bytes_sent_per_worker */
    struct sm_evaluation evaluations[TRAINING_EVALUATIONS];
    size_t evaluation_count, parameters;
    float consensus[TRAINING_PARAMETERS]; /* (parameters) 0 when there is none */
};

/* Runs it, whatever comes out. The caller frees the result. */
__attribute__((format(printf, 2, 3))) struct training *training_run(const struct training_how *how,
                                                                    const char *format, ...);
/* The same of a run that must finish; `train`: on SimGrid. */
__attribute__((format(printf, 2, 3))) struct training *
training_finish(const struct training_how *how, const char *format, ...);
__attribute__((format(printf, 1, 2))) struct training *train(const char *format, ...);
/* A run that must be refused as SM_ERR_INPUT, with one line that holds `message`. */
__attribute__((format(printf, 2, 3))) void training_refused(const char *message, const char *format,
                                                            ...);
/* 12 steps of four unlike workers, one of them slow, on a parabola of 7 coordinates, with an
 * evaluation a step. engine: NULL is simgrid. */
struct training *quarrel(const struct sm_engine *engine, const char *algorithm);

/* The two end with the same bits, and have the same rows on the way. */
void check_same_numbers(const struct training *a, const struct training *b, const char *what);
/* As many seconds and bytes. */
void check_same_cost(const struct training *a, const struct training *b, const char *what);
/* The largest difference between two consensus models, in roundings of the largest number of a,
 * which is above 0.1. */
double training_distance(const struct training *a, const struct training *b);
/* 30 steps of SOFTMAX with each of the two algorithms end at most so far from each other. */
void check_alike(const char *platform, const char *one, const char *other, double roundings);

/* The newest evaluation. */
const struct sm_evaluation *training_last(const struct training *training);

/* What a plug-in is told, for n parameters of one row-major matrix of that many rows, from x0
 * (NULL: zeros), as one rank among `comm`'s (NULL: the only one), uncompressed. Owned by arena. */
const struct sm_setup *plugin_setup(struct sm_arena *arena, size_t n, const float *x0,
                                    struct sm_comm *comm);
/* A plug-in and a state with its settings, from YAML such as "{name: sgd, lr: 0.5}". */
const struct sm_plugin *plugin_state(struct sm_arena *arena, const struct sm_axis *axis,
                                     const char *yaml, void **state);

#endif
