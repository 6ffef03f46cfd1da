/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/controllers/stateful-pods.h"

#include "basic/alloc-util.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"

#define PAUSE_OF_ONE 1 /* us for each of those that wait: a tenth of the time, at most, goes into looking at them */
#define SPAN_MAX (INT64_C(1) << 24) /* a pod whose ordinal is further than that from those that are wanted is none of its own */

StatefulPods *stateful_pods_free(StatefulPods *t) {
        if (!t)
                return NULL;
        flag_table_done(&t->table);
        return mfree(t);
}

static int64_t read_ordinal(const char *digits) {
        uint64_t n;

        return parse_u64_range(digits, 0, INT32_MAX, &n) >= 0 ? (int64_t) n : -1;
}

int64_t stateful_ordinal(const Object *owner, const Object *pod) {
        const char *digits = startswith(object_name(pod), object_name(owner));

        return digits && *digits == '-' ? read_ordinal(digits + 1) : -1;
}

usec_t stateful_pods_due(const StatefulPods *t) {
        return t->look_at == USEC_INFINITY ? USEC_INFINITY : MAX(t->look_at, usec_add(t->looked_at, (usec_t) t->table.counts[STATEFUL_WAITING] * PAUSE_OF_ONE));
}

/* The ordinal of a dependent that has a place in a table; -1: it is to have none. */
static int64_t ordinal_of(const ObjectState *s, const ObjectState *dependent, const StatefulWish *wish) {
        int64_t i = dependent->entry.object->kind == KIND_POD ? stateful_ordinal(s->entry.object, dependent->entry.object) : -1;

        return i < wish->start - SPAN_MAX || i > wish->start + SPAN_MAX ? -1 : i;
}

/* A new table, with a place for each ordinal that is wanted or there. */
static int begin_table(ObjectState *s, StatefulPods *t, const StatefulWish *wish) {
        int64_t first = wish->start, end = wish->start + wish->replicas;
        ObjectState *d;

        LIST_FOREACH(d, &s->dependents, ObjectState, in_owner) {
                int64_t i = ordinal_of(s, d, wish);

                first = i >= 0 ? MIN(first, i) : first;
                end = MAX(end, i + 1);
        }
        flag_table_clear(&t->table);
        if (flag_table_grow(&t->table, (size_t) (end - first)) < 0)
                return -ENOMEM;
        t->base = first;
        t->complete = true;
        LIST_FOREACH(d, &s->dependents, ObjectState, in_owner) {
                int64_t i = ordinal_of(s, d, wish);

                if (i >= 0)
                        flag_table_add(&t->table, (size_t) (i - first), FLAG_DIRTY);
        }
        return 0;
}

static void doubt(StatefulPods *t, int64_t from, int64_t end) {
        from = MAX(from, t->base);
        if (from < end)
                flag_table_doubt_range(&t->table, (size_t) (from - t->base), (size_t) (end - t->base));
}

/* Others than before are to be there: those that are in one of the ranges, and not in the other. */
static void move_range(StatefulPods *t, const StatefulWish *wish, bool anew) {
        int64_t start = t->wish.start, end = anew ? start : t->wish.start + t->wish.replicas, new_end = wish->start + wish->replicas;

        doubt(t, start, MIN(end, wish->start));
        doubt(t, MAX(start, new_end), end);
        doubt(t, wish->start, anew ? new_end : MIN(new_end, start));
        doubt(t, MAX(wish->start, end), new_end);
}

/* Those that are there, or are to be. */
static void doubt_all(StatefulPods *t, const StatefulWish *wish) {
        flag_table_doubt(&t->table, STATEFUL_PRESENT);
        doubt(t, wish->start, wish->start + wish->replicas);
}

static bool is_same(const StatefulWish *a, const StatefulWish *b) {
        return streq(a->update, b->update) && (*b->current == '\0' || streq(a->current, b->current)) && a->min_ready == b->min_ready &&
               a->claims_go == b->claims_go && a->claims_go_early == b->claims_go_early;
}

int stateful_pods_prepare(ObjectState *s, const StatefulWish *wish) {
        StatefulPods **p = &timed_state(s)->ordinals, *t = *p ?: new0(StatefulPods, 1);
        bool anew;
        int r;

        if (!t)
                return -ENOMEM;
        if (!*p)
                t->look_at = USEC_INFINITY;
        *p = t;
        anew = !t->complete || wish->start < t->base;
        if (anew)
                r = begin_table(s, t, wish);
        else
                r = flag_table_grow(&t->table, (size_t) (wish->start + wish->replicas - t->base));
        if (r < 0) {
                t->complete = false;
                return r;
        }
        move_range(t, wish, anew);
        if (!is_same(&t->wish, wish))
                doubt_all(t, wish);
        t->wish = *wish;
        return 0;
}

void stateful_set_see(ObjectState *owner, const Object *o) {
        StatefulPods *t = owner->entry.object->kind == KIND_STATEFUL_SET ? timed_state(owner)->ordinals : NULL;
        const char *dash;
        int64_t i = -1;

        if (!t || !o)
                return;
        if (o->kind == KIND_POD)
                i = stateful_ordinal(owner->entry.object, o);
        else if (o->kind == KIND_PERSISTENT_VOLUME_CLAIM && (dash = strrchr(o->name, '-')))
                i = read_ordinal(dash + 1);
        if (i >= t->base && i < t->base + (int64_t) t->table.n)
                flag_table_add(&t->table, (size_t) (i - t->base), FLAG_DIRTY);
        else if (i >= 0 && o->kind == KIND_POD)
                t->complete = false;
}
