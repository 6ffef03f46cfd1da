/* SPDX-License-Identifier: Apache-2.0 */
/* What a Deployment says about itself. Kubernetes documentation, "Deployment status"; the conditions, their words and when their
 * times move are those of its controller. */
#include <stdio.h>

#include "basic/string-util.h"
#include "core/control/controllers/controllers.h"
#include "core/control/controllers/deployment-internal.h"

#define PROGRESSING "Progressing"

/* Takes the place of the one of its type, at the end, unless status and reason are as they were; renew: even then.
 * lastUpdateTime moves whenever it is set, lastTransitionTime with its status. */
static void set_condition(Rollout *r, Json *status, const char *type, const char *value, const char *reason, const char *message, bool renew) {
        Json *old = status_find_condition(status, type), *new;
        JsonArena *a = &r->edit.arena;
        Json *now = json_new_time(a, cluster_now_realtime(r->cluster)), *since = NULL;

        if (old && streq_ptr(json_string(json_get(old, "status")), value)) {
                if (streq_ptr(json_string(json_get(old, "reason")), reason) && !renew)
                        return;
                since = json_copy(a, json_get(old, "lastTransitionTime"));
        }
        json_detach(old);
        new = json_new(a, JSON_OBJECT);
        json_set_string(a, new, "type", type);
        json_set_string(a, new, "status", value);
        json_set(a, new, "lastUpdateTime", now);
        json_set(a, new, "lastTransitionTime", since ?: json_copy(a, now));
        json_set_string(a, new, "reason", reason);
        json_set_string(a, new, "message", message);
        json_append(json_ensure(a, status, "conditions", JSON_ARRAY), new);
}

static const char *progress_reason(const Json *status) {
        return strempty(json_string(json_get(status_find_condition(status, PROGRESSING), "reason")));
}

/* USEC_INFINITY: there is none. */
static usec_t deadline_span(const Rollout *r) {
        return spec_seconds(r->spec, "progressDeadlineSeconds");
}

void rollout_set_created(Rollout *r, Json *status, const char *name, const char *failure) {
        char message[600];

        if (deadline_span(r) == USEC_INFINITY)
                return;
        (void) snprintf(message, sizeof(message), "Created new replica set \"%s\"", name);
        set_condition(r, status, PROGRESSING, failure ? "False" : "True", failure ? "ReplicaSetCreateError" : "NewReplicaSetCreated", failure ?: message, false);
}

/* Time does not run while it is paused, and runs anew when it goes on; one that is past its deadline stays so. */
static void set_paused(Rollout *r, Json *status) {
        const char *reason = progress_reason(status);

        if (deadline_span(r) == USEC_INFINITY || streq(reason, "ProgressDeadlineExceeded"))
                return;
        if (r->paused)
                set_condition(r, status, PROGRESSING, "Unknown", "DeploymentPaused", "Deployment is paused", false);
        else if (streq(reason, "DeploymentPaused"))
                set_condition(r, status, PROGRESSING, "Unknown", "DeploymentResumed", "Deployment is resumed", false);
}

typedef struct Totals {
        int64_t all, updated, ready, available;
} Totals;

static Totals read_totals(const Json *status) {
        return (Totals) {
                .all = json_i64(json_get(status, "replicas"), 0),
                .updated = json_i64(json_get(status, "updatedReplicas"), 0),
                .ready = json_i64(json_get(status, "readyReplicas"), 0),
                .available = json_i64(json_get(status, "availableReplicas"), 0),
        };
}

static Totals count_totals(const Rollout *r) {
        Totals t = { .updated = r->new ? r->new->has : 0, .available = rollout_sum_available(r) };

        for (size_t i = 0; i < r->n_versions; i++) {
                t.all += r->versions[i].has;
                t.ready += r->versions[i].ready;
        }
        return t;
}

static bool is_complete(const Rollout *r, const Totals *t) {
        return t->updated == r->replicas && t->all == r->replicas && t->available == r->replicas;
}

static bool has_progressed(const Totals *before, const Totals *now) {
        return now->updated > before->updated || now->all - now->updated < before->all - before->updated || now->ready > before->ready ||
               now->available > before->available;
}

/* When the present condition is too old; USEC_INFINITY: it has all the time. */
static usec_t progress_ends(const Rollout *r, const Json *status) {
        const Json *condition = status_find_condition(status, PROGRESSING);
        const char *reason = progress_reason(status);

        if (!condition || r->paused || streq(reason, "NewReplicaSetAvailable") || streq(reason, "ProgressDeadlineExceeded"))
                return USEC_INFINITY;
        return usec_add(status_time(condition, "lastUpdateTime"), deadline_span(r));
}

