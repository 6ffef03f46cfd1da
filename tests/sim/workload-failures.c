/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes hang, stop, are late or come and go, for as long as some pods bear with and others do not; clients taint them, and remove pods whose
 * node is lost. Containers end, well or not, and are to be started again, or not. */
#include <stdio.h>

#include "basic/string-util.h"
#include "core/control/faults.h"
#include "core/control/nodes.h"
#include "core/control/pods.h"
#include "tests/sim/workloads-internal.h"

static bool by_lot(const Object *node _unused_, void *w) {
        return any(w, 2) == 0;
}

static bool is_any(const Object *node _unused_, void *w _unused_) {
        return true;
}

/* 0, or -ENOMEM. */
static int choose(Workloads *w, FaultChoice *chosen) {
        int r;

        while ((r = fault_choose(w->cluster, chosen)) > 0)
                ;
        return r;
}

static void lose_nodes(Workloads *w) {
        FaultChoice chosen = { .wants = by_lot, .userdata = w };
        FaultSpec spec = {
                .kind = (FaultKind) any(w, _FAULT_KIND_MAX), .span = (10 + any(w, 120)) * USEC_PER_SEC, .delay = any(w, 30) * USEC_PER_SEC,
                .period = (10 + any(w, 60)) * USEC_PER_SEC,
        };
        FaultResult result;

        if (choose(w, &chosen) >= 0)
                (void) cluster_inject_fault(w->cluster, w->now, &spec, &chosen, &result, NULL);
        fault_choice_done(&chosen);
}

static int recover_nodes(Workloads *w, fault_wants_t wants) {
        FaultChoice chosen = { .wants = wants, .userdata = w, .faulty = true };
        int r;

        r = choose(w, &chosen);
        if (r >= 0)
                r = cluster_recover_nodes(w->cluster, w->now, &chosen, NULL);
        fault_choice_done(&chosen);
        return r;
}

/* An operator's doing: it empties what it stops. */
static void stop_or_start(Workloads *w) {
        char name[16];

        (void) snprintf(name, sizeof(name), "n%u", any(w, WORKLOAD_NODES));
        if (any(w, 2) == 0) {
                w->by_force = true;
                (void) cluster_stop_node(w->cluster, w->now, name, NULL);
        } else
                (void) cluster_restart_node(w->cluster, w->now, name, NULL);
}

static void taint(Workloads *w, unsigned node, bool tainted, bool cordoned) {
        _cleanup_edit_ Edit edit = {};
        StoreEntry *e;
        char name[16];
        Json *spec;

        (void) snprintf(name, sizeof(name), "n%u", node);
        e = store_find(cluster_store(w->cluster), KIND_NODE, name);
        if (!e || edit_begin(&edit, w->cluster, e) < 0)
                return;
        spec = json_ensure(&edit.arena, edit.root, "spec", JSON_OBJECT);
        json_remove(spec, "taints");
        if (tainted)
                json_set(&edit.arena, spec, "taints", parse_text(&edit.arena, "[{\"key\":\"k\",\"effect\":\"NoExecute\"}]"));
        json_set_bool(&edit.arena, spec, "unschedulable", cordoned);
        update(w, &edit);
}

#define RUNS "\"annotations\":{\"kubesim.io/duration\":\"%us\",\"kubesim.io/exit-code\":\"%u\"}"
#define BEARS "\"tolerations\":[{\"key\":\"node.kubernetes.io/unreachable\",\"operator\":\"Exists\",\"effect\":\"NoExecute\",\"tolerationSeconds\":%u}," \
        "{\"key\":\"k\",\"operator\":\"Exists\",\"effect\":\"NoExecute\",\"tolerationSeconds\":%u}]"
#define CONTAINERS "\"containers\":[{\"name\":\"c\",\"image\":\"v%u\",\"resources\":{\"requests\":{\"cpu\":\"%um\"}}}]"

