/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/calibrate.c -- see calibrate.h. */
#include "sim/run/calibrate.h"

#include <gsl/gsl_errno.h>
#include <gsl/gsl_multimin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/text.h"
#include "sim/collective/devices.h"
#include "sim/run/probe.h"
#include "sim/run/process.h"

enum { FEWEST_ROWS = 4, GRID = 40, MOST_ITERATIONS = 2000, MOST_PROBES = 256 };

static const double shortest = 1e-8, longest = 1e-3; /* latencies that are looked at */
static const double slowest = 1e-3;                  /* goodput                      */

const struct sm_param sm_calibration_params[] = {
    SM_PARAM(struct sm_calibration_settings, devices, 8, 2, 1024, "devices of the server"),
    SM_PARAM_UNIT(struct sm_calibration_settings, line_rate, 300e9, 1, 1e15, SM_UNIT_BANDWIDTH,
                  "line rate of a device's links, in each direction"),
    SM_PARAM(struct sm_calibration_settings, links, 2, 1, 16,
             "links from device to device, which share the latency of a step; 2: by a switch"),
    SM_PARAM_UNIT(struct sm_calibration_settings, min, 1e6, 1, 1e15, SM_UNIT_BYTES,
                  "smallest all-reduce that counts"),
    SM_PARAM_UNIT(struct sm_calibration_settings, max, 17179869184.0, 1, 1e15, SM_UNIT_BYTES,
                  "largest"),
    SM_PARAM_CHOICE(struct sm_calibration_settings, train, "even", "even|odd",
                    "rows to fit to, counted from 0; the others test the fit"),
    SM_PARAM_TEXT(struct sm_calibration_settings, platform, "",
                  "platform whose worker 0 is timed beside the rows"),
    SM_PARAM_END,
};

/* ---- rows ---- */

/* Whether the text is two numbers and nothing else. */
static bool
two_numbers(const char *text, double *a, double *b)
{
    char *end;
    *a = strtod(text, &end);
    if (end == text || *end != ',')
        return false;
    text = end + 1;
    *b = strtod(text, &end);
    return end != text && end[strspn(end, " \t\r")] == '\0';
}

/* A line of names has no digit in front. */
static bool
is_header(const char *line)
{
    return strchr("+-.0123456789", *line) == NULL;
}

enum sm_status
sm_calibration_read(struct sm_arena *arena, const char *file,
                    const struct sm_calibration_row **rows, size_t *count)
{
    char *text;
    size_t length, lines = 1;
    SM_TRY(sm_text_read_file(arena, file, &text, &length));
    for (size_t i = 0; i < length; i++)
        lines += text[i] == '\n';
    struct sm_calibration_row *read = sm_arena_alloc(arena, lines, sizeof *read);
    if (read == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "%s: no memory for %zu lines", file, lines);
    *count = 0;
    bool first = true;
    for (size_t number = 1; text != NULL; number++) {
        char *line = strsep(&text, "\n");
        line += strspn(line, " \t\r");
        if (*line == '\0' || *line == '#')
            continue;
        double bytes, microseconds;
        const bool names = first && is_header(line);
        first = false;
        if (names)
            continue;
        if (!two_numbers(line, &bytes, &microseconds))
            return SM_FAIL(SM_ERR_INPUT, "%s:%zu: expected BYTES,MICROSECONDS", file, number);
        if (!(bytes > 0) || !(microseconds > 0) || !isfinite(bytes) || !isfinite(microseconds))
            return SM_FAIL(SM_ERR_INPUT, "%s:%zu: %g bytes in %g us, expected both above 0", file,
                           number, bytes, microseconds);
        read[(*count)++] = (struct sm_calibration_row){bytes, 1e-6 * microseconds};
    }
    *rows = read;
    return SM_OK;
}

/* ---- the fit ---- */

enum part { TRAIN, TEST, ALL };

struct fit {
    const struct sm_calibration_row *rows;
    size_t count;
    const struct sm_calibration_settings *settings;
};

