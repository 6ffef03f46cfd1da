/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* How much each part of a step does (health, placement, controllers, ...) before it leaves the rest to the next one, so that whoever else
 * waits for the loop is looked at in between. It counts what is looked at and what changes, not time: a step depends on nothing but
 * the state. One look may change much (all pods of a node, hundreds of a ReplicaSet): it is finished. */

#include "core/control/state.h"

#define TURN_MAX 256 /* a few milliseconds */
#define LOOK_MAX 10000 /* pods that a controller goes through in one look where it need not do anything about most of them: a millisecond */

typedef struct Turn {
        const Store *store; /* borrowed */
        uint64_t begun;     /* its revision then */
        uint64_t n_looks;
        uint32_t max;
} Turn;

static inline uint32_t turn_max(const Cluster *c) {
        return c->config.turn_max ?: TURN_MAX;
}

static inline size_t look_max(const Cluster *c) {
        return c->config.turn_max ?: LOOK_MAX;
}

/* How many nodes are looked at for a class of pods that is new to the scheduler: that is a turn of its own. */
static inline size_t turn_nodes(const Cluster *c) {
        return (size_t) turn_max(c) * 4;
}

/* How many pods a controller makes or removes in one look, each of which is told of by an Event. */
static inline size_t look_changes(const Cluster *c) {
        return turn_max(c) / 2 + 1;
}

static inline Turn turn_begin(const Cluster *c) {
        return (Turn) { .store = c->store, .begun = store_revision(c->store), .max = turn_max(c) };
}

/* May it look at one more? The first one it always may. */
static inline bool turn_goes_on(Turn *t) {
        return t->n_looks++ + store_revision(t->store) - t->begun < t->max;
}

static inline void turn_end(Turn *t) {
        t->n_looks = t->max;
}
