/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/test.h"

#include <stdio.h>

#include "basic/error.h"
#include "basic/string-util.h"
#include "core/control/faults.h"
#include "core/control/nodes.h"
#include "core/control/pods.h"
#include "core/model/codec.h"

#define SECOND USEC_PER_SEC
#define EPOCH (UINT64_C(1700000000) * USEC_PER_SEC)
#define N_NODES 20

static usec_t now;

static const ClusterConfig standard = {
        .node_timeout_usec = 15 * SECOND, .remove_after_usec = 30 * SECOND, .heartbeat_interval_usec = 5 * SECOND, .stop_grace_usec = 5 * SECOND,
        .nodes_max = 10000, .pods_max = 1000, .pods_per_node_max = 110, .objects_max = 1000, .node_cpu_max = 1024000,
        .watch_log_max = 100000, .event_log_max = 10000, .algorithm = "first-fit",
};

static Cluster *empty(void) {
        static const uint64_t secret[2] = { 1, 2 };
        Cluster *c;

        now = 1000 * SECOND;
        assert_int_equal(cluster_new(&standard, 1, secret, &c), 0);
        cluster_set_clock(c, (int64_t) EPOCH);
        assert_int_equal(cluster_loaded(c, now, 0, 0), 0);
        return c;
}

static Cluster *cluster(void) {
        Node *model;
        NodeBatch batch;
        Cluster *c = empty();

        assert_int_equal(node_new("model", &model), 0);
        model->cpu = 4000;
        batch = (NodeBatch) { .prefix = "v", .count = N_NODES, .model = model };
        assert_int_equal(cluster_add_nodes(c, now, &batch, NULL), 0);
        assert_int_equal(batch.n_added, N_NODES);
        node_unref(model);
        return c;
}

/* Lets time pass as the daemon does. */
static void run_until(Cluster *c, usec_t end) {
        while (cluster_deadline(c) <= end) {
                now = MAX(now, cluster_deadline(c));
                assert_true(cluster_step(c, now) >= 0);
        }
        now = end;
}

static bool is_below(const Object *node, void *userdata) {
        return strtol(node->name + 1, NULL, 10) < *(int*) userdata;
}

static FaultChoice choose(Cluster *c, int *below, bool faulty) {
        FaultChoice chosen = { .wants = is_below, .userdata = below, .faulty = faulty };

        assert_int_equal(fault_choose(c, &chosen), 0);
        return chosen;
}

static int inject_into(Cluster *c, const FaultSpec *spec, int below, FaultResult *ret, Error *reterr) {
        FaultChoice chosen = choose(c, &below, false);
        int r;

        r = cluster_inject_fault(c, now, spec, &chosen, ret, reterr);
        fault_choice_done(&chosen);
        return r;
}

static FaultResult inject(Cluster *c, FaultKind kind, usec_t span, int below, uint32_t count, uint64_t seed) {
        FaultSpec spec = { .kind = kind, .span = span, .count = count, .seed = seed };
        FaultResult result;

        assert_int_equal(inject_into(c, &spec, below, &result, NULL), 0);
        return result;
}

static uint32_t recover(Cluster *c, int below) {
        FaultChoice chosen = choose(c, &below, true);
        uint32_t n = chosen.n_nodes;

        assert_int_equal(cluster_recover_nodes(c, now, &chosen, NULL), 0);
        fault_choice_done(&chosen);
        return n;
}

static uint32_t hit_by(Cluster *c, const char *fault) {
        return ((const FaultState*) store_find(c->store, KIND_FAULT, fault))->n_nodes;
}

static NodeHealth health(Cluster *c, int i) {
        char name[16];

        (void) snprintf(name, sizeof(name), "v%d", i);
        assert_non_null(find_node(c, name));
        return node_of(find_node(c, name))->health;
}

static uint32_t count(Cluster *c, NodeHealth h) {
        ClusterStats s;

        cluster_stats(c, &s);
        return s.nodes_by_health[h];
}

