/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/engine/simgrid/survey.c -- the ways between hosts, for who wants to know what the platform
 * looks like. */
#include <stdlib.h>
#include <string.h>

#include "sim/base/text.h"
#include "sim/engine/simgrid/world.h"

struct survey {
    struct world *world;
    const struct sm_hop **hops; /* (capacity) of the way that was asked for last */
    size_t capacity, met;
    sg_host_t *hosts; /* (2^bits) by name, open addressing: SimGrid looks through all zones */
    size_t mask;
};

static size_t
slot_of(const struct survey *survey, const char *name)
{
    size_t at = (size_t)sm_hash(name, strlen(name), 0) & survey->mask;
    while (survey->hosts[at] != NULL && strcmp(sg_host_get_name(survey->hosts[at]), name) != 0)
        at = (at + 1) & survey->mask;
    return at;
}

static enum sm_status
list_hosts(struct survey *survey)
{
    const size_t count = sg_host_count();
    sg_host_t *list = sg_host_list();
    while (survey->mask < 2 * count)
        survey->mask = 2 * survey->mask + 1;
    survey->hosts = sm_arena_zalloc(survey->world->arena, survey->mask + 1, sizeof(sg_host_t));
    for (size_t i = 0; survey->hosts != NULL && i < count; i++)
        survey->hosts[slot_of(survey, sg_host_get_name(list[i]))] = list[i];
    free(list);
    return survey->hosts != NULL ? SM_OK : SM_FAIL(SM_ERR_NOMEM, "no memory to look at the hosts");
}

/* What SimGrid's link says of itself, kept with it while the survey goes. */
static enum sm_status
look_at(struct survey *survey, sg_link_t link, const struct sm_hop **out)
{
    struct sm_hop *hop = sg_link_get_data(link);
    if (hop == NULL) {
        hop = sm_arena_alloc(survey->world->arena, 1, sizeof *hop);
        if (hop == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "no memory to look at the links");
        *hop = (struct sm_hop){.name = sg_link_get_name(link),
                               .number = survey->met++,
                               .bandwidth = sg_link_get_bandwidth(link),
                               .latency = sg_link_get_latency(link),
                               .shared = sg_link_is_shared(link) != 0};
        sg_link_set_data(link, hop);
    }
    *out = hop;
    return SM_OK;
}

static enum sm_status
find_way(void *arg, const char *from, const char *to, const struct sm_hop *const **hops,
         size_t *count)
{
    struct survey *survey = arg;
    const sg_host_t ends[] = {survey->hosts[slot_of(survey, from)],
                              survey->hosts[slot_of(survey, to)]};
    sg_link_t *links;
    *hops = survey->hops;
    *count = 0;
    if (ends[0] == NULL || ends[1] == NULL)
        return SM_OK;
    *count = sm_simgrid_route(survey->world, ends[0], ends[1], &links);
    if (*count > survey->capacity) {
        survey->capacity = 2 * *count;
        survey->hops =
            sm_arena_alloc(survey->world->arena, survey->capacity, sizeof(struct sm_hop *));
        if (survey->hops == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "no memory to look at the links");
    }
    *hops = survey->hops;
    for (size_t i = 0; i < *count; i++)
        SM_TRY(look_at(survey, links[i], &survey->hops[i]));
    return SM_OK;
}

enum sm_status
sm_simgrid_survey(struct world *world)
{
    const struct sm_engine_request *request = world->request;
    if (request->survey == NULL)
        return SM_OK;
    struct survey survey = {.world = world, .mask = 1};
    SM_TRY(list_hosts(&survey));
    const enum sm_status status =
        request->survey(request->survey_arg, &(struct sm_routes){find_way, &survey});
    sg_link_t *links = sg_link_list();
    const size_t count = sg_link_count();
    for (size_t i = 0; i < count; i++) /* others keep theirs there */
        sg_link_set_data(links[i], NULL);
    free(links);
    return status;
}
