/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/snapshot.h"

#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/string-util.h"

static int add_object(Snapshot *s, Object *o) {
        if (!GREEDY_REALLOC(s->objects, s->allocated, s->n_objects + 1))
                return -ENOMEM;
        s->objects[s->n_objects++] = object_ref(o);
        return 0;
}

int snapshot_take(Store *s, Kind kind, uint64_t after_id, const char *prefix, size_t limit, Snapshot **ret) {
        _cleanup_(snapshot_freep) Snapshot *snapshot = NULL;
        size_t hint = 0;
        StoreEntry *e;

        snapshot = new0(Snapshot, 1);
        if (!snapshot)
                return -ENOMEM;
        snapshot->revision = store_revision(s);
        while ((e = store_next(s, kind, after_id, &hint))) {
                after_id = e->object->id;
                if (prefix && !startswith(e->object->name, prefix))
                        continue;
                if (snapshot->n_objects >= limit) {
                        snapshot->more = true;
                        break;
                }
                if (add_object(snapshot, e->object) < 0)
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(snapshot);
        return 0;
}

/* What an object was before the first change after some revision; NULL object: it was not there. */
typedef struct Past {
        Object *known;  /* any version: it has the key; borrowed from the log */
        Object *object; /* borrowed from the log, NULL: not there */
        uint64_t revision;
} Past;

static int compare_pasts(const void *a, const void *b) {
        const Past *x = a, *y = b;
        int c = object_compare(x->known, y->known);

        return c != 0 ? c : x->revision < y->revision ? -1 : x->revision > y->revision;
}

/* The first change of each object of the kind after `revision`, in the order of keys. */
static int collect_pasts(Store *s, Kind kind, uint64_t revision, Past **ret, size_t *ret_n) {
        size_t n = 0, allocated = 0, kept = 0;
        Past *all = NULL;
        LogEntry *e;
        int r = 0;

        while (revision < store_revision(s)) {
                r = store_log_get(s, ++revision, &e);
                if (r < 0)
                        break;
                if (e->change.object->kind != kind)
                        continue;
                if (!GREEDY_REALLOC(all, allocated, n + 1)) {
                        r = -ENOMEM;
                        break;
                }
                all[n++] = (Past) { .known = e->change.object, .object = e->change.old, .revision = revision };
        }
        if (r < 0) {
                free(all);
                return r;
        }
        if (n > 0)
                qsort(all, n, sizeof(Past), compare_pasts);
        for (size_t i = 0; i < n; i++)
                if (kept == 0 || object_compare(all[kept - 1].known, all[i].known) != 0)
                        all[kept++] = all[i];
        *ret = all;
        *ret_n = kept;
        return 0;
}

/* Walks the objects of the kind in the order of keys, each as it was. */
typedef struct Walk {
        StoreEntry *entry;
        const Past *past;
        size_t n_past, next;
} Walk;

static Object *walk_next(Walk *w) {
        for (;;) {
                const Past *p = w->next < w->n_past ? &w->past[w->next] : NULL;
                int c = !p ? -1 : !w->entry ? 1 : object_compare(w->entry->object, p->known);
                Object *o = NULL;

                if (!p && !w->entry)
                        return NULL;
                if (c <= 0) {
                        o = w->entry->object;
                        w->entry = store_following(w->entry);
                }
                if (c >= 0) {
                        o = p->object;
                        w->next++;
                }
                if (o)
                        return o;
        }
}

static int walk(Walk *w, const char *namespace, const Object *after, size_t limit, Snapshot *snapshot) {
        Object *o;

        while ((o = walk_next(w))) {
                if (after && object_compare(o, after) <= 0)
                        continue;
                if (namespace && !object_is_in(o, namespace)) {
                        if (snapshot->n_objects > 0)
                                break; /* those of one namespace stand together */
                        continue;
                }
                if (snapshot->n_objects >= limit) {
                        snapshot->more = true;
                        break;
                }
                if (add_object(snapshot, o) < 0)
                        return -ENOMEM;
        }
        return 0;
}

int snapshot_take_at(Store *s, Kind kind, const char *namespace, const char *after, size_t limit, uint64_t revision, Snapshot **ret) {
        _cleanup_(snapshot_freep) Snapshot *snapshot = new0(Snapshot, 1);
        _cleanup_free_ Past *past = NULL;
        char from[300] = "";
        Object after_object = { .kind = kind, .name = after };
        Walk w = {};
        int r;

        if (!snapshot)
                return -ENOMEM;
        r = collect_pasts(s, kind, revision, &past, &w.n_past);
        if (r < 0)
                return r;
        if (namespace && !streq(namespace, NAMESPACE_DEFAULT))
                (void) snprintf(from, sizeof(from), "%s/", namespace);
        snapshot->revision = revision;
        w.past = past;
        w.entry = store_find_from(s, kind, after ? after : namespace ? from : NULL);
        r = walk(&w, namespace, after ? &after_object : NULL, limit, snapshot);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(snapshot);
        return 0;
}

Snapshot *snapshot_free(Snapshot *s) {
        if (!s)
                return NULL;
        for (size_t i = 0; i < s->n_objects; i++)
                object_unref(s->objects[i]);
        free(s->objects);
        return mfree(s);
}
