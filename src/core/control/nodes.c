/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/nodes.h"

#include <stdio.h>

#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "core/control/objects-internal.h"
#include "core/control/placement.h"
#include "core/control/pods.h"
#include "core/control/turn.h"
#include "core/model/policy.h"
#include "core/model/shared-string.h"
#include "core/model/tombstone.h"

/* Tombstones are small and rare; this many removed agents are remembered, the oldest forgotten first. */
#define TOMBSTONES_MAX 4096
#define STAY_LEAST USEC_PER_SEC /* of a pod that came to a taint which it bears with for less */

int check_node_cpu(const Cluster *c, int64_t cpu, Error *reterr) {
        if (cpu > 0 && cpu <= c->config.node_cpu_max)
                return 0;
        return error_set_field(reterr, -EINVAL, "cpuCores", NULL,
                               "\"cpuCores\" must be more than 0 and at most %g (MaxNodeCPU=)",
                               (double) c->config.node_cpu_max / 1000);
}

int check_node_room(const Cluster *c, Error *reterr) {
        if (store_count(c->store, KIND_NODE) < c->config.nodes_max)
                return 0;
        return error_set(reterr, -EDQUOT, "there are %u nodes already, which is the most (MaxNodes=)", c->config.nodes_max);
}

int cluster_add_node(Cluster *c, usec_t now, const char *name, int64_t cpu, NodeState **ret, Error *reterr) {
        _cleanup_(node_unrefp) Node *n = NULL;
        char buf[UUID_STRING_MAX];
        Uuid uid;
        int r;

        c->now = now;
        r = cluster_check_writable(c, reterr);
        if (r < 0)
                return r;
        if (name) {
                r = name_validate(name, "nodeId", reterr);
                if (r < 0)
                        return r;
                if (find_node(c, name))
                        return error_set_field(reterr, -EEXIST, "nodeId", name, "node \"%s\" exists already", name);
        }
        r = check_node_cpu(c, cpu, reterr);
        if (r < 0)
                return r;
        r = check_node_room(c, reterr);
        if (r < 0)
                return r;

        uid = uuid_random(&c->prng);
        r = node_new(name ?: uuid_to_string(uid, buf), &n);
        if (r < 0)
                return error_set(reterr, r, "out of memory");
        n->object.uid = uid;
        n->object.created = n->health_since = cluster_now_realtime(c);
        n->backing = NODE_VIRTUAL;
        n->health = NODE_HEALTHY;
        n->cpu = cpu;
        r = store_put(c->store, &n->object);
        if (r < 0)
                return error_set(reterr, r, "out of memory");
        cluster_event(c, EVENT_NODE_REGISTERED, n->object.name, NULL, "virtual");
        *ret = find_node(c, n->object.name);
        pods_schedule_or_retry(c);
        return 0;
}

/* A node like the model with that name; ready to be stored. */
static int make_like(Cluster *c, const Node *model, const char *name, Node **ret) {
        _cleanup_(node_unrefp) Node *n = NULL;
        const char *copy;
        int r;

        r = node_copy(model, &n);
        if (r < 0)
                return r;
        copy = shared_string_new(name);
        if (!copy)
                return -ENOMEM;
        shared_string_unref(n->object.name);
        n->object.name = copy;
        n->object.uid = uuid_random(&c->prng);
        n->object.created = n->health_since = cluster_now_realtime(c);
        n->backing = NODE_VIRTUAL;
        n->health = NODE_HEALTHY;
        *ret = TAKE_PTR(n);
        return 0;
}

static int add_like(Cluster *c, NodeBatch *batch, const char *name, Error *reterr) {
        Node *n = NULL;
        int r;

        if (find_node(c, name)) {
                batch->n_existed++;
                return 0;
        }
        r = make_like(c, batch->model, name, &n);
        if (r >= 0)
                r = cluster_put(c, &n->object);
        if (r < 0)
                return error_set(reterr, r, "out of memory");
        batch->n_added++;
        return 0;
}