static void test_hang(void **state _unused_) {
        Cluster *c = cluster();
        usec_t begun;
        PodState *ps;

        run_until(c, now + 10 * SECOND);
        assert_int_equal(cluster_create_pod(c, now, &(PodSpec) { .name = "p", .cpu = 1000, .duration = USEC_INFINITY }, &ps, NULL), 0);
        run_until(c, now + SECOND);
        assert_string_equal(pod_of(find_pod(c, "p"))->node, "v0");
        begun = now;
        assert_int_equal(inject(c, FAULT_HANG, 60 * SECOND, 5, 0, 0).n_nodes, 5);
        run_until(c, begun + 8 * SECOND);
        assert_int_equal(count(c, NODE_HEALTHY), N_NODES); /* nobody has missed them yet */
        assert_string_equal(pod_of(find_pod(c, "p"))->node, "v0");
        run_until(c, begun + 16 * SECOND);
        assert_int_equal(count(c, NODE_UNHEALTHY), 5);
        assert_string_equal(pod_of(find_pod(c, "p"))->node, "v5");
        run_until(c, begun + 59 * SECOND); /* longer than RemoveAfterSec= */
        assert_int_equal(count(c, NODE_UNHEALTHY), 5);
        run_until(c, begun + 61 * SECOND);
        assert_int_equal(count(c, NODE_HEALTHY), N_NODES);
        assert_int_equal(store_count(c->store, KIND_FAULT), 0);
        cluster_free(c);
}

static void test_stop(void **state _unused_) {
        Cluster *c = cluster();
        _cleanup_error_ Error e = ERROR_NULL;
        FaultResult result;
        usec_t begun = now;

        result = inject(c, FAULT_STOP, USEC_INFINITY, 3, 0, 0);
        run_until(c, begun + SECOND);
        assert_int_equal(count(c, NODE_STOPPED), 3);
        run_until(c, begun + 1000 * SECOND); /* for as long as nobody takes it back */
        assert_int_equal(count(c, NODE_STOPPED), 3);
        assert_int_equal(cluster_restart_node(c, now, "v1", &e), -ESTALE);
        assert_non_null(strstr(error_message(&e), result.name));
        assert_int_equal(cluster_end_fault(c, now, result.name, NULL), 0);
        assert_int_equal(cluster_end_fault(c, now, result.name, NULL), -ENOENT);
        run_until(c, now + SECOND);
        assert_int_equal(count(c, NODE_HEALTHY), N_NODES);
        cluster_free(c);
}

static void test_an_operator_stop_outlasts_a_fault(void **state _unused_) {
        Cluster *c = cluster();
        FaultResult result = inject(c, FAULT_HANG, USEC_INFINITY, 1, 0, 0);

        run_until(c, now + 20 * SECOND);
        assert_int_equal(cluster_stop_node(c, now, "v0", NULL), 0);
        assert_int_equal(cluster_end_fault(c, now, result.name, NULL), 0);
        run_until(c, now + 100 * SECOND);
        assert_int_equal(health(c, 0), NODE_STOPPED);
        assert_int_equal(cluster_restart_node(c, now, "v0", NULL), 0);
        run_until(c, now + SECOND);
        assert_int_equal(health(c, 0), NODE_HEALTHY);
        cluster_free(c);
}

static void test_slow(void **state _unused_) {
        Cluster *c = cluster();
        uint64_t beats = find_node(c, "v0")->n_beats;
        FaultSpec spec;
        FaultResult result;

        spec = (FaultSpec) { .kind = FAULT_SLOW, .span = USEC_INFINITY, .delay = 5 * SECOND };
        assert_int_equal(inject_into(c, &spec, 1, &result, NULL), 0);
        run_until(c, now + 100 * SECOND);
        beats = find_node(c, "v0")->n_beats - beats;
        assert_in_range(beats, 9, 12); /* half as many as others */
        assert_int_equal(health(c, 0), NODE_HEALTHY);
        assert_int_equal(cluster_end_fault(c, now, result.name, NULL), 0);
        run_until(c, now + SECOND);
        spec.delay = 30 * SECOND; /* later than the timeout */
        assert_int_equal(inject_into(c, &spec, 1, &result, NULL), 0);
        run_until(c, now + 25 * SECOND);
        assert_int_equal(health(c, 0), NODE_UNHEALTHY);
        run_until(c, now + 12 * SECOND);
        assert_int_equal(health(c, 0), NODE_HEALTHY);
        run_until(c, now + 20 * SECOND);
        assert_int_equal(health(c, 0), NODE_UNHEALTHY);
        cluster_free(c);
}

