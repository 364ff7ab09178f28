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

enum sm_status
sm_platform_make(const char *name, const struct sm_node *settings, FILE *out)
{
    const char *names[MOST_FAMILIES] = {NULL};
    const struct sm_platform_family *family = NULL;
    for (size_t i = 0; sm_platform_families[i] != NULL; i++) {
        names[i] = sm_platform_families[i]->name;
        if (strcmp(names[i], name) == 0)
            family = sm_platform_families[i];
    }
    if (family == NULL) {
        char known[256];
        char near[SM_TEXT_SUGGESTION];
        return SM_FAIL(SM_ERR_NAME, "unknown platform family '%s'%s; known: %s", name,
                       sm_text_suggest(near, name, names),
                       sm_text_join(known, sizeof known, names));
    }
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
