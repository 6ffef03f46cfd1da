/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/object-util.h"

#include "core/model/doc.h"
#include "core/model/shared-string.h"

int object_set_string(const char **field, const char *value) {
        char *copy = NULL;

        if (value) {
                copy = strdup(value);
                if (!copy)
                        return -ENOMEM;
        }
        free((char*) *field);
        *field = copy;
        return 0;
}

/* Takes the name over, also on failure. */
static int make_object(Kind kind, size_t size, const char *name, Object **ret) {
        Object *o;

        o = name ? calloc(1, size) : NULL;
        if (!o) {
                shared_string_unref(name);
                return -ENOMEM;
        }
        o->n_ref = 1;
        o->kind = kind;
        o->name = name;
        *ret = o;
        return 0;
}

int object_new(Kind kind, size_t size, const char *name, Object **ret) {
        assert(name);
        return make_object(kind, size, shared_string_new(name), ret);
}

int object_new_like(const Object *o, size_t size, Object **ret) {
        Object *copy;
        int r;

        r = make_object(o->kind, size, shared_string_ref(o->name), &copy);
        if (r < 0)
                return r;
        copy->uid = o->uid;
        copy->created = o->created;
        copy->doc = o->doc ? doc_ref(o->doc) : NULL;
        *ret = copy;
        return 0;
}
