/* SPDX-License-Identifier: Apache-2.0 */
/* CronJobs: a Job at each time of a schedule. Kubernetes documentation, "CronJob"; what counts as missed, and the words, are those of
 * its controller. A time is noted in the status after its Job has been made, whose name tells the time: no time has two. */
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/control/controllers/controllers.h"
#include "core/control/controllers/cron.h"
#include "core/control/controllers/jobs.h"
#include "core/control/controllers/workload.h"

#define COMPONENT "cronjob-controller"
#define INSTANTIATE "cronjob.kubernetes.io/instantiate" /* of Jobs that kubectl create job --from makes */
#define SCHEDULED "batch.kubernetes.io/cronjob-scheduled-timestamp"
#define MISSED_MANY 100

typedef struct CronJob {
        Cluster *cluster;
        ObjectState *state;
        Edit edit;
        Json *spec, *status;
        usec_t look_at; /* realtime */
} CronJob;

#define tell(j, type, reason, ...) record_event((j)->cluster, &(j)->state->entry, type, reason, COMPONENT, __VA_ARGS__)

/* --- Its Jobs --- */

typedef struct JobState {
        bool complete, failed;
        usec_t completed; /* realtime; 0: not yet */
} JobState;

static int read_job(CronJob *j, ObjectState *s, JobState *ret) {
        _cleanup_edit_ Edit e = {};
        const Json *status;
        int r;

        r = edit_begin(&e, j->cluster, &s->entry);
        if (r < 0)
                return r;
        status = json_get(e.root, "status");
        *ret = (JobState) {
                .complete = status_has_condition(status, "Complete"),
                .failed = status_has_condition(status, "Failed"),
                .completed = status_time(status, "completionTime"),
        };
        return 0;
}

static bool is_listed(const Json *active, const char *uid) {
        JSON_FOREACH(ref, active)
                if (streq_ptr(json_string(json_get(ref, "uid")), uid))
                        return true;
        return false;
}

static Json *make_reference(JsonArena *a, const Object *job) {
        Json *ref = json_new(a, JSON_OBJECT);
        char uid[UUID_STRING_MAX], namespace[256];
        size_t size;
        const char *ns = object_namespace(job, &size);

        (void) snprintf(namespace, sizeof(namespace), "%.*s", (int) size, ns);
        json_set_string(a, ref, "apiVersion", kind_api_version(KIND_JOB));
        json_set_string(a, ref, "kind", kind_to_string(KIND_JOB));
        json_set_string(a, ref, "name", object_name(job));
        json_set_string(a, ref, "namespace", namespace);
        json_set_string(a, ref, "uid", uuid_to_string(job->uid, uid));
        return ref;
}

/* status.active: those that run, beside those that somebody else has made. */
static int list_active(CronJob *j) {
        const Json *before = json_get(j->status, "active");
        Json *active = json_new(&j->edit.arena, JSON_ARRAY);
        usec_t last = status_time(j->status, "lastSuccessfulTime");
        char uid[UUID_STRING_MAX];
        ObjectState *d;

        LIST_FOREACH(d, &j->state->dependents, ObjectState, in_owner) {
                JobState s;
                int r;

                if (d->entry.object->kind != KIND_JOB)
                        continue;
                r = read_job(j, d, &s);
                if (r < 0)
                        return r;
                if (!s.complete && !s.failed) {
                        if (!doc_annotation(d->entry.object->doc, INSTANTIATE) && d->entry.object->doc->deleted == 0)
                                json_append(active, make_reference(&j->edit.arena, d->entry.object));
                        continue;
                }
                if (is_listed(before, uuid_to_string(d->entry.object->uid, uid)))
                        tell(j, "Normal", "SawCompletedJob", "Saw completed job: %s, condition: %s", object_name(d->entry.object),
                             s.complete ? "Complete" : "Failed");
                last = MAX(last, s.completed);
        }
        if (active && active->size > 0)
                json_set(&j->edit.arena, j->status, "active", active);
        else
                json_remove(j->status, "active");
        if (last > 0)
                json_set(&j->edit.arena, j->status, "lastSuccessfulTime", json_new_time(&j->edit.arena, last));
        return 0;
}

