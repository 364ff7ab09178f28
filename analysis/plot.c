/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/plot.c -- see plot.h. */
#include "analysis/plot.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/base/text.h"

struct axis {
    const char *name, *label;
    size_t offset; /* in an evaluation   */
    double scale;
    bool logarithmic;
};

static const struct axis axes[] = {
    {"accuracy", "test accuracy of the consensus model, %",
     offsetof(struct sm_evaluation, test_accuracy), 100, false},
    {"loss", "test loss of the consensus model", offsetof(struct sm_evaluation, test_loss), 1,
     true},
    {"train_loss", "training loss", offsetof(struct sm_evaluation, train_loss), 1, true},
    {"perplexity", "test perplexity", offsetof(struct sm_evaluation, test_perplexity), 1, true},
    {"bleu", "test BLEU", offsetof(struct sm_evaluation, test_bleu), 1, false},
    {"consensus_distance", "consensus distance", offsetof(struct sm_evaluation, consensus_distance),
     1, true},
};
enum { AXES = sizeof axes / sizeof *axes, MOST_INSIDE = 6 /* names that leave the curves room */ };

static double
value_on(const struct axis *axis, const struct sm_evaluation *point)
{
    return axis->scale * *(const double *)((const char *)point + axis->offset);
}

static bool
is_drawn(const struct axis *y, const struct sm_evaluation *point, bool time)
{
    const double value = value_on(y, point);
    return isfinite(value) && (!y->logarithmic || value > 0) &&
           (!time || isfinite(point->sim_seconds));
}

static size_t
count_points(const struct axis *y, const struct sm_stored_run *run, bool time)
{
    size_t points = 0;
    for (size_t e = 0; e < run->evaluation_count; e++)
        points += is_drawn(y, &run->evaluations[e], time);
    return points;
}

/* In single quotes gnuplot takes all but a quote, which is doubled, as it stands. */
static void
print_quoted(const char *text, FILE *out)
{
    fputc('\'', out);
    for (; *text != '\0'; text++) {
        if (*text == '\'')
            fputc('\'', out);
        fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
    }
    fputc('\'', out);
}

static enum sm_status
find_axes(const char *x, const char *y, bool *time, const struct axis **found)
{
    const char *names[AXES + 1] = {NULL};
    char known[128];
    *time = strcmp(x, "time") == 0;
    if (!*time && strcmp(x, "step") != 0)
        return SM_FAIL(SM_ERR_INPUT, "plot --x %s: expected time or step", x);
    for (size_t a = 0; a < AXES; a++) {
        names[a] = axes[a].name;
        if (strcmp(y, axes[a].name) == 0) {
            *found = &axes[a];
            return SM_OK;
        }
    }
    return SM_FAIL(SM_ERR_INPUT, "plot --y %s: expected one of %s", y,
                   sm_text_join(known, sizeof known, names));
}

static enum sm_status
print_terminal(const char *output, FILE *out)
{
    static const char *const terminals[][2] = {
        {".svg", "svg noenhanced size 800,460 font 'sans-serif,13' background 'white'"},
        {".png", "pngcairo noenhanced size 1600,920 font 'sans-serif,22' background 'white'"},
        {".pdf", "pdfcairo noenhanced size 16cm,9.2cm font 'sans-serif,11'"},
    };
    const char *ending = output != NULL ? strrchr(output, '.') : ".svg";
    size_t t = 0;
    while (t < 3 && (ending == NULL || strcmp(ending, terminals[t][0]) != 0))
        t++;
    if (t == 3)
        return SM_FAIL(SM_ERR_INPUT, "plot -o %s: expected a name that ends in .svg, .png or .pdf",
                       output);
    fprintf(out, "set terminal %s\n", terminals[t][1]);
    if (output != NULL) {
        fputs("set output ", out);
        print_quoted(output, out);
        fputc('\n', out);
    }
    return SM_OK;
}

