/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/datasets/vocabulary.h -- tokens and their text: bytes, or byte-pair encoding.
 *
 * The special tokens (shape.h), if any, come first, then the 256 bytes, then what bpe.h has learned
 * to join. Any text becomes tokens and the same text again, byte for byte.
 */
#ifndef SM_WORKLOADS_DATASETS_VOCABULARY_H
#define SM_WORKLOADS_DATASETS_VOCABULARY_H

#include <stddef.h>
#include <stdint.h>

#include "sim/base/arena.h"
#include "sim/base/status.h"

struct sm_bpe_words;
struct sm_vocabulary;

/* *vocabulary (owned by arena) = `specials` special tokens (0 or SM_TOKENS_SPECIAL), the bytes, and
 * what is learned from the words up to `size` tokens in all; a multiple of 16, for kernels. words
 * may be NULL when size leaves nothing to learn. SM_ERR_INPUT for a size that does not fit: too
 * small for the bytes, above 65536, or above what the words have pairs for. */
enum sm_status sm_vocabulary_create(struct sm_arena *arena, const struct sm_bpe_words *words,
                                    size_t size, size_t specials,
                                    struct sm_vocabulary **vocabulary);

size_t sm_vocabulary_size(const struct sm_vocabulary *vocabulary);
/* tokens (length of text, at most) = those of text (length); returns how many. */
size_t sm_vocabulary_encode(const struct sm_vocabulary *vocabulary, const uint8_t *text,
                            size_t length, uint16_t *tokens);
/* text = the bytes of tokens (count), none for special ones; returns how many. text may be NULL. */
size_t sm_vocabulary_decode(const struct sm_vocabulary *vocabulary, const uint16_t *tokens,
                            size_t count, uint8_t *text);
/* The text of `count` tokens, without padding, begin and end, zero-terminated in arena; NULL: no
 * memory. */
char *sm_vocabulary_text(const struct sm_vocabulary *vocabulary, const uint16_t *tokens,
                         size_t count, struct sm_arena *arena);

#endif
