/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/outer/average.c -- x_i <- mean_i x_i at the end of a round; the loop does the mean.
 *
 * Over `local` this is Local SGD. Source: Stich, ICLR 2019, arXiv:1805.09767.
 */
#include "algorithms/outer/outer.h"

const struct sm_outer sm_outer_average = {
    .about = {.name = "average",
              .doc = "the exact average of the models and nothing more",
              .source = "Stich, ICLR 2019, arXiv:1805.09767"},
};
