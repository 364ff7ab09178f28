/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/tensorboard.h -- stored runs as event files that TensorBoard reads. */
#ifndef SM_ANALYSIS_TENSORBOARD_H
#define SM_ANALYSIS_TENSORBOARD_H

#include "sim/store/store.h"

/* Makes `folder` where there is none, and in it a folder a run, NAME-RUN, with one event file. Each
 * scalar of the evaluations is there twice: step/NAME against steps, and simulated_ms/NAME with
 * whole simulated milliseconds as its step. The wall time of an event is when the run began plus
 * its simulated seconds, so that TensorBoard's "relative" axis shows those. What is null is left
 * out. A store written twice gives the same files.
 *
 * Sources: TFRecord and masked CRC32C, tensorflow.org "TFRecord and tf.train.Example"; Event and
 * Summary, tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto. */
enum sm_status sm_export_tensorboard(const struct sm_stored_run *runs, size_t count,
                                     const char *folder);

#endif
