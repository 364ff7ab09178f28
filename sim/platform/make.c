/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/platform/make.c -- see make.h. */
#include "sim/platform/make.h"

#include <errno.h>
#include <string.h>

#include "sim/base/text.h"

enum { MOST_FAMILIES = 16 };

#define FAMILY(id) extern const struct sm_platform_family sm_platform_##id
FAMILY(star);
FAMILY(v100);
FAMILY(dgx1);
FAMILY(dgx_a100);
FAMILY(hgx_h100);
FAMILY(p3_16xlarge);
FAMILY(fattree);
FAMILY(wan);

const struct sm_platform_family *const sm_platform_families[] = {
    &sm_platform_star,     &sm_platform_v100,     &sm_platform_dgx1,
    &sm_platform_dgx_a100, &sm_platform_hgx_h100, &sm_platform_p3_16xlarge,
    &sm_platform_fattree,  &sm_platform_wan,      NULL,
};

static enum sm_status
find_family(const char *name, const struct sm_platform_family **family)
{
    const char *names[MOST_FAMILIES] = {NULL};
    for (size_t i = 0; sm_platform_families[i] != NULL; i++) {
        *family = sm_platform_families[i];
        names[i] = (*family)->name;
        if (strcmp(names[i], name) == 0)
            return SM_OK;
    }
    char known[256];
    char near[SM_TEXT_SUGGESTION];
    return SM_FAIL(SM_ERR_NAME, "unknown platform family '%s'%s; known: %s", name,
                   sm_text_suggest(near, name, names), sm_text_join(known, sizeof known, names));
}

enum sm_status
sm_platform_make_help(const char *name, FILE *out)
{
    const struct sm_platform_family *family;
    SM_TRY(find_family(name, &family));
    fprintf(out, "usage: slowmo platform make %s [--KEY VALUE ...]\n%s\n", name, family->doc);
    for (const struct sm_param *p = family->params; p->name != NULL; p++) {
        char range[96], usual[48];
        fprintf(out, "  --%-16s %s (%s; %s)\n", p->name, p->doc,
                sm_param_default(p, usual, sizeof usual), sm_param_range(p, range, sizeof range));
    }
    return SM_OK;
}

enum sm_status
sm_platform_make(const char *name, const struct sm_node *settings, FILE *out)
{
    const struct sm_platform_family *family;
    SM_TRY(find_family(name, &family));
    struct sm_platform_settings values = {0};
    struct sm_arena arena = {0}; /* no parameter here is a text, so nothing in it outlives this */
    enum sm_status status = sm_param_bind(family->params, &values, settings, NULL, &arena);
    sm_arena_fini(&arena);
    SM_TRY(status);
    SM_TRY(family->write(&values, out));
    if (fflush(out) != 0 || ferror(out))
        return SM_FAIL(SM_ERR_IO, "cannot write the platform: %s", strerror(errno));
    return SM_OK;
}
