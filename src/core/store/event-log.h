/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What happened, for people: a bounded log of events, the oldest dropped first. An event belongs to the revision of
 * the change that it tells of, and may be shown once that is durable. */

#include "basic/strbuf.h"

typedef enum EventReason {
        EVENT_NODE_REGISTERED,
        EVENT_NODE_HEALTHY,
        EVENT_NODE_UNHEALTHY,
        EVENT_NODE_STOPPED,
        EVENT_NODE_STARTING,
        EVENT_NODE_REMOVED,
        EVENT_NODE_REFUSED,
        EVENT_NODE_CORDONED,
        EVENT_NODE_UNCORDONED,
        EVENT_POD_CREATED,
        EVENT_POD_PLACED,
        EVENT_POD_BOUND,    /* by a scheduler that is not ours */
        EVENT_POD_PENDING,
        EVENT_POD_RUNNING,
        EVENT_POD_LOST,     /* its node is not healthy, and it not ready */
        EVENT_POD_EVICTED,  /* it does not bear with a taint of its node, or no longer (NODE_LOSS_KUBERNETES) */
        EVENT_POD_SPARED,   /* that taint went in time */
        EVENT_POD_MOVED,
        EVENT_POD_DISPLACED, /* it had to leave its node, and no other one takes it yet */
        EVENT_POD_RESTARTING,
        EVENT_POD_SUCCEEDED,
        EVENT_POD_FAILED,
        EVENT_POD_TERMINATING,
        EVENT_POD_REMOVED,
        EVENT_POD_PREEMPTED,
        EVENT_POD_BACKOFF,
        EVENT_SCHEDULER_CHANGED,
        EVENT_NODES_ADDED,
        EVENT_FAULT_INJECTED,
        EVENT_FAULT_ENDED,
        _EVENT_REASON_MAX,
} EventReason;

const char *event_reason_to_string(EventReason r); /* "NodeRegistered" */
bool event_reason_is_warning(EventReason r);

typedef struct Event {
        uint64_t number;   /* 1, 2, 3, ... */
        uint64_t revision;
        usec_t realtime;
        EventReason reason;
        const char *node;   /* NULL when none */
        const char *pod;    /* NULL when none */
        const char *detail; /* NULL when none: "no heartbeat for 15s" */
        const char *containers; /* those of the pod that it is about, with commas between; NULL when none */
} Event;

/* One sentence: "Node node1 is unhealthy: no heartbeat for 15s". */
void event_message(const Event *e, StrBuf *b);

typedef struct EventLog EventLog;

int event_log_new(size_t max, EventLog **ret);
EventLog *event_log_free(EventLog *l);
DEFINE_CLEANUP(EventLog*, event_log_free)
void event_log_set_max(EventLog *l, size_t max);
/* Copies the event in; the oldest goes when it is full. Out of memory loses the event: it is not state. */
void event_log_add(EventLog *l, const Event *e);
/* The event with the smallest number greater than `after`, or NULL. Borrowed until the next event. */
const Event *event_log_next(const EventLog *l, uint64_t after);
uint64_t event_log_last(const EventLog *l);
/* Forgets the events of revisions after `revision`: they have been undone. */
void event_log_undo(EventLog *l, uint64_t revision);
