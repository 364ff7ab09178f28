/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/strategy/strategy.c -- what is asked of every strategy. */
#include "algorithms/strategy/strategy.h"

bool
sm_strategy_communicates(const struct sm_strategy *strategy)
{
    return strategy->mix_gradient != NULL || strategy->send != NULL;
}

bool
sm_strategy_is(const struct sm_choice *choice, enum sm_manner manner)
{
    const struct sm_strategy *strategy = (const struct sm_strategy *)choice->plugin;
    return strategy->manner != NULL && (strategy->manner(choice->settings) & (unsigned)manner) != 0;
}

size_t
sm_strategy_servers(const struct sm_choice *choice)
{
    const struct sm_strategy *strategy = (const struct sm_strategy *)choice->plugin;
    return strategy->server != NULL ? strategy->server->count(choice->settings) : 0;
}
