/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A node: what is decided about it and durable. What only heartbeats touch is in core/control/node-state.h. */

#include "basic/json-tree.h"
#include "core/model/object.h"

typedef enum NodeBacking {
        NODE_AGENT,   /* a kubesim-agent process beats for it */
        NODE_VIRTUAL, /* lives inside the cluster; its heartbeat is a timer */
        _NODE_BACKING_MAX,
        _NODE_BACKING_INVALID = -EINVAL,
} NodeBacking;

typedef enum NodeHealth {
        NODE_STARTING, /* known, told to start or restarting; not heard from yet */
        NODE_HEALTHY,
        NODE_UNHEALTHY,
        NODE_STOPPED,
        _NODE_HEALTH_MAX,
        _NODE_HEALTH_INVALID = -EINVAL,
} NodeHealth;

const char *node_backing_to_string(NodeBacking b);
NodeBacking node_backing_from_string(const char *s);
const char *node_health_to_string(NodeHealth h);
NodeHealth node_health_from_string(const char *s);

#define NODE_ADDRESSES_MAX 16
/* What a node says it is; nothing of it is real. */
#define NODE_ARCH "amd64"
#define NODE_OS "linux"

struct Node {
        Object object;
        NodeBacking backing;
        NodeHealth health;
        bool stop_requested;  /* an operator wants it stopped; its agent is told at its next beat */
        bool unschedulable;   /* cordoned: keeps its pods, gets no more */
        bool tainted;         /* by a client, NoSchedule or NoExecute: the same, for pods without tolerations */
        int64_t cpu;          /* millicores */
        usec_t health_since;  /* realtime */
        const char *reason;   /* why it is not Healthy, for people; owned, may be NULL */
        const char *instance; /* "KEY/START" of the agent that beats for it; owned, may be NULL */
        const char *version;  /* of the agent; owned, may be NULL */
        char **addresses;     /* owned array of owned strings */
        size_t n_addresses;
};

/* A new object of that name with one reference. */
int node_new(const char *name, Node **ret);
/* A copy to change and then put into the store: same identity, one reference. */
int node_copy(const Node *n, Node **ret);
/* Takes over what the cluster acts on of a Kubernetes node (valid as the front door has checked): spec.unschedulable,
 * spec.taints, and the CPU of status.capacity when there is one. */
int node_read_document(Node *n, const Json *document, Error *reterr);
/* Replaces an owned string of an object that is not in the store yet (NULL clears it). 0 or -ENOMEM. */
int node_set_reason(Node *n, const char *reason);
int node_set_instance(Node *n, const char *instance);
int node_set_version(Node *n, const char *version);
int node_set_addresses(Node *n, char *const *addresses, size_t n_addresses);
/* Frees what a node owns beside the object's own parts; called by object_unref(). */
void node_done(Node *n);

static inline Node *NODE(Object *o) {
        assert(!o || o->kind == KIND_NODE);
        return (Node*) o;
}
static inline Node *node_unref(Node *n) {
        return (Node*) object_unref((Object*) n);
}
DEFINE_CLEANUP(Node*, node_unref)
