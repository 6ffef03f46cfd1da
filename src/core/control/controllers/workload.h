/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the controllers of pods and their owners share. */

#include "core/control/objects.h"

typedef struct PodCounts {
        int64_t all;       /* neither ended nor ending */
        int64_t ready;
        int64_t available; /* ready for long enough */
        int64_t ending;    /* being removed */
        usec_t next;       /* realtime at which the next ready one will be available; USEC_INFINITY: none will by time alone */
} PodCounts;

static inline bool pod_is_active(const Pod *p) {
        return p->status != POD_SUCCEEDED && p->status != POD_FAILED && p->status != POD_TERMINATING && p->deleted == 0;
}
/* Counts the pods that the object owns, which is of a kind whose controller keeps time; available are those that have been ready for
 * that span, since they first were. Of very many pods it may take a while until those that have become available are among them. */
PodCounts count_pods(const Cluster *c, ObjectState *s, usec_t min_ready);
/* Creates a pod of the template, named PREFIX-xxxxx, that `owner` controls, and tells so as `component`. */
int create_pod_from(Cluster *c, StoreEntry *owner, const Json *template, const char *prefix, const char *component, Error *reterr);

/* The pod of a template, before admission, that a controller names PREFIX-xxxxx. NULL: see json_arena_error(). */
Json *make_pod_from(JsonArena *a, const Json *template, const char *prefix);
/* Creates a copy of that pod, which is admitted already, on that node, named after its owner, and tells so. */
int create_pod_on(Cluster *c, StoreEntry *owner, const Json *pod, const char *node, const char *component, Error *reterr);
/* Lets go of pods whose labels it no longer selects, of those that have come or changed, and asks `keep` (may be NULL) about the others. 1: there
 * are more than it goes through in one look, it is to be looked at again before anything else is done. */
int release_pods(Cluster *c, ObjectState *s, const Json *selector, int (*keep)(Cluster *c, ObjectState *s, PodState *pod));
/* A name for a template: FNV-1a of its text in letters that make no words (as k8s.io/apimachinery, rand.SafeEncodeString). */
#define TEMPLATE_HASH_MAX 11
void hash_template(const Json *template, int64_t collisions, char buf[TEMPLATE_HASH_MAX]);
/* A number or a share of n in percent, rounded up or down; `otherwise` when it is neither. */
int64_t share_of(const Json *v, int64_t n, bool up, int64_t otherwise);

/* Gives an object an owner that controls it, or takes that owner's references away. */
int set_controller(Cluster *c, StoreEntry *entry, const Object *owner, bool add);

/* A span in seconds of a spec. USEC_INFINITY: it is not there. */
usec_t spec_seconds(const Json *spec, const char *key);
/* A time of a status; 0: it is not there. */
usec_t status_time(const Json *object, const char *key);
/* A number of a status: counters that are zero are left out, as Kubernetes leaves them out. */
void status_set_count(Edit *e, Json *status, const char *key, int64_t value);
/* The condition of that type, or NULL. */
Json *status_find_condition(const Json *status, const char *type);
/* Sets a condition; its lastTransitionTime moves when its status does, its lastProbeTime (of Jobs) when anything does. */
void status_set_condition(Edit *e, Json *status, const char *type, const char *value, const char *reason, const char *message);
void status_remove_condition(Json *status, const char *type);
/* Is that condition True? */
bool status_has_condition(const Json *status, const char *type);

/* Tells of the object, of a kind whose controller keeps time: an Event of its namespace; the same again counts on the one that is there, and
 * very much that is alike is not told one by one (events.c). Out of memory loses it. */
void record_event(Cluster *c, StoreEntry *about, const char *type, const char *reason, const char *component, const char *format, ...)
        _printf_(6, 7);
