/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesim-agent/fleet-schedule.h"

#include "basic/alloc-util.h"

void fleet_init(FleetSchedule *s, uint64_t seed) {
        *s = (FleetSchedule) { .interval = HEART_INTERVAL_DEFAULT };
        prng_init(&s->prng, seed);
}

void fleet_done(FleetSchedule *s) {
        for (uint32_t i = 0; i < s->n_nodes; i++) {
                free(s->nodes[i]->pods);
                free(s->nodes[i]);
        }
        free(s->nodes);
        prioq_done(&s->due);
        *s = (FleetSchedule) {};
}

/* The queue has room for every node: see add_node(). */
static void set_due(FleetSchedule *s, FleetNode *n, usec_t when) {
        int r = prioq_set(&s->due, &n->due, when);

        assert(r >= 0);
}

static void set_state(FleetSchedule *s, FleetNode *n, FleetNodeState state) {
        s->by_state[n->state]--;
        s->by_state[state]++;
        n->state = (uint8_t) state;
}

static void set_goodbye(FleetSchedule *s, FleetNode *n, bool goodbye) {
        s->n_goodbyes += goodbye - n->goodbye;
        n->goodbye = goodbye;
}

static int add_node(FleetSchedule *s) {
        FleetNode *n;

        if (!GREEDY_REALLOC(s->nodes, s->allocated, s->n_nodes + 1) || !GREEDY_REALLOC(s->due.items, s->due.allocated, s->n_nodes + 1))
                return -ENOMEM;
        n = new0(FleetNode, 1);
        if (!n)
                return -ENOMEM;
        *n = (FleetNode) { .due.index = PRIOQ_NONE, .number = s->n_nodes, .state = FLEET_WAITING };
        s->nodes[s->n_nodes++] = n;
        s->by_state[FLEET_WAITING]++;
        return 0;
}

/* Takes those at the end that are too many and have nothing left to say. */
static void trim(FleetSchedule *s) {
        while (s->n_nodes > s->n_wanted) {
                FleetNode *n = s->nodes[s->n_nodes - 1];

                if (n->in_flight || n->goodbye)
                        return;
                prioq_remove(&s->due, &n->due);
                s->by_state[n->state]--;
                s->n_nodes--;
                s->n_begun = MIN(s->n_begun, s->n_nodes);
                free(n->pods);
                free(n);
        }
}

static void begin_goodbye(FleetSchedule *s, FleetNode *n, usec_t now) {
        if (n->state != FLEET_BEATING) {
                prioq_remove(&s->due, &n->due); /* nobody waits for its goodbye */
                return;
        }
        set_goodbye(s, n, true);
        if (!n->in_flight)
                set_due(s, n, now);
}

int fleet_resize(FleetSchedule *s, usec_t now, uint32_t count) {
        uint32_t before = s->n_wanted;
        int r;

        assert(count <= FLEET_NODES_MAX);

        while (s->n_nodes < count) {
                r = add_node(s);
                if (r < 0)
                        return r;
        }
        s->n_wanted = count;
        for (uint32_t i = before; i < MIN(count, s->n_begun); i++) { /* those that were leaving stay */
                set_goodbye(s, s->nodes[i], false);
                if (!s->nodes[i]->in_flight)
                        set_due(s, s->nodes[i], now);
        }
        for (uint32_t i = count; i < s->n_nodes; i++)
                begin_goodbye(s, s->nodes[i], now);
        trim(s);
        return 0;
}

void fleet_leave(FleetSchedule *s, usec_t now) {
        s->n_wanted = 0;
        for (uint32_t i = 0; i < s->n_nodes; i++)
                begin_goodbye(s, s->nodes[i], now);
        trim(s);
}

FleetNode *fleet_next(FleetSchedule *s, usec_t now) {
        PrioqItem *item = prioq_peek(&s->due);
        FleetNode *n;

        if (now < fleet_deadline(s))
                return NULL;
        if (item && item->when <= now) {
                n = container_of(item, FleetNode, due);
                prioq_remove(&s->due, item);
                if (now > usec_add(item->when, s->interval / 2))
                        n->settled = false;
        } else
                n = s->nodes[s->n_begun++];
        n->in_flight = true;
        n->parting = n->goodbye;
        n->pending = false;
        n->last_sent = now;
        n->sequence++;
        s->n_in_flight++;
        return n;
}

