/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of pods on nodes that fail, and of containers that end: after docs/KUBERNETES.md ("When a node is lost") and Kubernetes'
 * documentation ("Pod Lifecycle"), worked out here on its own. */
#include "tests/sim/workloads-internal.h"

static usec_t realtime(const Workloads *w) {
        return cluster_realtime(w->cluster, w->now);
}

static bool is_over(const Pod *p) {
        return p->status == POD_SUCCEEDED || p->status == POD_FAILED;
}

static bool is_lost(NodeHealth h) {
        return h == NODE_UNHEALTHY || h == NODE_STOPPED;
}

/* Are its containers started again when they end? */
static bool goes_on(const Pod *p) {
        return p->restart == POD_RESTART_ALWAYS || (p->restart == POD_RESTART_ON_FAILURE && p->exit_code != 0);
}

/* How long they wait after so many ends. */
static usec_t wait_after(unsigned crashes) {
        static const unsigned seconds[POD_CRASHES_MAX + 1] = { 0, 0, 10, 20, 40, 80, 160, 300 };

        return seconds[crashes] * USEC_PER_SEC;
}

/* When the containers of one that runs have run for as long as they do; realtime. */
static usec_t ends_at(const Pod *p) {
        usec_t began = p->crashes > 0 ? p->ended + wait_after(p->crashes) : p->started;

        return p->duration == USEC_INFINITY ? USEC_INFINITY : began + p->duration;
}

static bool exceeds_deadline(const Workloads *w, const Pod *p) {
        return p->deadline_seconds > 0 && p->started > 0 && realtime(w) >= p->started + p->deadline_seconds * USEC_PER_SEC;
}

/* --- Change by change --- */

/* Containers end when their time is over and not before, and start again as restartPolicy says, after waits that grow. */
static void check_run(Workloads *w, const Pod *old, const Pod *new) {
        bool ran = old->status == POD_RUNNING && ends_at(old) <= realtime(w);

        must(new->restarts == old->restarts || new->restarts == old->restarts + 1);
        if (new->status == POD_SUCCEEDED && old->status != POD_SUCCEEDED)
                must(ran && !goes_on(old) && old->exit_code == 0);
        if (new->status == POD_FAILED && old->status != POD_FAILED && new->deleted == 0)
                must((ran && !goes_on(old) && old->exit_code != 0) || exceeds_deadline(w, old));
        if (new->crashes > old->crashes)
                must(ran && goes_on(old) && (new->crashes == 1 || new->status == POD_BACKOFF));
        if (new->status == POD_BACKOFF && old->status != POD_BACKOFF)
                must(new->crashes > 1 && new->restarts == old->restarts);
        if (new->status == POD_RUNNING && old->status == POD_BACKOFF)
                must(new->restarts == old->restarts + 1 && realtime(w) >= old->ended + wait_after(old->crashes));
}

/* Of a lost node nobody hears anything. Kubernetes asks its pods to go, moves none, and takes none for gone unless it is by force. */
static void check_node_of(Workloads *w, const Pod *old, const Pod *new) {
        unsigned node = (unsigned) (old->node[1] - '0');

        if (w->node_loss != NODE_LOSS_KUBERNETES)
                return;
        if (!new || is_over(new))
                must(w->by_force || !is_lost(w->health[node]));
        if (!new)
                must(w->by_force || old->status == POD_TERMINATING);
        if (!new)
                return;
        must(new->node && *new->node == *old->node && new->node[1] == old->node[1]);
        if (is_lost(w->health[node]) && !w->by_force)
                must(new->status == old->status || new->status == POD_TERMINATING || new->status == POD_RESTARTING);
}

static void follow(Workloads *w, const StoreChange *c) {
        const Pod *old = (const Pod*) (c->type == CHANGE_DELETED ? c->object : c->old), *new = (const Pod*) (c->type == CHANGE_DELETED ? NULL : c->object);

        if (c->object->kind == KIND_NODE)
                w->health[c->object->name[1] - '0'] = c->type == CHANGE_DELETED ? _NODE_HEALTH_MAX : ((const Node*) c->object)->health;
        if (c->object->kind != KIND_POD || !old)
                return;
        if (new)
                check_run(w, old, new);
        if (pod_holds_capacity(old))
                check_node_of(w, old, new);
}

