/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Watches: each is a cursor in the store's log (or in the log of events) and a little text; a change is rendered
 * once and shared. Nothing is shown before it is durable. */

#include "kubesimd/api/context.h"

/* max: how many watches at a time. */
int streams_new(ApiContext *api, unsigned max, Streams **ret);
/* Every watch must be over. NULL is fine. */
Streams *streams_free(Streams *s);
DEFINE_CLEANUP(Streams*, streams_free)
void streams_set_max(Streams *s, unsigned max);
unsigned streams_count(const Streams *s);
/* Something has become durable: wakes those that sleep. */
void streams_wake(Streams *s);
/* When the oldest watch that has not been given what is durable has been waiting; 0 = none does. Monotonic. */
usec_t streams_waiting_since(const Streams *s);
/* Frees what the log kept rendered of a change; for store_set_cache_free(). */
void streams_free_cache(void *cache);

/* Answers with a watch of that kind: from after *since, or (NULL) from all that there is. -ERANGE when *since is no
 * longer in the log, -EDQUOT at the maximum. */
int reply_watch(HttpRequest *req, ApiContext *api, Kind kind, const uint64_t *since, Error *reterr);
/* Answers with a watch of events after number `after`, of that node and pod (NULL: any). */
int reply_watch_events(HttpRequest *req, ApiContext *api, uint64_t after, const char *node, const char *pod, Error *reterr);
