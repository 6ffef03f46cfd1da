/* SPDX-License-Identifier: Apache-2.0 */
/* DaemonSets: a pod of a template on every node that it may be on. Kubernetes documentation, "DaemonSet"; which nodes those are and in
 * which order pods are replaced is as its controller has it. Two things are not: the pods are bound here, so that all of them have one
 * document (there, each names its node in its affinity, for the scheduler), and one that has no room is not there until there is some.
 *
 * A look has three parts: what is so of each node that has changed (daemon-nodes.h), some nodes in each look; what is to be done about it,
 * by flags; and the status, from their numbers. */
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/control/admission.h"
#include "core/control/controllers/controllers.h"
#include "core/control/controllers/daemon-nodes.h"
#include "core/control/controllers/revisions.h"
#include "core/control/owners.h"
#include "core/control/turn.h"
#include "core/sched/filter.h"

#define DAEMON_COMPONENT "daemonset-controller"
#define LOOK_FOR_ROOM (5 * USEC_PER_SEC) /* how often, while a node has none */

/* A DaemonSet as one look at it finds it. */
typedef struct Daemon {
        Cluster *cluster;
        ObjectState *state;
        Edit edit;         /* of its document, only read */
        Json *spec;
        bool alive;        /* it is not being deleted */
        bool rolls;        /* its updateStrategy is RollingUpdate */
        DaemonWish wish;   /* class: a reference */
        Json *pod;         /* what each of its pods says, admitted */
        const char *only;  /* the node that the template names; NULL: it names none */
        Error error;       /* why no pod can be made; code 0: they can */
        DaemonNodes *nodes; /* weak */
        size_t n_done;     /* pods made or removed */
} Daemon;

static void daemon_done(Daemon *d) {
        pod_class_unref(d->wish.class);
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
        json_set_string(a, json_ensure(a, json_get(d->pod, "metadata"), "labels", JSON_OBJECT), REVISION_HASH_LABEL, d->wish.hash);
        add_tolerations(a, spec);
        r = pod_admit(d->cluster, object_copy_namespace(o, namespace), a, d->pod, &d->error);
        if (r < 0 && r != -EACCES)
                return r;
        r = pod_class_of(&d->cluster->scheduler.classes, namespace, d->pod, &d->wish.class, d->error.code < 0 ? NULL : &d->error);
        return r == -ENOMEM ? r : 0;
}

/* --- What is so of a node --- */

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
        const PodClass *c = d->wish.class;

        *ret_stays = !c || ((!d->only || streq(d->only, n->node->object.name)) && filter_node_affinity(c, n) && tolerates_execution(c, n));
        return c && *ret_stays && !filter_untolerated(c, n);
}

static bool is_new(const Daemon *d, const Pod *p) {
        return streq_ptr(doc_label(p->object.doc, REVISION_HASH_LABEL), d->wish.hash);
}

static bool is_ready(const Pod *p) {
        return pod_is_active(p) && pod_is_ready(p);
}

/* Has it been ready for long enough? If it will be by time alone, looks again then. */
static bool is_available(const Daemon *d, const Pod *p) {
        usec_t at = usec_add(pod_ready_since(p), d->wish.min_ready), now = cluster_now_realtime(d->cluster);

        if (is_ready(p) && at > now)
                d->nodes->look_at = MIN(d->nodes->look_at, at);
        return is_ready(p) && at <= now;
}

/* Its pods on one node. Those that are being removed are in none but `any`. */
typedef struct Resident {
        const Pod *any, *first; /* the oldest */
        const Pod *old, *new;   /* the oldest of an old template, and of the present one */
        size_t n;               /* that are not being removed */
} Resident;

static void take_older(const Pod **p, const Pod *other) {
        if (!*p || other->object.id < (*p)->object.id)
                *p = other;
}

static Resident find_pods(const Daemon *d, const NodeState *ns) {
        Resident found = {};
        PodState *ps;

        LIST_FOREACH(ps, &ns->pods, PodState, in_node) {
                const Pod *p = pod_of(ps);

                if (ps->common.owner != d->state)
                        continue;
                take_older(&found.any, p);
                if (!pod_is_active(p))
                        continue;
                take_older(&found.first, p);
                take_older(is_new(d, p) ? &found.new : &found.old, p);
                found.n++;
        }
        return found;
}

/* Does the old pod go because of the new one beside it? */
static bool gives_way(const Daemon *d, const Resident *p) {
        return p->old && p->new && (!is_ready(p->old) || is_available(d, p->new));
}

/* One that is on a node, and not being removed: is it to be there no more, whatever else is? Of two the older one stays; when they may be
 * two, the oldest of each template, until the new one is available. */
