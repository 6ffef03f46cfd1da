/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What is derived from nodes and pods, and what only heartbeats touch: memory, never disk. Derived parts are kept by
 * node_changed() and pod_changed(), called by the store for every change and its undoing. */

#include "basic/error.h"
#include "basic/list.h"
#include "basic/prng.h"
#include "core/cluster.h"
#include "core/control/class-queue.h"
#include "core/model/definition.h"
#include "core/model/doc-pool.h"
#include "core/model/node.h"
#include "core/model/pod.h"
#include "core/sched/algorithms.h"
#include "core/sched/node-index.h"
#include "core/sched/pending-queue.h"
#include "core/sched/scheduler.h"

#define NODE_PORT_FIRST 30000 /* of Services; as kube-apiserver's --service-node-port-range= */
#define NODE_PORT_LAST 32767
#define SERVICE_NETWORK (172u << 24 | 16u << 16) /* /12: of Services; as its --service-cluster-ip-range= */
#define SERVICE_N_ADDRESSES (1u << 20)

/* What is derived from any object: who owns it, whom it owns, and whether its controller has yet to look at it. */
typedef struct ObjectState {
        StoreEntry entry;
        struct ObjectState *owner; /* weak: one of its owners that lives; NULL = it has none */
        ListLink in_owner;         /* in owner->dependents, or in Cluster.orphans or .strangers: it names owners, but none is there */
        ListLink dependents;
        ListLink dirty;            /* in Cluster.dirty */
} ObjectState;

/* What an owner knows of its pods without looking at them: kept by change (owners.c). */
typedef struct PodTally {
        uint32_t total;
        uint32_t all;       /* neither ended nor ending */
        uint32_t ready;     /* of these */
        uint32_t ending;    /* being removed */
        uint32_t failed;
        uint32_t succeeded;
        uint64_t restarts;  /* of the containers of `all` */
        /* Ready for long enough when they were looked at last, without those that have gone since: never too many. */
        uint32_t available;
        usec_t min_ready, counted_at, next; /* that look: for which span, when (realtime), when the next one becomes available */
} PodTally;

/* What an object's controller has told of it lately (controllers/events.c). */
typedef struct TellReason {
        usec_t last; /* realtime */
        uint32_t reason; /* a digest of it */
        uint8_t n;   /* messages */
} TellReason;

typedef struct TellState {
        usec_t since;   /* realtime, from which on one of those may be told of again for so long each */
        uint8_t n_told;
        TellReason reasons[3];
} TellState;

/* Of those kinds whose controllers also look at the clock: pods are not among them, which are too many to carry it. */
typedef struct TimedState {
        ObjectState common;
        Timer look;         /* queued while its controller waits for something */
        uint8_t n_failures; /* in a row, to create what it wants */
        PodTally pods;
        TellState told;
        ListLink *unchecked; /* in common.dependents: from here on they have yet to be compared with its selector; NULL: none has */
        struct Victims *victims; /* owned; while it has too many pods; may be NULL */
        struct DaemonNodes *nodes; /* owned; of a DaemonSet, once it has been looked at */
        struct StatefulPods *ordinals; /* the same of a StatefulSet */
        struct JobTally *job;      /* and of a Job */
        char *selector;            /* owned; of a Service (selectors.h); NULL: it has yet to be read */
        uint64_t scanned;   /* up to this id no pod is left that it could adopt, as things were at ... */
        uint64_t scanned_version; /* ... this Cluster.strays_version */
} TimedState;

/* A PodDisruptionBudget */
typedef struct BudgetState {
        ObjectState common;
        char *selector;           /* as in a TimedState */
        bool counted;             /* else these are not known */
        int64_t expected, healthy; /* of the pods that it selects */
} BudgetState;

