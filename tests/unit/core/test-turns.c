/* SPDX-License-Identifier: Apache-2.0 */
/* A step does so much and leaves the rest to the next one, at once: nothing is lost in between. */
#include "tests/lib/test.h"

#include <stdarg.h>
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/control/controllers/daemon-nodes.h"
#include "core/control/controllers/job-tally.h"
#include "core/control/controllers/stateful-pods.h"
#include "core/control/faults.h"
#include "core/control/nodes.h"
#include "core/control/objects.h"
#include "core/control/pods.h"
#include "core/control/selectors.h"
#include "core/control/turn.h"

#define SECOND USEC_PER_SEC
#define N_NODES 20
#define POD "{\"metadata\":{},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"resources\":{\"requests\":{\"cpu\":\"1\"}}}]}}"

static usec_t now;
static NodeLossPolicy node_loss;

static Cluster *cluster(uint32_t turn_max, unsigned n_nodes) {
        static const uint64_t secret[2] = { 1, 2 };
        const ClusterConfig config = {
                .node_timeout_usec = 15 * SECOND, .remove_after_usec = USEC_PER_HOUR, .heartbeat_interval_usec = 5 * SECOND, .stop_grace_usec = 5 * SECOND,
                .nodes_max = 10000, .pods_max = 2000, .pods_per_node_max = 110, .objects_max = 1000, .node_cpu_max = 1024000, .watch_log_max = 100000,
                .event_log_max = 1000, .backoff_initial_usec = SECOND, .backoff_max_usec = SECOND, .algorithm = "kube", .turn_max = turn_max, .node_loss = node_loss,
        };
        NodeState *ns;
        char name[16];
        Cluster *c;

        now = 1000 * SECOND;
        assert_int_equal(cluster_new(&config, 1, secret, &c), 0);
        cluster_set_clock(c, 0);
        assert_int_equal(cluster_loaded(c, now, 0, 0), 0);
        for (unsigned i = 0; i < n_nodes; i++) {
                (void) snprintf(name, sizeof(name), "v%u", i);
                assert_int_equal(cluster_add_node(c, now, name, 4000, &ns, NULL), 0);
        }
        return c;
}

static void create_as(Cluster *c, const char *name, const char *pod) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        char *text = json_arena_copy(&a, pod, strlen(pod));
        Object *o;
        Json *root;

        assert_int_equal(json_tree_parse(&a, text, strlen(pod), &root, NULL), 0);
        assert_int_equal(cluster_create_object(c, now, KIND_POD, name, root, false, &o, NULL), 0);
        object_unref(o);
}

static void create(Cluster *c, const char *name) {
        create_as(c, name, POD);
}

/* Does what is due now: in how many steps. */
static unsigned settle(Cluster *c, uint64_t changes_max) {
        unsigned n = 0;

        for (; cluster_deadline(c) <= now; n++) {
                uint64_t before = store_revision(c->store);

                assert_true(n < 1000);
                assert_int_equal(cluster_step(c, now), 0);
                assert_true(store_revision(c->store) - before <= changes_max);
        }
        return n;
}

static void run_changing(Cluster *c, usec_t end, uint64_t changes_max) {
        for (; cluster_deadline(c) <= end; now = MAX(now, cluster_deadline(c)))
                (void) settle(c, changes_max);
        now = end;
}

static void run_until(Cluster *c, usec_t end) {
        run_changing(c, end, UINT64_MAX);
}

static bool is_any(const Object *node _unused_, void *userdata _unused_) {
        return true;
}

/* Into all nodes. */
static FaultResult inject(Cluster *c, const FaultSpec *spec) {
        FaultChoice chosen = { .wants = is_any };
        FaultResult result;
        int r;

        while ((r = fault_choose(c, &chosen)) > 0)
                ;
        assert_int_equal(r, 0);
        assert_int_equal(cluster_inject_fault(c, now, spec, &chosen, &result, NULL), 0);
        fault_choice_done(&chosen);
        return result;
}

static uint32_t count(Cluster *c, NodeHealth h) {
        ClusterStats s;

        cluster_stats(c, &s);
        return s.nodes_by_health[h];
}

/* Steps that are slow are no stall: nodes whose turn comes late are given no fresh timeout. */
static void test_many_silent_nodes(void **state _unused_) {
        FaultSpec spec = { .kind = FAULT_HANG, .span = USEC_INFINITY };
        Cluster *c = cluster(3, N_NODES);
        unsigned n = 0;

        run_until(c, now + 10 * SECOND);
        (void) inject(c, &spec);
        run_until(c, now + 8 * SECOND);
        assert_int_equal(count(c, NODE_HEALTHY), N_NODES);
        now += 7 * SECOND; /* the deadlines of all come into one step; and this one is a stall */
        assert_int_equal(cluster_step(c, now), 0);
        assert_int_equal(count(c, NODE_HEALTHY), N_NODES);
        now = cluster_deadline(c);
        for (; count(c, NODE_HEALTHY) > 0; n++, now += 400 * USEC_PER_MSEC) {
                uint32_t before = count(c, NODE_HEALTHY);

                assert_true(cluster_deadline(c) <= now);
                assert_int_equal(cluster_step(c, now), 0);
                assert_in_range(before - count(c, NODE_HEALTHY), 1, 3);
        }
        assert_true(n >= N_NODES / 3);
        cluster_free(c);
}

