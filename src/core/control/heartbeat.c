/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/heartbeat.h"

#include <stdio.h>

#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "core/control/faults.h"
#include "core/control/nodes.h"
#include "core/control/placement.h"
#include "core/control/pods.h"
#include "core/model/tombstone.h"

#define INSTANCE_MAX 128
#define STATUS_MAX 64

typedef enum InstanceRelation {
        INSTANCE_SAME,
        INSTANCE_NEWER,  /* the same place, started later: a restarted agent */
        INSTANCE_OLDER,  /* the same place, started earlier: a dead one */
        INSTANCE_OTHER,  /* another place, or nobody can tell */
} InstanceRelation;

/* "KEY/START": the length of KEY and the number START. */
static int parse_instance(const char *s, size_t *ret_key_size, uint64_t *ret_start) {
        const char *slash = strrchr(s, '/');

        if (!slash || slash == s || strlen(s) > INSTANCE_MAX || parse_u64(slash + 1, ret_start) < 0)
                return -EINVAL;
        *ret_key_size = (size_t) (slash - s);
        return 0;
}

static InstanceRelation compare_instance(const char *present, const char *given) {
        uint64_t start_present, start_given;
        size_t key_present, key_given;

        if (streq_ptr(present, given))
                return INSTANCE_SAME;
        if (!present || !given || parse_instance(present, &key_present, &start_present) < 0 ||
            parse_instance(given, &key_given, &start_given) < 0)
                return INSTANCE_OTHER;
        if (key_present != key_given || memcmp(present, given, key_given) != 0)
                return INSTANCE_OTHER;
        return start_given > start_present ? INSTANCE_NEWER : INSTANCE_OLDER;
}

static int check_beat(Cluster *c, const Heartbeat *beat, Error *reterr) {
        uint64_t start;
        size_t key;
        int r;

        r = name_validate(beat->node, "nodeID", reterr);
        if (r < 0)
                return r;
        if (isempty(beat->status) || strlen(beat->status) > STATUS_MAX)
                return error_set_field(reterr, -EINVAL, "status", beat->status,
                                       "\"status\" must be \"Healthy\", \"Stopped\" or what is wrong in at most %d letters",
                                       STATUS_MAX);
        if (beat->cpu != 0) {
                r = check_node_cpu(c, beat->cpu, reterr);
                if (r < 0)
                        return r;
        }
        if (beat->instance && parse_instance(beat->instance, &key, &start) < 0)
                return error_set_field(reterr, -EINVAL, "instance", beat->instance,
                                       "\"instance\" must be KEY/START, START a number that grows with each start");
        if (beat->version && strlen(beat->version) > STATUS_MAX)
                return error_set_field(reterr, -EINVAL, "version", NULL, "\"version\" must have at most %d letters", STATUS_MAX);
        return 0;
}

/* A removed node's agent is to stop; a newer one may register again, and then the tombstone is gone. */
static int check_tombstone(Cluster *c, const Heartbeat *beat) {
        StoreEntry *e = store_find(c->store, KIND_TOMBSTONE, beat->node);

        if (!e)
                return 0;
        switch (compare_instance(TOMBSTONE(e->object)->instance, beat->instance)) {
        case INSTANCE_SAME:
        case INSTANCE_OLDER:
                return 1;
        default:
                return c->frozen ? 0 : store_delete(c->store, e);
        }
}

/* Fills in what the beat says of the agent. 1 when that changes anything. */
static int describe(Node *n, const Heartbeat *beat) {
        bool changed = false;
        int r = 0;

        if (beat->cpu > 0 && beat->cpu != n->cpu) {
                n->cpu = beat->cpu;
                changed = true;
        }
        if (!streq_ptr(n->instance, beat->instance)) {
                r = node_set_instance(n, beat->instance);
                changed = true;
        }
        if (r >= 0 && beat->version && !streq_ptr(n->version, beat->version)) {
                r = node_set_version(n, beat->version);
                changed = true;
        }
        if (r >= 0 && beat->addresses) {
                bool same = n->n_addresses == MIN(beat->n_addresses, (size_t) NODE_ADDRESSES_MAX);

                for (size_t i = 0; same && i < n->n_addresses; i++)
                        same = streq(n->addresses[i], beat->addresses[i]);
                if (!same) {
                        r = node_set_addresses(n, beat->addresses, MIN(beat->n_addresses, (size_t) NODE_ADDRESSES_MAX));
                        changed = true;
                }
        }
        return r < 0 ? r : changed;
}

/* Would describe() change the node? Asked at each beat, so it must cost next to nothing. */
static bool describes_otherwise(const Node *n, const Heartbeat *beat) {
        if ((beat->cpu > 0 && beat->cpu != n->cpu) || !streq_ptr(n->instance, beat->instance) ||
            (beat->version && !streq_ptr(n->version, beat->version)))
                return true;
        if (!beat->addresses)
                return false;
        if (n->n_addresses != MIN(beat->n_addresses, (size_t) NODE_ADDRESSES_MAX))
                return true;
        for (size_t i = 0; i < n->n_addresses; i++)
                if (!streq(n->addresses[i], beat->addresses[i]))
                        return true;
        return false;
}

