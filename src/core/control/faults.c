/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/faults.h"

#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/control/nodes.h"
#include "core/control/objects.h"

static Fault *fault_of(const FaultState *fs) {
        return (Fault*) fs->entry.object;
}

/* --- What follows from the objects --- */

FaultState *fault_find(Cluster *c, uint64_t node_id) {
        size_t hint = 0;

        for (StoreEntry *e = NULL; (e = store_next(c->store, KIND_FAULT, e ? e->object->id : 0, &hint));)
                if (fault_covers(FAULT(e->object), node_id))
                        return (FaultState*) e;
        return NULL;
}

/* The node of the smallest id after `after` that the fault covers, or NULL. *range: begin with 0. */
static NodeState *next_node(Cluster *c, const Fault *f, uint64_t after, size_t *range, size_t *hint) {
        StoreEntry *e;

        for (; *range < f->n_ranges; (*range)++) {
                e = store_next(c->store, KIND_NODE, MAX(after, f->ranges[*range].first - 1), hint);
                if (!e)
                        return NULL;
                if (e->object->id <= f->ranges[*range].last)
                        return node_state(e);
        }
        return NULL;
}

static void set_fault(Cluster *c, NodeState *ns, FaultState *fs) {
        if (ns->fault == fs)
                return;
        ns->fault = fs;
        if (ns->beat.item.index != PRIOQ_NONE && !list_is_linked(&ns->roused))
                list_append(&c->roused, &ns->roused);
}

static void set_faults(Cluster *c, const Fault *f, FaultState *fs) {
        size_t range = 0, hint = 0;

        for (NodeState *ns = NULL; (ns = next_node(c, f, ns ? ns->entry.object->id : 0, &range, &hint));)
                if (node_of(ns)->backing == NODE_VIRTUAL)
                        set_fault(c, ns, fs);
}

int fault_changed(StoreEntry *e, const Object *old, const Object *new, void *userdata) {
        FaultState *fs = (FaultState*) e;
        const Fault *o = (const Fault*) old, *n = (const Fault*) new;
        Cluster *c = userdata;
        usec_t end = USEC_INFINITY;
        int r;

        if (!o)
                fs->end = (Timer) { .item.index = PRIOQ_NONE, .type = TIMER_FAULT_END };
        if (n && n->until != USEC_INFINITY)
                end = (usec_t) MAX((int64_t) n->until - c->realtime_offset, (int64_t) 0);
        r = prioq_set(&c->timers, &fs->end.item, end);
        if (r < 0)
                return r;
        if (o)
                set_faults(c, o, NULL);
        if (n)
                set_faults(c, n, fs);
        return 0;
}

/* --- What the nodes do --- */

static int report_trouble(Cluster *c, NodeState *ns) {
        int r;

        if (node_of(ns)->health != NODE_HEALTHY)
                return 0;
        r = node_set_health(c, ns, NODE_UNHEALTHY, "reports trouble (injected fault)", false);
        return r < 0 ? r : node_leave_lost(c, ns, "its node was lost");
}

/* Each node has its own place in the period, or all would turn at once. */
static int flap(Cluster *c, NodeState *ns, const Fault *f, usec_t *next) {
        uint64_t id = ns->entry.object->id;
        usec_t since = cluster_now_realtime(c) > f->object.created ? cluster_now_realtime(c) - f->object.created : 0;
        usec_t at = since + f->period * ((id * UINT64_C(2654435769)) & 0xffff) / 0x10000;

        *next = usec_add(c->now, f->period - at % f->period);
        if (at / f->period % 2 != 0)
                return 1;
        return report_trouble(c, ns);
}

int fault_act(Cluster *c, NodeState *ns, usec_t *next) {
        const Fault *f = fault_of(ns->fault);

        *next = BEAT_NEVER;
        if (f->kind == FAULT_SLOW && usec_add(ns->last_beat, f->delay) <= c->now)
                return 1;
        switch (f->kind) {
        case FAULT_STOP:
                if (node_of(ns)->health == NODE_STOPPED)
                        return 0;
                return node_set_health(c, ns, NODE_STOPPED, "its agent stopped (injected fault)", false);
        case FAULT_SLOW: /* also when it has something new to say */
                *next = usec_add(ns->last_beat, f->delay);
                return 0;
        case FAULT_FLAP:
                return flap(c, ns, f, next);
        default:
                return 0;
        }
}

usec_t fault_delay(const NodeState *ns) {
        return ns->fault ? fault_of(ns->fault)->delay : 0;
}

/* --- Injecting --- */