static void test_many_pods_that_wait(void **state _unused_) {
        Cluster *c = cluster(5, 0);
        NodeState *ns;
        char name[16];

        for (unsigned i = 0; i < 60; i++) {
                (void) snprintf(name, sizeof(name), "p%u", i);
                create(c, name);
        }
        (void) settle(c, UINT64_MAX);
        assert_int_equal(cluster_add_node(c, now, "big", 64000, &ns, NULL), 0);
        assert_true(ns->sched.n_pods <= 5);
        now += SECOND; /* they back off */
        assert_true(settle(c, 20) >= 5);
        assert_int_equal(ns->sched.n_pods, 60);
        cluster_free(c);
}

/* The first pod of a class waits until the scheduler has looked at all nodes, some in each step; it is not taken for one that fits nowhere. */
static void test_a_new_class(void **state _unused_) {
        Cluster *c = cluster(1, N_NODES);

        run_until(c, now + SECOND);
        create(c, "first");
        create(c, "second");
        assert_null(pod_of(find_pod(c, "first"))->node);
        assert_true(cluster_deadline(c) <= now);
        assert_true(settle(c, 4) >= N_NODES / turn_nodes(c));
        assert_non_null(pod_of(find_pod(c, "first"))->node);
        assert_non_null(pod_of(find_pod(c, "second"))->node);
        cluster_free(c);
}

/* So does one that has to leave its node when its class has been forgotten. */
static void test_a_class_that_was_forgotten(void **state _unused_) {
        Cluster *c = cluster(1, N_NODES);
        char *node;

        create(c, "p");
        run_until(c, now + SECOND);
        node = strdup(pod_of(find_pod(c, "p"))->node);
        assert_non_null(node);
        scheduler_forget_orders(&c->scheduler);
        assert_int_equal(cluster_remove_node(c, now, node, NULL), 0);
        assert_null(pod_of(find_pod(c, "p"))->node);
        assert_true(cluster_deadline(c) <= now);
        (void) settle(c, 4);
        assert_non_null(pod_of(find_pod(c, "p"))->node);
        assert_string_not_equal(pod_of(find_pod(c, "p"))->node, node);
        free(node);
        cluster_free(c);
}

/* Nodes that a fault hits act on it some in each step: they all beat again when it is over, though none of their timers rings. */
#define SHAPES 6
#define OF_EACH 4

static void create_gang(Cluster *c, const char *more) {
        char name[32], text[800];

        for (unsigned i = 0; i < SHAPES * OF_EACH; i++) {
                (void) snprintf(name, sizeof(name), "g%u", i);
                (void) snprintf(text, sizeof(text), "{\"metadata\":{\"labels\":{\"app\":\"g\"},\"annotations\":{\"kubesim.io/pod-group\":\"g\","
                                "\"kubesim.io/pod-group-min-member\":\"%d\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"resources\":"
                                "{\"requests\":{\"cpu\":\"%um\"}}}]%s}}", SHAPES * OF_EACH, 1000 + i / OF_EACH * 100, more);
                create_as(c, name, text);
        }
}

static unsigned count_bound(Cluster *c) {
        unsigned n = 0;
        char name[32];

        for (unsigned i = 0; i < SHAPES * OF_EACH; i++) {
                (void) snprintf(name, sizeof(name), "g%u", i);
                n += pod_of(find_pod(c, name))->node != NULL;
        }
        return n;
}

/* Orders that have come with one step: of a class that had none before. */
static unsigned step_and_count_orders(Cluster *c) {
        const PodClass *before[10];
        unsigned n_before = 0, n = 0;
        ClassOrder *o;

        LIST_FOREACH(o, &c->scheduler.orders, ClassOrder, link)
                before[n_before++] = o->class;
        assert_int_equal(cluster_step(c, now), 0);
        LIST_FOREACH(o, &c->scheduler.orders, ClassOrder, link) {
                bool was_there = false;

                for (unsigned i = 0; i < n_before; i++)
                        was_there |= before[i] == o->class;
                n += !was_there;
        }
        return n;
}

/* Of the nodes that the first members were to go to one is full now, one is being stopped, and one is no more. */
static void disturb(Cluster *c) {
        assert_int_equal(c->trial.n_places, 3 * OF_EACH);
        create_as(c, "big", "{\"metadata\":{},\"spec\":{\"nodeName\":\"v1\",\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"resources\":{\"requests\":"
                            "{\"cpu\":\"3500m\"}}}]}}");
        assert_int_equal(cluster_stop_node(c, now, "v2", NULL), 0);
        assert_int_equal(cluster_remove_node(c, now, "v3", NULL), 0);
}

