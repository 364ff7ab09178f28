/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/rules.c -- see rules.h. */
#include "sim/run/rules.h"

#include "algorithms/buffer/buffer.h"
#include "algorithms/compression/compression.h"
#include "algorithms/inner/inner.h"
#include "algorithms/outer/outer.h"
#include "algorithms/strategy/strategy.h"

static const struct sm_inner *
inner_of(const struct sm_experiment *e)
{
    return (const struct sm_inner *)e->algorithm.inner.plugin;
}

static const struct sm_strategy *
strategy_of(const struct sm_experiment *e)
{
    return (const struct sm_strategy *)e->algorithm.strategy.plugin;
}

static const struct sm_outer *
outer_of(const struct sm_experiment *e)
{
    return (const struct sm_outer *)e->algorithm.outer.plugin;
}

static const struct sm_compression *
compression_of(const struct sm_experiment *e)
{
    return (const struct sm_compression *)e->algorithm.compression.plugin;
}

static enum sm_round
round_of(const struct sm_experiment *e)
{
    return sm_outer_round(outer_of(e), e->algorithm.outer.settings);
}

static bool
averages_buffers(const struct sm_experiment *e)
{
    return e->algorithm.buffer.plugin == &sm_buffer_average.about;
}

static bool
mixes_buffers(const struct sm_experiment *e)
{
    return sm_strategy_is(&e->algorithm.strategy, SM_MIXES_BUFFERS);
}

static bool
local_rounds_where_workers_never_meet(const struct sm_experiment *e, size_t workers)
{
    return round_of(e) == SM_ROUND_LOCAL && workers > 1 &&
           !sm_strategy_communicates(strategy_of(e));
}

static bool
average_switched_off_without_gossip(const struct sm_experiment *e, size_t workers)
{
    (void)workers;
    return round_of(e) == SM_ROUND_LOCAL && !strategy_of(e)->mixes_models &&
           sm_param_find(outer_of(e)->about.params, "average") != NULL;
}

static bool
local_rounds_on_weighted_models(const struct sm_experiment *e, size_t workers)
{
    return round_of(e) == SM_ROUND_LOCAL && workers > 1 &&
           sm_strategy_is(&e->algorithm.strategy, SM_WEIGHS_MODELS);
}

static bool
exchange_beside_another(const struct sm_experiment *e, size_t workers)
{
    (void)workers;
    return round_of(e) == SM_ROUND_EXCHANGE && sm_strategy_communicates(strategy_of(e));
}

static bool
rounds_beside_servers(const struct sm_experiment *e, size_t workers)
{
    (void)workers;
    return strategy_of(e)->server != NULL && round_of(e) != SM_ROUND_NONE;
}

static bool
layers_on_several_servers(const struct sm_experiment *e, size_t workers)
{
    (void)workers;
    return sm_strategy_servers(&e->algorithm.strategy) > 1 &&
           (inner_of(e)->by_matrix || e->algorithm.clip > 0);
}

/* Whether the optimizer, with its settings, keeps anything that could be averaged. */
static bool
has_buffers(const struct sm_experiment *e)
{
    const struct sm_inner *inner = inner_of(e);
    struct sm_arena arena = {0};
    struct sm_comm comm = {.size = 1, .devices = 1, .wire_scale = 1};
    const float zero = 0;
    const struct sm_matrix one = {.rows = 1, .columns = 1, .panel = 1};
    const struct sm_setup setup = {.arena = &arena,
                                   .comm = &comm,
                                   .n = 1,
                                   .x0 = &zero,
                                   .matrices = &one,
                                   .matrix_count = 1,
                                   .compression = &e->algorithm.compression};
    void *state = sm_choice_state(&e->algorithm.inner, &arena);
    bool found = false;
    struct sm_buffer buffer;
    if (inner->buffer != NULL && state != NULL && inner->init(state, &setup) == SM_OK)
        for (size_t i = 0; !found && inner->buffer(state, i, &buffer); i++)
            found = !buffer.counter;
    sm_arena_fini(&arena);
    return found;
}

static bool
average_of_no_buffers(const struct sm_experiment *e, size_t workers)
{
    (void)workers;
    return (averages_buffers(e) || mixes_buffers(e)) && !has_buffers(e);
}

static bool
mixed_buffers_of_weighted_models(const struct sm_experiment *e, size_t workers)
{
    return mixes_buffers(e) && workers > 1 &&
           sm_strategy_is(&e->algorithm.strategy, SM_WEIGHS_MODELS);
}

static bool
averaged_buffers_without_rounds(const struct sm_experiment *e, size_t workers)
{
    (void)workers;
    return averages_buffers(e) && round_of(e) == SM_ROUND_NONE;
}

static bool
models_that_lose_most_of_their_numbers(const struct sm_experiment *e, size_t workers)
{
    (void)workers;
    return !compression_of(e)->of_models &&
           (strategy_of(e)->mixes_models || outer_of(e)->sends_models);
}

static bool
votes_on_models(const struct sm_experiment *e, size_t workers)
{
    (void)workers;
    enum sm_round round = round_of(e);
    return compression_of(e)->votes && (round == SM_ROUND_AVERAGE || round == SM_ROUND_EXCHANGE);
}