typedef struct Ranges {
        FaultRange *items;
        size_t n, allocated;
        bool open; /* the node before is in the last one */
} Ranges;

static int add_to_ranges(Ranges *r, uint64_t id) {
        if (!r->open) {
                if (r->n >= FAULT_RANGES_MAX)
                        return -E2BIG;
                if (!GREEDY_REALLOC(r->items, r->allocated, r->n + 1))
                        return -ENOMEM;
                r->items[r->n++].first = id;
                r->open = true;
        }
        r->items[r->n - 1].last = id;
        return 0;
}

/* Is it one that the fault may hit? Counts why not. */
static bool is_eligible(const NodeState *ns, const FaultSpec *spec, FaultResult *ret) {
        if (!spec->wants(ns->entry.object, spec->userdata))
                return false;
        ret->n_agents += node_of(ns)->backing != NODE_VIRTUAL;
        ret->n_faulty += node_of(ns)->backing == NODE_VIRTUAL && ns->fault;
        return node_of(ns)->backing == NODE_VIRTUAL && !ns->fault;
}

/* The nodes that may be hit, by id; a gap is a node between them that may not. */
typedef struct Eligible {
        uint64_t *ids; /* 0: a gap */
        size_t n, allocated;
        uint32_t n_nodes;
} Eligible;

static int find_eligible(Cluster *c, const FaultSpec *spec, Eligible *ret_eligible, FaultResult *ret) {
        Eligible *l = ret_eligible;
        size_t hint = 0;

        for (StoreEntry *e = NULL; (e = store_next(c->store, KIND_NODE, e ? e->object->id : 0, &hint));) {
                bool eligible = is_eligible(node_state(e), spec, ret);

                if (!eligible && (l->n == 0 || l->ids[l->n - 1] == 0))
                        continue;
                if (!GREEDY_REALLOC(l->ids, l->allocated, l->n + 1))
                        return -ENOMEM;
                l->ids[l->n++] = eligible ? e->object->id : 0;
                l->n_nodes += eligible;
        }
        return 0;
}

/* Selection sampling: Knuth, TAOCP 2, 3.4.2, algorithm S. */
static int choose(const FaultSpec *spec, const Eligible *l, Ranges *r, FaultResult *ret) {
        uint32_t left = l->n_nodes, wanted = spec->count > 0 ? MIN(spec->count, left) : left;
        Prng lot;

        prng_init(&lot, spec->seed);
        for (size_t i = 0; i < l->n; i++) {
                bool chosen = false;
                int k;

                if (l->ids[i] > 0)
                        chosen = wanted > ret->n_nodes && (left == wanted - ret->n_nodes || prng_below(&lot, left) < wanted - ret->n_nodes), left--;
                if (!chosen) {
                        r->open = false;
                        continue;
                }
                ret->n_nodes++;
                k = add_to_ranges(r, l->ids[i]);
                if (k < 0)
                        return k;
        }
        return 0;
}

static int no_node(const FaultResult *result, Error *reterr) {
        if (result->n_agents > 0)
                return error_set(reterr, -ENOENT, "no virtual node is chosen; an agent fails with its service: systemctl stop, freeze or kill -s KILL "
                                 "kubesim-agent@NODE (or kubesim-agent-fleet@NAME)");
        if (result->n_faulty > 0)
                return error_set(reterr, -ENOENT, "the chosen nodes have a fault already: kubesimctl recover-node");
        return error_set(reterr, -ENOENT, "no node is chosen");
}

static int store_fault(Cluster *c, const FaultSpec *spec, Ranges *ranges, FaultResult *ret) {
        _cleanup_(fault_unrefp) Fault *f = NULL;
        char prefix[16], detail[512];
        int r;

        (void) snprintf(prefix, sizeof(prefix), "%s-", fault_kind_to_string(spec->kind));
        do
                object_generate_name(c, prefix, ret->name);
        while (store_find(c->store, KIND_FAULT, ret->name));
        r = fault_new(ret->name, spec->kind, &f);
        if (r < 0)
                return r;
        f->object.uid = uuid_random(&c->prng);
        f->object.created = cluster_now_realtime(c);
        f->until = spec->span == USEC_INFINITY ? USEC_INFINITY : usec_add(f->object.created, spec->span);
        f->delay = spec->kind == FAULT_SLOW ? spec->delay ?: c->config.heartbeat_interval_usec : 0;
        f->period = spec->kind == FAULT_FLAP ? spec->period ?: 4 * c->config.heartbeat_interval_usec : 0;
        fault_set_ranges(f, TAKE_PTR(ranges->items), ranges->n);
        r = fault_set_selector(f, spec->selector);
        if (r >= 0)
                r = store_put(c->store, &f->object);
        if (r < 0)
                return r;
        (void) snprintf(detail, sizeof(detail), "%s of %u nodes", ret->name, ret->n_nodes);
        cluster_event(c, EVENT_FAULT_INJECTED, NULL, NULL, detail);
        return 0;
}