typedef struct NodeState {
        union {
                StoreEntry entry; /* Node */
                ObjectState common;
        };
        NodeIndexEntry index;   /* in Cluster.index */
        ListLink pods;          /* PodState.in_node: those that hold capacity here, in order of binding */
        SchedNode sched;        /* what they hold of it */
        uint64_t addresses[4];  /* which of the last octets its pods have */
        bool leaving;           /* is being removed or emptied: gets no pod */

        usec_t last_beat;       /* `now` of the last beat, or of the fresh start it was given */
        usec_t last_beat_realtime;
        uint64_t n_beats;
        uint64_t sequence;      /* of the newest beat of the present instance; 0 = none with one */
        ListLink alive;         /* in Cluster.alive, ordered by last_beat: Healthy and Starting nodes */
        ListLink fading;        /* in Cluster.unhealthy or .stopping, ordered by faded_at */
        usec_t faded_at;
        usec_t tainted_at;      /* with NoExecute, by a client */

        uint64_t pods_revision; /* of the last change of what it should run */
        uint64_t told_revision; /* pods_revision of the last answer */
        uint64_t listed;        /* digest of the pods that the last beat listed */
        uint64_t listed_at;     /* pods_revision when that was compared */
        Timer beat;             /* virtual nodes */
        ListLink roused;        /* in Cluster.roused: a virtual one whose fault has begun or ended, and that has yet to act on it */
        struct FaultState *fault; /* weak: what is injected into it; NULL = nothing */
        Timer settle;           /* when to evict pods of lost (NODE_LOSS_KUBERNETES) or tainted ones, or to say that they are (not) ready */
        ListLink woken;         /* in Cluster.woken: has another list of pods since cluster_next_woken() */
} NodeState;

typedef struct FaultState {
        StoreEntry entry; /* Fault */
        Timer end;
        uint32_t n_nodes; /* that have it now */
} FaultState;

/* What is known of the gang whose placement takes more than one turn (gang.c). Nobody holds the room that its members have found. */
typedef struct GangTrial {
        struct GangPlace *places; /* of its first members; owned */
        size_t n_places, allocated;
        uint64_t gang;       /* id of the first of them; 0: there is none */
        uint64_t n_turns;
        uint64_t seen;       /* the state of the scheduler in which they fit */
        uint64_t last_order; /* Scheduler.last_order after them */
} GangTrial;

/* What there is of a pod only while it is queued. */
typedef struct PodWait {
        PendingEntry entry; /* in Cluster.pending, or in queue->pods */
        struct PodState *pod;
        struct ClassQueue *queue; /* weak: of its class; NULL: it waits in Cluster.pending */
        usec_t since;       /* `now` when it began to wait */
} PodWait;

typedef struct PodState {
        union {
                StoreEntry entry; /* Pod */
                ObjectState common;
        };
        PodWait *wait;       /* owned; NULL while it is not queued */
        NodeState *node;     /* weak: while it holds capacity there */
        ListLink in_node;
        usec_t bound_at;     /* `now` when it came there */
        Timer end;
        uint64_t seen : 63;  /* number of the beat that listed it last */
        uint64_t doomed : 1; /* it bears with how its node is tainted for a while only: its eviction is waited for */
} PodState;

struct Cluster {
        ClusterConfig config;
        Store *store;
        EventLog *events;
        DocPool *docs;    /* of pods */
        Prng prng;
        uint64_t secret[2];
        int64_t realtime_offset;
        usec_t now;       /* of the present call */
        usec_t floor;     /* beats count as received at least then */
        usec_t stepped;   /* `now` of the last step */
        bool frozen;
        usec_t retry_at;  /* something could not be done for want of memory; USEC_INFINITY = no */

        const SchedAlgorithm *algorithm;
        char *scheduler_name;   /* of pods that are ours to place; owned */
        Scheduler scheduler;
        uint64_t faults_version; /* grows when a fault begins, changes or ends, and when nodes may have come back by an undo */
        NodeClass *node_class;  /* of the node that was looked at last: the next one often has the same document */
        ListLink absent;        /* nodes that are not there, but pods are nominated to (nominations.h); owned */
        HashTable absent_by_name; /* the same */
        NodeIndex index;
        PendingQueue pending;   /* pods without a class: those of the native API */
        ClassQueues queues;     /* the others */
        GangTrial trial;
        bool placing;           /* what waits may fit: something was left to pods_schedule() in the next step */
        ListLink alive, unhealthy, stopping, woken, roused;
        ListLink dirty;   /* ObjectState.dirty: waits for its controller */
        ListLink orphans; /* ObjectState.in_owner: waits to be collected */
        uint64_t strays_version; /* a pod that was there already is one that a controller may adopt now */
        ListLink strangers; /* ObjectState.in_owner: it names owners of kinds that nobody defines (yet) */
        StoreEntry *definitions[_KIND_MAX - KIND_CUSTOM_NAMESPACED]; /* by slot; weak */
        uint64_t defined_at[_KIND_MAX - KIND_CUSTOM_NAMESPACED];     /* the revision that gave the slot to it, or took it away */
        uint32_t n_definitions[2], next_slot[2]; /* in no namespace, in namespaces */
        bool unsettled;   /* something that every cluster has may not be there, or say what it is to say (builtins.h) */
        bool api_moved;   /* it was told where the API is served, and the Service has yet to say so */
        uint16_t api_port; /* 0: nobody has told */
        uint32_t api_address;
        StoreEntry *default_priority; /* the PriorityClass of pods that name none; weak; NULL: there is none */
        uint64_t service_addresses[SERVICE_N_ADDRESSES / 64]; /* a bit for each that a Service has */
        uint16_t node_ports[NODE_PORT_LAST - NODE_PORT_FIRST + 1]; /* how often Services have each port of the nodes */
        uint32_t n_documents; /* objects beside nodes and pods */
        uint32_t n_ending_namespaces;
        Prioq timers;
        uint64_t beat_number;
        Object **loading; /* pods between cluster_load() and cluster_loaded() */
        size_t n_loading, loading_allocated;
        ClusterStats stats;
};

