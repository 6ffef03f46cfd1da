/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/state.h"

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/control/owners.h"
#include "core/model/policy.h"
#include "core/model/tombstone.h"

NodeState *find_node(Cluster *c, const char *name) {
        return node_state(store_find(c->store, KIND_NODE, name));
}

PodState *find_pod(Cluster *c, const char *name) {
        return pod_state(store_find(c->store, KIND_POD, name));
}

usec_t cluster_realtime(const Cluster *c, usec_t now) {
        return (usec_t) ((int64_t) now + c->realtime_offset);
}

usec_t cluster_now_realtime(const Cluster *c) {
        return cluster_realtime(c, c->now);
}

void cluster_event(Cluster *c, EventReason reason, const char *node, const char *pod, const char *detail) {
        event_log_add(c->events, &(Event) {
                .revision = store_revision(c->store),
                .realtime = cluster_now_realtime(c),
                .reason = reason,
                .node = node,
                .pod = pod,
                .detail = detail,
        });
}

int cluster_put(Cluster *c, Object *o) {
        int r = store_put(c->store, o);

        object_unref(o);
        return r;
}

int cluster_check_writable(const Cluster *c, Error *reterr) {
        if (!c->frozen)
                return 0;
        return error_set(reterr, -ENOSPC, "the state cannot be written to disk at present, so nothing can be changed");
}

void node_update_index(Cluster *c, NodeState *ns) {
        const Node *n = node_of(ns);
        bool open = n->health == NODE_HEALTHY && !n->stop_requested && !n->unschedulable && !n->tainted && !ns->leaving &&
                    ns->n_pods < c->config.pods_per_node_max;

        node_index_set(&c->index, &ns->index, open ? n->cpu - ns->used : NODE_INDEX_CLOSED);
}

int node_schedule_beat(Cluster *c, NodeState *ns, usec_t when) {
        return prioq_set(&c->timers, &ns->beat.item, when);
}

void node_touch(Cluster *c, NodeState *ns, usec_t now) {
        ns->last_beat = now;
        if (list_is_linked(&ns->alive)) {
                list_remove(&ns->alive);
                list_append(&c->alive, &ns->alive);
        }
}

static void wake_node(Cluster *c, NodeState *ns) {
        ns->pods_revision = store_revision(c->store) + 1; /* of the change being made */
        ns->listed_at = 0; /* compare again, even if an undo has that revision come twice */
        if (!list_is_linked(&ns->woken))
                list_append(&c->woken, &ns->woken);
        if (node_of(ns)->backing == NODE_VIRTUAL && ns->beat.item.index != PRIOQ_NONE)
                (void) node_schedule_beat(c, ns, c->now); /* it is queued: moving it needs no memory */
}

/* Keeps the node in the list that its health asks for. */
static void node_place_in_lists(Cluster *c, NodeState *ns, NodeHealth health) {
        bool alive = health == NODE_HEALTHY || health == NODE_STARTING;

        if (alive && !list_is_linked(&ns->alive)) {
                ns->last_beat = c->now;
                list_append(&c->alive, &ns->alive);
        } else if (!alive)
                list_remove(&ns->alive);

        list_remove(&ns->fading);
        if (!alive) {
                ns->faded_at = c->now;
                list_append(health == NODE_UNHEALTHY ? &c->unhealthy : &c->stopping, &ns->fading);
        }
}

static int node_added(Cluster *c, NodeState *ns, const Node *n) {
        int r;

        list_init(&ns->pods);
        ns->beat = (Timer) { .item.index = PRIOQ_NONE, .type = TIMER_BEAT };
        ns->eviction = (Timer) { .item.index = PRIOQ_NONE, .type = TIMER_EVICTION };
        ns->index.order = n->object.id;
        r = node_index_add(&c->index, &ns->index);
        if (r < 0)
                return r;
        if (n->backing == NODE_VIRTUAL) {
                r = node_schedule_beat(c, ns, c->now);
                if (r < 0) {
                        node_index_remove(&c->index, &ns->index);
                        return r;
                }
        }
        ns->last_beat_realtime = n->object.created;
        return 0;
}

static void node_removed(Cluster *c, NodeState *ns) {
        assert(list_is_empty(&ns->pods)); /* a removed node was emptied first */
        node_index_remove(&c->index, &ns->index);
        prioq_remove(&c->timers, &ns->beat.item);
        prioq_remove(&c->timers, &ns->eviction.item);
        list_remove(&ns->alive);
        list_remove(&ns->fading);
        list_remove(&ns->woken);
}

static int node_changed(StoreEntry *e, const Object *old, const Object *new, void *userdata) {
        NodeState *ns = node_state(e);
        const Node *o = (const Node*) old, *n = (const Node*) new;
        Cluster *c = userdata;
        int r;

        if (!o) {
                r = node_added(c, ns, n);
                if (r < 0)
                        return r;
        }
        if (o)
                c->stats.nodes_by_health[o->health]--;
        if (!n) {
                node_removed(c, ns);
                object_follow(c, &ns->common, old, new);
                return 0;
        }
        c->stats.nodes_by_health[n->health]++;
        if (!o || o->health != n->health)
                node_place_in_lists(c, ns, n->health);
        if (o && (o->stop_requested != n->stop_requested || !streq_ptr(o->instance, n->instance)))
                wake_node(c, ns);
        node_update_index(c, ns);
        object_follow(c, &ns->common, old, new);
        return 0;
}

static void pod_detach(Cluster *c, PodState *ps, const Pod *old) {
        NodeState *ns = ps->node;

        if (!ns)
                return;
        list_remove(&ps->in_node);
        ns->n_pods--;
        ns->used -= old->cpu;
        ns->addresses[(old->ip & 255) / 64] &= ~(UINT64_C(1) << (old->ip & 63));
        ps->node = NULL;
        c->stats.pods_bound--;
        assert(ns->used >= 0);
        node_update_index(c, ns);
}