void follow_pods(Workloads *w) {
        Store *s = cluster_store(w->cluster);
        const StoreChange *e;

        while (w->followed < store_revision(s)) {
                must(store_log_get(s, ++w->followed, &e) == 1);
                follow(w, e);
        }
}

void follow_from_here(Workloads *w) {
        Store *s = cluster_store(w->cluster);

        for (unsigned i = 0; i < WORKLOAD_NODES; i++)
                w->health[i] = _NODE_HEALTH_MAX;
        for (StoreEntry *e = store_find_from(s, KIND_NODE, NULL); e; e = store_following(e))
                w->health[e->object->name[1] - '0'] = ((const Node*) e->object)->health;
        w->followed = store_revision(s);
}

/* --- As things are --- */

static bool is_due(const Workloads *w, const Timer *t) {
        return t->item.index != PRIOQ_NONE && t->item.when <= w->now;
}

/* One that is there when it should have gone, or says of itself what is not so, is about to be looked at. */
static void check_on_node(Workloads *w, const PodState *ps) {
        const NodeState *ns = ps->node;
        const Pod *p = pod_of(ps);
        NodeHealth health = node_of(ns)->health;

        if (w->node_loss == NODE_LOSS_KUBERNETES) {
                must(health == NODE_HEALTHY || !pod_is_ready(p) || is_due(w, &ns->settle));
                must(health != NODE_HEALTHY || !p->lost || is_due(w, &ns->settle));
                if (is_lost(health) && p->deleted == 0 && p->toleration != USEC_INFINITY)
                        must(ns->faded_at + p->toleration > w->now || is_due(w, &ns->settle));
        } else {
                must(!p->lost);
                must(health != NODE_UNHEALTHY || is_due(w, &ns->settle));
                must(health != NODE_STOPPED || list_is_linked(&ns->fading) || is_due(w, &ns->settle));
        }
}

/* Whoever waits for a time is called then. */
static void check_end(Workloads *w, const PodState *ps) {
        const Pod *p = pod_of(ps);
        bool silent = w->node_loss == NODE_LOSS_KUBERNETES && node_of(ps->node)->health != NODE_HEALTHY; /* nobody would hear of it */
        usec_t at = p->status == POD_RUNNING ? ends_at(p) : p->status == POD_BACKOFF ? p->ended + wait_after(p->crashes) : USEC_INFINITY;

        if (silent || is_due(w, &ps->node->settle))
                return;
        must(at == USEC_INFINITY || ps->end.item.index != PRIOQ_NONE);
        must(at > realtime(w) || is_due(w, &ps->end));
}

void check_pods(Workloads *w) {
        for (StoreEntry *e = store_find_from(cluster_store(w->cluster), KIND_POD, NULL); e; e = store_following(e)) {
                const PodState *ps = pod_state(e);

                if (!ps->node)
                        continue;
                check_on_node(w, ps);
                check_end(w, ps);
        }
}

#define CONFIRMED_WITHIN (10 * USEC_PER_SEC)

/* All nodes are well, and have been for a while: they have let go of whoever is to go, and the others are ready. */
void check_pods_settled(Workloads *w) {
        for (StoreEntry *e = store_find_from(cluster_store(w->cluster), KIND_NODE, NULL); e; e = store_following(e))
                must(((const Node*) e->object)->health == NODE_HEALTHY);
        for (StoreEntry *e = store_find_from(cluster_store(w->cluster), KIND_POD, NULL); e; e = store_following(e)) {
                const Pod *p = (const Pod*) e->object;

                must(!p->lost);
                must(p->status != POD_TERMINATING || p->deleted - p->grace_seconds * USEC_PER_SEC + CONFIRMED_WITHIN > realtime(w));
        }
}