static inline Node *node_of(const NodeState *ns) {
        return (Node*) ns->entry.object;
}
static inline Pod *pod_of(const PodState *ps) {
        return (Pod*) ps->entry.object;
}
static inline ObjectState *object_state(StoreEntry *e) {
        return (ObjectState*) e;
}
static inline BudgetState *budget_state(StoreEntry *e) {
        return container_of(e, BudgetState, common.entry);
}

static inline TimedState *timed_state(ObjectState *s) {
        return container_of(s, TimedState, common);
}
static inline NodeState *node_state(StoreEntry *e) {
        return (NodeState*) e;
}
static inline PodState *pod_state(StoreEntry *e) {
        return (PodState*) e;
}
/* By name, or NULL. */
NodeState *find_node(Cluster *c, const char *name);
PodState *find_pod(Cluster *c, const char *name);

/* Rows for store_new(). */
const StoreKind *cluster_kinds(void);

/* Should its node run this pod now? */
static inline bool pod_is_wanted(const Pod *p) {
        return p->node && (p->status == POD_PENDING || p->status == POD_RUNNING || p->status == POD_BACKOFF);
}
/* Does nobody know how its pods are (NODE_LOSS_KUBERNETES)? */
static inline bool node_is_silent(const Cluster *c, const NodeState *ns) {
        return c->config.node_loss == NODE_LOSS_KUBERNETES && node_of(ns)->health != NODE_HEALTHY;
}
/* Has what is known of the pod's node yet to be said of it? One that runs on a silent node is not ready. */
static inline bool pod_is_unsettled(const Cluster *c, const NodeState *ns, const Pod *p) {
        return node_is_silent(c, ns) != p->lost && (p->lost || p->status == POD_RUNNING || p->status == POD_TERMINATING);
}
/* What could not be done now is tried again in the step that is due soon. */
void cluster_retry_soon(Cluster *c);
/* Tells the index what the node has free, or that it takes nothing. */
void node_update_index(Cluster *c, NodeState *ns);
/* Is it being removed or emptied? Then it gets no pod. */
void node_set_leaving(Cluster *c, NodeState *ns, bool leaving);
/* The class of a document; a reference. -ENOMEM. */
int cluster_node_class(Cluster *c, Doc *doc, NodeClass **ret);
/* From now on pods are placed by that algorithm, or by the configured one if there is none of that name. */
void cluster_use_algorithm(Cluster *c, const char *name);
/* Queued, but never due by itself: what is queued can be moved without memory, also by an undo, which must not fail. */
#define BEAT_NEVER (USEC_INFINITY - 1)
/* Queues the next beat of a virtual node; it is queued as long as the node lives. */
int node_schedule_beat(Cluster *c, NodeState *ns, usec_t when);
/* It has just been heard from (or is given a fresh timeout): moves it to the young end of the list of the living. */
void node_touch(Cluster *c, NodeState *ns, usec_t now);

/* Has pod_end() called when its containers end next (p NULL: it is gone). 0 or -ENOMEM. */
int pod_await_end(Cluster *c, PodState *ps, const Pod *p);
/* Binds a pod that is not in the store yet to the node, and gives it an address there. 0 or -ENOMEM. */
int pod_bind(Pod *p, const NodeState *ns);
/* The realtime of the present call. */
usec_t cluster_now_realtime(const Cluster *c);
/* Logs an event of the newest revision; node, pod and detail may be NULL. */
void cluster_event(Cluster *c, EventReason reason, const char *node, const char *pod, const char *detail);
/* What becomes of the pod's containers on its node. */
void cluster_event_of_containers(Cluster *c, EventReason reason, const Pod *p);
/* Stores a changed copy: store_put() with the object's reference dropped. */
int cluster_put(Cluster *c, Object *o);
/* -ENOSPC with the reason while frozen, else 0. */
int cluster_check_writable(const Cluster *c, Error *reterr);
