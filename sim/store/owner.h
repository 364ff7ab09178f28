/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/store/owner.h -- which process a run that has not ended belongs to, and whether it lives.
 *
 * A process number alone is used again; with the moment of the start it is not, until the machine
 * starts anew, which its boot number tells.
 */
#ifndef SM_STORE_OWNER_H
#define SM_STORE_OWNER_H

#include <stdint.h>

enum { SM_OWNER_TEXT = 128 };

struct sm_owner {
    char host[SM_OWNER_TEXT]; /* its name, cut where it does not fit      */
    char boot[SM_OWNER_TEXT]; /* which start of that host                 */
    int64_t process, started; /* the latter in clock ticks after the boot */
};

/* The calling process. */
struct sm_owner sm_owner_self(void);

enum sm_owner_state {
    SM_OWNER_DEAD,
    SM_OWNER_ALIVE,
    SM_OWNER_ELSEWHERE, /* on another host: nobody can tell from here */
};
enum sm_owner_state sm_owner_state(const struct sm_owner *owner);

#endif
