/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/combinations.h -- which algorithms can be put together, and runs of them.
 *
 * The values of an axis are every plug-in that is registered for it, and a few of them once more
 * with other settings. A combination takes one value of each axis; the rules say which mean
 * something.
 */
#ifndef SM_TESTS_HELPERS_COMBINATIONS_H
#define SM_TESTS_HELPERS_COMBINATIONS_H

#include <stdbool.h>
#include <stddef.h>

enum { COMBINATION_AXES = 6, COMBINATION_TEXT = 1024 };

struct combination {
    unsigned char value[COMBINATION_AXES]; /* an index into the values of each axis */
};

/* Values of an axis; 0 behind the last axis. */
size_t combination_values(size_t axis);
/* The algorithm as YAML, on one line. */
void combination_print(const struct combination *combination, char text[COMBINATION_TEXT]);

/* Every combination that the rules allow; with periods, or with fixed rounds alone. The caller
 * frees *list. */
size_t combinations_allowed(bool periods, struct combination **list);
/* Moves to the front of the list as few as suffice for every pair of values of every two axes that
 * occurs anywhere in it (greedily), and returns how many. */
size_t combinations_cover(struct combination *list, size_t count);

/* Trains a small model with it, 4 workers: the run finishes, its loss falls and is finite; one and
 * four OS threads give the same bits, and where nothing depends on the clock the engine without one
 * gives them too. False, with a message, where not. */
bool combination_holds(const struct combination *combination);

#endif
