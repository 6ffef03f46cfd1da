/* SPDX-License-Identifier: Apache-2.0 */
/* ReplicaSets: as many pods of a template as asked for. Kubernetes documentation, "ReplicaSet". */
#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/control/controllers/controllers.h"
#include "core/control/controllers/victims.h"
#include "core/control/controllers/workload.h"
#include "core/control/owners.h"
#include "core/control/selectors.h"
#include "core/control/turn.h"

/* More are made or removed in the next turn. */
#define BURST 250

#define COMPONENT "replicaset-controller"

static bool may_adopt(const Pod *p, const char *namespace, const Json *selector) {
        const Object *o = &p->object;

        return o->doc && pod_is_active(p) && !doc_controller(o->doc) && object_is_in(o, namespace) && label_selector_matches(selector, o->doc);
}

/* Takes pods without a controller that it selects, up to that many. Each look goes on where the one before ended, as long as no pod that it
 * has been through is another than it was. 1: it has not been through all of them. */
static int adopt_pods(Cluster *c, ObjectState *s, const Json *selector, int64_t missing) {
        TimedState *ts = timed_state(s);
        size_t n_namespace, hint = 0;
        const char *ns = object_namespace(s->entry.object, &n_namespace);
        _cleanup_free_ char *namespace = strndup(ns, n_namespace);
        StoreEntry *e;
        int r;

        if (!namespace)
                return -ENOMEM;
        if (ts->scanned_version != c->strays_version) {
                ts->scanned_version = c->strays_version;
                ts->scanned = 0;
        }
        for (size_t n = 0; missing > 0 && (e = store_next(c->store, KIND_POD, ts->scanned, &hint)); n++) {
                if (n >= look_max(c))
                        return 1;
                if (may_adopt((const Pod*) e->object, namespace, selector)) {
                        r = set_controller(c, e, s->entry.object, true);
                        if (r < 0)
                                return r;
                        missing--;
                }
                ts->scanned = e->object->id;
        }
        return 0;
}

static int remove_pods(Cluster *c, ObjectState *s, int64_t too_many) {
        ObjectState *pod;
        int r = 1;

        for (int64_t i = 0; i < MIN(too_many, (int64_t) BURST) && r >= 0; i++) {
                r = victims_next(c, s, &pod);
                if (r <= 0)
                        break;
                record_event(c, &s->entry, "Normal", "SuccessfulDelete", COMPONENT, "Deleted pod: %s", object_name(pod->entry.object));
                r = object_delete(c, &pod->entry, &(DeleteOptions) { .grace_seconds = -1 });
        }
        return r == -EAGAIN ? 1 : MIN(r, 0);
}

/* *ret_failed: they cannot be created, which `error` tells of. */
static int create_pods(Cluster *c, ObjectState *s, const Json *template, int64_t missing, bool *ret_failed, Error *error) {
        int r = 0;

        for (int64_t i = 0; i < MIN(missing, (int64_t) BURST) && r >= 0; i++)
                r = create_pod_from(c, &s->entry, template, object_name(s->entry.object), COMPONENT, error);
        if (r >= 0 || r == -ENOMEM || r == -EEXIST)
                return r == -EEXIST ? 0 : r;
        record_event(c, &s->entry, "Warning", "FailedCreate", COMPONENT, "Error creating: %s", error_message(error));
        *ret_failed = true;
        return 0;
}

/* 1: there is more to go through before it can be said what is missing. */
static int scale(Cluster *c, ObjectState *s, const Json *spec, bool *ret_failed, Error *error) {
        int64_t wanted = json_i64(json_get(spec, "replicas"), 1), all;
        int r;

        r = release_pods(c, s, json_get(spec, "selector"), NULL);
        all = timed_state(s)->pods.all;
        if (all <= wanted)
                victims_forget(s);
        if (r == 0 && all < wanted) {
                r = adopt_pods(c, s, json_get(spec, "selector"), wanted - all);
                all = timed_state(s)->pods.all;
        }
        if (r != 0)
                return r;
        if (all < wanted)
                return create_pods(c, s, json_get(spec, "template"), wanted - all, ret_failed, error);
        return all > wanted ? remove_pods(c, s, all - wanted) : 0;
}

static int update_status(Cluster *c, ObjectState *s, const PodCounts *n, const Error *failure) {
        _cleanup_edit_ Edit e = {};
        Json *status;
        int r;

        r = edit_begin(&e, c, &s->entry);
        if (r < 0)
                return r;
        status = json_ensure(&e.arena, e.root, "status", JSON_OBJECT);
        json_set_i64(&e.arena, status, "replicas", n->all);
        status_set_count(&e, status, "fullyLabeledReplicas", n->all);
        status_set_count(&e, status, "readyReplicas", n->ready);
        status_set_count(&e, status, "availableReplicas", n->available);
        status_set_count(&e, status, "observedGeneration", s->entry.object->doc->generation);
        if (!failure)
                status_remove_condition(status, "ReplicaFailure");
        else if (!status_find_condition(status, "ReplicaFailure"))
                status_set_condition(&e, status, "ReplicaFailure", "True", "FailedCreate", error_message(failure));
        return edit_commit(&e);
}

/* When it is to look again though nothing changes. */
static int plan(Cluster *c, ObjectState *s, const PodCounts *n, bool failed) {
        usec_t at = n->next;

        if (failed)
                at = MIN(at, controller_retry_time(c, timed_state(s)));
        else
                timed_state(s)->n_failures = 0;
        return controller_look_at(c, s, at);
}

int reconcile_replica_set(Cluster *c, ObjectState *s) {
        bool alive = s->entry.object->doc->deleted == 0, failed = false;
        _cleanup_error_ Error error = ERROR_NULL;
        _cleanup_edit_ Edit e = {}; /* only read */
        usec_t min_ready;
        int64_t wanted;
        PodCounts n;
        int r;

        r = edit_begin(&e, c, &s->entry);
        if (r >= 0 && alive)
                r = scale(c, s, json_get(e.root, "spec"), &failed, &error);
        if (r < 0)
                return r;
        if (r > 0) {
                object_mark(c, s);
                return 1;
        }
        wanted = json_i64(json_at(e.root, "spec", "replicas", NULL), 1);
        min_ready = spec_seconds(json_get(e.root, "spec"), "minReadySeconds");
        n = count_pods(c, s, min_ready == USEC_INFINITY ? 0 : min_ready);
        r = update_status(c, s, &n, failed ? &error : NULL);
        if (r >= 0)
                r = plan(c, s, &n, failed);
        if (r < 0)
                return r;
        if (alive && !failed && (n.all + BURST < wanted || n.all > wanted + BURST))
                object_mark(c, s);
        if (s->owner)
                object_mark(c, s->owner); /* a Deployment waits for pods that are ending, which no status tells of */
        return 0;
}
