/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/engine/waiting.c -- the line a stalled run ends with. */
#include "sim/engine/waiting.h"

#include <stdio.h>

enum { MOST_SHOWN = 6 };

enum sm_status
sm_stall_record(const struct sm_waiting *waiting, size_t size, double now)
{
    char who[SM_ERROR_LENGTH - 64] = "";
    size_t used = 0, shown = 0, more = 0, ended = 0;
    for (size_t rank = 0; rank < size; rank++) {
        const struct sm_waiting *w = &waiting[rank];
        ended += w->kind == SM_WAIT_ENDED;
        if (w->kind == SM_WAIT_ENDED || w->kind == SM_WAIT_NOT)
            continue;
        if (shown == MOST_SHOWN) {
            more++;
            continue;
        }
        const char *separator = shown++ > 0 ? "; " : "";
        int length = w->kind == SM_WAIT_MESSAGE
                         ? snprintf(who + used, sizeof who - used,
                                    "%srank %zu waits for a message from rank %zu since %.6g s",
                                    separator, rank, w->peer, w->since)
                         : snprintf(who + used, sizeof who - used,
                                    "%srank %zu waits in all-reduce %zu since %.6g s", separator,
                                    rank, w->count, w->since);
        if (length > 0)
            used += (size_t)length;
    }
    if (more > 0)
        used += (size_t)snprintf(who + used, sizeof who - used, "; and %zu more", more);
    if (ended > 0)
        snprintf(who + used, sizeof who - used, "; %zu of %zu ranks had ended", ended, size);
    return SM_FAIL(SM_ERR_STALLED, "stalled at %.6g s: %s", now, who);
}