/* Removes the oldest that have ended, of one of the two ways, until the limit holds. */
static int forget_old(CronJob *j, const char *limit, bool complete) {
        int64_t most = json_i64(json_get(j->spec, limit), complete ? 3 : 1), n = 0;
        ObjectState *d;
        JobState s;
        int r;

        for (unsigned turn = 0; turn < 2; turn++) /* the first counts; dependents are in the order of their making, but for what was undone */
                LIST_FOREACH(d, &j->state->dependents, ObjectState, in_owner) {
                        if (d->entry.object->kind != KIND_JOB || d->entry.object->doc->deleted > 0)
                                continue;
                        r = read_job(j, d, &s);
                        if (r < 0)
                                return r;
                        if (complete ? !s.complete : !s.failed)
                                continue;
                        if (turn == 0) {
                                n++;
                                continue;
                        }
                        if (n-- <= most)
                                return 0;
                        tell(j, "Normal", "SuccessfulDelete", "Deleted job %s", object_name(d->entry.object));
                        r = object_delete(j->cluster, &d->entry, &(DeleteOptions) { .grace_seconds = -1 });
                        if (r < 0)
                                return r;
                }
        return 0;
}

/* --- A new one --- */

static Json *make_job(CronJob *j, JsonArena *a, usec_t at) {
        const Json *template = json_get(j->spec, "jobTemplate");
        Json *root = json_new(a, JSON_OBJECT), *metadata = json_ensure(a, root, "metadata", JSON_OBJECT), *spec;
        char text[RFC3339_MAX];

        if (json_at(template, "metadata", "labels", NULL))
                json_set(a, metadata, "labels", json_copy(a, json_at(template, "metadata", "labels", NULL)));
        if (json_at(template, "metadata", "annotations", NULL))
                json_set(a, metadata, "annotations", json_copy(a, json_at(template, "metadata", "annotations", NULL)));
        json_set_string(a, json_ensure(a, metadata, "annotations", JSON_OBJECT), SCHEDULED, format_rfc3339(text, at));
        json_set_i64(a, metadata, "generation", 1);
        spec = json_set(a, root, "spec", json_copy(a, json_get(template, "spec")));
        job_set_defaults(a, spec);
        return root;
}

/* Is there one of that name already, that this made and forgot to note? */
static bool is_made(CronJob *j, const char *name) {
        ObjectState *d;

        LIST_FOREACH(d, &j->state->dependents, ObjectState, in_owner)
                if (d->entry.object->kind == KIND_JOB && streq(object_name(d->entry.object), name))
                        return true;
        return false;
}

/* 1 when there is one for that time, 0 when there cannot be one now. */
static int make_for(CronJob *j, usec_t at) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(16 * MIB);
        _cleanup_error_ Error error = ERROR_NULL;
        char name[300];
        int r;

        (void) snprintf(name, sizeof(name), "%.240s-%llu", object_name(j->state->entry.object), (unsigned long long) (at / USEC_PER_MINUTE));
        if (is_made(j, name))
                return 1;
        r = object_create_owned(j->cluster, &a, &j->state->entry, KIND_JOB, name, make_job(j, &a, at), &error);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                tell(j, "Warning", "FailedCreate", "Error creating job: %s", error_message(&error));
                j->look_at = MIN(j->look_at, controller_retry_time(j->cluster, timed_state(j->state)));
                return 0;
        }
        timed_state(j->state)->n_failures = 0;
        tell(j, "Normal", "SuccessfulCreate", "Created job %s", name);
        return 1;
}

