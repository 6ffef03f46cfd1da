/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* When which node of a fleet beats: a state machine without clock, sockets or text. The caller takes the nodes that
 * fleet_next() gives, sends their beats, and tells how each went.
 *
 * 1. A node's first beat is due at once, though after those of the nodes that are beating already: the server writes new nodes to
 *    disk, which takes what it takes. The one after it is due when its turn in the interval comes: node i's is at the part
 *    (i + 1) * phi (mod 1) of it, so that any number of nodes is spread evenly (Knuth, TAOCP 3, 6.4: the golden ratio's multiples).
 *    From then on a beat follows the one before after the interval, give or take a tenth. A node that could not beat for
 *    half an interval takes its turn anew.
 * 2. A node that is called, or whose pods have changed, beats at once, but never more than HEART_RATE_MAX times a second.
 * 3. While the server is away one beat at a time tries; the waits between double from HEART_BACKOFF_MIN to FLEET_BACKOFF_MAX, each
 *    drawn between half of that and all of it. Then all nodes whose time has come beat, as fast as the caller takes them. */

#include "basic/prioq.h"
#include "basic/prng.h"
#include "kubesim-agent/heartbeat.h"

#define FLEET_NODES_MAX 50000
#define FLEET_BACKOFF_MAX (5 * USEC_PER_SEC)
#define FLEET_REFUSED_USEC (30 * USEC_PER_SEC)

typedef enum FleetNodeState {
        FLEET_WAITING, /* has not been answered yet */
        FLEET_BEATING,
        FLEET_REFUSED, /* tries again now and then */
        FLEET_STOPPED, /* by an operator: is silent until it is called */
        FLEET_GONE,    /* removed by an operator, or has said goodbye */
        _FLEET_NODE_STATE_MAX,
} FleetNodeState;

typedef struct FleetNode {
        PrioqItem due;
        uint32_t number;
        uint8_t state;  /* FleetNodeState */
        bool in_flight;
        bool pending;   /* something has changed since the beat under way was sent */
        bool goodbye;   /* it has yet to say goodbye */
        bool parting;   /* the beat under way says it */
        bool settled;   /* it has had its turn in the interval */
        usec_t last_sent;
        uint64_t sequence, revision; /* of the last beat, of the last answer */
        char *pods;     /* those that it runs, as the items of a JSON array; owned, NULL: none */
} FleetNode;

typedef struct FleetSchedule {
        FleetNode **nodes; /* owned, by number */
        uint32_t n_nodes;  /* there may be more than wanted: those say goodbye */
        uint32_t n_wanted;
        uint32_t n_begun;  /* those from here on have not beaten yet, and are not queued */
        size_t allocated;
        Prioq due;
        Prng prng;
        usec_t interval;
        usec_t retry_at;   /* the server is away: not before; 0: it is there */
        unsigned failures; /* in a row */
        unsigned n_in_flight;
        uint32_t n_goodbyes; /* nodes that have yet to say it */
        uint32_t by_state[_FLEET_NODE_STATE_MAX];
} FleetSchedule;

void fleet_init(FleetSchedule *s, uint64_t seed);
void fleet_done(FleetSchedule *s);
/* From now on there are that many: new ones are due at once, those that are too many say goodbye. 0 or -ENOMEM. */
int fleet_resize(FleetSchedule *s, usec_t now, uint32_t n);
/* All say goodbye; those that the server does not know are just gone. */
void fleet_leave(FleetSchedule *s, usec_t now);

/* The node that is to beat now, which counts as sent; NULL when none is. Borrowed until it is told how it went. */
FleetNode *fleet_next(FleetSchedule *s, usec_t now);
/* When fleet_next() will give one; USEC_INFINITY: not before something is told. */
usec_t fleet_deadline(const FleetSchedule *s);

/* How it went; the node may be gone after. interval: what the server asks for (0: as before). changed: its pods did. */
void fleet_answered(FleetSchedule *s, FleetNode *n, usec_t now, usec_t interval, bool changed);
void fleet_refused(FleetSchedule *s, FleetNode *n, usec_t now);
/* The server has told it to stop. known: it is one of its nodes, and may be started again. */
void fleet_stopped(FleetSchedule *s, FleetNode *n, usec_t now, bool known);
/* The server did not answer. */
void fleet_failed(FleetSchedule *s, FleetNode *n, usec_t now);
/* The server wants to hear from that node. */
void fleet_call(FleetSchedule *s, uint32_t number, usec_t now);
/* It may have called while nobody listened: those that only a call can wake try once. */
void fleet_call_stopped(FleetSchedule *s, usec_t now);

/* Has each node been answered or refused once? */
static inline bool fleet_is_through(const FleetSchedule *s) {
        return s->by_state[FLEET_WAITING] == 0;
}
static inline bool fleet_is_away(const FleetSchedule *s) {
        return s->retry_at > 0;
}
