/* SPDX-License-Identifier: Apache-2.0 */
#include "core/store/reading.h"

#include "basic/alloc-util.h"
#include "basic/list.h"
#include "core/model/shared-string.h"
#include "core/store/store-internal.h"

/* So much of the log, or of what is not to be given, is looked at in one call. */
#define TAKE_BACK_MAX 4096
#define STEPS_MAX 1024

/* What an object was at the reading's revision. */
typedef struct Kept {
        TreapNode node;
        Object *known;  /* any version: it has the key and the id; owned */
        Object *object; /* owned; NULL: it was not there */
        bool late;      /* of a change after the reading began: the log may still tell of one before */
} Kept;

struct Reading {
        Store *store;
        ListLink link; /* in Store.readings */
        Kind kind;
        bool by_id;
        bool broken;
        bool at_entry;        /* entry is the next one; else it has to be looked for */
        char *namespace;      /* owned; NULL: of all */
        char *first;          /* owned: before all keys of that namespace */
        uint64_t revision;
        uint64_t last_id;     /* of all there were at the revision; what has a greater one came after it */
        uint64_t told, until; /* the log has told of what was changed up to `told`, and has to up to `until` */

        /* Everything up to here has been read. */
        const char *key;      /* owned reference to a shared string; NULL: nothing yet */
        uint64_t id;

        StoreEntry *entry;
        size_t hint;          /* of store_next() */
        Treap kept;           /* Kept.node */
        size_t n_kept;
        Object *current;      /* owned: what was given last */
};

static int compare_keys(const TreapNode *a, const TreapNode *b) {
        return object_compare(container_of(a, Kept, node)->known, container_of(b, Kept, node)->known);
}

static int compare_ids(const TreapNode *a, const TreapNode *b) {
        return CMP(container_of(a, Kept, node)->known->id, container_of(b, Kept, node)->known->id);
}

static int compare(const Reading *r, const Object *a, const Object *b) {
        return r->by_id ? CMP(a->id, b->id) : object_compare(a, b);
}

static bool is_passed(const Reading *r, const Object *o) {
        Object position = { .name = r->key };

        if (r->by_id)
                return o->id <= r->id;
        return r->key && object_compare(o, &position) <= 0;
}

static void drop_kept(Reading *r, Kept *k) {
        treap_remove(&r->kept, &k->node);
        object_unref(k->known);
        object_unref(k->object);
        free(k);
        r->n_kept--;
        r->store->n_kept--;
}

static void give_up(Reading *r) {
        TreapNode *n;

        while ((n = r->kept.root))
                drop_kept(r, container_of(n, Kept, node));
        r->broken = true;
}

static Kept *find_kept(const Reading *r, const Object *o) {
        Kept key = { .known = (Object*) o };
        TreapNode *n = treap_lower_bound(&r->kept, &key.node);

        return n && r->kept.compare(n, &key.node) == 0 ? container_of(n, Kept, node) : NULL;
}

/* The first change of an object since the revision tells what it was then; later ones say nothing new. */
static void see(Reading *r, const Object *o, Object *before, bool late) {
        Kept *k;

        if (r->broken || o->id > r->last_id || is_passed(r, o) || (r->namespace && !object_is_in(o, r->namespace)))
                return;
        k = find_kept(r, o);
        if (k && k->late && !late)
                drop_kept(r, k); /* what the log tells of came before */
        else if (k)
                return;
        k = r->n_kept < READING_KEPT_MAX && r->store->n_kept < READINGS_KEPT_MAX ? new0(Kept, 1) : NULL;
        if (!k) {
                give_up(r);
                return;
        }
        k->known = object_ref((Object*) o);
        k->object = before ? object_ref(before) : NULL;
        k->late = late;
        treap_insert(&r->kept, &k->node);
        r->n_kept++;
        r->store->n_kept++;
}

void readings_see(Store *s, const Object *o, Object *before) {
        Reading *r;

        LIST_FOREACH(r, &s->readings, Reading, link)
                if (r->kind == o->kind) {
                        r->at_entry = false;
                        see(r, o, before, true);
                }
}

void readings_see_undo(Store *s) {
        Reading *r;

        LIST_FOREACH(r, &s->readings, Reading, link)
                if (r->told < r->until)
                        give_up(r);
}

static int reading_new(Store *s, Kind kind, bool by_id, Reading **ret) {
        Reading *r;

        r = new0(Reading, 1);
        if (!r)
                return -ENOMEM;
        r->store = s;
        r->kind = kind;
        r->by_id = by_id;
        r->revision = r->told = r->until = store_revision(s);
        r->last_id = store_last_id(s);
        treap_init(&r->kept, by_id ? compare_ids : compare_keys);
        list_append(&s->readings, &r->link);
        *ret = r;
        return 0;
}

