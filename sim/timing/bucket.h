/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/timing/bucket.h -- the gradient in the parts in which the backward pass hands it out.
 *
 * Backward goes from the last layer to the first. Gradients are gathered into buckets in that
 * order; a bucket that is full can be reduced while the next one is computed.
 * Source: Li et al., PyTorch Distributed, VLDB 2020, arXiv:2006.15704, sec. 3.2.3.
 */
#ifndef SM_TIMING_BUCKET_H
#define SM_TIMING_BUCKET_H

#include "sim/timing/profile.h"

struct sm_bucket {
    double until;    /* share of the gradient that is there with it and those before; the last: 1 */
    double backward; /* FLOP from the bucket before to this one; in sum the profile's             */
};

/* Layers fill a bucket until it holds bucket_bytes or more; what is left at the end is the last
 * one, which weighs 0 where the first layers have no parameters. One bucket for all where
 * bucket_bytes is 0 or the profile has no layers. buckets (count >= 1) are owned by arena. */
enum sm_status sm_profile_buckets(struct sm_arena *arena, const struct sm_profile *profile,
                                  double bucket_bytes, const struct sm_bucket **buckets,
                                  size_t *count);

#endif
