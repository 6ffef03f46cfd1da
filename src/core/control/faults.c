/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/faults.h"

#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/control/nodes.h"
#include "core/control/objects.h"
#include "core/control/turn.h"

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
        if (ns->fault)
                ns->fault->n_nodes--;
        if (fs)
                fs->n_nodes++;
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

        c->faults_version++;
        if (!o)
                fs->end = (Timer) { .item.index = PRIOQ_NONE, .item.tag = TIMER_FAULT_END };
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

/* --- Choosing --- */

/* Is it one that is asked for? Counts why not. */
static bool is_eligible(FaultChoice *x, const NodeState *ns) {
        bool virtual = node_of(ns)->backing == NODE_VIRTUAL;

        if ((x->faulty && !ns->fault) || !x->wants(ns->entry.object, x->userdata))
                return false;
        x->n_agents += !virtual;
        x->n_faulty += virtual && ns->fault;
        return virtual && (ns->fault != NULL) == x->faulty;
}

static int add_to_choice(FaultChoice *x, uint64_t id) {
        if (!GREEDY_REALLOC(x->ids, x->allocated, x->n + 1))
                return -ENOMEM;
        x->ids[x->n++] = id;
        x->n_nodes += id > 0;
        return 0;
}

static void begin_choice(FaultChoice *x, uint64_t version) {
        x->version = version;
        x->after = 0;
        x->n = 0;
        x->n_nodes = x->n_agents = x->n_faulty = 0;
}

int fault_choose(Cluster *c, FaultChoice *x) {
        StoreEntry *e;
        int r = 0;

        if (x->version != c->faults_version)
                begin_choice(x, c->faults_version);
        for (size_t n = 0; r >= 0 && (e = store_next(c->store, KIND_NODE, x->after, &x->hint)); n++) {
                if (n == look_max(c))
                        return 1;
                x->after = e->object->id;
                if (is_eligible(x, node_state(e)))
                        r = add_to_choice(x, x->after);
                else if (x->n > 0 && x->ids[x->n - 1] > 0)
                        r = add_to_choice(x, 0);
        }
        return r;
}

void fault_choice_done(FaultChoice *x) {
        free(x->ids);
        *x = (FaultChoice) {};
}

/* --- Ranges --- */

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

/* Selection sampling: Knuth, TAOCP 2, 3.4.2, algorithm S. */
static int draw_lots(const FaultSpec *spec, const FaultChoice *x, Ranges *r) {
        uint32_t left = x->n_nodes, wanted = spec->count > 0 ? MIN(spec->count, left) : left;
        Prng lot;

        prng_init(&lot, spec->seed);
        for (size_t i = 0; i < x->n; i++) {
                bool chosen = false;
                int k;

                if (x->ids[i] > 0)
                        chosen = wanted > 0 && (left == wanted || prng_below(&lot, left) < wanted), left--;
                if (!chosen) {
                        r->open = false;
                        continue;
                }
                wanted--;
                k = add_to_ranges(r, x->ids[i]);
                if (k < 0)
                        return k;
        }
        return 0;
}

/* --- Injecting --- */

static int no_node(const FaultChoice *chosen, Error *reterr) {
        if (chosen->n_agents > 0)
                return error_set(reterr, -ENOENT, "no virtual node is chosen; an agent fails with its service: systemctl stop, freeze or kill -s KILL "
                                 "kubesim-agent@NODE (or kubesim-agent-fleet@NAME)");
        if (chosen->n_faulty > 0)
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
        ret->n_nodes = ((const FaultState*) store_find(c->store, KIND_FAULT, ret->name))->n_nodes;
        (void) snprintf(detail, sizeof(detail), "%s of %u nodes", ret->name, ret->n_nodes);
        cluster_event(c, EVENT_FAULT_INJECTED, NULL, NULL, detail);
        return 0;
}

