/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/object.h"

#include <stdio.h>
#include <string.h>

#include "basic/error.h"
#include "basic/prng.h"
#include "basic/string-util.h"
#include "core/model/definition.h"
#include "core/model/doc.h"
#include "core/model/fault.h"
#include "core/model/node.h"
#include "core/model/object-util.h"
#include "core/model/pod.h"
#include "core/model/policy.h"
#include "core/model/shared-string.h"
#include "core/model/tombstone.h"

#define NAME_MAX_LETTERS 253
#define LABEL_MAX_LETTERS 63

static void (*const kind_done[_KIND_MAX])(Object *o) = {
        [KIND_NODE] = (void (*)(Object*)) node_done,
        [KIND_POD] = (void (*)(Object*)) pod_done,
        [KIND_POLICY] = (void (*)(Object*)) policy_done,
        [KIND_TOMBSTONE] = (void (*)(Object*)) tombstone_done,
        [KIND_CUSTOM_RESOURCE_DEFINITION] = (void (*)(Object*)) definition_done,
        [KIND_FAULT] = (void (*)(Object*)) fault_done,
};

int object_copy(const Object *o, Object **ret) {
        switch (o->kind) {
        case KIND_NODE:
                return node_copy((const Node*) o, (Node**) ret);
        case KIND_POD:
                return pod_copy((const Pod*) o, (Pod**) ret);
        case KIND_CUSTOM_RESOURCE_DEFINITION:
                return definition_copy((const Definition*) o, (Definition**) ret);
        case KIND_FAULT:
                return fault_copy((const Fault*) o, (Fault**) ret);
        default:
                assert(kind_is_document(o->kind)); /* the others are never changed, only replaced */
                return object_new_like(o, sizeof(Object), ret);
        }
}

Object *object_ref(Object *o) {
        assert(o);
        assert(o->n_ref > 0);
        o->n_ref++;
        return o;
}

Object *object_unref(Object *o) {
        if (!o)
                return NULL;
        assert(o->n_ref > 0);
        if (--o->n_ref > 0)
                return NULL;
        if (kind_done[o->kind])
                kind_done[o->kind](o);
        doc_unref(o->doc);
        shared_string_unref(o->name);
        free(o);
        return NULL;
}

char *uuid_to_string(Uuid u, char *buf) {
        static const char hex[] = "0123456789abcdef";
        char *p = buf;

        for (unsigned i = 0; i < 16; i++) {
                if (i == 4 || i == 6 || i == 8 || i == 10)
                        *p++ = '-';
                *p++ = hex[u.bytes[i] >> 4];
                *p++ = hex[u.bytes[i] & 15];
        }
        *p = '\0';
        return buf;
}

/* What each letter counts, and one more, so that 0 is none. */
static const uint8_t hex_values[256] = {
        ['0'] = 1,  ['1'] = 2,  ['2'] = 3,  ['3'] = 4,  ['4'] = 5,  ['5'] = 6,  ['6'] = 7,  ['7'] = 8,
        ['8'] = 9,  ['9'] = 10, ['a'] = 11, ['b'] = 12, ['c'] = 13, ['d'] = 14, ['e'] = 15, ['f'] = 16,
};

int uuid_from_string(const char *s, Uuid *ret) {
        Uuid u;

        assert(s);
        for (unsigned i = 0; i < 16; i++) {
                unsigned high, low;

                if ((i == 4 || i == 6 || i == 8 || i == 10) && *s++ != '-')
                        return -EINVAL;
                high = hex_values[(uint8_t) s[0]];
                low = high == 0 ? 0 : hex_values[(uint8_t) s[1]];
                if (low == 0)
                        return -EINVAL;
                u.bytes[i] = (uint8_t) ((high - 1) << 4 | (low - 1));
                s += 2;
        }
        if (*s != '\0')
                return -EINVAL;
        *ret = u;
        return 0;
}