static void pod_attach(Cluster *c, PodState *ps, const Pod *p) {
        NodeState *ns = find_node(c, p->node);

        assert(ns); /* whoever binds has looked it up; what was loaded was checked */
        ps->node = ns;
        list_append(&ns->pods, &ps->in_node);
        ns->n_pods++;
        ns->used += p->cpu;
        if (p->ip != 0)
                ns->addresses[(p->ip & 255) / 64] |= UINT64_C(1) << (p->ip & 63);
        c->stats.pods_bound++;
        node_update_index(c, ns);
}

int pod_bind(Pod *p, const NodeState *ns) {
        p->ip = 0;
        for (uint32_t octet = 2; octet < 255 && p->ip == 0; octet++) /* .0 is the network, .1 the node, .255 everybody */
                if (!(ns->addresses[octet / 64] & UINT64_C(1) << (octet & 63)))
                        p->ip = node_network(ns->entry.object->id) | octet;
        pod_share_node(p, node_of(ns)->object.name);
        return 0;
}

/* Moves the pod between nodes as the change asks for, and wakes those whose list of pods it changes. */
static void pod_rebind(Cluster *c, PodState *ps, const Pod *old, const Pod *new) {
        bool held = old && pod_holds_capacity(old), holds = new && pod_holds_capacity(new);
        bool stays = held && holds && streq(old->node, new->node);
        bool was_wanted = old && pod_is_wanted(old), is_wanted = new && pod_is_wanted(new);

        if (held && ps->node && (!stays || was_wanted != is_wanted))
                wake_node(c, ps->node);
        if (held && !stays)
                pod_detach(c, ps, old);
        if (holds && !stays) {
                pod_attach(c, ps, new);
                wake_node(c, ps->node);
        }
}

static int pod_set_end(Cluster *c, PodState *ps, const Pod *p) {
        usec_t end = USEC_INFINITY;

        if (p && p->status == POD_RUNNING && p->duration != USEC_INFINITY && p->started > 0) {
                int64_t at = (int64_t) usec_add(p->started, p->duration) - c->realtime_offset;

                end = at > 0 ? (usec_t) at : 0;
        }
        return prioq_set(&c->timers, &ps->end.item, end);
}

static int pod_begin_wait(Cluster *c, PodState *ps, const Pod *p) {
        int r;

        ps->wait = new0(PodWait, 1);
        if (!ps->wait)
                return -ENOMEM;
        *ps->wait = (PodWait) { .entry = { .cpu = p->cpu, .order = p->object.id }, .pod = ps, .since = c->now };
        r = pending_queue_add(&c->pending, &ps->wait->entry);
        if (r < 0)
                ps->wait = mfree(ps->wait);
        return r;
}

static void pod_end_wait(Cluster *c, PodState *ps) {
        pending_queue_remove(&c->pending, &ps->wait->entry);
        ps->wait = mfree(ps->wait);
}

static int pod_changed(StoreEntry *e, const Object *old, const Object *new, void *userdata) {
        PodState *ps = pod_state(e);
        const Pod *o = (const Pod*) old, *n = (const Pod*) new;
        bool was_queued = o && pod_is_queued(o), is_queued = n && pod_is_queued(n);
        Cluster *c = userdata;
        int r;

        if (!o)
                ps->end = (Timer) { .item.index = PRIOQ_NONE, .type = TIMER_POD_END };

        /* What may fail comes first. */
        if (is_queued && !was_queued) {
                r = pod_begin_wait(c, ps, n);
                if (r < 0)
                        return r;
        }
        r = pod_set_end(c, ps, n);
        if (r < 0) {
                if (is_queued && !was_queued)
                        pod_end_wait(c, ps);
                return r;
        }

        if (was_queued && !is_queued)
                pod_end_wait(c, ps);
        if (o)
                c->stats.pods_by_status[o->status]--;
        if (n)
                c->stats.pods_by_status[n->status]++;
        pod_rebind(c, ps, o, n);
        object_follow(c, &ps->common, old, new);
        return 0;
}

static int document_changed(StoreEntry *e, const Object *old, const Object *new, void *userdata) {
        Cluster *c = userdata;

        c->n_documents += !old;
        c->n_documents -= !new;
        object_follow(c, object_state(e), old, new);
        return 0;
}

void cluster_use_algorithm(Cluster *c, const char *name) {
        c->algorithm = sched_algorithm_find(name) ?: sched_algorithm_find(c->config.algorithm);
        assert(c->algorithm);
        node_index_keep(&c->index, c->algorithm->order);
}

static int policy_changed(StoreEntry *e _unused_, const Object *old _unused_, const Object *new, void *userdata) {
        Cluster *c = userdata;

        cluster_use_algorithm(c, new && streq(new->name, POLICY_SCHEDULER) ? ((const Policy*) new)->algorithm : c->config.algorithm);
        return 0;
}

static const StoreKind own_kinds[] = {
        [KIND_NODE] = { sizeof(NodeState), node_changed },
        [KIND_POD] = { sizeof(PodState), pod_changed },
        [KIND_POLICY] = { sizeof(StoreEntry), policy_changed },
        [KIND_TOMBSTONE] = { sizeof(StoreEntry), NULL },
};

const StoreKind *cluster_kinds(void) {
        static StoreKind kinds[_KIND_MAX];

        if (kinds[0].entry_size == 0)
                for (Kind k = 0; k < _KIND_MAX; k++)
                        kinds[k] = kind_is_document(k) ? (StoreKind) { sizeof(ObjectState), document_changed } : own_kinds[k];
        return kinds;
}