static void test_flap(void **state _unused_) {
        unsigned turns = 0, well = 0;
        Cluster *c = cluster();
        FaultResult result;
        bool was = true;
        FaultSpec spec = { .kind = FAULT_FLAP, .span = 100 * SECOND, .period = 10 * SECOND };

        assert_int_equal(inject_into(c, &spec, N_NODES, &result, NULL), 0);
        for (unsigned i = 0; i < 98; i++) {
                run_until(c, now + SECOND);
                turns += was != (health(c, 7) == NODE_HEALTHY);
                was = health(c, 7) == NODE_HEALTHY;
                well += count(c, NODE_HEALTHY);
        }
        assert_in_range(turns, 8, 11);
        assert_in_range(well, 98 * N_NODES * 40 / 100, 98 * N_NODES * 60 / 100); /* half of them at any time, not all in step */
        run_until(c, now + 3 * SECOND);
        assert_int_equal(count(c, NODE_HEALTHY), N_NODES);
        cluster_free(c);
}

static void names_of(Cluster *c, bool *hit) {
        for (int i = 0; i < N_NODES; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "v%d", i);
                hit[i] = find_node(c, name)->fault;
        }
}

static void test_by_lot(void **state _unused_) {
        bool first[N_NODES], again[N_NODES], other[N_NODES];
        unsigned ever[N_NODES] = {};
        Cluster *c = cluster();

        for (uint64_t seed = 0; seed < 200; seed++) {
                FaultResult result = inject(c, FAULT_HANG, USEC_INFINITY, N_NODES, 5, seed);

                assert_int_equal(result.n_nodes, 5);
                names_of(c, seed == 0 ? first : other);
                for (int i = 0; i < N_NODES; i++)
                        ever[i] += (seed == 0 ? first : other)[i];
                assert_int_equal(cluster_end_fault(c, now, result.name, NULL), 0);
        }
        (void) inject(c, FAULT_HANG, USEC_INFINITY, N_NODES, 5, 0);
        names_of(c, again);
        assert_memory_equal(first, again, sizeof(first)); /* the same lot hits the same */
        for (int i = 0; i < N_NODES; i++)
                assert_in_range(ever[i], 25, 80); /* and each is hit in its turn: 50 of 200 */
        assert_int_equal(inject(c, FAULT_HANG, USEC_INFINITY, N_NODES, 100, 0).n_nodes, 15); /* all that are left */
        cluster_free(c);
}

static void test_recover_some(void **state _unused_) {
        Cluster *c = cluster();
        _cleanup_error_ Error e = ERROR_NULL;
        FaultSpec spec = { .kind = FAULT_STOP, .span = USEC_INFINITY };
        FaultResult result, nothing;
        FaultChoice chosen;
        int below = 10;

        result = inject(c, FAULT_HANG, USEC_INFINITY, 10, 0, 0);
        chosen = choose(c, &below, false);
        assert_int_equal(cluster_inject_fault(c, now, &spec, &chosen, &nothing, &e), -ENOENT);
        assert_int_equal(chosen.n_faulty, 10);
        fault_choice_done(&chosen);
        run_until(c, now + 20 * SECOND);
        assert_int_equal(recover(c, 4), 4);
        assert_int_equal(hit_by(c, result.name), 6);
        run_until(c, now + SECOND);
        assert_int_equal(count(c, NODE_UNHEALTHY), 6);
        assert_int_equal(cluster_remove_node(c, now, "v9", NULL), 0);
        assert_int_equal(hit_by(c, result.name), 5);
        assert_int_equal(recover(c, 100), 5);
        assert_int_equal(store_count(c->store, KIND_FAULT), 0); /* there is nothing left of it */
        cluster_free(c);
}

