/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/process.c -- a call in a child: its result, its error, or one line on how it died. */
#include "tests/helpers/check.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/run/process.h"

enum { LARGE = 1 << 20 }; /* more than a pipe holds */

static enum sm_status
fill(void *arg, void *result, FILE *terminal)
{
    (void)terminal;
    memset(result, *(const int *)arg, LARGE);
    return SM_OK;
}

static void
a_large_result_comes_back_whole(void **state)
{
    (void)state;
    unsigned char *result = malloc(LARGE);
    int value = 0x5a;
    assert_non_null(result);
    check_ok(sm_process_call(fill, &value, result, LARGE, "fill"));
    for (size_t i = 0; i < LARGE; i++)
        assert_int_equal(result[i], 0x5a);
    free(result);
}

static enum sm_status
change_everything(void *arg, void *result, FILE *terminal)
{
    (void)terminal;
    *(int *)arg = 7;
    *(pid_t *)result = getpid();
    return SM_OK;
}

static void
only_the_result_comes_back(void **state)
{
    (void)state;
    int mine = 3;
    pid_t child = 0;
    check_ok(sm_process_call(change_everything, &mine, &child, sizeof child, "change"));
    assert_int_equal(mine, 3);
    assert_true(child > 0 && child != getpid());
}

static enum sm_status
fail_halfway(void *arg, void *result, FILE *terminal)
{
    (void)arg;
    (void)terminal;
    ((int *)result)[0] = 11;
    return SM_FAIL(SM_ERR_STALLED, "rank 3 waits");
}

static void
an_error_comes_back_with_what_was_done_until_then(void **state)
{
    (void)state;
    int result[2] = {1, 1};
    check_fails(sm_process_call(fail_halfway, NULL, result, sizeof result, "half"), SM_ERR_STALLED,
                "rank 3 waits");
    assert_int_equal(result[0], 11);
    assert_int_equal(result[1], 0); /* not what stood there before */
    assert_non_null(strstr(sm_error_last()->file, "process.c"));
    assert_true(sm_error_last()->line > 0);
}

static enum sm_status
abort_with_a_word(void *arg, void *result, FILE *terminal)
{
    (void)arg;
    (void)result;
    (void)terminal;
    fprintf(stderr, "host 'node9' has no speed\nbacktrace:\n  0x1234\n");
    signal(SIGABRT, SIG_DFL); /* cmocka's handlers are for its tests */
    abort();
}

static enum sm_status
crash_silently(void *arg, void *result, FILE *terminal)
{
    (void)arg;
    (void)result;
    (void)terminal;
    raise(SIGKILL);
    return SM_OK;
}

static enum sm_status
leave_silently(void *arg, void *result, FILE *terminal)
{
    (void)arg;
    (void)result;
    (void)terminal;
    _exit(0);
}

static void
a_child_that_dies_is_one_line(void **state)
{
    (void)state;
    int result = 5;
    check_fails(sm_process_call(abort_with_a_word, NULL, &result, sizeof result, "p.xml"),
                SM_ERR_INPUT, "p.xml: host 'node9' has no speed");
    assert_null(strchr(sm_error_last()->message, '\n'));
    assert_int_equal(result, 0);
    check_fails(sm_process_call(crash_silently, NULL, &result, sizeof result, "run 3"), SM_ERR_IO,
                "run 3: ended by signal 9 (Killed)");
    check_fails(sm_process_call(leave_silently, NULL, &result, sizeof result, "run 4"), SM_ERR_IO,
                "run 4: ended without a result");
}

static enum sm_status
write_everywhere(void *arg, void *result, FILE *terminal)
{
    (void)arg;
    fprintf(stderr, "SimGrid has something to say\n");
    *(bool *)result =
        terminal != NULL && fprintf(terminal, "progress") > 0 && fflush(terminal) == 0;
    return SM_OK;
}

