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

/* The 31 bits of a size are read as digits of 11, 10 and 10 bits. */
enum { FIRST = 20, SECOND = 10, DIGITS = 2048, BLOCK = 32 };

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

/* count (DIGITS) of the sizes by their highest 11 bits; in two tables, since a number is often
 * followed by one of the same digit, whose count would have to wait. */
static void
topk_count_first(size_t n, const float *x, size_t *count)
{
    size_t odd[DIGITS] = {0}, i = 0;
    memset(count, 0, DIGITS * sizeof *count);
    for (; i + 2 <= n; i += 2) {
        count[size_of(x[i]) >> FIRST]++;
        odd[size_of(x[i + 1]) >> FIRST]++;
    }
    if (i < n)
        count[size_of(x[i]) >> FIRST]++;
    for (size_t digit = 0; digit < DIGITS; digit++)
        count[digit] += odd[digit];
}

/* count (DIGITS) by their next digit, from bit `shift` on, of those sizes whose `known` bits are
 * `prefix`: few, so that blocks without any are passed over. */
SM_CLONES static void
topk_count_next(size_t n, const float *x, uint32_t known, uint32_t prefix, unsigned shift,
                size_t *count)
{
    memset(count, 0, DIGITS * sizeof *count);
    for (size_t i = 0; i < n; i += BLOCK) {
        const size_t end = n - i < BLOCK ? n : i + BLOCK;
        uint32_t any = 0;
        for (size_t j = i; j < end; j++)
            any |= (size_of(x[j]) & known) == prefix;
        for (size_t j = i; any && j < end; j++)
            if ((size_of(x[j]) & known) == prefix)
                count[(size_of(x[j]) & ~known) >> shift]++;
    }
}

/* The k-th largest of the n sizes, found digit by digit from the highest: count how many have each
 * next digit, walk down from the largest. *surplus: of those that are equal to it, how many are not
 * among the k. O(n), three passes. */
static uint32_t
topk_threshold(size_t k, size_t n, const float *x, size_t *surplus)
{
    static const unsigned shifts[] = {FIRST, SECOND, 0};
    uint32_t prefix = 0, known = 0, digit = 0;
    size_t count[DIGITS];
    for (size_t d = 0; d < sizeof shifts / sizeof *shifts; d++) {
        if (d == 0)
            topk_count_first(n, x, count);
        else
            topk_count_next(n, x, known, prefix, shifts[d], count);
        digit = DIGITS - 1;
        while (count[digit] < k)
            k -= count[digit--];
        prefix |= digit << shifts[d];
        known = ~((1u << shifts[d]) - 1u) & ~SM_BITS_SIGN;
    }
    *surplus = count[digit] - k;
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
