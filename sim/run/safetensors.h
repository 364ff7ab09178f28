/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/safetensors.h -- a model as a file that PyTorch (and every other framework) loads.
 *
 * A safetensors file is the length of a header (8 bytes, little-endian), the header (JSON: name ->
 * dtype, shape, data_offsets), and the tensors' bytes. Written and read here: fp32 only.
 * Source: https://github.com/huggingface/safetensors, README, "Format".
 */
#ifndef SM_RUN_SAFETENSORS_H
#define SM_RUN_SAFETENSORS_H

#include <stddef.h>

#include "sim/base/status.h"
#include "workloads/workload.h"

/* Writes the `count` tensors of x to `path`: all of it or nothing (an old file stays as it was).
 * SM_ERR_IO when the system refuses. */
enum sm_status sm_safetensors_save(const char *path, const struct sm_tensor *tensors, size_t count,
                                   const float *x);
/* Reads exactly these tensors into x. SM_ERR_INPUT, and x untouched, for a file that is damaged or
 * holds another model: the message names the first tensor that is missing, surplus or of another
 * shape. */
enum sm_status sm_safetensors_load(const char *path, const struct sm_tensor *tensors, size_t count,
                                   float *x);

#endif
