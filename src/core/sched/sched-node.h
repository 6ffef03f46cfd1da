/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A node as the scheduler sees it: what it has, what its pods hold of it, and how many it has of each class of pods. */

#include "core/model/node-class.h"

/* How many pods of a class are there. */
typedef struct SchedUse {
        PodClass *class;  /* a reference */
        uint32_t n;
        uint32_t n_ending; /* of them: being removed, which topology spread does not count */
} SchedUse;

typedef struct SchedUses {
        SchedUse *items; /* owned */
        uint32_t n_items, allocated;
} SchedUses;

typedef struct SchedNode {
        const Node *node;  /* weak: the present version */
        NodeClass *class;  /* a reference */
        uint64_t order;    /* of registration, unique: the smaller is the one that wins ties */
        uint64_t version;  /* another with every change of what does not follow from its pods; never that of another node */
        size_t slot;       /* in Scheduler.nodes; SIZE_MAX when it is not there */
        bool odd_hostname; /* its label kubernetes.io/hostname is not its name */
        bool open;         /* it lives and takes pods (cordons and taints apart) */

        Resources allocatable;
        int64_t pods_max;
        Resources used;
        int64_t counted_cpu, counted_memory; /* of its pods, with the defaults of those that do not ask */
        uint32_t n_pods;
        SchedUses uses;
        SchedUses nominated; /* pods that are to come here once others have gone; they hold room against others of no higher priority */
} SchedNode;

/* Makes room for one more class, so that sched_node_attach() cannot fail. -ENOMEM. */
int sched_node_reserve(SchedNode *n);
/* A pod of that class (NULL: one that asks for `cpu` and has no class) has come. Room must have been made. */
void sched_node_attach(SchedNode *n, PodClass *class, int64_t cpu, bool ending);
/* It has gone. */
void sched_node_detach(SchedNode *n, PodClass *class, int64_t cpu, bool ending);
/* One of its pods is being removed from now on (or, undone, is not). */
void sched_node_set_ending(SchedNode *n, PodClass *class, bool ending);
/* A pod is nominated to it, or no longer. -ENOMEM. */
int sched_node_nominate(SchedNode *n, PodClass *class);
void sched_node_unnominate(SchedNode *n, PodClass *class);
/* How much CPU is kept there from pods of that priority, and (added to *pods) for how many others. */
int64_t sched_node_promised(const SchedNode *n, int32_t priority, uint32_t *pods);
/* Takes over what its object and document say. */
void sched_node_update(SchedNode *n, const Node *node, NodeClass *class, bool open, int64_t pods_max);
/* A copy that owns its own lists and references; for questions of the kind "what if". -ENOMEM. */
int sched_node_copy(const SchedNode *n, SchedNode *ret);
void sched_node_done(SchedNode *n);

/* How much it has, and how much of it its pods hold, of an extended resource. */
int64_t sched_node_extended(const SchedNode *n, const char *name);
int64_t sched_node_extended_used(const SchedNode *n, const char *name);