/* Is there room for all that are not there yet? */
static int check_batch_room(Cluster *c, const NodeBatch *batch, Error *reterr) {
        size_t n = store_count(c->store, KIND_NODE), n_new = 0;
        char name[512];

        if (n + batch->count <= c->config.nodes_max)
                return 0;
        for (uint32_t i = 0; i < batch->count; i++) {
                (void) snprintf(name, sizeof(name), "%s%u", batch->prefix, batch->first + i);
                n_new += !find_node(c, name);
        }
        if (n_new == 0 || n + n_new <= c->config.nodes_max)
                return 0;
        return error_set(reterr, -EDQUOT, "there are %zu nodes already, and with %zu more there would be more than %u (MaxNodes=); none of them was added", n, n_new,
                         c->config.nodes_max);
}

int cluster_add_nodes(Cluster *c, usec_t now, NodeBatch *batch, Error *reterr) {
        char name[512], detail[1024];
        int r;

        assert(batch->count <= NODE_BATCH_MAX);

        c->now = now;
        batch->n_added = batch->n_existed = 0;
        r = cluster_check_writable(c, reterr);
        if (r < 0)
                return r;
        r = check_node_cpu(c, batch->model->cpu, reterr);
        if (r >= 0)
                r = check_batch_room(c, batch, reterr);
        if (r >= 0 && batch->model->object.doc)
                batch->model->object.doc = document_share(c, KIND_NODE, batch->model->object.doc);
        for (uint32_t i = 0; i < batch->count && r >= 0; i++) {
                (void) snprintf(name, sizeof(name), "%s%u", batch->prefix, batch->first + i);
                r = add_like(c, batch, name, reterr);
        }
        if (batch->n_added > 0) {
                (void) snprintf(detail, sizeof(detail), "%u virtual ones, %s%u to %s%u", batch->n_added, batch->prefix, batch->first, batch->prefix,
                                batch->first + batch->count - 1);
                cluster_event(c, EVENT_NODES_ADDED, NULL, NULL, detail);
                pods_schedule_or_retry(c);
        }
        return r;
}

int node_set_health(Cluster *c, NodeState *ns, NodeHealth health, const char *reason, bool stop_requested) {
        static const EventReason events[_NODE_HEALTH_MAX] = {
                [NODE_STARTING] = EVENT_NODE_STARTING, [NODE_HEALTHY] = EVENT_NODE_HEALTHY,
                [NODE_UNHEALTHY] = EVENT_NODE_UNHEALTHY, [NODE_STOPPED] = EVENT_NODE_STOPPED,
        };
        bool changed = node_of(ns)->health != health;
        Node *n;
        int r;

        r = node_copy(node_of(ns), &n);
        if (r < 0)
                return r;
        n->stop_requested = stop_requested;
        if (changed) {
                n->health = health;
                n->health_since = cluster_now_realtime(c);
        }
        r = node_set_reason(n, reason);
        if (r < 0) {
                node_unref(n);
                return r;
        }
        r = cluster_put(c, &n->object);
        if (r < 0)
                return r;
        if (changed)
                cluster_event(c, events[health], node_of(ns)->object.name, NULL, reason);
        return 0;
}

int node_delete(Cluster *c, NodeState *ns, const char *why) {
        _cleanup_(object_unrefp) Object *o = object_ref(ns->entry.object);
        int r;

        r = store_delete(c->store, &ns->entry);
        if (r < 0)
                return r;
        cluster_event(c, EVENT_NODE_REMOVED, o->name, NULL, why);
        return 0;
}

static NodeState *find_or_error(Cluster *c, const char *name, Error *reterr) {
        NodeState *ns = find_node(c, name);

        if (!ns)
                (void) error_set_field(reterr, -ENOENT, "nodeId", name, "there is no node \"%s\"", name);
        return ns;
}

/* What each operation on one of them begins with. */
static int begin(Cluster *c, usec_t now, const char *name, NodeState **ret, Error *reterr) {
        int r;

        c->now = now;
        r = cluster_check_writable(c, reterr);
        if (r < 0)
                return r;
        *ret = find_or_error(c, name, reterr);
        return *ret ? 0 : -ENOENT;
}

/* Remembers that the agent behind the node is not to register it again by itself. */
static int leave_tombstone(Cluster *c, const Node *n) {
        Tombstone *t;
        size_t hint = 0;
        int r;

        if (store_count(c->store, KIND_TOMBSTONE) >= TOMBSTONES_MAX) {
                r = store_delete(c->store, store_next(c->store, KIND_TOMBSTONE, 0, &hint));
                if (r < 0)
                        return r;
        }
        r = tombstone_new(n->object.name, n->instance, &t);
        if (r < 0)
                return r;
        t->object.created = cluster_now_realtime(c);
        t->object.uid = uuid_random(&c->prng);
        return cluster_put(c, &t->object);
}

