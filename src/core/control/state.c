/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/state.h"

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/control/admission.h"
#include "core/control/controllers/builtins.h"
#include "core/control/controllers/controllers.h"
#include "core/control/controllers/daemon-nodes.h"
#include "core/control/controllers/definitions.h"
#include "core/control/controllers/services.h"
#include "core/control/faults.h"
#include "core/control/nodes.h"
#include "core/control/nominations.h"
#include "core/control/owners.h"
#include "core/control/placement.h"
#include "core/control/selectors.h"
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

void cluster_event_of_containers(Cluster *c, EventReason reason, const Pod *p) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(64 * KIB);
        const Doc *d = p->object.doc;

        if (!d)
                strbuf_puts(&b, POD_CONTAINER_NATIVE);
        for (size_t i = 0; d && i < d->n_containers; i++)
                strbuf_printf(&b, "%s%s", i > 0 ? "," : "", d->containers[i].name);
        event_log_add(c->events, &(Event) {
                .revision = store_revision(c->store),
                .realtime = cluster_now_realtime(c),
                .reason = reason,
                .node = p->node,
                .pod = p->object.name,
                .containers = strbuf_error(&b) < 0 || b.size == 0 ? NULL : strbuf_str(&b),
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

int cluster_node_class(Cluster *c, Doc *doc, NodeClass **ret) {
        NodeClass *class;
        int r;

        if (!c->node_class || c->node_class->doc != doc) {
                r = node_class_new(doc, &class);
                if (r < 0)
                        return r;
                node_class_unref(c->node_class);
                c->node_class = class;
        }
        *ret = node_class_ref(c->node_class);
        return 0;
}

void node_update_index(Cluster *c, NodeState *ns) {
        const Node *n = node_of(ns);
        uint32_t n_pods = ns->sched.n_pods;
        int64_t held = ns->sched.used.cpu + sched_node_promised(&ns->sched, 0, &n_pods); /* the index is for pods without a priority */
        bool lives = n->health == NODE_HEALTHY && !n->stop_requested && !ns->leaving;
        bool open = lives && !n->unschedulable && !n->tainted && n_pods < ns->sched.pods_max;

        if (lives != ns->sched.open) {
                ns->sched.open = lives;
                scheduler_note(&c->scheduler, &ns->sched, SCHED_EVENT_NODE);
                daemon_sets_see_node(c, ns->sched.slot);
        }
        node_index_set(&c->index, &ns->index, open ? ns->sched.allocatable.cpu - held : NODE_INDEX_CLOSED);
}

void node_set_leaving(Cluster *c, NodeState *ns, bool leaving) {
        ns->leaving = leaving;
        node_update_index(c, ns);
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
        ns->sched.slot = SIZE_MAX;
        ns->sched.order = n->object.id;
        ns->beat = (Timer) { .item.index = PRIOQ_NONE, .item.tag = TIMER_BEAT };
        ns->settle = (Timer) { .item.index = PRIOQ_NONE, .item.tag = TIMER_SETTLE };
        ns->index.order = n->object.id;
        r = node_index_add(&c->index, &ns->index);
        if (r < 0)
                return r;
        if (n->backing == NODE_VIRTUAL) {
                ns->fault = fault_find(c, n->object.id);
                r = node_schedule_beat(c, ns, c->now);
        }
        if (r >= 0) {
                ns->sched.node = n;
                r = scheduler_add_node(&c->scheduler, &ns->sched);
        }
        if (r < 0) {
                prioq_remove(&c->timers, &ns->beat.item);
                node_index_remove(&c->index, &ns->index);
                return r;
        }
        nominations_take(c, ns, n->object.name);
        if (ns->fault)
                ns->fault->n_nodes++;
        ns->last_beat_realtime = n->object.created;
        return 0;
}

static void node_removed(Cluster *c, NodeState *ns, const char *name) {
        size_t n_slots = c->scheduler.n_slots;

        assert(list_is_empty(&ns->pods)); /* a removed node was emptied first */
        if (ns->fault)
                ns->fault->n_nodes--;
        node_index_remove(&c->index, &ns->index);
        daemon_sets_see_node(c, ns->sched.slot);
        scheduler_remove_node(&c->scheduler, &ns->sched);
        if (c->scheduler.n_slots != n_slots)
                daemon_sets_forget_nodes(c);
        (void) scheduler_count_images(&c->scheduler, ns->sched.class, NULL);
        nominations_leave(c, ns, name);
        sched_node_done(&ns->sched);
        prioq_remove(&c->timers, &ns->beat.item);
        prioq_remove(&c->timers, &ns->settle.item);
        list_remove(&ns->alive);
        list_remove(&ns->fading);
        list_remove(&ns->woken);
        list_remove(&ns->roused);
}

/* Everything of a change that may fail, before anything else. */
static int node_prepare(Cluster *c, NodeState *ns, const Node *old, const Node *new, NodeClass **ret) {
        _cleanup_(node_class_unrefp) NodeClass *class = NULL;
        int r;

        r = cluster_node_class(c, new->object.doc, &class);
        if (r >= 0)
                r = scheduler_count_images(&c->scheduler, old ? ns->sched.class : NULL, class);
        if (r >= 0 && old && (node_evicts(class) || old->health != new->health)) /* should the rest fail, it finds nothing to do */
                r = prioq_set(&c->timers, &ns->settle.item, c->now);
        if (r < 0)
                return r;
        if (!old) {
                r = node_added(c, ns, new);
                if (r < 0) {
                        (void) scheduler_count_images(&c->scheduler, class, NULL);
                        return r;
                }
        }
        *ret = TAKE_PTR(class);
        return 0;
}

/* Is there something that the scheduler reads and that has changed? */
static bool matters_to_scheduler(const Node *old, const Node *new) {
        return !old || old->object.doc != new->object.doc || old->cpu != new->cpu || old->unschedulable != new->unschedulable ||
               old->health != new->health;
}

static int node_changed(StoreEntry *e, const Object *old, const Object *new, void *userdata) {
        _cleanup_(node_class_unrefp) NodeClass *class = NULL;
        NodeState *ns = node_state(e);
        const Node *o = (const Node*) old, *n = (const Node*) new;
        Cluster *c = userdata;
        int r;

        if (n) {
                r = node_prepare(c, ns, o, n, &class);
                if (r < 0)
                        return r;
        }
        if (o)
                c->stats.nodes_by_health[o->health]--;
        if (!n) {
                node_removed(c, ns, o->object.name);
                object_follow(c, &ns->common, old, new);
                return 0;
        }
        c->stats.nodes_by_health[n->health]++;
        if (!o || o->health != n->health)
                node_place_in_lists(c, ns, n->health);
        if (o && (o->stop_requested != n->stop_requested || !streq_ptr(o->instance, n->instance)))
                wake_node(c, ns);
        if (node_evicts(class) && !(ns->sched.class && node_evicts(ns->sched.class)))
                ns->tainted_at = c->now;
        if (matters_to_scheduler(o, n)) {
                sched_node_update(&ns->sched, n, class, ns->sched.open, c->config.pods_per_node_max);
                scheduler_note(&c->scheduler, &ns->sched, SCHED_EVENT_NODE);
        }
        ns->sched.node = n;
        node_update_index(c, ns);
        if (matters_to_scheduler(o, n))
                daemon_sets_see_node(c, ns->sched.slot);
        object_follow(c, &ns->common, old, new);
        return 0;
}

static bool is_ending(const Pod *p) {
        return p->status == POD_TERMINATING;
}

static void pod_detach(Cluster *c, PodState *ps, const Pod *old) {
        NodeState *ns = ps->node;

        if (!ns)
                return;
        list_remove(&ps->in_node);
        if (old->class)
                old->class->n_bound--;
        sched_node_detach(&ns->sched, old->class, old->cpu, is_ending(old));
        scheduler_note(&c->scheduler, &ns->sched, SCHED_EVENT_POD_GONE);
        ns->addresses[(old->ip & 255) / 64] &= ~(UINT64_C(1) << (old->ip & 63));
        ps->node = NULL;
        c->stats.pods_bound--;
        assert(ns->sched.used.cpu >= 0);
        node_update_index(c, ns);
}

static void pod_attach(Cluster *c, PodState *ps, const Pod *p) {
        NodeState *ns = find_node(c, p->node);

        assert(ns); /* whoever binds has looked it up; what was loaded was checked */
        ps->node = ns;
        ps->bound_at = c->now;
        list_append(&ns->pods, &ps->in_node);
        if (p->class)
                p->class->n_bound++;
        sched_node_attach(&ns->sched, p->class, p->cpu, is_ending(p));
        scheduler_note(&c->scheduler, &ns->sched, SCHED_EVENT_POD_CAME);
        if (p->ip != 0)
                ns->addresses[(p->ip & 255) / 64] |= UINT64_C(1) << (p->ip & 63);
        c->stats.pods_bound++;
        node_update_index(c, ns);
}

int pod_bind(Pod *p, const NodeState *ns) {
        static const uint64_t usable[] = { ~UINT64_C(3), UINT64_MAX, UINT64_MAX, UINT64_MAX >> 1 }; /* .0 is the network, .1 the node, .255 everybody */

        p->ip = 0;
        for (uint32_t i = 0; i < ELEMENTSOF(usable) && p->ip == 0; i++) {
                uint64_t left = usable[i] & ~ns->addresses[i];

                if (left != 0)
                        p->ip = node_network(ns->entry.object->id) | (i * 64 + (uint32_t) __builtin_ctzll(left));
        }
        pod_share_node(p, node_of(ns)->object.name);
        return 0;
}

/* Moves the pod between nodes as the change asks for, and wakes those whose list of pods it changes. */
static void pod_rebind(Cluster *c, PodState *ps, const Pod *old, const Pod *new) {
        bool held = old && pod_holds_capacity(old), holds = new && pod_holds_capacity(new);
        bool stays = held && holds && streq(old->node, new->node) && old->class == new->class;
        bool was_wanted = old && pod_is_wanted(old), is_wanted = new && pod_is_wanted(new);

        if (held && ps->node && (!stays || was_wanted != is_wanted))
                wake_node(c, ps->node);
        if (held && !stays)
                pod_detach(c, ps, old);
        if (holds && !stays) {
                pod_attach(c, ps, new);
                wake_node(c, ps->node);
        }
        if (stays && is_ending(old) != is_ending(new)) {
                sched_node_set_ending(&ps->node->sched, new->class, is_ending(new));
                scheduler_note(&c->scheduler, &ps->node->sched, is_ending(new) ? SCHED_EVENT_POD_GONE : SCHED_EVENT_POD_CAME);
        }
}

static_assert(ELEMENTSOF(((ClusterStats*) NULL)->pods_by_status) == _POD_STATUS_MAX, "a count for each status");

int pod_await_end(Cluster *c, PodState *ps, const Pod *p) {
        usec_t end = p ? pod_next_end(p) : USEC_INFINITY;

        if (end != USEC_INFINITY) {
                int64_t at = (int64_t) end - c->realtime_offset;

                end = at > 0 ? (usec_t) at : 0;
        }
        return prioq_set(&c->timers, &ps->end.item, end);
}

/* What may fail comes first. */
static int pod_prepare(Cluster *c, PodState *ps, const Pod *old, const Pod *new, bool enqueue) {
        NodeState *ns = new && pod_holds_capacity(new) ? find_node(c, new->node) : NULL;
        bool was_spared = old && new && old->deleted > 0 && new->deleted == 0; /* by an undo alone */
        int r = 0;

        if (!old)
                ps->end = (Timer) { .item.index = PRIOQ_NONE, .item.tag = TIMER_POD_END };
        if (ns && new->class)
                r = sched_node_reserve(&ns->sched);
        if (r >= 0 && ns && ((ns != ps->node && node_loses_pods(c, ns)) || pod_is_unsettled(c, ns, new) || was_spared))
                r = prioq_set(&c->timers, &ns->settle.item, c->now); /* it may not be there for long, or not be ready */
        if (r >= 0)
                r = nominations_add(c, new);
        if (r < 0)
                return r;
        if (enqueue)
                r = placement_enqueue(c, ps, new);
        if (r >= 0) {
                r = pod_await_end(c, ps, new);
                if (r < 0 && enqueue)
                        placement_dequeue(c, ps->wait);
        }
        if (r < 0)
                nominations_remove(c, new);
        return r;
}

static int pod_changed(StoreEntry *e, const Object *old, const Object *new, void *userdata) {
        PodState *ps = pod_state(e);
        const Pod *o = (const Pod*) old, *n = (const Pod*) new;
        bool was_queued = o && pod_is_queued(o), is_queued = n && pod_is_queued(n);
        bool requeue = was_queued && is_queued && o->class != n->class;
        PodWait *waited = ps->wait;
        Cluster *c = userdata;
        int r;

        r = pod_prepare(c, ps, o, n, is_queued && (!was_queued || requeue));
        if (r < 0) {
                ps->wait = waited;
                return r;
        }
        if (requeue)
                placement_dequeue(c, waited);
        else if (was_queued && !is_queued)
                ps->wait = placement_dequeue(c, waited);
        nominations_remove(c, o);
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

        if ((new ?: old)->kind == KIND_NAMESPACE)
                c->scheduler.namespaces_version++; /* affinity between pods may select namespaces by their labels */
        if ((new ?: old)->kind == KIND_PRIORITY_CLASS)
                priority_class_follow(c, e, old, new);
        pod_selectors_follow(c, old, new);
        if ((new ?: old)->kind == KIND_SERVICE)
                service_follow(c, old, new);
        builtins_follow(c, old, new);
        c->n_documents += !old;
        c->n_documents -= !new;
        object_follow(c, object_state(e), old, new);
        return 0;
}

static int definition_changed(StoreEntry *e, const Object *old, const Object *new, void *userdata) {
        Cluster *c = userdata;

        c->n_documents += !old;
        c->n_documents -= !new;
        definition_follow(c, e, (const Definition*) old, (const Definition*) new);
        object_follow(c, object_state(e), old, new);
        return 0;
}

static int timed_changed(StoreEntry *e, const Object *old, const Object *new, void *userdata) {
        TimedState *ts = timed_state(object_state(e));
        Cluster *c = userdata;

        if (!old)
                ts->look = (Timer) { .item.index = PRIOQ_NONE, .item.tag = TIMER_LOOK };
        if (!new) {
                prioq_remove(&c->timers, &ts->look.item);
                controller_forget(&ts->common);
        }
        return document_changed(e, old, new, userdata);
}

void cluster_use_algorithm(Cluster *c, const char *name) {
        c->algorithm = sched_algorithm_find(name) ?: sched_algorithm_find(c->config.algorithm);
        assert(c->algorithm);
        node_index_keep(&c->index, c->algorithm->order);
        placement_retry_all(c);
}

static int policy_changed(StoreEntry *e _unused_, const Object *old _unused_, const Object *new, void *userdata) {
        Cluster *c = userdata;

        cluster_use_algorithm(c, new && streq(new->name, POLICY_SCHEDULER) ? ((const Policy*) new)->algorithm : c->config.algorithm);
        return 0;
}

static const StoreKind own_kinds[_KIND_MAX] = {
        [KIND_NODE] = { sizeof(NodeState), node_changed },
        [KIND_POD] = { sizeof(PodState), pod_changed },
        [KIND_POLICY] = { sizeof(StoreEntry), policy_changed },
        [KIND_TOMBSTONE] = { sizeof(StoreEntry), NULL },
        [KIND_CUSTOM_RESOURCE_DEFINITION] = { sizeof(ObjectState), definition_changed },
        [KIND_FAULT] = { sizeof(FaultState), fault_changed },
        [KIND_POD_DISRUPTION_BUDGET] = { sizeof(BudgetState), document_changed },
};

const StoreKind *cluster_kinds(void) {
        static const StoreKind document = { sizeof(ObjectState), document_changed }, timed = { sizeof(TimedState), timed_changed };
        static StoreKind kinds[_KIND_MAX];

        if (kinds[0].entry_size == 0)
                for (Kind k = 0; k < _KIND_MAX; k++)
                        if (kind_exists(k))
                                kinds[k] = own_kinds[k].entry_size > 0 ? own_kinds[k] : controller_keeps_time(k) ? timed : document;
        return kinds;
}