Uuid uuid_random(Prng *p) {
        uint64_t a = prng_next(p), b = prng_next(p);
        Uuid u;

        memcpy(u.bytes, &a, 8);
        memcpy(u.bytes + 8, &b, 8);
        u.bytes[6] = (u.bytes[6] & 0x0f) | 0x40;
        u.bytes[8] = (u.bytes[8] & 0x3f) | 0x80;
        return u;
}

const char *object_name(const Object *o) {
        const char *slash = strchr(o->name, '/');

        return slash ? slash + 1 : o->name;
}

const char *object_namespace(const Object *o, size_t *ret_size) {
        const char *slash = strchr(o->name, '/');

        *ret_size = slash ? (size_t) (slash - o->name) : strlen(NAMESPACE_DEFAULT);
        return slash ? o->name : NAMESPACE_DEFAULT;
}

bool object_is_in(const Object *o, const char *namespace) {
        size_t size;
        const char *s = object_namespace(o, &size);

        return strlen(namespace) == size && memcmp(s, namespace, size) == 0;
}

bool object_shares_namespace(const Object *a, const Object *b) {
        size_t size_a, size_b;
        const char *ns_a = object_namespace(a, &size_a), *ns_b = object_namespace(b, &size_b);

        return size_a == size_b && memcmp(ns_a, ns_b, size_a) == 0;
}

char *object_copy_namespace(const Object *o, char buf[NAMESPACE_SIZE]) {
        size_t size;
        const char *namespace = object_namespace(o, &size);

        (void) snprintf(buf, NAMESPACE_SIZE, "%.*s", (int) size, namespace);
        return buf;
}

char *object_key(const char *namespace, const char *name) {
        char *key;

        if (!namespace || streq(namespace, NAMESPACE_DEFAULT))
                return strdup(name);
        return asprintf(&key, "%s/%s", namespace, name) < 0 ? NULL : key;
}

int object_compare(const Object *a, const Object *b) {
        size_t size_a, size_b;
        const char *ns_a = object_namespace(a, &size_a), *ns_b = object_namespace(b, &size_b);
        int c = memcmp(ns_a, ns_b, MIN(size_a, size_b));

        if (c == 0 && size_a != size_b)
                c = size_a < size_b ? -1 : 1;
        return c != 0 ? c : strcmp(object_name(a), object_name(b));
}

static bool is_alphanumeric(char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static int invalid_name(const char *name, const char *field, Error *reterr) {
        return error_set_field(reterr, -EINVAL, field, name,
                               "\"%s\" must be 1 to 253 of the letters a-z, 0-9, '-' and '.', each part between dots at most 63 "
                               "letters that begin and end with a-z or 0-9 (RFC 1123)", field);
}

int name_validate(const char *name, const char *field, Error *reterr) {
        size_t label = 0, n = strlen(name);

        for (size_t i = 0; i <= n; i++) {
                bool edge = i == n || name[i] == '.';

                if (edge ? label == 0 || !is_alphanumeric(name[i - 1]) || label > LABEL_MAX_LETTERS :
                           !is_alphanumeric(name[i]) && (name[i] != '-' || label == 0))
                        return invalid_name(name, field, reterr);
                label = edge ? 0 : label + 1;
        }
        return n <= NAME_MAX_LETTERS ? 0 : invalid_name(name, field, reterr);
}

int key_validate(const char *key, const char *field, Error *reterr) {
        const char *slash = strchr(key, '/');
        char namespace[LABEL_MAX_LETTERS + 1];

        if (!slash)
                return name_validate(key, field, reterr);
        if (slash - key > LABEL_MAX_LETTERS)
                return invalid_name(key, field, reterr);
        memcpy(namespace, key, (size_t) (slash - key));
        namespace[slash - key] = '\0';
        if (strchr(namespace, '.') || name_validate(namespace, field, NULL) < 0)
                return invalid_name(key, field, reterr);
        return name_validate(slash + 1, field, reterr);
}
