/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/base/plugin.c -- see plugin.h. */
#include "sim/base/plugin.h"

#include <string.h>

#include "sim/base/text.h"

enum { MOST_PLUGINS = 64, MOST_OTHERS = 16 };

enum sm_status
sm_axis_find(const struct sm_axis *axis, const char *name, const struct sm_plugin **plugin)
{
    const char *names[MOST_PLUGINS] = {NULL};
    size_t count = 0;
    for (const struct sm_plugin *const *p = axis->plugins; *p != NULL; p++) {
        if (strcmp((*p)->name, name) == 0) {
            *plugin = *p;
            return SM_OK;
        }
        if (count + 1 < MOST_PLUGINS)
            names[count++] = (*p)->name;
    }
    char known[512];
    sm_text_join(known, sizeof known, names);
    char near[SM_TEXT_SUGGESTION];
    return SM_FAIL(SM_ERR_NAME, "unknown %s '%s'%s; known: %s", axis->name, name,
                   sm_text_suggest(near, name, names), known);
}

enum sm_status
sm_choice_bind(const struct sm_axis *axis, const struct sm_node *node, const char *const *others,
               struct sm_arena *arena, struct sm_choice *choice)
{
    const struct sm_node *map = node != NULL && node->kind == SM_NODE_MAP ? node : NULL;
    const char *selector = axis->selector != NULL ? axis->selector : "name";
    const struct sm_node *name = map != NULL ? sm_tree_get(map, selector) : node;
    if (name == NULL) /* a setting laid over a bare name has made it a `name` */
        name = sm_tree_get(map, "name");
    if (name != NULL && name->kind != SM_NODE_SCALAR)
        return sm_tree_fail(name, "expected a name for %s, or {%s: ..., settings}", axis->name,
                            selector);
    const struct sm_plugin *plugin;
    if (sm_axis_find(axis, name != NULL ? name->text : axis->initial, &plugin) != SM_OK) {
        char message[SM_ERROR_LENGTH];
        memcpy(message, sm_error_last()->message, sizeof message);
        return sm_tree_fail(name, "%s", message);
    }
    void *settings = sm_arena_zalloc(arena, 1, plugin->state_size);
    if (settings == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for its settings", plugin->name);
    const char *skip[MOST_OTHERS + 3] = {"name", axis->selector};
    size_t count = axis->selector != NULL ? 2 : 1;
    for (size_t i = 0; others != NULL && others[i] != NULL && i < MOST_OTHERS; i++)
        skip[count++] = others[i];
    SM_TRY(sm_param_bind(plugin->params, settings, map, skip, arena));
    *choice = (struct sm_choice){plugin, settings};
    return SM_OK;
}

void *
sm_choice_state(const struct sm_choice *choice, struct sm_arena *arena)
{
    void *state = sm_arena_zalloc(arena, 1, choice->plugin->state_size);
    if (state != NULL)
        memcpy(state, choice->settings, choice->plugin->state_size);
    return state;
}

void
sm_choice_print(const struct sm_choice *choice, FILE *out)
{
    fprintf(out, "{name: %s", choice->plugin->name);
    for (const struct sm_param *p = choice->plugin->params; p != NULL && p->name != NULL; p++) {
        fprintf(out, ", %s: ", p->name);
        sm_param_print(p, choice->settings, out);
    }
    fputc('}', out);
}
