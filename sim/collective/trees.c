/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/trees.c -- see trees.h. */
#include "sim/collective/trees.h"

/* The second tree is the first backwards; where that leaves somebody in the middle with children in
 * both, the last two ranks go to its end. */
size_t
sm_trees_position(size_t size, size_t tree, size_t rank)
{
    if (tree == 0)
        return rank + 1;
    if (size % 2 == 0)
        return size - rank;
    return rank == 0 ? size : rank + 1 == size ? size - 1 : size - 1 - rank;
}

size_t
sm_trees_rank(size_t size, size_t tree, size_t position)
{
    if (tree == 0)
        return position - 1;
    if (size % 2 == 0)
        return size - position;
    return position == size ? 0 : position + 1 == size ? size - 1 : size - 1 - position;
}

size_t
sm_trees_depth(size_t size)
{
    size_t depth = 0;
    while (size >> (depth + 1) > 0)
        depth++;
    return depth;
}
