/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/state.c -- links and hosts that a profile file turns off and on.
 *
 * SimGrid follows the profiles; they are read here too, so that a run that ends for a dead link can
 * name it.
 */
#include <stdio.h>
#include <string.h>

#include "sim/base/text.h"
#include "sim/platform/model.h"

/* ---- what the profiles say ---- */

/* Reads "SECONDS VALUE" lines, comments, PERIODICITY and LOOPAFTER. A profile that draws its times
 * at random is left empty: SimGrid knows when, we do not. */
static enum sm_status
read_times(struct sm_model *model, const char *text, double period, struct sm_platform_state *state)
{
    size_t room = 1;
    for (const char *c = text; *c != '\0'; c++)
        room += *c == '\n' || *c == '\r';
    double *times = sm_arena_alloc(model->arena, room, sizeof *times), after = -1;
    bool *on = sm_arena_alloc(model->arena, room, sizeof *on);
    size_t count = 0;
    if (times == NULL || on == NULL)
        return sm_model_no_memory(model);
    for (const char *line = text; *line != '\0'; line += strspn(line, "\n\r")) {
        double seconds, value;
        line += strspn(line, " \t");
        if (sscanf(line, "%lf %lf", &seconds, &value) == 2) {
            times[count] = seconds;
            on[count++] = value > 0;
        } else if (sscanf(line, "PERIODICITY %lf", &period) != 1 &&
                   sscanf(line, "LOOPAFTER %lf", &after) != 1 && strchr("#%\n\r", *line) == NULL) {
            count = 0;
            break;
        }
        line += strcspn(line, "\n\r");
    }
    if (after >= 0 && count > 0)
        period = times[count - 1] + after;
    state->times = times;
    state->on = on;
    state->count = count;
    state->period = period > 0 ? period : 0;
    return SM_OK;
}

static enum sm_status
add_state(struct sm_model *model, const char *name, const char *suffix, bool host, const char *text,
          double period)
{
    struct sm_platform_state *state = sm_arena_zalloc(model->arena, 1, sizeof *state);
    if (state == NULL ||
        (state->name = sm_arena_printf(model->arena, "%s%s", name, suffix)) == NULL)
        return sm_model_no_memory(model);
    state->host = host;
    state->next = model->states;
    model->states = state;
    return read_times(model, text, period, state);
}

/* The text of a profile file, whose name is the one SimGrid is given by now. */
static enum sm_status
profile_text(struct sm_model *model, xmlNodePtr element, const char *key, const char **text)
{
    char *read;
    size_t length;
    SM_TRY(sm_text_read_file(model->arena, sm_model_attribute(element, key), &read, &length));
    *text = read;
    return SM_OK;
}

static enum sm_status
read_connection(struct sm_model *model, xmlNodePtr connect)
{
    const char *kind = sm_model_attribute(connect, "kind");
    if (kind != NULL && strcmp(kind, "HOST_AVAIL") != 0)
        return SM_OK;
    const struct sm_entry *trace =
        sm_table_find(&model->traces, sm_model_attribute(connect, "trace"));
    const char *periodicity = sm_model_attribute(trace->element, "periodicity"), *text = "";
    double period = 0;
    sm_unit_parse(SM_UNIT_NONE, periodicity, &period);
    if (sm_model_attribute(trace->element, "file") != NULL)
        SM_TRY(profile_text(model, trace->element, "file", &text));
    else if (trace->element->children != NULL && trace->element->children->content != NULL)
        text = (const char *)trace->element->children->content;
    return add_state(model, sm_model_attribute(connect, "element"), "", true, text, period);
}

static bool
is_split(xmlNodePtr element)
{
    const char *policy = sm_model_attribute(element, "sharing_policy");
    return policy != NULL && sm_element_is(element, "link") &&
           (strcmp(policy, "SPLITDUPLEX") == 0 || strcmp(policy, "FULLDUPLEX") == 0);
}

enum sm_status
sm_model_states(struct sm_model *model, xmlNodePtr parent)
{
    for (xmlNodePtr child = parent->children; child != NULL; child = child->next) {
        if (child->type != XML_ELEMENT_NODE)
            continue;
        if (sm_model_has(child, "state_file")) {
            const char *text, *name = sm_model_attribute(child, "id");
            SM_TRY(profile_text(model, child, "state_file", &text));
            SM_TRY(add_state(model, name, is_split(child) ? "_UP" : "",
                             !sm_element_is(child, "link"), text, 0));
            if (is_split(child))
                SM_TRY(add_state(model, name, "_DOWN", false, text, 0));
        }
        if (sm_element_is(child, "trace_connect"))
            SM_TRY(read_connection(model, child));
        SM_TRY(sm_model_states(model, child));
    }
    return SM_OK;
}

/* ---- asked later ---- */

/* Up before its first line; of one that begins again, what the last line of the round before said.
 */
static bool
is_down(const struct sm_platform_state *s, double now, double *since)
{
    if (s->count == 0)
        return false;
    double begin = s->period > 0 ? s->period * (double)(size_t)(now / s->period) : 0;
    bool on = begin > 0 ? s->on[s->count - 1] : true;
    *since = begin - s->period + s->times[s->count - 1];
    for (size_t i = 0; i < s->count && begin + s->times[i] <= now; i++) {
        if (on && !s->on[i])
            *since = begin + s->times[i];
        on = s->on[i];
    }
    return !on;
}

bool
sm_platform_is_down(const struct sm_platform *platform, const char *name, double now, double *since)
{
    const double late = now + 1e-9 * (now + 1e-3); /* clocks add up roundings */
    for (const struct sm_platform_state *s = platform->states; s != NULL; s = s->next)
        if (strcmp(s->name, name) == 0)
            return is_down(s, late, since);
    return false;
}