/* More shapes than orders fit in memory: one order is made after the other, and where the members before would go is kept in mind. */
static void try_gang(const char *more, bool busy) {
        Cluster *c = cluster(1, N_NODES);
        unsigned steps = 0;
        char name[32];

        run_until(c, now + SECOND);
        c->scheduler.places_max = 3000;
        create_gang(c, more);
        for (; count_bound(c) == 0; steps++) {
                assert_true(steps < 200);
                if (busy && steps % 3 == 0) {
                        (void) snprintf(name, sizeof(name), "p%u", steps);
                        create(c, name);
                }
                if (busy && steps == 17)
                        disturb(c);
                if (cluster_deadline(c) > now)
                        now += SECOND;
                assert_true(step_and_count_orders(c) <= 1);
        }
        assert_int_equal(count_bound(c), SHAPES * OF_EACH); /* all or none, after each step */
        assert_true(steps >= SHAPES * N_NODES / 4);
        assert_true(find_node(c, "v1")->sched.used.cpu <= 4000);
        assert_true(!busy || find_node(c, "v2")->sched.n_pods == 0);
        cluster_free(c);
}

static void test_a_gang_of_many_shapes(void **state _unused_) {
        try_gang("", false);
        try_gang("", true);
        try_gang(",\"topologySpreadConstraints\":[{\"maxSkew\":2,\"topologyKey\":\"kubernetes.io/hostname\",\"whenUnsatisfiable\":\"DoNotSchedule\","
                 "\"labelSelector\":{\"matchLabels\":{\"app\":\"g\"}}}]", false);
}

static void test_many_faults(void **state _unused_) {
        FaultSpec spec = { .kind = FAULT_STOP, .span = USEC_INFINITY };
        Cluster *c = cluster(3, N_NODES);
        FaultResult result;

        run_until(c, now + SECOND);
        result = inject(c, &spec);
        assert_int_equal(result.n_nodes, N_NODES);
        assert_true(settle(c, 3) >= N_NODES / 3);
        assert_int_equal(count(c, NODE_STOPPED), N_NODES);
        assert_int_equal(cluster_end_fault(c, now, result.name, NULL), 0);
        assert_true(settle(c, 3) >= N_NODES / 3);
        assert_int_equal(count(c, NODE_HEALTHY), N_NODES);
        cluster_free(c);
}

/* --- Owners of many pods: a look goes through some of them --- */

#define SET "{\"metadata\":{},\"spec\":{\"replicas\":%u,\"selector\":{\"matchLabels\":{\"app\":\"a\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"a\"}}," \
        "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}"
#define LABELLED "{\"metadata\":{\"labels\":{\"app\":\"%s\"}%s},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}"

static StoreEntry *put(Cluster *c, Kind kind, const char *key, const char *format, ...) _printf_(4, 5);
static StoreEntry *put(Cluster *c, Kind kind, const char *key, const char *format, ...) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        _cleanup_(object_unrefp) Object *o = NULL;
        StoreEntry *e = store_find(c->store, kind, key);
        char text[1024];
        Json *root;
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        assert_int_equal(json_tree_parse(&a, text, strlen(text), &root, NULL), 0);
        assert_int_equal(e ? cluster_update_object(c, now, e, root, false, &o, NULL) : cluster_create_object(c, now, kind, key, root, false, &o, NULL), 0);
        return store_find(c->store, kind, key);
}

static uint32_t pods_of(StoreEntry *set) {
        return timed_state(object_state(set))->pods.all;
}

static bool is_owned(Cluster *c, const char *pod) {
        return object_state(&find_pod(c, pod)->entry)->owner != NULL;
}

/* Pods that were there before are adopted before others are made, however many looks it takes; so is one that comes, or is changed, later. */
static void test_adoption(void **state _unused_) {
        Cluster *c = cluster(5, 4);
        StoreEntry *set;
        char name[16];

        for (unsigned i = 0; i < 40; i++) {
                (void) snprintf(name, sizeof(name), "p%u", i);
                (void) put(c, KIND_POD, name, LABELLED, i % 2 ? "a" : "other", "");
        }
        set = put(c, KIND_REPLICA_SET, "s", SET, 20u);
        assert_true(settle(c, UINT64_MAX) >= 4);
        assert_int_equal(pods_of(set), 20);
        assert_int_equal(store_count(c->store, KIND_POD), 40);

        (void) put(c, KIND_POD, "late", LABELLED, "a", "");
        set = put(c, KIND_REPLICA_SET, "s", SET, 21u);
        (void) settle(c, UINT64_MAX);
        assert_true(is_owned(c, "late"));
        (void) put(c, KIND_POD, "p0", LABELLED, "a", "");
        set = put(c, KIND_REPLICA_SET, "s", SET, 22u);
        (void) settle(c, UINT64_MAX);
        assert_true(is_owned(c, "p0"));
        assert_int_equal(store_count(c->store, KIND_POD), 41);
        cluster_free(c);
}

