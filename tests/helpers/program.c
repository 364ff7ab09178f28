/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/program.c -- see program.h. */
#include "tests/helpers/program.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/helpers/check.h"
#include "tests/helpers/folder.h"

/* In the child: both outputs go to files of the folder. */
static _Noreturn void
exec_program(const char *const *arguments)
{
    const char *argv[MOST_ARGUMENTS + 2] = {"slowmo"};
    for (size_t i = 0; arguments[i] != NULL && i < MOST_ARGUMENTS; i++)
        argv[i + 1] = arguments[i];
    int out = open("stdout.txt", O_CREAT | O_TRUNC | O_WRONLY, 0600);
    int err = open("stderr.txt", O_CREAT | O_TRUNC | O_WRONLY, 0600);
    if (dup2(out, STDOUT_FILENO) >= 0 && dup2(err, STDERR_FILENO) >= 0)
        execv(SM_TEST_PROGRAM, (char *const *)(uintptr_t)argv);
    _exit(127);
}

pid_t
program_start(const char *const *arguments)
{
    const char *folder = folder_path();
    fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child > 0)
        return child;
    setpgid(0, 0); /* a signal to the group is what Ctrl-C is */
    if (chdir(folder) == 0)
        exec_program(arguments);
    _exit(127);
}

static void
read_output(const char *name, char *text)
{
    FILE *file = fopen(folder_file(name), "r");
    size_t length = file != NULL ? fread(text, 1, MOST_OUTPUT - 1, file) : 0;
    text[length] = '\0';
    if (file != NULL)
        fclose(file);
}

const struct program_result *
program_finish(pid_t child, int signal)
{
    static struct program_result result;
    int status;
    if (signal != 0)
        assert_int_equal(kill(-child, signal), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    result.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    read_output("stdout.txt", result.out);
    read_output("stderr.txt", result.err);
    return &result;
}

const struct program_result *
program_call(const char *const *arguments)
{
    return program_finish(program_start(arguments), 0);
}
