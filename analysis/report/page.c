/* SPDX-License-Identifier: GPL-3.0-or-later */
/* analysis/report/page.c -- see page.h. */
#include "analysis/report/page.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "sim/base/text.h"

/* ---- files in the place of their names ---- */

/* What page.html may name, up to and after the file, and what stands there instead. */
static const struct link {
    const char *before, *after, *open, *close;
} links[] = {
    {"<link rel=\"stylesheet\" href=\"", "\">", "<style>\n", "</style>"},
    {"<script src=\"", "\"></script>", "<script>\n", "</script>"},
    {"<script type=\"module\" src=\"", "\"></script>", "<script type=\"module\">\n", "</script>"},
};
static const char data_place[] = "<script type=\"application/json\" id=\"data\">";
static const char title_place[] = "<title>";

/* Lines that would send a browser's developer tools after another file. */
static bool
names_source_map(const char *line)
{
    return strncmp(line, "//# sourceMappingURL", 20) == 0 ||
           strncmp(line, "/*# sourceMappingURL", 20) == 0;
}

static enum sm_status
write_file(struct sm_arena *arena, const char *home, const char *name, const char *end, FILE *out)
{
    char *text;
    size_t length;
    const char *path = sm_arena_printf(arena, "%s/analysis/report/%s", home, name);
    if (path != NULL && access(path, F_OK) != 0 && strncmp(name, "dygraph", 7) == 0)
        path = sm_arena_printf(arena, "%s/%s", SM_DYGRAPHS, name);
    if (path == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for the report");
    SM_TRY(sm_text_read_file(arena, path, &text, &length));
    if (strlen(text) != length || strstr(text, end) != NULL)
        return SM_FAIL(SM_ERR_INPUT, "%s: cannot stand in a page, it holds %s", path,
                       strlen(text) != length ? "a zero" : end);
    for (const char *line = text; *line != '\0';) {
        const size_t bytes = strcspn(line, "\n");
        if (!names_source_map(line))
            fprintf(out, "%.*s\n", (int)bytes, line);
        line += bytes + (line[bytes] == '\n');
    }
    return SM_OK;
}

/* ---- data ---- */

/* A `<` could end the script that holds the data. */
static int
write_json(const char *bytes, size_t length, void *out)
{
    for (size_t i = 0; i < length; i++)
        if (bytes[i] == '<')
            fputs("\\u003c", out);
        else
            fputc(bytes[i], out);
    return 0;
}

static void
write_title(const char *title, FILE *out)
{
    for (; *title != '\0'; title++)
        if (strchr("<>&", *title) != NULL)
            fprintf(out, "&#%d;", *title);
        else
            fputc(*title, out);
}

/* ---- the page ---- */

/* The link that begins at `at`, NULL for none; *name is what it names. */
static const struct link *
link_at(struct sm_arena *arena, const char *at, const char **name, const char **end)
{
    for (size_t l = 0; l < sizeof links / sizeof *links; l++) {
        const size_t length = strlen(links[l].before);
        if (strncmp(at, links[l].before, length) != 0)
            continue;
        const char *stop = strstr(at + length, links[l].after);
        if (stop == NULL)
            continue;
        *name = sm_arena_strndup(arena, at + length, (size_t)(stop - at - length));
        *end = stop + strlen(links[l].after);
        return &links[l];
    }
    return NULL;
}

static enum sm_status
write_page(struct sm_arena *arena, const json_t *model, const char *home, const char *title,
           FILE *out)
{
    enum { SIGNIFICANT = 6 }; /* digits: more than can be seen */
    char *page;
    size_t length;
    const char *path = sm_arena_printf(arena, "%s/analysis/report/page.html", home);
    if (path == NULL)
        return SM_FAIL(SM_ERR_NOMEM, "no memory for the report");
    SM_TRY(sm_text_read_file(arena, path, &page, &length));
    for (const char *at = page; *at != '\0';) {
        const char *name, *end;
        const struct link *link = *at == '<' ? link_at(arena, at, &name, &end) : NULL;
        if (link != NULL && name == NULL)
            return SM_FAIL(SM_ERR_NOMEM, "no memory for the report");
        if (link != NULL) {
            fputs(link->open, out);
            SM_TRY(write_file(arena, home, name, link->close, out));
            fputs(link->close, out);
            at = end;
        } else if (strncmp(at, data_place, strlen(data_place)) == 0) {
            fputs(data_place, out);
            if (json_dump_callback(model, write_json, out,
                                   JSON_COMPACT | JSON_REAL_PRECISION(SIGNIFICANT)) != 0)
                return SM_FAIL(SM_ERR_NOMEM, "no memory for the report");
            at += strlen(data_place);
        } else if (strncmp(at, title_place, strlen(title_place)) == 0) {
            fputs(title_place, out);
            write_title(title, out);
            at += strlen(title_place);
        } else {
            fputc(*at++, out);
        }
    }
    return SM_OK;
}

enum sm_status
sm_report_write(const struct sm_stored_run *runs, size_t count,
                const struct sm_report_request *request, const char *home, FILE *out)
{
    struct sm_arena arena = {0};
    json_t *model;
    SM_TRY(sm_report_model(runs, count, request, &model));
    enum sm_status status = write_page(&arena, model, home, request->title, out);
    json_decref(model);
    sm_arena_fini(&arena);
    SM_TRY(status);
    if (fflush(out) != 0 || ferror(out))
        return SM_FAIL(SM_ERR_IO, "cannot write the report: %s", strerror(errno));
    return SM_OK;
}
