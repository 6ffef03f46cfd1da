/* SPDX-License-Identifier: Apache-2.0 */
/* YAML bodies: whatever libyaml makes of them, the tree can be written as JSON and as YAML and read again, and stays within its limits. */
#include <string.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/body/yaml.h"

static unsigned depth_of(const Json *v) {
        unsigned deepest = 0;

        JSON_FOREACH(child, v)
                deepest = MAX(deepest, depth_of(child));
        return deepest + (v->type == JSON_ARRAY || v->type == JSON_OBJECT);
}

static void ignore(const Json *object, const char *key, void *userdata) {
        (void) userdata;
        assert(json_get(object, key));
}

static void check(JsonArena *a, const Json *v) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(64 * MIB);
        Json *again = NULL;

        assert(depth_of(v) <= JSON_DEPTH_MAX);
        json_put(&b, v);
        if (strbuf_error(&b) < 0)
                return;
        assert(utf8_is_valid(b.data, b.size));
        a->duplicate = NULL;
        if (json_tree_parse(a, b.data, b.size, &again, NULL) >= 0)
                assert(json_equal(v, again));
        else
                assert(json_arena_error(a) < 0);
}

static void check_written(JsonArena *a, const Json *v) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(64 * MIB);
        Json *again = NULL;

        yaml_put(&b, v);
        if (strbuf_error(&b) < 0)
                return;
        if (yaml_parse(a, b.data, b.size, &again, NULL) >= 0)
                assert(json_equal(v, again));
        else
                assert(json_arena_error(a) < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(8 * MIB);
        _cleanup_error_ Error error = ERROR_NULL;
        Json *v = NULL;
        int r;

        a.duplicate = ignore;
        r = yaml_parse(&a, (const char*) data, size, &v, &error);
        assert(r >= 0 || error.code == r);
        if (r >= 0 && v) {
                check(&a, v);
                check_written(&a, v);
        }
        return 0;
}
