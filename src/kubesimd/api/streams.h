/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Watches: each is a cursor in the store's log (or in the log of events) and a little text; a change is rendered
 * once and shared where it can be. Nothing is shown before it is durable. */

#include "basic/time-util.h"
#include "kubesimd/api/context.h"

/* As often as kubelets renew their leases. */
#define STREAMS_RENEWAL_USEC (10 * USEC_PER_SEC)

/* max: how many watches at a time. */
int streams_new(ApiContext *api, unsigned max, Streams **ret);
/* Every watch must be over. NULL is fine. */
Streams *streams_free(Streams *s);
DEFINE_CLEANUP(Streams*, streams_free)
void streams_set_max(Streams *s, unsigned max);
unsigned streams_count(const Streams *s);
/* Something has become durable: wakes those that sleep. */
void streams_wake(Streams *s);
/* When a watch has to look for renewals or to end, and having it do so; monotonic. USEC_INFINITY: none has. */
usec_t streams_deadline(const Streams *s);
void streams_wake_due(Streams *s, usec_t now);
/* When the oldest watch that has not been given what is durable has been waiting; 0 = none does. Monotonic. */
usec_t streams_waiting_since(const Streams *s);

/* How a front door shows changes. */
typedef struct WatchFormat {
        const char *content_type;
        /* Appends a line: an object as it is at a revision; NULL is a bookmark. The first bookmark of a watch that began
         * with all that there is comes right after that, with initial_end. */
        void (*put)(void *userdata, const char *type, uint64_t revision, const Object *o, bool initial_end, StrBuf *b);
        /* Is it shown? An object that comes to be is ADDED, one that ceases to be DELETED, as it was before. NULL: everything is. */
        bool (*wants)(void *userdata, const Object *o);
        /* Appends what ends a watch whose next change is no longer in the log; may be NULL. */
        void (*put_expired)(void *userdata, uint64_t revision, StrBuf *b);
        void (*free_userdata)(void *userdata); /* may be NULL */
        /* Appends a line for an event of the cluster's log, or nothing; NULL: this watch is not about them. */
        void (*put_event)(void *userdata, const Event *e, StrBuf *b);
        /* Is what is watched not there any more, and everything up to that revision all that there was to tell? NULL: never. */
        bool (*is_over)(void *userdata, uint64_t revision);
        /* Objects of the watch's kind that are made of those of the kind made_of: they come and go with them, and are shown again when
         * they have been renewed (realtime), at most once in STREAMS_RENEWAL_USEC. make NULL: there are none. -EEXIST: not this one. */
        Kind made_of;
        int (*make)(void *userdata, const Object *of, Object **ret);
        usec_t (*renewed)(void *userdata, const Object *of);
} WatchFormat;

typedef struct WatchOptions {
        Kind kind;
        const uint64_t *since; /* from after that revision; NULL: from all that there is */
        bool no_bookmarks;
        usec_t timeout;        /* the watch ends after this; 0 = never */
        const WatchFormat *format;
        void *userdata;        /* of the format; taken over, also on failure */
        const void *alike;     /* watches with the same one show a change in the same words: rendered once; NULL: this one has its own */
} WatchOptions;

/* Answers with a watch. -ERANGE when *since is no longer in the log and the format has no word for that, -EINVAL when it is ahead,
 * -EDQUOT at the maximum. */
int reply_watch(HttpRequest *req, ApiContext *api, const WatchOptions *options, Error *reterr);
/* Answers with a watch of events after number `after`, of that node and pod (NULL: any). */
int reply_watch_events(HttpRequest *req, ApiContext *api, uint64_t after, const char *node, const char *pod, Error *reterr);

/* Text that goes on while something goes on. */
typedef struct LineSource {
        const char *content_type; /* a literal */
        /* Appends what is next: 1; 0 when there is nothing now; -ERANGE at the end. Only what is durable. */
        int (*next)(void *userdata, StrBuf *b);
        void (*free_userdata)(void *userdata);
} LineSource;

/* Answers with that text; it counts as a watch. userdata is taken over, also on failure. */
int reply_lines(HttpRequest *req, ApiContext *api, const LineSource *source, void *userdata, Error *reterr);