int cluster_inject_fault(Cluster *c, usec_t now, const FaultSpec *spec, FaultResult *ret, Error *reterr) {
        Eligible eligible = {};
        Ranges ranges = {};
        int r;

        *ret = (FaultResult) {};
        c->now = now;
        r = cluster_check_writable(c, reterr);
        if (r < 0)
                return r;
        if (store_count(c->store, KIND_FAULT) >= FAULTS_MAX)
                return error_set(reterr, -EDQUOT, "there are %d faults already, which is the most", FAULTS_MAX);
        r = find_eligible(c, spec, &eligible, ret);
        if (r >= 0)
                r = choose(spec, &eligible, &ranges, ret);
        free(eligible.ids);
        if (r >= 0 && ret->n_nodes == 0)
                return no_node(ret, reterr);
        if (r >= 0)
                r = store_fault(c, spec, &ranges, ret);
        free(ranges.items);
        if (r == -E2BIG)
                return error_set(reterr, -EDQUOT, "the chosen nodes lie too far apart to be one fault: choose fewer");
        return r < 0 ? error_set(reterr, r, "out of memory") : 0;
}

/* --- Ending --- */

uint32_t fault_count_nodes(Cluster *c, const Fault *f) {
        size_t range = 0, hint = 0;
        uint32_t n = 0;

        for (NodeState *ns = NULL; (ns = next_node(c, f, ns ? ns->entry.object->id : 0, &range, &hint));)
                n += ns->fault && fault_of(ns->fault) == f;
        return n;
}

int fault_end(Cluster *c, FaultState *fs) {
        _cleanup_(object_unrefp) Object *o = object_ref(fs->entry.object);
        int r;

        r = store_delete(c->store, &fs->entry);
        if (r < 0)
                return r;
        cluster_event(c, EVENT_FAULT_ENDED, NULL, NULL, o->name);
        return 0;
}

int cluster_end_fault(Cluster *c, usec_t now, const char *name, Error *reterr) {
        StoreEntry *e;
        int r;

        c->now = now;
        r = cluster_check_writable(c, reterr);
        if (r < 0)
                return r;
        e = store_find(c->store, KIND_FAULT, name);
        if (!e)
                return error_set_field(reterr, -ENOENT, "fault", name, "there is no fault \"%s\"", name);
        r = fault_end(c, (FaultState*) e);
        return r < 0 ? error_set(reterr, r, "out of memory") : 0;
}

/* Leaves those that are not wanted in the fault. */
static int take_out(Cluster *c, FaultState *fs, fault_wants_t wants, void *userdata, uint32_t *n) {
        _cleanup_(fault_unrefp) Fault *copy = NULL;
        size_t range = 0, hint = 0;
        Ranges left = {};
        uint32_t out = 0;
        int r = 0;

        for (NodeState *ns = NULL; r >= 0 && (ns = next_node(c, fault_of(fs), ns ? ns->entry.object->id : 0, &range, &hint));) {
                if (wants(ns->entry.object, userdata)) {
                        out++;
                        left.open = false;
                } else
                        r = add_to_ranges(&left, ns->entry.object->id);
        }
        if (r >= 0 && out > 0 && left.n == 0)
                r = fault_end(c, fs);
        else if (r >= 0 && out > 0) {
                r = fault_copy(fault_of(fs), &copy);
                if (r >= 0) {
                        fault_set_ranges(copy, TAKE_PTR(left.items), left.n);
                        r = store_put(c->store, &copy->object);
                }
        }
        free(left.items);
        *n += r >= 0 ? out : 0;
        return r;
}

int cluster_recover_nodes(Cluster *c, usec_t now, fault_wants_t wants, void *userdata, uint32_t *ret, Error *reterr) {
        size_t hint = 0;
        StoreEntry *e;
        int r;

        *ret = 0;
        c->now = now;
        r = cluster_check_writable(c, reterr);
        if (r < 0)
                return r;
        for (uint64_t id = 0; (e = store_next(c->store, KIND_FAULT, id, &hint));) {
                id = e->object->id;
                r = take_out(c, (FaultState*) e, wants, userdata, ret);
                if (r < 0)
                        return error_set(reterr, r, r == -E2BIG ? "what is left of a fault lies too far apart" : "out of memory");
        }
        return 0;
}
