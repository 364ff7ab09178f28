/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/config.c -- settings of SimGrid that a file's <config> brings along.
 *
 * SimGrid itself would let the command line of the engine win over them, without a word; so the
 * engine is given them. Those that describe the network are taken, others would change how
 * SimGrid runs, not what it models.
 */
#include <string.h>

#include "sim/base/text.h"
#include "sim/platform/model.h"

static const struct setting {
    const char *key;
    const char *ours;      /* what runs have without it                       */
    const char *values[9]; /* NULL-terminated; none: a number                 */
    double least, most;
} known[] = {
    {"network/model", "CM02", {"CM02", "LV08"}, 0, 0},
    {"network/crosstraffic", "0", {"0", "1", "no", "yes", "off", "on", "false", "true"}, 0, 0},
    {"network/TCP-gamma", "0", {NULL}, 0, 1e15},
    {"network/latency-factor", "1", {NULL}, 1e-9, 1e9},
    {"network/bandwidth-factor", "1", {NULL}, 1e-9, 1},
    {"network/weight-S", "0", {NULL}, 0, 1e15},
};
enum { KNOWN = sizeof known / sizeof *known };

static enum sm_status
check_value(struct sm_model *model, xmlNodePtr prop, const struct setting *setting,
            const char *value)
{
    double number;
    if (setting->values[0] == NULL) {
        if (sm_unit_parse(SM_UNIT_NONE, value, &number) && number >= setting->least &&
            number <= setting->most)
            return SM_OK;
        return sm_model_fail(model, prop, "<config> sets %s to '%s', expected a number %g .. %g",
                             setting->key, value, setting->least, setting->most);
    }
    for (const char *const *v = setting->values; *v != NULL; v++)
        if (strcmp(*v, value) == 0)
            return SM_OK;
    char names[96];
    return sm_model_fail(model, prop, "<config> sets %s to '%s', expected one of %s", setting->key,
                         value, sm_text_join(names, sizeof names, setting->values));
}

static enum sm_status
keep(struct sm_model *model, const struct setting *setting, const char *value)
{
    const char **list = sm_arena_alloc(model->arena, model->setting_count + 2, sizeof *list);
    const char *entry = sm_arena_printf(model->arena, "%s:%s", setting->key, value);
    if (list == NULL || entry == NULL)
        return sm_model_no_memory(model);
    for (size_t i = 0; i < model->setting_count; i++)
        list[i] = model->settings[i];
    list[model->setting_count++] = entry;
    list[model->setting_count] = NULL;
    model->settings = list;
    return SM_OK;
}

enum sm_status
sm_model_config(struct sm_model *model, xmlNodePtr config)
{
    for (xmlNodePtr prop = config->children; prop != NULL; prop = prop->next) {
        if (prop->type != XML_ELEMENT_NODE)
            continue;
        const char *names[KNOWN + 1] = {NULL};
        const char *key = sm_model_attribute(prop, "id");
        const char *value = sm_model_attribute(prop, "value");
        size_t i = 0;
        for (; i < KNOWN && strcmp(key, known[i].key) != 0; i++)
            names[i] = known[i].key;
        if (i == KNOWN) {
            char list[192], near[SM_TEXT_SUGGESTION];
            return sm_model_fail(model, prop, "<config> sets '%s'%s; expected one of %s", key,
                                 sm_text_suggest(near, key, names),
                                 sm_text_join(list, sizeof list, names));
        }
        SM_TRY(check_value(model, prop, &known[i], value));
        if (strcmp(value, known[i].ours) != 0)
            SM_TRY(keep(model, &known[i], value));
    }
    return SM_OK;
}
