/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The kinds of objects that the store has. The numbers are on disk: new ones go to the end, none is used twice. */

#include "basic/macro.h"

#define KIND_CUSTOM_NAMESPACED_MAX 128
#define KIND_CUSTOM_CLUSTER_MAX 64

typedef enum Kind {
        KIND_NODE,
        KIND_POD,
        KIND_POLICY,    /* what an operator has chosen at run time, e.g. the scheduling algorithm */
        KIND_TOMBSTONE, /* a removed node whose agent has yet to be told */
        KIND_NAMESPACE,
        KIND_EVENT, /* those that clients write; our own are in the event log */
        KIND_LEASE, /* those that clients write; a node's is its heartbeat */
        KIND_CONFIG_MAP,
        KIND_SECRET,
        KIND_SERVICE_ACCOUNT,
        KIND_SERVICE,
        KIND_ENDPOINTS,
        KIND_ENDPOINT_SLICE,
        KIND_REPLICATION_CONTROLLER,
        KIND_REPLICA_SET,
        KIND_DEPLOYMENT,
        KIND_DAEMON_SET,
        KIND_STATEFUL_SET,
        KIND_CONTROLLER_REVISION,
        KIND_JOB,
        KIND_CRON_JOB,
        KIND_HORIZONTAL_POD_AUTOSCALER,
        KIND_POD_DISRUPTION_BUDGET,
        KIND_PRIORITY_CLASS,
        KIND_RESOURCE_QUOTA,
        KIND_LIMIT_RANGE,
        KIND_PERSISTENT_VOLUME,
        KIND_PERSISTENT_VOLUME_CLAIM,
        KIND_STORAGE_CLASS,
        KIND_CSI_NODE,
        KIND_ROLE,
        KIND_CLUSTER_ROLE,
        KIND_ROLE_BINDING,
        KIND_CLUSTER_ROLE_BINDING,
        KIND_INGRESS,
        KIND_NETWORK_POLICY,
        KIND_CUSTOM_RESOURCE_DEFINITION,
        KIND_CUSTOM, /* not used; its number was given away before the slots below were thought of */
        KIND_FAULT,  /* injected into virtual nodes */
        KIND_INGRESS_CLASS,
        _KIND_FIXED_MAX, /* kinds to come go before it; there is room up to the slots */

        /* Slots: every established CustomResourceDefinition has one, and its objects are of that kind. */
        KIND_CUSTOM_NAMESPACED = 128,
        KIND_CUSTOM_CLUSTER = KIND_CUSTOM_NAMESPACED + KIND_CUSTOM_NAMESPACED_MAX,
        _KIND_MAX = KIND_CUSTOM_CLUSTER + KIND_CUSTOM_CLUSTER_MAX,
        _KIND_INVALID = -EINVAL,
} Kind;

/* Is there such a kind? The numbers between those of our own and the slots are of none. */
bool kind_exists(Kind k);
/* Is it a slot, whose objects are of what a CustomResourceDefinition defines? */
static inline bool kind_is_custom(Kind k) {
        return k >= KIND_CUSTOM_NAMESPACED;
}
const char *kind_to_string(Kind k);   /* "Node", ... as in Kubernetes documents; "Custom" of all slots: their names are in the definition */
const char *kind_api_version(Kind k); /* "v1", "apps/v1" */
bool kind_is_namespaced(Kind k); /* false, as the next one, when there is no such kind */
/* Is it one of those that clients write as documents, without a view of our own? */
bool kind_is_document(Kind k);
/* Its objects together, lower case: "pods", "ingresses", "networkpolicies"; of fixed kinds. buf holds 64 bytes. */
void kind_plural(Kind k, char *buf);
/* By both, e.g. those of an owner reference; _KIND_INVALID when there is none, or only a definition knows it. */
Kind kind_find(const char *api_version, const char *kind);
