/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The objects of a kind as they are at one revision: references to immutable objects, so that a long list can be
 * sent in pieces while the state goes on. */

#include "core/store/store.h"

typedef struct Snapshot {
        Object **objects; /* owned references */
        size_t n_objects, allocated;
        uint64_t revision;
        bool more; /* there were more than the limit */
} Snapshot;

/* Those with an id after `after_id` whose name begins with prefix (NULL: all), at most `limit`, in order of creation. */
int snapshot_take(Store *s, Kind kind, uint64_t after_id, const char *prefix, size_t limit, Snapshot **ret);
/* Those of that namespace (NULL: all) whose keys come after `after` (NULL: from the first), at most `limit`, in the order of keys,
 * as they were at `revision`: what has changed since is taken back by the log. -ERANGE when that no longer reaches so far. */
int snapshot_take_at(Store *s, Kind kind, const char *namespace, const char *after, size_t limit, uint64_t revision, Snapshot **ret);
Snapshot *snapshot_free(Snapshot *s);
DEFINE_CLEANUP(Snapshot*, snapshot_free)
