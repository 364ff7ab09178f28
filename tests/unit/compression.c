/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/unit/compression.c -- what compressions make of a vector, what they keep of the rest, and
 * what the packed form would weigh.
 */
#include "tests/helpers/check.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "algorithms/compression/bits.h"
#include "algorithms/compression/compression.h"
#include "sim/base/rng.h"
#include "tests/helpers/arena.h"
#include "tests/helpers/codecs.h"

static float
any_float(struct sm_rng *rng)
{
    const uint32_t high = (uint32_t)sm_rng_below(rng, 1 << 16);
    return sm_bits_float(high << 16 | (uint32_t)sm_rng_below(rng, 1 << 16));
}

static struct sm_codec
codec_of(const char *yaml, size_t n)
{
    struct sm_codec codec;
    struct sm_comm comm = {.size = 4, .seed = 1, .devices = 1, .wire_scale = 1};
    check_ok(codec_make(&arena, &codec, yaml, n, &comm));
    return codec;
}

static float *
normal(size_t n, uint64_t seed)
{
    struct sm_rng *rng = sm_rng_create(&arena, seed, SM_RNG_TEST, 0);
    float *x = sm_arena_alloc(&arena, n, sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = (float)sm_rng_normal(rng, 1);
    return x;
}

static float *
copied(size_t n, const float *x)
{
    float *copy = sm_arena_alloc(&arena, n, sizeof *copy);
    memcpy(copy, x, n * sizeof *copy);
    return copy;
}

/* The nearest number of so many binary digits and no smaller exponent, ties to even, in double. */
static float
nearest(float x, int digits, int least_exponent, double largest)
{
    int exponent;
    if (isnan(x))
        return x;
    if (isinf(x))
        return copysignf((float)largest, x);
    frexp((double)x, &exponent); /* |x| in [2^(exponent-1), 2^exponent) */
    const int last = (exponent - 1 > least_exponent ? exponent - 1 : least_exponent) - digits + 1;
    const double rounded = ldexp(nearbyint(ldexp((double)x, -last)), last);
    return (float)copysign(fmin(fabs(rounded), largest), (double)x);
}

struct format {
    const char *name;
    int digits, least_exponent;
    double largest;
    unsigned shift; /* of a number's lowest bit in a float, where it is normal */
};

static const struct format formats[] = {
    {"fp16", 11, -14, 65504, 13},
    {"bf16", 8, -126, 3.3895313892515355e38, 16},
};

static void
expect_nearest(const struct format *format, size_t n, const float *x)
{
    struct sm_codec codec = codec_of(format->name, n);
    float *y = copied(n, x);
    sm_codec_encode(&codec, y);
    for (size_t i = 0; i < n; i++) {
        const float expected =
            nearest(x[i], format->digits, format->least_exponent, format->largest);
        if (isnan(expected) ? !isnan(y[i]) : sm_bits_of(y[i]) != sm_bits_of(expected))
            fail_msg("%s: %a becomes %a, expected %a", format->name, (double)x[i], (double)y[i],
                     (double)expected);
    }
    float *again = copied(n, y); /* what travels once more, or comes back, stays */
    sm_codec_decode(&codec, again);
    assert_memory_equal(again, y, n * sizeof *y);
}

static void
sixteen_bits_are_the_nearest_ties_to_even_and_never_infinite(void **unused)
{
    (void)unused;
    enum { RANDOM = 1 << 18 };
    const float special[] = {
        0,         -0.0f,        1,           -1,         65504,       65519.99f,
        65520,     65536,        -65520,      1e30f,      -1e30f,      FLT_MAX,
        -FLT_MAX,  INFINITY,     -INFINITY,   NAN,        FLT_MIN,     0x1p-14f,
        0x1p-24f,  0x1p-25f,     0x1.8p-25f,  0x1.1p-25f, 0x1.8p-24f,  0x1p-149f,
        -0x1p-24f, 0x1.ffcp-15f, 0x1.fep-15f, 0x1.8p-23f, 0x1.ffep-15f};
    for (size_t f = 0; f < 2; f++) {
        const struct format *format = &formats[f];
        expect_nearest(format, sizeof special / sizeof *special, special);
        /* every number of the format's grid, what lies halfway to the next, and its neighbours */
        const size_t grid = (size_t)1 << (32 - format->shift);
        float *x = sm_arena_alloc(&arena, 4 * grid, sizeof *x);
        for (size_t i = 0; i < grid; i++) {
            const uint32_t bits = (uint32_t)i << format->shift;
            const uint32_t half = bits | 1u << (format->shift - 1);
            const uint32_t four[] = {bits, half - 1, half, half + 1};
            for (size_t j = 0; j < 4; j++)
                x[4 * i + j] = sm_bits_float(four[j]);
        }
        expect_nearest(format, 4 * grid, x);
        struct sm_rng *rng = sm_rng_create(&arena, f, SM_RNG_TEST, 0);
        x = sm_arena_alloc(&arena, RANDOM, sizeof *x);
        for (size_t i = 0; i < RANDOM; i++) {
            x[i] = any_float(rng);
            if (i % 2 == 0) /* where the format's subnormal numbers begin */
                x[i] = (float)ldexp(sm_rng_uniform(rng) - 0.5,
                                    format->least_exponent + 2 - (int)sm_rng_below(rng, 14));
        }
        expect_nearest(format, RANDOM, x);
    }
}

static void
int8_keeps_256_even_steps_and_rounds_between_them(void **unused)
{
    (void)unused;
    float x[256 + 4];
    for (size_t i = 0; i < 256; i++)
        x[i] = (float)i - 7;
    const float between[] = {0.4f, 0.6f, 99.25f, -6.9f}, rounded[] = {0, 1, 99, -7};
    memcpy(x + 256, between, sizeof between);
    struct sm_codec codec = codec_of("{name: int8, block: 0}", 260);
    sm_codec_encode(&codec, x);
    for (size_t i = 0; i < 256; i++)
        check_near(x[i], (double)i - 7, 0);
    for (size_t i = 0; i < 4; i++)
        check_near(x[256 + i], rounded[i], 0);
    sm_codec_decode(&codec, x); /* the mean goes the same way */
    check_near(x[255], 248, 0);
    /* a block of its own for each 4: {-1, 1} has steps of 2/255; 0 stays, alike numbers do */
    float y[] = {-1, 1, 0, 0.1f, 3, 3, 3, 3, 1e20f};
    codec = codec_of("{name: int8, block: 4}", 9);
    sm_codec_encode(&codec, y);
    check_near(y[0], -1, 1.0 / 255 + 1e-6); /* 127 or 128 steps below 0 */
    check_near(y[1], 1, 1.0 / 255 + 1e-6);
    check_near(y[2], 0, 0);
    check_near(y[3], 13 * 2.0 / 255, 1e-6); /* 12.75 */
    for (size_t i = 4; i < 8; i++)
        check_near(y[i], 3, 0);
    check_near(y[8], 1e20f, 0);
}

static void
int8_is_off_by_half_a_step_at_most(void **unused)
{
    (void)unused;
    enum { N = 3001 };
    const size_t blocks[] = {0, 1, 2, 7, 16, 512, 3000, 3001, 9999};
    const double scales[] = {1, 1e-3, 1e-30, 1e30};
    for (size_t c = 0; c < 9 * 4; c++) {
        const size_t block = blocks[c % 9] > 0 ? blocks[c % 9] : N;
        const double scale = scales[c / 9];
        float *x = normal(N, c);
        for (size_t i = 0; i < N; i++)
            x[i] = (float)(scale * (i % 10 == 3 ? 0 : (double)x[i] + (c % 2 == 0 ? 100 : 0)));
        char yaml[64];
        snprintf(yaml, sizeof yaml, "{name: int8, block: %zu}", blocks[c % 9]);
        struct sm_codec codec = codec_of(yaml, N);
        float *y = copied(N, x);
        sm_codec_encode(&codec, y);
        double largest = 0, moved = 0;
        for (size_t i = 0; i < N; i += block) {
            double least = INFINITY, most = -INFINITY;
            for (size_t j = i; j < i + block && j < N; j++) {
                least = fmin(least, (double)x[j]);
                most = fmax(most, (double)x[j]);
            }
            /* 255 roundings of the step, of the quotient and of the sum */
            const double half = (most - least) / 255 / 2 * (1 + 4 * 255 * (double)FLT_EPSILON) +
                                (fabs(least) + fabs(most)) * (double)FLT_EPSILON;
            for (size_t j = i; j < i + block && j < N; j++) {
                const double off = fabs((double)y[j] - (double)x[j]);
                check_near(off, 0, half);
                assert_true(x[j] != 0 || y[j] == 0);
                largest = fmax(largest, half > 0 ? off / half : 0);
                moved += off;
            }
        }
        if (block >= 7) { /* and it does round */
            assert_true(largest > 0.9);
            assert_true(moved > 0);
        }
    }
}

static void
int8_has_no_257th_step(void **unused)
{
    (void)unused;
    struct sm_codec codec = codec_of("int8", 3);
    const float *sizes = normal(1000, 5);
    for (size_t k = 0; k < 1000; k++) { /* 0 lies halfway between two steps */
        const float size = fabsf(sizes[k]);
        float x[3] = {size, 0, -size};
        sm_codec_encode(&codec, x);
        assert_true(((double)x[0] - (double)x[2]) / (2 * (double)size) < 255.5 / 255);
    }
}

struct place {
    float size;
    size_t at;
};

static int
larger_first(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    if (x->size != y->size)
        return x->size > y->size ? -1 : 1;
    return x->at < y->at ? -1 : 1;
}

static void
topk_keeps_what_a_sort_puts_first(void **unused)
{
    (void)unused;
    enum { N = 5000 };
    struct sm_rng *rng = sm_rng_create(&arena, 3, SM_RNG_TEST, 0);
    const size_t counts[] = {1, 2, 50, 499, 2500, 4999, 5000};
    static struct place order[N];
    for (size_t c = 0; c < 7 * 4; c++) {
        float *x = normal(N, c);
        for (size_t i = 0; i < N; i++) {
            if (c / 7 == 1) /* many equals of either sign */
                x[i] = (float)sm_rng_below(rng, 5) - 2;
            if (c / 7 == 2) /* all sizes of float there are */
                x[i] = any_float(rng);
            if (isnan(x[i]) || c / 7 == 3) /* all alike */
                x[i] = -3;
            order[i] = (struct place){fabsf(x[i]), i};
        }
        char yaml[64];
        snprintf(yaml, sizeof yaml, "{name: topk, ratio: %.9g, feedback: no}",
                 (double)counts[c % 7] / N);
        struct sm_codec codec = codec_of(yaml, N);
        float *y = copied(N, x);
        sm_codec_encode(&codec, y);
        qsort(order, N, sizeof *order, larger_first);
        for (size_t i = 0; i < N; i++)
            check_near(y[order[i].at], i < counts[c % 7] ? x[order[i].at] : 0, 0);
    }
}

static void
randomk_draws_new_places_each_time_the_same_on_all_ranks_each_as_often(void **unused)
{
    (void)unused;
    enum { N = 70, K = 7, DRAWS = 4000 };
    struct sm_comm first = {.size = 4, .seed = 1, .devices = 1, .wire_scale = 1};
    struct sm_comm last = first, other = first;
    last.rank = 3;
    other.seed = 2;
    struct sm_codec here, there, elsewhere;
    check_ok(codec_make(&arena, &here, "{name: randomk, ratio: 0.1, feedback: no}", N, &first));
    check_ok(codec_make(&arena, &there, "{name: randomk, ratio: 0.1, feedback: no}", N, &last));
    check_ok(
        codec_make(&arena, &elsewhere, "{name: randomk, ratio: 0.1, feedback: no}", N, &other));
    size_t chosen[N] = {0}, differ = 0, together[2] = {0};
    float x[N], y[N], z[N], before[N] = {0};
    for (size_t k = 0; k < DRAWS; k++) {
        size_t count = 0;
        for (size_t i = 0; i < N; i++)
            x[i] = y[i] = z[i] = (float)(i + 1);
        sm_codec_encode(&here, x);
        sm_codec_encode(&there, y);
        sm_codec_encode(&elsewhere, z);
        assert_memory_equal(x, y, sizeof x);
        for (size_t i = 0; i < N; i++) {
            assert_true(x[i] == 0 || x[i] == (float)(i + 1));
            count += x[i] != 0;
            chosen[i] += x[i] != 0;
        }
        assert_int_equal(count, K);
        together[0] += x[0] != 0 && x[1] != 0;
        together[1] += x[0] != 0 && x[N - 1] != 0;
        differ += (memcmp(x, before, sizeof x) != 0) + (memcmp(x, z, sizeof x) != 0);
        memcpy(before, x, sizeof x);
    }
    assert_int_equal(differ, 2 * DRAWS); /* two of 1.2e9 draws alike: unlikely */
    /* binomial, p = 1/10: mean 400, deviation 19; of pairs p = 7 6 / (70 69): 34.8, 5.9 */
    for (size_t i = 0; i < N; i++)
        check_near((double)chosen[i], 400, 5 * 19);
    for (size_t i = 0; i < 2; i++)
        check_near((double)together[i], 34.8, 4.5 * 5.9);
}

static void
a_share_of_the_numbers_is_rounded_and_at_least_one(void **unused)
{
    (void)unused;
    const struct {
        size_t n;
        double ratio;
        size_t kept;
    } cases[] = {{1, 0.01, 1},     {3, 0.01, 1},  {149, 0.01, 1}, {151, 0.01, 2},
                 {1000, 0.01, 10}, {10, 0.25, 3}, {10, 1, 10}};
    for (size_t c = 0; c < 2 * 7; c++) {
        char yaml[64];
        snprintf(yaml, sizeof yaml, "{name: %s, ratio: %g}", c < 7 ? "topk" : "randomk",
                 cases[c % 7].ratio);
        const size_t n = cases[c % 7].n;
        struct sm_codec codec = codec_of(yaml, n);
        float *x = normal(n, c);
        size_t kept = 0;
        sm_codec_encode(&codec, x);
        for (size_t i = 0; i < n; i++)
            kept += x[i] != 0;
        assert_int_equal(kept, cases[c % 7].kept);
    }
}

static void
the_majority_of_five_votes_wins(void **unused)
{
    (void)unused;
    enum { N = 6 };
    /* columns: 5:0, 3:2 both ways, 2:2 and a zero, 1:0 and zeros, all zero */
    const float inputs[5][N] = {{1e-9f, 4, -1, 1, 0, 0},
                                {2, -9, 7, -1, 0, -0.0f},
                                {3, 1, -2, 1, -5, 0},
                                {1e9f, -8, 4, -1, 0, 0},
                                {5, 0.5f, -0.25f, 0, 0, 0}};
    const float expected[N] = {1, 1, -1, 0, -1, 0};
    const struct session session = {
        .yaml = "signsgd", .n = N, .ranks = 5, .rounds = 1, .inputs = &inputs[0][0]};
    const float *out = session_run(&arena, &session, NULL);
    for (size_t i = 0; i < N; i++)
        check_near(out[i], expected[i], 0);
}

static void
what_is_sent_and_what_stays_behind_are_the_input(void **unused)
{
    (void)unused;
    enum { N = 400, ROUNDS = 200 };
    const char *cases[] = {"topk", "{name: topk, ratio: 0.3}", "randomk",
                           "{name: randomk, ratio: 0.3}"};
    for (size_t c = 0; c < 4; c++) {
        struct sm_codec codec = codec_of(cases[c], N);
        double input[N] = {0}, sent[N] = {0};
        for (size_t k = 0; k < ROUNDS; k++) {
            float *x = normal(N, k), before[N];
            for (size_t i = 0; i < N; i++) {
                input[i] += (double)x[i];
                before[i] = x[i] + codec.residual[i];
            }
            sm_codec_encode(&codec, x);
            for (size_t i = 0; i < N; i++) {
                sent[i] += (double)x[i];
                check_near(x[i] + codec.residual[i], before[i], 0); /* to the bit */
                assert_true(x[i] == 0 || codec.residual[i] == 0);
            }
        }
        size_t all = 0;
        for (size_t i = 0; i < N; i++) {
            /* one rounding a round, of a residual below 64 */
            check_near(sent[i] + (double)codec.residual[i], input[i],
                       ROUNDS * 64 * (double)FLT_EPSILON / 2);
            all += sent[i] != 0;
        }
        assert_true(all > N / 2); /* in the end most places have had their turn */
    }
}

static void
without_feedback_nothing_is_kept(void **unused)
{
    (void)unused;
    const char *cases[] = {"{name: topk, feedback: no}",
                           "{name: randomk, feedback: no}",
                           "{name: powersgd, feedback: no}",
                           "fp16",
                           "bf16",
                           "int8",
                           "signsgd",
                           "none"};
    for (size_t c = 0; c < 8; c++)
        assert_null(codec_of(cases[c], 100).residual);
    const char *feedback[] = {"topk", "randomk", "powersgd"};
    for (size_t c = 0; c < 3; c++)
        assert_non_null(codec_of(feedback[c], 100).residual);
}

static void
with_ratio_1_everything_goes_through(void **unused)
{
    (void)unused;
    const char *cases[] = {"{name: topk, ratio: 1}", "{name: randomk, ratio: 1}", "none"};
    for (size_t c = 0; c < 3; c++) {
        struct sm_codec codec = codec_of(cases[c], 33);
        for (size_t k = 0; k < 3; k++) {
            float *x = normal(33, k), *y = copied(33, x);
            sm_codec_encode(&codec, y);
            sm_codec_decode(&codec, y);
            assert_memory_equal(x, y, 33 * sizeof *x);
        }
    }
    struct sm_codec none = codec_of("none", 33), topk = codec_of("topk", 33);
    assert_false(sm_codec_active(&none));
    assert_true(sm_codec_active(&topk));
    struct sm_codec powersgd = codec_of("powersgd", 33);
    assert_true(sm_codec_active(&powersgd));
}

/* Bytes of a message, and of all-reduces among 1 rank or 4, of a vector that stands for `numbers`
 * numbers. */
static void
expect_bytes(const char *yaml, double numbers, double message, double allreduce)
{
    const size_t lengths[] = {1, 10, (size_t)numbers};
    for (size_t i = 0; i < 3; i++) { /* one float for all, a small model, the model itself */
        const double scale = numbers / (double)lengths[i];
        struct sm_comm comm = {.size = 4, .devices = 1, .wire_scale = scale};
        struct sm_codec codec;
        check_ok(codec_make(&arena, &codec, yaml, lengths[i], &comm));
        const struct sm_compression *c = codec.compression;
        check_relative(4 * scale * sm_codec_wire(&codec), message, 1e-12);
        if (c->wire != NULL)
            check_relative(4 * scale * c->wire(codec.state, lengths[i], 4), allreduce, 1e-12);
    }
}

static void
vectors_weigh_what_their_packed_form_would_whatever_stands_for_them(void **unused)
{
    (void)unused;
    expect_bytes("none", 1000, 4000, 4000);
    expect_bytes("fp16", 1000, 2000, 2000);
    expect_bytes("bf16", 1000, 2000, 2000);
    expect_bytes("int8", 1000, 1000 + 2 * 8, 1000 + 2 * 8);
    expect_bytes("{name: int8, block: 0}", 1000, 1000 + 8, 1000 + 8);
    expect_bytes("{name: int8, block: 64}", 1000, 1000 + 16 * 8, 1000 + 16 * 8);
    expect_bytes("{name: int8, block: 100}", 1000, 1000 + 10 * 8, 1000 + 10 * 8);
    expect_bytes("topk", 1000, 10 * 8, 4 * 10 * 4); /* value and index; m k floats */
    expect_bytes("{name: topk, ratio: 0.1}", 11173962, 1117396 * 8.0, 4 * 1117396 * 4.0);
    expect_bytes("{name: topk, ratio: 1e-6}", 1000, 8, 4 * 4);
    expect_bytes("randomk", 1000, 10 * 4, 10 * 4);
    expect_bytes("signsgd", 1000, 125, 125);
    expect_bytes("powersgd", 1000, 4000, 4000); /* without layers, as it is */
}

static void
what_travels_beside_a_mean_is_not_compressed(void **unused)
{
    (void)unused;
    for (const struct sm_plugin *const *p = sm_axis_compression.plugins; *p != NULL; p++) {
        struct machine_report report[2];
        for (size_t i = 0; i < 2; i++)
            session_run(&arena,
                        &(struct session){.yaml = (*p)->name,
                                          .n = 1000,
                                          .ranks = 4,
                                          .rounds = 1,
                                          .inputs = normal(4000, 1),
                                          .beside = i == 0 ? 0 : 20},
                        &report[i]);
        check_near(report[1].ledgers[0].bytes_sent - report[0].ledgers[0].bytes_sent, 1.5 * 80,
                   1e-9);
    }
}

static void
settings_out_of_range_and_averages_in_the_background_are_refused(void **unused)
{
    (void)unused;
    const char *wrong[] = {
        "{name: topk, ratio: 0}",         "{name: topk, ratio: 1.01}", "{name: topk, ratio: -0.1}",
        "{name: randomk, ratio: 0}",      "{name: randomk, ratio: 2}", "{name: powersgd, rank: 0}",
        "{name: powersgd, rank: -1}",     "{name: int8, block: -1}",   "{name: int8, block: 0.5}",
        "{name: signsgd, feedback: yes}", "{name: topk, feedback: 2}"};
    struct sm_comm comm = {.size = 4, .devices = 1, .wire_scale = 1};
    struct sm_codec codec;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_not_equal(codec_make(&arena, &codec, wrong[i], 10, &comm), SM_OK);
    codec = codec_of("powersgd", 4);
    float x[4] = {0};
    struct sm_request *request;
    check_fails(sm_codec_begin_average(&codec, &comm, x, 0, &request), SM_ERR_INPUT,
                "all-reduces of its own");
}

static void
no_compression_makes_much_of_nothing_or_nan_of_numbers(void **unused)
{
    (void)unused;
    enum { N = 24 * 20, RANKS = 3, ROUNDS = 6 };
    const struct sm_matrix matrix = {.rows = 24, .columns = 20, .panel = 16};
    const float extremes[] = {0, -0.0f, 1e-45f, -1e-38f, 1e-20f, 1, -1e20f, 3e37f};
    static float inputs[ROUNDS][RANKS][N];
    for (size_t k = 1; k < ROUNDS; k++) /* the first round is zero */
        for (size_t r = 0; r < RANKS; r++)
            for (size_t i = 0; i < N; i++)
                inputs[k][r][i] = k == ROUNDS - 1 ? 0
                                  : k % 2 == 0    ? extremes[(i * 5 + r) % 8]
                                                  : extremes[k];
    for (const struct sm_plugin *const *p = sm_axis_compression.plugins; *p != NULL; p++) {
        const struct session session = {.yaml = (*p)->name,
                                        .n = N,
                                        .ranks = RANKS,
                                        .rounds = ROUNDS,
                                        .matrices = &matrix,
                                        .matrix_count = 1,
                                        .inputs = &inputs[0][0][0]};
        const float *out = session_run(&arena, &session, NULL),
                    *again = session_run(&arena, &session, NULL);
        assert_memory_equal(out, again, 2 * sizeof inputs);
        for (size_t i = 0; i < N; i++)
            check_near(out[i], 0, 0);
        for (size_t i = 0; i < 2 * ROUNDS * RANKS * N; i++)
            if (!isfinite(out[i]))
                fail_msg("%s: %g at %zu", (*p)->name, (double)out[i], i);
    }
}

static void
whole_models_may_be_rounded_but_not_thinned_out(void **unused)
{
    (void)unused;
    const char *rounding[] = {"none", "fp16", "bf16", "int8"};
    size_t count = 0;
    for (const struct sm_plugin *const *p = sm_axis_compression.plugins; *p != NULL; p++) {
        const struct sm_compression *c = (const struct sm_compression *)*p;
        bool rounds = false;
        for (size_t i = 0; i < 4; i++)
            rounds = rounds || strcmp((*p)->name, rounding[i]) == 0;
        assert_int_equal(c->of_models, rounds);
        assert_int_equal(c->votes, strcmp((*p)->name, "signsgd") == 0);
        count++;
    }
    assert_int_equal(count, 8);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sixteen_bits_are_the_nearest_ties_to_even_and_never_infinite),
        cmocka_unit_test(int8_keeps_256_even_steps_and_rounds_between_them),
        cmocka_unit_test(int8_is_off_by_half_a_step_at_most),
        cmocka_unit_test(int8_has_no_257th_step),
        cmocka_unit_test(topk_keeps_what_a_sort_puts_first),
        cmocka_unit_test(randomk_draws_new_places_each_time_the_same_on_all_ranks_each_as_often),
        cmocka_unit_test(a_share_of_the_numbers_is_rounded_and_at_least_one),
        cmocka_unit_test(the_majority_of_five_votes_wins),
        cmocka_unit_test(what_is_sent_and_what_stays_behind_are_the_input),
        cmocka_unit_test(without_feedback_nothing_is_kept),
        cmocka_unit_test(with_ratio_1_everything_goes_through),
        cmocka_unit_test(vectors_weigh_what_their_packed_form_would_whatever_stands_for_them),
        cmocka_unit_test(what_travels_beside_a_mean_is_not_compressed),
        cmocka_unit_test(settings_out_of_range_and_averages_in_the_background_are_refused),
        cmocka_unit_test(no_compression_makes_much_of_nothing_or_nan_of_numbers),
        cmocka_unit_test(whole_models_may_be_rounded_but_not_thinned_out),
    };
    return cmocka_run_group_tests(tests, NULL, arena_teardown);
}
