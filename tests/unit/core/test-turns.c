/* SPDX-License-Identifier: Apache-2.0 */
/* A step does so much and leaves the rest to the next one, at once: nothing is lost in between. */
#include "tests/lib/test.h"

#include <stdio.h>

#include "basic/alloc-util.h"
#include "core/control/faults.h"
#include "core/control/nodes.h"
#include "core/control/objects.h"
#include "core/control/pods.h"
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
                .nodes_max = 10000, .pods_max = 1000, .pods_per_node_max = 110, .objects_max = 1000, .node_cpu_max = 1024000, .watch_log_max = 100000,
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

static void create(Cluster *c, const char *name) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        char *text = json_arena_copy(&a, POD, strlen(POD));
        Object *o;
        Json *root;

        assert_int_equal(json_tree_parse(&a, text, strlen(POD), &root, NULL), 0);
        assert_int_equal(cluster_create_object(c, now, KIND_POD, name, root, false, &o, NULL), 0);
        object_unref(o);
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

static uint32_t count(Cluster *c, NodeHealth h) {
        ClusterStats s;

        cluster_stats(c, &s);
        return s.nodes_by_health[h];
}

/* Steps that are slow are no stall: nodes whose turn comes late are given no fresh timeout. */
static void test_many_silent_nodes(void **state _unused_) {
        FaultSpec spec = { .kind = FAULT_HANG, .span = USEC_INFINITY, .wants = is_any };
        Cluster *c = cluster(3, N_NODES);
        FaultResult result;
        unsigned n = 0;

        run_until(c, now + 10 * SECOND);
        assert_int_equal(cluster_inject_fault(c, now, &spec, &result, NULL), 0);
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

static unsigned count_ready(Cluster *c) {
        unsigned n = 0;

        for (StoreEntry *e = store_find_from(c->store, KIND_POD, NULL); e; e = store_following(e))
                n += pod_is_ready(pod_of(pod_state(e)));
        return n;
}

/* Each pod is written once when its node is lost and once when it is back, those of a node or two in one step. */
static void test_pods_of_lost_nodes(void **state _unused_) {
        FaultSpec spec = { .kind = FAULT_HANG, .span = 30 * SECOND, .wants = is_any };
        uint64_t before;
        FaultResult result;
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
        assert_int_equal(cluster_inject_fault(c, now, &spec, &result, NULL), 0);
        run_changing(c, now + 25 * SECOND, 3 + 2 * (1 + 3));
        assert_int_equal(count(c, NODE_HEALTHY), 0);
        assert_int_equal(count_ready(c), 0);
        assert_int_equal(store_revision(c->store) - before, 1 + N_NODES + 3 * N_NODES); /* the fault, and each of them once */

        /* One that is deleted now waits for its node; without grace it is gone. */
        assert_int_equal(cluster_remove_pod(c, now, "p0", NULL), 0);
        assert_int_equal(pod_of(find_pod(c, "p0"))->status, POD_TERMINATING);
        assert_int_equal(cluster_remove_pod(c, now, "p1", NULL), 0);
        assert_int_equal(pod_remove(c, find_pod(c, "p1"), 0), 1);
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
        FaultSpec spec = { .kind = FAULT_HANG, .span = USEC_INFINITY, .wants = is_any };
        FaultResult result;
        Cluster *c;

        node_loss = NODE_LOSS_KUBERNETES;
        c = cluster(0, 1);
        create(c, "p");
        run_until(c, now + 10 * SECOND);
        assert_int_equal(cluster_inject_fault(c, now, &spec, &result, NULL), 0);
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
                cmocka_unit_test(test_many_pods_that_wait),
                cmocka_unit_test(test_a_new_class),
                cmocka_unit_test(test_a_class_that_was_forgotten),
                cmocka_unit_test(test_pods_of_lost_nodes),
                cmocka_unit_test(test_lost_pods_and_an_undo),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
