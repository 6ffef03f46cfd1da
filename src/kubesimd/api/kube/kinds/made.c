/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/kinds/made.h"

#include "basic/alloc-util.h"
#include "basic/string-util.h"

/* One that could be made. */
typedef struct Candidate {
        Object key;     /* kind and name alone; the name is owned */
        const void *of; /* borrowed from the cluster: nothing changes until the list is taken */
        unsigned part;
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

static int add(const char *key, const void *of, unsigned part, void *userdata) {
        Candidates *k = userdata;
        Object o = { .kind = k->kind, .name = key };

        if ((k->namespace && !object_is_in(&o, k->namespace)) || (k->after && object_compare(&o, k->after) <= 0))
                return 0;
        if (!GREEDY_REALLOC(k->items, k->allocated, k->n + 1))
                return -ENOMEM;
        o.name = strdup(key);
        if (!o.name)
                return -ENOMEM;
        k->items[k->n++] = (Candidate) { .key = o, .of = of, .part = part };
        return 0;
}

static int compare(const void *a, const void *b) {
        return object_compare(&((const Candidate*) a)->key, &((const Candidate*) b)->key);
}

static int append(Made *s, Object *o) {
        if (!GREEDY_REALLOC(s->objects, s->allocated, s->n_objects + 1))
                return -ENOMEM;
        s->objects[s->n_objects++] = object_ref(o);
        return 0;
}

/* Those of the store. */
typedef struct Stored {
        Reading *reading; /* weak; NULL at the end */
        Object *next;     /* borrowed from the reading, which is asked for another only when this one is taken; NULL: it is to be asked */
} Stored;

static int look_ahead(Stored *s) {
        int r = 1;

        if (s->next)
                return 0;
        while (s->reading && (r = reading_next(s->reading, &s->next)) == -EAGAIN)
                ;
        if (r > 0)
                return 0;
        s->next = NULL;
        s->reading = NULL;
        return r;
}

/* The next of both in *ret, with a reference: 1; 0 at the end. */
static int next(Cluster *c, const KubeResource *r, const Candidates *k, Stored *stored, size_t *i, Object **ret) {
        for (;;) {
                int order, e = look_ahead(stored);

                if (e < 0)
                        return e;
                if (*i >= k->n && !stored->next)
                        return 0;
                order = *i >= k->n ? 1 : !stored->next ? -1 : object_compare(&k->items[*i].key, stored->next);
                if (order <= 0)
                        (*i)++;
                if (order >= 0) {
                        *ret = object_ref(TAKE_PTR(stored->next));
                        return 1;
                }
                e = r->make(c, k->items[*i - 1].of, k->items[*i - 1].part, ret);
                if (e != -EEXIST)
                        return e < 0 ? e : 1;
        }
}

static int merge(Cluster *c, const KubeResource *r, const Candidates *k, size_t limit, Stored stored,
                 bool (*wants)(const Object *o, void *userdata), void *userdata, Made *page) {
        size_t i = 0;
        int e;

        for (;;) {
                _cleanup_(object_unrefp) Object *o = NULL;

                e = next(c, r, k, &stored, &i, &o);
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

int made_take(Cluster *c, const KubeResource *r, const char *namespace, const char *after, size_t limit, uint64_t revision, Reading *stored,
              bool (*wants)(const Object *o, void *userdata), void *userdata, Made **ret) {
        const Object last = { .kind = r->store_kind, .name = after };
        Candidates k = { .kind = r->store_kind, .namespace = namespace, .after = after ? &last : NULL };
        _cleanup_(made_freep) Made *page = new0(Made, 1);
        int e;

        if (!page)
                return -ENOMEM;
        page->revision = revision;
        e = r->each_made(c, revision, add, &k);
        if (e >= 0 && k.n > 0)
                qsort(k.items, k.n, sizeof(Candidate), compare);
        for (size_t i = 0; !after && limit < SIZE_MAX && i < k.n; i++)
                page->n_made += !stored || !store_find(cluster_store(c), r->store_kind, k.items[i].key.name);
        if (e >= 0)
                e = merge(c, r, &k, limit, (Stored) { .reading = stored }, wants, userdata, page);
        candidates_done(&k);
        if (e < 0)
                return e;
        *ret = TAKE_PTR(page);
        return 0;
}

Made *made_free(Made *m) {
        if (!m)
                return NULL;
        for (size_t i = 0; i < m->n_objects; i++)
                object_unref(m->objects[i]);
        free(m->objects);
        return mfree(m);
}

typedef struct Wanted {
        const char *key;
        const void *of;
        unsigned part;
} Wanted;

static int look(const char *key, const void *of, unsigned part, void *userdata) {
        Wanted *w = userdata;

        if (!streq(key, w->key))
                return 0;
        w->of = of;
        w->part = part;
        return 1;
}

int made_find(Cluster *c, const KubeResource *r, const char *key, Object **ret) {
        Wanted w = { .key = key };

        (void) r->each_made(c, store_revision(cluster_store(c)), look, &w);
        return w.of ? r->make(c, w.of, w.part, ret) : -ENOENT;
}
