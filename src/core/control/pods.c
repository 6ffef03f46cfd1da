/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/pods.h"

#include <stdio.h>

#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "core/control/controllers/jobs.h"
#include "core/control/objects.h"
#include "core/control/placement.h"
#include "core/sched/filter.h"

/* Makes the pod's uuid its name when it was given none. */
static int make_pod(Cluster *c, const PodSpec *spec, Pod **ret) {
        char buf[UUID_STRING_MAX];
        Uuid uid = uuid_random(&c->prng);
        Pod *p;
        int r;

        r = pod_new(spec->name ?: uuid_to_string(uid, buf), &p);
        if (r < 0)
                return r;
        p->object.uid = uid;
        p->object.created = cluster_now_realtime(c);
        p->status = POD_PENDING;
        p->cpu = spec->cpu;
        p->duration = spec->duration;
        *ret = p;
        return 0;
}

int check_pod_room(const Cluster *c, uint32_t n, Error *reterr) {
        uint64_t there = store_count(c->store, KIND_POD);

        if (there + n <= c->config.pods_max)
                return 0;
        if (there >= c->config.pods_max)
                return error_set(reterr, -EDQUOT, "there are %u pods already, which is the most (MaxPods=)", c->config.pods_max);
        return error_set(reterr, -EDQUOT, "there are %llu pods already, and there can be %u (MaxPods=)", (unsigned long long) there, c->config.pods_max);
}

static int check_spec(Cluster *c, const PodSpec *spec, Error *reterr) {
        int r;

        if (spec->name) {
                r = name_validate(spec->name, "podId", reterr);
                if (r < 0)
                        return r;
                if (find_pod(c, spec->name))
                        return error_set_field(reterr, -EEXIST, "podId", spec->name, "pod \"%s\" exists already", spec->name);
        }
        if (spec->cpu <= 0)
                return error_set_field(reterr, -EINVAL, "cpuRequired", NULL,
                                       "\"cpuRequired\" must be more than 0 cores, in steps of 0.001");
        if (spec->duration == 0)
                return error_set_field(reterr, -EINVAL, "duration", "0", "\"duration\" must be more than 0 seconds");
        if (spec->cpu > c->config.node_cpu_max)
                return error_set_field(reterr, -EDOM, "cpuRequired", NULL,
                                       "no node may have as many cores: the most is %g (MaxNodeCPU=)",
                                       (double) c->config.node_cpu_max / 1000);
        return check_pod_room(c, 1, reterr);
}

int cluster_create_pod(Cluster *c, usec_t now, const PodSpec *spec, PodState **ret, Error *reterr) {
        _cleanup_(pod_unrefp) Pod *p = NULL;
        int r;

        c->now = now;
        r = cluster_check_writable(c, reterr);
        if (r < 0)
                return r;
        r = check_spec(c, spec, reterr);
        if (r < 0)
                return r;
        r = make_pod(c, spec, &p);
        if (r >= 0)
                r = pod_launch(c, p, NULL);
        if (r < 0)
                return error_set(reterr, r, "out of memory");
        *ret = find_pod(c, p->object.name);
        return 0;
}

/* The client has said where: the scheduler is not asked, but a node without room refuses the pod as a kubelet does. */
static int place_where_told(Cluster *c, Pod *p, const char *node, NodeState **ret) {
        NodeState *ns = find_node(c, node);

        if (!ns) {
                p->held = true;
                return pod_set_reason(p, "the node that it names does not exist");
        }
        if (!placement_has_room(c, ns, p)) {
                p->status = POD_FAILED;
                return pod_set_reason(p, "OutOfcpu: the node that it names has no room for it");
        }
        *ret = ns;
        return pod_bind(p, ns);
}

/* The scheduler's choice; 0 with a reason when it has to wait. */
static int place_new(Cluster *c, Pod *p, NodeState **ret) {
        int r;

        if (placement_must_wait(p)) {
                const ClassQueue *queue = class_queue_find(p->class);

                return pod_set_reason(p, queue ? queue->message : NULL);
        }
        r = placement_choose_soon(c, p, ret);
        if (r < 0)
                return r == -EAGAIN ? 0 : r;
        return r > 0 ? pod_bind(p, *ret) : placement_explain(c, p);
}

