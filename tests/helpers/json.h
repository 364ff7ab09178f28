/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/json.h -- what JSON says, where it must say it: else the test fails. */
#ifndef SM_TESTS_HELPERS_JSON_H
#define SM_TESTS_HELPERS_JSON_H

#include <jansson.h>

/* A text, or a file, of one value without a key twice; the caller lets go of it. */
json_t *json_of(const char *text);
json_t *json_of_file(const char *path);
double number_of(const json_t *object, const char *key);
const char *text_of(const json_t *object, const char *key);

#endif
