/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/models/laps.h -- where the time of a gradient goes, layer by layer, for benchmarks. */
#ifndef SM_WORKLOADS_MODELS_LAPS_H
#define SM_WORKLOADS_MODELS_LAPS_H

#include <stddef.h>

/* Seconds of the calling thread by layer, added up. */
enum { SM_MOST_LAYERS = 128 };
struct sm_layer_times {
    struct {
        const char *name; /* borrowed from the model */
        double forward, backward;
    } layer[SM_MOST_LAYERS];
    size_t count;
};

/* A stopwatch that charges the time since the last look at it; does nothing without `times`. */
struct sm_laps {
    struct sm_layer_times *times; /* may be NULL */
    double last;
};

void sm_laps_start(struct sm_laps *laps, struct sm_layer_times *times);
/* What passed since the last lap was the layer's, on the way there or back. Layers beyond the last
 * row share it. */
void sm_laps_forward(struct sm_laps *laps, size_t layer, const char *name);
void sm_laps_backward(struct sm_laps *laps, size_t layer, const char *name);

#endif
