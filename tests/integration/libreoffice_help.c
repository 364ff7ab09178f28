/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/integration/libreoffice_help.c -- the pairs that analysis/libreoffice_help.sh takes from
 * pages of help. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "sim/base/arena.h"
#include "sim/base/text.h"
#include "tests/helpers/check.h"

static struct sm_arena arena;
static char folder[] = "/tmp/slowmo-help-XXXXXX";

static int
run(const char *command)
{
    const int status = system(command);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int
setup(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return 1;
    return run(sm_arena_printf(&arena, "mkdir -p %s/pages/en-US/text/b %s/pages/de/text/b", folder,
                               folder));
}

static int
teardown(void **state)
{
    (void)state;
    const int status = run(sm_arena_printf(&arena, "rm -rf %s", folder));
    sm_arena_fini(&arena);
    return status;
}

static void
write_page(const char *name, const char *html)
{
    FILE *file = fopen(sm_arena_printf(&arena, "%s/pages/%s", folder, name), "wb");
    assert_non_null(file);
    assert_true(fputs(html, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void
check_text(const char *name, const char *expected)
{
    char *text;
    check_ok(
        sm_text_read_file(&arena, sm_arena_printf(&arena, "%s/out/%s", folder, name), &text, NULL));
    assert_string_equal(text, expected);
}

#define FORTY "w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w w"

static void
paragraphs_of_the_same_id_and_3_to_40_words_are_pairs(void **state)
{
    (void)state;
    write_page("en-US/text/b/2.html",
               "<html><p>no id, so no pair</p>\n"
               "<h1 id=\"hd_1\" dir=\"auto\">\n<a name=\"x\"></a>The first <b>heading</b>, with\n"
               "a\xc2\xa0tag\n</h1>"
               "<p id=\"par_1\" class=\"x\">If a &lt; b &amp;amp; c&gt;d</p>"
               "<p id=\"par_2\">two words</p>"
               "<p id=\"par_3\">three English words</p>"
               "<p id=\"par_4\">only in English here</p>"
               "<p id=\"par_5\">" FORTY "</p><p id=\"par_6\">" FORTY " w</p>"
               "<p id=\"par_1\">the same id again</p></html>");
    write_page("de/text/b/2.html", "<p id=\"par_1\">Ist a &lt; b, dann\n  c</p>"
                                   "<h1 id=\"hd_1\">Die erste \xc3\x9c"
                                   "berschrift</h1>"
                                   "<p id=\"par_2\">hier drei W\xc3\xb6rter</p>"
                                   "<p id=\"par_3\">zwei W\xc3\xb6rter</p>"
                                   "<p id=\"par_5\">" FORTY "</p><p id=\"par_6\">" FORTY "</p>");
    write_page("en-US/text/a.html", "<p id=\"par_1\">comes before b/2</p>");
    write_page("de/text/a.html", "<p id=\"par_1\">kommt vor b/2 (hier).</p>");
    write_page("en-US/text/c.html", "<p id=\"par_1\">a page without translation</p>");
    const char *script = SM_TEST_SOURCE "/analysis/libreoffice_help.sh";
    assert_int_equal(run(sm_arena_printf(&arena, "%s %s/out %s/pages > %s/log 2> %s/warning",
                                         script, folder, folder, folder, folder)),
                     0);
    check_text("english.txt", "comes before b/2\nThe first heading, with a tag\n"
                              "If a < b &amp; c>d\n" FORTY "\n");
    check_text("german.txt", "kommt vor b/2 (hier).\nDie erste \xc3\x9c"
                             "berschrift\nIst a < b, dann c\n" FORTY "\n");
    char *log;
    check_ok(sm_text_read_file(&arena, sm_arena_printf(&arena, "%s/log", folder), &log, NULL));
    assert_non_null(strstr(log, "/out: 4 pairs, 55 English and 53 German words, sha256 "));
    char *warning;
    check_ok(
        sm_text_read_file(&arena, sm_arena_printf(&arena, "%s/warning", folder), &warning, NULL));
    assert_non_null(strstr(warning, "warning: not the text of version 4:7.4.7"));
}

static void
a_folder_without_pages_is_one_clear_line(void **state)
{
    (void)state;
    const char *script = SM_TEST_SOURCE "/analysis/libreoffice_help.sh";
    assert_int_equal(run(sm_arena_printf(&arena, "%s %s/none %s/log 2> %s/warning", script, folder,
                                         folder, folder)),
                     2);
    char *message;
    check_ok(
        sm_text_read_file(&arena, sm_arena_printf(&arena, "%s/warning", folder), &message, NULL));
    assert_string_equal(message,
                        sm_arena_printf(&arena,
                                        "libreoffice_help: %s/log: no folders en-US/text and "
                                        "de/text\n",
                                        folder));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(paragraphs_of_the_same_id_and_3_to_40_words_are_pairs),
        cmocka_unit_test(a_folder_without_pages_is_one_clear_line),
    };
    return cmocka_run_group_tests_name("libreoffice_help", tests, setup, teardown);
}
