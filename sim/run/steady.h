/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/steady.h -- a run without gradients whose cycles have come to take the same seconds is
 * not simulated to its end: all workers skip whole cycles, whose seconds and bytes are added later.
 *
 * A cycle is as many steps as the algorithm takes to exchange the same between the same ranks
 * again. Every worker notes its time and its ledger after each step. When for all workers, over two
 * whole cycles, each step ends the same number of seconds after the one a cycle before, to a
 * billionth of it, and the ledgers have grown by the same, that is the steady state: the rest would
 * go on so. From the first step that nobody has begun, everybody goes on with one so many cycles
 * later; the last ones are simulated, with all that belongs to the end of a run.
 *
 * Where the slowest way through the workers is longer than a cycle, only every q-th cycle is like
 * another. So the workers' times, each with a weight of its own, are also kept as one number a
 * step; where that repeats after q cycles, they count as one.
 *
 * One OS thread may use it at a time: what SimGrid's actors do.
 */
#ifndef SM_RUN_STEADY_H
#define SM_RUN_STEADY_H

#include <stdbool.h>
#include <stddef.h>

#include "sim/base/status.h"
#include "sim/comm/comm.h"

struct sm_steady;

/* SM_ERR_NOMEM. Freed with sm_steady_free; NULL is fine there, and means that nothing is skipped
 * everywhere below. */
enum sm_status sm_steady_create(size_t workers, size_t steps, struct sm_steady **steady);
void sm_steady_free(struct sm_steady *steady);

/* By each worker, before its first step: cycles of so many steps (0: there are none) from step
 * `from` of the run on; the same on all workers. */
enum sm_status sm_steady_join(struct sm_steady *steady, size_t from, size_t cycle);
/* The step that the worker does in the place of step k: k, or one some cycles later. */
size_t sm_steady_begin(struct sm_steady *steady, size_t k);
/* Step k of worker `rank` is done at `seconds` of its time. */
enum sm_status sm_steady_end(struct sm_steady *steady, size_t rank, size_t k, double seconds,
                             const struct sm_ledger *ledger);

/* Steps that were skipped, by every worker; and their seconds. */
size_t sm_steady_steps(const struct sm_steady *steady);
double sm_steady_seconds(const struct sm_steady *steady);
/* Whether step k was skipped: it is like step *like, so many seconds later. */
bool sm_steady_skipped(const struct sm_steady *steady, size_t k, size_t *like, double *later);
/* Adds what worker `rank` spent in them. */
void sm_steady_add(const struct sm_steady *steady, size_t rank, struct sm_ledger *ledger);
/* One line for people: which cycle was repeated since when, or why none was. Valid until the next
 * call or free. */
const char *sm_steady_text(struct sm_steady *steady);

#endif
