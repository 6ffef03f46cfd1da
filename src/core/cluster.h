/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The cluster as a state machine: objects, the scheduler, health, the life of pods. No I/O, no threads, no clock:
 * `now` (monotonic, whatever the caller's clock is) comes in with each call, randomness from a seed, and changes go
 * out by the store's log. The caller calls cluster_step() at cluster_deadline() and after what it has told. */

#include "basic/macro.h"
#include "core/store/event-log.h"
#include "core/store/store.h"

typedef struct Cluster Cluster;

/* What becomes of the pods of a node that is lost. */
typedef enum NodeLossPolicy {
        NODE_LOSS_KUBESIM,    /* they move to other nodes at once, the node is removed after a while */
        NODE_LOSS_KUBERNETES, /* the node stays; pods are evicted once their tolerationSeconds are over, and never move */
        _NODE_LOSS_MAX,
} NodeLossPolicy;

typedef struct ClusterConfig {
        NodeLossPolicy node_loss;
        usec_t node_timeout_usec;       /* Healthy -> Unhealthy after this long without a beat */
        usec_t remove_after_usec;       /* an Unhealthy node is removed after this; USEC_INFINITY = never */
        usec_t heartbeat_interval_usec; /* what nodes are asked to keep to, and what virtual ones do */
        usec_t stop_grace_usec;         /* pods stay this long with a node that said goodbye by itself */
        uint32_t nodes_max, pods_max, pods_per_node_max;
        uint32_t objects_max;           /* of all other kinds together */
        int64_t node_cpu_max;           /* millicores; a pod that asks for more can never fit */
        usec_t backoff_initial_usec, backoff_max_usec; /* of pods that found no node: doubled with each attempt up to that */
        size_t watch_log_max, event_log_max;
        uint32_t turn_max;              /* how much each part of a step does (control/turn.h); 0: what suits a loop that others wait for */
        const char *algorithm;          /* until an operator has chosen another; borrowed */
        const char *scheduler_name;     /* of pods that are ours to place, beside kubesim/ALGORITHM; of the first configuration; NULL: the default */
        /* Names of resources and kinds that a front door has itself, so that no CustomResourceDefinition may have them; NULL: none. */
        bool (*is_reserved)(const char *group, const char *name);
} ClusterConfig;

/* config is copied; the algorithm must be in the table. secret is for hash tables, seed for everything else. */
int cluster_new(const ClusterConfig *config, uint64_t seed, const uint64_t secret[2], Cluster **ret);
Cluster *cluster_free(Cluster *c);
DEFINE_CLEANUP(Cluster*, cluster_free)
/* Takes new limits and intervals over; deadlines follow. */
void cluster_configure(Cluster *c, const ClusterConfig *config);

/* Realtime minus `now`: makes times of day out of `now`. Tell it before loading and when the clock was set. */
void cluster_set_clock(Cluster *c, int64_t realtime_offset);
usec_t cluster_realtime(const Cluster *c, usec_t now);
#define API_PORT_DEFAULT 6443
/* Where the API is served, for the Service `kubernetes`: IPv4 in host byte order. Tell it when it is known. */
void cluster_set_api_address(Cluster *c, uint32_t ip, uint16_t port);

/* Loading: every stored object in order of id, then once cluster_loaded(). Every node gets a fresh timeout. */
int cluster_load(Cluster *c, Object *o);
int cluster_loaded(Cluster *c, usec_t now, uint64_t revision, uint64_t last_id);

/* Does what is due at `now` (health, removals, virtual beats, pods that end, pods that wait), or as much of it as others may be kept
 * waiting for: cluster_deadline() is not in the future while something is left. Called late by more than a second, also after the step
 * before, it takes its own lateness for a stall and gives every node a fresh timeout: beats may have been waiting meanwhile.
 * 0, or -ENOMEM: call again. */
int cluster_step(Cluster *c, usec_t now);
/* When cluster_step() next has something to do; USEC_INFINITY for never. */
usec_t cluster_deadline(const Cluster *c);

/* While frozen nothing durable changes: the disk does not take it. Operations are refused with -ENOSPC, beats only
 * keep nodes alive. Thawing gives every node a fresh timeout. */
void cluster_freeze(Cluster *c);
void cluster_thaw(Cluster *c, usec_t now);
bool cluster_is_frozen(const Cluster *c);
/* Undoes what is not durable. Negative: start again from disk. */
int cluster_undo(Cluster *c, usec_t now);

Store *cluster_store(Cluster *c);
usec_t cluster_heartbeat_interval(const Cluster *c);
EventLog *cluster_events(Cluster *c);
/* Where documents that say the same are one. */
DocPool *cluster_documents(Cluster *c);

typedef struct ClusterStats {
        uint32_t nodes_by_health[4]; /* by NodeHealth */
        uint32_t pods_by_status[8];  /* by PodStatus */
        uint32_t pods_bound;
        uint64_t n_heartbeats;
        uint64_t n_placed, n_unplaced; /* attempts of the scheduler that found a node, and that found none */
        uint32_t n_pending;
        uint64_t wait_histogram[16];   /* placed pods by time in the queue: [i] = less than 2^i ms; the last is the rest */
        usec_t wait_usec;              /* sum of those times */
} ClusterStats;

void cluster_stats(const Cluster *c, ClusterStats *ret);
