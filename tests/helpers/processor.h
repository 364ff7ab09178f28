/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/processor.h -- the processor's name, for the last column of a benchmark's CSV. */
#ifndef SM_TESTS_HELPERS_PROCESSOR_H
#define SM_TESTS_HELPERS_PROCESSOR_H

/* Static, without commas; "unknown" where the system does not say. */
const char *processor_name(void);

#endif