static bool is_superfluous(const Daemon *d, const Resident *found, bool stays, const Pod *p) {
        if (!stays)
                return true;
        if (!d->wish.surges)
                return p != found->first;
        return p != found->new && (p != found->old || gives_way(d, found));
}

static uint16_t look_at_pods(const Daemon *d, const Resident *p) {
        const Pod *shown = p->first ?: p->any; /* of two the old one is what the status tells of */
        bool available = is_available(d, shown), ready = is_ready(shown);
        uint16_t flags = FLAG_BIT(DAEMON_CURRENT);

        flags |= ready ? FLAG_BIT(DAEMON_READY) : 0;
        flags |= available ? FLAG_BIT(DAEMON_AVAILABLE) : 0;
        flags |= is_new(d, shown) ? FLAG_BIT(DAEMON_UPDATED) : 0;
        if ((ready && !available) || (p->new && is_ready(p->new) && !is_available(d, p->new)))
                flags |= FLAG_BIT(DAEMON_WAITING);
        if (p->old && !p->new)
                flags |= available ? FLAG_BIT(DAEMON_OLD) : FLAG_BIT(DAEMON_OLD) | FLAG_BIT(DAEMON_OLD_BROKEN);
        if (p->old && p->new && !gives_way(d, p))
                flags |= FLAG_BIT(DAEMON_SURGING);
        return flags;
}

static bool has_room(const Daemon *d, const NodeState *ns) {
        return filter_dynamic(d->wish.class, &ns->sched).kind == FILTER_FITS;
}

static uint16_t look_at_node(const Daemon *d, const NodeState *ns) {
        Resident p = find_pods(d, ns);
        bool stays, wanted = wants_node(d, &ns->sched, &stays);
        uint16_t flags = 0;

        if (!stays ? p.n > 0 : d->wish.surges ? p.n > (size_t) (p.old != NULL) + (p.new != NULL) || gives_way(d, &p) : p.n > 1)
                flags |= FLAG_BIT(DAEMON_SUPERFLUOUS);
        if (!wanted)
                return p.any ? flags | FLAG_BIT(DAEMON_MISSCHEDULED) : flags;
        flags |= FLAG_BIT(DAEMON_DESIRED);
        if (p.any)
                return flags | look_at_pods(d, &p);
        if (ns->sched.open)
                flags |= has_room(d, ns) ? FLAG_BIT(DAEMON_MISSING) : FLAG_BIT(DAEMON_CROWDED);
        return flags;
}

static NodeState *node_in(const Daemon *d, size_t slot) {
        SchedNode *n = d->cluster->scheduler.nodes[slot];

        return n ? container_of(n, NodeState, sched) : NULL;
}

static void look_at_slot(Daemon *d, size_t slot) {
        const NodeState *ns = node_in(d, slot);

        flag_table_set(&d->nodes->table, slot, ns ? look_at_node(d, ns) : 0);
}

/* Looks at the nodes that have changed, or that time has changed. 1: there are more of them. */
static int look_at_nodes(Daemon *d) {
        usec_t now = cluster_now_realtime(d->cluster);
        size_t left = turn_nodes(d->cluster);
        DaemonNodes *t = d->nodes;

        if (daemon_nodes_due(t) <= now) {
                t->look_at = USEC_INFINITY;
                t->looked_at = now;
                flag_table_doubt(&t->table, DAEMON_WAITING);
        }
        if (t->room_at <= now) {
                t->room_at = USEC_INFINITY;
                flag_table_doubt(&t->table, DAEMON_CROWDED);
        }
        for (size_t i = flag_table_find(&t->table, FLAG_DIRTY, 0); i != SIZE_MAX; i = flag_table_find(&t->table, FLAG_DIRTY, i + 1)) {
                if (left-- == 0)
                        return 1;
                look_at_slot(d, i);
        }
        return 0;
}

/* --- Making and replacing them --- */

static int delete_pod(Daemon *d, PodState *ps) {
        int r;

        record_event(d->cluster, &d->state->entry, "Normal", "SuccessfulDelete", DAEMON_COMPONENT, "Deleted pod: %s", object_name(ps->entry.object));
        r = object_delete(d->cluster, &ps->entry, &(DeleteOptions) { .grace_seconds = -1 });
        d->n_done++;
        return r < 0 ? r : 0;
}

/* One that has ended makes room for another, and one without a node is none of its own. */
static int drop_pod(Cluster *c, ObjectState *s, PodState *ps) {
        const Pod *p = pod_of(ps);
        bool ended = p->status == POD_FAILED || p->status == POD_SUCCEEDED;
        Daemon d = { .cluster = c, .state = s };

        if (s->entry.object->doc->deleted > 0 || p->deleted > 0 || (!ended && (ps->node || !pod_is_active(p))))
                return 0;
        if (ended)
                record_event(c, &s->entry, "Warning", p->status == POD_FAILED ? "FailedDaemonPod" : "SucceededDaemonPod", DAEMON_COMPONENT,
                             "Found %s daemon pod %s on node %s, will try to kill it", p->status == POD_FAILED ? "failed" : "succeeded",
                             object_name(ps->entry.object), strempty(p->node));
        return delete_pod(&d, ps);
}

