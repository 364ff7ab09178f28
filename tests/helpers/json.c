/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/json.c -- see json.h. */
#include "tests/helpers/json.h"

#include "tests/helpers/check.h"

json_t *
json_of(const char *text)
{
    json_error_t error;
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL)
        fail_msg("%d: %s", error.line, error.text);
    return root;
}

json_t *
json_of_file(const char *path)
{
    json_error_t error;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL)
        fail_msg("%s:%d: %s", path, error.line, error.text);
    return root;
}

double
number_of(const json_t *object, const char *key)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_number(value))
        fail_msg("no number '%s'", key);
    return json_number_value(value);
}

const char *
text_of(const json_t *object, const char *key)
{
    const char *value = json_string_value(json_object_get(object, key));
    if (value == NULL)
        fail_msg("no text '%s'", key);
    return value;
}
