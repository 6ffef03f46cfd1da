/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/store/reading.h"
#include "core/store/store-internal.h"

const char *change_type_to_string(ChangeType t) {
        static const char *const names[_CHANGE_TYPE_MAX] = {
                [CHANGE_ADDED] = "ADDED", [CHANGE_MODIFIED] = "MODIFIED", [CHANGE_DELETED] = "DELETED",
        };

        return names[t];
}

#define NAMESPACE_KEY_MAX 260

static const char *entry_name(const void *value) {
        return ((const StoreEntry*) value)->object->name;
}

/* The first bytes as a number that orders like them. */
static uint64_t first_bytes(const char *s) {
        uint64_t v = 0;

        for (unsigned i = 0; i < 8; i++) {
                v = v << 8 | (unsigned char) *s;
                s += *s != '\0';
        }
        return v;
}

/* Of a key in "default"; 0 for others and for the empty key. */
static uint64_t begin_of(const char *key) {
        return strchr(key, '/') ? 0 : first_bytes(key);
}

static void set_stem(StoreEntry *e, const uint64_t secret[2]) {
        const char *key = e->object->name;
        size_t n = strlen(key);

        while (n > 0 && !strchr("-./", key[n - 1]))
                n--;
        e->stem = siphash13(key, n, secret) | 1;
        e->rest = first_bytes(key + n);
}

static int compare_keys(const TreapNode *a, const TreapNode *b) {
        const StoreEntry *x = container_of(a, StoreEntry, by_key), *y = container_of(b, StoreEntry, by_key);

        if (x->stem != 0 && x->stem == y->stem && x->rest != y->rest)
                return x->rest < y->rest ? -1 : 1;
        if (x->begin == 0 || y->begin == 0)
                return object_compare(x->object, y->object);
        if (x->begin != y->begin)
                return x->begin < y->begin ? -1 : 1;
        return (x->begin & 0xff) == 0 ? 0 : strcmp(x->object->name + 8, y->object->name + 8); /* both in "default": no need to look for a slash */
}

int store_new(const StoreKind *kinds, void *userdata, size_t log_max, const uint64_t secret[2], Store **ret) {
        Store *s;

        assert(kinds);
        assert(ret);

        s = new0(Store, 1);
        if (!s)
                return -ENOMEM;
        s->kinds = kinds;
        s->userdata = userdata;
        s->log_max = log_max;
        s->log_first = 1;
        list_init(&s->readings);
        for (Kind k = 0; k < _KIND_MAX; k++) {
                hashtable_init(&s->tables[k].by_name, entry_name, secret);
                treap_init(&s->tables[k].by_key, compare_keys);
        }
        *ret = s;
        return 0;
}

static StoreChange *log_at(const Store *s, size_t i) {
        return &s->log[(s->log_head + i) & (s->log_allocated - 1)];
}

static void change_done(StoreChange *c) {
        object_unref(c->object);
        object_unref(c->old);
        *c = (StoreChange) {};
}

static void log_drop_first(Store *s) {
        change_done(log_at(s, 0));
        s->log_head = (s->log_head + 1) & (s->log_allocated - 1);
        s->n_log--;
        s->log_first++;
}

static void log_drop_last(Store *s) {
        change_done(log_at(s, s->n_log - 1));
        s->n_log--;
}

Store *store_free(Store *s) {
        if (!s)
                return NULL;
        assert(list_is_empty(&s->readings));
        while (s->n_log > 0)
                log_drop_first(s);
        for (Kind k = 0; k < _KIND_MAX; k++) {
                KindTable *t = &s->tables[k];

                for (size_t i = 0; i < t->n_ids; i++)
                        if (t->by_id[i]) {
                                object_unref(t->by_id[i]->object);
                                free(t->by_id[i]);
                        }
                hashtable_done(&t->by_name);
                free(t->by_id);
                free(t->ids);
        }
        free(s->log);
        free(s->run);
        return mfree(s);
}

