/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Amounts of resources as Kubernetes writes them: "500m", "2", "1.5Gi", "1e3".
 * Kubernetes API reference, "Quantity" (k8s.io/apimachinery/pkg/api/resource). */

#include "basic/forward.h"

/* Reads a quantity as thousandths, rounded up (as Kubernetes does). -EINVAL, or -ERANGE when it does not fit. */
int quantity_parse_milli(const char *s, int64_t *ret);
/* The same in whole units. */
int quantity_parse_value(const char *s, int64_t *ret);
/* The one way to write it: no fraction, the greatest suffix that loses nothing, in the family of suffixes that it came with; what is
 * finer than 10^-9 is rounded up. -EINVAL, or -ERANGE when it is too large to be told. */
#define QUANTITY_TEXT_MAX 48
int quantity_canonical(const char *s, char ret[static QUANTITY_TEXT_MAX]);