/* It lets go of those whose labels have changed, and of no others. */
static void test_release(void **state _unused_) {
        Cluster *c = cluster(5, 4);
        StoreEntry *set;
        char name[16];

        for (unsigned i = 0; i < 20; i++) {
                (void) snprintf(name, sizeof(name), "p%u", i);
                (void) put(c, KIND_POD, name, LABELLED, "a", "");
        }
        set = put(c, KIND_REPLICA_SET, "s", SET, 20u);
        (void) settle(c, UINT64_MAX);
        {
                _cleanup_edit_ Edit e = {};

                assert_int_equal(edit_begin(&e, c, &find_pod(c, "p7")->entry), 0);
                json_set_string(&e.arena, json_at(e.root, "metadata", "labels", NULL), "app", "b");
                assert_int_equal(edit_commit(&e), 1);
        }
        (void) settle(c, UINT64_MAX);
        assert_false(is_owned(c, "p7"));
        assert_int_equal(pods_of(set), 20);
        assert_int_equal(store_count(c->store, KIND_POD), 21);
        cluster_free(c);
}

/* Those that are missed least go: cheap ones, then the youngest. */
static void test_scaling_down(void **state _unused_) {
        Cluster *c = cluster(5, 4);
        char name[16];

        for (unsigned i = 0; i < 30; i++) {
                (void) snprintf(name, sizeof(name), "p%u", i);
                (void) put(c, KIND_POD, name, LABELLED, "a",
                           i == 3 ? ",\"annotations\":{\"controller.kubernetes.io/pod-deletion-cost\":\"-1\"}" :
                           i == 29 ? ",\"annotations\":{\"controller.kubernetes.io/pod-deletion-cost\":\"1\"}" : "");
        }
        (void) put(c, KIND_REPLICA_SET, "s", SET, 30u);
        run_until(c, now + 10 * SECOND);
        assert_int_equal(pod_of(find_pod(c, "p0"))->status, POD_RUNNING);
        (void) put(c, KIND_REPLICA_SET, "s", SET, 20u);
        assert_true(settle(c, UINT64_MAX) >= 6);
        run_until(c, now + 60 * SECOND);
        assert_int_equal(store_count(c->store, KIND_POD), 20);
        for (unsigned i = 0; i < 30; i++) {
                (void) snprintf(name, sizeof(name), "p%u", i);
                assert_true((find_pod(c, name) != NULL) == (i != 3 && (i < 20 || i == 29)));
        }
        cluster_free(c);
}

/* What goes with its owner or its namespace goes in steps. */
static void test_deleting_with_all(void **state _unused_) {
        Cluster *c = cluster(5, 4);
        StoreEntry *e;
        char name[24];

        for (unsigned i = 0; i < 40; i++) {
                (void) snprintf(name, sizeof(name), "p%u", i);
                (void) put(c, KIND_POD, name, LABELLED, "a", "");
        }
        e = put(c, KIND_REPLICA_SET, "s", SET, 40u);
        run_until(c, now + 10 * SECOND);
        assert_int_equal(pods_of(e), 40);
        assert_int_equal(cluster_delete_object(c, now, e, &(DeleteOptions) { .grace_seconds = -1, .propagation = PROPAGATION_FOREGROUND }, NULL), 0);
        assert_true(settle(c, 12) >= 8);
        run_until(c, now + 60 * SECOND);
        assert_null(store_find(c->store, KIND_REPLICA_SET, "s"));
        assert_int_equal(store_count(c->store, KIND_POD), 0);

        e = put(c, KIND_NAMESPACE, "team", "{\"metadata\":{},\"spec\":{\"finalizers\":[]}}");
        for (unsigned i = 0; i < 40; i++) {
                (void) snprintf(name, sizeof(name), "team/m%u", i);
                (void) put(c, KIND_CONFIG_MAP, name, "{\"metadata\":{}}");
        }
        (void) settle(c, UINT64_MAX);
        assert_int_equal(cluster_delete_object(c, now, e, &(DeleteOptions) { .grace_seconds = -1 }, NULL), 0);
        assert_true(settle(c, 12) >= 6);
        assert_null(store_find(c->store, KIND_NAMESPACE, "team"));
        cluster_free(c);
}

static unsigned count_ready(Cluster *c) {
        unsigned n = 0;

        for (StoreEntry *e = store_find_from(c->store, KIND_POD, NULL); e; e = store_following(e))
                n += pod_is_ready(pod_of(pod_state(e)));
        return n;
}

/* --- DaemonSets: a node is looked at when it, or a pod there, has changed --- */

#define DAEMONS "{\"metadata\":{},\"spec\":{\"selector\":{\"matchLabels\":{\"app\":\"d\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"d\"}}," \
        "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"%s\"}]}},\"updateStrategy\":{\"type\":\"RollingUpdate\",\"rollingUpdate\":{%s}}}}"

static int64_t count_nodes(StoreEntry *set, unsigned flag) {
        return timed_state(object_state(set))->nodes->table.counts[flag];
}

