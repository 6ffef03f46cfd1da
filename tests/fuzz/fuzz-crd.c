/* SPDX-License-Identifier: Apache-2.0 */
/* What definitions bring along: paths, patterns, and schemas with the objects that are held against them. The first byte says what the rest is
 * taken for; a schema and an object have a NUL between them. */
#include <string.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/pattern.h"
#include "kubesimd/api/kube/custom/crd.h"
#include "kubesimd/api/kube/types/jsonpath.h"
#include "kubesimd/api/kube/types/schema.h"

#define DOCUMENT "{\"metadata\":{\"labels\":{\"a\":\"1\"}},\"spec\":{\"n\":1,\"l\":[1,{\"a\":\"b\"}]},\"status\":{\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}]}}"

static Json *parse(JsonArena *a, const char *text, size_t size) {
        char *copy = json_arena_copy(a, text, size);
        Json *v = NULL;

        return copy && json_tree_parse(a, copy, size, &v, NULL) >= 0 ? v : NULL;
}

static void ignore(const char *path, void *userdata) {
        (void) path;
        (void) userdata;
}

static void try_path(JsonArena *a, const char *text) {
        _cleanup_(jsonpath_freep) JsonPath *p = NULL;
        Json *root = parse(a, DOCUMENT, strlen(DOCUMENT));

        if (jsonpath_new(text, &p, NULL) >= 0)
                (void) jsonpath_find(p, root);
        (void) jsonpath_set_simple(a, root, text, json_new_i64(a, 1));
}

static void try_pattern(const char *text) {
        _cleanup_(pattern_freep) Pattern *p = NULL;
        uint64_t budget = 20000;

        if (pattern_new(text, &p, NULL) >= 0)
                (void) pattern_matches(p, "ab.1\xc3\xa4_\n b", 11, &budget);
}

/* A schema that is taken can be held against anything; what is valid stays so once it is pruned and completed. */
static void try_schema(JsonArena *a, const char *text, size_t size) {
        const char *end = memchr(text, '\0', size);
        Json *schema = parse(a, text, end ? (size_t) (end - text) : size), *object = end ? parse(a, end + 1, size - (size_t) (end + 1 - text)) : NULL;
        Json *errors = json_new(a, JSON_ARRAY);

        if (!schema || schema_check(a, schema_find("apiextensions.v1.JSONSchemaProps"), schema, ignore, NULL, NULL) < 0)
                return;
        crd_check_schema(a, schema, "s", errors);
        if (!object || json_arena_error(a) < 0 || errors->size > 0)
                return;
        if (crd_prune(schema, object, true, ignore, NULL, NULL) < 0)
                return;
        crd_default(a, schema, object);
        crd_validate(a, schema, object, NULL, "", errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(16 * MIB);
        char *text = size > 0 ? json_arena_copy(&a, (const char*) data + 1, size - 1) : NULL;

        if (!text)
                return 0;
        if (data[0] % 3 == 0)
                try_path(&a, text);
        else if (data[0] % 3 == 1)
                try_pattern(text);
        else
                try_schema(&a, text, size - 1);
        return 0;
}
