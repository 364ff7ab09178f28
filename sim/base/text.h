/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/base/text.h -- small things with strings: the nearest known name, files, numbers, hashes. */
#ifndef SM_BASE_TEXT_H
#define SM_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "sim/base/arena.h"
#include "sim/base/status.h"

/* The name in `names` (NULL-terminated) that a person who typed `wrong` most likely meant, or NULL
 * when none is near (edit distance above a third of the length). Borrowed. */
const char *sm_text_nearest(const char *wrong, const char *const *names);
/* What an error message adds to a wrong name: ", did you mean 'right'?", or nothing when none is
 * near. Into buffer; returns it. */
enum { SM_TEXT_SUGGESTION = 96 };
const char *sm_text_suggest(char buffer[SM_TEXT_SUGGESTION], const char *wrong,
                            const char *const *names);
/* "a, b, c" into buffer (size bytes), cut with "..." when it does not fit; returns buffer. */
char *sm_text_join(char *buffer, size_t size, const char *const *names);

/* SM_ERR_INPUT "cannot read PATH: reason". *text (owned by arena) ends with a zero. */
enum sm_status sm_text_read_file(struct sm_arena *arena, const char *path, char **text,
                                 size_t *length);

enum { SM_TEXT_DOUBLE = 32 }; /* bytes that hold any double */
/* `digits` significant digits of value, written as people do up to 1e15: 1500, not 1.5e+03. Into
 * buffer (size bytes); returns it. */
char *sm_text_digits(double value, int digits, char *buffer, size_t size);
/* The fewest digits that read back as the same double. Into buffer; returns it. */
char *sm_text_double(double value, char buffer[SM_TEXT_DOUBLE]);

/* The text as a string of JSON, in its quotes. */
void sm_text_json(const char *text, FILE *out);

/* The name with each run of digits as one `*`: what names that only count share, and a glob that
 * matches them; other characters that mean something in a glob are escaped. Into buffer, cut where
 * it does not fit; returns it. */
char *sm_text_class(const char *name, char *buffer, size_t size);

/* The names of the files in `folder` that end in `ending`, without it: sorted, NULL-terminated,
 * owned by arena. None when there is no such folder; NULL when memory is out. */
const char *const *sm_text_folder(struct sm_arena *arena, const char *folder, const char *ending);

/* 64-bit xxHash of bytes, continued from `seed`; hex is 16 digits and a zero. */
uint64_t sm_hash(const void *bytes, size_t length, uint64_t seed);
void sm_hash_hex(uint64_t hash, char hex[17]);

#endif
