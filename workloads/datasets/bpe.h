/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/datasets/bpe.h -- byte-pair encoding learned: which pairs of tokens become one.
 *
 * Texts are cut into words, so that no merge crosses one: a run of letters (and bytes above 127),
 * of digits or of other signs, each with the one space before it; what is left is runs of white
 * space. Source: Sennrich, Haddow, Birch, ACL 2016, arXiv:1508.07909, algorithm 1, on bytes instead
 * of characters and on words cut as GPT-2 does (Radford et al., 2019, section 2.2).
 */
#ifndef SM_WORKLOADS_DATASETS_BPE_H
#define SM_WORKLOADS_DATASETS_BPE_H

#include <stddef.h>
#include <stdint.h>

#include "sim/base/arena.h"
#include "sim/base/status.h"

enum {
    SM_BPE_BYTES = 256,       /* tokens below it are bytes                        */
    SM_BPE_MOST = 1 << 16,    /* tokens, bytes and merged                         */
    SM_BPE_LONGEST_WORD = 64, /* bytes; a longer run is cut                       */
};

struct sm_bpe_merge {
    uint16_t left, right; /* merge number i makes token SM_BPE_BYTES + i of them */
};

/* Bytes of the first word of text (length > 0). */
size_t sm_bpe_word(const uint8_t *text, size_t length);

struct sm_bpe_words; /* distinct words and how often they are there */

/* None yet; owned by arena. NULL: no memory. */
struct sm_bpe_words *sm_bpe_words_create(struct sm_arena *arena);
/* Counts the words of text (length), which stays borrowed. SM_ERR_NOMEM. */
enum sm_status sm_bpe_words_add(struct sm_bpe_words *words, const uint8_t *text, size_t length);

/* merges (count): again and again the most frequent pair becomes a token, the one of the earlier
 * tokens where several are. *learned <= count of them: fewer where no pair is left that comes
 * twice. O(distinct words' bytes x log). SM_ERR_NOMEM. */
enum sm_status sm_bpe_learn(const struct sm_bpe_words *words, size_t count,
                            struct sm_bpe_merge *merges, size_t *learned);

#endif
