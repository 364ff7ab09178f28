/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/kernels/isa/vector.h -- one source, compiled once for each instruction set.
 *
 * Every .c of this folder becomes one object for each set of isa.h (CMakeLists.txt). A kernel
 *
 *     SM_KERNEL(void, sm_scale, (float *y, const float *x, size_t n), (y, x, n))
 *     {
 *         size_t i = 0;
 *         for (; i + LANES <= n; i += LANES)
 *             store(y + i, load(x + i) * splat(2.0f));
 *         ...
 *     }
 *
 * declared as sm_scale in a header outside is compiled as sm_scale_baseline, _avx2 and _avx512; the
 * baseline's object also has sm_scale itself, which calls the one that sm_isa() names. Everything
 * else in these files, and in headers that they include, is static. `vector` is LANES floats that
 * obey + - * / and comparison lane by lane, `integers` the int32 that go with it. Products are
 * fused where multiply_add says so, and nowhere else. For the same bits on AVX2 and AVX-512 let the
 * lanes run over outputs, so that no sum depends on LANES.
 */
#ifndef SM_WORKLOADS_KERNELS_ISA_VECTOR_H
#define SM_WORKLOADS_KERNELS_ISA_VECTOR_H

#include <stddef.h>
#include <stdint.h>

#include "workloads/kernels/isa.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

#define INLINE static inline __attribute__((always_inline))

/* LANES: floats in a vector. HEIGHT: rows of a register tile as wide as a panel, so that its sums,
 * one row of weights and one input fill the registers. */
#if defined(__AVX512F__)
enum { LANES = 16, HEIGHT = 8 };
#elif defined(__AVX2__) && defined(__FMA__)
enum { LANES = 8, HEIGHT = 6 };
#elif defined(__aarch64__)
enum { LANES = 4, HEIGHT = 6 };
#else
enum { LANES = 4, HEIGHT = 2 };
#endif
enum {
    PANEL = 16,              /* floats in a row of a panel: output channels, columns */
    VECTORS = PANEL / LANES, /* vectors in such a row                                */
};

typedef float vector __attribute__((vector_size(4 * LANES)));
typedef int32_t integers __attribute__((vector_size(4 * LANES)));
typedef float unaligned_vector __attribute__((vector_size(4 * LANES), aligned(4), may_alias));

INLINE vector
load(const float *p)
{
    return *(const unaligned_vector *)p;
}

INLINE void
store(float *p, vector v)
{
    *(unaligned_vector *)p = v;
}

/* x in every lane */
INLINE vector
splat(float x)
{
    return x - (vector){0};
}

/* sum + a b, in one rounding where the processor has it. */
INLINE vector
multiply_add(vector sum, vector a, vector b)
{
#if defined(__AVX512F__)
    return _mm512_fmadd_ps(a, b, sum);
#elif defined(__AVX2__) && defined(__FMA__)
    return _mm256_fmadd_ps(a, b, sum);
#elif defined(__aarch64__)
    return vfmaq_f32(sum, a, b);
#else
    return sum + a * b;
#endif
}

/* Keeps v in a register: gcc else loads it anew for each multiply_add, twice the loads that the
 * processor has ports for. */
#if defined(__x86_64__)
#define PIN(v) __asm__("" : "+v"(v))
#elif defined(__aarch64__)
#define PIN(v) __asm__("" : "+w"(v))
#else
#define PIN(v) ((void)0)
#endif

#define SM_ISA_PASTE(name, isa) name##_##isa
#define SM_ISA_NAME(name, isa)  SM_ISA_PASTE(name, isa)

#if !defined(SM_ISA_DISPATCH) /* SM_ISA and SM_ISA_DISPATCH come from CMakeLists.txt */
#define SM_KERNEL(type, name, parameters, arguments)                                               \
    type SM_ISA_NAME(name, SM_ISA) parameters;                                                     \
    type SM_ISA_NAME(name, SM_ISA) parameters
#elif defined(__x86_64__)
#define SM_KERNEL(type, name, parameters, arguments)                                               \
    type name##_baseline parameters;                                                               \
    type name##_avx2 parameters;                                                                   \
    type name##_avx512 parameters;                                                                 \
    type name parameters                                                                           \
    {                                                                                              \
        switch (sm_isa()) {                                                                        \
        case SM_ISA_AVX512:                                                                        \
            return name##_avx512 arguments;                                                        \
        case SM_ISA_AVX2:                                                                          \
            return name##_avx2 arguments;                                                          \
        default:                                                                                   \
            return name##_baseline arguments;                                                      \
        }                                                                                          \
    }                                                                                              \
    type name##_baseline parameters
#else
#define SM_KERNEL(type, name, parameters, arguments)                                               \
    type name##_baseline parameters;                                                               \
    type name parameters                                                                           \
    {                                                                                              \
        return name##_baseline arguments;                                                          \
    }                                                                                              \
    type name##_baseline parameters
#endif

#endif
