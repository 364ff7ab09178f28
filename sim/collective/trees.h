/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/trees.h -- m ranks in two binary trees, each to carry one half of the bytes.
 *
 * A tree has positions 1 .. m, the children of x at 2x and 2x + 1. In the first tree rank r is at
 * r + 1; in the second so that who has children in one is a leaf in the other, and so that the
 * parity of the position changes.
 */
#ifndef SM_COLLECTIVE_TREES_H
#define SM_COLLECTIVE_TREES_H

#include <stddef.h>

enum { SM_TREES = 2 };

/* The position of a rank in tree 0 or 1, and the rank at a position. */
size_t sm_trees_position(size_t size, size_t tree, size_t rank);
size_t sm_trees_rank(size_t size, size_t tree, size_t position);
/* How far the lowest position is below position 1: floor(log2 m). */
size_t sm_trees_depth(size_t size);

#endif
