/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/base/text.c -- see text.h. */
#include "sim/base/text.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { LONGEST_NAME = 64, MOST_FILES = 1024 };

/* Optimal string alignment distance: insert, delete, replace, or swap of two neighbours. */
static size_t
edit_distance(const char *a, const char *b)
{
    size_t la = strlen(a), lb = strlen(b);
    if (la >= LONGEST_NAME || lb >= LONGEST_NAME)
        return LONGEST_NAME;
    size_t row[3][LONGEST_NAME + 1];
    for (size_t j = 0; j <= lb; j++)
        row[0][j] = j;
    for (size_t i = 1; i <= la; i++) {
        size_t *now = row[i % 3], *last = row[(i + 2) % 3], *before = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= lb; j++) {
            bool same = tolower((unsigned char)a[i - 1]) == tolower((unsigned char)b[j - 1]);
            size_t best = last[j - 1] + !same;
            if (last[j] + 1 < best)
                best = last[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            now[j] = best;
        }
    }
    return row[la % 3][lb];
}

const char *
sm_text_nearest(const char *wrong, const char *const *names)
{
    const char *nearest = NULL;
    size_t best = strlen(wrong) / 3 + 2;
    for (; *names != NULL; names++) {
        size_t distance = edit_distance(wrong, *names);
        if (distance < best && distance < strlen(*names)) {
            best = distance;
            nearest = *names;
        }
    }
    return nearest;
}

const char *
sm_text_suggest(char buffer[SM_TEXT_SUGGESTION], const char *wrong, const char *const *names)
{
    const char *near = sm_text_nearest(wrong, names);
    buffer[0] = '\0';
    if (near != NULL)
        snprintf(buffer, SM_TEXT_SUGGESTION, ", did you mean '%s'?", near);
    return buffer;
}

char *
sm_text_join(char *buffer, size_t size, const char *const *names)
{
    size_t used = 0;
    buffer[0] = '\0';
    for (size_t i = 0; names[i] != NULL; i++) {
        size_t need = strlen(names[i]) + 2;
        if (used + need + 4 > size) {
            snprintf(buffer + used, size - used, "...");
            break;
        }
        used += (size_t)snprintf(buffer + used, size - used, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    return buffer;
}

enum sm_status
sm_text_read_file(struct sm_arena *arena, const char *path, char **text, size_t *length)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return SM_FAIL(SM_ERR_INPUT, "cannot read %s: %s", path, strerror(errno));
    char *bytes = NULL;
    size_t used = 0, capacity = 0;
    for (;;) {
        if (used == capacity) {
            capacity = capacity == 0 ? 65536 : 2 * capacity;
            char *larger = realloc(bytes, capacity);
            if (larger == NULL)
                break;
            bytes = larger;
        }
        size_t got = fread(bytes + used, 1, capacity - used, file);
        used += got;
        if (got == 0)
            break;
    }
    int failed = ferror(file);
    int reason = errno;
    fclose(file);
    *text = failed || bytes == NULL ? NULL : sm_arena_strndup(arena, bytes, used);
    if (length != NULL)
        *length = used;
    free(bytes);
    if (failed)
        return SM_FAIL(SM_ERR_INPUT, "cannot read %s: %s", path, strerror(reason));
    if (*text == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for %zu bytes", path, used);
    return SM_OK;
}

char *
sm_text_digits(double value, int digits, char *buffer, size_t size)
{
    /* %g goes to an exponent when it is not below the precision; whole numbers that a double
     * holds exactly may have more digits asked for, they are zeros */
    int whole = fabs(value) >= 1 && fabs(value) < 1e15 ? (int)floor(log10(fabs(value))) + 1 : 0;
    snprintf(buffer, size, "%.*g", digits > whole ? digits : whole, value);
    return buffer;
}

char *
sm_text_double(double value, char buffer[SM_TEXT_DOUBLE])
{
    for (int digits = 1; digits <= 17; digits++)
        if (strtod(sm_text_digits(value, digits, buffer, SM_TEXT_DOUBLE), NULL) == value)
            break;
    return buffer;
}

void
sm_text_json(const char *text, FILE *out)
{
    fputc('"', out);
    for (; *text != '\0'; text++) {
        if (*text == '"' || *text == '\\')
            fprintf(out, "\\%c", *text);
        else if ((unsigned char)*text < ' ')
            fprintf(out, "\\u%04x", (unsigned)*text);
        else
            fputc(*text, out);
    }
    fputc('"', out);
}

static int
by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

char *
sm_text_class(const char *name, char *buffer, size_t size)
{
    size_t length = 0;
    for (; *name != '\0' && length + 3 < size; name++) {
        if (strchr("*?[]\\", *name) != NULL)
            buffer[length++] = '\\';
        else if (isdigit((unsigned char)*name))
            for (; isdigit((unsigned char)name[1]); name++)
                ;
        buffer[length++] = isdigit((unsigned char)*name) ? '*' : *name;
    }
    buffer[length] = '\0';
    return buffer;
}

const char *const *
sm_text_folder(struct sm_arena *arena, const char *folder, const char *ending)
{
    const char **names = sm_arena_zalloc(arena, MOST_FILES + 1, sizeof *names);
    DIR *dir = names != NULL ? opendir(folder) : NULL;
    size_t count = 0, tail = strlen(ending);
    for (struct dirent *entry; dir != NULL && (entry = readdir(dir)) != NULL;) {
        size_t length = strlen(entry->d_name);
        if (length <= tail || count == MOST_FILES ||
            strcmp(entry->d_name + length - tail, ending) != 0)
            continue;
        names[count] = sm_arena_strndup(arena, entry->d_name, length - tail);
        if (names[count++] == NULL) {
            names = NULL;
            break;
        }
    }
    if (dir != NULL)
        closedir(dir);
    if (names != NULL)
        qsort(names, count, sizeof *names, by_name);
    return names;
}

uint64_t
sm_hash(const void *bytes, size_t length, uint64_t seed)
{
    return XXH64(bytes, length, seed);
}

void
sm_hash_hex(uint64_t hash, char hex[17])
{
    snprintf(hex, 17, "%016llx", (unsigned long long)hash);
}
