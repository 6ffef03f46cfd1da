/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the scheduler reads of a pod, decoded once. Pods that it cannot tell apart (those of one template) share one class, so that
 * what has been found out about one of them is true of all. Immutable and counted. Sources of the fields: the Kubernetes API
 * reference of PodSpec, Affinity, TopologySpreadConstraint, Toleration. */

#include "basic/hashtable.h"
#include "basic/list.h"
#include "core/model/doc.h"
#include "core/model/requirement.h"
#include "core/model/resources.h"

typedef enum TaintEffect {
        TAINT_NO_SCHEDULE,
        TAINT_PREFER_NO_SCHEDULE,
        TAINT_NO_EXECUTE,
        _TAINT_EFFECT_MAX,
        _TAINT_EFFECT_INVALID = -EINVAL,
} TaintEffect;

TaintEffect taint_effect_from_string(const char *s);
const char *taint_effect_to_string(TaintEffect e);

typedef struct Toleration {
        const char *key, *value; /* key "": every taint */
        bool exists;             /* the value does not matter */
        int effect;              /* TaintEffect, or _TAINT_EFFECT_MAX: every effect */
        usec_t span;             /* USEC_INFINITY: for ever */
} Toleration;

/* Does it tolerate such a taint? */
bool toleration_covers(const Toleration *t, const char *key, const char *value, TaintEffect effect);

typedef struct PreferredTerm {
        Requirements requirements;
        int64_t weight;
} PreferredTerm;

/* Of pod affinity and anti-affinity. */
typedef struct PodTerm {
        Requirements selector;       /* of pods */
        Requirements namespaces;     /* of namespaces, by their labels */
        const char **names;          /* of namespaces beside those; owned array */
        size_t n_names;
        bool selects_namespaces;     /* there is a namespaceSelector */
        const char *topology_key;
        int64_t weight;              /* of preferred ones; negative: anti-affinity */
} PodTerm;

typedef struct SpreadConstraint {
        Requirements selector;
        const char *topology_key;
        int64_t max_skew, min_domains;
        bool hard;                   /* DoNotSchedule */
        bool ignores_affinity;       /* nodeAffinityPolicy: Ignore */
        bool honors_taints;          /* nodeTaintsPolicy: Honor */
} SpreadConstraint;

typedef struct HostPort {
        const char *ip, *protocol;
        int64_t port;
} HostPort;

/* Are there clients of the same port of the same address? */
bool host_port_conflicts(const HostPort *a, const HostPort *b);

/* Pods that are placed all or none (annotations of POD_ANNOTATION_GANG_*). */
typedef struct Gang {
        const char *name; /* NULL: none */
        uint32_t min_member;
        usec_t timeout;   /* span after which it is given up; USEC_INFINITY: never */
} Gang;

#define POD_ANNOTATION_GANG "kubesim.io/pod-group"
#define POD_ANNOTATION_GANG_MIN "kubesim.io/pod-group-min-member"
#define POD_ANNOTATION_GANG_TIMEOUT "kubesim.io/pod-group-timeout"

typedef struct PodClass PodClass;
typedef struct PodClassPool PodClassPool;

/* What classes ask for that differ in whose pods they are alone: in labels, owner and gang (pods of a StatefulSet, of an indexed Job). */
typedef struct PodShape {
        char *text;       /* its identity: the part of the classes' text that they have in common; owned */
        ListLink classes; /* PodClass.in_shape, at least one */
        ListLink in_terms; /* in PodClassPool.with_terms */
} PodShape;

struct PodClass {
        uint32_t n_ref;
        uint64_t id;                /* never used again */
        PodClassPool *pool;         /* weak */
        ListLink in_gang;           /* in PodClassPool.with_gang */
        uint32_t n_bound;           /* pods of it that are on nodes; kept by core/control/state.c */
        PodShape *shape;
        ListLink in_shape;          /* in PodShape.classes */
        uint32_t n_nominated;       /* pods of it that are nominated to nodes; kept by core/sched/sched-node.c */

        struct ClassQueue *queue;   /* weak: of its pods that wait; kept by core/control/class-queue.c */

        const char *text;           /* its identity: what it was read from, in a fixed form; owned */
        JsonArena arena;            /* of everything that is borrowed below */
        const char *namespace;
        DocLabel *labels;           /* owned array */
        size_t n_labels;
        const char *owner;          /* "Kind/name" of its controller, or NULL */

        int32_t priority;
        bool preempts;              /* preemptionPolicy is not Never */
        const char *algorithm;      /* that its schedulerName asks for; NULL: the cluster's */

        Resources requests;
        int64_t counted_cpu, counted_memory; /* with the defaults of what does not ask */
        ExtendedResource *extended;
        size_t n_extended;

        Requirements node_selector;
        Requirements *node_terms;   /* requiredDuringScheduling...: one must hold */
        size_t n_node_terms;
        bool has_node_terms;
        bool names_nodes;           /* each of them says by name which nodes it means */
        PreferredTerm *preferred;
        size_t n_preferred;
        Toleration *tolerations;
        size_t n_tolerations;
        HostPort *ports;
        size_t n_ports;
        const char **images;
        size_t n_images;
        SpreadConstraint *spread;
        size_t n_spread;
        PodTerm *affinity, *anti_affinity, *preferred_pods;
        size_t n_affinity, n_anti_affinity, n_preferred_pods;
        Gang gang;
        bool simple;                /* it asks for CPU and nothing else, as pods of the native API do */
};

struct PodClassPool {
        const char *scheduler_name; /* of pods that are not another scheduler's; borrowed; NULL: POD_SCHEDULER_DEFAULT */
        HashTable by_text, shapes;
        uint64_t last_id;
        ListLink with_terms;        /* PodShape.in_terms: those with affinity or anti-affinity to other pods */
        uint64_t terms_version;     /* grows with every one of them that comes or goes */
        size_t n_anti;              /* those with required anti-affinity */
        ListLink with_gang;         /* PodClass.in_gang */
        struct PriorityCount *priorities; /* owned: how many classes of each priority there are, ascending */
        size_t n_priorities, priorities_allocated;
};

void pod_class_pool_init(PodClassPool *p, const uint64_t secret[2]);
/* No class may be left. */
void pod_class_pool_done(PodClassPool *p);

/* The class of a pod with that document in that namespace; *ret is a reference. -EDOM for what cannot be counted (the message names
 * the field), -ENOMEM. */
int pod_class_of(PodClassPool *p, const char *namespace, const Json *document, PodClass **ret, Error *reterr);
/* May there be pods of a lower priority? Those without a class have priority 0. */
bool pod_class_pool_has_lower(const PodClassPool *p, int32_t priority);
PodClass *pod_class_ref(PodClass *c);
PodClass *pod_class_unref(PodClass *c); /* NULL is fine */
DEFINE_CLEANUP(PodClass*, pod_class_unref)

/* Any class of the shape: they have the same terms. */
const PodClass *pod_shape_class(const PodShape *s);

/* Who knows the labels of namespaces. */
typedef struct NamespaceLabels {
        const char *(*get)(const char *namespace, const char *key, void *userdata); /* NULL: there is no such label */
        void *userdata;
} NamespaceLabels;

/* Do the labels and the namespace of `other` meet the term? */
bool pod_term_matches(const PodTerm *t, const PodClass *other, const NamespaceLabels *namespaces);
/* A label_of_t for classes. */
const char *pod_class_label(const void *class, const char *key, bool of_name);
/* How long it stays on a node with such a taint: 0 = not at all. */
usec_t pod_class_tolerates(const PodClass *c, const char *key, const char *value, TaintEffect effect);