static void set_progressing(Rollout *r, Json *status, const Totals *before, const Totals *now) {
        const char *of = r->new ? "ReplicaSet" : "Deployment";
        const char *name = object_name(r->new ? r->new->state->entry.object : r->state->entry.object);
        bool complete = now->all == now->updated && streq(progress_reason(status), "NewReplicaSetAvailable");
        char message[600];

        if (deadline_span(r) == USEC_INFINITY) {
                status_remove_condition(status, PROGRESSING);
                return;
        }
        if (r->new && !status_find_condition(status, PROGRESSING)) {
                (void) snprintf(message, sizeof(message), "Found new replica set \"%s\"", name);
                set_condition(r, status, PROGRESSING, "True", "FoundNewReplicaSet", message, false);
        }
        if (complete)
                return; /* pods that come and go are not its progress */
        if (is_complete(r, now)) {
                (void) snprintf(message, sizeof(message), "%s \"%s\" has successfully progressed.", of, name);
                set_condition(r, status, PROGRESSING, "True", "NewReplicaSetAvailable", message, false);
        } else if (has_progressed(before, now)) {
                (void) snprintf(message, sizeof(message), "%s \"%s\" is progressing.", of, name);
                set_condition(r, status, PROGRESSING, "True", "ReplicaSetUpdated", message, true);
        } else if (progress_ends(r, status) < cluster_now_realtime(r->cluster)) {
                (void) snprintf(message, sizeof(message), "%s \"%s\" has timed out progressing.", of, name);
                set_condition(r, status, PROGRESSING, "False", "ProgressDeadlineExceeded", message, false);
        }
}

static const Json *find_failure(const Rollout *r) {
        const Json *failure = r->new ? status_find_condition(json_get(r->new->edit.root, "status"), "ReplicaFailure") : NULL;

        for (size_t i = 0; i < r->n_versions && !failure; i++)
                failure = status_find_condition(json_get(r->versions[i].edit.root, "status"), "ReplicaFailure");
        return failure;
}

/* Pods that one of its ReplicaSets cannot create. */
static void set_failure(Rollout *r, Json *status) {
        const Json *failure = find_failure(r);

        if (!failure) {
                status_remove_condition(status, "ReplicaFailure");
                return;
        }
        set_condition(r, status, "ReplicaFailure", strempty(json_string(json_get(failure, "status"))), strempty(json_string(json_get(failure, "reason"))),
                      strempty(json_string(json_get(failure, "message"))), false);
}

static void set_available(Rollout *r, Json *status, const Totals *t) {
        bool enough = t->available >= r->replicas - r->unavailable;

        set_condition(r, status, "Available", enough ? "True" : "False", enough ? "MinimumReplicasAvailable" : "MinimumReplicasUnavailable",
                      enough ? "Deployment has minimum availability." : "Deployment does not have minimum availability.", false);
}

static void set_totals(Rollout *r, Json *status, const Totals *t) {
        Edit *e = &r->edit;

        status_set_count(e, status, "observedGeneration", r->state->entry.object->doc->generation);
        status_set_count(e, status, "replicas", t->all);
        status_set_count(e, status, "updatedReplicas", t->updated);
        status_set_count(e, status, "readyReplicas", t->ready);
        status_set_count(e, status, "availableReplicas", t->available);
        status_set_count(e, status, "unavailableReplicas", MAX(rollout_sum_wanted(r) - t->available, (int64_t) 0));
}

int rollout_update_status(Rollout *r, bool rolling, bool *ret_complete) {
        Json *status = json_ensure(&r->edit.arena, r->edit.root, "status", JSON_OBJECT);
        Json *annotations = json_ensure(&r->edit.arena, json_get(r->edit.root, "metadata"), "annotations", JSON_OBJECT);
        Totals before = read_totals(status), now = count_totals(r);
        char revision[24];
        int k;

        if (r->new) {
                (void) snprintf(revision, sizeof(revision), "%llu", (unsigned long long) r->new->revision);
                json_set_string(&r->edit.arena, annotations, DEPLOYMENT_REVISION, revision);
        }
        set_totals(r, status, &now);
        set_paused(r, status);
        set_available(r, status, &now);
        if (rolling)
                set_progressing(r, status, &before, &now);
        set_failure(r, status);
        *ret_complete = is_complete(r, &now);
        k = controller_look_at(r->cluster, r->state, usec_add(progress_ends(r, status), 1)); /* it ends after its last moment */
        return k < 0 ? k : edit_commit(&r->edit);
}
