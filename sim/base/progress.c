/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/base/progress.c -- see progress.h. */
#include "sim/base/progress.h"

#include <math.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { LINE = 256, USUAL_WIDTH = 80 };
static const double redraw_seconds = 0.2;
static const char wipe[] = "\r\033[K";

static double
seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* 13500 as "13 500". */
static void
write_grouped(char *buffer, size_t size, double value)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%.0f", value);
    size_t used = 0;
    for (size_t left = strlen(digits); left > 0 && used + 2 < size; left--) {
        buffer[used++] = digits[strlen(digits) - left];
        if (left % 3 == 1 && left > 1)
            buffer[used++] = ' ';
    }
    buffer[used] = '\0';
}

static void
write_time(char *buffer, size_t size, double seconds)
{
    unsigned long s = (unsigned long)fmin(ceil(seconds), 1e9);
    if (s < 60)
        snprintf(buffer, size, "%lu s", s);
    else if (s < 3600)
        snprintf(buffer, size, "%lu min %02lu s", s / 60, s % 60);
    else
        snprintf(buffer, size, "%lu h %02lu min", s / 3600, s / 60 % 60);
}

/* Cuts the line where it would wrap, for a wrapped line cannot be wiped; whole characters stay. */
static void
cut_to_width(char *line, int fd)
{
    struct winsize window;
    size_t room = USUAL_WIDTH;
    if (ioctl(fd, TIOCGWINSZ, &window) == 0 && window.ws_col > 1)
        room = window.ws_col;
    for (; *line != '\0'; line++) {
        if (((unsigned char)*line & 0xc0) != 0x80 && --room == 0) {
            *line = '\0';
            return;
        }
    }
}

void
sm_progress_begin(struct sm_progress *progress, FILE *out, size_t item, size_t items,
                  const char *name, size_t steps)
{
    double now = seconds_now();
    *progress = (struct sm_progress){.out = out != NULL && isatty(fileno(out)) ? out : NULL,
                                     .item = item,
                                     .items = items,
                                     .name = name,
                                     .steps = steps,
                                     .started = now,
                                     .drawn = now};
}

void
sm_progress_update(struct sm_progress *progress, size_t step, double accuracy, double samples)
{
    if (progress->out == NULL)
        return;
    double now = seconds_now(), elapsed = now - progress->started;
    if (now - progress->drawn < redraw_seconds || step == 0)
        return;
    progress->drawn = now;

    char line[LINE], part[40];
    size_t used = 0;
#define ADD(...)                                                                                   \
    used += used < sizeof line ? (size_t)snprintf(line + used, sizeof line - used, __VA_ARGS__) : 0
    if (progress->items > 1)
        ADD("[%zu/%zu] ", progress->item, progress->items);
    ADD("%.100s  step %zu/%zu", progress->name, step, progress->steps);
    if (!isnan(accuracy))
        ADD("  accuracy %.1f %%", 100 * accuracy);
    if (samples > 0) {
        write_grouped(part, sizeof part, samples / elapsed);
        ADD("  %s samples/s", part);
    }
    if (step <= progress->steps) {
        write_time(part, sizeof part, elapsed * (double)(progress->steps - step) / (double)step);
        ADD("  %s left", part);
    }
#undef ADD
    cut_to_width(line, fileno(progress->out));
    fprintf(progress->out, "%s%s", wipe, line);
    fflush(progress->out);
}

void
sm_progress_line(struct sm_progress *progress, const char *text, size_t done, size_t all)
{
    if (progress->out == NULL)
        return;
    double now = seconds_now();
    if (now - progress->drawn < redraw_seconds)
        return;
    progress->drawn = now;
    char line[LINE], left[40];
    int used = snprintf(line, sizeof line, "%.200s", text);
    if (done > 0 && done <= all) {
        write_time(left, sizeof left,
                   (now - progress->started) * (double)(all - done) / (double)done);
        snprintf(line + used, sizeof line - (size_t)used, "  %s left", left);
    }
    cut_to_width(line, fileno(progress->out));
    fprintf(progress->out, "%s%s", wipe, line);
    fflush(progress->out);
}

void
sm_progress_wipe(struct sm_progress *progress)
{
    if (progress->out == NULL || progress->drawn == progress->started)
        return;
    fputs(wipe, progress->out);
    fflush(progress->out);
}

void
sm_progress_end(struct sm_progress *progress)
{
    if (progress->out != NULL && progress->drawn != progress->started) {
        fputs(wipe, progress->out);
        fflush(progress->out);
    }
    progress->out = NULL;
}