int pod_launch(Cluster *c, Pod *p, const char *node) {
        NodeState *ns = NULL;
        int r = 0;

        p->status = POD_PENDING;
        if (node)
                r = place_where_told(c, p, node, &ns);
        else if (!p->held)
                r = place_new(c, p, &ns);
        if (r >= 0)
                r = store_put(c->store, &p->object);
        if (r < 0)
                return r;
        if (ns || p->held || p->reason) /* else nobody has looked for a node yet: there is nothing to tell */
                cluster_event(c, ns ? EVENT_POD_PLACED : p->reason ? EVENT_POD_PENDING : EVENT_POD_CREATED, p->node, p->object.name, p->reason);
        if (ns)
                placement_count_wait(c, 0);
        else if (!p->held && p->class && !placement_has_been_tried(c, p))
                pods_schedule_or_retry(c); /* it may send others away, or be the last that its gang waited for */
        return 0;
}

/* Has it a finalizer that holds it? That of a Job only while there is a Job that counts it. */
static bool is_held(const PodState *ps, const Doc *d) {
        const ObjectState *owner = ps->common.owner;
        bool counted = owner && owner->entry.object->kind == KIND_JOB && owner->entry.object->doc->deleted == 0;

        if (!d || d->n_finalizers == 0)
                return false;
        return counted || d->n_finalizers > 1 || !doc_has_finalizer(d, JOB_TRACKING_FINALIZER);
}

/* Its finalizers hold it, though nothing runs any more. */
static int keep_for_finalizers(Cluster *c, PodState *ps, PodDisruption why) {
        bool over = pod_of(ps)->status == POD_FAILED || pod_of(ps)->status == POD_SUCCEEDED;
        Pod *p;
        int r;

        if (over && pod_of(ps)->deleted > 0)
                return 0;
        r = pod_copy(pod_of(ps), &p);
        if (r < 0)
                return r;
        if (!over) {
                p->status = POD_FAILED;
                p->ended = cluster_now_realtime(c);
        }
        if (p->deleted == 0) {
                p->deleted = cluster_now_realtime(c);
                p->grace_seconds = 0;
                p->disruption = why;
        }
        return cluster_put(c, &p->object);
}

static int delete_pod(Cluster *c, PodState *ps, PodDisruption why) {
        _cleanup_(object_unrefp) Object *o = object_ref(ps->entry.object);
        int r;

        if (is_held(ps, o->doc))
                return keep_for_finalizers(c, ps, why);

        r = store_delete(c->store, &ps->entry);
        if (r < 0)
                return r;
        cluster_event(c, EVENT_POD_REMOVED, NULL, o->name, NULL);
        return 0;
}

/* Puts a copy with another status and reason (NULL: none). */
static int change_status(Cluster *c, PodState *ps, PodStatus status, const char *reason, bool restarted) {
        Pod *p;
        int r;

        r = pod_copy(pod_of(ps), &p);
        if (r < 0)
                return r;
        p->status = status;
        p->restarts += restarted;
        if (status == POD_RUNNING && (p->started == 0 || p->crashes > 0)) { /* a node that begins with it knows of no ends before */
                p->started = cluster_now_realtime(c);
                p->crashes = 0;
                p->ended = 0;
        }
        if (status == POD_SUCCEEDED || status == POD_FAILED)
                p->ended = cluster_now_realtime(c);
        r = pod_set_reason(p, reason);
        if (r < 0) {
                pod_unref(p);
                return r;
        }
        return cluster_put(c, &p->object);
}

static PodState *find_or_error(Cluster *c, const char *name, Error *reterr) {
        PodState *ps = find_pod(c, name);

        if (!ps)
                (void) error_set_field(reterr, -ENOENT, "podId", name, "there is no pod \"%s\"", name);
        return ps;
}