static double
error_of(const struct fit *fit, enum part part, double latency, double bandwidth)
{
    const size_t odd = strcmp(fit->settings->train, "odd") == 0;
    double sum = 0, rows = 0;
    for (size_t i = 0, counted = 0; i < fit->count; i++) {
        const struct sm_calibration_row *row = &fit->rows[i];
        if (row->bytes < fit->settings->min || row->bytes > fit->settings->max)
            continue;
        const bool trains = counted++ % 2 == odd;
        if (part != ALL && trains != (part == TRAIN))
            continue;
        const double predicted =
            sm_devices_seconds(fit->settings->devices, row->bytes, latency, bandwidth, NULL);
        sum += fabs(predicted / row->seconds - 1);
        rows++;
    }
    return sum / rows;
}

/* In logarithms, so that neither becomes negative. */
static double
objective(const gsl_vector *x, void *arg)
{
    return error_of(arg, TRAIN, exp(gsl_vector_get(x, 0)), exp(gsl_vector_get(x, 1)));
}

/* A simplex goes down from x, where it stays. */
static enum sm_status
descend(struct fit *fit, gsl_vector *x)
{
    gsl_multimin_function function = {objective, 2, fit};
    gsl_multimin_fminimizer *simplex =
        gsl_multimin_fminimizer_alloc(gsl_multimin_fminimizer_nmsimplex2, 2);
    gsl_vector *step = gsl_vector_alloc(2);
    enum sm_status status = SM_OK;
    if (simplex == NULL || step == NULL) {
        status = SM_FAIL(SM_ERR_NOMEM, "no memory for a fit");
    } else {
        gsl_vector_set_all(step, 0.1);
        gsl_multimin_fminimizer_set(simplex, &function, x, step);
        for (int i = 0; i < MOST_ITERATIONS; i++)
            if (gsl_multimin_fminimizer_iterate(simplex) != GSL_SUCCESS ||
                gsl_multimin_test_size(gsl_multimin_fminimizer_size(simplex), 1e-12) == GSL_SUCCESS)
                break;
        gsl_vector_memcpy(x, gsl_multimin_fminimizer_x(simplex));
    }
    gsl_vector_free(step);
    if (simplex != NULL)
        gsl_multimin_fminimizer_free(simplex);
    return status;
}

/* The lowest point of a grid over all that may be, for the error has more than one valley. */
static void
look_around(struct fit *fit, gsl_vector *x)
{
    const double line = fit->settings->line_rate;
    double least = INFINITY;
    for (int i = 0; i <= GRID; i++)
        for (int j = 0; j <= GRID; j++) {
            const double latency = shortest * pow(longest / shortest, (double)i / GRID);
            const double bandwidth = line * pow(slowest, (double)j / GRID);
            const double error = error_of(fit, TRAIN, latency, bandwidth);
            if (error >= least)
                continue;
            least = error;
            gsl_vector_set(x, 0, log(latency));
            gsl_vector_set(x, 1, log(bandwidth));
        }
}

static size_t
rows_that_count(const struct fit *fit)
{
    size_t count = 0;
    for (size_t i = 0; i < fit->count; i++)
        count +=
            fit->rows[i].bytes >= fit->settings->min && fit->rows[i].bytes <= fit->settings->max;
    return count;
}

