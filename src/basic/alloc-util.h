/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Allocation by type. Every function may give NULL: out of memory is an error to return, never fatal. */

#include <stdlib.h>
#include <string.h>

#include "basic/macro.h"

#define new0(type, n) ((type*) calloc((n), sizeof(type)))

/* Frees p and gives NULL, for "x = mfree(x)". */
static inline void *mfree(void *p) {
        free(p);
        return NULL;
}

/* Makes room for at least `need` items in the array *p, whose room *allocated counts; grows by half.
 * Returns false when out of memory; the array is then as it was. */
bool greedy_realloc(void **p, size_t *allocated, size_t need, size_t item_size);
#define GREEDY_REALLOC(array, allocated, need) \
        greedy_realloc((void**) &(array), &(allocated), (need), sizeof((array)[0]))
