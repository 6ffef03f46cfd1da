/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Persistence, as a small interface. The core does not know that it exists; the storage thread calls commit with
 * batches of what the store has journalled. All functions of one state are called by one thread at a time. */

#include "core/model/doc-pool.h"
#include "core/store/change.h"

typedef int (*storage_load_t)(Object *object /* id and revision set; the callee takes its own reference */,
                              void *userdata);

typedef struct StorageBackend {
        const char *name;
        /* Opens (and creates) what is at `location`. A file that is corrupt, newer than this program or not ours is
         * refused with a message and left untouched (-EBADMSG, -EPROTO, -EMEDIUMTYPE). */
        int (*open)(const char *location, void **ret_state, Error *reterr);
        /* Gives every object in the order of its id, then the newest revision and id ever committed. A document that has a number
         * of its own is entered into `documents` under that, and is one for all the objects that refer to it. */
        int (*load)(void *state, DocPool *documents, storage_load_t load, void *userdata, uint64_t *ret_revision,
                    uint64_t *ret_last_id, Error *reterr);
        /* Makes the changes durable, all or none. `revision` and `last_id` are the newest of the batch. No two changes are of
         * one object; `old` of each is the version that is stored now, NULL when there is none. A document with a number is
         * stored once, with the first object that refers to it, and goes with the last one. On failure
         * (-ENOSPC, -EIO, -EROFS, ...) nothing of the batch is kept and the state stays usable: the next commit may
         * succeed. n may be 0: a probe that proves that writing works. */
        int (*commit)(void *state, const StoreChange *changes, size_t n, uint64_t revision, uint64_t last_id,
                      Error *reterr);
        void (*close)(void *state); /* NULL is fine */
} StorageBackend;

extern const StorageBackend storage_sqlite; /* location: the database file */
extern const StorageBackend storage_null;   /* accepts and forgets: benchmarks, throw-away clusters */
