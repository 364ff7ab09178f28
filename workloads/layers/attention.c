/* SPDX-License-Identifier: GPL-3.0-or-later */
/* workloads/layers/attention.c -- multi-head attention of the sequences of a run: see sequence.h.
 */
#include "workloads/kernels/panels.h"
#include "workloads/kernels/sequence.h"
#include "workloads/layers/sequence.h"

/* Row r of q stands where the keys of row r would: see struct sm_run. */
static size_t
query_row(const struct sm_run *run, const struct sm_sight *sight)
{
    return run->first + sight->query * run->step;
}

void
sm_attend(const struct sm_run *run, const struct sm_sight *sights, bool causal, float *heads,
          float *weights, const float *q, size_t q_stride, const float *kv, size_t kv_stride)
{
    const size_t width = run->stack->shape.width, stride = sm_row_stride(width);
    const size_t head = width / run->stack->shape.heads;
    for (const struct sm_sight *s = sights; s < sights + run->sequences; s++)
        for (size_t h = 0; h < width; h += head) {
            const float *k = kv + s->key * kv_stride + h;
            const size_t p_stride = sm_row_stride(s->keys);
            sm_panels_pack_turned(run->panels, k, kv_stride, head, s->keys);
            sm_attention_forward(heads + s->query * stride + h, stride, weights, p_stride,
                                 q + query_row(run, s) * q_stride + h, q_stride, run->panels,
                                 k + width, kv_stride, s->queries, s->keys, head, causal);
            weights += s->queries * p_stride;
        }
}

void
sm_attend_backward(const struct sm_run *run, const struct sm_sight *sights, bool causal, float *dq,
                   float *dkv, const float *d_heads, const float *heads, const float *weights,
                   const float *q, size_t q_stride, const float *kv, size_t kv_stride)
{
    const size_t width = run->stack->shape.width, stride = sm_row_stride(width);
    const size_t head = width / run->stack->shape.heads;
    for (const struct sm_sight *s = sights; s < sights + run->sequences; s++)
        for (size_t h = 0; h < width; h += head) {
            const size_t key = s->key * kv_stride + h, query = s->query * q_stride + h;
            const size_t p_stride = sm_row_stride(s->keys), row = s->query * stride + h;
            sm_panels_pack_turned(run->panels, kv + key + width, kv_stride, head, s->keys);
            sm_attention_backward(dq + query, q_stride, dkv + key, dkv + key + width, kv_stride,
                                  run->ds, d_heads + row, stride, heads + row, stride, weights,
                                  p_stride, q + query, q_stride, kv + key, kv_stride, run->panels,
                                  s->queries, s->keys, head, causal);
            weights += s->queries * p_stride;
        }
}
