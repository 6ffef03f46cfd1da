/* SPDX-License-Identifier: Apache-2.0 */
/* No pod's end is lost or counted twice, whoever deletes pods and whatever fails: a finalizer holds a pod until the status names it as
 * yet to be counted; then the pod is let go of; and what is named and no longer held is added to the counts. Kubernetes documentation,
 * "Job tracking with finalizers". An index needs no name: it is completed once. */
#include "basic/alloc-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "core/control/controllers/job-internal.h"
#include "core/control/pods.h"

/* A pod that the status names. */
typedef struct Named {
        Uuid uid;
        Json *item;
        bool held, succeeded;
} Named;

typedef struct Names {
        Named *all;
        size_t n, allocated;
} Names;

static int read_names(Names *n, const Json *list, bool succeeded) {
        JSON_FOREACH(item, list) {
                Named name = { .item = item, .succeeded = succeeded };

                if (!json_string(item) || uuid_from_string(json_string(item), &name.uid) < 0)
                        continue;
                if (!GREEDY_REALLOC(n->all, n->allocated, n->n + 1))
                        return -ENOMEM;
                n->all[n->n++] = name;
        }
        return 0;
}

static Named *find_name(const Names *n, Uuid uid) {
        for (size_t i = 0; i < n->n; i++)
                if (memcmp(&n->all[i].uid, &uid, sizeof(uid)) == 0)
                        return &n->all[i];
        return NULL;
}

int64_t job_index_of(const Job *j, const Object *pod) {
        return job_index_below(pod, j->completions);
}

/* It is completed, or has failed for good: another pod of it is one too many. */
static int end_index(Job *j, IndexSet *set, int64_t i) {
        j->tally->suspect |= j->tally->running[i] > 0;
        return index_set_add(set, i);
}

/* Its index has failed too often? */
static int count_index_failure(Job *j, const Object *pod, int64_t i, FailureAction action) {
        const char *text = doc_annotation(pod->doc, JOB_INDEX_FAILURES);
        uint64_t before = 0;

        if (j->backoff_limit_per_index < 0)
                return 0;
        if (text)
                (void) parse_u64(text, &before);
        if (action != FAILURE_FAIL_INDEX && (int64_t) before < j->backoff_limit_per_index)
                return 0;
        return end_index(j, &j->failing, i);
}

static void name_pod(Job *j, Json *names, const char *list, const Object *pod) {
        char uid[UUID_STRING_MAX];

        json_append(json_ensure(&j->edit.arena, names, list, JSON_ARRAY), json_new_string(&j->edit.arena, uuid_to_string(pod->uid, uid)));
        j->uncounted = true;
}

/* A pod has ended that the status does not know of yet. */
static int enter(Job *j, Json *names, const Object *pod) {
        const Pod *p = (const Pod*) pod;
        int64_t i = j->indexed ? job_index_of(j, pod) : 0;
        FailureAction action;

        if (i < 0)
                return 0;
        if (p->status == POD_SUCCEEDED) {
                if (j->indexed)
                        return end_index(j, &j->completed, i);
                name_pod(j, names, "succeeded", pod);
                j->succeeded++;
                return 0;
        }
        action = p->status == POD_FAILED ? job_judge_failure(j, p) : FAILURE_COUNT;
        if (action == FAILURE_IGNORE)
                return 0;
        name_pod(j, names, "failed", pod);
        j->failed++;
        return j->indexed ? count_index_failure(j, pod, i, action) : 0;
}

static int note_ended(Job *j, ObjectState *pod) {
        if (!GREEDY_REALLOC(j->ended, j->ended_allocated, j->n_ended + 1))
                return -ENOMEM;
        j->ended[j->n_ended++] = pod;
        return 0;
}

/* Has it come to its end as far as the Job is concerned? */
static bool has_ended(const Job *j, const Pod *p) {
        return p->status == POD_SUCCEEDED || p->status == POD_FAILED || (p->deleted > 0 && !j->replace_late);
}

static int count_ended(Job *j, ObjectState *state, Names *names, Json *list) {
        const Object *pod = state->entry.object;
        Named *name = find_name(names, pod->uid);
        bool more = j->n_ended >= j->most;
        int r;

        if (name) /* also one that is not to be let go of in this look: it would count as gone */
                name->held = true;
        j->holds |= name && more;
        if (more)
                return 0;
        r = note_ended(j, state);
        return r < 0 || name ? r : enter(j, list, pod);
}

static bool is_to_be_counted(const Job *j, const Object *o) {
        return o->kind == KIND_POD && !pod_is_active((const Pod*) o) && has_ended(j, (const Pod*) o) && o->doc &&
               doc_has_finalizer(o->doc, JOB_TRACKING_FINALIZER);
}