uint64_t store_revision(const Store *s) {
        return s->revision;
}

uint64_t store_durable(const Store *s) {
        return s->durable;
}

uint64_t store_last_id(const Store *s) {
        return s->last_id;
}

size_t store_count(const Store *s, Kind kind) {
        return s->tables[kind].n_entries;
}

StoreEntry *store_find(const Store *s, Kind kind, const char *name) {
        return hashtable_get(&s->tables[kind].by_name, name);
}

/* The place of the first id that is at least `id`. */
static size_t lower_bound(const KindTable *t, uint64_t id) {
        size_t low = 0, high = t->n_ids;

        while (low < high) {
                size_t mid = low + (high - low) / 2;

                if (t->ids[mid] < id)
                        low = mid + 1;
                else
                        high = mid;
        }
        return low;
}

StoreEntry *store_next(const Store *s, Kind kind, uint64_t after_id, size_t *hint) {
        const KindTable *t = &s->tables[kind];
        size_t i;

        if (hint && *hint > 0 && *hint <= t->n_ids && t->ids[*hint - 1] == after_id)
                i = *hint;
        else
                i = lower_bound(t, after_id + 1);
        for (; i < t->n_ids; i++)
                if (t->by_id[i]) {
                        if (hint)
                                *hint = i + 1;
                        return t->by_id[i];
                }
        return NULL;
}

uint64_t store_nth_id(const Store *s, Kind kind, uint64_t after_id, size_t n) {
        const KindTable *t = &s->tables[kind];
        uint64_t last = after_id;

        for (size_t i = lower_bound(t, after_id + 1); i < t->n_ids && n > 0; i++)
                if (t->by_id[i]) {
                        last = t->ids[i];
                        n--;
                }
        return last;
}

StoreEntry *store_find_from(const Store *s, Kind kind, const char *key) {
        Object object = { .name = key };
        StoreEntry entry = { .object = &object, .begin = key ? begin_of(key) : 0 };
        TreapNode *n = key ? treap_lower_bound(&s->tables[kind].by_key, &entry.by_key) : treap_first(&s->tables[kind].by_key);

        return n ? container_of(n, StoreEntry, by_key) : NULL;
}

/* How many keys come before that of the object, which may be made up. */
static size_t rank(const Store *s, const Object *o) {
        StoreEntry entry = { .object = (Object*) o };

        return treap_rank(&s->tables[o->kind].by_key, &entry.by_key);
}

size_t store_count_in(const Store *s, Kind kind, const char *namespace) {
        char first[NAMESPACE_KEY_MAX], end[NAMESPACE_KEY_MAX];

        if (snprintf(first, sizeof(first), "%s/", namespace) >= (int) sizeof(first) - 1)
                return 0;
        (void) snprintf(end, sizeof(end), "%s\001/", namespace); /* no namespace has a name between these two */
        return rank(s, &(Object) { .kind = kind, .name = end }) - rank(s, &(Object) { .kind = kind, .name = first });
}

StoreEntry *store_following(const StoreEntry *e) {
        TreapNode *n = treap_next(&e->by_key);

        return n ? container_of(n, StoreEntry, by_key) : NULL;
}

/* Closes the holes once they outnumber the entries, so that a walk costs what there is. */
static void table_compact(KindTable *t) {
        size_t n = 0;

        if (t->n_ids < 64 || t->n_entries * 2 > t->n_ids)
                return;
        for (size_t i = 0; i < t->n_ids; i++)
                if (t->by_id[i]) {
                        t->ids[n] = t->ids[i];
                        t->by_id[n++] = t->by_id[i];
                }
        t->n_ids = n;
}

