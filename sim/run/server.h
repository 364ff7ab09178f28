/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/run/server.h -- a rank that only serves: the strategy's program, and the inner optimizer that
 * it steps with.
 */
#ifndef SM_RUN_SERVER_H
#define SM_RUN_SERVER_H

#include "sim/run/worker.h"

/* Until the last worker has said goodbye. */
enum sm_status sm_server_run(const struct sm_training *training, struct sm_comm *comm);

#endif