int cluster_check_fault(const Cluster *c, Error *reterr) {
        int r;

        r = cluster_check_writable(c, reterr);
        if (r < 0)
                return r;
        if (store_count(c->store, KIND_FAULT) >= FAULTS_MAX)
                return error_set(reterr, -EDQUOT, "there are %d faults already, which is the most", FAULTS_MAX);
        return 0;
}

int cluster_inject_fault(Cluster *c, usec_t now, const FaultSpec *spec, const FaultChoice *chosen, FaultResult *ret, Error *reterr) {
        Ranges ranges = {};
        int r;

        *ret = (FaultResult) {};
        c->now = now;
        r = cluster_check_fault(c, reterr);
        if (r < 0)
                return r;
        if (chosen->version != c->faults_version)
                return -EAGAIN;
        if (chosen->n_nodes == 0)
                return no_node(chosen, reterr);
        r = draw_lots(spec, chosen, &ranges);
        if (r >= 0)
                r = store_fault(c, spec, &ranges, ret);
        free(ranges.items);
        if (r == -E2BIG)
                return error_set(reterr, -EDQUOT, "the chosen nodes lie too far apart to be one fault: choose fewer");
        return r < 0 ? error_set(reterr, r, "out of memory") : 0;
}

/* --- Ending --- */

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

static int compare_ids(const void *a, const void *b) {
        return CMP(*(const uint64_t*) a, *(const uint64_t*) b);
}

/* Leaves those that are not chosen in the fault. */
static int take_out(Cluster *c, FaultState *fs, const uint64_t *ids, size_t n_ids) {
        _cleanup_(fault_unrefp) Fault *copy = NULL;
        size_t range = 0, hint = 0;
        Ranges left = {};
        bool any = false;
        int r = 0;

        for (NodeState *ns = NULL; r >= 0 && (ns = next_node(c, fault_of(fs), ns ? ns->entry.object->id : 0, &range, &hint));) {
                if (bsearch(&ns->entry.object->id, ids, n_ids, sizeof(uint64_t), compare_ids)) {
                        any = true;
                        left.open = false;
                } else
                        r = add_to_ranges(&left, ns->entry.object->id);
        }
        if (r >= 0 && any && left.n == 0)
                r = fault_end(c, fs);
        else if (r >= 0 && any) {
                r = fault_copy(fault_of(fs), &copy);
                if (r >= 0) {
                        fault_set_ranges(copy, TAKE_PTR(left.items), left.n);
                        r = store_put(c->store, &copy->object);
                }
        }
        free(left.items);
        return r;
}

static size_t count_faulty(const Cluster *c) {
        size_t hint = 0, n = 0;

        for (StoreEntry *e = NULL; (e = store_next(c->store, KIND_FAULT, e ? e->object->id : 0, &hint));)
                n += ((const FaultState*) e)->n_nodes;
        return n;
}

int cluster_recover_nodes(Cluster *c, usec_t now, const FaultChoice *chosen, Error *reterr) {
        _cleanup_free_ uint64_t *ids = NULL;
        size_t hint = 0, n = 0;
        StoreEntry *e;
        bool all;
        int r;

        c->now = now;
        r = cluster_check_writable(c, reterr);
        if (r < 0)
                return r;
        if (chosen->version != c->faults_version)
                return -EAGAIN;
        all = chosen->n_nodes == count_faulty(c); /* the usual case, in which no fault has to be looked into */
        ids = new0(uint64_t, chosen->n_nodes + 1);
        if (!ids)
                return error_set(reterr, -ENOMEM, "out of memory");
        for (size_t i = 0; i < chosen->n; i++)
                if (chosen->ids[i] > 0)
                        ids[n++] = chosen->ids[i];
        for (uint64_t id = 0; n > 0 && (e = store_next(c->store, KIND_FAULT, id, &hint));) {
                id = e->object->id;
                r = all ? fault_end(c, (FaultState*) e) : take_out(c, (FaultState*) e, ids, n);
                if (r < 0)
                        return error_set(reterr, r, r == -E2BIG ? "what is left of a fault lies too far apart" : "out of memory");
        }
        return 0;
}
