/* SPDX-License-Identifier: GPL-3.0-or-later */
/* algorithms/compression/topk.c -- the k numbers of largest size, the others stay behind.
 *
 * Of equals the first go. A message is k values and k indices. The ranks choose different numbers,
 * so a mean is an all-gather of all choices: each rank passes on (m-1) 2k floats, which is what a
 * ring all-reduce of m k floats puts on the wire. From m k > n on that is more than no compression.
 * Source: Aji and Heafield, EMNLP 2017, arXiv:1704.05021; with error feedback Stich et al., NeurIPS
 * 2018, arXiv:1809.07599, Alg. 1.
 */
#include "algorithms/compression/compression.h"

#include "algorithms/compression/bits.h"
#include "sim/base/clones.h"

struct topk {
    double ratio; /* settings */
    bool feedback;
    size_t k;
    double wire_scale; /* of the door */
};

static const struct sm_param topk_params[] = {
    SM_PARAM(struct topk, ratio, 0.01, 1e-9, 1, "share of the numbers that is sent, at least one"),
    SM_PARAM_BOOL(struct topk, feedback, true, "add what was not sent to the next vector"),
    SM_PARAM_END,
};

static enum sm_status
topk_init(void *state, const struct sm_setup *setup)
{
    struct topk *s = state;
    s->k = (size_t)sm_compression_share(s->ratio, (double)setup->n);
    s->wire_scale = setup->comm->wire_scale;
    return SM_OK;
}

static bool
topk_feeds_back(const void *state)
{
    return ((const struct topk *)state)->feedback;
}

/* The order of sizes is that of their bits. */
static inline uint32_t
size_of(float x)
{
    return sm_bits_of(x) & ~SM_BITS_SIGN;
}

/* The k-th largest of the n sizes, found digit by digit from the highest: count how many have each
 * next digit, walk down from the largest. *surplus: of those that are equal to it, how many are not
 * among the k. O(n), three passes. */
static uint32_t
topk_threshold(size_t k, size_t n, const float *x, size_t *surplus)
{
    static const unsigned digits[] = {20, 10, 0}; /* 11, 10 and 10 bits */
    uint32_t prefix = 0, known = 0;
    size_t equal = n, count[2048];
    for (size_t d = 0; d < sizeof digits / sizeof *digits; d++) {
        const unsigned shift = digits[d];
        memset(count, 0, sizeof count);
        for (size_t i = 0; i < n; i++) {
            const uint32_t size = size_of(x[i]);
            if ((size & known) == prefix)
                count[(size & ~known) >> shift]++;
        }
        uint32_t digit = 2047;
        while (count[digit] < k)
            k -= count[digit--];
        equal = count[digit];
        prefix |= digit << shift;
        known = ~((1u << shift) - 1u) & ~SM_BITS_SIGN;
    }
    *surplus = equal - k;
    return prefix;
}

SM_CLONES static void
topk_drop_below(uint32_t threshold, size_t n, float *x)
{
    for (size_t i = 0; i < n; i++)
        x[i] = size_of(x[i]) >= threshold ? x[i] : 0.0f;
}

static void
topk_encode(void *state, size_t n, float *x)
{
    const struct topk *s = state;
    if (s->k >= n)
        return;
    size_t surplus;
    const uint32_t threshold = topk_threshold(s->k, n, x, &surplus);
    topk_drop_below(threshold, n, x);
    for (size_t i = n; surplus > 0 && threshold > 0; i--)
        if (size_of(x[i - 1]) == threshold) {
            x[i - 1] = 0;
            surplus--;
        }
}

static double
topk_wire(const void *state, size_t n, size_t size)
{
    const struct topk *s = state;
    const double k =
        sm_compression_share(s->ratio, sm_compression_numbers(s->wire_scale, n)) / s->wire_scale;
    return size > 1 ? (double)size * k : 2 * k;
}

const struct sm_compression sm_compression_topk = {
    .about = {.name = "topk",
              .doc = "the k numbers of largest size and where they stand",
              .source = "Aji and Heafield, EMNLP 2017, arXiv:1704.05021; Stich et al., NeurIPS "
                        "2018, arXiv:1809.07599, Alg. 1",
              .state_size = sizeof(struct topk),
              .params = topk_params},
    .init = topk_init,
    .feeds_back = topk_feeds_back,
    .encode = topk_encode,
    .wire = topk_wire,
};
