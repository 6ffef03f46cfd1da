/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/controllers/job-tally.h"

#include "basic/alloc-util.h"
#include "basic/parse-util.h"
#include "core/control/controllers/job-internal.h"

JobTally *job_tally_free(JobTally *t) {
        if (!t)
                return NULL;
        free(t->running);
        return mfree(t);
}

usec_t job_pod_end(const Pod *p) {
        return p->ended > 0 ? p->ended : p->object.created;
}

int64_t job_index_below(const Object *pod, int64_t n) {
        const char *text = doc_annotation(pod->doc, JOB_INDEX);
        uint64_t v;

        return text && parse_u64_range(text, 0, INT32_MAX, &v) >= 0 && (int64_t) v < n ? (int64_t) v : -1;
}

static void count_running(JobTally *t, const Object *pod, bool add) {
        int64_t i = t->n > 0 ? job_index_below(pod, (int64_t) t->n) : -1;

        if (i >= 0)
                t->running[i] += add ? 1 : -1u;
        t->suspect |= add && t->n > 0 && (i < 0 || t->running[i] > 1);
}

/* A success makes what failed before it of no account. */
static void count_success(JobTally *t, const Pod *p) {
        if (p->ended <= t->last_success)
                return;
        t->last_success = p->ended;
        if (p->ended >= t->last_failure)
                t->n_failures = 0;
        else
                t->miscounted = true; /* the clock was set */
}

static void count_failure(JobTally *t, const Pod *p, bool add) {
        if (job_pod_end(p) > t->last_success)
                t->n_failures += add ? 1 : -1;
        if (add)
                t->last_failure = MAX(t->last_failure, job_pod_end(p));
}

static void count_pod(JobTally *t, const Pod *p, bool add) {
        if (pod_is_active(p))
                count_running(t, &p->object, add);
        else if (p->status == POD_SUCCEEDED && add)
                count_success(t, p);
        else if (p->status == POD_FAILED)
                count_failure(t, p, add);
}

void job_tally_pod(ObjectState *owner, const Pod *p, bool add) {
        if (owner->entry.object->kind == KIND_JOB && timed_state(owner)->job)
                count_pod(timed_state(owner)->job, p, add);
}

void job_see_document(ObjectState *owner, const Object *old, const Object *new) {
        JobTally *t = owner && owner->entry.object->kind == KIND_JOB ? timed_state(owner)->job : NULL;

        if (t && new->kind == KIND_POD && !pod_is_active((const Pod*) new) && doc_has_finalizer(new->doc, JOB_TRACKING_FINALIZER) &&
            (!old || !doc_has_finalizer(old->doc, JOB_TRACKING_FINALIZER)))
                t->revision = 0;
}

void job_tally_recount(ObjectState *s) {
        JobTally *t = timed_state(s)->job;
        ObjectState *d;

        if (!t->miscounted)
                return;
        t->n_failures = 0;
        LIST_FOREACH(d, &s->dependents, ObjectState, in_owner) {
                const Pod *p = (const Pod*) d->entry.object;

                t->n_failures += p->object.kind == KIND_POD && p->status == POD_FAILED && job_pod_end(p) > t->last_success;
        }
        t->miscounted = false;
}

int job_tally_prepare(ObjectState *s, int64_t n_indexes) {
        uint64_t generation = (uint64_t) s->entry.object->doc->generation;
        TimedState *ts = timed_state(s);
        ObjectState *d;
        JobTally *t;

        if (ts->job && ts->job->generation == generation && ts->job->n == (size_t) n_indexes)
                return 0;
        t = new0(JobTally, 1);
        if (t)
                t->running = new0(uint32_t, (size_t) n_indexes + 1);
        if (!t || !t->running) {
                job_tally_free(t);
                return -ENOMEM;
        }
        t->n = (size_t) n_indexes;
        t->generation = generation;
        t->suspect = t->miscounted = true;
        LIST_FOREACH(d, &s->dependents, ObjectState, in_owner)
                if (d->entry.object->kind == KIND_POD)
                        count_pod(t, (const Pod*) d->entry.object, true);
        job_tally_free(ts->job);
        ts->job = t;
        ts->unchecked = list_first(&s->dependents); /* which of them have ended is looked at again */
        return 0;
}