/* A block of points a run; *curves of them. */
static void
print_points(const struct sm_stored_run *runs, size_t count, const struct axis *y, bool time,
             size_t *curves, FILE *out)
{
    char a[SM_TEXT_DOUBLE], b[SM_TEXT_DOUBLE];
    *curves = 0;
    for (size_t i = 0; i < count; i++) {
        if (count_points(y, &runs[i], time) < 2)
            continue;
        fprintf(out, "$run%zu << END\n", (*curves)++);
        for (size_t e = 0; e < runs[i].evaluation_count; e++) {
            const struct sm_evaluation *point = &runs[i].evaluations[e];
            if (is_drawn(y, point, time))
                fprintf(out, "%s %s\n",
                        sm_text_double(time ? point->sim_seconds : (double)point->step, a),
                        sm_text_double(value_on(y, point), b));
        }
        fputs("END\n", out);
    }
}

enum sm_status
sm_plot_script(const struct sm_stored_run *runs, size_t count, const char *x, const char *y,
               const char *output, FILE *out)
{
    /* Okabe and Ito: colours that the colour-blind can tell apart */
    static const char *const colours[] = {"#000000", "#E69F00", "#D55E00", "#56B4E9",
                                          "#0072B2", "#009E73", "#CC79A7", "#F0E442"};
    const struct axis *axis = NULL;
    bool time;
    size_t curves;
    SM_TRY(find_axes(x, y, &time, &axis));
    SM_TRY(print_terminal(output, out));
    print_points(runs, count, axis, time, &curves, out);
    if (curves == 0)
        return SM_FAIL(SM_ERR_INPUT, "plot: no stored run has two evaluations with %s", y);
    fprintf(out, "set xlabel '%s'\nset ylabel '%s'\n", time ? "simulated seconds" : "step",
            axis->label);
    fputs("set grid lc rgb '#dddddd'\nset border 3 lc rgb '#888888'\nset tics nomirror\n", out);
    fprintf(out, "set key %s%s right\n%splot ", curves > MOST_INSIDE ? "outside " : "",
            axis->logarithmic || curves > MOST_INSIDE ? "top" : "bottom",
            axis->logarithmic ? "set logscale y\n" : "");
    for (size_t i = 0, c = 0; i < count; i++) {
        if (count_points(axis, &runs[i], time) < 2)
            continue;
        fprintf(out, "%s$run%zu using 1:2 with lines lw 2 lc rgb '%s' dt %zu title ",
                c > 0 ? ", " : "", c, colours[c % 8], 1 + c % 2 + 2 * (c / 8 % 2));
        print_quoted(runs[i].summary.name != NULL ? runs[i].summary.name : "-", out);
        c++;
    }
    fputc('\n', out);
    return SM_OK;
}

/* gnuplot reads the script from `in`; what it says goes where ours does. */
static enum sm_status
call_gnuplot(FILE *in)
{
    fflush(NULL);
    rewind(in);
    lseek(fileno(in), 0, SEEK_SET);
    pid_t child = fork();
    if (child < 0)
        return SM_FAIL(SM_ERR_IO, "plot: cannot start gnuplot: %s", strerror(errno));
    if (child == 0) {
        if (dup2(fileno(in), STDIN_FILENO) >= 0)
            execlp("gnuplot", "gnuplot", "-", (char *)NULL);
        _exit(errno == ENOENT ? 127 : 126);
    }
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            return SM_FAIL(SM_ERR_IO, "plot: lost gnuplot: %s", strerror(errno));
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
        return SM_FAIL(SM_ERR_INPUT, "plot: gnuplot is missing; install Debian's gnuplot-nox");
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
        return SM_FAIL(SM_ERR_IO, "plot: gnuplot could not draw it");
    return SM_OK;
}

enum sm_status
sm_plot(const struct sm_stored_run *runs, size_t count, const char *x, const char *y,
        const char *output)
{
    FILE *script = tmpfile(), *picture = NULL;
    if (script == NULL)
        return SM_FAIL(SM_ERR_IO, "plot: cannot make a temporary file: %s", strerror(errno));
    enum sm_status status = sm_plot_script(runs, count, x, y, output, script);
    /* gnuplot would say in five lines that it cannot, and draw on standard output */
    if (status == SM_OK && output != NULL && (picture = fopen(output, "w")) == NULL)
        status = SM_FAIL(SM_ERR_INPUT, "cannot write %s: %s", output, strerror(errno));
    if (picture != NULL)
        fclose(picture);
    if (status == SM_OK)
        status = call_gnuplot(script);
    fclose(script);
    return status;
}
