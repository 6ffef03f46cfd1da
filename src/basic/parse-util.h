/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Text to values. Each takes the whole string (no white space around, no rest) and returns 0, -EINVAL when it
 * is not of the form, or -ERANGE when the value does not fit. Outputs are set on success only. */

#include "basic/forward.h"

int parse_bool(const char *s, bool *ret);          /* 1 yes y true t on / 0 no n false f off */
int parse_u64(const char *s, uint64_t *ret);       /* decimal */
int parse_i64(const char *s, int64_t *ret);       /* decimal, with a sign or without */
int parse_u64_range(const char *s, uint64_t min, uint64_t max, uint64_t *ret);
int parse_size(const char *s, uint64_t *ret);      /* bytes: 4096, 64K, 1M, 2G (powers of 1024) */
int parse_usec(const char *s, usec_t *ret);        /* systemd.time(7): 15, 15s, "2min 30s", 250ms, infinity */
/* Cores as a decimal number to thousandths: "4" -> 4000, "0.5" -> 500. Not negative. -EINVAL for more than
 * three digits after the point. */
int parse_milli(const char *s, int64_t *ret);
/* The same for a number of `size` bytes that no NUL follows. */
int parse_milli_n(const char *s, size_t size, int64_t *ret);
