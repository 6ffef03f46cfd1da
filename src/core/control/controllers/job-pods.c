/* SPDX-License-Identifier: Apache-2.0 */
/* The pods of a Job: how many, for which indexes, when. Kubernetes documentation, "Jobs": parallelism, completion mode, backoff limit. */
#include <stdio.h>
#include <stdlib.h>

#include "basic/alloc-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "core/control/controllers/controllers.h"
#include "core/control/controllers/job-internal.h"
#include "core/control/controllers/victims.h"
#include "core/control/owners.h"
#include "core/control/pods.h"

/* "Pod backoff failure policy" */
#define BACKOFF_FIRST (10 * USEC_PER_SEC)
#define BACKOFF_MAX (6 * USEC_PER_MINUTE)

static usec_t backoff(int64_t n_failures) {
        return n_failures == 0 ? 0 : n_failures > 10 ? BACKOFF_MAX : MIN(BACKOFF_FIRST << (n_failures - 1), BACKOFF_MAX);
}

static int64_t pods_wanted(const Job *j) {
        int64_t left;

        if (j->suspended)
                return 0;
        if (j->completions < 0)
                return j->succeeded > 0 ? j->active : j->parallelism;
        left = MAX(j->completions - j->succeeded - index_set_count(&j->failing), (int64_t) 0);
        return MIN(j->parallelism, left);
}

/* --- Removing --- */

/* Two pods for one index, or for one that needs none. */
static bool is_superfluous(const Job *j, IndexSet *seen, const Object *pod, int *ret_error) {
        int64_t i = j->indexed ? job_index_of(j, pod) : 0;

        if (!j->indexed)
                return false;
        if (i < 0 || index_set_has(seen, i) || index_set_has(&j->completed, i) || index_set_has(&j->failing, i))
                return true;
        *ret_error = index_set_add(seen, i);
        return false;
}

static int remove_pod(Job *j, ObjectState *pod, bool counted) {
        int r = 0;

        if (!counted)
                r = pod_release(j->cluster, (PodState*) pod, JOB_TRACKING_FINALIZER);
        if (r < 0)
                return r;
        record_event(j->cluster, &j->state->entry, "Normal", "SuccessfulDelete", JOB_COMPONENT, "Deleted pod: %s", object_name(pod->entry.object));
        r = object_delete(j->cluster, &pod->entry, &(DeleteOptions) { .grace_seconds = -1 });
        return r < 0 ? r : 0;
}

int job_remove_pods(Job *j, int64_t n, bool counted) {
        ObjectState *pod;
        int r = 1;

        for (int64_t i = 0; i < MIN(n, (int64_t) j->most) && r >= 0; i++) {
                r = victims_next(j->cluster, j->state, &pod);
                if (r <= 0)
                        break;
                r = remove_pod(j, pod, counted);
        }
        if (r == -EAGAIN || (r >= 0 && n > (int64_t) j->most))
                object_mark(j->cluster, j->state);
        return r == -EAGAIN ? 0 : MIN(r, 0);
}

/* Pods for indexes that need none (any more) go, however many are wanted. *ret: how many. */
static int remove_superfluous(Job *j, size_t *ret) {
        _cleanup_index_set_ IndexSet seen = {};
        ObjectState *d, *next;
        int r = 0;

        *ret = 0;
        for (ListLink *l = j->tally->suspect ? list_first(&j->state->dependents) : NULL; l && *ret < j->most; l = next ? &next->in_owner : NULL) {
                d = container_of(l, ObjectState, in_owner);
                next = l->next == &j->state->dependents ? NULL : container_of(l->next, ObjectState, in_owner);
                if (d->entry.object->kind != KIND_POD || !pod_is_active((const Pod*) d->entry.object) || !is_superfluous(j, &seen, d->entry.object, &r))
                        continue;
                r = remove_pod(j, d, false);
                (*ret)++;
                if (r < 0)
                        return r;
        }
        if (*ret == 0 && r >= 0)
                j->tally->suspect = false;
        return r;
}

/* --- Making --- */

static Json *find_env(const Json *container, const char *name) {
        JSON_FOREACH(env, json_get(container, "env"))
                if (streq_ptr(json_string(json_get(env, "name")), name))
                        return env;
        return NULL;
}