static int register_node(Cluster *c, const Heartbeat *beat, NodeState **ret, Error *reterr) {
        _cleanup_(node_unrefp) Node *n = NULL;
        bool healthy = streq(beat->status, BEAT_STATUS_HEALTHY);
        int r;

        r = cluster_check_writable(c, reterr);
        if (r < 0)
                return r;
        r = check_node_room(c, reterr);
        if (r < 0)
                return r;
        r = node_new(beat->node, &n);
        if (r < 0)
                return r;
        n->object.uid = uuid_random(&c->prng);
        n->object.created = n->health_since = cluster_now_realtime(c);
        n->backing = NODE_AGENT;
        n->health = healthy ? NODE_HEALTHY : NODE_UNHEALTHY;
        n->cpu = NODE_CPU_DEFAULT;
        r = describe(n, beat);
        if (r >= 0 && !healthy)
                r = node_set_reason(n, beat->status);
        if (r >= 0)
                r = store_put(c->store, &n->object);
        if (r < 0)
                return r;
        cluster_event(c, EVENT_NODE_REGISTERED, n->object.name, NULL, beat->version);
        *ret = find_node(c, n->object.name);
        return 0;
}

/* May this beat speak for the node? */
static int check_instance(Cluster *c, NodeState *ns, const Heartbeat *beat, Error *reterr) {
        const Node *n = node_of(ns);
        bool alive = (n->health == NODE_HEALTHY || n->health == NODE_STARTING) && ns->n_beats > 0;

        if (n->backing == NODE_VIRTUAL)
                return error_set_field(reterr, -EEXIST, "nodeID", beat->node, "\"%s\" is a virtual node, no agent may beat for it",
                                       beat->node);
        switch (compare_instance(n->instance, beat->instance)) {
        case INSTANCE_SAME:
        case INSTANCE_NEWER:
                return 0;
        case INSTANCE_OLDER:
                return error_set_field(reterr, -EEXIST, "instance", beat->instance,
                                       "a newer agent beats for node \"%s\"", beat->node);
        default:
                if (!alive || !n->instance)
                        return 0;
                cluster_event(c, EVENT_NODE_REFUSED, beat->node, NULL, "a second agent of that name");
                return error_set_field(reterr, -EEXIST, "instance", beat->instance,
                                       "another agent beats for node \"%s\": give this one another NODE_ID, or stop the other",
                                       beat->node);
        }
}

/* Takes over what the agent says of itself. */
static int update_description(Cluster *c, NodeState *ns, const Heartbeat *beat) {
        bool restarted = !streq_ptr(node_of(ns)->instance, beat->instance);
        Node *n;
        int r;

        if (!describes_otherwise(node_of(ns), beat))
                return 0;
        if (beat->cpu > 0 && beat->cpu < ns->sched.used.cpu) {
                r = pods_shrink(c, ns, beat->cpu);
                if (r < 0)
                        return r;
        }
        r = node_copy(node_of(ns), &n);
        if (r < 0)
                return r;
        r = describe(n, beat);
        if (r < 0) {
                node_unref(n);
                return r;
        }
        if (restarted) {
                ns->sequence = 0;
                n->stop_requested = false; /* somebody started it again */
        }
        return cluster_put(c, &n->object);
}

static int update_health(Cluster *c, NodeState *ns, const char *status) {
        const Node *n = node_of(ns);
        int r;

        if (streq(status, BEAT_STATUS_HEALTHY))
                return n->health == NODE_HEALTHY || n->stop_requested ? 0 : node_set_health(c, ns, NODE_HEALTHY, NULL, false);

        if (streq(status, BEAT_STATUS_STOPPED)) {
                if (n->health == NODE_STOPPED)
                        return 0;
                return node_set_health(c, ns, NODE_STOPPED, n->stop_requested ? "stopped by an operator" : "its agent stopped",
                                       n->stop_requested);
        }

        if (n->health == NODE_UNHEALTHY && streq_ptr(n->reason, status))
                return 0;
        r = node_set_health(c, ns, NODE_UNHEALTHY, status, n->stop_requested);
        return r < 0 ? r : node_leave_lost(c, ns, "its node was lost");
}

/* A digest of a list of names that does not depend on their order. */
static uint64_t digest_pods(const Cluster *c, const Heartbeat *beat) {
        uint64_t sum = beat->n_pods;

        for (size_t i = 0; i < beat->n_pods; i++)
                sum += siphash13(beat->pods[i], strlen(beat->pods[i]), c->secret);
        return sum;
}