usec_t fleet_deadline(const FleetSchedule *s) {
        PrioqItem *item = prioq_peek(&s->due);

        if (fleet_is_away(s) && s->n_in_flight > 0)
                return USEC_INFINITY;
        if (s->n_begun < s->n_wanted)
                return s->retry_at;
        return item ? MAX(item->when, s->retry_at) : USEC_INFINITY;
}

static usec_t soonest(const FleetNode *n, usec_t now) {
        return MAX(now, usec_add(n->last_sent, USEC_PER_SEC / HEART_RATE_MAX));
}

/* When the node beats next while all is well. */
static usec_t next_turn(FleetSchedule *s, FleetNode *n, usec_t now) {
        uint32_t turn = (n->number + 1) * UINT32_C(2654435769); /* 2^32 / phi */

        if (n->settled)
                return MAX(now, n->last_sent + s->interval * (90 + prng_below(&s->prng, 21)) / 100);
        n->settled = true;
        return now + s->interval * (turn >> 12) / (UINT32_MAX >> 12);
}

/* The beat is no longer under way, and the server is there. */
static void land(FleetSchedule *s, FleetNode *n) {
        n->in_flight = false;
        s->n_in_flight--;
        s->failures = 0;
        s->retry_at = 0;
}

/* It beats no more, until it is called or wanted again. */
static void fall_silent(FleetSchedule *s, FleetNode *n, FleetNodeState state) {
        set_goodbye(s, n, false);
        set_state(s, n, state);
        trim(s);
}

void fleet_answered(FleetSchedule *s, FleetNode *n, usec_t now, usec_t interval, bool changed) {
        land(s, n);
        if (interval > 0)
                s->interval = MAX(interval, HEART_INTERVAL_MIN);
        if (n->parting && n->goodbye) {
                fall_silent(s, n, FLEET_GONE);
                return;
        }
        set_state(s, n, FLEET_BEATING);
        if (n->number >= s->n_wanted)
                begin_goodbye(s, n, now);
        else if (changed || n->pending || n->parting)
                set_due(s, n, soonest(n, now));
        else
                set_due(s, n, next_turn(s, n, now));
}

void fleet_refused(FleetSchedule *s, FleetNode *n, usec_t now) {
        land(s, n);
        if (n->goodbye || n->number >= s->n_wanted) {
                fall_silent(s, n, FLEET_GONE);
                return;
        }
        set_state(s, n, FLEET_REFUSED);
        set_due(s, n, now + FLEET_REFUSED_USEC * (50 + prng_below(&s->prng, 101)) / 100);
}

void fleet_stopped(FleetSchedule *s, FleetNode *n, usec_t now, bool known) {
        land(s, n);
        if ((n->parting && n->goodbye) || !known) {
                fall_silent(s, n, known ? FLEET_STOPPED : FLEET_GONE);
                return;
        }
        set_state(s, n, FLEET_BEATING);
        begin_goodbye(s, n, now);
}

void fleet_failed(FleetSchedule *s, FleetNode *n, usec_t now) {
        usec_t most = HEART_BACKOFF_MIN;

        n->in_flight = false;
        s->n_in_flight--;
        if (now >= s->retry_at) { /* the others that fail with it say nothing new */
                for (unsigned i = 0; i < s->failures && most < FLEET_BACKOFF_MAX; i++)
                        most *= 2;
                most = MIN(most, FLEET_BACKOFF_MAX);
                s->failures++;
                s->retry_at = now + most / 2 + prng_below(&s->prng, most / 2) + 1;
        }
        if (n->number >= s->n_wanted && !n->goodbye)
                fall_silent(s, n, FLEET_GONE);
        else
                set_due(s, n, now);
}

void fleet_call(FleetSchedule *s, uint32_t number, usec_t now) {
        FleetNode *n = number < s->n_wanted ? s->nodes[number] : NULL;

        if (!n || n->goodbye || n->state == FLEET_GONE || n->state == FLEET_REFUSED)
                return;
        if (number >= s->n_begun)
                return; /* its first beat is to come anyway */
        if (n->in_flight)
                n->pending = true;
        else if (n->state == FLEET_STOPPED)
                set_due(s, n, now);
        else
                set_due(s, n, MIN(n->due.when, soonest(n, now)));
}

void fleet_call_stopped(FleetSchedule *s, usec_t now) {
        for (uint32_t i = 0; i < s->n_wanted && s->by_state[FLEET_STOPPED] > 0; i++)
                if (s->nodes[i]->state == FLEET_STOPPED)
                        fleet_call(s, i, now);
}
