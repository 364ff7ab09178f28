/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/compression/none.c -- vectors travel as they are, 32 bits a number. */
#include "algorithms/compression/compression.h"

const struct sm_compression sm_compression_none = {
    .about = {.name = "none",
              .doc = "32 bits a number, as it is",
              .source = "the uncompressed algorithm"},
    .of_models = true,
};
