/* SPDX-License-Identifier: Apache-2.0 */
/* DaemonSets: a pod of a template on every node that it may be on. Kubernetes documentation, "DaemonSet"; which nodes those are and in
 * which order pods are replaced is as its controller has it. Two things are not: the pods are bound here, so that all of them have one
 * document (there, each names its node in its affinity, for the scheduler), and one that has no room is not there until there is some. */
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/control/admission.h"
#include "core/control/controllers/controllers.h"
#include "core/control/controllers/revisions.h"
#include "core/control/owners.h"
#include "core/sched/filter.h"

#define DAEMON_COMPONENT "daemonset-controller"
#define BURST 250                       /* pods made in one look */
#define LOOK_FOR_ROOM (5 * USEC_PER_SEC) /* how often, while a node has none */

/* A DaemonSet as one look at it finds it. */
typedef struct Daemon {
        Cluster *cluster;
        ObjectState *state;
        Edit edit;         /* of its document, only read */
        Json *spec;
        bool alive;        /* it is not being deleted */
        char hash[TEMPLATE_HASH_MAX];
        Json *pod;         /* what each of its pods says, admitted */
        PodClass *class;   /* of it; a reference; NULL: there can be none */
        const char *only;  /* the node that the template names; NULL: it names none */
        Error error;       /* why no pod can be made; code 0: they can */
        PodState **pods;   /* by slot of their node; owned */
        usec_t min_ready;
        int64_t desired, current, misscheduled, ready, updated, available;
        size_t n_made;
        bool crowded;      /* a node has no room for its pod */
        usec_t look_at;    /* realtime */
} Daemon;

static void daemon_done(Daemon *d) {
        free(d->pods);
        pod_class_unref(d->class);
        error_done(&d->error);
        edit_done(&d->edit);
}

/* --- What its pods are --- */

static void add_toleration(JsonArena *a, Json *all, const char *key, const char *effect) {
        Json *t = json_new(a, JSON_OBJECT);

        json_set_string(a, t, "key", key);
        json_set_string(a, t, "operator", "Exists");
        json_set_string(a, t, "effect", effect);
        json_append(all, t);
}

/* Nodes that others keep away from, or have to leave, have them all the same. */
static void add_tolerations(JsonArena *a, Json *spec) {
        static const struct {
                const char *key, *effect;
        } tolerated[] = {
                { "node.kubernetes.io/not-ready", "NoExecute" },       { "node.kubernetes.io/unreachable", "NoExecute" },
                { "node.kubernetes.io/disk-pressure", "NoSchedule" },  { "node.kubernetes.io/memory-pressure", "NoSchedule" },
                { "node.kubernetes.io/pid-pressure", "NoSchedule" },   { "node.kubernetes.io/unschedulable", "NoSchedule" },
        };
        Json *all = json_ensure(a, spec, "tolerations", JSON_ARRAY);

        for (size_t i = 0; i < ELEMENTSOF(tolerated); i++)
                add_toleration(a, all, tolerated[i].key, tolerated[i].effect);
        if (json_is_true(json_get(spec, "hostNetwork")))
                add_toleration(a, all, "node.kubernetes.io/network-unavailable", "NoSchedule");
}

static int make_pod(Daemon *d) {
        const Object *o = d->state->entry.object;
        JsonArena *a = &d->edit.arena;
        char namespace[NAMESPACE_SIZE];
        Json *spec;
        int r;

        d->pod = make_pod_from(a, json_get(d->spec, "template"), object_name(o));
        spec = json_get(d->pod, "spec");
        d->only = json_string(json_detach(json_get(spec, "nodeName")));
        json_set_string(a, json_ensure(a, json_get(d->pod, "metadata"), "labels", JSON_OBJECT), REVISION_HASH_LABEL, d->hash);
        add_tolerations(a, spec);
        r = pod_admit(d->cluster, object_copy_namespace(o, namespace), a, d->pod, &d->error);
        if (r < 0 && r != -EACCES)
                return r;
        r = pod_class_of(&d->cluster->scheduler.classes, namespace, d->pod, &d->class, d->error.code < 0 ? NULL : &d->error);
        return r == -ENOMEM ? r : 0;
}

/* --- Where they are --- */

static bool tolerates_execution(const PodClass *c, const SchedNode *n) {
        for (size_t i = 0; i < n->class->n_taints; i++) {
                const Taint *t = &n->class->taints[i];

                if (t->effect == TAINT_NO_EXECUTE && pod_class_tolerates(c, t->key, t->value, t->effect) == 0)
                        return false;
        }
        return true;
}