static int table_insert(KindTable *t, StoreEntry *e) {
        uint64_t id = e->object->id;
        size_t i;
        int r;

        if (!GREEDY_REALLOC(t->by_id, t->entries_allocated, t->n_ids + 1) ||
            !GREEDY_REALLOC(t->ids, t->ids_allocated, t->n_ids + 1))
                return -ENOMEM;
        r = hashtable_put(&t->by_name, e);
        if (r < 0)
                return r;

        i = t->n_ids > 0 && t->ids[t->n_ids - 1] < id ? t->n_ids : lower_bound(t, id);
        if (i < t->n_ids && t->ids[i] == id) { /* the hole that it left, being undone */
                assert(!t->by_id[i]);
                t->by_id[i] = e;
        } else {
                memmove(t->by_id + i + 1, t->by_id + i, (t->n_ids - i) * sizeof(t->by_id[0]));
                memmove(t->ids + i + 1, t->ids + i, (t->n_ids - i) * sizeof(t->ids[0]));
                t->by_id[i] = e;
                t->ids[i] = id;
                t->n_ids++;
        }
        treap_insert(&t->by_key, &e->by_key);
        t->n_entries++;
        return 0;
}

static void table_remove(KindTable *t, StoreEntry *e) {
        size_t i = lower_bound(t, e->object->id);

        assert(i < t->n_ids && t->by_id[i] == e);
        (void) hashtable_remove(&t->by_name, e->object->name);
        treap_remove(&t->by_key, &e->by_key);
        t->by_id[i] = NULL;
        t->n_entries--;
        table_compact(t);
}

/* Makes room for one more log entry. */
static int log_reserve(Store *s) {
        size_t n = s->log_allocated > 0 ? s->log_allocated * 2 : 64;
        StoreChange *log;

        if (s->n_log < s->log_allocated)
                return 0;
        log = new0(StoreChange, n);
        if (!log)
                return -ENOMEM;
        for (size_t i = 0; i < s->n_log; i++)
                log[i] = *log_at(s, i);
        free(s->log);
        s->log = log;
        s->log_allocated = n;
        s->log_head = 0;
        return 0;
}

/* Drops what is older than the log may be; never what is not yet durable (invariant 3). */
static void log_trim(Store *s) {
        while (s->n_log > s->log_max && s->log_first <= s->durable)
                log_drop_first(s);
}

static void log_append(Store *s, ChangeType type, Object *object, Object *old) {
        assert(s->log_first + s->n_log == s->revision); /* invariant 1 */

        *log_at(s, s->n_log++) = (StoreChange) {
                .revision = s->revision, .type = type, .object = object_ref(object), .old = old ? object_ref(old) : NULL,
        };
        log_trim(s);
}

static int run_hook(Store *s, Kind kind, StoreEntry *e, const Object *old, const Object *new) {
        return s->kinds[kind].changed ? s->kinds[kind].changed(e, old, new, s->userdata) : 0;
}

/* Enters a new object and what is derived from it. */
static int entry_add(Store *s, Object *o) {
        StoreEntry *e;
        int r;

        e = calloc(1, s->kinds[o->kind].entry_size);
        if (!e)
                return -ENOMEM;
        e->object = object_ref(o);
        e->begin = begin_of(o->name);
        set_stem(e, s->tables[o->kind].by_name.secret);
        r = table_insert(&s->tables[o->kind], e);
        if (r < 0) {
                object_unref(o);
                free(e);
                return r;
        }
        r = run_hook(s, o->kind, e, NULL, o);
        if (r < 0) {
                table_remove(&s->tables[o->kind], e);
                object_unref(o);
                free(e);
                return r;
        }
        readings_see(s, o, NULL);
        return 0;
}

static int entry_replace(Store *s, StoreEntry *e, Object *o) {
        Object *old = e->object;
        int r;

        e->object = object_ref(o);
        r = run_hook(s, o->kind, e, old, o);
        if (r < 0) {
                e->object = old;
                object_unref(o);
                return r;
        }
        readings_see(s, o, old);
        object_unref(old);
        return 0;
}

static void entry_remove(Store *s, StoreEntry *e) {
        Object *o = e->object;

        readings_see(s, o, o);
        (void) run_hook(s, o->kind, e, o, NULL);
        table_remove(&s->tables[o->kind], e);
        object_unref(o);
        free(e);
}

