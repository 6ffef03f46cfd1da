/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/made.h"

#include "basic/alloc-util.h"
#include "basic/string-util.h"

/* One that could be made. */
typedef struct Candidate {
        Object key;     /* kind and name alone; the name is owned */
        const void *of; /* borrowed from the cluster: nothing changes until the list is taken */
} Candidate;

typedef struct Candidates {
        Kind kind;
        const char *namespace;
        const Object *after; /* NULL: all */
        Candidate *items;
        size_t n, allocated;
} Candidates;

static void candidates_done(Candidates *k) {
        for (size_t i = 0; i < k->n; i++)
                free((char*) k->items[i].key.name);
        free(k->items);
}

static int add(const char *key, const void *of, void *userdata) {
        Candidates *k = userdata;
        Object o = { .kind = k->kind, .name = key };

        if ((k->namespace && !object_is_in(&o, k->namespace)) || (k->after && object_compare(&o, k->after) <= 0))
                return 0;
        if (!GREEDY_REALLOC(k->items, k->allocated, k->n + 1))
                return -ENOMEM;
        o.name = strdup(key);
        if (!o.name)
                return -ENOMEM;
        k->items[k->n++] = (Candidate) { .key = o, .of = of };
        return 0;
}

static int compare(const void *a, const void *b) {
        return object_compare(&((const Candidate*) a)->key, &((const Candidate*) b)->key);
}

static int append(Snapshot *s, Object *o) {
        if (!GREEDY_REALLOC(s->objects, s->allocated, s->n_objects + 1))
                return -ENOMEM;
        s->objects[s->n_objects++] = object_ref(o);
        return 0;
}

/* The next of both in *ret, with a reference: 1; 0 at the end. */
static int next(Cluster *c, const KubeResource *r, const Candidates *k, const Snapshot *stored, size_t *i, size_t *j, Object **ret) {
        for (;;) {
                Object *o = *j < stored->n_objects ? stored->objects[*j] : NULL;
                int order = *i >= k->n ? 1 : !o ? -1 : object_compare(&k->items[*i].key, o), e;

                if (*i >= k->n && !o)
                        return 0;
                if (order <= 0)
                        (*i)++;
                if (order >= 0) {
                        (*j)++;
                        *ret = object_ref(o);
                        return 1;
                }
                e = r->make(c, k->items[*i - 1].of, ret);
                if (e != -EEXIST)
                        return e < 0 ? e : 1;
        }
}

static int merge(Cluster *c, const KubeResource *r, const Candidates *k, size_t limit, const Snapshot *stored,
                 bool (*wants)(const Object *o, void *userdata), void *userdata, Snapshot *page) {
        size_t i = 0, j = 0;
        int e;

        for (;;) {
                _cleanup_(object_unrefp) Object *o = NULL;

                e = next(c, r, k, stored, &i, &j, &o);
                if (e <= 0)
                        return e;
                if (!wants(o, userdata))
                        continue;
                if (page->n_objects >= limit) {
                        page->more = true;
                        return 0;
                }
                e = append(page, o);
                if (e < 0)
                        return e;
        }
}

int made_take(Cluster *c, const KubeResource *r, const char *namespace, const char *after, size_t limit, const Snapshot *stored,
              bool (*wants)(const Object *o, void *userdata), void *userdata, Snapshot **ret) {
        const Object last = { .kind = r->store_kind, .name = after };
        Candidates k = { .kind = r->store_kind, .namespace = namespace, .after = after ? &last : NULL };
        _cleanup_(snapshot_freep) Snapshot *page = new0(Snapshot, 1);
        int e;

        if (!page)
                return -ENOMEM;
        page->revision = stored->revision;
        e = r->each_made(c, stored->revision, add, &k);
        if (e >= 0 && k.n > 0)
                qsort(k.items, k.n, sizeof(Candidate), compare);
        if (e >= 0)
                e = merge(c, r, &k, limit, stored, wants, userdata, page);
        candidates_done(&k);
        if (e < 0)
                return e;
        *ret = TAKE_PTR(page);
        return 0;
}

typedef struct Wanted {
        const char *key;
        const void *of;
} Wanted;

static int look(const char *key, const void *of, void *userdata) {
        Wanted *w = userdata;

        if (!streq(key, w->key))
                return 0;
        w->of = of;
        return 1;
}

int made_find(Cluster *c, const KubeResource *r, const char *key, Object **ret) {
        Wanted w = { .key = key };

        (void) r->each_made(c, store_revision(cluster_store(c)), look, &w);
        return w.of ? r->make(c, w.of, ret) : -ENOENT;
}
