/* SPDX-License-Identifier: Apache-2.0 */
#include "core/cluster.h"

#include "basic/alloc-util.h"
#include "core/control/controllers/builtins.h"
#include "core/control/controllers/controllers.h"
#include "core/control/faults.h"
#include "core/control/heartbeat.h"
#include "core/control/nodes.h"
#include "core/control/nominations.h"
#include "core/control/objects-internal.h"
#include "core/control/objects.h"
#include "core/control/owners.h"
#include "core/control/placement.h"
#include "core/control/pods.h"
#include "core/control/selectors.h"
#include "core/control/state.h"
#include "core/control/turn.h"

/* A step that comes this much later than it was asked for: the process did not run, and beats were not read. */
#define STALL_USEC USEC_PER_SEC
#define CLOCK_LEAP ((int64_t) USEC_PER_SEC) /* less is the clock being disciplined */
#define RETRY_USEC (100 * USEC_PER_MSEC) /* after memory ran out */

static const char *namespace_label(const char *namespace, const char *key, void *userdata) {
        Cluster *c = userdata;
        StoreEntry *e = store_find(c->store, KIND_NAMESPACE, namespace);

        return e ? doc_label(e->object->doc, key) : NULL;
}

static void forget_class(void *class) {
        pod_class_unref(class);
}

int cluster_new(const ClusterConfig *config, uint64_t seed, const uint64_t secret[2], Cluster **ret) {
        _cleanup_(cluster_freep) Cluster *c = NULL;
        int r;

        assert(config);
        assert(ret);

        c = new0(Cluster, 1);
        if (!c)
                return -ENOMEM;
        c->config = *config;
        c->retry_at = USEC_INFINITY;
        c->secret[0] = secret[0];
        c->secret[1] = secret[1];
        prng_init(&c->prng, seed);
        list_init(&c->alive);
        list_init(&c->unhealthy);
        list_init(&c->stopping);
        list_init(&c->woken);
        list_init(&c->roused);
        list_init(&c->dirty);
        list_init(&c->orphans);
        list_init(&c->strangers);
        node_index_init(&c->index);
        scheduler_init(&c->scheduler, seed, c->secret);
        c->scheduler.namespaces = (NamespaceLabels) { .get = namespace_label, .userdata = c };
        c->scheduler.selectors = (PodSelectors) { .put = pod_selectors_put, .userdata = c };
        class_queues_init(&c->queues);
        nominations_init(c);
        pending_queue_init(&c->pending);
        cluster_use_algorithm(c, config->algorithm);
        c->scheduler_name = strdup(config->scheduler_name ?: POD_SCHEDULER_DEFAULT);
        if (!c->scheduler_name)
                return -ENOMEM;
        c->scheduler.classes.scheduler_name = c->scheduler_name;
        r = store_new(cluster_kinds(), c, config->watch_log_max, secret, &c->store);
        if (r < 0)
                return r;
        r = doc_pool_new(secret, &c->docs);
        if (r < 0)
                return r;
        doc_pool_set_view_free(c->docs, forget_class);
        r = event_log_new(config->event_log_max, &c->events);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(c);
        return 0;
}

static void drop_loading(Cluster *c) {
        for (size_t i = 0; i < c->n_loading; i++)
                object_unref(c->loading[i]);
        c->loading = mfree(c->loading);
        c->n_loading = c->loading_allocated = 0;
}

/* What nodes and queues hold, as the store frees them without a change. */
static void drop_derived(Cluster *c) {
        size_t hint = 0;

        placement_forget(c);
        nominations_done(c);
        scheduler_forget_orders(&c->scheduler);
        for (StoreEntry *e = NULL; c->store && (e = store_next(c->store, KIND_NODE, e ? e->object->id : 0, &hint));)
                sched_node_done(&node_state(e)->sched);
        for (Kind k = 0; c->store && k < _KIND_MAX; k++)
                for (StoreEntry *e = controller_keeps_time(k) ? store_find_from(c->store, k, NULL) : NULL; e; e = store_following(e))
                        controller_forget(object_state(e));
        for (StoreEntry *e = c->store ? store_find_from(c->store, KIND_POD_DISRUPTION_BUDGET, NULL) : NULL; e; e = store_following(e))
                budget_state(e)->selector = mfree(budget_state(e)->selector);
}