int store_put(Store *s, Object *o) {
        _cleanup_(object_unrefp) Object *old = NULL;
        StoreEntry *e;
        int r;

        assert(s);
        assert(o);
        assert(o->revision == 0); /* invariant 2: not in the store yet */

        r = log_reserve(s);
        if (r < 0)
                return r;
        e = store_find(s, o->kind, o->name);
        old = e ? object_ref(e->object) : NULL;
        o->id = old ? old->id : s->last_id + 1;
        o->revision = s->revision + 1;

        r = e ? entry_replace(s, e, o) : entry_add(s, o);
        if (r < 0) {
                o->id = o->revision = 0;
                return r;
        }
        s->revision++;
        if (!old)
                s->last_id++;
        log_append(s, old ? CHANGE_MODIFIED : CHANGE_ADDED, o, old);
        return 0;
}

int store_delete(Store *s, StoreEntry *e) {
        _cleanup_(object_unrefp) Object *old = NULL;
        int r;

        assert(s);
        assert(e);

        r = log_reserve(s);
        if (r < 0)
                return r;
        old = object_ref(e->object);
        entry_remove(s, e);
        s->revision++;
        log_append(s, CHANGE_DELETED, old, old);
        return 0;
}

int store_load(Store *s, Object *o) {
        assert(s->n_log == 0);
        return entry_add(s, o);
}

void store_loaded(Store *s, uint64_t revision, uint64_t last_id) {
        assert(s->n_log == 0);
        s->revision = s->durable = s->taken = revision;
        s->last_id = last_id;
        s->log_first = revision + 1;
}

void store_set_log_max(Store *s, size_t log_max) {
        s->log_max = log_max;
        log_trim(s);
}

uint64_t store_log_first(const Store *s) {
        return s->log_first;
}

int store_log_get(const Store *s, uint64_t revision, const StoreChange **ret) {
        if (revision > s->revision)
                return 0;
        if (revision < s->log_first)
                return -ERANGE;
        *ret = log_at(s, (size_t) (revision - s->log_first));
        return 1;
}

size_t store_take_changes(Store *s, const StoreChange **ret) {
        size_t n = (size_t) (s->revision - s->taken);

        if (n == 0)
                return 0;
        n = MIN(n, (size_t) 4096);
        if (!GREEDY_REALLOC(s->run, s->run_allocated, n))
                n = MIN(n, s->run_allocated);
        for (size_t i = 0; i < n; i++)
                s->run[i] = *log_at(s, (size_t) (s->taken + 1 + i - s->log_first));
        s->taken += n;
        *ret = s->run;
        return n;
}

void store_give_back_changes(Store *s, size_t n) {
        assert(n <= s->taken - s->durable);
        s->taken -= n;
}

bool store_has_untaken_changes(const Store *s) {
        return s->taken < s->revision;
}

void store_set_durable(Store *s, uint64_t revision) {
        assert(revision >= s->durable);
        assert(revision <= s->revision);
        s->durable = revision;
        log_trim(s);
}

/* Applies the opposite of one change. */
static int undo_one(Store *s, const StoreChange *c) {
        StoreEntry *e;

        if (c->type == CHANGE_DELETED)
                return entry_add(s, c->old);
        e = store_find(s, c->object->kind, c->object->name);
        assert(e && e->object == c->object);
        if (c->type == CHANGE_MODIFIED)
                return entry_replace(s, e, c->old);
        entry_remove(s, e);
        return 0;
}

int store_undo(Store *s) {
        int r;

        readings_see_undo(s);
        while (s->revision > s->durable) {
                assert(s->n_log > 0); /* invariant 3 */
                r = undo_one(s, log_at(s, s->n_log - 1));
                if (r < 0)
                        return r;
                log_drop_last(s);
                s->revision--;
        }
        s->taken = s->revision;
        return 0;
}
