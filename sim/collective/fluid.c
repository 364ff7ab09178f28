/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/collective/fluid.c -- see fluid.h. */
#include "sim/collective/fluid.h"

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

    double *there = work, *before = work + size;
    for (size_t r = 0; r < size; r++)
        there[r] = edges[r].arrival;
    for (size_t j = 0; j < steps; j++) {
        double *swap = before;
        before = there;
        there = swap;
        for (size_t r = 0; r < size; r++) {
            double sender = before[r > 0 ? r - 1 : size - 1];
            double start = before[r] > sender ? before[r] : sender;
            there[r] = start + edges[r].message;
            if (there[r] <= last)
                edges[r].remaining -= 1;
            else if (start < last)
                edges[r].remaining -= (last - start) / edges[r].message;
        }
    }
    for (size_t r = 0; r < size; r++) {
        double busy = edges[r].remaining * edges[r].message;
        double until = there[r] - last;
        edges[r].pause = until > busy ? until - busy : 0;
    }
}
