/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The table of kinds that the Kubernetes front door serves: a kind is a row, and at most a file of its own rules. */

#include "core/cluster.h"
#include "core/model/doc.h"
#include "core/model/node.h"
#include "kubesimd/api/kube/types/schema.h"

#define KUBE_LEASE_NAMESPACE "kube-node-lease"

typedef struct KubeColumn {
        const char *name;
        const char *type;   /* "string", "integer", "boolean", "date" */
        bool is_name;       /* format "name" */
        bool wide;          /* shown with -o wide only */
        const char *format, *description; /* of a definition; may be NULL */
        int64_t priority;   /* of a definition; others have `wide` */
} KubeColumn;

/* What a field selector may name. */
typedef struct KubeField {
        const char *path;
        const char *(*get)(const Object *o); /* borrowed from o; when there is none, or it gives NULL, the document says */
        const char *otherwise; /* when the document does not; NULL: "" */
} KubeField;

typedef struct KubeResource KubeResource;
typedef int (*kube_visit_t)(const char *key, const void *of, unsigned part, void *userdata);
typedef struct KubeWrite KubeWrite;
typedef struct CustomVersion CustomVersion;

struct KubeResource {
        const char *group, *version; /* "" is the core group */
        const char *plural, *singular, *short_names, *kind; /* short names with commas between; may be NULL */
        const char *list_kind;       /* NULL: the kind with List after it */
        const char *category;        /* of "kubectl get all", or NULL; several with commas between */
        const char *subresources;    /* "status,scale", or NULL */
        const char *schema;          /* of schema.tsv, or NULL: anything goes */
        Kind store_kind;
        bool namespaced;
        bool read_only;              /* get and list only */
        bool create_only;            /* reviews: answered at once, and not kept */
        bool no_generation, no_deletecollection;
        const CustomVersion *custom; /* of a CustomResourceDefinition (custom.h); NULL: one of our own */
        /* Objects that are not in the store but made when they are asked for, beside those that are. Calls visit with the key of each
         * that was known at that revision, in any order, and with what it is made of (of which several may be: a part each); ends when
         * visit does not return 0. */
        int (*each_made)(Cluster *c, uint64_t revision, kube_visit_t visit, void *userdata);
        int (*make)(Cluster *c, const void *of, unsigned part, Object **ret); /* -EEXIST: there is one in the store that counts instead */
        bool only_made;              /* there are no others, and so nothing to watch */
        bool made_watch;             /* events: those of the event log are watched with the others */
        /* Leases: each is made of a node (an Object), and renewed at that time (realtime). NULL: these are not. */
        usec_t (*renewed)(Cluster *c, const Object *node);

        const KubeColumn *columns;   /* ends with a NULL name; NULL: Name and Created At */
        /* Appends what stands between the braces: the metadata object; then ',"spec":...' and so on. NULL: the document as it is. */
        void (*put_metadata)(Cluster *c, const Object *o, uint64_t revision, StrBuf *b);
        void (*put_rest)(Cluster *c, const Object *o, StrBuf *b);
        /* Appends the cells of a row, separated by commas; one of the two. now: realtime. root: the document. */
        void (*put_cells)(Cluster *c, const Object *o, usec_t now, StrBuf *b);
        void (*put_document_cells)(const Object *o, const Json *root, usec_t now, StrBuf *b);
        /* The value of a label that is not in the document, NULL when it has none; borrowed. May be NULL. */
        const char *(*label)(const Object *o, const char *key);
        const KubeField *fields;     /* beside metadata.name and metadata.namespace; ends with a NULL path; may be NULL */

        /* Fills in what Kubernetes fills in; what its admission adds or refuses; checks what Kubernetes checks. old is NULL at creation. */
        void (*complete)(KubeWrite *w, Json *object, const Json *old);
        int (*admit)(KubeWrite *w, Json *object, const Json *old, Error *reterr);
        const struct Check *checks; /* those that are data (check.h); may be NULL */
        void (*validate)(KubeWrite *w, const Json *object, const Json *old);
        /* Changes a status that clients have written into, as it is laid over ours, to what has become of it. May be NULL. */
        void (*finish_status)(const Object *o, JsonArena *a, Json *status);
        /* Takes out what is made again when it is shown; o is the present version, NULL at creation. May be NULL. */
        void (*strip)(Cluster *c, JsonArena *a, Json *object, const Object *o);
};

/* --- Those of our own; custom.h has them with those of definitions --- */
size_t kube_resource_count(void);
const KubeResource *kube_resource_get(size_t i);
/* NULL when there is none. */
const KubeResource *kube_resource_find(const char *group, const char *version, const char *plural);
/* Is it a name of one of them: of the resource, short, of the kind or of its lists? */
bool kube_resource_is_reserved(const char *group, const char *name);

bool kube_resource_has(const KubeResource *r, const char *subresource);
/* "v1", "apps/v1": what stands in apiVersion. buf holds KUBE_API_VERSION_MAX bytes; returns buf. */
#define KUBE_API_VERSION_MAX 320
const char *kube_api_version(const KubeResource *r, char *buf);
/* The type that its fields are of; NULL: anything goes. */
const SchemaMessage *kube_schema(const KubeResource *r);
/* "pods", "deployments.apps": how errors name it. The same size. */
const char *kube_qualified(const KubeResource *r, char *buf);
/* The value of a label of that object, or NULL. */
const char *kube_label(const KubeResource *r, const Object *o, const char *key);

/* --- Rows in files of their own --- */
extern const KubeResource kube_nodes, kube_pods, kube_events, kube_new_events, kube_leases, kube_node_metrics, kube_pod_metrics, kube_definitions;

/* --- For the rows --- */
/* The node's own address; buf holds ADDRESS_STRING_MAX bytes and may be what is returned. */
const char *kube_node_address(const Node *n, char *buf);
/* {"name":...,"namespace":...,"uid":...,"resourceVersion":...,"creationTimestamp":... without the closing brace. */
void kube_put_metadata_head(const Object *o, uint64_t revision, StrBuf *b);
/* An RFC 3339 time in whole seconds, as metav1.Time is. */
void kube_put_time(StrBuf *b, usec_t realtime);
/* Millicores as a quantity: "2", "1500m". */
void kube_put_cpu(StrBuf *b, int64_t milli);
/* "5m40s": how long ago, in the words of kubectl (k8s.io/apimachinery, duration.HumanDuration), with quotes. */
void kube_put_age(StrBuf *b, usec_t since, usec_t now);
/* {"type":...,"status":...,"lastTransitionTime":...,"reason":...,"message":...} */
void kube_put_condition(StrBuf *b, const char *type, const char *status, usec_t since, const char *reason, const char *message);
