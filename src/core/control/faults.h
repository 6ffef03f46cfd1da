/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Faults of virtual nodes: injected, acted out by the nodes' own timers, and over. A node has one at a time. */

#include "core/control/state.h"
#include "core/model/fault.h"

#define FAULTS_MAX 1000

typedef bool (*fault_wants_t)(const Object *node, void *userdata);

/* Which nodes: those with a fault, or those without one. They are looked at some at a time, so that no turn is long; when meanwhile a fault
 * has begun or ended, it begins anew. */
typedef struct FaultChoice {
        fault_wants_t wants;
        void *userdata;
        bool faulty;
        uint64_t version;       /* Cluster.faults_version when it began */
        uint64_t after;         /* id of the node that was looked at last */
        size_t hint;
        uint64_t *ids;          /* of those that are chosen, ascending; 0: a gap, nodes between them that are not; owned */
        size_t n, allocated;
        uint32_t n_nodes, n_agents, n_faulty; /* chosen; wanted, but agent-backed; wanted, and with a fault */
} FaultChoice;

/* Looks at some: 1, or 0 when that were all; -ENOMEM. A choice that knows nothing yet but what it wants is all zeroes. */
int fault_choose(Cluster *c, FaultChoice *x);
void fault_choice_done(FaultChoice *x);

typedef struct FaultSpec {
        FaultKind kind;
        usec_t span;          /* it is over after that; USEC_INFINITY: until it is taken back */
        usec_t delay, period; /* 0: by default */
        const char *selector; /* for people; may be NULL */
        uint32_t count;       /* so many of the chosen nodes, by lot; 0: all */
        uint64_t seed;        /* of the lot */
} FaultSpec;

typedef struct FaultResult {
        char name[64];
        uint32_t n_nodes; /* that have it now */
} FaultResult;

/* May faults be injected now? -ENOSPC, -EDQUOT. */
int cluster_check_fault(const Cluster *c, Error *reterr);
/* Into nodes of a choice that is complete. -EAGAIN: a fault has begun or ended since, go on choosing. -ENOENT: there is none that it could
 * hit; -EDQUOT, -ENOSPC, -ENOMEM. */
int cluster_inject_fault(Cluster *c, usec_t now, const FaultSpec *spec, const FaultChoice *chosen, FaultResult *ret, Error *reterr);
/* Takes nodes of a choice that is complete (of faulty ones) out of whatever fault they have. -EAGAIN as above; -EDQUOT, -ENOSPC, -ENOMEM. */
int cluster_recover_nodes(Cluster *c, usec_t now, const FaultChoice *chosen, Error *reterr);
/* Ends that fault. -ENOENT. */
int cluster_end_fault(Cluster *c, usec_t now, const char *name, Error *reterr);

/* --- For the other controllers --- */
/* What the node does now: 1 when it beats, 0 when it does not; *next: when to ask again at the latest. */
int fault_act(Cluster *c, NodeState *ns, usec_t *next);
/* By how much its heartbeats are late. */
usec_t fault_delay(const NodeState *ns);
/* Its time is up. */
int fault_end(Cluster *c, FaultState *fs);
/* Row of cluster_kinds(). */
int fault_changed(StoreEntry *e, const Object *old, const Object *new, void *userdata);
/* The fault that covers a node which comes (back) into the store, or NULL. */
FaultState *fault_find(Cluster *c, uint64_t node_id);
