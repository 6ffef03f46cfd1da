/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of the pods of a node that is lost, with either NodeLossPolicy=, where something else goes wrong meanwhile. */
#include "tests/lib/test.h"

#include <stdio.h>

#include "basic/string-util.h"
#include "core/control/faults.h"
#include "core/control/nodes.h"
#include "core/control/objects.h"
#include "core/control/pods.h"

#define SECOND USEC_PER_SEC

static usec_t now;

static Cluster *cluster(NodeLossPolicy policy, unsigned n_nodes) {
        static const uint64_t secret[2] = { 1, 2 };
        const ClusterConfig config = {
                .node_loss = policy, .node_timeout_usec = 15 * SECOND, .remove_after_usec = USEC_PER_HOUR, .heartbeat_interval_usec = 5 * SECOND,
                .stop_grace_usec = 5 * SECOND, .nodes_max = 10, .pods_max = 10, .pods_per_node_max = 110, .objects_max = 1000, .node_cpu_max = 1024000,
                .watch_log_max = 1000, .event_log_max = 1000, .backoff_initial_usec = SECOND, .backoff_max_usec = SECOND, .algorithm = "first-fit",
        };
        NodeState *ns;
        char name[16];
        Cluster *c;

        now = 1000 * SECOND;
        assert_int_equal(cluster_new(&config, 1, secret, &c), 0);
        cluster_set_clock(c, 0);
        assert_int_equal(cluster_loaded(c, now, 0, 0), 0);
        for (unsigned i = 0; i < n_nodes; i++) {
                (void) snprintf(name, sizeof(name), "n%u", i);
                assert_int_equal(cluster_add_node(c, now, name, 4000, &ns, NULL), 0);
        }
        return c;
}

static void create(Cluster *c, const char *name, const char *spec, const char *duration) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        char text[1024];
        Object *o;
        Json *root;

        (void) snprintf(text, sizeof(text), "{\"metadata\":{\"annotations\":{\"kubesim.io/duration\":\"%s\",\"kubesim.io/exit-code\":\"3\"}},"
                        "\"spec\":{%s\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}", duration, spec);
        assert_int_equal(json_tree_parse(&a, text, strlen(text), &root, NULL), 0);
        assert_int_equal(cluster_create_object(c, now, KIND_POD, name, root, false, &o, NULL), 0);
        object_unref(o);
}

static const Pod *pod(Cluster *c, const char *name) {
        return pod_of(find_pod(c, name));
}

/* Everything that is due until then. */
static void run(Cluster *c, usec_t span) {
        usec_t end = now + span;

        for (; cluster_deadline(c) <= end; now = MAX(now, cluster_deadline(c)))
                assert_int_equal(cluster_step(c, now), 0);
        now = end;
}

static bool is_first(const Object *node, void *userdata _unused_) {
        return streq(node->name, "n0");
}

static void lose(Cluster *c, FaultKind kind, usec_t span) {
        const FaultSpec spec = { .kind = kind, .span = span };
        FaultChoice chosen = { .wants = is_first };
        FaultResult result;
        int r;

        while ((r = fault_choose(c, &chosen)) > 0)
                ;
        assert_int_equal(r, 0);
        assert_int_equal(cluster_inject_fault(c, now, &spec, &chosen, &result, NULL), 0);
        fault_choice_done(&chosen);
}

/* That the node is lost is on disk, but not that its pods have left it. */
static void test_a_disk_refuses_that_pods_leave(void **state _unused_) {
        static const FaultKind kinds[] = { FAULT_HANG, FAULT_STOP };

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                Cluster *c = cluster(NODE_LOSS_KUBESIM, 2);

                create(c, "p", "", "1h");
                run(c, 10 * SECOND);
                assert_string_equal(pod(c, "p")->node, "n0");
                lose(c, kinds[i], USEC_INFINITY);
                while (streq(pod(c, "p")->node, "n0"))
                        run(c, SECOND);
                assert_string_equal(pod(c, "p")->node, "n1");
                store_set_durable(c->store, find_node(c, "n0")->entry.object->revision);
                assert_int_equal(cluster_undo(c, now), 0);
                assert_string_equal(pod(c, "p")->node, "n0");
                run(c, SECOND);
                assert_string_equal(pod(c, "p")->node, "n1");
                cluster_free(c);
        }
}

/* A node that nobody hears of says when it is back how its containers have ended, be it that they run or wait to run again. */
static void test_containers_end_unheard(void **state _unused_) {
        Cluster *c = cluster(NODE_LOSS_KUBERNETES, 1);

        create(c, "once", "\"restartPolicy\":\"Never\",", "35s");
        create(c, "again", "\"restartPolicy\":\"Always\",", "10s");
        run(c, 13 * SECOND);
        lose(c, FAULT_HANG, 40 * SECOND);
        run(c, 10 * SECOND);
        assert_int_equal(pod(c, "again")->status, POD_BACKOFF);
        run(c, 25 * SECOND);
        assert_int_equal(pod(c, "once")->status, POD_RUNNING);
        assert_false(pod_is_ready(pod(c, "once")));
        assert_int_equal(pod(c, "again")->status, POD_BACKOFF);
        assert_int_equal(pod(c, "again")->restarts, 1);
        run(c, 8 * SECOND);
        assert_int_equal(pod(c, "once")->status, POD_FAILED);
        assert_int_equal(pod(c, "again")->restarts, 2);
        cluster_free(c);
}

#define BEARS(seconds) "\"tolerations\":[{\"key\":\"node.kubernetes.io/unreachable\",\"operator\":\"Exists\",\"effect\":\"NoExecute\"," \
        "\"tolerationSeconds\":" #seconds "}],"