static void tell_containers_index(JsonArena *a, Json *containers) {
        JSON_FOREACH(container, containers) {
                Json *env, *field;

                if (find_env(container, "JOB_COMPLETION_INDEX"))
                        continue;
                env = json_new(a, JSON_OBJECT);
                json_set_string(a, env, "name", "JOB_COMPLETION_INDEX");
                field = json_ensure(a, json_ensure(a, env, "valueFrom", JSON_OBJECT), "fieldRef", JSON_OBJECT);
                json_set_string(a, field, "apiVersion", "v1");
                json_set_string(a, field, "fieldPath", "metadata.labels['" JOB_INDEX "']");
                json_append(json_ensure(a, container, "env", JSON_ARRAY), env);
        }
}

/* What every pod of it has beside what the template says. */
static Json *make_template(Job *j) {
        JsonArena *a = &j->edit.arena;
        Json *template = json_copy(a, json_get(j->spec, "template")), *metadata = json_ensure(a, template, "metadata", JSON_OBJECT);
        Json *spec = json_get(template, "spec");

        json_append(json_ensure(a, metadata, "finalizers", JSON_ARRAY), json_new_string(a, JOB_TRACKING_FINALIZER));
        if (j->indexed) {
                tell_containers_index(a, json_get(spec, "containers"));
                tell_containers_index(a, json_get(spec, "initContainers"));
        }
        return template;
}

/* Makes the template that of an index. prefix: what the pod's name begins with. */
static void set_index(Job *j, Json *template, int64_t i, int64_t n_failures, char prefix[300]) {
        Json *metadata = json_get(template, "metadata"), *annotations, *labels;
        const char *name = object_name(j->state->entry.object);
        JsonArena *a = &j->edit.arena;
        char digits[24], hostname[64];

        annotations = json_ensure(a, metadata, "annotations", JSON_OBJECT);
        labels = json_ensure(a, metadata, "labels", JSON_OBJECT);
        (void) snprintf(digits, sizeof(digits), "%lld", (long long) i);
        json_set_string(a, annotations, JOB_INDEX, digits);
        json_set_string(a, labels, JOB_INDEX, digits);
        (void) snprintf(prefix, 300, "%.210s-%s", name, digits);
        (void) snprintf(hostname, sizeof(hostname), "%.*s-%s", (int) (62 - strlen(digits)), name, digits);
        json_set_string(a, json_get(template, "spec"), "hostname", hostname);
        if (j->backoff_limit_per_index >= 0) {
                (void) snprintf(digits, sizeof(digits), "%lld", (long long) n_failures);
                json_set_string(a, annotations, JOB_INDEX_FAILURES, digits);
        }
}

/* How often an index has failed, as its pods tell, and when that was the last time. */
typedef struct IndexFailures {
        int64_t index, n;
        usec_t at;
} IndexFailures;

typedef struct FailureList {
        IndexFailures *all; /* owned; in order once they have been folded */
        size_t n, allocated;
} FailureList;

static int compare_indexes(const void *a, const void *b) {
        const IndexFailures *x = a, *y = b;

        return CMP(x->index, y->index);
}

/* One for each index. */
static void fold_failures(FailureList *l) {
        size_t n = 0;

        if (l->n > 0)
                qsort(l->all, l->n, sizeof(l->all[0]), compare_indexes);
        for (size_t i = 0; i < l->n; i++) {
                const IndexFailures *f = &l->all[i];

                if (n > 0 && l->all[n - 1].index == f->index) {
                        l->all[n - 1].n = MAX(l->all[n - 1].n, f->n);
                        l->all[n - 1].at = MAX(l->all[n - 1].at, f->at);
                } else
                        l->all[n++] = *f;
        }
        l->n = n;
}

static int find_failures(const Job *j, FailureList *ret) {
        ObjectState *d;

        if (timed_state(j->state)->pods.failed == 0)
                return 0;
        LIST_FOREACH(d, &j->state->dependents, ObjectState, in_owner) {
                const Pod *p = (const Pod*) d->entry.object;
                const char *text = p->object.kind == KIND_POD && p->status == POD_FAILED ? doc_annotation(p->object.doc, JOB_INDEX_FAILURES) : NULL;
                uint64_t before;

                if (!text || parse_u64_range(text, 0, INT32_MAX, &before) < 0)
                        continue;
                if (!GREEDY_REALLOC(ret->all, ret->allocated, ret->n + 1))
                        return -ENOMEM;
                ret->all[ret->n++] = (IndexFailures) { .index = job_index_of(j, &p->object), .n = (int64_t) before + 1, .at = job_pod_end(p) };
        }
        fold_failures(ret);
        return 0;
}