/* Is a pod to be there, and if not, may one that is there stay? */
static bool wants_node(const Daemon *d, const SchedNode *n, bool *ret_stays) {
        *ret_stays = true;
        if (!d->class)
                return false;
        *ret_stays = (!d->only || streq(d->only, n->node->object.name)) && filter_node_affinity(d->class, n) && tolerates_execution(d->class, n);
        return *ret_stays && !filter_untolerated(d->class, n);
}

static int delete_pod(Daemon *d, PodState *ps, const char *why) {
        const char *name = object_name(ps->entry.object);
        int r;

        if (why)
                record_event(d->cluster, &d->state->entry, "Warning", why, DAEMON_COMPONENT, "Found %s daemon pod %s on node %s, will try to kill it",
                             pod_of(ps)->status == POD_FAILED ? "failed" : "succeeded", name, strempty(pod_of(ps)->node));
        record_event(d->cluster, &d->state->entry, "Normal", "SuccessfulDelete", DAEMON_COMPONENT, "Deleted pod: %s", name);
        r = object_delete(d->cluster, &ps->entry, &(DeleteOptions) { .grace_seconds = -1 });
        return r < 0 ? r : 0;
}

/* Finds the pod of each node; of two the older one stays, and one that has ended makes room for another. */
static int find_pods(Daemon *d) {
        ObjectState *dependent;
        int r = 0;

        d->pods = new0(PodState*, d->cluster->scheduler.n_slots + 1);
        if (!d->pods)
                return -ENOMEM;
        LIST_FOREACH(dependent, &d->state->dependents, ObjectState, in_owner) {
                PodState *ps = (PodState*) dependent;
                const Pod *p = (const Pod*) dependent->entry.object;

                if (p->object.kind != KIND_POD)
                        continue;
                if (p->status == POD_FAILED || p->status == POD_SUCCEEDED)
                        r = !d->alive || p->deleted > 0 ? 0 : delete_pod(d, ps, p->status == POD_FAILED ? "FailedDaemonPod" : "SucceededDaemonPod");
                else if (ps->node && !d->pods[ps->node->sched.slot])
                        d->pods[ps->node->sched.slot] = ps;
                else if (d->alive && pod_is_active(p))
                        r = delete_pod(d, ps, NULL);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool is_new(const Daemon *d, const Pod *p) {
        return streq_ptr(doc_label(p->object.doc, REVISION_HASH_LABEL), d->hash);
}

static bool is_available(const Daemon *d, const Pod *p) {
        return pod_is_active(p) && pod_is_ready(p) && usec_add(pod_ready_since(p), d->min_ready) <= cluster_now_realtime(d->cluster);
}

static void count_pod(Daemon *d, const Pod *p) {
        bool ready = pod_is_active(p) && pod_is_ready(p);

        d->current++;
        d->ready += ready;
        d->updated += is_new(d, p);
        if (is_available(d, p))
                d->available++;
        else if (ready)
                d->look_at = MIN(d->look_at, usec_add(pod_ready_since(p), d->min_ready));
}

/* --- Making and replacing them --- */

static int create_pod(Daemon *d, NodeState *ns) {
        const char *name = node_of(ns)->object.name;
        int r;

        if (d->error.code < 0 || !ns->sched.open)
                return 0;
        if (filter_dynamic(d->class, &ns->sched).kind != FILTER_FITS) {
                if (timed_state(d->state)->n_failures == 0 && !d->crowded)
                        record_event(d->cluster, &d->state->entry, "Warning", "FailedPlacement", DAEMON_COMPONENT,
                                     "failed to place pod on \"%s\": Node didn't have enough resource", name);
                d->crowded = true;
                return 0;
        }
        if (d->n_made++ >= BURST) {
                object_mark(d->cluster, d->state);
                return 0;
        }
        r = create_pod_on(d->cluster, &d->state->entry, d->pod, name, DAEMON_COMPONENT, &d->error);
        return r == -ENOMEM || r == -E2BIG ? r : 0;
}

static int bring_to_nodes(Daemon *d) {
        const Scheduler *s = &d->cluster->scheduler;
        int r = 0;

        for (size_t i = 0; i < s->n_slots && r >= 0; i++) {
                PodState *ps = s->nodes[i] ? d->pods[i] : NULL;
                bool stays, wanted;

                if (!s->nodes[i])
                        continue;
                wanted = wants_node(d, s->nodes[i], &stays);
                d->desired += wanted;
                d->misscheduled += !wanted && ps;
                if (wanted && ps)
                        count_pod(d, pod_of(ps));
                else if (wanted && d->alive)
                        r = create_pod(d, container_of(s->nodes[i], NodeState, sched));
                else if (ps && !stays && d->alive && pod_is_active(pod_of(ps))) {
                        d->pods[i] = NULL;
                        r = delete_pod(d, ps, NULL);
                }
        }
        return r;
}

/* Old pods that are not available go at once, others as long as no more than maxUnavailable are missing. */
static int roll(Daemon *d) {
        const Json *strategy = json_get(d->spec, "updateStrategy");
        int64_t most = share_of(json_at(strategy, "rollingUpdate", "maxUnavailable", NULL), d->desired, true, 1);
        int64_t may_go = MAX(most, INT64_C(1)) - (d->desired - d->available);
        const Scheduler *s = &d->cluster->scheduler;
        int r = 0;

        if (!d->alive || d->updated == d->current || d->error.code < 0 || streq_ptr(json_string(json_get(strategy, "type")), "OnDelete"))
                return 0;
        for (size_t i = 0; i < s->n_slots && r >= 0; i++) {
                PodState *ps = s->nodes[i] ? d->pods[i] : NULL;
                bool stays;

                if (!ps || !pod_is_active(pod_of(ps)) || is_new(d, pod_of(ps)) || !wants_node(d, s->nodes[i], &stays))
                        continue;
                if (is_available(d, pod_of(ps)) && may_go-- <= 0)
                        continue;
                r = delete_pod(d, ps, NULL);
        }
        return r;
}

/* --- Telling of it --- */

static int update_status(Daemon *d) {
        _cleanup_edit_ Edit e = {};
        Json *status;
        int r;

        r = edit_begin(&e, d->cluster, &d->state->entry);
        if (r < 0)
                return r;
        status = json_ensure(&e.arena, e.root, "status", JSON_OBJECT);
        json_set_i64(&e.arena, status, "currentNumberScheduled", d->current);
        json_set_i64(&e.arena, status, "numberMisscheduled", d->misscheduled);
        json_set_i64(&e.arena, status, "desiredNumberScheduled", d->desired);
        json_set_i64(&e.arena, status, "numberReady", d->ready);
        status_set_count(&e, status, "observedGeneration", d->state->entry.object->doc->generation);
        status_set_count(&e, status, "updatedNumberScheduled", d->updated);
        status_set_count(&e, status, "numberAvailable", d->available);
        status_set_count(&e, status, "numberUnavailable", d->desired - d->available);
        return edit_commit(&e);
}

/* When to look again though nothing changes. */
static int plan(Daemon *d) {
        TimedState *ts = timed_state(d->state);

        if (d->error.code < 0) {
                record_event(d->cluster, &d->state->entry, "Warning", "FailedCreate", DAEMON_COMPONENT, "Error creating: %s", error_message(&d->error));
                d->look_at = MIN(d->look_at, controller_retry_time(d->cluster, ts));
        } else
                ts->n_failures = d->crowded;
        if (d->crowded)
                d->look_at = MIN(d->look_at, usec_add(cluster_now_realtime(d->cluster), LOOK_FOR_ROOM));
        return controller_look_at(d->cluster, d->state, d->look_at);
}

static int reconcile(Daemon *d) {
        usec_t min_ready;
        int r;

        r = edit_begin(&d->edit, d->cluster, &d->state->entry);
        if (r < 0)
                return r;
        d->spec = json_get(d->edit.root, "spec");
        min_ready = spec_seconds(d->spec, "minReadySeconds");
        d->min_ready = min_ready == USEC_INFINITY ? 0 : min_ready;
        hash_template(json_get(d->spec, "template"), 0, d->hash);
        r = make_pod(d);
        if (r >= 0 && d->alive)
                r = revisions_keep(d->cluster, d->state, d->edit.root, d->hash);
        if (r >= 0 && d->alive)
                r = release_pods(d->cluster, d->state, json_get(d->spec, "selector"));
        if (r > 0) /* it goes on with that in the next look */
                return 0;
        if (r >= 0)
                r = find_pods(d);
        if (r >= 0)
                r = bring_to_nodes(d);
        if (r >= 0)
                r = roll(d);
        if (r >= 0)
                r = update_status(d);
        if (r >= 0 && d->alive && d->updated == d->desired)
                r = revisions_forget(d->cluster, d->state, d->edit.root, d->hash);
        return r < 0 ? r : plan(d);
}

int reconcile_daemon_set(Cluster *c, ObjectState *s) {
        Daemon d = { .cluster = c, .state = s, .alive = s->entry.object->doc->deleted == 0, .look_at = USEC_INFINITY };
        int r;

        r = reconcile(&d);
        daemon_done(&d);
        return r < 0 ? r : 0;
}
