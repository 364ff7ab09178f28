/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/store/schema.h -- the tables of the file: made, or brought up to date; this room only. */
#ifndef SM_STORE_SCHEMA_H
#define SM_STORE_SCHEMA_H

#include <stdbool.h>

#include "sim/store/sql.h"

enum { SM_SCHEMA_DETAILS = 5 }; /* the schema that brought spans and platforms */

/* Fails unless the open file is a store this program reads; *fresh: it is empty. */
enum sm_status sm_schema_recognize(struct sm_store *store, bool *fresh);

/* Makes the tables of a fresh file, or adds what an older one lacks; nothing in it is lost. */
enum sm_status sm_schema_make(struct sm_store *store, bool fresh);

/* Looks again which schema the file has: a writer may have brought it up to date. */
enum sm_status sm_schema_look(struct sm_store *store);

#endif
