/* SPDX-License-Identifier: GPL-3.0-or-later */
/* tests/helpers/rails.h -- platforms whose workers have several NICs. */
#ifndef SM_TESTS_HELPERS_RAILS_H
#define SM_TESTS_HELPERS_RAILS_H

#include <stddef.h>

/* XML of workers with `devices` devices each, every device with a NIC `w0d0_nic` of 1 GB/s and 2 us
 * on one switch, and a link among neighbours in the worker. rails: the property. Static, valid
 * until the next. */
const char *rails_platform(size_t workers, size_t devices, const char *rails);

#endif