/* Some nodes are looked at in a turn; when a fault begins or ends meanwhile, all are looked at again. */
static void test_choose_in_turns(void **state _unused_) {
        int all = N_NODES;
        FaultChoice chosen = { .wants = is_below, .userdata = &all };
        FaultSpec spec = { .kind = FAULT_STOP, .span = USEC_INFINITY };
        Cluster *c = cluster();
        unsigned turns = 0;
        FaultResult result;

        c->config.turn_max = 6;
        assert_int_equal(fault_choose(c, &chosen), 1);
        assert_int_equal(chosen.n_nodes, 6);
        c->config.turn_max = 0;
        (void) inject(c, FAULT_HANG, USEC_INFINITY, 3, 0, 0);
        c->config.turn_max = 6;
        assert_int_equal(cluster_remove_node(c, now, "v10", NULL), 0); /* before it comes there */
        for (; fault_choose(c, &chosen) > 0; turns++)
                assert_int_equal(cluster_inject_fault(c, now, &spec, &(FaultChoice) { .version = chosen.version + 1 }, &result, NULL), -EAGAIN);
        assert_int_equal(turns, 3);
        assert_int_equal(chosen.n_nodes, N_NODES - 4);
        assert_int_equal(chosen.n_faulty, 3);
        assert_int_equal(cluster_remove_node(c, now, "v11", NULL), 0); /* after that */
        assert_int_equal(cluster_inject_fault(c, now, &spec, &chosen, &result, NULL), 0);
        assert_int_equal(result.n_nodes, N_NODES - 5);
        assert_int_equal(cluster_inject_fault(c, now, &spec, &chosen, &result, NULL), -EAGAIN); /* they have it */
        fault_choice_done(&chosen);
        cluster_free(c);
}

/* As after a crash: all objects written, read again, loaded into another cluster. */
static Cluster *reload(Cluster *c) {
        uint64_t revision = store_revision(c->store), last_id = store_last_id(c->store);
        static const uint64_t secret[2] = { 1, 2 };
        Cluster *d;

        assert_int_equal(cluster_new(&standard, 1, secret, &d), 0);
        cluster_set_clock(d, (int64_t) EPOCH);
        for (uint64_t id = 1; id <= last_id; id++)
                for (Kind k = 0; k < _KIND_MAX; k++) {
                        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
                        _cleanup_error_ Error e = ERROR_NULL;
                        StoreEntry *entry;
                        size_t hint = 0;
                        Object *o;

                        entry = store_next(c->store, k, id - 1, &hint);
                        if (!entry || entry->object->id != id)
                                continue;
                        object_encode(entry->object, &b);
                        assert_int_equal(strbuf_error(&b), 0);
                        assert_int_equal(object_decode(k, b.data, b.size, &o, &e), 0);
                        o->id = id;
                        o->revision = entry->object->revision;
                        assert_int_equal(cluster_load(d, o), 0);
                        object_unref(o);
                }
        assert_int_equal(cluster_loaded(d, now, revision, last_id), 0);
        cluster_free(c);
        return d;
}

static void test_restart(void **state _unused_) {
        Cluster *c = cluster();
        usec_t begun = now;

        (void) inject(c, FAULT_HANG, 40 * SECOND, 5, 0, 0);
        (void) inject(c, FAULT_STOP, 60 * SECOND, 8, 0, 0);
        run_until(c, begun + 5 * SECOND);
        c = reload(c);
        run_until(c, begun + 25 * SECOND);
        assert_int_equal(count(c, NODE_UNHEALTHY), 5);
        assert_int_equal(count(c, NODE_STOPPED), 3);
        c = reload(c);
        run_until(c, begun + 41 * SECOND);
        assert_int_equal(count(c, NODE_HEALTHY), N_NODES - 3);
        run_until(c, begun + 61 * SECOND);
        assert_int_equal(count(c, NODE_HEALTHY), N_NODES);
        cluster_free(c);
}

