/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Faults of virtual nodes: injected, acted out by the nodes' own timers, and over. A node has one at a time. */

#include "core/control/state.h"
#include "core/model/fault.h"

#define FAULTS_MAX 1000

typedef bool (*fault_wants_t)(const Object *node, void *userdata);

typedef struct FaultSpec {
        FaultKind kind;
        usec_t span;          /* it is over after that; USEC_INFINITY: until it is taken back */
        usec_t delay, period; /* 0: by default */
        const char *selector; /* for people; may be NULL */
        fault_wants_t wants;  /* which nodes may be hit */
        void *userdata;
        uint32_t count;       /* so many of them, by lot; 0: all */
        uint64_t seed;        /* of the lot */
} FaultSpec;

typedef struct FaultResult {
        char name[64];
        uint32_t n_nodes;  /* that have it now */
        uint32_t n_agents; /* wanted, but agent-backed */
        uint32_t n_faulty; /* wanted, but with a fault already */
} FaultResult;

/* -ENOENT: no node is left that it could hit (*ret says why); -EINVAL, -EDQUOT, -ENOSPC, -ENOMEM. */
int cluster_inject_fault(Cluster *c, usec_t now, const FaultSpec *spec, FaultResult *ret, Error *reterr);
/* Ends that fault. -ENOENT. */
int cluster_end_fault(Cluster *c, usec_t now, const char *name, Error *reterr);
/* Takes those nodes out of whatever fault they have; *ret: how many had one. */
int cluster_recover_nodes(Cluster *c, usec_t now, fault_wants_t wants, void *userdata, uint32_t *ret, Error *reterr);
/* How many nodes have it now. */
uint32_t fault_count_nodes(Cluster *c, const Fault *f);

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
