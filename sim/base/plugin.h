/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/base/plugin.h -- what every registered object has in common, and choosing one by name.
 *
 * An axis (inner optimizers, strategies, models, collectives ...) is a list of const objects that
 * begin with a struct sm_plugin, so that listing, describing, finding and reading settings are
 * written once. A registry is one X-macro list in the axis's header; the array comes from it.
 */
#ifndef SM_BASE_PLUGIN_H
#define SM_BASE_PLUGIN_H

#include "sim/base/arena.h"
#include "sim/base/param.h"
#include "sim/base/status.h"
#include "sim/base/tree.h"

struct sm_plugin {
    const char *name;   /* value in an experiment; [a-z0-9_]+, equal to the file name        */
    const char *doc;    /* one line: what it does                                            */
    const char *source; /* paper and equation or algorithm number that the code follows      */
    size_t state_size;  /* bytes; the framework allocates it zeroed and fills `params` in    */
    const struct sm_param *params; /* ends with SM_PARAM_END; NULL: no settings              */
};

struct sm_axis {
    const char *name; /* "outer"                                                   */
    const char *key;  /* where an experiment chooses it: "algorithm.outer"         */
    const char *doc;
    const char *initial;  /* the default's name                                     */
    const char *selector; /* key that may stand for `name`; NULL: none              */
    const struct sm_plugin *const *plugins; /* NULL-terminated, in list order      */
};

/* A plug-in and its settings; workers copy the settings into states of their own. */
struct sm_choice {
    const struct sm_plugin *plugin;
    const void *settings; /* (state_size) bytes, parameters filled in; borrowed from the arena */
};

/* *plugin = the one called `name`; SM_ERR_NAME lists the known names and the nearest. */
enum sm_status sm_axis_find(const struct sm_axis *axis, const char *name,
                            const struct sm_plugin **plugin);
/* Reads `name`, or `{name: ..., settings}` (or the axis's own key), or nothing (NULL: the default).
 * Keys of the map that are in `others` (may be NULL) belong to the caller. */
enum sm_status sm_choice_bind(const struct sm_axis *axis, const struct sm_node *node,
                              const char *const *others, struct sm_arena *arena,
                              struct sm_choice *choice);
/* A private copy of the settings to run with; NULL when memory is out. */
void *sm_choice_state(const struct sm_choice *choice, struct sm_arena *arena);
/* "{name: slowmo, alpha: 1, beta: 0.7}": YAML that binds to the same choice. */
void sm_choice_print(const struct sm_choice *choice, FILE *out);

#endif
