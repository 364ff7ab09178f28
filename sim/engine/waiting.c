/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/engine/waiting.c -- the line a stalled run ends with. */
#include "sim/engine/waiting.h"

#include <stdio.h>
#include <string.h>

enum { MOST_SHOWN = 6 };

/* One rank's part of the line; how many characters it takes. */
static int
describe(const struct sm_waiting *w, size_t rank, char *text, size_t room)
{
    switch (w->kind) {
    case SM_WAIT_MESSAGE:
        return snprintf(text, room, "rank %zu waits for a message from rank %zu since %.6g s", rank,
                        w->peer, w->since);
    case SM_WAIT_ANY:
        return snprintf(text, room, "rank %zu waits for a message from any rank since %.6g s", rank,
                        w->since);
    case SM_WAIT_COLLECTIVE:
        return snprintf(text, room, "rank %zu waits in all-reduce %zu since %.6g s", rank, w->count,
                        w->since);
    case SM_WAIT_DEVICES:
        return snprintf(text, room, "rank %zu waits for its own devices since %.6g s", rank,
                        w->since);
    case SM_WAIT_GONE:
        return snprintf(text, room, "rank %zu is gone with its host since %.6g s", rank, w->since);
    default:
        return snprintf(text, room, "rank %zu was under way", rank);
    }
}

enum sm_status
sm_stall_record(const struct sm_waiting *waiting, size_t size, double now, const char *cause)
{
    char who[SM_ERROR_LENGTH - 64] = "";
    size_t used = 0, shown = 0, more = 0, ended = 0;
    if (cause != NULL) {
        snprintf(who, sizeof who / 2, "%s", cause);
        used = strlen(who);
    }
    for (size_t rank = 0; rank < size; rank++) {
        const struct sm_waiting *w = &waiting[rank];
        if (w->kind == SM_WAIT_ENDED) {
            ended++;
        } else if (w->kind == SM_WAIT_NOT && cause != NULL) {
            continue; /* it was stopped */
        } else if (shown == MOST_SHOWN) {
            more++;
        } else {
            if (shown++ > 0 || cause != NULL)
                used += (size_t)snprintf(who + used, sizeof who - used, "; ");
            used += (size_t)describe(w, rank, who + used, sizeof who - used);
        }
    }
    if (more > 0)
        used += (size_t)snprintf(who + used, sizeof who - used, "; and %zu more", more);
    if (ended > 0)
        snprintf(who + used, sizeof who - used, "; %zu of %zu ranks had ended", ended, size);
    return SM_FAIL(SM_ERR_STALLED, "stalled at %.6g s: %s", now, who);
}
