/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/stores.h -- what the program left in the stores of its folder. */
#ifndef SM_TESTS_HELPERS_STORES_H
#define SM_TESTS_HELPERS_STORES_H

#include "sim/store/store.h"

/* The runs of the store `name` in folder_path(); owned by arena. */
size_t store_runs(struct sm_arena *arena, const char *name, const struct sm_stored_run **runs);

/* The file is sound, holds `count` runs, all of them finished, each once, and no claims. */
void store_has_finished(const char *name, size_t count);

/* The same with spans and platforms. */
size_t store_runs_with_spans(struct sm_arena *arena, const char *name, struct sm_stored_run **runs);

/* Both have the same runs, with the same summary, but for wall time, the same evaluations and the
 * same spans, of which there are some. */
void stores_are_equal(const char *name, const char *other);

/* The number in the first row of an answer; 0 without. */
long long store_query(const char *name, const char *sql);

#endif
