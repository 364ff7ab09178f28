/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/fold.h -- m ranks as a power of two, for schedules that go by halves or doubles.
 *
 * Let p be the largest power of two that is not above m. The m - p ranks 1, 3, 5 ... first give all
 * they have to the rank before them, and get the result at the end. The others are numbered
 * v = 0 .. p-1.
 * Source: Thakur, Rabenseifner, Gropp, Int. J. High Perform. Comput. Appl. 19 (2005), section 4.5.
 */
#ifndef SM_COLLECTIVE_FOLD_H
#define SM_COLLECTIVE_FOLD_H

#include "sim/collective/collective.h"

struct sm_fold {
    size_t power, levels, extra; /* p, log2 p, m - p */
};

struct sm_fold sm_fold_of(size_t size);
/* The rank numbered v, and the number of a rank; SM_NO_RANK of one that folds. */
size_t sm_fold_rank(const struct sm_fold *fold, size_t v);
size_t sm_fold_number(const struct sm_fold *fold, size_t rank);
/* The step before all others, or (`in` false) after them: who folds gives, or gets, all `chunks`.
 * *out of other ranks stays as it is. */
void sm_fold_step(const struct sm_fold *fold, size_t rank, bool in, size_t chunks,
                  struct sm_collective_step *out);

#endif
