/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The storage thread: group commit. Everything that was submitted while the last batch was being written is the
 * next batch. The thread wakes the loop by an eventfd; callbacks run on the loop.
 *
 * After a failed batch nothing more is written until writer_resume(): the changes after the last durable one are
 * for the caller to undo. Meanwhile the thread probes the backend (commit of nothing) with a growing delay from
 * 250 ms to 5 s and calls on_recovered when that works. */

#include <systemd/sd-event.h>

#include "kubesimd/storage/storage.h"

typedef struct StorageWriter StorageWriter;

typedef struct StorageWriterCallbacks {
        void (*on_durable)(uint64_t revision, void *userdata);              /* everything up to it is on disk */
        void (*on_failed)(uint64_t durable, const Error *error, void *userdata); /* the batch after `durable` failed */
        void (*on_recovered)(void *userdata);
        void *userdata;
} StorageWriterCallbacks;

typedef struct StorageStats {
        uint64_t n_batches, n_changes, n_failures;
        usec_t commit_usec;     /* sum of the time spent in commit */
        usec_t commit_max_usec;
        uint64_t histogram[16]; /* commits by duration: [i] = took less than 2^i * 50 us, the last is the rest */
} StorageStats;

/* Takes the opened state over (closes it in writer_free). `durable` is the revision that load gave. */
int storage_writer_new(sd_event *event, const StorageBackend *backend, void *state, uint64_t durable,
                       const StorageWriterCallbacks *callbacks, StorageWriter **ret);
/* Writes what is queued, joins the thread, closes the backend. NULL is fine. */
StorageWriter *storage_writer_free(StorageWriter *w);
DEFINE_CLEANUP(StorageWriter*, storage_writer_free)
/* Queues changes (references are taken here and dropped here, on the loop's thread, when they are durable or
 * failed). They must follow what was queued before. Changes of one object in one batch are written once.
 * -EDQUOT when more than 1,000,000 are waiting, -ENOMEM. */
int storage_writer_submit(StorageWriter *w, const StoreChange *changes, size_t n, uint64_t last_id);
/* Writes again after on_recovered; what follows begins after the last durable revision. */
void storage_writer_resume(StorageWriter *w);
/* Waits until all that is queued is durable or has failed, at most `timeout`. For the orderly stop. */
int storage_writer_flush(StorageWriter *w, usec_t timeout);
/* When the thread last gave a sign of life, and since when the batch it is at has been running (0 = idle): for the
 * watchdog. Monotonic. */
void storage_writer_alive(StorageWriter *w, usec_t *ret_last, usec_t *ret_busy_since);
void storage_writer_stats(StorageWriter *w, StorageStats *ret);
