/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/model.h -- a platform file while it is checked and edited; this room only.
 *
 * SimGrid abort()s on most mistakes and accepts a few (a negative speed), so whatever it would
 * trip over is found here first. Loading runs through these steps, each in its own file:
 *   grammar.c  the elements and attributes SimGrid 3.32 knows
 *   config.c   settings of SimGrid that the file brings along
 *   read.c     names, quantities and profile files; fills the model (names: table.c)
 *   route.c    routes and connected traces
 *   edit.c     the experiment's edits, goodput
 *   state.c    links and hosts that go down
 *   split.c    duplex links that go down become two
 *   traffic.c  flows of others, between hosts of their own
 *   worker.c   host properties -> workers, devices, rings
 */
#ifndef SM_PLATFORM_MODEL_H
#define SM_PLATFORM_MODEL_H

#include <libxml/tree.h>

#include "sim/base/unit.h"
#include "sim/platform/platform.h"

/* A name of the file. Names that are joined by routes hang on a common root. */
struct sm_entry {
    const char *name;
    xmlNodePtr element;
    struct sm_entry *joined; /* towards the root; itself at the root */
    bool duplex;             /* a link with _UP and _DOWN            */
    bool linked;             /* a host that has its <host_link>      */
    bool varies, dies;       /* a host that a trace is connected to  */
};

struct sm_table {
    struct sm_entry **slots; /* open addressing */
    size_t capacity, count;
};

struct sm_model_host {
    const char *name;
    xmlNodePtr element;                  /* hosts of a <cluster> share theirs        */
    double speed;                        /* FLOP/s                                   */
    const char *worker, *device, *rings; /* properties as written, NULL where absent */
    const char *rails, *group, *collective;
};

struct sm_model_link {
    const char *name;
    xmlNodePtr element;
    const char *bandwidth_key, *latency_key; /* the attributes that hold them */
    double bandwidth, latency, goodput;
    bool duplex;
};

struct sm_model {
    struct sm_arena *arena;
    const char *file;   /* as the user named it                             */
    const char *folder; /* where the file stands; NULL for one made in memory */
    xmlDocPtr document;
    struct sm_model_host *hosts;
    size_t host_count;
    struct sm_model_link *links;
    size_t link_count;
    struct sm_table places; /* hosts, routers and zones: one name space in SimGrid */
    struct sm_table wires;  /* links                                               */
    struct sm_table routes; /* "FROM TO"                                           */
    struct sm_table traces;
    struct sm_table connections; /* "KIND TRACE"                                  */
    size_t file_count;           /* profile files named           */
    uint64_t files_hash;         /* of their contents, in order   */
    bool varies, gaps;
    const char *const *settings; /* as in struct sm_platform */
    size_t setting_count;
    struct sm_platform_state *states;
};

/* Records "FILE:LINE: message" and returns SM_ERR_INPUT. */
__attribute__((format(printf, 3, 4))) enum sm_status
sm_model_fail(const struct sm_model *model, xmlNodePtr element, const char *format, ...);
enum sm_status sm_model_no_memory(const struct sm_model *model);

/* The attribute's text, NULL when absent; borrowed from the document until it is set. */
const char *sm_model_attribute(xmlNodePtr element, const char *key);
/* Whether it has the attribute, and something in it. */
bool sm_model_has(xmlNodePtr element, const char *key);
/* The value of the element's <prop id="KEY">, NULL when there is none; *prop may be NULL. */
const char *sm_model_property(xmlNodePtr element, const char *key, xmlNodePtr *prop);
/* Writes the quantity as SimGrid reads it back to the same bits. A list (one entry a pstate) keeps
 * its proportions. */
enum sm_status sm_model_write(struct sm_model *model, xmlNodePtr element, const char *key,
                              enum sm_unit unit, double first);

struct sm_entry *sm_table_find(const struct sm_table *table, const char *name);
/* *entry = the new one, or the one that has the name already (*fresh says which). */
enum sm_status sm_table_add(struct sm_model *model, struct sm_table *table, const char *name,
                            xmlNodePtr element, struct sm_entry **entry, bool *fresh);
/* ", did you mean 'NAME'?" into buffer, empty when nothing is near; returns buffer. */
char *sm_table_suggest(struct sm_model *model, const struct sm_table *table, const char *wrong,
                       char *buffer, size_t size);
/* Joined names have the same root. NULL joins nothing. */
struct sm_entry *sm_entry_root(struct sm_entry *entry);
void sm_entry_join(struct sm_entry *a, struct sm_entry *b);

bool sm_element_is(xmlNodePtr element, const char *name);
bool sm_element_is_zone(xmlNodePtr element); /* <zone>, or <AS> as it was called */

enum sm_status sm_model_validate(const struct sm_model *model);
enum sm_status sm_model_read(struct sm_model *model);
enum sm_status sm_model_check_routes(struct sm_model *model, xmlNodePtr zone);
/* Takes over what a <config> sets. */
enum sm_status sm_model_config(struct sm_model *model, xmlNodePtr config);
enum sm_status sm_model_edit(struct sm_model *model, const struct sm_node *edits);
enum sm_status sm_model_apply_goodput(struct sm_model *model);
/* Fills traffic of *platform, whose workers are known, from the list in `edits`; makes the hosts
 * that it runs between. */
enum sm_status sm_model_traffic(struct sm_model *model, const struct sm_node *edits,
                                struct sm_platform *platform);
/* Holds the text of a profile file, for the attribute `key`, against what SimGrid makes of it. */
enum sm_status sm_model_check_profile(struct sm_model *model, const char *path, const char *key,
                                      const char *text);
/* Reads the profiles of what goes down inside `parent` into states. */
enum sm_status sm_model_states(struct sm_model *model, xmlNodePtr parent);
/* What SimGrid is given only: no entry of the model changes. */
enum sm_status sm_model_split(struct sm_model *model);
/* Fills workers and worker_count of *platform with at most `want` workers (0: all). `edits` is
 * where the experiment asks for them, or NULL. */
enum sm_status sm_model_workers(struct sm_model *model, size_t want, size_t servers,
                                const struct sm_node *edits, struct sm_platform *platform);

#endif
