/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/engine/waiting.h -- what each rank waits for, so that a stalled run can say it. */
#ifndef SM_ENGINE_WAITING_H
#define SM_ENGINE_WAITING_H

#include <stddef.h>

#include "sim/base/status.h"

enum sm_wait_kind {
    SM_WAIT_NOT,
    SM_WAIT_MESSAGE,
    SM_WAIT_ANY,
    SM_WAIT_COLLECTIVE,
    SM_WAIT_DEVICES,
    SM_WAIT_ENDED,
    SM_WAIT_GONE /* it died */
};

struct sm_waiting {
    enum sm_wait_kind kind;
    size_t peer;  /* whose message              */
    double since; /* simulated seconds          */
    size_t count; /* how many collectives (or messages from the peer) before */
};

/* Records SM_ERR_STALLED: "stalled at 1.5 s: CAUSE; rank 3 waits for a message from rank 2 since
 * 1.2 s; ...". cause: NULL for none. waiting (size). */
enum sm_status sm_stall_record(const struct sm_waiting *waiting, size_t size, double now,
                               const char *cause);

#endif
