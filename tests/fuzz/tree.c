/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/fuzz/tree.c -- YAML: a tree that is printed, merged and bound, or one line of error. */
#include "tests/fuzz/fuzz.h"

#include "workloads/workload.h"

static size_t
check_node(const struct sm_node *node, const struct sm_node *parent)
{
    FUZZ_CHECK(node->parent == parent);
    FUZZ_CHECK((node->kind == SM_NODE_SCALAR) == (node->text != NULL));
    FUZZ_CHECK(parent == NULL || (parent->kind == SM_NODE_MAP) == (node->key != NULL));
    size_t count = 1;
    SM_NODE_EACH (child, node)
        count += check_node(child, node);
    return count;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sm_arena arena = {0};
    struct sm_node *root = NULL, *over = NULL;
    const char *text = sm_arena_strndup(&arena, (const char *)data, size);
    const enum sm_status status = sm_tree_parse(&arena, "fuzz", text, &root);
    fuzz_check_status(status);
    if (status == SM_OK && root != NULL) {
        const size_t count = check_node(root, NULL);
        FUZZ_CHECK(count <= size + 1);
        FUZZ_CHECK(sm_tree_parse(&arena, "again", text, &over) == SM_OK);
        if (root->kind == SM_NODE_MAP)
            FUZZ_CHECK(sm_tree_merge(&arena, root, over) == SM_OK);
        FUZZ_CHECK(check_node(root, NULL) == count); /* nothing that was not there */
        struct sm_choice choice;
        const enum sm_status bound =
            sm_choice_bind(&sm_axis_dataset, sm_tree_get(root, "dataset"), NULL, &arena, &choice);
        FUZZ_CHECK(bound == SM_OK || bound == SM_ERR_INPUT || bound == SM_ERR_NAME);
    }
    sm_arena_fini(&arena);
    return 0;
}
