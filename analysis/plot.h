/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/plot.h -- curves of stored runs, drawn by gnuplot. */
#ifndef SM_ANALYSIS_PLOT_H
#define SM_ANALYSIS_PLOT_H

#include <stdio.h>

#include "sim/store/store.h"

/* x: time | step; y: accuracy | loss | train_loss | perplexity | bleu | consensus_distance. One
 * line a run that has two points or more. output: a path that ends in .svg, .png or .pdf; NULL: SVG
 * on standard output. SM_ERR_INPUT when gnuplot is missing, nothing can be drawn, or a name is
 * wrong. */
enum sm_status sm_plot(const struct sm_stored_run *runs, size_t count, const char *x, const char *y,
                       const char *output);
/* What gnuplot is told; the same errors. */
enum sm_status sm_plot_script(const struct sm_stored_run *runs, size_t count, const char *x,
                              const char *y, const char *output, FILE *out);

#endif
