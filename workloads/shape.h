/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/shape.h -- the shape of the data: what a data set is made of and a model is fitted to.
 *
 * Samples are of one of three kinds. Vectors and images are bytes with a class as label; an image
 * is stored channels last, row by row. Sequences are tokens: a language model predicts each of the
 * last `target` tokens of a sample from those before it; in a translation pair `source` tokens of
 * the other language come first, both filled up with SM_TOKEN_PADDING.
 */
#ifndef SM_WORKLOADS_SHAPE_H
#define SM_WORKLOADS_SHAPE_H

#include <stdbool.h>
#include <stddef.h>

enum { SM_MOST_CHANNELS = 4 };

struct sm_data_shape {
    size_t features, classes;       /* of vectors and images; 0: none                       */
    size_t height, width, channels; /* of images, features = their product; 0: no images    */
    size_t vocabulary;              /* tokens are below it; 0: no sequences                 */
    size_t source, target;          /* tokens; a sample is (source + target + 1) of them    */
};

/* The first tokens of a vocabulary for translation. A text without pairs has none of them. */
enum { SM_TOKEN_PADDING, SM_TOKEN_BEGIN, SM_TOKEN_END, SM_TOKENS_SPECIAL };

#endif