int node_remove(Cluster *c, NodeState *ns) {
        int r;

        node_set_leaving(c, ns, true);
        r = pods_evacuate(c, ns, "its node was removed");
        if (r >= 0 && node_of(ns)->backing == NODE_AGENT)
                r = leave_tombstone(c, node_of(ns));
        if (r >= 0)
                r = node_delete(c, ns, "by an operator");
        if (r < 0)
                node_set_leaving(c, ns, false);
        return r < 0 ? r : 1;
}

int cluster_remove_node(Cluster *c, usec_t now, const char *name, Error *reterr) {
        NodeState *ns;
        int r;

        r = begin(c, now, name, &ns, reterr);
        if (r < 0)
                return r;
        r = node_remove(c, ns);
        if (r < 0)
                return error_set(reterr, r, "out of memory");
        return 0;
}

int cluster_stop_node(Cluster *c, usec_t now, const char *name, Error *reterr) {
        NodeHealth health;
        NodeState *ns;
        int r;

        r = begin(c, now, name, &ns, reterr);
        if (r < 0)
                return r;
        if (node_of(ns)->stop_requested)
                return 0;

        /* A living agent stays what it is until it has said goodbye; it only gets no pods any more. */
        health = node_of(ns)->backing == NODE_VIRTUAL || node_of(ns)->health != NODE_HEALTHY ? NODE_STOPPED : NODE_HEALTHY;
        node_set_leaving(c, ns, true); /* until its wish to stop closes it */
        r = pods_evacuate(c, ns, "its node was stopped");
        if (r >= 0)
                r = node_set_health(c, ns, health, "stopped by an operator", true);
        node_set_leaving(c, ns, false);
        return r < 0 ? error_set(reterr, r, "out of memory") : 0;
}

int cluster_restart_node(Cluster *c, usec_t now, const char *name, Error *reterr) {
        NodeState *ns;
        bool virtual;
        int r;

        r = begin(c, now, name, &ns, reterr);
        if (r < 0)
                return r;
        if (node_of(ns)->health == NODE_HEALTHY && !node_of(ns)->stop_requested)
                return 0;

        virtual = node_of(ns)->backing == NODE_VIRTUAL;
        if (ns->fault && !node_of(ns)->stop_requested)
                return error_set_field(reterr, -ESTALE, "nodeId", name, "node \"%s\" has the injected fault %s: kubesimctl recover-node %s", name,
                                       ns->fault->entry.object->name, name);
        r = virtual ? node_schedule_beat(c, ns, c->now) : 0;
        if (r >= 0)
                r = node_set_health(c, ns, virtual ? NODE_HEALTHY : NODE_STARTING, virtual ? NULL : "started by an operator", false);
        if (r < 0)
                return error_set(reterr, r, "out of memory");
        pods_schedule_or_retry(c);
        return !virtual;
}

const SchedAlgorithm *cluster_algorithm(const Cluster *c) {
        return c->algorithm;
}

static int unknown_algorithm(const char *name, Error *reterr) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(1024);

        for (size_t i = 0; i < sched_algorithm_count(); i++)
                strbuf_printf(&b, "%s%s", i > 0 ? ", " : "", sched_algorithm_get(i)->name);
        return error_set_field(reterr, -EINVAL, "algorithm", name, "unknown algorithm \"%s\": choose one of %s", name,
                               strbuf_str(&b));
}

int cluster_set_algorithm(Cluster *c, usec_t now, const char *name, Error *reterr) {
        Policy *p;
        int r;

        c->now = now;
        r = cluster_check_writable(c, reterr);
        if (r < 0)
                return r;
        if (!sched_algorithm_find(name))
                return unknown_algorithm(name, reterr);
        if (streq(c->algorithm->name, name))
                return 0;

        r = policy_new(POLICY_SCHEDULER, name, &p);
        if (r < 0)
                return error_set(reterr, r, "out of memory");
        p->object.created = cluster_now_realtime(c);
        p->object.uid = uuid_random(&c->prng);
        r = cluster_put(c, &p->object);
        if (r < 0)
                return error_set(reterr, r, "out of memory");
        cluster_event(c, EVENT_SCHEDULER_CHANGED, NULL, NULL, name);
        return 0;
}