/* Goes through those that have come or ended since the last look, as far as one look goes; through all of them when it is not known whether
 * the status names pods that are still held. */
static int count_unchecked(Job *j, Names *names, Json *list) {
        bool settled = j->tally->revision == j->state->entry.object->revision;
        TimedState *ts = timed_state(j->state);
        int r = 0;

        j->tally->revision = 0;
        for (ListLink *l = ts->unchecked, *next; l && r >= 0 && (!settled || j->n_ended < j->most); l = next) {
                ObjectState *d = container_of(l, ObjectState, in_owner);

                next = l->next == &j->state->dependents ? NULL : l->next;
                if (is_to_be_counted(j, d->entry.object))
                        r = count_ended(j, d, names, list);
                else if (l == ts->unchecked)
                        ts->unchecked = next;
        }
        return r;
}

static void count_others(Job *j) {
        const PodTally *t = &timed_state(j->state)->pods;

        j->active = t->all;
        j->ready = t->ready;
        j->n_restarts = (int64_t) t->restarts;
        j->terminating = (int64_t) t->total - t->all - t->succeeded - t->failed;
        job_tally_recount(j->state);
}

/* What is named and held by nothing any more counts. */
static void settle(Job *j, const Names *names) {
        int64_t succeeded = json_i64(json_get(j->status, "succeeded"), 0), failed = json_i64(json_get(j->status, "failed"), 0);

        for (size_t i = 0; i < names->n; i++) {
                const Named *name = &names->all[i];

                j->succeeded += name->succeeded;
                j->failed += !name->succeeded;
                if (name->held)
                        continue;
                json_detach(name->item);
                succeeded += name->succeeded;
                failed += !name->succeeded;
        }
        if (j->indexed)
                succeeded = j->succeeded = index_set_count(&j->completed);
        status_set_count(&j->edit, j->status, "succeeded", succeeded);
        status_set_count(&j->edit, j->status, "failed", failed);
}

static int read_indexes(Job *j) {
        int r = 0;

        if (j->indexed)
                r = index_set_parse(&j->completed, json_string(json_get(j->status, "completedIndexes")), j->completions);
        if (r >= 0 && j->indexed && j->backoff_limit_per_index >= 0)
                r = index_set_parse(&j->failing, json_string(json_get(j->status, "failedIndexes")), j->completions);
        return r;
}

static void write_indexes(Job *j) {
        _cleanup_strbuf_ StrBuf completed = STRBUF_INIT(MIB), failing = STRBUF_INIT(MIB);

        if (!j->indexed)
                return;
        index_set_put(&j->completed, &completed);
        index_set_put(&j->failing, &failing);
        if (strbuf_error(&completed) < 0 || strbuf_error(&failing) < 0) {
                j->edit.arena.error = -ENOMEM; /* which the commit gives back */
                return;
        }
        if (completed.size > 0)
                json_set_string(&j->edit.arena, j->status, "completedIndexes", strbuf_str(&completed));
        else
                json_remove(j->status, "completedIndexes");
        if (j->backoff_limit_per_index >= 0)
                json_set_string(&j->edit.arena, j->status, "failedIndexes", failing.size > 0 ? strbuf_str(&failing) : "");
}

static void drop_if_empty(Json *object, const char *key) {
        if (json_get(object, key) && json_get(object, key)->size == 0)
                json_remove(object, key);
}

static int count_pods_of(Job *j, Names *names, Json *list) {
        int r;

        r = read_names(names, json_get(list, "succeeded"), true);
        if (r >= 0)
                r = read_names(names, json_get(list, "failed"), false);
        if (r >= 0)
                r = read_indexes(j);
        if (r < 0)
                return r;
        count_others(j);
        return count_unchecked(j, names, list);
}

int job_count(Job *j) {
        Json *list = json_ensure(&j->edit.arena, j->status, "uncountedTerminatedPods", JSON_OBJECT);
        Names names = {};
        int r;

        j->succeeded = json_i64(json_get(j->status, "succeeded"), 0);
        j->failed = json_i64(json_get(j->status, "failed"), 0);
        r = count_pods_of(j, &names, list);
        if (r >= 0) {
                settle(j, &names);
                write_indexes(j);
                drop_if_empty(list, "succeeded");
                drop_if_empty(list, "failed");
                j->uncounted = list && list->size > 0;
        }
        free(names.all);
        return r;
}

int job_release_ended(Job *j) {
        for (size_t i = 0; i < j->n_ended; i++) {
                int r = pod_release(j->cluster, (PodState*) j->ended[i], JOB_TRACKING_FINALIZER);

                if (r < 0)
                        return r;
        }
        if (!j->holds)
                j->tally->revision = j->state->entry.object->revision;
        return 0;
}