/* Compares what the node runs with what it should run, and takes each pod a step further. */
static int confirm_pods(Cluster *c, NodeState *ns, const Heartbeat *beat) {
        uint64_t digest = digest_pods(c, beat);
        PodState *ps;
        int r;

        if (ns->listed == digest && ns->listed_at == ns->pods_revision)
                return 0; /* as the last time: nothing can follow from it */

        c->beat_number++;
        for (size_t i = 0; i < beat->n_pods; i++) {
                ps = find_pod(c, beat->pods[i]);
                if (ps && ps->node == ns)
                        ps->seen = c->beat_number;
        }
        ns->listed = digest;
        ns->listed_at = ns->pods_revision;
        LIST_FOREACH(ps, &ns->pods, PodState, in_node) {
                r = pod_confirm(c, ps, ps->seen == c->beat_number);
                if (r < 0) {
                        ns->listed_at = 0;
                        return r;
                }
        }
        return 0;
}

static int take_beat(Cluster *c, NodeState *ns, const Heartbeat *beat) {
        int r;

        ns->n_beats++;
        c->stats.n_heartbeats++;
        ns->last_beat_realtime = cluster_now_realtime(c);
        node_touch(c, ns, c->now);
        if (c->frozen)
                return 0;
        r = update_description(c, ns, beat);
        if (r < 0)
                return r;
        if (beat->sequence > 0)
                ns->sequence = (uint64_t) beat->sequence;
        r = update_health(c, ns, beat->status);
        if (r >= 0 && !streq(beat->status, BEAT_STATUS_STOPPED))
                r = confirm_pods(c, ns, beat);
        if (r >= 0)
                pods_schedule_or_retry(c);
        return r;
}

int cluster_heartbeat(Cluster *c, usec_t now, const Heartbeat *beat, HeartbeatAnswer *ret, Error *reterr) {
        NodeState *ns;
        int r;

        c->now = now;
        r = check_beat(c, beat, reterr);
        if (r < 0)
                return r;
        ns = find_node(c, beat->node);
        if (!ns) {
                r = check_tombstone(c, beat);
                if (r < 0)
                        return error_set(reterr, r, "out of memory");
                if (r > 0 || streq(beat->status, BEAT_STATUS_STOPPED)) {
                        *ret = (HeartbeatAnswer) { .stop = true };
                        return 0;
                }
                r = register_node(c, beat, &ns, reterr);
        } else
                r = check_instance(c, ns, beat, reterr);
        if (r < 0)
                return r == -ENOMEM ? error_set(reterr, r, "out of memory") : r;

        /* A beat that was overtaken by a later one of the same agent says nothing any more. */
        if (beat->sequence == 0 || (uint64_t) beat->sequence > ns->sequence ||
            compare_instance(node_of(ns)->instance, beat->instance) != INSTANCE_SAME) {
                r = take_beat(c, ns, beat);
                if (r < 0)
                        return error_set(reterr, r, "out of memory");
        }

        *ret = (HeartbeatAnswer) {
                .node = ns,
                .stop = node_of(ns)->stop_requested,
                .revision = MAX(ns->pods_revision, node_of(ns)->object.revision),
        };
        return 0;
}

int virtual_beat(Cluster *c, NodeState *ns) {
        usec_t latest = USEC_INFINITY, next;
        PodState *ps;
        int r;

        if (node_of(ns)->stop_requested)
                return node_schedule_beat(c, ns, BEAT_NEVER);
        if (ns->fault) {
                r = fault_act(c, ns, &latest);
                if (r <= 0)
                        return r < 0 ? r : node_schedule_beat(c, ns, latest);
        }
        if (node_of(ns)->health != NODE_HEALTHY) { /* its fault, or a stall of ours, is over */
                r = node_set_health(c, ns, NODE_HEALTHY, NULL, false);
                if (r < 0)
                        return r;
                pods_schedule_or_retry(c);
        }

        ns->n_beats++;
        c->stats.n_heartbeats++;
        ns->last_beat_realtime = cluster_now_realtime(c);
        node_touch(c, ns, c->now);
        if (ns->listed_at != ns->pods_revision) {
                ns->listed_at = ns->pods_revision;
                LIST_FOREACH(ps, &ns->pods, PodState, in_node) {
                        r = pod_confirm(c, ps, pod_is_wanted(pod_of(ps)));
                        if (r < 0) {
                                ns->listed_at = 0;
                                return r;
                        }
                }
        }
        if (ns->listed_at != ns->pods_revision)
                return node_schedule_beat(c, ns, c->now); /* restarted pods come up with the next one */
        /* A tenth of jitter either way keeps a hundred thousand of them from beating at once. */
        next = c->now + c->config.heartbeat_interval_usec * (90 + prng_below(&c->prng, 21)) / 100 + fault_delay(ns);
        return node_schedule_beat(c, ns, MIN(next, latest));
}

NodeState *cluster_next_woken(Cluster *c) {
        ListLink *l = list_first(&c->woken);

        if (!l)
                return NULL;
        list_remove(l);
        return container_of(l, NodeState, woken);
}