/* What each operation on one of them begins with. */
static int begin(Cluster *c, usec_t now, const char *name, PodState **ret, Error *reterr) {
        int r;

        c->now = now;
        r = cluster_check_writable(c, reterr);
        if (r < 0)
                return r;
        *ret = find_or_error(c, name, reterr);
        return *ret ? 0 : -ENOENT;
}

/* Of a lost node's pods nobody but the taint manager speaks. */
static void tell_of_termination(Cluster *c, const PodState *ps, PodDisruption why, bool ran) {
        const char *node = node_of(ps->node)->object.name, *name = pod_of(ps)->object.name;

        if (why == POD_DISRUPTION_TAINT)
                cluster_event(c, EVENT_POD_EVICTED, node, name, NULL);
        if (why == POD_DISRUPTION_TAINT && node_is_silent(c, ps->node))
                return;
        if (ran)
                cluster_event_of_containers(c, EVENT_POD_TERMINATING, pod_of(ps));
        else
                cluster_event(c, EVENT_POD_TERMINATING, node, name, NULL);
}

static int begin_termination(Cluster *c, PodState *ps, int64_t grace_seconds, PodDisruption why) {
        bool ran = pod_of(ps)->status == POD_RUNNING;
        Pod *p;
        int r;

        r = pod_copy(pod_of(ps), &p);
        if (r < 0)
                return r;
        p->status = POD_TERMINATING;
        p->disruption = why;
        if (grace_seconds >= 0)
                p->grace_seconds = (uint32_t) MIN(grace_seconds, (int64_t) UINT32_MAX);
        p->deleted = usec_add(cluster_now_realtime(c), p->grace_seconds * USEC_PER_SEC);
        r = pod_set_reason(p, "its node has yet to let go of it");
        if (r < 0) {
                pod_unref(p);
                return r;
        }
        r = cluster_put(c, &p->object);
        if (r >= 0)
                tell_of_termination(c, ps, why, ran);
        return r;
}

int pod_set_lost(Cluster *c, PodState *ps, bool lost) {
        Pod *p;
        int r;

        r = pod_copy(pod_of(ps), &p);
        if (r < 0)
                return r;
        p->lost = lost;
        p->lost_changed = cluster_now_realtime(c);
        r = cluster_put(c, &p->object);
        if (r >= 0 && lost)
                cluster_event(c, EVENT_POD_LOST, node_of(ps->node)->object.name, pod_of(ps)->object.name, NULL);
        return r;
}

int pod_evict_lost(Cluster *c, PodState *ps) {
        return begin_termination(c, ps, -1, POD_DISRUPTION_TAINT); /* node.kubernetes.io/unreachable */
}

/* Is there, or will there be, somebody who says that the pod is gone? In Kubernetes that is waited for, whoever is lost. */
static bool node_will_confirm(const Cluster *c, const NodeState *ns) {
        return node_of(ns)->health == NODE_HEALTHY || c->config.node_loss == NODE_LOSS_KUBERNETES;
}

int pod_remove(Cluster *c, PodState *ps, int64_t grace_seconds, PodDisruption why) {
        bool held = is_held(ps, ps->entry.object->doc);
        int r;

        if (grace_seconds != 0 && pod_of(ps)->status == POD_TERMINATING)
                return 0;
        if (grace_seconds != 0 && ps->node && node_will_confirm(c, ps->node)) {
                r = begin_termination(c, ps, grace_seconds, why);
                return r < 0 ? r : 0;
        }
        r = delete_pod(c, ps, why);
        return r < 0 ? r : !held;
}

int pod_store_update(Cluster *c, PodState *ps, Pod *copy) {
        bool over = !pod_holds_capacity(copy) && copy->deleted > 0;
        int r;

        if (over && copy->object.doc && !is_held(ps, copy->object.doc))
                return store_delete(c->store, &ps->entry);
        r = store_put(c->store, &copy->object);
        if (r >= 0)
                pods_schedule_or_retry(c);
        return r;
}

