/* SPDX-License-Identifier: Apache-2.0 */
/* ControllerRevisions: the versions of a DaemonSet's template, for kubectl rollout history and undo. */
#include <stdio.h>

#include "basic/string-util.h"
#include "core/control/daemon-set-internal.h"

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

static int find_revisions(Daemon *d, Revisions *ret) {
        ObjectState *s;
        int r = 0;

        *ret = (Revisions) {};
        LIST_FOREACH(s, &d->state->dependents, ObjectState, in_owner) {
                int64_t n;

                if (s->entry.object->kind != KIND_CONTROLLER_REVISION || s->entry.object->doc->deleted > 0)
                        continue;
                n = revision_of(d->cluster, s, &r);
                if (r < 0)
                        return r;
                ret->newest_number = MAX(ret->newest_number, n);
                if (streq_ptr(doc_label(s->entry.object->doc, DAEMON_HASH_LABEL), d->hash)) {
                        ret->present = s;
                        ret->present_number = n;
                        continue;
                }
                ret->n_others++;
                if (!ret->oldest || n < ret->oldest_number) {
                        ret->oldest = s;
                        ret->oldest_number = n;
                }
        }
        return 0;
}

static Json *make_revision(Daemon *d, JsonArena *a, int64_t number) {
        const Json *template = json_get(d->spec, "template"), *labels = json_at(template, "metadata", "labels", NULL);
        const Json *annotations = json_at(d->edit.root, "metadata", "annotations", NULL);
        Json *root = json_new(a, JSON_OBJECT), *metadata = json_ensure(a, root, "metadata", JSON_OBJECT), *patch = json_copy(a, template);

        if (labels)
                json_set(a, metadata, "labels", json_copy(a, labels));
        if (annotations)
                json_set(a, metadata, "annotations", json_copy(a, annotations)); /* kubernetes.io/change-cause */
        json_set_string(a, json_ensure(a, metadata, "labels", JSON_OBJECT), DAEMON_HASH_LABEL, d->hash);
        json_set_string(a, patch, "$patch", "replace");
        json_set(a, json_ensure(a, json_ensure(a, root, "data", JSON_OBJECT), "spec", JSON_OBJECT), "template", patch);
        json_set_i64(a, root, "revision", number);
        return root;
}

/* One that is there was left by a DaemonSet that was deleted without it. Without any there is no history, and pods all the same. */
static int create_revision(Daemon *d, int64_t number) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(16 * MIB);
        const Object *o = d->state->entry.object;
        const char *slash = strchr(o->name, '/');
        char name[300], key[600];
        StoreEntry *e;
        int r;

        (void) snprintf(name, sizeof(name), "%.242s-%s", object_name(o), d->hash);
        (void) snprintf(key, sizeof(key), "%.*s%s", slash ? (int) (slash - o->name + 1) : 0, o->name, name);
        e = store_find(d->cluster->store, KIND_CONTROLLER_REVISION, key);
        if (e)
                return doc_controller(e->object->doc) || e->object->doc->deleted > 0 ? 0 : set_controller(d->cluster, e, o, true);
        r = object_create_owned(d->cluster, &a, &d->state->entry, KIND_CONTROLLER_REVISION, name, make_revision(d, &a, number), NULL);
        return r == -ENOMEM ? r : 0;
}

int daemon_keep_revision(Daemon *d) {
        _cleanup_edit_ Edit e = {};
        Revisions all;
        int r;

        r = find_revisions(d, &all);
        if (r < 0)
                return r;
        if (!all.present) {
                r = create_revision(d, all.newest_number + 1);
                return r < 0 ? r : 0;
        }
        if (all.present_number == all.newest_number)
                return 0;
        r = edit_begin(&e, d->cluster, &all.present->entry); /* a template that was there before is the newest again */
        if (r < 0)
                return r;
        json_set_i64(&e.arena, e.root, "revision", all.newest_number + 1);
        r = edit_commit(&e);
        return r < 0 ? r : 0;
}

int daemon_forget_revisions(Daemon *d) {
        int64_t limit = json_i64(json_get(d->spec, "revisionHistoryLimit"), 10);
        Revisions all;
        int r;

        for (;;) {
                r = find_revisions(d, &all);
                if (r < 0 || all.n_others <= limit)
                        return r;
                r = object_delete(d->cluster, &all.oldest->entry, &(DeleteOptions) { .grace_seconds = -1 });
                if (r <= 0)
                        return r; /* finalizers hold it */
        }
}