Cluster *cluster_free(Cluster *c) {
        if (!c)
                return NULL;
        drop_loading(c);
        drop_derived(c);
        store_free(c->store);
        doc_pool_free(c->docs); /* with the classes that its documents keep */
        event_log_free(c->events);
        node_class_unref(c->node_class);
        scheduler_done(&c->scheduler);
        node_index_done(&c->index);
        pending_queue_done(&c->pending);
        prioq_done(&c->timers);
        free(c->scheduler_name);
        return mfree(c);
}

void cluster_configure(Cluster *c, const ClusterConfig *config) {
        size_t hint = 0;

        c->config = *config;
        store_set_log_max(c->store, config->watch_log_max);
        event_log_set_max(c->events, config->event_log_max);
        if (store_count(c->store, KIND_POLICY) == 0)
                cluster_use_algorithm(c, config->algorithm);
        for (StoreEntry *e = NULL; (e = store_next(c->store, KIND_NODE, e ? e->object->id : 0, &hint));)
                node_update_index(c, node_state(e));
}

void cluster_set_clock(Cluster *c, int64_t realtime_offset) {
        int64_t leap = realtime_offset - c->realtime_offset;

        c->realtime_offset = realtime_offset;
        if (leap < -CLOCK_LEAP || leap > CLOCK_LEAP)
                controllers_clock_set(c);
}

int cluster_load(Cluster *c, Object *o) {
        if (o->doc)
                o->doc = document_share(c, o->kind, o->doc);
        /* Pods wait until every node is there: one may be bound to a node that was created after it. */
        if (o->kind != KIND_POD)
                return store_load(c->store, o);
        if (!GREEDY_REALLOC(c->loading, c->loading_allocated, c->n_loading + 1))
                return -ENOMEM;
        c->loading[c->n_loading++] = object_ref(o);
        return 0;
}

static int read_class(Cluster *c, Pod *p) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(64 * MIB);
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(16 * MIB);
        Json *root;
        int r;

        doc_put(p->object.doc, &text);
        r = strbuf_error(&text);
        if (r >= 0)
                r = json_tree_parse(&a, text.data, text.size, &root, NULL);
        return r < 0 ? r : pod_read_class(p, &c->scheduler.classes, root, NULL);
}

/* What the scheduler reads of it follows from its document, which is read once for all pods of a namespace that share it. */
static int load_class(Cluster *c, Pod *p) {
        int r;

        if (!p->object.doc || pod_share_class(p))
                return 0;
        r = read_class(c, p);
        if (r >= 0)
                pod_lend_class(p);
        return r;
}

static int load_pods(Cluster *c) {
        int r;

        for (size_t i = 0; i < c->n_loading; i++) {
                Pod *p = POD(c->loading[i]);
                NodeState *ns;

                r = load_class(c, p);
                if (r < 0)
                        return r;
                /* A node that is not there cannot come from us, but the pod is worth more than the complaint. */
                if (p->node) {
                        ns = find_node(c, p->node);
                        if (!ns && pod_holds_capacity(p))
                                p->status = POD_RESCHEDULING;
                        if (ns || p->status == POD_RESCHEDULING)
                                pod_share_node(p, ns ? node_of(ns)->object.name : NULL);
                }
                r = store_load(c->store, &p->object);
                if (r < 0)
                        return r;
        }
        drop_loading(c);
        return 0;
}

int cluster_loaded(Cluster *c, usec_t now, uint64_t revision, uint64_t last_id) {
        size_t hint = 0;
        int r;

        c->now = c->floor = c->stepped = now;
        r = load_pods(c);
        if (r < 0)
                return r;
        store_loaded(c->store, revision, last_id);
        for (StoreEntry *e = NULL; (e = store_next(c->store, KIND_NODE, e ? e->object->id : 0, &hint));) {
                NodeState *ns = node_state(e);

                ns->faded_at = ns->last_beat = now;
                ns->pods_revision = revision;
                ns->last_beat_realtime = cluster_now_realtime(c);
                if (node_loses_pods(c, ns))
                        r = prioq_set(&c->timers, &ns->settle.item, now);
                if (r < 0)
                        return r;
        }
        while (cluster_next_woken(c))
                ;
        r = builtins_ensure(c);
        if (r >= 0)
                r = pods_schedule(c);
        return MIN(r, 0);
}