/* When a beat of then runs out: stalls of the caller do not count against nodes. */
static usec_t beat_deadline(const Cluster *c, const NodeState *ns) {
        return usec_add(MAX(ns->last_beat, c->floor), c->config.node_timeout_usec);
}

/* Pods move away at once, or wait for as long as they tolerate it. */
int node_leave_lost(Cluster *c, NodeState *ns, const char *why) {
        if (c->config.node_loss == NODE_LOSS_KUBESIM)
                return pods_evacuate(c, ns, why);
        return node_settle_pods(c, ns);
}

bool node_evicts(const NodeClass *class) {
        for (size_t i = 0; i < class->n_taints; i++)
                if (class->taints[i].effect == TAINT_NO_EXECUTE)
                        return true;
        return false;
}

/* When the pod has to go for the taints that clients put on its node; USEC_INFINITY: never. It bears with them since both are there, so
 * that one which goes from one tainted node to the next does not go on at once. Nor does one that came to the taint and bears with it for
 * no time, or that has a controller: another would come there at once, and so for ever. */
static usec_t taints_due(const NodeState *ns, const PodState *ps) {
        const NodeClass *class = ns->sched.class;
        usec_t since = MAX(ps->bound_at, ns->tainted_at), due = USEC_INFINITY, least = ps->bound_at >= ns->tainted_at ? STAY_LEAST : 0;
        const Pod *p = pod_of(ps);

        for (size_t i = 0; i < class->n_taints; i++) {
                const Taint *t = &class->taints[i];
                usec_t bears = p->class ? pod_class_tolerates(p->class, t->key, t->value, t->effect) : 0;

                if (bears > 0 || ps->common.owner)
                        bears = MAX(bears, least);
                if (t->effect == TAINT_NO_EXECUTE)
                        due = MIN(due, usec_add(since, bears));
        }
        return due;
}

bool node_is_lost(const Cluster *c, const NodeState *ns) {
        NodeHealth health = node_of(ns)->health;

        return c->config.node_loss == NODE_LOSS_KUBERNETES && (health == NODE_UNHEALTHY || health == NODE_STOPPED);
}

const char *node_why_leave(const Cluster *c, const NodeState *ns) {
        NodeHealth health = node_of(ns)->health;

        if (c->config.node_loss != NODE_LOSS_KUBESIM)
                return NULL;
        if (health == NODE_UNHEALTHY)
                return "its node was lost";
        return health == NODE_STOPPED && !list_is_linked(&ns->fading) ? "its node stopped" : NULL;
}

bool node_loses_pods(const Cluster *c, const NodeState *ns) {
        return node_is_lost(c, ns) || node_why_leave(c, ns) || node_evicts(ns->sched.class);
}

static int evict(Cluster *c, NodeState *ns, PodState *ps) {
        if (node_is_lost(c, ns))
                return pod_evict_lost(c, ps);
        return pod_leave_tainted(c, ps);
}

/* Tells of those that were to go and are not any more. Whether one was is not state: a restart forgets it. */
static void note_doom(Cluster *c, PodState *ps, usec_t due) {
        if (ps->doomed && due == USEC_INFINITY && c->config.node_loss == NODE_LOSS_KUBERNETES)
                cluster_event(c, EVENT_POD_SPARED, pod_of(ps)->node, pod_of(ps)->object.name, NULL);
        ps->doomed = due != USEC_INFINITY;
}

int node_settle_pods(Cluster *c, NodeState *ns) {
        const char *why = node_why_leave(c, ns);
        bool lost = node_is_lost(c, ns);
        usec_t next = USEC_INFINITY;
        PodState *ps;
        int r = 0;

        if (why) /* memory ran out when it was lost, or the disk did not take that they left */
                r = pods_evacuate(c, ns, why);
        if (r < 0)
                return r;
        LIST_FOREACH(ps, &ns->pods, PodState, in_node) {
                usec_t due = taints_due(ns, ps);

                if (pod_is_unsettled(c, ns, pod_of(ps)))
                        r = pod_set_lost(c, ps, !pod_of(ps)->lost);
                if (r >= 0 && !node_is_silent(c, ns))
                        r = pod_await_end(c, ps, pod_of(ps));
                if (r < 0)
                        return r;
                if (lost)
                        due = MIN(due, usec_add(ns->faded_at, pod_of(ps)->toleration));
                if (pod_of(ps)->deleted > 0)
                        continue;
                note_doom(c, ps, due);
                if (due <= c->now)
                        r = evict(c, ns, ps);
                else
                        next = MIN(next, due);
                if (r < 0)
                        return r;
        }
        return prioq_set(&c->timers, &ns->settle.item, next);
}

