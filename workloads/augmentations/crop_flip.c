/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/augmentations/crop_flip.c -- a zero border, a random crop of the old size, and half of
 * the images mirrored. */
#include "workloads/datasets/dataset.h"

#include <string.h>

struct crop_flip {
    size_t padding;
    bool flip;
};

static const struct sm_param crop_flip_params[] = {
    SM_PARAM(struct crop_flip, padding, 4, 0, 64, "zero pixels around the image before the crop"),
    SM_PARAM_BOOL(struct crop_flip, flip, true, "mirror every other image, left to right"),
    SM_PARAM_END,
};

static void
crop_flip_apply(const void *state, const struct sm_data_shape *shape, struct sm_rng *rng,
                uint8_t *image, uint8_t *scratch)
{
    const struct crop_flip *s = state;
    const size_t height = shape->height, width = shape->width, channels = shape->channels;
    const size_t down = sm_rng_below(rng, 2 * s->padding + 1);
    const size_t right = sm_rng_below(rng, 2 * s->padding + 1);
    const bool mirror = s->flip && sm_rng_below(rng, 2) == 1;
    memset(scratch, 0, shape->features);
    for (size_t y = 0; y < height; y++) {
        const size_t from_y = y + down - s->padding; /* wraps below 0: then it is not < height */
        if (from_y >= height)
            continue;
        for (size_t x = 0; x < width; x++) {
            const size_t from_x = (mirror ? width - 1 - x : x) + right - s->padding;
            if (from_x < width)
                memcpy(scratch + (y * width + x) * channels,
                       image + (from_y * width + from_x) * channels, channels);
        }
    }
    memcpy(image, scratch, shape->features);
}

const struct sm_augmentation sm_augmentation_crop_flip = {
    .about =
        {
            .name = "crop_flip",
            .doc = "pad with zeros, crop at random, mirror half of the images",
            .source = "He et al., CVPR 2016, arXiv:1512.03385, section 4.2",
            .state_size = sizeof(struct crop_flip),
            .params = crop_flip_params,
        },
    .apply = crop_flip_apply,
};
