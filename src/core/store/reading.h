/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The objects of a kind as they were at one revision, read one by one while the state goes on: nothing is copied when it begins.
 * What changes before the reading has come to it is kept by the reading as it was, so that it needs neither the log nor a copy of
 * all. One that is so slow that too much changes meanwhile ends in an error. */

#include "core/store/store.h"

typedef struct Reading Reading;

/* How many objects, changed since it began and not yet read, one reading keeps; all of them together. */
#define READING_KEPT_MAX 100000
#define READINGS_KEPT_MAX 1000000

/* In the order of keys (namespace, then name), of that namespace (NULL: of all), after the key `after` (NULL: from the first), as of
 * `revision`: what has changed since is taken back by the log. -ERANGE when that no longer reaches so far, -ENOMEM. */
int reading_by_key(Store *s, Kind kind, const char *namespace, const char *after, uint64_t revision, Reading **ret);
/* In the order of creation, those with ids after `after_id` up to `last_id`, as of now. -ENOMEM. */
int reading_by_id(Store *s, Kind kind, uint64_t after_id, uint64_t last_id, Reading **ret);
/* The next object, borrowed until the next call: 1; 0 at the end; -EAGAIN when there is more, but it has looked at much without
 * finding one: others may want a turn; -ENOBUFS when it was too slow, what it needs was undone, or memory ran out. */
int reading_next(Reading *r, Object **ret);
uint64_t reading_revision(const Reading *r);
/* NULL is fine. */
Reading *reading_free(Reading *r);
DEFINE_CLEANUP(Reading*, reading_free)

/* How many changes the log has to tell it before it begins. */
uint64_t reading_lag(const Reading *r);

/* Of the store: an object is about to be, or has been, put in, replaced or taken out. before: what it was, NULL: it was not. */
void readings_see(Store *s, const Object *o, Object *before);
/* The log is about to lose its end. */
void readings_see_undo(Store *s);
