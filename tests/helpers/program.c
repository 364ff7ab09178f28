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

/* Of a program that may have others beside it. */
static const char *
output_name(char name[32], const char *output, pid_t child)
{
    snprintf(name, 32, "%s.%d", output, (int)child);
    return name;
}

/* In the child: both outputs go to files of the folder. */
static _Noreturn void
exec_program(const char *const *arguments)
{
    char name[32];
    const char *argv[MOST_ARGUMENTS + 2] = {"slowmo"};
    for (size_t i = 0; arguments[i] != NULL && i < MOST_ARGUMENTS; i++)
        argv[i + 1] = arguments[i];
    const int how = O_CREAT | O_TRUNC | O_WRONLY;
    int out = open(output_name(name, "stdout", getpid()), how, 0600);
    int err = open(output_name(name, "stderr", getpid()), how, 0600);
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

/* The text of what is then stdout.txt or stderr.txt. */
static void
read_output(const char *output, pid_t child, char *text)
{
    char name[32], kept[32];
    snprintf(kept, sizeof kept, "%s.txt", output);
    rename(folder_file(output_name(name, output, child)), folder_file(kept));
    FILE *file = fopen(folder_file(kept), "r");
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
    read_output("stdout", child, result.out);
    read_output("stderr", child, result.err);
    return &result;
}

const struct program_result *
program_call(const char *const *arguments)
{
    return program_finish(program_start(arguments), 0);
}