/* Takes back some of what has happened since the revision. -EAGAIN: there is more of it. */
static int take_back(Reading *r) {
        const StoreChange *e;

        for (unsigned i = 0; r->told < r->until; i++) {
                if (i >= TAKE_BACK_MAX)
                        return -EAGAIN;
                if (store_log_get(r->store, r->told + 1, &e) <= 0) {
                        give_up(r);
                        return -ENOBUFS;
                }
                r->told++;
                if (e->type == CHANGE_ADDED)
                        r->last_id = MIN(r->last_id, e->object->id - 1);
                if (e->object->kind == r->kind)
                        see(r, e->object, e->old, false);
        }
        return r->broken ? -ENOBUFS : 0;
}

int reading_by_key(Store *s, Kind kind, const char *namespace, const char *after, uint64_t revision, Reading **ret) {
        _cleanup_(reading_freep) Reading *r = NULL;
        int k;

        k = reading_new(s, kind, false, &r);
        if (k < 0)
                return k;
        if (revision + 1 < store_log_first(s))
                return -ERANGE;
        r->revision = r->told = revision;
        r->namespace = namespace ? strdup(namespace) : NULL;
        r->first = namespace ? object_key(namespace, "") : NULL;
        r->key = after ? shared_string_new(after) : NULL;
        if ((namespace && (!r->namespace || !r->first)) || (after && !r->key))
                return -ENOMEM;
        *ret = TAKE_PTR(r);
        return 0;
}

int reading_by_id(Store *s, Kind kind, uint64_t after_id, uint64_t last_id, Reading **ret) {
        int k;

        k = reading_new(s, kind, true, ret);
        if (k < 0)
                return k;
        (*ret)->id = after_id;
        (*ret)->last_id = MIN(last_id, (*ret)->last_id);
        return 0;
}

uint64_t reading_lag(const Reading *r) {
        return r->until - r->told;
}

uint64_t reading_revision(const Reading *r) {
        return r->revision;
}

/* The first entry after what has been read. */
static StoreEntry *look_for_entry(Reading *r) {
        Object position = { .name = r->key }, first = { .name = r->first };
        StoreEntry *e;

        if (r->by_id)
                return store_next(r->store, r->kind, r->id, &r->hint);
        if (!r->key || (r->first && object_compare(&position, &first) < 0))
                return store_find_from(r->store, r->kind, r->first);
        e = store_find_from(r->store, r->kind, r->key);
        return e && object_compare(e->object, &position) == 0 ? store_following(e) : e;
}

/* The entry that comes next, or NULL at the end: those of one namespace stand together. */
static StoreEntry *next_entry(Reading *r) {
        if (!r->at_entry)
                r->entry = look_for_entry(r);
        r->at_entry = true;
        if (r->entry && (r->by_id ? r->entry->object->id > r->last_id : r->namespace && !object_is_in(r->entry->object, r->namespace)))
                r->entry = NULL;
        return r->entry;
}

static void pass(Reading *r, const Object *o) {
        const char *old = r->key;

        r->id = o->id;
        if (r->by_id)
                return;
        r->key = shared_string_ref(o->name);
        shared_string_unref(old);
}

/* Passes the next key or id, and gives what was there at the revision: NULL when there was nothing. False at the end. */
static bool step(Reading *r, Object **ret) {
        TreapNode *n = treap_first(&r->kept);
        Kept *k = n ? container_of(n, Kept, node) : NULL;
        StoreEntry *e = next_entry(r);
        int c = !k ? -1 : !e ? 1 : compare(r, e->object, k->known);

        *ret = NULL;
        if (!e && !k)
                return false;
        pass(r, c <= 0 ? e->object : k->known);
        if (c < 0 && e->object->id <= r->last_id)
                *ret = object_ref(e->object);
        if (c <= 0) /* c == 0: it is another now than it was */
                r->entry = r->by_id ? store_next(r->store, r->kind, r->id, &r->hint) : store_following(e);
        if (c >= 0) {
                *ret = k->object && k->known->id <= r->last_id ? object_ref(k->object) : NULL;
                drop_kept(r, k);
        }
        return true;
}

int reading_next(Reading *r, Object **ret) {
        int k;

        r->current = object_unref(r->current);
        k = r->broken ? -ENOBUFS : take_back(r);
        if (k < 0)
                return k;
        for (unsigned i = 0; i < STEPS_MAX; i++) {
                if (!step(r, &r->current))
                        return 0;
                if (r->current) {
                        *ret = r->current;
                        return 1;
                }
        }
        return -EAGAIN;
}

Reading *reading_free(Reading *r) {
        if (!r)
                return NULL;
        give_up(r);
        list_remove(&r->link);
        object_unref(r->current);
        shared_string_unref(r->key);
        free(r->namespace);
        free(r->first);
        return mfree(r);
}
