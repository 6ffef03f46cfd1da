/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What an operator does with nodes, and their health. */

#include "core/control/state.h"

/* Adds a virtual node; name NULL: a UUID is made. cpu in millicores. -EINVAL, -EEXIST, -EDQUOT (MaxNodes), -ENOSPC,
 * -ENOMEM. *ret is borrowed. */
int cluster_add_node(Cluster *c, usec_t now, const char *name, int64_t cpu, NodeState **ret, Error *reterr);
#define NODE_BATCH_MAX 2000 /* so that no turn of the loop is long */
#define NODE_NUMBER_MAX 100000000

typedef struct NodeBatch {
        const char *prefix;
        uint32_t first, count; /* the names are the prefix and the numbers from first on */
        Node *model;     /* what they are like: CPU, document, what was read of it; its identity is not looked at; its document is shared with all alike */
        uint32_t n_added, n_existed; /* set by it, also when it fails half-way */
} NodeBatch;

/* Adds virtual nodes, but those that exist. -EINVAL (CPU), -EDQUOT (MaxNodes): none was added; -ENOSPC, -ENOMEM: those that were added stay. */
int cluster_add_nodes(Cluster *c, usec_t now, NodeBatch *batch, Error *reterr);
/* Moves its pods elsewhere and removes it; the beats of its agent are answered with "stop" from then on. */
int cluster_remove_node(Cluster *c, usec_t now, const char *name, Error *reterr);
/* Moves its pods elsewhere and stops it; an agent is told by the answer to its next beat. */
int cluster_stop_node(Cluster *c, usec_t now, const char *name, Error *reterr);
/* Starts it again; for an agent-backed node 1 is returned: the caller has to start the agent. */
int cluster_restart_node(Cluster *c, usec_t now, const char *name, Error *reterr);
/* Chooses the algorithm and looks at what waits again. -EINVAL with the list of names. */
int cluster_set_algorithm(Cluster *c, usec_t now, const char *name, Error *reterr);
const SchedAlgorithm *cluster_algorithm(const Cluster *c);

/* --- For the other controllers --- */
int check_node_cpu(const Cluster *c, int64_t cpu, Error *reterr);
/* Moves its pods elsewhere and removes it. 1 or negative. */
int node_remove(Cluster *c, NodeState *ns);
int check_node_room(const Cluster *c, Error *reterr);
/* Puts a copy with that health, reason and wish to stop, and logs the event. */
int node_set_health(Cluster *c, NodeState *ns, NodeHealth health, const char *reason, bool stop_requested);
/* Removes an emptied node. */
int node_delete(Cluster *c, NodeState *ns, const char *why);
/* Does what is due at c->now, or as much as a turn may take (turn.h): silent nodes fail, failed ones are removed, those that left lose
 * their pods. */
int nodes_check_health(Cluster *c);
/* What NodeLossPolicy says about the pods of a node that has just been lost. */
int node_leave_lost(Cluster *c, NodeState *ns, const char *why);
/* Its pods are ready or not as it is healthy; evicts those of a lost or tainted node's whose toleration is over, and waits for the next;
 * whoever has to leave, leaves. */
int node_settle_pods(Cluster *c, NodeState *ns);
/* Is it gone for so long that its pods wait for their eviction (NODE_LOSS_KUBERNETES)? */
bool node_is_lost(const Cluster *c, const NodeState *ns);
/* Why its pods have to leave it at once (NODE_LOSS_KUBESIM); NULL: they need not. */
const char *node_why_leave(const Cluster *c, const NodeState *ns);
/* Has it a NoExecute taint of a client's? */
bool node_evicts(const NodeClass *class);
/* Is there any reason for which a pod that comes to it would not stay? */
bool node_loses_pods(const Cluster *c, const NodeState *ns);
/* When nodes_check_health() has something to do next. */
usec_t nodes_deadline(const Cluster *c);
