/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What the controllers of pods and their owners share. */

#include "core/control/objects.h"

typedef struct PodCounts {
        int64_t all;       /* neither ended nor ending */
        int64_t ready;
        int64_t succeeded, failed;
        int64_t ending;    /* being removed */
} PodCounts;

static inline bool pod_is_active(const Pod *p) {
        return p->status != POD_SUCCEEDED && p->status != POD_FAILED && p->status != POD_TERMINATING && p->deleted == 0;
}
/* Counts the pods that the object owns. */
PodCounts count_pods(const ObjectState *s);
/* Creates a pod of the template, named PREFIX-xxxxx, that `owner` controls, and tells so as `component`. */
int create_pod_from(Cluster *c, StoreEntry *owner, const Json *template, const char *prefix, const char *component, Error *reterr);

/* Gives an object an owner that controls it, or takes that owner's references away. */
int set_controller(Cluster *c, StoreEntry *entry, const Object *owner, bool add);

/* A number of a status: counters that are zero are left out, as Kubernetes leaves them out. */
void status_set_count(Edit *e, Json *status, const char *key, int64_t value);
/* Sets a condition; its lastTransitionTime moves when its status does, its lastUpdateTime when anything does. */
void status_set_condition(Edit *e, Json *status, const char *type, const char *value, const char *reason, const char *message);
/* Is that condition True? */
bool status_has_condition(const Json *status, const char *type);

/* Tells of the object: an Event of its namespace; the same again counts on the one that is there. Out of memory loses it. */
void record_event(Cluster *c, StoreEntry *about, const char *type, const char *reason, const char *component, const char *format, ...)
        _printf_(6, 7);
