/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/profile.c -- profile files, looked at before SimGrid reads them.
 *
 *   0 1.2e9
 *   120 6e8
 *   PERIODICITY 600
 *
 * SimGrid dies of some mistakes, goes round for ever with a period of 0, and takes a text behind
 * the numbers, a state of 0.5 or a negative bandwidth without a word.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/platform/model.h"

struct profile {
    double last, loop; /* seconds: of the last line, after which all begins again; -1: none */
    bool stochastic;   /* times are drawn: SimGrid's to check                                */
};

/* What a value may be. */
static bool
fits(const char *key, double value)
{
    if (strcmp(key, "state_file") == 0)
        return value == 0 || value == 1;
    if (strcmp(key, "bandwidth_file") == 0 || strcmp(key, "latency_file") == 0)
        return value > 0;
    return value >= 0;
}

static const char *
expected_of(const char *key)
{
    return strcmp(key, "state_file") == 0       ? "0 (down) or 1"
           : strcmp(key, "bandwidth_file") == 0 ? "bytes/s, greater than 0"
           : strcmp(key, "latency_file") == 0   ? "seconds, greater than 0"
                                                : "a factor, at least 0";
}

/* As many numbers as the line has, of which two are kept; SIZE_MAX: something else is there. */
static size_t
numbers_of(const char *line, double number[2])
{
    for (size_t count = 0;; count++) {
        line += strspn(line, " \t");
        if (*line == '\0')
            return count;
        char *end;
        const double value = strtod(line, &end);
        if (end == line || strchr(" \t", *end) == NULL || !isfinite(value))
            return SIZE_MAX;
        number[count < 1 ? 0 : 1] = value;
        line = end;
    }
}

/* NULL, or what was expected of the line. */
static const char *
read_line(struct profile *p, const char *key, const char *line)
{
    double number[2];
    const size_t word = strcspn(line, " \t");
    if (strncmp(line, "STOCHASTIC", strlen("STOCHASTIC")) == 0) {
        p->stochastic = true;
        return NULL;
    }
    const bool period = strncmp(line, "PERIODICITY", word) == 0 && word == strlen("PERIODICITY");
    if (period || (strncmp(line, "LOOPAFTER", word) == 0 && word == strlen("LOOPAFTER"))) {
        if (numbers_of(line + word, number) != 1)
            return "seconds";
        p->loop = period ? number[0] : fmax(p->last, 0) + number[0];
        return p->loop > 0 && p->loop >= p->last ? NULL
                                                 : "seconds, greater than 0 and no less than the "
                                                   "last line's";
    }
    if (numbers_of(line, number) != 2)
        return "SECONDS VALUE, PERIODICITY SECONDS or LOOPAFTER SECONDS";
    if (number[0] < 0 || number[0] < p->last)
        return "seconds that are not negative and do not decrease";
    p->last = number[0];
    return fits(key, number[1]) ? NULL : expected_of(key);
}

enum sm_status
sm_model_check_profile(struct sm_model *model, const char *path, const char *key, const char *text)
{
    struct profile p = {.last = -1, .loop = -1};
    size_t number = 1;
    for (const char *at = text; *at != '\0' && !p.stochastic; number++) {
        const size_t length = strcspn(at, "\n");
        char line[256];
        size_t begin = 0, end = length;
        while (begin < end && strchr(" \t\r", at[begin]) != NULL)
            begin++;
        while (end > begin && strchr(" \t\r", at[end - 1]) != NULL)
            end--;
        const size_t size = end - begin < sizeof line ? end - begin : sizeof line - 1;
        memcpy(line, at + begin, size);
        line[size] = '\0';
        const char *expected =
            size > 0 && strchr("#%", line[0]) == NULL ? read_line(&p, key, line) : NULL;
        if (expected != NULL)
            return SM_FAIL(SM_ERR_INPUT, "%s:%zu: '%.60s' in the %s of %s; expected %s", path,
                           number, line, key, model->file, expected);
        at += length + (at[length] == '\n');
    }
    if (p.last < 0 && !p.stochastic)
        return SM_FAIL(SM_ERR_INPUT, "%s: nothing in the %s of %s; expected lines SECONDS VALUE",
                       path, key, model->file);
    return p.last > p.loop && p.loop >= 0
               ? SM_FAIL(SM_ERR_INPUT,
                         "%s: a period of %g s, expected no less than the last line's", path,
                         p.loop)
               : SM_OK;
}