static bool
protocol_where_none_fits(const struct sm_experiment *e, size_t workers)
{
    (void)workers;
    return compression_of(e)->average != NULL &&
           (strategy_of(e)->server != NULL || round_of(e) == SM_ROUND_EXCHANGE);
}

static bool
nobody_communicates(const struct sm_experiment *e, size_t workers)
{
    return round_of(e) == SM_ROUND_NONE && workers > 1 && !sm_strategy_communicates(strategy_of(e));
}

static bool
rounds_longer_than_the_run(const struct sm_experiment *e, size_t workers)
{
    (void)workers;
    return round_of(e) != SM_ROUND_NONE && e->steps > 0 && sm_experiment_tau(e) > e->steps;
}

static bool
compresses_nothing(const struct sm_experiment *e, size_t workers)
{
    const enum sm_round round = round_of(e);
    const bool average = round == SM_ROUND_AVERAGE || round == SM_ROUND_EXCHANGE;
    const struct sm_compression *compression = compression_of(e);
    return (compression->encode != NULL || compression->average != NULL) &&
           (workers == 1 || (!average && !sm_strategy_communicates(strategy_of(e))));
}

const struct sm_rule sm_rules[] = {
    {"average: no needs a gossip strategy such as sgp: over others all models are alike anyway, "
     "or would drift apart",
     false, average_switched_off_without_gossip},
    {"an outer step on each worker's own model (lookahead) over a strategy that never "
     "communicates: the models would drift apart; use a strategy that mixes models or "
     "gradients, or slowmo with beta 0, which averages",
     false, local_rounds_where_workers_never_meet},
    {"an outer step on each worker's own model (average: no, lookahead) over push-sum with "
     "weights that leave 1 (topology random or edges): what a round changes x by is mostly the "
     "weight's; use an exact average, or a topology where each rank hears from as many as it "
     "sends to",
     false, local_rounds_on_weighted_models},
    {"an outer optimizer with an exchange of its own over a strategy that communicates too: one "
     "would undo what the other does; use strategy local",
     false, exchange_beside_another},
    {"rounds over parameter servers: the servers hold the model, a round would change only the "
     "workers' copies; use outer none",
     false, rounds_beside_servers},
    {"clipping, or an inner optimizer that treats layers as a whole, on several parameter "
     "servers: each sees only its part of the gradient; use one server",
     false, layers_on_several_servers},
    {"buffer average, or a strategy with buffers: yes, for an inner optimizer without buffers: "
     "there is nothing to average; use reset, or an optimizer with momentum",
     false, average_of_no_buffers},
    {"buffers: yes over push-sum with weights that leave 1 (topology random or edges): a momentum "
     "has no weight to be divided by; use a topology where each rank hears from as many as it "
     "sends to",
     false, mixed_buffers_of_weighted_models},
    {"sparse, one-bit or low-rank compression of whole models (gossip): what is left out of a "
     "share its weight still counts; use fp16, bf16 or int8",
     false, models_that_lose_most_of_their_numbers},
    {"a majority vote on models: signs say where to go, not how far; vote on gradients "
     "(strategy allreduce or parameter_server, outer none)",
     false, votes_on_models},
    {"a compression with all-reduces of its own over parameter servers or beside an exchange: "
     "all workers average its factors one after the other; use it on all-reduced gradients or "
     "on an exact average",
     false, protocol_where_none_fits},
    {"a strategy that never communicates with outer none: the workers never communicate; outer "
     "average makes it Local SGD",
     true, nobody_communicates},
    {"a compression where nothing travels (one worker, or a strategy that never communicates "
     "with an outer optimizer that does not average): it changes nothing",
     true, compresses_nothing},
    {"tau is longer than the run: no round ends", true, rounds_longer_than_the_run},
    {"buffer average with outer none: it changes nothing, for no round ends", true,
     averaged_buffers_without_rounds},
    {NULL, false, NULL},
};

enum sm_status
sm_rules_check(const struct sm_experiment *experiment, size_t workers, const char **warnings,
               size_t most, size_t *count)
{
    *count = 0;
    for (const struct sm_rule *rule = sm_rules; rule->text != NULL; rule++) {
        if (!rule->broken(experiment, workers))
            continue;
        if (!rule->warns)
            return SM_FAIL(
                SM_ERR_INPUT,
                "algorithm: inner %s, strategy %s, outer %s, buffer %s, compression %s: %s",
                experiment->algorithm.inner.plugin->name,
                experiment->algorithm.strategy.plugin->name,
                experiment->algorithm.outer.plugin->name, experiment->algorithm.buffer.plugin->name,
                experiment->algorithm.compression.plugin->name, rule->text);
        if (*count < most)
            warnings[(*count)++] = rule->text;
    }
    return SM_OK;
}

void
sm_rules_print(FILE *out)
{
    for (int warns = 0; warns < 2; warns++) {
        fprintf(out, "%s\n", warns ? "allowed, with a warning:" : "refused:");
        for (const struct sm_rule *rule = sm_rules; rule->text != NULL; rule++)
            if (rule->warns == (warns == 1))
                fprintf(out, "  %s\n", rule->text);
    }
}