/* Neither an undo nor a node that was lost before the pod came to it spares the pod. */
static void test_whoever_is_to_go_goes(void **state _unused_) {
        Cluster *c = cluster(NODE_LOSS_KUBERNETES, 1);
        uint64_t revision;

        create(c, "p", BEARS(10), "1h");
        run(c, 10 * SECOND);
        lose(c, FAULT_HANG, USEC_INFINITY);
        while (pod(c, "p")->deleted == 0)
                run(c, SECOND);
        revision = pod(c, "p")->object.revision;
        store_set_durable(c->store, revision - 1);
        assert_int_equal(cluster_undo(c, now), 0);
        assert_int_equal(pod(c, "p")->deleted, 0);
        run(c, 2 * SECOND);
        assert_int_equal(pod(c, "p")->status, POD_TERMINATING);

        store_set_durable(c->store, store_revision(c->store)); /* that it goes with its node, but not that either has gone */
        assert_int_equal(pod_remove(c, find_pod(c, "p"), 0, POD_DISRUPTION_NONE), 1);
        create(c, "late", BEARS(10) "\"nodeName\":\"n0\",", "1h");
        store_set_durable(c->store, store_revision(c->store));
        assert_int_equal(cluster_remove_node(c, now, "n0", NULL), 0);
        assert_int_equal(cluster_undo(c, now), 0);
        assert_string_equal(pod(c, "late")->node, "n0");
        run(c, 12 * SECOND);
        assert_int_equal(pod(c, "late")->status, POD_TERMINATING);
        cluster_free(c);
}

static unsigned count_events(Cluster *c, EventReason reason) {
        const Event *e;
        unsigned n = 0;

        for (uint64_t after = 0; (e = event_log_next(c->events, after)); after = e->number)
                n += e->reason == reason;
        return n;
}

/* Each that was to go hears once that it goes, or that it does not. */
static void test_what_the_taint_manager_says(void **state _unused_) {
        Cluster *c = cluster(NODE_LOSS_KUBERNETES, 1);

        create(c, "soon", BEARS(10), "1h");
        create(c, "later", BEARS(60), "1h");
        create(c, "never", "\"tolerations\":[{\"operator\":\"Exists\"}],", "1h");
        run(c, 10 * SECOND);
        lose(c, FAULT_HANG, 50 * SECOND);
        run(c, 40 * SECOND);
        assert_int_equal(count_events(c, EVENT_POD_EVICTED), 1);
        assert_int_equal(count_events(c, EVENT_POD_SPARED), 0);
        assert_int_equal(count_events(c, EVENT_POD_TERMINATING), 0); /* its node has nothing to say */
        run(c, 20 * SECOND);
        assert_int_equal(count_events(c, EVENT_POD_EVICTED), 1);
        assert_int_equal(count_events(c, EVENT_POD_SPARED), 1);
        assert_null(find_pod(c, "soon"));
        assert_true(pod_is_ready(pod(c, "later")));
        cluster_free(c);
}

static void taint(Cluster *c, const char *name) {
        static const char text[] = "[{\"key\":\"k\",\"effect\":\"NoExecute\"}]";
        _cleanup_edit_ Edit edit = {};
        StoreEntry *e = store_find(c->store, KIND_NODE, name);
        Object *o;
        Json *taints;

        assert_int_equal(edit_begin(&edit, c, e), 0);
        assert_int_equal(json_tree_parse(&edit.arena, json_arena_copy(&edit.arena, text, strlen(text)), strlen(text), &taints, NULL), 0);
        json_set(&edit.arena, json_ensure(&edit.arena, edit.root, "spec", JSON_OBJECT), "taints", taints);
        assert_int_equal(cluster_update_object(c, now, e, edit.root, false, &o, NULL), 0);
        object_unref(o);
}

/* How often a pod of these tolerations moves in 95 s, with two nodes that are tainted. */
static unsigned count_moves(const char *tolerations) {
        Cluster *c = cluster(NODE_LOSS_KUBESIM, 0);
        unsigned n;

        create(c, "p", tolerations, "1h");
        for (unsigned i = 0; i < 2; i++) {
                _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
                char text[] = "{\"metadata\":{},\"spec\":{},\"status\":{\"capacity\":{\"cpu\":\"4\"}}}";
                Object *o;
                Json *root;

                assert_int_equal(json_tree_parse(&a, text, strlen(text), &root, NULL), 0);
                assert_int_equal(cluster_create_object(c, now, KIND_NODE, i == 0 ? "n0" : "n1", root, false, &o, NULL), 0);
                object_unref(o);
                taint(c, i == 0 ? "n0" : "n1");
        }
        run(c, 95 * SECOND);
        n = count_events(c, EVENT_POD_MOVED);
        cluster_free(c);
        return n;
}

#define BEARS_K(seconds) "\"tolerations\":[{\"key\":\"k\",\"operator\":\"Exists\",\"tolerationSeconds\":" #seconds ",\"effect\":\"NoExecute\"}],"

/* A pod that has to leave one tainted node for another bears with that, too, before it goes on; for a second, if it says for no time. */
static void test_from_one_tainted_node_to_the_next(void **state _unused_) {
        unsigned n = count_moves(BEARS_K(10));

        assert_true(n >= 8 && n <= 9);
        n = count_moves(BEARS_K(0));
        assert_true(n >= 80 && n <= 95);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_a_disk_refuses_that_pods_leave),
                cmocka_unit_test(test_containers_end_unheard),
                cmocka_unit_test(test_whoever_is_to_go_goes),
                cmocka_unit_test(test_what_the_taint_manager_says),
                cmocka_unit_test(test_from_one_tainted_node_to_the_next),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