/* Each of them is another look at what is left, as one may take others with it. */
static int remove_superfluous(Daemon *d, NodeState *ns) {
        PodState *ps, *next = NULL;
        Resident found = find_pods(d, ns);
        bool stays;

        (void) wants_node(d, &ns->sched, &stays);
        LIST_FOREACH(ps, &ns->pods, PodState, in_node)
                if (ps->common.owner == d->state && pod_is_active(pod_of(ps)) && is_superfluous(d, &found, stays, pod_of(ps)))
                        next = ps;
        return next ? delete_pod(d, next) : 0;
}

static int create_pod(Daemon *d, NodeState *ns) {
        int r;

        if (d->error.code < 0 || !ns->sched.open)
                return 0;
        if (!has_room(d, ns)) {
                flag_table_add(&d->nodes->table, ns->sched.slot, DAEMON_CROWDED);
                return 0;
        }
        d->n_done++;
        r = create_pod_on(d->cluster, &d->state->entry, d->pod, node_of(ns)->object.name, DAEMON_COMPONENT, &d->error);
        return r == -ENOMEM || r == -E2BIG ? r : 0;
}

static int remove_old(Daemon *d, NodeState *ns) {
        PodState *ps;

        LIST_FOREACH(ps, &ns->pods, PodState, in_node)
                if (ps->common.owner == d->state && pod_is_active(pod_of(ps)))
                        return delete_pod(d, ps);
        return 0;
}

/* Does it for nodes with that flag, at most so many of them; what is beyond a turn is for the next look. */
static int for_nodes(Daemon *d, DaemonFlag flag, int64_t most, int (*act)(Daemon *d, NodeState *ns)) {
        int r = 0;

        for (size_t i = flag_table_find(&d->nodes->table, flag, 0); i != SIZE_MAX && most > 0 && r >= 0; i = flag_table_find(&d->nodes->table, flag, i + 1)) {
                size_t before = d->n_done;

                if (d->n_done > turn_max(d->cluster) / 2) { /* each is told of by an Event */
                        object_mark(d->cluster, d->state);
                        return 0;
                }
                if (flag_table_has(&d->nodes->table, i, FLAG_DIRTY))
                        look_at_slot(d, i); /* what was done about another one has changed it, or it has waited for long */
                if (!flag_table_has(&d->nodes->table, i, flag) || flag_table_has(&d->nodes->table, i, DAEMON_CROWDED))
                        continue;
                r = act(d, node_in(d, i));
                most -= d->n_done > before;
        }
        return r;
}

/* Old pods that are not available are replaced at once. Of others no more than maxUnavailable may be missing; or, if that is said, there are no
 * more new ones beside old ones than maxSurge. */
static int roll(Daemon *d) {
        const Json *rolling = json_at(d->spec, "updateStrategy", "rollingUpdate", NULL);
        const int64_t *n = d->nodes->table.counts;
        int (*replace)(Daemon *d, NodeState *ns) = d->wish.surges ? create_pod : remove_old;
        int64_t most;
        int r;

        if (d->wish.surges)
                most = share_of(json_get(rolling, "maxSurge"), n[DAEMON_DESIRED], true, 0) - n[DAEMON_SURGING];
        else
                most = MAX(share_of(json_get(rolling, "maxUnavailable"), n[DAEMON_DESIRED], true, 1), INT64_C(1)) - (n[DAEMON_DESIRED] - n[DAEMON_AVAILABLE]);
        r = for_nodes(d, DAEMON_OLD_BROKEN, INT64_MAX, replace);
        return r < 0 ? r : for_nodes(d, DAEMON_OLD, most, replace);
}

static int act(Daemon *d) {
        int r;

        if (!d->alive)
                return 0;
        r = for_nodes(d, DAEMON_SUPERFLUOUS, INT64_MAX, remove_superfluous);
        if (r >= 0)
                r = for_nodes(d, DAEMON_MISSING, d->error.code < 0 ? 0 : INT64_MAX, create_pod);
        return r < 0 || !d->rolls || d->error.code < 0 ? r : roll(d);
}

/* --- Telling of it --- */