static void test_daemons(void **state _unused_) {
        Cluster *c = cluster(3, N_NODES);
        StoreEntry *set, *pod;
        NodeState *ns;

        set = put(c, KIND_DAEMON_SET, "d", DAEMONS, "1", "\"maxUnavailable\":5");
        assert_true(settle(c, 20) >= N_NODES / turn_nodes(c));
        assert_int_equal(pods_of(set), N_NODES);
        run_until(c, now + 10 * SECOND);
        assert_int_equal(count_nodes(set, DAEMON_READY), N_NODES);
        assert_int_equal(count_nodes(set, FLAG_DIRTY), 0);

        pod = store_find_from(c->store, KIND_POD, NULL);
        assert_int_equal(cluster_delete_object(c, now, pod, &(DeleteOptions) { .grace_seconds = 0 }, NULL), 1);
        assert_int_equal(count_nodes(set, FLAG_DIRTY), 1);
        assert_int_equal(cluster_remove_node(c, now, "v3", NULL), 0);
        assert_int_equal(count_nodes(set, FLAG_DIRTY), 2);
        (void) settle(c, 20);
        assert_int_equal(count_nodes(set, FLAG_DIRTY), 0);
        assert_int_equal(count_nodes(set, DAEMON_CURRENT), N_NODES - 1);
        assert_int_equal(cluster_add_node(c, now, "new", 4000, &ns, NULL), 0);
        run_until(c, now + 10 * SECOND);
        assert_int_equal(count_nodes(set, DAEMON_READY), N_NODES);
        assert_int_equal(store_count(c->store, KIND_POD), N_NODES);

        assert_int_equal(cluster_stop_node(c, now, "new", NULL), 0); /* one that is closed, and has none */
        (void) settle(c, 20);
        assert_int_equal(count_nodes(set, DAEMON_DESIRED), N_NODES);
        assert_int_equal(count_nodes(set, DAEMON_CURRENT), N_NODES - 1);
        assert_int_equal(cluster_remove_node(c, now, "new", NULL), 0);
        (void) settle(c, 20);
        assert_int_equal(count_nodes(set, DAEMON_DESIRED), N_NODES - 1);
        assert_int_equal(cluster_add_node(c, now, "newer", 4000, &ns, NULL), 0); /* in its place */
        run_until(c, now + 10 * SECOND);
        assert_int_equal(count_nodes(set, DAEMON_READY), N_NODES);

        (void) put(c, KIND_DAEMON_SET, "d", DAEMONS, "2", "\"maxUnavailable\":5");
        for (usec_t end = now + 120 * SECOND; now < end; run_changing(c, now + 100 * USEC_PER_MSEC, 30))
                assert_true(count_nodes(set, DAEMON_AVAILABLE) >= N_NODES - 5 || count_nodes(set, FLAG_DIRTY) > 0);
        assert_int_equal(count_nodes(set, DAEMON_UPDATED), N_NODES);

        for (unsigned i = 4; i < 16; i++) { /* most of them: the others have other slots then */
                char name[16];

                (void) snprintf(name, sizeof(name), "v%u", i);
                assert_int_equal(cluster_remove_node(c, now, name, NULL), 0);
        }
        assert_true(c->scheduler.n_slots < N_NODES);
        run_until(c, now + 10 * SECOND);
        assert_int_equal(count_nodes(set, DAEMON_DESIRED), N_NODES - 12);
        assert_int_equal(count_nodes(set, DAEMON_READY), N_NODES - 12);
        assert_int_equal(store_count(c->store, KIND_POD), N_NODES - 12);
        cluster_free(c);
}

/* With maxSurge there are as many nodes with two, at most, and at no time one without a pod that is available. */
static void test_daemons_that_surge(void **state _unused_) {
        Cluster *c = cluster(3, N_NODES);
        StoreEntry *set = put(c, KIND_DAEMON_SET, "d", DAEMONS, "1", "\"maxUnavailable\":0,\"maxSurge\":5");
        uint32_t most = 0;

        run_until(c, now + 10 * SECOND);
        assert_int_equal(count_nodes(set, DAEMON_READY), N_NODES);
        set = put(c, KIND_DAEMON_SET, "d", DAEMONS, "2", "\"maxUnavailable\":0,\"maxSurge\":5");
        for (usec_t end = now + 120 * SECOND; cluster_deadline(c) < end;) {
                now = MAX(now, cluster_deadline(c));
                assert_int_equal(cluster_step(c, now), 0);
                assert_in_range(pods_of(set), N_NODES, N_NODES + 5);
                assert_true(timed_state(object_state(set))->pods.ready >= N_NODES);
                most = MAX(most, pods_of(set));
        }
        assert_int_equal(most, N_NODES + 5);
        assert_int_equal(count_nodes(set, DAEMON_UPDATED), N_NODES);
        assert_int_equal(store_count(c->store, KIND_POD), N_NODES);
        cluster_free(c);
}