enum sm_status
sm_calibrate(const struct sm_calibration_row *rows, size_t count,
             const struct sm_calibration_settings *settings, struct sm_calibration *calibration)
{
    struct fit fit = {rows, count, settings};
    const size_t counted = rows_that_count(&fit);
    if (counted < FEWEST_ROWS)
        return SM_FAIL(SM_ERR_INPUT,
                       "%zu rows from %g to %g bytes, expected at least %d: two to fit to, two to "
                       "test",
                       counted, settings->min, settings->max, FEWEST_ROWS);
    gsl_vector *x = gsl_vector_alloc(2);
    if (x == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for a fit");
    look_around(&fit, x);
    enum sm_status status = descend(&fit, x);
    if (status == SM_OK) /* once more, with a new simplex: an old one may have gone flat */
        status = descend(&fit, x);
    const double latency = exp(gsl_vector_get(x, 0)), bandwidth = exp(gsl_vector_get(x, 1));
    gsl_vector_free(x);
    SM_TRY(status);
    if (bandwidth > settings->line_rate)
        return SM_FAIL(SM_ERR_INPUT,
                       "the rows fit %.4g GB/s, more than the line rate of %.4g GB/s: expected a "
                       "higher --line_rate",
                       1e-9 * bandwidth, 1e-9 * settings->line_rate);
    *calibration = (struct sm_calibration){.latency = latency,
                                           .bandwidth = bandwidth,
                                           .train = error_of(&fit, TRAIN, latency, bandwidth),
                                           .test = error_of(&fit, TEST, latency, bandwidth),
                                           .all = error_of(&fit, ALL, latency, bandwidth)};
    return SM_OK;
}

/* ---- what a platform makes of the rows ---- */

struct probe {
    const struct sm_platform *platform;
    const struct sm_calibration_row *rows;
    size_t count;
};

struct probe_result {
    const struct probe *probe;
    double seconds[MOST_PROBES];
};

/* A float on the wire is one byte heavy. */
static enum sm_status
probe_rank(void *arg, struct sm_comm *comm)
{
    struct probe_result *result = arg;
    if (comm->rank > 0)
        return SM_OK;
    for (size_t i = 0; i < result->probe->count; i++) {
        const double start = comm->ops->now(comm);
        SM_TRY(comm->ops->reduce_devices(comm, (size_t)result->probe->rows[i].bytes));
        result->seconds[i] = comm->ops->now(comm) - start;
    }
    return SM_OK;
}

static enum sm_status
call_probe(void *arg, void *out, FILE *terminal)
{
    (void)terminal;
    struct probe *probe = arg;
    struct probe_result *result = out;
    result->probe = probe;
    return sm_probe(probe->platform, 1, probe_rank, result);
}

/* seconds (count) that the simulator takes for the rows, on the platform as it is. */
static enum sm_status
time_platform(struct sm_arena *arena, const char *file, const char *home,
              const struct sm_calibration_row *rows, size_t count, struct probe_result *result)
{
    struct sm_platform platform;
    SM_TRY(sm_platform_load(arena, &(struct sm_platform_request){.file = file, .home = home},
                            &platform));
    if (platform.workers[0].devices < 2)
        return SM_FAIL(SM_ERR_INPUT, "%s: worker 0 has one device, expected several", file);
    if (count > MOST_PROBES)
        return SM_FAIL(SM_ERR_INPUT, "--platform: %zu rows, expected at most %d", count,
                       MOST_PROBES);
    struct probe probe = {&platform, rows, count};
    return sm_process_call(call_probe, &probe, result, sizeof *result, file);
}

/* ---- the command ---- */

static void
print_rows(const struct fit *fit, const struct sm_calibration *c,
           const struct probe_result *simulated, FILE *out)
{
    const struct sm_calibration_settings *s = fit->settings;
    const size_t odd = strcmp(s->train, "odd") == 0;
    fprintf(out, "\n%14s %13s %13s %8s  %-4s %s%s\n", "bytes", "measured us", "predicted us",
            "error", "by", "row", simulated != NULL ? "     platform us    error" : "");
    for (size_t i = 0, counted = 0; i < fit->count; i++) {
        const struct sm_calibration_row *row = &fit->rows[i];
        const bool counts = row->bytes >= s->min && row->bytes <= s->max;
        const char *use = !counts ? "left" : counted % 2 == odd ? "fitted" : "tested";
        bool tree;
        const double predicted =
            sm_devices_seconds(s->devices, row->bytes, c->latency, c->bandwidth, &tree);
        counted += counts;
        fprintf(out, "%14.0f %13.1f %13.1f %+7.1f%%  %-4s %s", row->bytes, 1e6 * row->seconds,
                1e6 * predicted, 100 * (predicted / row->seconds - 1), tree ? "tree" : "ring", use);
        if (simulated != NULL)
            fprintf(out, "%*.1f %+7.1f%%", 20 - (int)strlen(use), 1e6 * simulated->seconds[i],
                    100 * (simulated->seconds[i] / row->seconds - 1));
        fputc('\n', out);
    }
}

static void
print_fit(const struct fit *fit, const char *file, const struct sm_calibration *c, FILE *out)
{
    const struct sm_calibration_settings *s = fit->settings;
    fprintf(out, "%s: all-reduce among %zu devices, %zu of %zu rows, fitted to the %s ones\n", file,
            s->devices, rows_that_count(fit), fit->count, s->train);
    fputs("the less of ring 2 (m-1) (latency + bytes/m / bandwidth)\n"
          "       and tree 2 floor(log2 m) latency + 2 bytes / bandwidth\n",
          out);
    fprintf(out, "latency of a step: %.4g us\n", 1e6 * c->latency);
    fprintf(out, "bandwidth: %.4g GB/s, %.4g of the line rate of %.4g GB/s\n", 1e-9 * c->bandwidth,
            c->bandwidth / s->line_rate, 1e-9 * s->line_rate);
    fprintf(out,
            "mean error: %.2f %% of the rows fitted to, %.2f %% of the others, %.2f %% of all\n",
            100 * c->train, 100 * c->test, 100 * c->all);
}

/* As an attribute: no space in it. */
static void
print_link(const struct sm_calibration_settings *s, const struct sm_calibration *c, FILE *out)
{
    fprintf(out,
            "\nin a platform, each of %zu links from device to device:\n"
            "  <link ... bandwidth=\"%.6gGBps\" latency=\"%.4gus\"><prop id=\"goodput\" "
            "value=\"%.4g\"/></link>\n"
            "and on device 0 of a worker, so that its all-reduce may take trees too:\n"
            "  <prop id=\"collective\" value=\"auto\"/>\n",
            s->links, 1e-9 * s->line_rate, 1e6 * c->latency / (double)s->links,
            c->bandwidth / s->line_rate);
}

static enum sm_status
calibrate(struct sm_arena *arena, const char *file, const struct sm_node *map, const char *home,
          FILE *out)
{
    struct sm_calibration_settings settings = {0};
    struct sm_calibration calibration;
    struct fit fit = {.settings = &settings};
    struct probe_result *simulated = NULL;
    SM_TRY(sm_param_bind(sm_calibration_params, &settings, map, NULL, arena));
    SM_TRY(sm_calibration_read(arena, file, &fit.rows, &fit.count));
    if (sm_calibrate(fit.rows, fit.count, &settings, &calibration) != SM_OK)
        return sm_error_prefix("%s", file);
    if (settings.platform[0] != '\0') {
        simulated = sm_arena_zalloc(arena, 1, sizeof *simulated);
        if (simulated == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "no memory for %zu rows", fit.count);
        SM_TRY(time_platform(arena, settings.platform, home, fit.rows, fit.count, simulated));
    }
    print_fit(&fit, file, &calibration, out);
    print_rows(&fit, &calibration, simulated, out);
    print_link(&settings, &calibration, out);
    return SM_OK;
}

enum sm_status
sm_calibrate_file(const char *file, const struct sm_node *settings, const char *home, FILE *out)
{
    struct sm_arena arena = {0};
    enum sm_status status = calibrate(&arena, file, settings, home, out);
    sm_arena_fini(&arena);
    return status;
}

void
sm_calibrate_help(FILE *out)
{
    fputs(
        "usage: slowmo calibrate FILE.csv [--KEY VALUE ...]\n"
        "Rows of the file: bytes,microseconds of an all-reduce among the devices of one server.\n",
        out);
    for (const struct sm_param *p = sm_calibration_params; p->name != NULL; p++) {
        char range[96], usual[48];
        fprintf(out, "  --%-10s %s (%s; %s)\n", p->name, p->doc,
                sm_param_default(p, usual, sizeof usual), sm_param_range(p, range, sizeof range));
    }
}
