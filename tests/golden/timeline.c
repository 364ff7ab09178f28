/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/golden/timeline.c -- the simulated timeline of timeline.yaml, to the nanosecond.
 *
 * The golden is timeline.txt: rank, thread, stage, start and end in seconds, and the bytes of what
 * travels. `golden_timeline --print` prints what the program does now; regenerate.sh keeps that, a
 * test never does.
 */
#include "tests/helpers/check.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char golden[] = SM_TEST_SOURCE "/tests/golden/timeline.txt";

enum { MOST_THREADS = 64 };

static double
number(const json_t *event, const char *key)
{
    return json_number_value(json_object_get(event, key));
}

static void
print_span(const json_t *event, const char *thread, double end, FILE *out)
{
    const double bytes = number(json_object_get(event, "args"), "bytes");
    fprintf(out, "%d %-20s %-14s %.9f %.9f", (int)number(event, "pid"), thread,
            json_string_value(json_object_get(event, "name")), 1e-6 * number(event, "ts"),
            1e-6 * end);
    if (bytes > 0)
        fprintf(out, " %.0f", bytes);
    fputc('\n', out);
}

/* The spans of a trace, one a line; NULL when the file is none. The caller frees it. The end of a
 * message comes right behind its start. */
static char *
read_spans(const char *path)
{
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error);
    const json_t *events = json_object_get(root, "traceEvents");
    const char *threads[MOST_THREADS] = {NULL};
    char *text = NULL;
    size_t length, i;
    FILE *out = open_memstream(&text, &length);
    const json_t *event;
    json_array_foreach(events, i, event)
    {
        const char *kind = json_string_value(json_object_get(event, "ph"));
        const char *name = json_string_value(json_object_get(event, "name"));
        const size_t thread = (size_t)number(event, "tid") % MOST_THREADS;
        if (strcmp(kind, "M") == 0 && strcmp(name, "thread_name") == 0)
            threads[thread] =
                json_string_value(json_object_get(json_object_get(event, "args"), "name"));
        else if (strcmp(kind, "X") == 0)
            print_span(event, threads[thread], number(event, "ts") + number(event, "dur"), out);
        else if (strcmp(kind, "b") == 0)
            print_span(event, "on the way", number(json_array_get(events, i + 1), "ts"), out);
    }
    fclose(out);
    json_decref(root);
    return text;
}

/* Runs timeline.yaml; NULL when that fails. */
static char *
simulate(void)
{
    char folder[] = "/tmp/sm_timeline_XXXXXX", command[1024], path[64], *text = NULL;
    if (mkdtemp(folder) == NULL)
        return NULL;
    snprintf(command, sizeof command,
             "'%s' run '%s/tests/golden/timeline.yaml' --timing-only --quiet --trace %s/t.json "
             "--store %s/t.db > /dev/null",
             SM_TEST_PROGRAM, SM_TEST_SOURCE, folder, folder);
    snprintf(path, sizeof path, "%s/t.json", folder);
    if (system(command) == 0)
        text = read_spans(path);
    snprintf(command, sizeof command, "rm -r %s", folder);
    if (system(command) != 0)
        fprintf(stderr, "cannot remove %s\n", folder);
    return text;
}

static void
the_timeline_is_what_it_was(void **state)
{
    (void)state;
    char line[256], *now = simulate(), *at = now;
    assert_non_null(now);
    FILE *file = fopen(golden, "r");
    assert_non_null(file);
    size_t lines = 0;
    while (fgets(line, sizeof line, file) != NULL) {
        size_t length = strlen(line);
        lines++;
        if (strncmp(at, line, length) != 0)
            fail_msg("%s:%zu: is\n%.*s\nnow, was\n%s", golden, lines, (int)strcspn(at, "\n"), at,
                     line);
        at += length;
    }
    fclose(file);
    assert_true(lines > 100);
    assert_string_equal(at, ""); /* and no line more */
    free(now);
}

int
main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--print") == 0) {
        char *text = simulate();
        int done = text != NULL && text[0] != '\0' && fputs(text, stdout) >= 0;
        free(text);
        return done && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_timeline_is_what_it_was)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
