/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/strategy/local.c -- nothing travels until the round ends.
 *
 * With outer = average this is Local SGD. Source: Stich, ICLR 2019, arXiv:1805.09767.
 */
#include "algorithms/strategy/strategy.h"

const struct sm_strategy sm_strategy_local = {
    .about = {.name = "local",
              .doc = "no communication between outer steps",
              .source = "Stich, ICLR 2019, arXiv:1805.09767"},
};