static int fail_silent_node(Cluster *c, NodeState *ns) {
        char reason[64], span[32];
        int r;

        (void) snprintf(reason, sizeof(reason), "no heartbeat for %s",
                        format_timespan(span, sizeof(span), c->config.node_timeout_usec));
        if (node_of(ns)->stop_requested)
                r = node_set_health(c, ns, NODE_STOPPED, "stopped by an operator", true);
        else
                r = node_set_health(c, ns, NODE_UNHEALTHY, reason, false);
        return r < 0 ? r : node_leave_lost(c, ns, "its node was lost");
}

static int check_alive(Cluster *c, Turn *turn) {
        ListLink *l;
        int r;

        while ((l = list_first(&c->alive))) {
                NodeState *ns = container_of(l, NodeState, alive);

                if (beat_deadline(c, ns) > c->now || !turn_goes_on(turn))
                        break;
                r = fail_silent_node(c, ns);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* One that finalizers hold is marked, and goes with the last of them; it is looked at again in case the mark is undone. */
static int remove_lost(Cluster *c, NodeState *ns) {
        const Doc *d = node_of(ns)->object.doc;
        int r;

        if (!d || d->n_finalizers == 0)
                return node_delete(c, ns, "unhealthy for too long");
        r = object_delete(c, &ns->entry, &(DeleteOptions) { .grace_seconds = -1 });
        if (r < 0)
                return r;
        ns->faded_at = c->now + 1;
        list_remove(&ns->fading);
        list_append(&c->unhealthy, &ns->fading);
        return 0;
}

static int check_unhealthy(Cluster *c, Turn *turn) {
        ListLink *l;
        int r;

        while (c->config.node_loss == NODE_LOSS_KUBESIM && (l = list_first(&c->unhealthy))) {
                NodeState *ns = container_of(l, NodeState, fading);

                if (usec_add(ns->faded_at, c->config.remove_after_usec) > c->now || !turn_goes_on(turn))
                        break;
                if (ns->fault) { /* it will be back, and no agent would register it again */
                        list_remove(&ns->fading);
                        ns->faded_at = c->now;
                        list_append(&c->unhealthy, &ns->fading);
                        continue;
                }
                r = pods_evacuate(c, ns, "its node was lost");
                if (r >= 0)
                        r = remove_lost(c, ns);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* A node that said goodbye by itself may be back in a moment (a restart), so its pods wait a little; then they go. */
static usec_t stopping_deadline(const Cluster *c, const NodeState *ns) {
        if (list_is_empty(&ns->pods) || c->config.node_loss != NODE_LOSS_KUBESIM)
                return c->now;
        return usec_add(ns->faded_at, c->config.stop_grace_usec);
}

static int check_stopping(Cluster *c, Turn *turn) {
        ListLink *l;
        int r;

        while ((l = list_first(&c->stopping))) {
                NodeState *ns = container_of(l, NodeState, fading);

                if (stopping_deadline(c, ns) > c->now || !turn_goes_on(turn))
                        break;
                r = node_leave_lost(c, ns, "its node stopped");
                if (r < 0)
                        return r;
                list_remove(&ns->fading);
        }
        return 0;
}

int nodes_check_health(Cluster *c) {
        Turn turn = turn_begin(c);
        int r;

        r = check_alive(c, &turn);
        if (r >= 0)
                r = check_unhealthy(c, &turn);
        if (r >= 0)
                r = check_stopping(c, &turn);
        return r;
}

usec_t nodes_deadline(const Cluster *c) {
        usec_t t = USEC_INFINITY;
        ListLink *l;

        l = list_first(&c->alive);
        if (l)
                t = beat_deadline(c, container_of(l, NodeState, alive));
        l = list_first(&c->unhealthy);
        if (l && c->config.node_loss == NODE_LOSS_KUBESIM)
                t = MIN(t, usec_add(container_of(l, NodeState, fading)->faded_at, c->config.remove_after_usec));
        l = list_first(&c->stopping);
        if (l)
                t = MIN(t, stopping_deadline(c, container_of(l, NodeState, fading)));
        return t;
}
