/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/process.c -- see process.h. */
#include "sim/run/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static bool
write_whole(int file, const void *buffer, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t more = write(file, (const char *)buffer + done, size - done);
        if (more < 0 && errno != EINTR)
            return false;
        done += more > 0 ? (size_t)more : 0;
    }
    return true;
}

static bool
read_whole(int file, void *buffer, size_t size)
{
    for (size_t done = 0; done < size;) {
        ssize_t more = read(file, (char *)buffer + done, size - done);
        if (more == 0 || (more < 0 && errno != EINTR)) /* Ctrl-C: the child says so itself */
            return false;
        done += more > 0 ? (size_t)more : 0;
    }
    return true;
}

/* _exit: what the parent had open and buffered is not the child's to flush. */
static _Noreturn void
child_main(enum sm_status (*call)(void *, void *, FILE *), void *arg, void *result, size_t size,
           int log, int out, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody would read its result */
    if (getppid() != parent)
        _exit(3);
    int terminal = dup(STDERR_FILENO);
    dup2(log, STDERR_FILENO);
    struct sm_error error = {0};
    if (call(arg, result, terminal >= 0 ? fdopen(terminal, "w") : NULL) != SM_OK)
        error = *sm_error_last();
    bool sent = write_whole(out, &error, sizeof error) && write_whole(out, result, size);
    _exit(sent ? 0 : 3);
}

/* A child that died without a word: the first line it wrote says why. */
static enum sm_status
crash_error(const char *what, int log, int wait_status)
{
    char text[SM_ERROR_LENGTH / 2] = "";
    ssize_t length = pread(log, text, sizeof text - 1, 0);
    text[length > 0 ? length : 0] = '\0';
    text[strcspn(text, "\n")] = '\0';
    if (text[0] != '\0')
        return SM_FAIL(SM_ERR_INPUT, "%s: %s", what, text);
    if (WIFSIGNALED(wait_status))
        return SM_FAIL(SM_ERR_IO, "%s: ended by signal %d (%s)", what, WTERMSIG(wait_status),
                       strsignal(WTERMSIG(wait_status)));
    return SM_FAIL(SM_ERR_IO, "%s: ended without a result", what);
}

enum sm_status
sm_process_start(enum sm_status (*call)(void *arg, void *result, FILE *terminal), void *arg,
                 size_t size, const char *what, struct sm_process *process)
{
    int channel[2], log = memfd_create("log", MFD_CLOEXEC);
    void *result = calloc(1, size);
    if (result == NULL || log < 0 || pipe2(channel, O_CLOEXEC) != 0) {
        enum sm_status status = SM_FAIL(SM_ERR_IO, "cannot start a process: %s", strerror(errno));
        free(result);
        if (log >= 0)
            close(log);
        return status;
    }
    fflush(NULL); /* or the child might write the parent's buffers once more */
    pid_t parent = getpid(), child = fork();
    if (child == 0)
        child_main(call, arg, result, size, log, channel[1], parent);
    int reason = errno;
    close(channel[1]);
    free(result);
    *process = (struct sm_process){child, channel[0], log, what};
    if (child > 0)
        return SM_OK;
    close(channel[0]);
    close(log);
    return SM_FAIL(SM_ERR_IO, "cannot start a process: %s", strerror(reason));
}

enum sm_status
sm_process_finish(struct sm_process *process, void *result, size_t size)
{
    struct sm_error error;
    int wait_status = 0;
    memset(result, 0, size);
    bool got = read_whole(process->channel, &error, sizeof error) &&
               read_whole(process->channel, result, size);
    close(process->channel);
    while (waitpid(process->child, &wait_status, 0) < 0 && errno == EINTR)
        ;
    enum sm_status status = SM_OK;
    if (!got)
        status = crash_error(process->what, process->log, wait_status);
    else if (error.code != SM_OK)
        status = sm_error_set(&error);
    close(process->log);
    return status;
}

enum sm_status
sm_process_call(enum sm_status (*call)(void *arg, void *result, FILE *terminal), void *arg,
                void *result, size_t size, const char *what)
{
    struct sm_process process;
    memset(result, 0, size);
    SM_TRY(sm_process_start(call, arg, size, what, &process));
    return sm_process_finish(&process, result, size);
}