int pod_release(Cluster *c, PodState *ps, const char *finalizer) {
        bool over = !pod_holds_capacity(pod_of(ps)) && pod_of(ps)->deleted > 0;
        _cleanup_edit_ Edit e = {};
        int r;

        r = edit_begin(&e, c, &ps->entry);
        if (r < 0)
                return r;
        if (edit_remove_finalizer(&e, finalizer) == 0 && over) {
                r = store_delete(c->store, &ps->entry);
                return r < 0 ? r : 1;
        }
        r = edit_commit(&e);
        return r < 0 ? r : 0;
}

int cluster_bind_pod(Cluster *c, usec_t now, StoreEntry *e, const char *node, Error *reterr) {
        PodState *ps = pod_state(e);
        const char *name = object_name(e->object);
        NodeState *ns;
        Pod *p;
        int r;

        c->now = now;
        r = cluster_check_writable(c, reterr);
        if (r < 0)
                return r;
        ns = find_node(c, node);
        if (pod_of(ps)->node)
                return error_set_field(reterr, -ESTALE, "pods/binding", name,
                                       "Operation cannot be fulfilled on pods/binding \"%s\": pod %s is already assigned to node \"%s\"", name, name,
                                       pod_of(ps)->node);
        if (pod_of(ps)->deleted > 0) /* a finalizer holds it */
                return error_set_field(reterr, -ESTALE, "pods/binding", name,
                                       "Operation cannot be fulfilled on pods/binding \"%s\": pod %s is being deleted, cannot be assigned to a host", name, name);
        if (!ns)
                return error_set_field(reterr, -ENOENT, "nodes", node, "nodes \"%s\" not found", node);
        if (!placement_has_room(c, ns, pod_of(ps)))
                return error_set_field(reterr, -ESTALE, "pods/binding", name,
                                       "Operation cannot be fulfilled on pods/binding \"%s\": node \"%s\" has no room for it", name, node);
        r = pod_copy(pod_of(ps), &p);
        if (r < 0)
                return error_set(reterr, r, "out of memory");
        p->status = POD_PENDING;
        r = pod_bind(p, ns);
        if (r >= 0)
                r = pod_set_reason(p, NULL);
        if (r >= 0)
                r = store_put(c->store, &p->object);
        pod_unref(p);
        if (r < 0)
                return error_set(reterr, r, "out of memory");
        cluster_event(c, EVENT_POD_BOUND, node, e->object->name, NULL);
        return 0;
}

int cluster_remove_pod(Cluster *c, usec_t now, const char *name, Error *reterr) {
        PodState *ps;
        int r;

        r = begin(c, now, name, &ps, reterr);
        if (r < 0)
                return r;
        r = pod_remove(c, ps, -1, POD_DISRUPTION_NONE);
        if (r < 0)
                return error_set(reterr, r, "out of memory");
        pods_schedule_or_retry(c);
        return 0;
}

int cluster_restart_pod(Cluster *c, usec_t now, const char *name, Error *reterr) {
        PodState *ps;
        int r;

        r = begin(c, now, name, &ps, reterr);
        if (r < 0)
                return r;
        switch (pod_of(ps)->status) {
        case POD_RESTARTING:
                return 0;
        case POD_PENDING:
        case POD_RUNNING:
        case POD_BACKOFF:
                if (ps->node)
                        break;
                _fallthrough_;
        default:
                return error_set_field(reterr, -ESTALE, "podId", name, "pod \"%s\" is %s: only a pod on a node can be restarted",
                                       name, ps->node ? pod_status_to_string(pod_of(ps)->status) : "not on a node");
        }
        r = change_status(c, ps, POD_RESTARTING, "restart asked for", false);
        if (r < 0)
                return error_set(reterr, r, "out of memory");
        cluster_event(c, EVENT_POD_RESTARTING, node_of(ps->node)->object.name, name, NULL);
        return 0;
}

