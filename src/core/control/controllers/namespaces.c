/* SPDX-License-Identifier: Apache-2.0 */
/* Namespaces: the account that each has, and the emptying of those that are being deleted. */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/control/controllers/builtins.h"
#include "core/control/controllers/controllers.h"
#include "core/control/controllers/definitions.h"
#include "core/control/controllers/workload.h"
#include "core/control/objects.h"
#include "core/control/owners.h"
#include "core/control/turn.h"
#include "core/model/object-util.h"

/* What is still there. */
typedef struct Remains {
        JsonArena arena;
        Json *resources;   /* texts: "pods. has 2 resource instances" */
        const char **finalizers; /* of each that is there; borrowed until the next change */
        size_t n_finalizers, allocated;
} Remains;

static void remains_done(Remains *r) {
        json_arena_done(&r->arena);
        free(r->finalizers);
}

static void add_text(JsonArena *a, Json *list, const char *format, ...) _printf_(3, 4);
static void add_text(JsonArena *a, Json *list, const char *format, ...) {
        char text[1024];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        json_append(list, json_new_string(a, text));
}

/* Deletes what is in it of a kind. 1: there may be more, the turn is over. */
static int empty_kind(Cluster *c, Kind kind, const char *namespace, Turn *turn) {
        uint64_t before;
        char key[256];
        StoreEntry *e, *next;
        int r;

        (void) snprintf(key, sizeof(key), "%s/", namespace);
        for (e = store_find_from(c->store, kind, key); e && object_is_in(e->object, namespace); e = next) {
                next = store_following(e);
                before = store_revision(c->store);
                r = object_delete(c, e, &(DeleteOptions) { .grace_seconds = -1 });
                if (r < 0)
                        return r;
                if (store_revision(c->store) != before && !turn_goes_on(turn)) /* those that are going already cost next to nothing */
                        return 1;
        }
        return 0;
}

/* Notes what is left of a kind, each with something that holds it. */
static int note_kind(Cluster *c, Kind kind, const char *namespace, Remains *remains) {
        const Definition *d = kind_is_custom(kind) ? cluster_definition(c, kind) : NULL;
        const char *slash = strchr(kind_api_version(kind), '/');
        char key[256], plural[64];
        size_t left = 0;

        (void) snprintf(key, sizeof(key), "%s/", namespace);
        for (StoreEntry *e = store_find_from(c->store, kind, key); e && object_is_in(e->object, namespace); e = store_following(e)) {
                left++;
                for (uint32_t i = 0; e->object->doc && i < e->object->doc->n_finalizers; i++) {
                        if (!GREEDY_REALLOC(remains->finalizers, remains->allocated, remains->n_finalizers + 1))
                                return -ENOMEM;
                        remains->finalizers[remains->n_finalizers++] = e->object->doc->finalizers[i];
                }
        }
        if (left == 0)
                return 0;
        kind_plural(kind, plural);
        add_text(&remains->arena, remains->resources, "%s.%.*s has %zu resource instances", d ? d->info->accepted.plural : plural,
                 d ? INT_MAX : slash ? (int) (slash - kind_api_version(kind)) : 0, d ? d->info->group : kind_api_version(kind), left);
        return json_arena_error(&remains->arena);
}

static int compare_texts(const void *a, const void *b) {
        return strcmp(*(const char *const*) a, *(const char *const*) b);
}

/* Sorted, so that the same is told in the same words. A document is not for more than so much. */
#define LIST_MAX (16 * KIB)
static int put_list(const Json *list, StrBuf *b) {
        _cleanup_free_ const char **texts = new0(const char*, list->size + 1);
        size_t n = 0;

        if (!texts)
                return -ENOMEM;
        JSON_FOREACH(v, list)
                texts[n++] = json_string(v);
        qsort(texts, n, sizeof(texts[0]), compare_texts);
        for (size_t i = 0; i < n && b->size < LIST_MAX; i++)
                strbuf_printf(b, "%s%s", i > 0 ? ", " : "", texts[i]);
        return strbuf_error(b);
}

