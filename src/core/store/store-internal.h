/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the store's files share. */

#include "basic/list.h"
#include "core/store/store.h"

typedef struct KindTable {
        HashTable by_name;    /* name -> StoreEntry, owned by by_id */
        Treap by_key;
        StoreEntry **by_id;   /* ascending by object id; NULL = a hole left by a removal */
        uint64_t *ids;        /* of by_id, kept for holes too, so that a search by id works */
        size_t n_ids, ids_allocated, entries_allocated;
        size_t n_entries;
} KindTable;

struct Store {
        const StoreKind *kinds;
        void *userdata;
        KindTable tables[_KIND_MAX];
        uint64_t revision, durable, taken, last_id;

        /* The log: a ring of changes with consecutive revisions, the first of which is log_first. */
        StoreChange *log;
        StoreChange *run; /* what store_take_changes() gave, contiguous */
        size_t run_allocated;
        size_t log_allocated; /* a power of two, or 0 */
        size_t log_head, n_log, log_max;
        uint64_t log_first;

        ListLink readings; /* Reading.link */
        size_t n_kept;     /* what they keep, all together */
};