static void test_undo(void **state _unused_) {
        Cluster *c = cluster();
        FaultResult result;

        store_set_durable(c->store, store_revision(c->store));
        result = inject(c, FAULT_HANG, USEC_INFINITY, 5, 0, 0);
        assert_int_equal(cluster_undo(c, now), 0);
        assert_null(find_node(c, "v0")->fault);
        assert_null(store_find(c->store, KIND_FAULT, result.name));
        (void) inject(c, FAULT_HANG, USEC_INFINITY, 5, 0, 0);
        store_set_durable(c->store, store_revision(c->store));
        assert_int_equal(cluster_remove_node(c, now, "v0", NULL), 0);
        assert_int_equal(cluster_undo(c, now), 0);
        assert_non_null(find_node(c, "v0")->fault); /* it is back with what it had */
        cluster_free(c);
}

static void test_ranges(void **state _unused_) {
        static const char *const good[] = { "", "1", "3-17", "1,3-4,9" }, *const bad[] = { "x", "5-3", "1,1", "3,2", "1-", "-2", "1,,2" };
        Fault *f;

        assert_int_equal(fault_new("hang-x", FAULT_HANG, &f), 0);
        for (size_t i = 0; i < ELEMENTSOF(good); i++) {
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT(100);

                assert_int_equal(fault_read_ranges(f, good[i]), 0);
                fault_put_ranges(f, &b);
                assert_string_equal(strbuf_str(&b), good[i]);
        }
        for (uint64_t id = 0; id < 11; id++)
                assert_int_equal(fault_covers(f, id), id == 1 || id == 3 || id == 4 || id == 9);
        for (size_t i = 0; i < ELEMENTSOF(bad); i++)
                assert_int_equal(fault_read_ranges(f, bad[i]), -EINVAL);
        fault_unref(f);
}

static void test_batch(void **state _unused_) {
        Cluster *c = cluster();
        Node *model;
        NodeBatch batch;

        assert_int_equal(node_new("model", &model), 0);
        model->cpu = 2000;
        batch = (NodeBatch) { .prefix = "v", .first = 10, .count = 20, .model = model };
        assert_int_equal(cluster_add_nodes(c, now, &batch, NULL), 0);
        assert_int_equal(batch.n_added, 10);
        assert_int_equal(batch.n_existed, 10);
        assert_int_equal(node_of(find_node(c, "v29"))->cpu, 2000);
        assert_int_equal(node_of(find_node(c, "v19"))->cpu, 4000); /* is as it was */
        batch = (NodeBatch) { .prefix = "w", .count = NODE_BATCH_MAX, .model = model };
        for (unsigned i = 0; i < 4; i++, batch.first += NODE_BATCH_MAX)
                assert_int_equal(cluster_add_nodes(c, now, &batch, NULL), 0);
        assert_int_equal(cluster_add_nodes(c, now, &batch, NULL), -EDQUOT); /* MaxNodes=, and none of them is there */
        assert_int_equal(batch.n_added, 0);
        assert_int_equal(store_count(c->store, KIND_NODE), 8030);
        batch.count = 10000 - 8030;
        assert_int_equal(cluster_add_nodes(c, now, &batch, NULL), 0);
        assert_int_equal(store_count(c->store, KIND_NODE), 10000);
        assert_int_equal(cluster_add_nodes(c, now, &batch, NULL), 0); /* they are there: none is one too many */
        assert_int_equal(batch.n_existed, 10000 - 8030);
        model->cpu = 0;
        assert_int_equal(cluster_add_nodes(c, now, &batch, NULL), -EINVAL);
        node_unref(model);
        cluster_free(c);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_hang), cmocka_unit_test(test_stop), cmocka_unit_test(test_an_operator_stop_outlasts_a_fault), cmocka_unit_test(test_slow),
                cmocka_unit_test(test_flap), cmocka_unit_test(test_by_lot), cmocka_unit_test(test_recover_some), cmocka_unit_test(test_choose_in_turns), cmocka_unit_test(test_restart),
                cmocka_unit_test(test_undo), cmocka_unit_test(test_ranges), cmocka_unit_test(test_batch),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
