/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/random_search.h -- the `random:` block of a sweep: values drawn instead of listed.
 *
 *   random:
 *     count: 20
 *     seed: 7
 *     algorithm.inner.lr: {min: 0.001, max: 1, scale: log}
 *     algorithm.tau: {min: 4, max: 64, scale: log, whole: yes}
 *     algorithm.outer: [none, {name: slowmo, beta: 0.7}]
 *
 * What a key gets depends on the seed, its name and its own entry, not on the other keys; a larger
 * count has the values of a smaller one first.
 */
#ifndef SM_RUN_RANDOM_SEARCH_H
#define SM_RUN_RANDOM_SEARCH_H

#include "sim/base/param.h"

struct sm_random_search {
    size_t count, seed;
};
extern const struct sm_param sm_random_search_params[], sm_random_range_params[];

/* Whether the entry is a setting of the search itself, no key to draw for. */
bool sm_random_search_owns(const struct sm_node *entry);

/* Reads those settings. */
enum sm_status sm_random_search_read(struct sm_arena *arena, const struct sm_node *block,
                                     struct sm_random_search *search);

/* *values is a list of `count` values for the entry, where the entry stands. Numbers have three
 * significant digits, and the unit of their range. */
enum sm_status sm_random_search_draw(struct sm_arena *arena, const struct sm_random_search *search,
                                     const struct sm_node *entry, const struct sm_node **values);

#endif