static IndexFailures failures_of(const FailureList *l, int64_t i) {
        const IndexFailures *f = l->n == 0 ? NULL : bsearch(&(IndexFailures) { .index = i }, l->all, l->n, sizeof(l->all[0]), compare_indexes);

        return f ? *f : (IndexFailures) { .index = i };
}

/* The next index from i on that has neither a pod nor an end. */
static int64_t next_pending(const Job *j, int64_t i) {
        int64_t before;

        do {
                before = i;
                i = index_set_next_missing(&j->completed, i);
                while (i < (int64_t) j->tally->n && j->tally->running[i] > 0)
                        i++;
                i = index_set_next_missing(&j->failing, i);
        } while (i != before);
        return i;
}

static int create_pod(Job *j, const Json *template, const char *prefix, Error *error) {
        return create_pod_from(j->cluster, &j->state->entry, template, prefix, JOB_COMPONENT, error);
}

/* Makes up to *missing pods, and takes those that were made from it: what is left waits for its time. */
static int create_indexed_pods(Job *j, Json *template, int64_t *missing, const FailureList *failures, Error *error) {
        usec_t now = cluster_now_realtime(j->cluster);
        char prefix[300];
        int r = 0;

        for (int64_t i = 0; *missing > 0 && r >= 0; i++) {
                IndexFailures f;
                usec_t at;

                i = next_pending(j, i);
                if (i >= j->completions)
                        return 0;
                f = failures_of(failures, i);
                at = usec_add(f.at, backoff(f.n));
                if (at > now) {
                        j->look_at = MIN(j->look_at, at);
                        continue;
                }
                set_index(j, template, i, f.n, prefix);
                r = create_pod(j, template, prefix, error);
                (*missing)--;
        }
        return r;
}

static int create_for_indexes(Job *j, Json *template, int64_t *missing, Error *error) {
        FailureList failures = {};
        int r = 0;

        if (j->backoff_limit_per_index >= 0)
                r = find_failures(j, &failures);
        if (r >= 0)
                r = create_indexed_pods(j, template, missing, &failures, error);
        free(failures.all);
        return r;
}

static int create_pods(Job *j, int64_t missing) {
        int64_t n = MIN(missing, (int64_t) j->most);
        _cleanup_error_ Error error = ERROR_NULL;
        Json *template = make_template(j);
        int r = json_arena_error(&j->edit.arena);

        if (j->indexed && r >= 0)
                r = create_for_indexes(j, template, &n, &error);
        else
                for (; n > 0 && r >= 0; n--)
                        r = create_pod(j, template, object_name(j->state->entry.object), &error);
        if (r == -ENOMEM || r == -E2BIG)
                return r;
        if (r < 0 && r != -EEXIST) {
                record_event(j->cluster, &j->state->entry, "Warning", "FailedCreate", JOB_COMPONENT, "Error creating: %s", error_message(&error));
                j->look_at = MIN(j->look_at, controller_retry_time(j->cluster, timed_state(j->state)));
                return 0;
        }
        timed_state(j->state)->n_failures = 0;
        if ((missing > (int64_t) j->most && n == 0) || r == -EEXIST)
                object_mark(j->cluster, j->state); /* there are more that do not wait for anything */
        return 0;
}

int job_run_pods(Job *j) {
        int64_t wanted = pods_wanted(j), missing;
        usec_t at = usec_add(j->tally->last_failure, j->backoff_limit_per_index >= 0 ? 0 : backoff(j->tally->n_failures));
        size_t n;
        int r;

        if (j->active > wanted)
                return job_remove_pods(j, j->active - wanted, false);
        victims_forget(j->state);
        r = remove_superfluous(j, &n);
        if (r < 0 || n > 0)
                return r;
        missing = wanted - j->active - (j->replace_late ? j->terminating : 0);
        if (missing <= 0)
                return 0;
        if (at > cluster_now_realtime(j->cluster)) {
                j->look_at = MIN(j->look_at, at);
                return 0;
        }
        return create_pods(j, missing);
}
