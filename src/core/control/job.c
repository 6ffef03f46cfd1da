/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: pods until so many have succeeded. Kubernetes documentation, "Jobs". A finished pod that is deleted stays counted. */
#include <stdio.h>

#include "basic/string-util.h"
#include "core/control/controllers.h"
#include "core/control/workload.h"

#define COMPONENT "job-controller"
#define BURST 250

typedef struct Progress {
        int64_t parallelism, completions, backoff_limit;
        bool any_success; /* no completions asked for: the first success ends it */
        int64_t active, ready, succeeded, failed;
        bool suspended, finished;
} Progress;

static Progress read_progress(const Cluster *c, const ObjectState *s, const Json *root) {
        const Json *spec = json_get(root, "spec"), *status = json_get(root, "status");
        PodCounts n = count_pods(c, s, 0);
        Progress p = {
                .parallelism = json_i64(json_get(spec, "parallelism"), 1),
                .completions = json_i64(json_get(spec, "completions"), -1),
                .backoff_limit = json_i64(json_get(spec, "backoffLimit"), 6),
                .active = n.all,
                .ready = n.ready,
                .succeeded = MAX(n.succeeded, json_i64(json_get(status, "succeeded"), 0)),
                .failed = MAX(n.failed, json_i64(json_get(status, "failed"), 0)),
                .suspended = json_is_true(json_get(spec, "suspend")),
                .finished = status_has_condition(status, "Complete") || status_has_condition(status, "Failed"),
        };

        p.any_success = p.completions < 0;
        return p;
}

static int64_t pods_wanted(const Progress *p) {
        if (p->suspended || p->finished)
                return 0;
        if (p->any_success)
                return p->succeeded > 0 ? p->active : p->parallelism;
        return MIN(p->parallelism, p->completions - p->succeeded);
}

static int remove_active(Cluster *c, ObjectState *s, int64_t n) {
        ObjectState *d;
        int r;

        LIST_FOREACH(d, &s->dependents, ObjectState, in_owner) {
                if (n <= 0)
                        return 0;
                if (d->entry.object->kind != KIND_POD || !pod_is_active((const Pod*) d->entry.object))
                        continue;
                r = object_delete(c, &d->entry, &(DeleteOptions) { .grace_seconds = -1 });
                if (r < 0)
                        return r;
                n--;
        }
        return 0;
}

static int run_pods(Cluster *c, ObjectState *s, const Json *template, const Progress *p) {
        _cleanup_error_ Error error = ERROR_NULL;
        int64_t wanted = MAX(pods_wanted(p), (int64_t) 0);
        int r = 0;

        if (p->active > wanted)
                return remove_active(c, s, p->active - wanted);
        for (int64_t i = p->active; i < wanted && i < p->active + BURST && r >= 0; i++)
                r = create_pod_from(c, &s->entry, template, object_name(s->entry.object), COMPONENT, &error);
        if (r < 0 && r != -ENOMEM && r != -EEXIST) {
                record_event(c, &s->entry, "Warning", "FailedCreate", COMPONENT, "Error creating: %s", error_message(&error));
                return 0;
        }
        return r == -EEXIST ? 0 : r;
}

/* Is it over? */
static void judge(Cluster *c, ObjectState *s, Edit *e, Json *status, Progress *p) {
        bool complete = p->any_success ? p->succeeded > 0 && p->active == 0 : p->succeeded >= p->completions;

        if (p->finished || p->suspended)
                return;
        if (p->failed > p->backoff_limit) {
                status_set_condition(e, status, "Failed", "True", "BackoffLimitExceeded", "Job has reached the specified backoff limit");
                record_event(c, &s->entry, "Warning", "BackoffLimitExceeded", COMPONENT, "Job has reached the specified backoff limit");
                p->finished = true;
        } else if (complete) {
                status_set_condition(e, status, "Complete", "True", "CompletionsReached", "Reached expected number of succeeded pods");
                json_set(&e->arena, status, "completionTime", json_new_time(&e->arena, cluster_now_realtime(c)));
                record_event(c, &s->entry, "Normal", "Completed", COMPONENT, "Job completed");
                p->finished = true;
        }
}

static int update_status(Edit *e, Json *status, const ObjectState *s, const Progress *p) {
        PodCounts n = count_pods(e->cluster, s, 0);

        status_set_count(e, status, "active", n.all);
        json_set_i64(&e->arena, status, "ready", n.ready);
        status_set_count(e, status, "terminating", n.ending);
        status_set_count(e, status, "succeeded", p->succeeded);
        status_set_count(e, status, "failed", p->failed);
        if (!json_get(status, "startTime") && !p->suspended)
                json_set(&e->arena, status, "startTime", json_new_time(&e->arena, cluster_now_realtime(e->cluster)));
        if (p->suspended)
                status_set_condition(e, status, "Suspended", "True", "JobSuspended", "Job suspended");
        else if (status_has_condition(status, "Suspended"))
                status_set_condition(e, status, "Suspended", "False", "JobResumed", "Job resumed");
        return edit_commit(e);
}

int reconcile_job(Cluster *c, ObjectState *s) {
        _cleanup_edit_ Edit e = {};
        Progress p;
        Json *status;
        int r;

        r = edit_begin(&e, c, &s->entry);
        if (r < 0)
                return r;
        status = json_ensure(&e.arena, e.root, "status", JSON_OBJECT);
        p = read_progress(c, s, e.root);
        judge(c, s, &e, status, &p);
        if (s->entry.object->doc->deleted == 0) {
                r = run_pods(c, s, json_at(e.root, "spec", "template", NULL), &p);
                if (r < 0)
                        return r;
        }
        r = update_status(&e, status, s, &p);
        return r < 0 ? r : 0;
}
