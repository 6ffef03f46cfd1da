/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/control/objects-internal.h"

#define ARENA_MAX (64 * MIB)
#define TEXT_MAX (6 * MIB)

int edit_begin(Edit *e, Cluster *c, StoreEntry *entry) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(TEXT_MAX);
        size_t size;

        *e = (Edit) { .cluster = c, .entry = entry, .arena = JSON_ARENA_INIT(ARENA_MAX) };
        if (entry->object->doc)
                doc_put(entry->object->doc, &b);
        else
                strbuf_puts(&b, "{\"metadata\":{}}");
        e->text = strbuf_steal(&b, &size);
        return e->text ? json_tree_parse(&e->arena, e->text, size, &e->root, NULL) : -ENOMEM;
}

/* Another spec is another generation. Those of definitions' objects count otherwise: the front door, which knows them, has done so. */
static void count_generation(JsonArena *a, Json *root, const Object *o) {
        const Doc *old = o->doc;
        _cleanup_strbuf_ StrBuf spec = STRBUF_INIT(TEXT_MAX), text = STRBUF_INIT(TEXT_MAX);
        Json *before = NULL, *now = json_get(root, "spec");

        if (!old || old->generation == 0 || kind_is_custom(o->kind))
                return;
        if (json_is(now, JSON_OBJECT))
                json_put_members(&spec, now);
        if (!streq(strbuf_str(&spec), old->spec)) {
                strbuf_printf(&text, "{%s}", old->spec);
                if (strbuf_error(&text) == 0)
                        (void) json_tree_parse(a, text.data, text.size, &before, NULL);
        } else
                before = now;
        json_set_i64(a, json_ensure(a, root, "metadata", JSON_OBJECT), "generation", old->generation + !json_equal(before, now));
}

/* The same, whatever the order of its members? */
static bool means_the_same(const Doc *x, const Doc *y) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(ARENA_MAX);
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(TEXT_MAX), c = STRBUF_INIT(TEXT_MAX);
        Json *left, *right;

        doc_put(x, &b);
        doc_put(y, &c);
        return strbuf_error(&b) == 0 && strbuf_error(&c) == 0 && json_tree_parse(&a, b.data, b.size, &left, NULL) >= 0 &&
               json_tree_parse(&a, c.data, c.size, &right, NULL) >= 0 && json_equal(left, right);
}

Doc *document_share(Cluster *c, Kind kind, Doc *d) {
        return kind == KIND_POD || kind == KIND_NODE ? doc_pool_intern(c->docs, d) : d;
}

int document_replace(Cluster *c, JsonArena *a, Json *root, const Object *o, Doc **ret) {
        _cleanup_(doc_unrefp) Doc *d = NULL;
        int r;

        count_generation(a, root, o);
        if (json_arena_error(a) < 0)
                return json_arena_error(a);
        r = doc_new(root, &d);
        if (r < 0)
                return r;
        d = document_share(c, o->kind, d);
        if (o->doc && (o->doc == d || doc_equal(o->doc, d) || means_the_same(o->doc, d)))
                return 0;
        *ret = TAKE_PTR(d);
        return 1;
}

int edit_commit(Edit *e) {
        _cleanup_(object_unrefp) Object *copy = NULL;
        Doc *d;
        int r;

        r = document_replace(e->cluster, &e->arena, e->root, e->entry->object, &d);
        if (r <= 0)
                return r;
        r = object_copy(e->entry->object, &copy);
        if (r < 0) {
                doc_unref(d);
                return r;
        }
        doc_unref(copy->doc);
        copy->doc = d;
        r = store_put(e->cluster->store, copy);
        return r < 0 ? r : 1;
}

size_t edit_remove_finalizer(Edit *e, const char *name) {
        Json *metadata = json_get(e->root, "metadata"), *finalizers = json_get(metadata, "finalizers");
        size_t left;

        JSON_FOREACH(f, finalizers)
                if (streq_ptr(json_string(f), name))
                        json_detach(f);
        left = finalizers ? finalizers->size : 0;
        if (left == 0)
                json_remove(metadata, "finalizers");
        return left;
}

void edit_done(Edit *e) {
        json_arena_done(&e->arena);
        e->text = mfree(e->text);
}