static void look_again(Cluster *c, TimedState *ts) {
        prioq_remove(&c->timers, &ts->look.item);
        object_mark(c, &ts->common);
}

static int beat(Cluster *c, NodeState *ns) {
        list_remove(&ns->roused);
        return virtual_beat(c, ns);
}

/* Nodes whose fault has begun or ended: what would be too many timers to be set at once. */
static int beat_roused(Cluster *c, Turn *turn) {
        ListLink *l;
        int r = 0;

        while (r >= 0 && (l = list_first(&c->roused)) && turn_goes_on(turn)) {
                r = beat(c, container_of(l, NodeState, roused));
                if (r < 0)
                        list_prepend(&c->roused, l);
        }
        return r;
}

static int run_timers(Cluster *c) {
        Turn turn = turn_begin(c);
        PrioqItem *item;
        int r;

        r = beat_roused(c, &turn);
        while (r >= 0 && (item = prioq_peek(&c->timers)) && item->when <= c->now && turn_goes_on(&turn)) {
                Timer *t = container_of(item, Timer, item);

                if (t->item.tag == TIMER_BEAT)
                        r = beat(c, container_of(t, NodeState, beat));
                else if (t->item.tag == TIMER_BACKOFF)
                        placement_backoff_is_over(c, container_of(t, ClassQueue, backoff));
                else if (t->item.tag == TIMER_FAULT_END)
                        r = fault_end(c, container_of(t, FaultState, end));
                else if (t->item.tag == TIMER_SETTLE)
                        r = node_settle_pods(c, container_of(t, NodeState, settle));
                else if (t->item.tag == TIMER_LOOK)
                        look_again(c, container_of(t, TimedState, look));
                else
                        r = pod_end(c, container_of(t, PodState, end));
        }
        return r;
}

int cluster_step(Cluster *c, usec_t now) {
        static int (*const parts[])(Cluster *c) = { run_timers, nodes_check_health, pods_schedule, controllers_run };
        int r = 0;

        c->now = now;
        if (c->frozen)
                return 0;
        /* What the step before has left to this one has been due for a while: that is no stall. */
        if (now > usec_add(MAX(cluster_deadline(c), c->stepped), STALL_USEC))
                c->floor = now;
        c->stepped = now;

        for (size_t i = 0; i < ELEMENTSOF(parts) && r >= 0; i++)
                r = parts[i](c);
        c->retry_at = USEC_INFINITY;
        if (r < 0)
                cluster_retry_soon(c);
        return MIN(r, 0);
}

void cluster_retry_soon(Cluster *c) {
        c->retry_at = usec_add(c->now, RETRY_USEC);
}

usec_t cluster_deadline(const Cluster *c) {
        PrioqItem *item = prioq_peek(&c->timers);
        usec_t due = MIN(nodes_deadline(c), c->retry_at);

        if (c->frozen)
                return USEC_INFINITY;
        if ((c->placing || controllers_wait(c)) && c->retry_at == USEC_INFINITY)
                return c->now;
        if (!list_is_empty(&c->roused) && c->retry_at == USEC_INFINITY)
                return c->now;
        return item ? MIN(due, item->when) : due;
}

void cluster_freeze(Cluster *c) {
        c->frozen = true;
}

void cluster_thaw(Cluster *c, usec_t now) {
        c->frozen = false;
        c->floor = c->stepped = c->now = now;
}

bool cluster_is_frozen(const Cluster *c) {
        return c->frozen;
}

int cluster_undo(Cluster *c, usec_t now) {
        c->now = now;
        c->faults_version++;
        event_log_undo(c->events, store_durable(c->store));
        return store_undo(c->store);
}

Store *cluster_store(Cluster *c) {
        return c->store;
}

usec_t cluster_heartbeat_interval(const Cluster *c) {
        return c->config.heartbeat_interval_usec;
}

DocPool *cluster_documents(Cluster *c) {
        return c->docs;
}

EventLog *cluster_events(Cluster *c) {
        return c->events;
}

void cluster_stats(const Cluster *c, ClusterStats *ret) {
        *ret = c->stats;
        ret->n_pending = (uint32_t) (pending_queue_size(&c->pending) + c->queues.n_pods);
}
