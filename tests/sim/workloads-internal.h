/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A world of controllers and what its parts share: clients (workload-clients.c) act on it, nodes and containers fail (workload-failures.c), its
 * server dies and comes back (workloads.c), and what must hold is looked at: links and what is derived (workload-links.c), what controllers
 * make of what was asked for (workload-controllers.c), pods and their nodes (workload-pods.c). */

#include "basic/prng.h"
#include "core/control/objects.h"
#include "tests/sim/workloads.h"

#define WORKLOAD_NAMES 3
#define WORKLOAD_NODES 3

/* A pod of a Job that was seen to have succeeded. */
typedef struct Success {
        Uuid pod, job;
        int64_t index;
        uint64_t revision;
} Success;

/* How a Deployment was before a step. */
typedef struct Before {
        Uuid uid;
        int64_t replicas, available;
} Before;

typedef struct Workloads {
        Prng prng;
        uint64_t seed;
        usec_t now;
        Cluster *cluster;
        NodeLossPolicy node_loss;
        bool calm; /* nobody takes anything away */
        bool fails; /* nodes and containers do */
        bool left; /* memory ran out for a deletion that had let dependents go already: a Deployment may adopt its own again */
        bool by_force; /* in this step somebody takes pods away without asking their nodes */
        Success successes[4000];
        size_t n_successes;
        Before before[2 * WORKLOAD_NAMES];
        size_t n_before;
        /* Of the log up to that revision. */
        uint64_t followed;
        NodeHealth health[WORKLOAD_NODES]; /* _NODE_HEALTH_MAX: there is none of that name */
        void (*broken)(const char *what, int line);
} Workloads;

#define must(condition) \
        do { \
                if (!(condition)) \
                        w->broken(#condition, __LINE__); \
        } while (false)

static inline unsigned any(Workloads *w, unsigned n) {
        return (unsigned) prng_below(&w->prng, n);
}

/* --- What happens --- */
/* One of the clients does something. */
void clients_act(Workloads *w);
/* Something fails, or is well again. */
void failures_act(Workloads *w);
/* All nodes are. */
void failures_end(Workloads *w);
/* For both: a tree of JSON, NULL when memory runs out; the name of one of few objects; a new object, if it can be made; an edit as an update. */
Json *parse_text(JsonArena *a, const char *format, ...) _printf_(2, 3);
const char *some_key(Workloads *w, const char *prefix, char *buf);
void create(Workloads *w, Kind kind, const char *key, Json *root);
void update(Workloads *w, Edit *edit);

/* --- What must hold --- */
/* At any time. */
void check_links(Workloads *w);
void check_pods(Workloads *w);
/* Of each change of a pod since the last call. */
void follow_pods(Workloads *w);
/* Changes were undone, or the server is a new one. */
void follow_from_here(Workloads *w);
/* Before, and after each step. */
void note_deployments(Workloads *w);
void note_successes(Workloads *w);
void check_each(Workloads *w);
/* When nothing is left to be done: every controller has what it wants, and nothing else is left. */
void check_controllers(Workloads *w);
void check_settled(Workloads *w);
void check_pods_settled(Workloads *w);
