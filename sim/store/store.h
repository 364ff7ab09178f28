/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/store/store.h -- results in one SQLite file, rows written while the run goes.
 *
 * A run is one row of `runs` (begun at its start, so that a killed run is seen) and one row of
 * `evaluations` a point. Each evaluation is one transaction: a killed process loses at most the one
 * in flight. The columns are the names of the summary, a nested name joined by "_"
 * (final.test_loss -> final_test_loss). Of some workers and a few steps there are the spans of time
 * too, and of each platform what it looks like, for a report that draws them.
 */
#ifndef SM_STORE_STORE_H
#define SM_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/base/arena.h"
#include "sim/base/status.h"

/* NaN in a number means null: a run without gradients has no accuracy. Texts are borrowed. */
struct sm_summary {
    const char *name, *run_id, *status; /* status: running | finished | diverged | stalled |
                                           interrupted | failed                              */
    double workers, steps, seed, parameters, wire_bytes_per_model;
    struct {
        const char *inner, *strategy, *outer, *buffer, *period, *compression, *collective;
        double tau;
    } algorithm;
    struct {
        double train_loss, test_loss, test_accuracy, test_perplexity, test_bleu;
        double consensus_distance;
    } final;
    struct {
        double test_accuracy, step, sim_seconds;
    } best;
    struct { /* until the last worker's last step; load .. idle are means over the workers, of
                where the seconds until each one's own last step went */
        double seconds, seconds_per_step, load, compute, exposed_communication, idle;
        double bytes_sent_per_worker;
        double replayed_steps; /* not simulated, for they are like those before; timing only  */
        const char *replay;    /* like which, or why there are none                           */
    } sim;
    struct {
        double seconds, samples_per_second;
    } wall;
    struct {
        const char *parameters, *platform, *data, *experiment;
    } hashes;
    /* Beside the summary object: what a later reader needs to reproduce and to join. */
    const char *experiment;     /* the resolved experiment, YAML                                 */
    const char *trajectory_key; /* hash of what decides the numbers (workload, algorithm, seed)  */
    const char *timing_key;     /* hash of what decides the seconds (platform, profile)          */
    const char *version, *network_model, *error;
    double wire_scale;
    const char *const *warnings; /* (warning_count)                                              */
    size_t warning_count;
};

struct sm_evaluation {
    size_t step;                     /* steps done                                              */
    double sim_seconds;              /* when the last worker had done them                      */
    double train_loss;               /* mean minibatch loss since the evaluation before         */
    double test_loss, test_accuracy; /* of tokens, for sequences                   */
    double test_perplexity;          /* null but for sequences                     */
    double test_bleu;                /* 0 .. 100; null but for translations        */
    double consensus_distance;
};

struct sm_store;

/* Opens or makes the file. SM_ERR_INPUT with one line when it cannot be written, is locked, is no
 * store, or was written by a newer version, SM_ERR_IO when the disk is full or fails; an existing
 * store is never damaged. */
enum sm_status sm_store_open(const char *path, struct sm_store **store);
/* The same for readers: the file must exist; nothing is written. */
enum sm_status sm_store_open_readonly(const char *path, struct sm_store **store);
/* NULL is fine. */
void sm_store_close(struct sm_store *store);

/* A new row with status `running`, which belongs to this process until it is finished; *run is its
 * number. */
enum sm_status sm_store_begin(struct sm_store *store, const struct sm_summary *summary,
                              int64_t *run);
enum sm_status sm_store_add(struct sm_store *store, int64_t run,
                            const struct sm_evaluation *evaluation);
enum sm_status sm_store_finish(struct sm_store *store, int64_t run,
                               const struct sm_summary *summary);

/* What became of the wish to run something. */
enum sm_claim {
    SM_CLAIM_MINE,      /* a new row, as by sm_store_begin                             */
    SM_CLAIM_DONE,      /* *run is the row of one that finished or diverged            */
    SM_CLAIM_TAKEN,     /* a living process is at it                                   */
    SM_CLAIM_ELSEWHERE, /* a process of another host is, or was                        */
};
/* Begins a run unless the store has it or somebody is at it, in one transaction, so that of several
 * processes one gets it. Rows of the same run_id that did not get to their end and whose process
 * is dead (take_over: or of another host) are replaced. What this handle writes stays in the log
 * beside the file when it is closed, until somebody who did not claim closes the store. */
enum sm_status sm_store_claim(struct sm_store *store, const struct sm_summary *summary,
                              bool take_over, int64_t *run, enum sm_claim *claim);

/* What a worker, or a server, did for a time. */
struct sm_span {
    size_t worker; /* rank; servers come behind the workers. Of a message: who receives it      */
    const char *track; /* program | devices | stream | message, as in sim/trace/trace.h */
    const char *name;  /* load | forward | backward | ... */
    double step;   /* from 0; null: of a server                                                 */
    double round;  /* from 1; null: of none                                                     */
    double t0, t1; /* simulated seconds, t0 < t1                                                */
    double bytes;  /* null: none                                                                */
    double from_worker; /* of a message: the rank that sent it; else null */
};
/* The spans of a run that has none yet, in one transaction. */
enum sm_status sm_store_add_spans(struct sm_store *store, int64_t run, const struct sm_span *spans,
                                  size_t count);

/* What the platform of that hash (hashes.platform) looks like, JSON; the first description of a
 * hash stays. */
enum sm_status sm_store_add_platform(struct sm_store *store, const char *hash,
                                     const char *description);
/* *description is NULL where there is none; owned by arena. */
enum sm_status sm_store_platform(struct sm_store *store, const char *hash, struct sm_arena *arena,
                                 const char **description);

struct sm_stored_run {
    int64_t run;
    const char *created; /* UTC, ISO 8601 */
    struct sm_summary summary;
    const struct sm_evaluation *evaluations; /* (evaluation_count), by step */
    size_t evaluation_count;
    /* What sm_store_read_more adds; older stores have neither. */
    const struct sm_span *spans; /* (span_count) in the order they were added */
    size_t span_count;
    const char *platform; /* its description, JSON; NULL: none */
};
/* All runs in the order they began, without spans and platforms; owned by arena. */
enum sm_status sm_store_read(struct sm_store *store, struct sm_arena *arena,
                             const struct sm_stored_run **runs, size_t *count);
/* Adds its spans and its platform to a run of this store, for what few readers ask for. */
enum sm_status sm_store_read_more(struct sm_store *store, struct sm_arena *arena,
                                  struct sm_stored_run *run);

/* Copies a run with all that it has here from another store, in the place of rows of the same
 * run_id that did not get to their end; nothing where there is one that did. */
enum sm_status sm_store_put(struct sm_store *store, const struct sm_stored_run *stored);

/* The summary as the one-line JSON object of `--json`, NaN as null; owned by arena. */
enum sm_status sm_summary_json(const struct sm_summary *summary, struct sm_arena *arena,
                               const char **json);

#endif