static void remove_first_pod(Cluster *c) {
        StoreEntry *e = store_find_from(c->store, KIND_POD, NULL);

        assert_int_equal(cluster_delete_object(c, now, e, &(DeleteOptions) { .grace_seconds = 0 }, NULL), 1);
}

#define STATEFUL "{\"metadata\":{},\"spec\":{\"replicas\":%u,\"podManagementPolicy\":\"%s\",\"ordinals\":{\"start\":%u},\"updateStrategy\":{\"type\":\"%s\"}," \
        "\"selector\":{\"matchLabels\":{\"app\":\"a\"}},\"template\":{\"metadata\":{\"labels\":{\"app\":\"a\"}}," \
        "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"%s\"}]}}}}"

static int64_t count_ordinals(StoreEntry *set, unsigned flag) {
        return timed_state(object_state(set))->ordinals->table.counts[flag];
}

/* A StatefulSet of very many pods looks at those that have changed, and makes and removes so many in each step. */
static void test_ordinals(void **state _unused_) {
        Cluster *c = cluster(20, N_NODES);
        StoreEntry *set;

        set = put(c, KIND_STATEFUL_SET, "s", STATEFUL, 1500u, "Parallel", 0u, "RollingUpdate", "i");
        run_changing(c, now + 10 * SECOND, 150);
        assert_int_equal(timed_state(object_state(set))->pods.ready, 1500);
        assert_int_equal(count_ordinals(set, STATEFUL_AVAILABLE), 1500);
        assert_int_equal(count_ordinals(set, FLAG_DIRTY), 0);
        for (unsigned i = 0; i < 2; i++) {
                remove_first_pod(c);
                assert_int_equal(count_ordinals(set, FLAG_DIRTY), 1);
                (void) settle(c, 150);
                assert_int_equal(pods_of(set), 1500);
        }
        run_until(c, now + 10 * SECOND);
        (void) put(c, KIND_STATEFUL_SET, "s", STATEFUL, 100u, "Parallel", 50u, "RollingUpdate", "i");
        run_changing(c, now + 60 * SECOND, 150);
        assert_int_equal(store_count(c->store, KIND_POD), 100);
        assert_null(find_pod(c, "s-49"));
        assert_non_null(find_pod(c, "s-50"));
        assert_non_null(find_pod(c, "s-149"));
        assert_int_equal(count_ordinals(set, STATEFUL_CONDEMNED), 0);

        (void) put(c, KIND_STATEFUL_SET, "s", STATEFUL, 2u, "OrderedReady", 3000000u, "RollingUpdate", "i"); /* none that was there stays */
        run_until(c, now + 300 * SECOND);
        assert_int_equal(store_count(c->store, KIND_POD), 2);
        assert_non_null(find_pod(c, "s-3000001"));
        cluster_free(c);
}

#define OF_JOB "{\"metadata\":{\"finalizers\":[\"batch.kubernetes.io/job-tracking\"],\"annotations\":{\"kubesim.io/duration\":\"1s\"}%s}," \
        "\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}"
#define JOB "{\"metadata\":{},\"spec\":{\"parallelism\":1,\"completions\":1000,\"suspend\":true,\"selector\":{\"matchLabels\":{\"app\":\"j\"}},\"template\":" \
        "{\"metadata\":{\"labels\":{\"app\":\"j\"}},\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}%s}"

/* A Job that has come to own 300 pods that have succeeded. */
static StoreEntry *make_job_of_ended(Cluster *c) {
        char name[16], uid[UUID_STRING_MAX], more[256];
        StoreEntry *job;

        for (unsigned i = 0; i < 300; i++) {
                (void) snprintf(name, sizeof(name), "p%03u", i);
                put(c, KIND_POD, name, OF_JOB, "");
        }
        run_until(c, now + 20 * SECOND);
        assert_int_equal(pod_of(find_pod(c, "p299"))->status, POD_SUCCEEDED);
        job = put(c, KIND_JOB, "j", JOB, "");
        (void) snprintf(more, sizeof(more), ",\"ownerReferences\":[{\"apiVersion\":\"batch/v1\",\"kind\":\"Job\",\"name\":\"j\",\"uid\":\"%s\",\"controller\":true}]",
                        uuid_to_string(job->object->uid, uid));
        for (unsigned i = 0; i < 300; i++) {
                (void) snprintf(name, sizeof(name), "p%03u", i);
                put(c, KIND_POD, name, OF_JOB, more);
        }
        return job;
}

/* The status names a pod that could not be let go of, and more others have ended than a look lets go of: it counts once all the same. */
static void test_a_pod_counts_once(void **state _unused_) {
        Cluster *c = cluster(0, N_NODES);
        StoreEntry *job = make_job_of_ended(c);
        char uid[UUID_STRING_MAX], more[256];

        (void) snprintf(more, sizeof(more), ",\"status\":{\"uncountedTerminatedPods\":{\"succeeded\":[\"%s\"]}}", uuid_to_string(find_pod(c, "p299")->entry.object->uid, uid));
        put(c, KIND_JOB, "j", JOB, more);
        run_until(c, now + 20 * SECOND);
        assert_non_null(strstr(job->object->doc->status, "\"succeeded\":300"));
        cluster_free(c);
}

