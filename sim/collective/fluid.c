/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/fluid.c -- see fluid.h. */
#include "sim/collective/fluid.h"

#include <stdbool.h>

/* Messages `steps` times round, when no edge has anything left to do before the last arrival: only
 * the times matter. Returns where they are, there or before. */
static double *
go_round(size_t size, size_t steps, const double *restrict message, double *there, double *before)
{
    for (size_t j = 0; j < steps; j++) {
        double *restrict next = before;
        const double *restrict now = there;
        next[0] = (now[0] > now[size - 1] ? now[0] : now[size - 1]) + message[0];
        for (size_t r = 1; r < size; r++)
            next[r] = (now[r] > now[r - 1] ? now[r] : now[r - 1]) + message[r];
        before = there;
        there = next;
    }
    return there;
}

void
sm_fluid_plan(size_t size, size_t steps, struct sm_fluid_edge *edges, double *work)
{
    double last = edges[0].arrival, first = edges[0].arrival;
    for (size_t r = 0; r < size; r++) {
        last = edges[r].arrival > last ? edges[r].arrival : last;
        first = edges[r].arrival < first ? edges[r].arrival : first;
        edges[r].remaining = (double)steps;
        edges[r].pause = 0;
    }
    if (first == last) /* the slowest edge alone decides, and a flow of all steps takes as long */
        return;

    double *there = work, *before = work + size, *message = work + 2 * size;
    for (size_t r = 0; r < size; r++) {
        there[r] = edges[r].arrival;
        message[r] = edges[r].message;
    }
    size_t j = 0;
    for (bool early = true; j < steps && early; j++) {
        double *swap = before;
        before = there;
        there = swap;
        early = false;
        for (size_t r = 0; r < size; r++) {
            double sender = before[r > 0 ? r - 1 : size - 1];
            double start = before[r] > sender ? before[r] : sender;
            there[r] = start + message[r];
            early = early || there[r] <= last;
            if (there[r] <= last)
                edges[r].remaining -= 1;
            else if (start < last)
                edges[r].remaining -= (last - start) / message[r];
        }
    }
    there = go_round(size, steps - j, message, there, before);
    for (size_t r = 0; r < size; r++) {
        double busy = edges[r].remaining * edges[r].message;
        double until = there[r] - last;
        edges[r].pause = until > busy ? until - busy : 0;
    }
}
