/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The table of kinds that the Kubernetes front door serves: a kind is a row and a file of its own. */

#include "core/cluster.h"

/* Kubernetes namespaces are not simulated yet: every pod is in this one. */
#define KUBE_NAMESPACE "default"
#define KUBE_LEASE_NAMESPACE "kube-node-lease"

typedef struct KubeColumn {
        const char *name;
        bool is_name; /* format "name" */
        bool wide;    /* shown with -o wide only */
} KubeColumn;

/* What a field selector may name. */
typedef struct KubeField {
        const char *path;
        const char *(*get)(const Object *o); /* never NULL; borrowed from o */
} KubeField;

typedef struct KubeResource {
        const char *group;       /* "" is the core group; every version is v1 */
        const char *api_version; /* "v1", "GROUP/v1" */
        const char *plural, *singular, *short_name, *kind, *list_kind; /* short_name may be NULL */
        const char *category;    /* of "kubectl get all", or NULL */
        const char *namespace;   /* the one that all of them are in; NULL: they are in none */
        bool deletable;
        Kind store_kind;
        /* Kinds that are not in the store but made when they are asked for, and so cannot be watched: calls visit with each,
         * in order. NULL: the store has them. */
        void (*each)(Cluster *c, void (*visit)(const Object *o, void *userdata), void *userdata);
        const KubeColumn *columns; /* ends with a NULL name */

        /* Appends "metadata", "spec" and "status" members: what stands between the braces after apiVersion and kind. */
        void (*put_metadata)(Cluster *c, const Object *o, uint64_t revision, StrBuf *b);
        void (*put_rest)(Cluster *c, const Object *o, StrBuf *b);
        /* Appends the cells of a row, separated by commas. now: realtime. */
        void (*put_cells)(Cluster *c, const Object *o, usec_t now, StrBuf *b);
        /* The value of a label, NULL when it has none; borrowed from o. */
        const char *(*label)(const Object *o, const char *key);
        const KubeField *fields; /* ends with a NULL path */
} KubeResource;

extern const KubeResource kube_events;
extern const KubeResource kube_leases;
extern const KubeResource kube_namespaces;
extern const KubeResource kube_nodes;
extern const KubeResource kube_pods;

size_t kube_resource_count(void);
const KubeResource *kube_resource_get(size_t i);
/* NULL when there is none. */
const KubeResource *kube_resource_find(const char *group, const char *version, const char *plural);

/* --- For the rows --- */
/* {"name":...,"uid":...,"resourceVersion":...,"creationTimestamp":... without the closing brace. */
void kube_put_metadata_head(const Object *o, uint64_t revision, StrBuf *b);
/* An RFC 3339 time in whole seconds, as metav1.Time is. */
void kube_put_time(StrBuf *b, usec_t realtime);
/* Millicores as a quantity: "2", "1500m". */
void kube_put_cpu(StrBuf *b, int64_t milli);
/* "5m40s": how long ago, in the words of kubectl (k8s.io/apimachinery, duration.HumanDuration). */
void kube_put_age(StrBuf *b, usec_t since, usec_t now);
/* {"type":...,"status":...,"lastTransitionTime":...,"reason":...,"message":...} */
void kube_put_condition(StrBuf *b, const char *type, const char *status, usec_t since, const char *reason, const char *message);