int pod_confirm(Cluster *c, PodState *ps, bool running) {
        int r = 0;

        switch (pod_of(ps)->status) {
        case POD_PENDING:
                if (!running)
                        return 0;
                r = change_status(c, ps, POD_RUNNING, NULL, false);
                if (r >= 0)
                        cluster_event_of_containers(c, EVENT_POD_RUNNING, pod_of(ps));
                return r;
        case POD_RUNNING:
                return running ? 0 : change_status(c, ps, POD_PENDING, "its node lost it and starts it again", true);
        case POD_RESTARTING:
                return running ? 0 : change_status(c, ps, POD_PENDING, "being started again", true);
        case POD_TERMINATING:
                return running ? 0 : delete_pod(c, ps, POD_DISRUPTION_NONE);
        default:
                return 0;
        }
}

/* One that has run for this long is not taken to be in a loop (kubelet: twice the longest wait). */
#define RUN_WELL (10 * USEC_PER_MINUTE)

static void tell_of_backoff(Cluster *c, const Pod *p) {
        const char *name = object_name(&p->object), *namespace;
        const Doc *d = p->object.doc;
        char detail[512];
        size_t size;

        namespace = object_namespace(&p->object, &size);
        (void) snprintf(detail, sizeof(detail), "Back-off restarting failed container %s in pod %s_%.*s",
                        d && d->n_containers > 0 ? d->containers[0].name : "", name, (int) size, namespace);
        cluster_event(c, EVENT_POD_BACKOFF, p->node, p->object.name, detail);
}

/* Its containers have ended, and are started again where they are: at once the first time, then after ever longer waits. */
static int begin_again(Cluster *c, PodState *ps) {
        bool well = pod_of(ps)->duration > RUN_WELL;
        char reason[64];
        Pod *p;
        int r;

        r = pod_copy(pod_of(ps), &p);
        if (r < 0)
                return r;
        p->crashes = (uint8_t) (well ? 1 : MIN(p->crashes + 1, POD_CRASHES_MAX)) & POD_CRASHES_MAX;
        p->ended = cluster_now_realtime(c);
        (void) snprintf(reason, sizeof(reason), "back-off %llus restarting failed container", (unsigned long long) (pod_backoff(p) / USEC_PER_SEC));
        p->status = pod_backoff(p) > 0 ? POD_BACKOFF : POD_RUNNING;
        p->restarts += p->status == POD_RUNNING;
        r = pod_set_reason(p, p->status == POD_BACKOFF ? reason : NULL);
        if (r < 0) {
                pod_unref(p);
                return r;
        }
        r = cluster_put(c, &p->object);
        if (r < 0)
                return r;
        if (pod_of(ps)->status == POD_BACKOFF) {
                tell_of_backoff(c, pod_of(ps));
                return 0;
        }
        cluster_event(c, EVENT_POD_RESTARTING, pod_of(ps)->node, pod_of(ps)->object.name, NULL);
        cluster_event_of_containers(c, EVENT_POD_RUNNING, pod_of(ps));
        return 0;
}

/* The wait is over. */
static int leave_backoff(Cluster *c, PodState *ps) {
        Pod *p;
        int r;

        r = pod_copy(pod_of(ps), &p);
        if (r < 0)
                return r;
        p->status = POD_RUNNING;
        p->restarts++;
        (void) pod_set_reason(p, NULL);
        r = cluster_put(c, &p->object);
        if (r >= 0)
                cluster_event_of_containers(c, EVENT_POD_RUNNING, pod_of(ps));
        return r;
}

/* Kubernetes documentation, "Jobs", activeDeadlineSeconds; kubelet/active_deadline.go */
static int exceed_deadline(Cluster *c, PodState *ps) {
        int r;

        r = change_status(c, ps, POD_FAILED, POD_DEADLINE_REASON, false);
        if (r >= 0)
                cluster_event(c, EVENT_POD_FAILED, pod_of(ps)->node, pod_of(ps)->object.name, POD_DEADLINE_REASON);
        return r;
}