static void create_failing_pod(Workloads *w) {
        static const char *const policies[] = { "Always", "OnFailure", "Never" };
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        char key[64], deadline[64] = "";

        if (any(w, 4) == 0)
                (void) snprintf(deadline, sizeof(deadline), "\"activeDeadlineSeconds\":%u,", 1 + any(w, 200));
        create(w, KIND_POD, some_key(w, "p", key), parse_text(&a, "{\"metadata\":{\"labels\":{\"app\":\"a%u\"}," RUNS "},\"spec\":{\"restartPolicy\":\"%s\",%s"
               "\"terminationGracePeriodSeconds\":%u," BEARS "," CONTAINERS "}}", any(w, WORKLOAD_NAMES), 1 + any(w, any(w, 2) ? 20 : 1000), any(w, 2) * any(w, 4),
               policies[any(w, 3)], deadline, any(w, 60), any(w, 80), any(w, 80), any(w, 3), 100 * any(w, 20)));
}

static void create_failing_deployment(Workloads *w) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        char key[64];
        unsigned i;

        (void) some_key(w, "d", key);
        i = (unsigned) (key[strlen(key) - 1] - '0');
        create(w, KIND_DEPLOYMENT, key, parse_text(&a, "{\"metadata\":{\"generation\":1,\"labels\":{\"app\":\"a%u\"}},\"spec\":{\"replicas\":%u,\"minReadySeconds\":%u,"
               "\"selector\":{\"matchLabels\":{\"app\":\"a%u\"}},\"strategy\":{\"type\":\"RollingUpdate\",\"rollingUpdate\":{\"maxSurge\":%u,\"maxUnavailable\":%u}},"
               "\"template\":{\"metadata\":{\"labels\":{\"app\":\"a%u\"}," RUNS "},\"spec\":{\"restartPolicy\":\"Always\"," BEARS "," CONTAINERS "}}}}", i, any(w, 7),
               any(w, 2) * any(w, 10), i, 1 + any(w, 2), any(w, 3), i, 1 + any(w, 100), any(w, 3), any(w, 80), any(w, 80), any(w, 3), 100 * any(w, 5)));
}

static void create_node(Workloads *w) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        char name[16];

        (void) snprintf(name, sizeof(name), "n%u", any(w, WORKLOAD_NODES));
        create(w, KIND_NODE, name, parse_text(&a, "{\"metadata\":{},\"spec\":{},\"status\":{\"capacity\":{\"cpu\":\"%u\"}}}", 1 + any(w, 8)));
}

/* One of a node that is lost, if there is one. */
static void remove_pod(Workloads *w) {
        StoreEntry *e, *last = NULL;

        for (e = store_find_from(cluster_store(w->cluster), KIND_POD, NULL); e; e = store_following(e)) {
                const NodeState *ns = pod_state(e)->node;

                last = ns && (!last || node_of(ns)->health != NODE_HEALTHY) ? e : last;
        }
        if (!last)
                return;
        w->by_force = any(w, 3) == 0;
        (void) cluster_delete_object(w->cluster, w->now, last, &(DeleteOptions) { .grace_seconds = w->by_force ? 0 : -1 }, NULL);
}

void failures_act(Workloads *w) {
        char key[64];

        switch (any(w, 18)) {
        case 0 ... 2:
                return lose_nodes(w);
        case 3:
                (void) recover_nodes(w, by_lot);
                return;
        case 4:
                return stop_or_start(w);
        case 5 ... 6:
                return taint(w, any(w, WORKLOAD_NODES), any(w, 3) == 0, any(w, 4) == 0);
        case 7 ... 10:
                return create_failing_pod(w);
        case 11 ... 12:
                return create_failing_deployment(w);
        case 13:
                (void) cluster_restart_pod(w->cluster, w->now, some_key(w, "p", key), NULL);
                return;
        case 14 ... 15:
                return create_node(w);
        default:
                return remove_pod(w);
        }
}

void failures_end(Workloads *w) {
        char name[16];

        must(recover_nodes(w, is_any) >= 0);
        for (unsigned i = 0; i < WORKLOAD_NODES; i++) {
                (void) snprintf(name, sizeof(name), "n%u", i);
                (void) cluster_restart_node(w->cluster, w->now, name, NULL);
                taint(w, i, false, false);
        }
}