static int update_status(Daemon *d) {
        const int64_t *n = d->nodes->table.counts;
        _cleanup_edit_ Edit e = {};
        Json *status;
        int r;

        r = edit_begin(&e, d->cluster, &d->state->entry);
        if (r < 0)
                return r;
        status = json_ensure(&e.arena, e.root, "status", JSON_OBJECT);
        json_set_i64(&e.arena, status, "currentNumberScheduled", n[DAEMON_CURRENT]);
        json_set_i64(&e.arena, status, "numberMisscheduled", n[DAEMON_MISSCHEDULED]);
        json_set_i64(&e.arena, status, "desiredNumberScheduled", n[DAEMON_DESIRED]);
        json_set_i64(&e.arena, status, "numberReady", n[DAEMON_READY]);
        status_set_count(&e, status, "observedGeneration", d->state->entry.object->doc->generation);
        status_set_count(&e, status, "updatedNumberScheduled", n[DAEMON_UPDATED]);
        status_set_count(&e, status, "numberAvailable", n[DAEMON_AVAILABLE]);
        status_set_count(&e, status, "numberUnavailable", n[DAEMON_DESIRED] - n[DAEMON_AVAILABLE]);
        return edit_commit(&e);
}

/* Once, until all have room. */
static void tell_of_crowded(Daemon *d) {
        size_t slot = flag_table_find(&d->nodes->table, DAEMON_CROWDED, 0);
        const NodeState *ns = slot == SIZE_MAX ? NULL : node_in(d, slot);

        if (ns && timed_state(d->state)->n_failures == 0)
                record_event(d->cluster, &d->state->entry, "Warning", "FailedPlacement", DAEMON_COMPONENT,
                             "failed to place pod on \"%s\": Node didn't have enough resource", node_of(ns)->object.name);
}

/* When to look again though nothing changes. */
static int plan(Daemon *d) {
        TimedState *ts = timed_state(d->state);
        bool crowded = d->nodes->table.counts[DAEMON_CROWDED] > 0;
        usec_t at = daemon_nodes_due(d->nodes);

        if (d->error.code < 0) {
                record_event(d->cluster, &d->state->entry, "Warning", "FailedCreate", DAEMON_COMPONENT, "Error creating: %s", error_message(&d->error));
                at = MIN(at, controller_retry_time(d->cluster, ts));
        } else {
                tell_of_crowded(d);
                ts->n_failures = crowded;
        }
        if (crowded) {
                d->nodes->room_at = MIN(d->nodes->room_at, usec_add(cluster_now_realtime(d->cluster), LOOK_FOR_ROOM));
                at = MIN(at, d->nodes->room_at);
        }
        return controller_look_at(d->cluster, d->state, at);
}

static void read_spec(Daemon *d) {
        const Json *strategy;
        usec_t min_ready;

        d->spec = json_get(d->edit.root, "spec");
        strategy = json_get(d->spec, "updateStrategy");
        min_ready = spec_seconds(d->spec, "minReadySeconds");
        d->rolls = !streq_ptr(json_string(json_get(strategy, "type")), "OnDelete");
        d->wish.min_ready = min_ready == USEC_INFINITY ? 0 : min_ready;
        d->wish.surges = d->rolls && share_of(json_at(strategy, "rollingUpdate", "maxSurge", NULL), 100, true, 0) > 0;
        hash_template(json_get(d->spec, "template"), 0, d->wish.hash);
}

/* 1: it goes on with that in the next look. */
static int prepare(Daemon *d) {
        int r;

        r = edit_begin(&d->edit, d->cluster, &d->state->entry);
        if (r < 0)
                return r;
        read_spec(d);
        r = make_pod(d);
        if (r >= 0 && d->alive)
                r = revisions_keep(d->cluster, d->state, d->edit.root, d->wish.hash);
        if (r >= 0 && d->alive)
                r = release_pods(d->cluster, d->state, json_get(d->spec, "selector"), drop_pod);
        if (r == 0)
                r = daemon_nodes_prepare(d->cluster, &timed_state(d->state)->nodes, &d->wish);
        d->nodes = timed_state(d->state)->nodes;
        if (r == 0)
                r = look_at_nodes(d);
        return r;
}

static int reconcile(Daemon *d) {
        int r;

        r = prepare(d);
        if (r > 0)
                object_mark(d->cluster, d->state);
        if (r != 0)
                return r;
        r = update_status(d); /* before anything is done about it, which is for the next look to see */
        if (r >= 0)
                r = act(d);
        if (r >= 0 && d->alive && d->nodes->table.counts[DAEMON_UPDATED] == d->nodes->table.counts[DAEMON_DESIRED])
                r = revisions_forget(d->cluster, d->state, d->edit.root, d->wish.hash, NULL);
        return r < 0 ? r : plan(d);
}

int reconcile_daemon_set(Cluster *c, ObjectState *s) {
        Daemon d = { .cluster = c, .state = s, .alive = s->entry.object->doc->deleted == 0 };
        int r;

        r = reconcile(&d);
        daemon_done(&d);
        return r;
}