/* The disk has that the status names pods, but not that they were let go of: they are held again, behind others, and count once. */
static void test_a_job_and_an_undo(void **state _unused_) {
        Cluster *c = cluster(0, N_NODES);
        StoreEntry *job = make_job_of_ended(c);

        while (!strstr(job->object->doc->status, "{\"succeeded\":[\""))
                assert_int_equal(cluster_step(c, now), 0);
        store_set_durable(c->store, job->object->revision);
        assert_true(store_revision(c->store) > store_durable(c->store) + 100);
        assert_int_equal(cluster_undo(c, now), 0);
        run_until(c, now + 20 * SECOND);
        assert_non_null(strstr(job->object->doc->status, "\"succeeded\":300"));
        cluster_free(c);
}

#define MANY "{\"metadata\":{},\"spec\":{\"parallelism\":%u,\"completions\":200,\"completionMode\":\"%s\",\"selector\":{\"matchLabels\":{\"app\":\"j\"}},\"template\":" \
        "{\"metadata\":{\"labels\":{\"app\":\"j\"}},\"spec\":{\"restartPolicy\":\"Never\",\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}}}"

static unsigned count_unchecked(StoreEntry *set) {
        ObjectState *s = object_state(set);
        unsigned n = 0;

        for (ListLink *l = timed_state(s)->unchecked; l && l != &s->dependents; l = l->next)
                n++;
        return n;
}

/* A Job of very many pods looks at those that have come and ended, makes, counts and removes so many in each step. */
static void run_job(const char *mode) {
        Cluster *c = cluster(20, N_NODES);
        StoreEntry *job = put(c, KIND_JOB, "j", MANY, 100u, mode);
        const JobTally *t;

        (void) settle(c, 60);
        t = timed_state(object_state(job))->job;
        assert_int_equal(pods_of(job), 100);
        assert_int_equal(t->n, streq(mode, "Indexed") ? 200 : 0);
        (void) put(c, KIND_JOB, "j", MANY, 50u, mode);
        (void) settle(c, 60);
        assert_int_equal(pods_of(job), 50);
        run_changing(c, now + 60 * SECOND, 60);
        t = timed_state(object_state(job))->job;
        assert_non_null(strstr(job->object->doc->status, "\"succeeded\":200"));
        assert_non_null(strstr(job->object->doc->status, "\"Complete\""));
        assert_int_equal(count_unchecked(job), 0);
        for (size_t i = 0; i < t->n; i++)
                assert_int_equal(t->running[i], 0);
        cluster_free(c);
}

static void test_jobs(void **state _unused_) {
        run_job("NonIndexed");
        run_job("Indexed");
}

/* What is kept of a selector goes with the spec that it was read from. */
static void test_kept_selectors(void **state _unused_) {
        Cluster *c = cluster(0, 1);
        const Object *pod = put(c, KIND_POD, "p", LABELLED, "a", "")->object;
        StoreEntry *e;

        for (unsigned i = 0; i < 4; i++) {
                e = put(c, KIND_SERVICE, "x", "{\"metadata\":{},\"spec\":{\"selector\":{\"app\":\"%s\"}}}", i % 2 == 0 ? "a" : "b");
                assert_true(selects(object_state(e), pod) == (i % 2 == 0));
                assert_ptr_equal(selector_kept(object_state(e)), selector_kept(object_state(e)));
                e = put(c, KIND_POD_DISRUPTION_BUDGET, "x", "{\"metadata\":{},\"spec\":{\"maxUnavailable\":0,\"selector\":{\"matchLabels\":{\"app\":\"%s\"}}}}",
                        i % 2 == 0 ? "a" : "b");
                assert_true(selects(object_state(e), pod) == (i % 2 == 0));
        }
        cluster_free(c);
}

static size_t count_events(Cluster *c, const char *text, const char *more) {
        size_t n = 0;

        for (StoreEntry *e = store_find_from(c->store, KIND_EVENT, NULL); e; e = store_following(e))
                n += strstr(e->object->doc->rest, text) && strstr(e->object->doc->rest, more);
        return n;
}

/* Of two hundred pods of an owner nine are told one by one and the others together, twenty-five times in all, and then once in five minutes. */
static void test_much_that_is_alike(void **state _unused_) {
        Cluster *c = cluster(0, N_NODES);

        (void) put(c, KIND_REPLICA_SET, "s", SET, 200u);
        run_until(c, now + 10 * SECOND);
        assert_int_equal(count_events(c, "\"SuccessfulCreate\"", "\"message\":\"Created pod: s-"), 9);
        assert_int_equal(count_events(c, "\"SuccessfulCreate\"", "\"message\":\"(combined from similar events): Created pod: s-"), 1);
        assert_int_equal(count_events(c, "\"SuccessfulCreate\"", "\"count\":16,"), 1);
        remove_first_pod(c);
        run_until(c, now + 10 * SECOND);
        assert_int_equal(count_events(c, "\"SuccessfulCreate\"", "\"count\":16,"), 1);
        run_until(c, now + 300 * SECOND);
        remove_first_pod(c);
        remove_first_pod(c);
        run_until(c, now + 10 * SECOND);
        assert_int_equal(count_events(c, "\"SuccessfulCreate\"", "\"count\":17,"), 1);
        run_until(c, now + 3600 * SECOND);
        remove_first_pod(c);
        run_until(c, now + 10 * SECOND);
        assert_int_equal(count_events(c, "\"SuccessfulCreate\"", "\"message\":\"Created pod: s-"), 10);
        cluster_free(c);
}

