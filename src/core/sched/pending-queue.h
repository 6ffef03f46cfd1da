/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Pods that wait for room, oldest first, with the question that matters when room appears: which is the oldest that
 * fits into so much? A treap by age in which each subtree knows its smallest request. */

#include "basic/forward.h"

typedef struct PendingEntry PendingEntry;

struct PendingEntry {
        PendingEntry *left, *right, *parent;
        uint64_t priority;
        int64_t cpu;      /* millicores; set by the owner */
        int64_t least;    /* the smallest cpu here and below */
        uint64_t order;   /* age, unique: the smaller the older; set by the owner */
};

typedef struct PendingQueue {
        PendingEntry *root;
        size_t n_entries;
        uint64_t seed;
} PendingQueue;

void pending_queue_init(PendingQueue *q);
void pending_queue_done(PendingQueue *q);
/* Enters it at its age. Never fails at present; callers check all the same. */
int pending_queue_add(PendingQueue *q, PendingEntry *e);
void pending_queue_remove(PendingQueue *q, PendingEntry *e);
/* The oldest that asks for at most `free`, or NULL. */
PendingEntry *pending_queue_first_fit(const PendingQueue *q, int64_t free);
/* The oldest, or NULL. */
PendingEntry *pending_queue_first(const PendingQueue *q);
/* The one after it in age, or NULL. */
PendingEntry *pending_queue_next(const PendingEntry *e);
size_t pending_queue_size(const PendingQueue *q);