/* The file that descriptor 2 leads to while `call` runs. */
static void
standard_error_during(enum sm_status (*call)(void *, void *, FILE *), void *result, size_t size,
                      char *text, size_t room)
{
    FILE *file = tmpfile();
    int terminal = dup(STDERR_FILENO);
    assert_non_null(file);
    assert_true(terminal >= 0);
    fflush(stderr);
    dup2(fileno(file), STDERR_FILENO);
    enum sm_status status = sm_process_call(call, NULL, result, size, "call");
    dup2(terminal, STDERR_FILENO);
    close(terminal);
    check_ok(status);
    ssize_t length = pread(fileno(file), text, room - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    fclose(file);
}

static void
what_a_child_writes_to_descriptor_2_stays_in_it_but_the_terminal_is_reached(void **state)
{
    (void)state;
    char text[64];
    bool written;
    standard_error_during(write_everywhere, &written, sizeof written, text, sizeof text);
    assert_true(written);
    assert_string_equal(text, "progress");
}

static enum sm_status
nothing(void *arg, void *result, FILE *terminal)
{
    (void)arg;
    (void)result;
    (void)terminal;
    return SM_OK;
}

static void
what_the_parent_has_buffered_is_written_once(void **state)
{
    (void)state;
    char text[32], none;
    FILE *file = tmpfile();
    assert_non_null(file);
    fputs("once", file); /* not flushed */
    check_ok(sm_process_call(nothing, NULL, &none, 1, "nothing"));
    fflush(file);
    ssize_t length = pread(fileno(file), text, sizeof text, 0);
    assert_int_equal(length, 4);
    fclose(file);
}

static void
descriptors_and_children_are_not_left_behind(void **state)
{
    (void)state;
    int before = dup(0), value = 0;
    char *result = malloc(LARGE);
    assert_non_null(result);
    close(before);
    for (size_t i = 0; i < 50; i++) {
        check_ok(sm_process_call(fill, &value, result, LARGE, "fill"));
        check_fails(sm_process_call(crash_silently, NULL, result, 1, "crash"), SM_ERR_IO, "signal");
    }
    int after = dup(0);
    assert_int_equal(after, before);
    close(after);
    free(result);
}

static enum sm_status
wait_for_a_word(void *arg, void *result, FILE *terminal)
{
    (void)terminal;
    const int *pipes = arg;
    if (read(pipes[0], result, 1) != 1)
        return SM_FAIL(SM_ERR_IO, "no word");
    return SM_OK;
}

static void
several_run_side_by_side_and_each_has_its_own_result(void **state)
{
    (void)state;
    enum { COUNT = 4 };
    struct sm_process processes[COUNT];
    int pipes[COUNT][2];
    char word;
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(pipe(pipes[i]), 0);
        check_ok(sm_process_start(i == 2 ? fail_halfway : wait_for_a_word, pipes[i],
                                  i == 2 ? 2 * sizeof(int) : 1, "side by side", &processes[i]));
    }
    for (size_t i = COUNT; i-- > 0;) { /* the last is answered first: they wait on their own */
        const char letter = (char)('a' + i);
        int two[2];
        if (i == 2) {
            check_fails(sm_process_finish(&processes[i], two, sizeof two), SM_ERR_STALLED,
                        "rank 3 waits");
            assert_int_equal(two[0], 11);
            continue;
        }
        assert_int_equal(write(pipes[i][1], &letter, 1), 1);
        check_ok(sm_process_finish(&processes[i], &word, 1));
        assert_int_equal(word, letter);
    }
    for (size_t i = 0; i < COUNT; i++) {
        close(pipes[i][0]);
        close(pipes[i][1]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_result_comes_back_whole),
        cmocka_unit_test(several_run_side_by_side_and_each_has_its_own_result),
        cmocka_unit_test(only_the_result_comes_back),
        cmocka_unit_test(an_error_comes_back_with_what_was_done_until_then),
        cmocka_unit_test(a_child_that_dies_is_one_line),
        cmocka_unit_test(
            what_a_child_writes_to_descriptor_2_stays_in_it_but_the_terminal_is_reached),
        cmocka_unit_test(what_the_parent_has_buffered_is_written_once),
        cmocka_unit_test(descriptors_and_children_are_not_left_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