/* Each pod is written once when its node is lost and once when it is back, those of a node or two in one step. */
static void test_pods_of_lost_nodes(void **state _unused_) {
        FaultSpec spec = { .kind = FAULT_HANG, .span = 30 * SECOND };
        uint64_t before;
        char name[16];
        Cluster *c;

        node_loss = NODE_LOSS_KUBERNETES;
        c = cluster(3, N_NODES);
        for (unsigned i = 0; i < 3 * N_NODES; i++) {
                (void) snprintf(name, sizeof(name), "p%u", i);
                create(c, name);
        }
        run_until(c, now + 10 * SECOND);
        assert_int_equal(count_ready(c), 3 * N_NODES);
        before = store_revision(c->store);
        (void) inject(c, &spec);
        run_changing(c, now + 25 * SECOND, 3 + 2 * (1 + 3));
        assert_int_equal(count(c, NODE_HEALTHY), 0);
        assert_int_equal(count_ready(c), 0);
        assert_int_equal(store_revision(c->store) - before, 1 + N_NODES + 3 * N_NODES); /* the fault, and each of them once */

        /* One that is deleted now waits for its node; without grace it is gone. */
        assert_int_equal(cluster_remove_pod(c, now, "p0", NULL), 0);
        assert_int_equal(pod_of(find_pod(c, "p0"))->status, POD_TERMINATING);
        assert_int_equal(cluster_remove_pod(c, now, "p1", NULL), 0);
        assert_int_equal(pod_remove(c, find_pod(c, "p1"), 0, POD_DISRUPTION_NONE), 1);
        assert_null(find_pod(c, "p1"));

        run_until(c, now + 15 * SECOND);
        assert_int_equal(count(c, NODE_HEALTHY), N_NODES);
        assert_int_equal(count_ready(c), 3 * N_NODES - 2);
        assert_true(pod_ready_since(pod_of(find_pod(c, "p2"))) > pod_of(find_pod(c, "p2"))->started + 20 * SECOND);
        assert_null(find_pod(c, "p0"));
        cluster_free(c);
        node_loss = NODE_LOSS_KUBESIM;
}

/* A change of a pod that the disk refuses is made again. */
static void test_lost_pods_and_an_undo(void **state _unused_) {
        FaultSpec spec = { .kind = FAULT_HANG, .span = USEC_INFINITY };
        Cluster *c;

        node_loss = NODE_LOSS_KUBERNETES;
        c = cluster(0, 1);
        create(c, "p");
        run_until(c, now + 10 * SECOND);
        (void) inject(c, &spec);
        run_until(c, now + 20 * SECOND);
        assert_true(pod_of(find_pod(c, "p"))->lost);
        store_set_durable(c->store, pod_of(find_pod(c, "p"))->object.revision - 1); /* that its node is lost, but no more */
        assert_int_equal(cluster_undo(c, now), 0);
        assert_false(pod_of(find_pod(c, "p"))->lost);
        (void) settle(c, UINT64_MAX);
        assert_int_equal(count(c, NODE_HEALTHY), 0);
        assert_true(pod_of(find_pod(c, "p"))->lost);
        cluster_free(c);
        node_loss = NODE_LOSS_KUBESIM;
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_many_silent_nodes),
                cmocka_unit_test(test_daemons),
                cmocka_unit_test(test_daemons_that_surge),
                cmocka_unit_test(test_ordinals),
                cmocka_unit_test(test_a_pod_counts_once),
                cmocka_unit_test(test_kept_selectors), cmocka_unit_test(test_much_that_is_alike),
                cmocka_unit_test(test_jobs), cmocka_unit_test(test_a_job_and_an_undo),
                cmocka_unit_test(test_many_pods_that_wait),
                cmocka_unit_test(test_a_new_class),
                cmocka_unit_test(test_a_class_that_was_forgotten),
                cmocka_unit_test(test_a_gang_of_many_shapes), cmocka_unit_test(test_many_faults),
                cmocka_unit_test(test_adoption),
                cmocka_unit_test(test_release),
                cmocka_unit_test(test_scaling_down),
                cmocka_unit_test(test_deleting_with_all),
                cmocka_unit_test(test_pods_of_lost_nodes),
                cmocka_unit_test(test_lost_pods_and_an_undo),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
