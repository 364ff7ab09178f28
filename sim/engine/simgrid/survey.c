/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/engine/simgrid/survey.c -- the ways between hosts, for who wants to know what the platform
 * looks like. */
#include <stdlib.h>

#include "sim/engine/simgrid/world.h"

struct survey {
    struct world *world;
    const struct sm_hop **hops; /* (capacity) of the way that was asked for last */
    size_t capacity, met;
};

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
    const sg_host_t ends[] = {sg_host_by_name(from), sg_host_by_name(to)};
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
    struct survey survey = {.world = world};
    const enum sm_status status =
        request->survey(request->survey_arg, &(struct sm_routes){find_way, &survey});
    sg_link_t *links = sg_link_list();
    const size_t count = sg_link_count();
    for (size_t i = 0; i < count; i++) /* others keep theirs there */
        sg_link_set_data(links[i], NULL);
    free(links);
    return status;
}