/* Those that run make place for the next one. */
static int remove_active(CronJob *j) {
        const Json *active = json_get(j->status, "active");
        char uid[UUID_STRING_MAX];
        ObjectState *d;

        LIST_FOREACH(d, &j->state->dependents, ObjectState, in_owner) {
                int r;

                if (!is_listed(active, uuid_to_string(d->entry.object->uid, uid)))
                        continue;
                tell(j, "Normal", "SuccessfulDelete", "Deleted job %s", object_name(d->entry.object));
                r = object_delete(j->cluster, &d->entry, &(DeleteOptions) { .grace_seconds = -1 });
                if (r < 0)
                        return r;
        }
        return 0;
}

static void warn_of_many(CronJob *j, const CronSchedule *schedule, usec_t from, usec_t until) {
        unsigned n = 0;

        for (usec_t t = from; n <= MISSED_MANY && (t = cron_next(schedule, t)) <= until;)
                n++;
        if (n > MISSED_MANY)
                tell(j, "Warning", "TooManyMissedTimes",
                     "too many missed start times. Set or decrease .spec.startingDeadlineSeconds or check clock skew");
}

/* Starts what is due: 1 when that is now noted in the status. */
static int start(CronJob *j, const CronSchedule *schedule, usec_t now) {
        usec_t last = status_time(j->status, "lastScheduleTime"), deadline = spec_seconds(j->spec, "startingDeadlineSeconds"), due;
        usec_t from = last > 0 ? last : j->state->entry.object->created;
        const char *policy = strempty(json_string(json_get(j->spec, "concurrencyPolicy")));
        const Json *active = json_get(j->status, "active");
        int r = 0;

        if (deadline != USEC_INFINITY)
                from = MAX(from, usec_sub(now, deadline));
        due = cron_last(schedule, from, now);
        if (due == 0)
                return 0;
        if (active && streq(policy, "Forbid")) {
                tell(j, "Normal", "JobAlreadyActive", "Not starting job because prior execution is running and concurrency policy is Forbid");
                return 0; /* its end brings us here again */
        }
        warn_of_many(j, schedule, from, now);
        if (active && streq(policy, "Replace"))
                r = remove_active(j);
        if (r >= 0)
                r = make_for(j, due);
        if (r > 0)
                json_set(&j->edit.arena, j->status, "lastScheduleTime", json_new_time(&j->edit.arena, due));
        return r;
}

static int follow_schedule(CronJob *j) {
        const char *text = strempty(json_string(json_get(j->spec, "schedule")));
        usec_t now = cluster_now_realtime(j->cluster);
        _cleanup_error_ Error error = ERROR_NULL;
        CronSchedule schedule;
        int r;

        if (json_is_true(json_get(j->spec, "suspend")))
                return 0;
        if (cron_parse(text, &schedule, &error) < 0) {
                tell(j, "Warning", "UnparseableSchedule", "unparseable schedule: %s", error_message(&error));
                return 0;
        }
        r = start(j, &schedule, now);
        j->look_at = MIN(j->look_at, cron_next(&schedule, now));
        return r;
}

static int reconcile(CronJob *j) {
        int r, started = 0;

        r = edit_begin(&j->edit, j->cluster, &j->state->entry);
        if (r < 0)
                return r;
        j->spec = json_get(j->edit.root, "spec");
        j->status = json_ensure(&j->edit.arena, j->edit.root, "status", JSON_OBJECT);
        r = list_active(j);
        if (r >= 0 && j->state->entry.object->doc->deleted == 0)
                started = r = follow_schedule(j);
        if (r >= 0 && started > 0)
                r = list_active(j); /* with the new one */
        if (r >= 0)
                r = edit_commit(&j->edit);
        if (r >= 0)
                r = forget_old(j, "successfulJobsHistoryLimit", true);
        if (r >= 0)
                r = forget_old(j, "failedJobsHistoryLimit", false);
        return r < 0 ? r : controller_look_at(j->cluster, j->state, j->look_at);
}

int reconcile_cron_job(Cluster *c, ObjectState *s) {
        CronJob j = { .cluster = c, .state = s, .look_at = USEC_INFINITY };
        int r;

        r = reconcile(&j);
        edit_done(&j.edit);
        return r < 0 ? r : 0;
}
