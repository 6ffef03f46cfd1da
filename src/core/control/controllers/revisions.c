/* SPDX-License-Identifier: Apache-2.0 */
#include "core/control/controllers/revisions.h"

#include <stdio.h>

#include "basic/string-util.h"

#define REVISION_KEY_MAX (2 * REVISION_NAME_MAX)

void revision_name(const ObjectState *s, const char *hash, char buf[REVISION_NAME_MAX]) {
        (void) snprintf(buf, REVISION_NAME_MAX, "%.242s-%s", object_name(s->entry.object), hash);
}

/* The key of an object of that name in its namespace. */
static void put_key(const ObjectState *s, const char *name, char buf[REVISION_KEY_MAX]) {
        const char *key = s->entry.object->name, *slash = strchr(key, '/');

        (void) snprintf(buf, REVISION_KEY_MAX, "%.*s%s", slash ? (int) (slash - key + 1) : 0, key, name);
}

StoreEntry *revision_find(const Cluster *c, const ObjectState *s, const char *name) {
        char key[REVISION_KEY_MAX];

        put_key(s, name, key);
        return store_find(c->store, KIND_CONTROLLER_REVISION, key);
}

static int64_t revision_of(Cluster *c, ObjectState *s, int *ret_error) {
        _cleanup_edit_ Edit e = {}; /* only read */
        int r;

        r = edit_begin(&e, c, &s->entry);
        if (r < 0)
                *ret_error = r;
        return r < 0 ? 0 : json_i64(json_get(e.root, "revision"), 0);
}

/* The one of the present template (NULL: there is none yet), the oldest other one, how many others there are, the greatest number. */
typedef struct Revisions {
        ObjectState *present, *oldest;
        int64_t n_others, present_number, oldest_number, newest_number;
} Revisions;

/* By what their names begin with, which is its own: it may have very many dependents beside them. */
static int find_revisions(Cluster *c, const ObjectState *of, const char *hash, const char *kept, Revisions *ret) {
        char name[REVISION_NAME_MAX], prefix[REVISION_KEY_MAX];
        int r = 0;

        *ret = (Revisions) {};
        revision_name(of, "", name);
        put_key(of, name, prefix);
        for (StoreEntry *e = store_find_from(c->store, KIND_CONTROLLER_REVISION, prefix); e && startswith(e->object->name, prefix); e = store_following(e)) {
                ObjectState *s = object_state(e);
                int64_t n;

                if (s->owner != of || e->object->doc->deleted > 0)
                        continue;
                n = revision_of(c, s, &r);
                if (r < 0)
                        return r;
                ret->newest_number = MAX(ret->newest_number, n);
                if (streq_ptr(doc_label(e->object->doc, REVISION_HASH_LABEL), hash)) {
                        ret->present = s;
                        ret->present_number = n;
                        continue;
                }
                if (streq_ptr(object_name(e->object), kept))
                        continue;
                ret->n_others++;
                if (!ret->oldest || n < ret->oldest_number) {
                        ret->oldest = s;
                        ret->oldest_number = n;
                }
        }
        return 0;
}

static Json *make_revision(JsonArena *a, const Json *of, const char *hash, int64_t number) {
        const Json *template = json_at(of, "spec", "template", NULL), *labels = json_at(template, "metadata", "labels", NULL);
        const Json *annotations = json_at(of, "metadata", "annotations", NULL);
        Json *root = json_new(a, JSON_OBJECT), *metadata = json_ensure(a, root, "metadata", JSON_OBJECT), *patch = json_copy(a, template);

        if (labels)
                json_set(a, metadata, "labels", json_copy(a, labels));
        if (annotations)
                json_set(a, metadata, "annotations", json_copy(a, annotations)); /* kubernetes.io/change-cause */
        json_set_string(a, json_ensure(a, metadata, "labels", JSON_OBJECT), REVISION_HASH_LABEL, hash);
        json_set_string(a, patch, "$patch", "replace");
        json_set(a, json_ensure(a, json_ensure(a, root, "data", JSON_OBJECT), "spec", JSON_OBJECT), "template", patch);
        json_set_i64(a, root, "revision", number);
        return root;
}

/* One that is there was left by an owner that was deleted without it. Without any there is no history, and pods all the same. */
static int create_revision(Cluster *c, ObjectState *s, const Json *root, const char *hash, int64_t number) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(16 * MIB);
        char name[REVISION_NAME_MAX];
        StoreEntry *e;
        int r;

        revision_name(s, hash, name);
        e = revision_find(c, s, name);
        if (e)
                return doc_controller(e->object->doc) || e->object->doc->deleted > 0 ? 0 : set_controller(c, e, s->entry.object, true);
        r = object_create_owned(c, &a, &s->entry, KIND_CONTROLLER_REVISION, name, make_revision(&a, root, hash, number), NULL);
        return r == -ENOMEM ? r : 0;
}

int revisions_keep(Cluster *c, ObjectState *s, const Json *root, const char *hash) {
        _cleanup_edit_ Edit e = {};
        Revisions all;
        int r;

        r = find_revisions(c, s, hash, NULL, &all);
        if (r < 0)
                return r;
        if (!all.present) {
                r = create_revision(c, s, root, hash, all.newest_number + 1);
                return r < 0 ? r : 0;
        }
        if (all.present_number == all.newest_number)
                return 0;
        r = edit_begin(&e, c, &all.present->entry); /* a template that was there before is the newest again */
        if (r < 0)
                return r;
        json_set_i64(&e.arena, e.root, "revision", all.newest_number + 1);
        r = edit_commit(&e);
        return r < 0 ? r : 0;
}

int revisions_forget(Cluster *c, ObjectState *s, const Json *root, const char *hash, const char *kept) {
        int64_t limit = json_i64(json_at(root, "spec", "revisionHistoryLimit", NULL), 10);
        Revisions all;
        int r;

        for (;;) {
                r = find_revisions(c, s, hash, kept, &all);
                if (r < 0 || all.n_others <= limit)
                        return r;
                r = object_delete(c, &all.oldest->entry, &(DeleteOptions) { .grace_seconds = -1 });
                if (r <= 0)
                        return r; /* finalizers hold it */
        }
}
