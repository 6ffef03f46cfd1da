/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs: pods until so many have succeeded. Kubernetes documentation, "Jobs" and "Automatic Cleanup for Finished Jobs". */
#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/control/controllers/controllers.h"
#include "core/control/controllers/job-internal.h"
#include "core/control/turn.h"

#define COMPLETE "Complete"
#define FAILED "Failed"
#define SUSPENDED "Suspended"
/* It is decided, but its pods have yet to end. */
#define SUCCESS_CRITERIA_MET "SuccessCriteriaMet"
#define FAILURE_TARGET "FailureTarget"

static const char *const labels[] = { "batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "controller-uid", "job-name" };

void job_assign_selector(const Object *o, JsonArena *a, Json *document) {
        Json *spec = json_get(document, "spec"), *metadata = json_get(document, "metadata"), *of_pods, *selector;
        char uid[UUID_STRING_MAX];

        if (!json_get(spec, "template") || json_is_true(json_get(spec, "manualSelector")))
                return;
        (void) uuid_to_string(o->uid, uid);
        of_pods = json_ensure(a, json_ensure(a, json_get(spec, "template"), "metadata", JSON_OBJECT), "labels", JSON_OBJECT);
        for (size_t i = 0; i < ELEMENTSOF(labels); i++)
                json_set_string(a, of_pods, labels[i], endswith(labels[i], "uid") ? uid : object_name(o));
        selector = json_ensure(a, json_ensure(a, spec, "selector", JSON_OBJECT), "matchLabels", JSON_OBJECT);
        json_set_string(a, selector, labels[0], uid);
        if (!json_get(metadata, "labels") || json_get(metadata, "labels")->size == 0)
                json_set(a, metadata, "labels", json_copy(a, of_pods));
}

static void set_default(JsonArena *a, Json *spec, const char *key, Json *value) {
        if (spec && !json_get(spec, key))
                json_set(a, spec, key, value);
}

void job_set_defaults(JsonArena *a, Json *spec) {
        JSON_FOREACH(rule, json_at(spec, "podFailurePolicy", "rules", NULL))
                JSON_FOREACH(pattern, json_get(rule, "onPodConditions"))
                        set_default(a, pattern, "status", json_new_string(a, "True"));
        if (!json_get(spec, "parallelism"))
                set_default(a, spec, "completions", json_new_i64(a, 1));
        set_default(a, spec, "parallelism", json_new_i64(a, 1));
        set_default(a, spec, "backoffLimit", json_new_i64(a, json_get(spec, "backoffLimitPerIndex") ? INT32_MAX : 6));
        set_default(a, spec, "completionMode", json_new_string(a, "NonIndexed"));
        set_default(a, spec, "suspend", json_new_bool(a, false));
        set_default(a, spec, "podReplacementPolicy", json_new_string(a, json_get(spec, "podFailurePolicy") ? "Failed" : "TerminatingOrFailed"));
}

static void job_done(Job *j) {
        index_set_done(&j->completed);
        index_set_done(&j->failing);
        free(j->ended);
        edit_done(&j->edit);
}

static void read_spec(Job *j) {
        j->spec = json_get(j->edit.root, "spec");
        j->status = json_ensure(&j->edit.arena, j->edit.root, "status", JSON_OBJECT);
        j->parallelism = json_i64(json_get(j->spec, "parallelism"), 1);
        j->completions = json_i64(json_get(j->spec, "completions"), -1);
        j->backoff_limit = json_i64(json_get(j->spec, "backoffLimit"), 6);
        j->indexed = j->completions >= 0 && streq_ptr(json_string(json_get(j->spec, "completionMode")), "Indexed");
        j->backoff_limit_per_index = j->indexed ? json_i64(json_get(j->spec, "backoffLimitPerIndex"), -1) : -1;
        j->restarts = streq_ptr(json_string(json_at(j->spec, "template", "spec", "restartPolicy", NULL)), "OnFailure");
        j->suspended = json_is_true(json_get(j->spec, "suspend"));
        j->replace_late = streq_ptr(json_string(json_get(j->spec, "podReplacementPolicy")), "Failed");
}

/* When activeDeadlineSeconds are over; USEC_INFINITY: never. */
static usec_t deadline(const Job *j) {
        usec_t start = status_time(j->status, "startTime");

        return start == 0 || j->suspended ? USEC_INFINITY : usec_add(start, spec_seconds(j->spec, "activeDeadlineSeconds"));
}

/* --- How it ends --- */

typedef struct JobVerdict {
        const char *type, *reason, *message; /* type NULL: it goes on */
} JobVerdict;

/* What was decided before. */
static JobVerdict decided(const Job *j) {
        static const char *const types[] = { FAILURE_TARGET, SUCCESS_CRITERIA_MET };

        for (size_t i = 0; i < ELEMENTSOF(types); i++)
                if (status_has_condition(j->status, types[i])) {
                        const Json *condition = status_find_condition(j->status, types[i]);

                        return (JobVerdict) { types[i], json_string(json_get(condition, "reason")), json_string(json_get(condition, "message")) };
                }
        return (JobVerdict) {};
}

static JobVerdict judge_indexes(const Job *j) {
        const Json *most = json_get(j->spec, "maxFailedIndexes");
        int64_t n = index_set_count(&j->failing);

        if (most && n > json_i64(most, INT64_MAX))
                return (JobVerdict) { FAILURE_TARGET, "MaxFailedIndexesExceeded", "Job has exceeded the specified maximal number of failed indexes" };
        if (n > 0 && n + j->succeeded >= j->completions && j->active == 0)
                return (JobVerdict) { FAILURE_TARGET, "FailedIndexes", "Job has failed indexes" };
        return (JobVerdict) {};
}

static JobVerdict judge(const Job *j) {
        JobVerdict v = decided(j);
        bool complete = j->completions < 0 ? j->succeeded > 0 : j->succeeded >= j->completions;

        if (v.type)
                return v;
        if (*j->verdict)
                return (JobVerdict) { FAILURE_TARGET, "PodFailurePolicy", j->verdict };
        if (j->failed > j->backoff_limit || (j->restarts && j->n_restarts > 0 && j->n_restarts >= j->backoff_limit))
                return (JobVerdict) { FAILURE_TARGET, "BackoffLimitExceeded", "Job has reached the specified backoff limit" };
        if (deadline(j) <= cluster_now_realtime(j->cluster))
                return (JobVerdict) { FAILURE_TARGET, "DeadlineExceeded", "Job was active longer than specified deadline" };
        v = judge_indexes(j);
        if (!v.type && *j->success)
                v = (JobVerdict) { SUCCESS_CRITERIA_MET, "SuccessPolicy", j->success };
        if (!v.type && complete && j->active == 0)
                v = (JobVerdict) { SUCCESS_CRITERIA_MET, "CompletionsReached", "Reached expected number of succeeded pods" };
        return v;
}

static void set_event(Job *j, const char *type, const char *reason, const char *message) {
        j->event.type = type;
        j->event.reason = reason;
        j->event.message = message;
}

/* Ends when no pod runs any more and all have been counted. */
static void finish(Job *j, const JobVerdict *v) {
        bool failed = streq(v->type, FAILURE_TARGET);

        status_set_condition(&j->edit, j->status, v->type, "True", v->reason, v->message);
        if (j->active + j->terminating > 0 || j->uncounted)
                return;
        status_set_condition(&j->edit, j->status, failed ? FAILED : COMPLETE, "True", v->reason, v->message);
        if (failed)
                set_event(j, "Warning", strempty(v->reason), strempty(v->message));
        else {
                json_set(&j->edit.arena, j->status, "completionTime", json_new_time(&j->edit.arena, cluster_now_realtime(j->cluster)));
                set_event(j, "Normal", "Completed", "Job completed");
        }
}

/* ttlSecondsAfterFinished: it goes, and what it owns before it. */
static int clean_up(Job *j, const Json *condition) {
        usec_t at = usec_add(status_time(condition, "lastTransitionTime"), spec_seconds(j->spec, "ttlSecondsAfterFinished"));
        int r;

        if (at > cluster_now_realtime(j->cluster))
                return controller_look_at(j->cluster, j->state, at);
        r = object_delete(j->cluster, &j->state->entry, &(DeleteOptions) { .grace_seconds = -1, .propagation = PROPAGATION_FOREGROUND });
        return r < 0 ? r : 0;
}

/* --- While it runs --- */

/* Time runs anew for one that goes on. */
static void set_suspended(Job *j) {
        bool was = status_has_condition(j->status, SUSPENDED);

        if (j->suspended != was)
                set_event(j, "Normal", was ? "Resumed" : "Suspended", was ? "Job resumed" : "Job suspended");
        if (j->suspended)
                status_set_condition(&j->edit, j->status, SUSPENDED, "True", "JobSuspended", "Job suspended");
        else if (was)
                status_set_condition(&j->edit, j->status, SUSPENDED, "False", "JobResumed", "Job resumed");
        if (!j->suspended && (was || !json_get(j->status, "startTime")))
                json_set(&j->edit.arena, j->status, "startTime", json_new_time(&j->edit.arena, cluster_now_realtime(j->cluster)));
}

static void set_counts(Job *j) {
        status_set_count(&j->edit, j->status, "active", j->active);
        json_set_i64(&j->edit.arena, j->status, "ready", j->ready);
        json_set_i64(&j->edit.arena, j->status, "terminating", j->terminating);
}

static int reconcile(Job *j) {
        bool alive = j->state->entry.object->doc->deleted == 0;
        const Json *end;
        JobVerdict v = {};
        int r;

        r = edit_begin(&j->edit, j->cluster, &j->state->entry);
        if (r < 0)
                return r;
        read_spec(j);
        r = job_tally_prepare(j->state, j->indexed ? j->completions : 0);
        j->tally = timed_state(j->state)->job;
        if (r >= 0)
                r = job_count(j);
        if (r >= 0)
                r = job_judge_success(j);
        if (r < 0)
                return r;
        end = status_find_condition(j->status, COMPLETE) ?: status_find_condition(j->status, FAILED);
        if (!end) {
                set_suspended(j);
                v = judge(j);
                if (v.type)
                        finish(j, &v);
        }
        set_counts(j);
        r = edit_commit(&j->edit); /* before the pods that it counts are let go of */
        if (r > 0 && j->event.type)
                record_event(j->cluster, &j->state->entry, j->event.type, j->event.reason, JOB_COMPONENT, "%s", j->event.message);
        if (r >= 0)
                r = job_release_ended(j);
        if (r < 0 || !alive)
                return r;
        if (end)
                return clean_up(j, end);
        r = v.type ? job_remove_pods(j, j->active, streq(v.type, FAILURE_TARGET)) : job_run_pods(j);
        return r < 0 ? r : controller_look_at(j->cluster, j->state, MIN(j->look_at, v.type ? USEC_INFINITY : deadline(j)));
}

int reconcile_job(Cluster *c, ObjectState *s) {
        Job j = { .cluster = c, .state = s, .most = look_changes(c), .look_at = USEC_INFINITY };
        int r;

        r = reconcile(&j);
        job_done(&j);
        return r < 0 ? r : 0;
}