/* How many each finalizer holds. */
static Json *count_finalizers(Remains *remains) {
        Json *list = json_new(&remains->arena, JSON_ARRAY);

        if (remains->n_finalizers > 0)
                qsort(remains->finalizers, remains->n_finalizers, sizeof(remains->finalizers[0]), compare_texts);
        for (size_t i = 0, n; i < remains->n_finalizers; i += n) {
                for (n = 1; i + n < remains->n_finalizers && streq(remains->finalizers[i], remains->finalizers[i + n]); n++)
                        ;
                add_text(&remains->arena, list, "%s in %zu resource instances", remains->finalizers[i], n);
        }
        return list;
}

/* Kubernetes' words (pkg/controller/namespace/deletion/status_condition_utils.go). */
static int tell_remains(Edit *e, Json *status, const char *type, const char *reason, const char *what, const Json *list, const char *ok_reason,
                        const char *ok) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(2 * LIST_MAX);
        int r = json_arena_error(&e->arena);

        if (r < 0)
                return r;
        strbuf_puts(&b, what);
        r = put_list(list, &b);
        if (r < 0)
                return r;
        if (list->size > 0)
                status_set_condition(e, status, type, "True", reason, strbuf_str(&b));
        else
                status_set_condition(e, status, type, "False", ok_reason, ok);
        return 0;
}

/* Says why it is still there: the first thing that people look at when it hangs. */
static int tell_conditions(Cluster *c, ObjectState *s, Remains *remains) {
        Json *finalizers = count_finalizers(remains), *status;
        _cleanup_edit_ Edit e = {};
        int r;

        r = json_arena_error(&remains->arena);
        if (r >= 0)
                r = edit_begin(&e, c, &s->entry);
        if (r < 0)
                return r;
        status = json_ensure(&e.arena, e.root, "status", JSON_OBJECT);
        status_set_condition(&e, status, "NamespaceDeletionDiscoveryFailure", "False", "ResourcesDiscovered", "All resources successfully discovered");
        status_set_condition(&e, status, "NamespaceDeletionGroupVersionParsingFailure", "False", "ParsedGroupVersions",
                             "All legacy kube types successfully parsed");
        status_set_condition(&e, status, "NamespaceDeletionContentFailure", "False", "ContentDeleted",
                             "All content successfully deleted, may be waiting on finalization");
        r = tell_remains(&e, status, "NamespaceContentRemaining", "SomeResourcesRemain", "Some resources are remaining: ", remains->resources,
                         "ContentRemoved", "All content successfully removed");
        if (r >= 0)
                r = tell_remains(&e, status, "NamespaceFinalizersRemaining", "SomeFinalizersRemain",
                                 "Some content in the namespace has finalizers remaining: ", finalizers, "ContentHasNoFinalizers",
                                 "All content-preserving finalizers finished");
        if (r >= 0)
                r = edit_commit(&e);
        return MIN(r, 0);
}

static int empty_namespace(Cluster *c, ObjectState *s, Remains *remains) {
        Turn turn = turn_begin(c);
        int r;

        for (Kind k = 0; k < _KIND_MAX; k++) {
                r = kind_is_namespaced(k) ? empty_kind(c, k, s->entry.object->name, &turn) : 0;
                if (r > 0)
                        object_mark(c, s);
                if (r != 0)
                        return MIN(r, 0);
        }
        remains->resources = json_new(&remains->arena, JSON_ARRAY);
        r = json_arena_error(&remains->arena);
        for (Kind k = 0; k < _KIND_MAX && r >= 0; k++)
                r = kind_is_namespaced(k) ? note_kind(c, k, s->entry.object->name, remains) : 0;
        if (r < 0)
                return r;
        if (remains->resources->size > 0 || s->entry.object->doc->n_finalizers > 0)
                return tell_conditions(c, s, remains);
        return store_delete(c->store, &s->entry);
}

int reconcile_namespace(Cluster *c, ObjectState *s) {
        Remains remains = { .arena = JSON_ARENA_INIT(4 * MIB) };
        int r;

        if (s->entry.object->doc->deleted == 0)
                return MIN(service_account_ensure(c, s->entry.object), 0);
        r = empty_namespace(c, s, &remains);
        remains_done(&remains);
        return MIN(r, 0);
}
