/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The objects of a kind as they are at one revision: references to immutable objects, so that a long list can be
 * sent in pieces while the state goes on. */

#include "core/store/store.h"

typedef struct Snapshot {
        Object **objects; /* owned references, in order of creation */
        size_t n_objects;
        uint64_t revision;
        bool more; /* there were more than the limit */
} Snapshot;

/* Those with an id after `after_id` whose name begins with prefix (NULL: all), at most `limit`. */
int snapshot_take(Store *s, Kind kind, uint64_t after_id, const char *prefix, size_t limit, Snapshot **ret);
Snapshot *snapshot_free(Snapshot *s);
DEFINE_CLEANUP(Snapshot*, snapshot_free)
