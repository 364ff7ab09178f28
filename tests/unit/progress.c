/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/progress.c -- the live line, read from the other end of a pseudo-terminal. */
#include "tests/helpers/check.h"

#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "sim/base/progress.h"

struct terminal {
    int screen; /* what a person would see comes out here */
    FILE *out;
};

static int
terminal_setup(void **state)
{
    struct terminal *terminal = calloc(1, sizeof *terminal);
    terminal->screen = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    if (terminal->screen < 0) { /* a machine without pseudo-terminals: its tests are skipped */
        free(terminal);
        *state = NULL;
        return 0;
    }
    if (grantpt(terminal->screen) != 0 || unlockpt(terminal->screen) != 0)
        return -1;
    terminal->out = fopen(ptsname(terminal->screen), "w");
    ioctl(terminal->screen, TIOCSWINSZ, &(struct winsize){.ws_col = 100, .ws_row = 24});
    *state = terminal;
    return terminal->out != NULL ? 0 : -1;
}

static int
terminal_teardown(void **state)
{
    struct terminal *terminal = *state;
    if (terminal == NULL)
        return 0;
    fclose(terminal->out);
    close(terminal->screen);
    free(terminal);
    return 0;
}

static struct terminal *
need_terminal(void **state)
{
    if (*state == NULL)
        skip();
    return *state;
}

static void
pause_ms(long ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000}, NULL);
}

/* Everything written so far, as text. What is written to a terminal takes a moment to come out at
 * the other end, in order: so until a last character is there. */
static const char *
seen(struct terminal *terminal)
{
    enum { LAST = 1, MOST_MS = 10000 };
    static char text[65536];
    size_t length = 0;
    fputc(LAST, terminal->out);
    fflush(terminal->out);
    for (int ms = 0; ms < MOST_MS && (length == 0 || text[length - 1] != LAST); ms++) {
        ssize_t more = read(terminal->screen, text + length, sizeof text - 1 - length);
        length += more > 0 ? (size_t)more : 0;
        if (more <= 0)
            pause_ms(1);
    }
    assert_true(length > 0 && text[length - 1] == LAST);
    text[length - 1] = '\0';
    return text;
}

/* One line drawn after the run seems to have gone on for `elapsed` seconds. */
static const char *
line_after(struct terminal *terminal, double elapsed, size_t items, const char *name, size_t step,
           double accuracy, double samples)
{
    struct sm_progress progress;
    sm_progress_begin(&progress, terminal->out, 2, items, name, 300);
    progress.started -= elapsed;
    progress.drawn -= elapsed;
    sm_progress_update(&progress, step, accuracy, samples);
    return seen(terminal);
}

static void
the_line_says_where_the_run_is(void **state)
{
    struct terminal *terminal = need_terminal(state);
    assert_string_equal(line_after(terminal, 8.0, 5, "local-slowmo", 120, 0.861, 108004),
                        "\r\033[K[2/5] local-slowmo  step 120/300  accuracy 86.1 %  "
                        "13 500 samples/s  13 s left");
    assert_string_equal(line_after(terminal, 50.0, 1, "timed", 1, NAN, 0),
                        "\r\033[Ktimed  step 1/300  4 h 09 min left");
    assert_string_equal(line_after(terminal, 200.0, 1, "x", 150, 1.0, 2e8),
                        "\r\033[Kx  step 150/300  accuracy 100.0 %  1 000 000 samples/s  "
                        "3 min 21 s left");
    assert_string_equal(line_after(terminal, 9.0, 1, "x", 300, NAN, 9000),
                        "\r\033[Kx  step 300/300  1 000 samples/s  0 s left");
}

static void
the_line_never_wraps(void **state)
{
    struct terminal *terminal = need_terminal(state);
    ioctl(terminal->screen, TIOCSWINSZ, &(struct winsize){.ws_col = 20, .ws_row = 24});
    /* 19 characters of which some have two bytes */
    assert_string_equal(line_after(terminal, 8.0, 5, "\xc3\xa9\xc3\xa9\xc3\xa9", 120, 0.9, 1),
                        "\r\033[K[2/5] \xc3\xa9\xc3\xa9\xc3\xa9  step 120");
    char name[500];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    ioctl(terminal->screen, TIOCSWINSZ, &(struct winsize){.ws_col = 300, .ws_row = 24});
    const char *line = line_after(terminal, 8.0, 5, name, 120, 0.9, 1e300);
    assert_true(strlen(line) < 256 + 4);
}

static void
the_line_is_drawn_five_times_a_second_and_wiped(void **state)
{
    struct terminal *terminal = need_terminal(state);
    struct sm_progress progress;
    sm_progress_begin(&progress, terminal->out, 1, 1, "x", 1000);
    for (size_t step = 1; step <= 1000; step++) {
        sm_progress_update(&progress, step, NAN, 0);
        pause_ms(1);
    }
    const char *text = seen(terminal);
    size_t drawn = 0;
    for (const char *c = text; (c = strstr(c, "\033[K")) != NULL; c++)
        drawn++;
    double elapsed = progress.drawn - progress.started;
    assert_in_range(drawn, 2, (size_t)(elapsed / 0.2) + 1);
    sm_progress_end(&progress);
    assert_string_equal(seen(terminal), "\r\033[K");
    progress.drawn = 0;
    sm_progress_update(&progress, 5, NAN, 0);
    sm_progress_end(&progress);
    assert_string_equal(seen(terminal), "");
}

static void
a_run_too_short_for_a_line_writes_nothing(void **state)
{
    struct sm_progress progress;
    sm_progress_begin(&progress, need_terminal(state)->out, 1, 1, "x", 1000);
    sm_progress_update(&progress, 1, NAN, 0);
    sm_progress_end(&progress);
    assert_string_equal(seen(*state), "");
}

static void
no_terminal_or_quiet_means_no_output(void **state)
{
    (void)state;
    struct sm_progress progress;
    FILE *file = tmpfile();
    sm_progress_begin(&progress, file, 1, 1, "x", 1000);
    progress.drawn -= 10;
    sm_progress_update(&progress, 1, NAN, 0);
    sm_progress_end(&progress);
    assert_int_equal(ftell(file), 0);
    fclose(file);
    sm_progress_begin(&progress, NULL, 1, 1, "x", 1000);
    progress.drawn -= 10;
    sm_progress_update(&progress, 1, NAN, 0); /* would crash if it wrote */
    sm_progress_end(&progress);
}

#define ON_A_TERMINAL(test) cmocka_unit_test_setup_teardown(test, terminal_setup, terminal_teardown)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        ON_A_TERMINAL(the_line_says_where_the_run_is),
        ON_A_TERMINAL(the_line_never_wraps),
        ON_A_TERMINAL(the_line_is_drawn_five_times_a_second_and_wiped),
        ON_A_TERMINAL(a_run_too_short_for_a_line_writes_nothing),
        cmocka_unit_test(no_terminal_or_quiet_means_no_output),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
