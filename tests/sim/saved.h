/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Everything that a store holds, as a disk would give it back: written, and read again. */

#include "core/store/store.h"

typedef struct Saved {
        Object *objects[4096]; /* in order of id, a reference to each */
        size_t n;
} Saved;

/* False when there is too much of it, or one of them cannot be read again. */
bool saved_take(Store *store, Saved *ret);