int pod_end(Cluster *c, PodState *ps) {
        _cleanup_(object_unrefp) Object *before = object_ref(ps->entry.object);
        int r;

        if (node_is_silent(c, ps->node) || POD(before)->lost) /* its node will say so when it is back: node_settle_pods() */
                return prioq_set(&c->timers, &ps->end.item, USEC_INFINITY);
        if (pod_deadline(POD(before)) <= cluster_now_realtime(c))
                return exceed_deadline(c, ps);
        if (POD(before)->status == POD_BACKOFF)
                return leave_backoff(c, ps);
        if (pod_restarts(POD(before)))
                return begin_again(c, ps);
        r = change_status(c, ps, POD(before)->exit_code == 0 ? POD_SUCCEEDED : POD_FAILED, NULL, false);
        if (r >= 0)
                cluster_event(c, POD(before)->exit_code == 0 ? EVENT_POD_SUCCEEDED : EVENT_POD_FAILED, POD(before)->node, before->name, NULL);
        return r;
}

/* Is it there for the sake of its node? */
static bool is_of_node(const PodState *ps) {
        return ps->common.owner && ps->common.owner->entry.object->kind == KIND_DAEMON_SET;
}

/* Binds the pod elsewhere, or puts it back into the queue. */
static int move_pod(Cluster *c, PodState *ps, const char *why, PodDisruption disruption) {
        NodeState *target = NULL;
        Pod *p;
        int r;

        if (pod_of(ps)->status == POD_TERMINATING || c->config.node_loss == NODE_LOSS_KUBERNETES || is_of_node(ps))
                return delete_pod(c, ps, disruption); /* in Kubernetes no pod ever moves */
        r = pod_copy(pod_of(ps), &p);
        if (r < 0)
                return r;
        r = p->held || (p->class && p->class->gang.name) ? 0 : placement_choose_soon(c, p, &target);
        if (r < 0 && r != -EAGAIN) {
                pod_unref(p);
                return r;
        }
        p->status = target ? POD_PENDING : POD_RESCHEDULING;
        p->ip = 0;
        p->lost = false;
        r = target ? pod_bind(p, target) : pod_set_node(p, NULL);
        if (r >= 0)
                r = pod_set_reason(p, why);
        if (r < 0) {
                pod_unref(p);
                return r;
        }
        r = cluster_put(c, &p->object);
        if (r < 0)
                return r;
        if (target)
                placement_count_wait(c, 0);
        cluster_event(c, target ? EVENT_POD_MOVED : EVENT_POD_DISPLACED, pod_of(ps)->node, pod_of(ps)->object.name, why);
        return 0;
}

/* It would be let in again, as it tolerates the taints for a while, and no other node takes it. 1, 0 or -ENOMEM. */
static int would_come_back(Cluster *c, PodState *ps) {
        const Pod *p = pod_of(ps);
        NodeState *other;
        int r;

        if (!p->class || filter_untolerated(p->class, &ps->node->sched))
                return 0;
        r = placement_choose(c, p, &other);
        return r < 0 ? r : r == 0;
}

int pod_leave_tainted(Cluster *c, PodState *ps) {
        NodeState *ns = ps->node;
        int r;

        if (c->config.node_loss == NODE_LOSS_KUBERNETES)
                return pod_remove(c, ps, -1, POD_DISRUPTION_TAINT);
        node_set_leaving(c, ns, true); /* so that it is not placed here again */
        r = would_come_back(c, ps);
        if (r == 0)
                r = move_pod(c, ps, "it does not tolerate a taint of its node", POD_DISRUPTION_TAINT);
        node_set_leaving(c, ns, false);
        return r < 0 ? r : 0;
}

int pods_evacuate(Cluster *c, NodeState *ns, const char *why) {
        ListLink *l;
        int r;

        while ((l = list_first(&ns->pods))) {
                r = move_pod(c, container_of(l, PodState, in_node), why, POD_DISRUPTION_NODE_GONE);
                if (r < 0)
                        return r;
        }
        return 0;
}

int pods_shrink(Cluster *c, NodeState *ns, int64_t cpu) {
        int r = 0;

        node_set_leaving(c, ns, true); /* so that none of them is placed here again */
        while (r >= 0 && ns->sched.used.cpu > cpu)
                r = move_pod(c, container_of(ns->pods.prev, PodState, in_node), "its node has fewer CPUs now", POD_DISRUPTION_NONE);
        node_set_leaving(c, ns, false);
        return r;
}
