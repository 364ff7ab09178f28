/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/base/status.h -- how a function says that it failed.
 *
 * A function that can fail returns enum sm_status. The first to notice calls SM_FAIL, which keeps
 * one line for the user (what, where, what was expected) and the C source line for a developer;
 * callers pass the code up with SM_TRY. Only main() prints and exits.
 * The record is per OS thread: whoever hands work to another thread carries it across with
 * sm_error_get / sm_error_set.
 */
#ifndef SM_BASE_STATUS_H
#define SM_BASE_STATUS_H

enum sm_status {
    SM_OK = 0,
    SM_ERR_NOMEM,       /* memory                                                               */
    SM_ERR_DOMAIN,      /* a number where the mathematics is not defined (gamma = 0)            */
    SM_ERR_NAME,        /* no such name; the message offers the nearest                         */
    SM_ERR_INPUT,       /* a file, option or setting that is wrong                              */
    SM_ERR_IO,          /* the operating system said no                                         */
    SM_ERR_STALLED,     /* every rank waits; the message says who for whom                      */
    SM_ERR_DIVERGED,    /* a loss is no longer finite: a result, not a defect                   */
    SM_ERR_INTERRUPTED, /* the user asked to stop                                               */
    SM_ERR_LOST,        /* a message was lost with a link on its way: see comm.h                */
    SM_ERR_GONE,        /* a message will never come, for its sender is gone: see comm.h        */
    SM_ERR_ABORTED,     /* another rank failed first; its error is the one to show              */
};

enum { SM_ERROR_LENGTH = 1024 };

struct sm_error {
    enum sm_status code;
    char message[SM_ERROR_LENGTH]; /* one line, no newline                                      */
    const char *file;              /* C source that noticed; static                             */
    int line;
};

/* Records the error of this OS thread and returns `code`. */
__attribute__((format(printf, 4, 5))) enum sm_status
sm_error_record(enum sm_status code, const char *file, int line, const char *format, ...);

/* The last error this OS thread recorded; valid until the next. */
const struct sm_error *sm_error_last(void);
/* Copies an error of another thread into this one's record and returns its code. */
enum sm_status sm_error_set(const struct sm_error *error);
/* Puts "PREFIX: " before the recorded message and returns its code. */
__attribute__((format(printf, 1, 2))) enum sm_status sm_error_prefix(const char *format, ...);

#define SM_FAIL(code, ...) sm_error_record((code), __FILE__, __LINE__, __VA_ARGS__)

#define SM_TRY(expr)                                                                               \
    do {                                                                                           \
        enum sm_status sm_try_status_ = (expr);                                                    \
        if (sm_try_status_ != SM_OK)                                                               \
            return sm_try_status_;                                                                 \
    } while (0)

#endif
