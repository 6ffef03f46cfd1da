/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/sim/workloads.h"

#include "core/control/controllers/controllers.h"
#include "tests/sim/memory.h"
#include "tests/sim/saved.h"
#include "tests/sim/workloads-internal.h"

#define STEPS 300
#define EPOCH (UINT64_C(1700000000) * USEC_PER_SEC)

/* --- The server --- */

static void start(Workloads *w) {
        static const uint64_t secret[2] = { 3, 4 };
        const ClusterConfig config = {
                .node_timeout_usec = 15 * USEC_PER_SEC, .remove_after_usec = 30 * USEC_PER_SEC, .heartbeat_interval_usec = 5 * USEC_PER_SEC,
                .stop_grace_usec = 5 * USEC_PER_SEC, .nodes_max = 20, .objects_max = 10000, .pods_max = 500, .pods_per_node_max = 100,
                .node_cpu_max = 64000, .watch_log_max = 1000, .event_log_max = 30, .algorithm = "first-fit",
                .turn_max = w->seed / 12 % 2 == 0 ? 0 : (uint32_t) (w->seed % 5) + 1, .node_loss = w->node_loss,
        };

        must(cluster_new(&config, w->seed + w->now, secret, &w->cluster) >= 0);
        cluster_set_clock(w->cluster, (int64_t) EPOCH);
}

static void commit(Workloads *w) {
        store_set_durable(cluster_store(w->cluster), store_revision(cluster_store(w->cluster)));
}

/* What was undone has not happened. */
static void forget_undone(Workloads *w) {
        size_t n = 0;

        for (size_t i = 0; i < w->n_successes; i++)
                if (w->successes[i].revision <= store_revision(cluster_store(w->cluster)))
                        w->successes[n++] = w->successes[i];
        w->n_successes = n;
}

/* Dies; what was not durable is gone. */
static void crash(Workloads *w) {
        uint64_t revision, last_id;
        Saved s = {};

        must(cluster_undo(w->cluster, w->now) >= 0);
        forget_undone(w);
        revision = store_revision(cluster_store(w->cluster));
        last_id = store_last_id(cluster_store(w->cluster));
        must(saved_take(cluster_store(w->cluster), &s));
        w->cluster = cluster_free(w->cluster);
        start(w);
        for (size_t i = 0; i < s.n; i++) {
                must(cluster_load(w->cluster, s.objects[i]) >= 0);
                object_unref(s.objects[i]);
        }
        must(cluster_loaded(w->cluster, w->now, revision, last_id) >= 0);
        follow_from_here(w);
}

/* The disk refuses, and takes things again. */
static void refuse(Workloads *w) {
        cluster_freeze(w->cluster);
        must(cluster_undo(w->cluster, w->now) >= 0);
        forget_undone(w);
        follow_from_here(w);
        check_links(w);
        check_pods(w);
        cluster_thaw(w->cluster, w->now);
}

/* Time passes with memory and disk in order. */
static void pass(Workloads *w, usec_t span) {
        usec_t end = w->now + span, next;

        while (w->now < end) {
                next = MIN(cluster_deadline(w->cluster), end);
                w->now = MAX(w->now + 1, next);
                must(cluster_step(w->cluster, w->now) >= 0);
                note_successes(w);
                follow_pods(w);
                check_pods(w);
                commit(w);
        }
}

/* Until nothing is left to be done but heartbeats. */
static void rest(Workloads *w) {
        memory_fail(0, 0);
        cluster_thaw(w->cluster, w->now);
        w->by_force = false;
        if (w->fails && any(w, 2) == 0)
                pass(w, any(w, 400) * USEC_PER_SEC);
        if (w->fails)
                failures_end(w);
        pass(w, 10 * USEC_PER_MINUTE);
        for (unsigned i = 0; i < 1000 && (controllers_wait(w->cluster) || cluster_deadline(w->cluster) <= w->now); i++)
                must(cluster_step(w->cluster, w->now) >= 0);
        follow_pods(w);
        commit(w);
        check_controllers(w);
        check_settled(w);
        check_pods_settled(w);
}

static void go_on(Workloads *w) {
        usec_t next;

        note_deployments(w);
        if (any(w, 3) == 0)
                memory_fail(1 + any(w, 60), any(w, 2) == 0 ? 0 : any(w, 20));
        w->by_force = false;
        if (w->fails && any(w, 2) == 0)
                failures_act(w);
        else
                clients_act(w);
        next = MIN(cluster_deadline(w->cluster), w->now + any(w, 3000) * USEC_PER_MSEC);
        w->now = MAX(w->now + 1, next);
        (void) cluster_step(w->cluster, w->now);
        memory_fail(0, 0);
        note_successes(w);
        check_each(w);
        follow_pods(w);
        check_pods(w);
        if (any(w, 4) != 0)
                commit(w);
        switch (any(w, 40)) {
        case 0:
                crash(w);
                break;
        case 1:
                refuse(w);
                break;
        case 2:
                rest(w);
        }
        check_links(w);
        check_pods(w);
}

uint64_t run_workload_world(uint64_t seed, bool fails, void (*broken)(const char *what, int line)) {
        static Workloads w; /* too large for the stack */
        uint64_t n;

        w = (Workloads) { .seed = seed, .now = USEC_PER_SEC, .fails = fails, .calm = !fails && seed % 3 == 0, .broken = broken };
        w.node_loss = fails && seed / 8 % 2 == 0 ? NODE_LOSS_KUBESIM : NODE_LOSS_KUBERNETES;
        prng_init(&w.prng, seed);
        start(&w);
        if (cluster_loaded(w.cluster, w.now, 0, 0) < 0)
                broken("an empty cluster starts", __LINE__);
        follow_from_here(&w);
        for (unsigned i = 0; i < STEPS; i++)
                go_on(&w);
        rest(&w);
        n = store_revision(cluster_store(w.cluster));
        cluster_free(w.cluster);
        return n;
}
