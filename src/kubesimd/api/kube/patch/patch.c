/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/patch/patch.h"

#include "basic/error.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"

#define OPERATIONS_MAX 10000 /* of a JSON patch, as kube-apiserver's limit */

/* --- RFC 7386 --- */

Json *patch_merge(JsonArena *a, Json *target, const Json *patch) {
        if (!json_is(patch, JSON_OBJECT))
                return json_copy(a, patch);
        if (!json_is(target, JSON_OBJECT))
                target = json_new(a, JSON_OBJECT);
        JSON_FOREACH(v, patch) {
                Json *present = json_get(target, v->key);

                if (v->type == JSON_NULL)
                        json_detach(present);
                else if (json_is(present, JSON_OBJECT) && v->type == JSON_OBJECT)
                        (void) patch_merge(a, present, v);
                else
                        json_set(a, target, v->key, patch_merge(a, NULL, v));
        }
        return target;
}

/* --- RFC 6902 --- */

static Json *child(const Json *v, const char *token) {
        uint64_t i;

        if (json_is(v, JSON_OBJECT))
                return json_get(v, token);
        return parse_u64(token, &i) >= 0 ? json_item(v, (size_t) i) : NULL;
}

/* A pointer: what holds the value, and the last token. */
typedef struct Place {
        Json *parent; /* NULL: the whole document */
        char *last;
} Place;

typedef struct Tokens {
        char *items[64];
        size_t n;
} Tokens;

static int split_pointer(JsonArena *a, const char *pointer, Tokens *ret) {
        ret->n = 0;
        if (*pointer != '\0' && *pointer != '/')
                return -EINVAL;
        while (*pointer == '/') {
                size_t size = strcspn(++pointer, "/");
                char *token = json_arena_copy(a, pointer, size), *w = token;

                if (!token || ret->n == ELEMENTSOF(ret->items))
                        return -EINVAL;
                for (char *r = token; *r; r++) {
                        bool escape = r[0] == '~' && (r[1] == '0' || r[1] == '1');

                        *w++ = escape ? r[1] == '1' ? '/' : '~' : *r;
                        r += escape;
                }
                *w = '\0';
                ret->items[ret->n++] = token;
                pointer += size;
        }
        return 0;
}

static int find_place(JsonArena *a, Json *root, const char *pointer, Place *ret) {
        Tokens t;

        if (split_pointer(a, pointer, &t) < 0)
                return -EINVAL;
        *ret = (Place) {};
        if (t.n == 0)
                return 0;
        for (size_t i = 0; i + 1 < t.n; i++) {
                root = child(root, t.items[i]);
                if (!root)
                        return -ENOENT;
        }
        if (!json_is(root, JSON_OBJECT) && !json_is(root, JSON_ARRAY))
                return -ENOENT;
        *ret = (Place) { .parent = root, .last = t.items[t.n - 1] };
        return 0;
}

static void insert_before(Json *array, Json *v, Json *before) {
        Json *last;

        json_append(array, v);
        if (!before || !v)
                return;
        /* Those from `before` on go behind it, one after the other. */
        while ((last = before) != v) {
                before = before->next;
                json_append(array, json_detach(last));
        }
}

static int add(JsonArena *a, Json **root, const Place *p, Json *v) {
        uint64_t i;

        if (!p->parent) {
                *root = v;
                return 0;
        }
        if (p->parent->type == JSON_OBJECT) {
                json_set(a, p->parent, p->last, v);
                return 0;
        }
        if (streq(p->last, "-")) {
                json_append(p->parent, v);
                return 0;
        }
        if (parse_u64(p->last, &i) < 0 || i > p->parent->size)
                return -ENOENT;
        insert_before(p->parent, v, json_item(p->parent, (size_t) i));
        return 0;
}

static Json *value_at(Json *root, const Place *p) {
        return p->parent ? child(p->parent, p->last) : root;
}

static int replace(JsonArena *a, Json **root, const Place *p, Json *v) {
        Json *old = value_at(*root, p), *next;

        if (!old)
                return -ENOENT;
        if (!p->parent || p->parent->type == JSON_OBJECT)
                return add(a, root, p, v);
        next = old->next;
        json_detach(old);
        insert_before(p->parent, v, next);
        return 0;
}

static int move_or_copy(JsonArena *a, Json **root, const Json *op, const Place *to, bool move) {
        const char *from = json_string(json_get(op, "from"));
        Place source;
        Json *v;
        int r;

        if (!from)
                return -EINVAL;
        r = find_place(a, *root, from, &source);
        if (r < 0)
                return r;
        v = value_at(*root, &source);
        if (!v || !source.parent)
                return -ENOENT;
        for (const Json *up = to->parent; move && up; up = up->parent)
                if (up == v)
                        return -ENOENT; /* into itself */
        v = move ? json_detach(v) : json_copy(a, v);
        if (v)
                v->key = NULL;
        return add(a, root, to, v);
}

static int apply_op(JsonArena *a, Json **root, const Json *op) {
        const char *name = json_string(json_get(op, "op")), *path = json_string(json_get(op, "path"));
        const Json *value = json_get(op, "value");
        Place p;
        int r;

        if (!name || !path)
                return -EINVAL;
        r = find_place(a, *root, path, &p);
        if (r < 0)
                return r;
        if (streq(name, "remove")) {
                Json *old = value_at(*root, &p);

                if (!old || !p.parent)
                        return -ENOENT;
                json_detach(old);
                return 0;
        }
        if (streq(name, "move") || streq(name, "copy"))
                return move_or_copy(a, root, op, &p, streq(name, "move"));
        if (!value)
                return -EINVAL;
        if (streq(name, "test"))
                return json_equal(value_at(*root, &p), value) ? 0 : -ENOENT;
        if (streq(name, "add"))
                return add(a, root, &p, json_copy(a, value));
        if (streq(name, "replace"))
                return replace(a, root, &p, json_copy(a, value));
        return -EINVAL;
}

int patch_json(JsonArena *a, Json *target, const Json *patch, Json **ret, Error *reterr) {
        if (!json_is(patch, JSON_ARRAY))
                return error_set(reterr, -EINVAL, "error decoding patch: json: cannot unmarshal object into Go value of type jsonpatch.Patch");
        if (patch->size > OPERATIONS_MAX)
                return error_set(reterr, -E2BIG, "The allowed maximum operations in a JSON patch is %d, got %zu", OPERATIONS_MAX, patch->size);
        JSON_FOREACH(op, patch) {
                int r = apply_op(a, &target, op);

                if (r == -EINVAL)
                        return error_set(reterr, r, "error decoding patch: operation %s is not one of RFC 6902", strempty(json_string(json_get(op, "op"))));
                if (r < 0)
                        return error_set(reterr, -EDOM, "the server rejected our request due to an error in our request");
        }
        *ret = target;
        return 0;
}
