/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* All objects by kind and name, one revision for all, and the log of the newest changes.
 *
 * Invariants (asserted in store.c by number):
 *  1. Revisions grow by one with each change; no two changes share one.
 *  2. An object in the store is never changed; a change is a new object.
 *  3. The log holds every change after `durable`, and at most log_max older ones, without a gap.
 *  4. What is derived from objects (the entry's state) follows by the kind's `changed` hook and nothing else, so
 *     that undoing a change is applying its opposite. */

#include "basic/hashtable.h"
#include "basic/treap.h"
#include "core/store/change.h"

typedef struct Store Store;

/* What the store keeps of one object; embedded at the beginning of what a kind derives from it. */
typedef struct StoreEntry {
        Object *object;   /* the present version, owned */
        TreapNode by_key; /* in the kind's table */
        /* So that most comparisons touch no object: */
        uint64_t begin;   /* of keys without a namespace: their first bytes; else 0 */
        uint64_t stem;    /* a digest of the key up to its last separator, which pods of a template share; 0: not known */
        uint64_t rest;    /* the first bytes after that */
} StoreEntry;

typedef struct StoreKind {
        size_t entry_size; /* of the struct that begins with a StoreEntry */
        /* Called for each change with the entry, the version before and the version after (NULL: none); may be NULL.
         * entry->object is `new` already, except when new is NULL. May fail (-ENOMEM) only if it then has changed
         * nothing; must not fail when `new` is NULL. */
        int (*changed)(StoreEntry *entry, const Object *old, const Object *new, void *userdata);
} StoreKind;

/* kinds: _KIND_MAX rows, borrowed. log_max: how many durable changes the log keeps. secret: of the name tables. */
int store_new(const StoreKind *kinds, void *userdata, size_t log_max, const uint64_t secret[2], Store **ret);
Store *store_free(Store *s);
DEFINE_CLEANUP(Store*, store_free)

/* --- Queries; everything is borrowed. --- */
uint64_t store_revision(const Store *s);
uint64_t store_durable(const Store *s);
uint64_t store_last_id(const Store *s);
size_t store_count(const Store *s, Kind kind);
StoreEntry *store_find(const Store *s, Kind kind, const char *name);
/* The object of that kind with the smallest id greater than `after_id`, or NULL: walks in order of creation, and
 * goes on after any change. O(log n), O(1) when walked with the same *hint (begin with 0). */
StoreEntry *store_next(const Store *s, Kind kind, uint64_t after_id, size_t *hint);
/* The id of the nth object of that kind after `after_id`, of the last when there are fewer; after_id when there is none. */
uint64_t store_nth_id(const Store *s, Kind kind, uint64_t after_id, size_t n);
/* The same in the order of keys (namespace, then name): the first that does not come before `key` ("": before all of the
 * namespace "default", "NS/": before all of NS; NULL: the first of all), and the one after an entry. O(log n). */
StoreEntry *store_find_from(const Store *s, Kind kind, const char *key);
StoreEntry *store_following(const StoreEntry *e);
/* How many of them are in that namespace. O(log n). */
size_t store_count_in(const Store *s, Kind kind, const char *namespace);

/* --- Changes --- */
/* Adds the object, or replaces the one of its kind and name. Sets id (for a new one) and revision; takes its own
 * reference. 0 or -ENOMEM, and then nothing has changed. */
int store_put(Store *s, Object *o);
/* Removes the entry's object. 0 or -ENOMEM. The entry is gone after. */
int store_delete(Store *s, StoreEntry *e);
/* Puts an object that was loaded: id and revision are kept, nothing is logged. Call in order of id. */
int store_load(Store *s, Object *o);
/* After loading: where revisions and ids go on. Nothing older can be watched. */
void store_loaded(Store *s, uint64_t revision, uint64_t last_id);

/* --- The log --- */
void store_set_log_max(Store *s, size_t log_max);
/* The logged change of that revision: 1 and *ret (borrowed until the next change); 0 when it has not happened yet; -ERANGE when it is no longer there. */
int store_log_get(const Store *s, uint64_t revision, const StoreChange **ret);
/* The oldest revision that can be asked for. */
uint64_t store_log_first(const Store *s);
/* Changes after those given by the last call, as one run in memory (call again until 0). Borrowed until the next
 * change or call. */
size_t store_take_changes(Store *s, const StoreChange **ret);
/* The last n of those that were taken could not be used: they are given again. */
void store_give_back_changes(Store *s, size_t n);
bool store_has_untaken_changes(const Store *s);
/* Everything up to `revision` is on disk. */
void store_set_durable(Store *s, uint64_t revision);
/* Undoes every change after `durable`, newest first; nobody has been told of them. Negative when out of memory: the
 * state is then broken and the process must start again from disk. */
int store_undo(Store *s);
