/* SPDX-License-Identifier: GPL-3.0-or-later */
/* sim/base/clones.h -- SM_CLONES before a function compiles it for AVX2+FMA and for any x86-64, and
 * the loader picks. Element-wise code gives the same bits in both (no contraction, no reordering).
 * Sanitizers run too late for the loader's choice, so they get one version.
 */
#ifndef SM_BASE_CLONES_H
#define SM_BASE_CLONES_H

#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define SM_CLONES __attribute__((target_clones("arch=x86-64-v3", "default")))
#else
#define SM_CLONES
#endif

#endif
