/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/test.h"

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/prng.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/body/protobuf.h"
#include "kubesimd/api/kube/patch/fieldset.h"
#include "kubesimd/api/kube/patch/patch.h"

static Json *parse(JsonArena *a, const char *text) {
        Json *v = NULL;

        if (json_tree_parse(a, json_arena_copy(a, text, strlen(text)), strlen(text), &v, NULL) < 0)
                fail_msg("%s", text);
        return v;
}

typedef struct Case {
        const char *target, *patch, *result; /* result NULL: it cannot be applied */
} Case;

static void compare(JsonArena *a, const Case *c, int r, const Json *result) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);

        if (!c->result) {
                if (r >= 0)
                        fail_msg("taken: %s + %s", c->target, c->patch);
                return;
        }
        json_put(&b, result);
        if (r < 0 || !json_equal(result, parse(a, c->result)))
                fail_msg("%s + %s = %s", c->target, c->patch, strbuf_str(&b));
}

/* The cases of RFC 7386, appendix A. */
static void test_merge(void **state _unused_) {
        static const Case cases[] = {
                { "{\"a\":\"b\"}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
                { "{\"a\":\"b\"}", "{\"b\":\"c\"}", "{\"a\":\"b\",\"b\":\"c\"}" },
                { "{\"a\":\"b\"}", "{\"a\":null}", "{}" },
                { "{\"a\":\"b\",\"b\":\"c\"}", "{\"a\":null}", "{\"b\":\"c\"}" },
                { "{\"a\":[\"b\"]}", "{\"a\":\"c\"}", "{\"a\":\"c\"}" },
                { "{\"a\":\"c\"}", "{\"a\":[\"b\"]}", "{\"a\":[\"b\"]}" },
                { "{\"a\":{\"b\":\"c\"}}", "{\"a\":{\"b\":\"d\",\"c\":null}}", "{\"a\":{\"b\":\"d\"}}" },
                { "{\"a\":[{\"b\":\"c\"}]}", "{\"a\":[1]}", "{\"a\":[1]}" },
                { "[\"a\",\"b\"]", "[\"c\",\"d\"]", "[\"c\",\"d\"]" },
                { "{\"a\":\"b\"}", "[\"c\"]", "[\"c\"]" },
                { "{\"a\":\"foo\"}", "null", "null" },
                { "{\"e\":null}", "{\"a\":1}", "{\"e\":null,\"a\":1}" },
                { "[1,2]", "{\"a\":\"b\",\"c\":null}", "{\"a\":\"b\"}" },
                { "{}", "{\"a\":{\"bb\":{\"ccc\":null}}}", "{\"a\":{\"bb\":{}}}" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);

                compare(&a, &cases[i], 0, patch_merge(&a, parse(&a, cases[i].target), parse(&a, cases[i].patch)));
        }
}

/* RFC 6902, appendix A, and what it says must fail. */
static void test_json(void **state _unused_) {
        static const Case cases[] = {
                { "{\"foo\":\"bar\"}", "[{\"op\":\"add\",\"path\":\"/baz\",\"value\":\"qux\"}]", "{\"baz\":\"qux\",\"foo\":\"bar\"}" },
                { "{\"foo\":[\"bar\",\"baz\"]}", "[{\"op\":\"add\",\"path\":\"/foo/1\",\"value\":\"qux\"}]", "{\"foo\":[\"bar\",\"qux\",\"baz\"]}" },
                { "{\"foo\":[1,2,3]}", "[{\"op\":\"add\",\"path\":\"/foo/0\",\"value\":0}]", "{\"foo\":[0,1,2,3]}" },
                { "{\"baz\":\"qux\",\"foo\":\"bar\"}", "[{\"op\":\"remove\",\"path\":\"/baz\"}]", "{\"foo\":\"bar\"}" },
                { "{\"foo\":[\"bar\",\"qux\",\"baz\"]}", "[{\"op\":\"remove\",\"path\":\"/foo/1\"}]", "{\"foo\":[\"bar\",\"baz\"]}" },
                { "{\"baz\":\"qux\"}", "[{\"op\":\"replace\",\"path\":\"/baz\",\"value\":\"boo\"}]", "{\"baz\":\"boo\"}" },
                { "{\"a\":[1,2,3]}", "[{\"op\":\"replace\",\"path\":\"/a/1\",\"value\":9}]", "{\"a\":[1,9,3]}" },
                { "{\"foo\":{\"bar\":\"baz\",\"waldo\":\"fred\"},\"qux\":{\"corge\":\"grault\"}}",
                  "[{\"op\":\"move\",\"from\":\"/foo/waldo\",\"path\":\"/qux/thud\"}]",
                  "{\"foo\":{\"bar\":\"baz\"},\"qux\":{\"corge\":\"grault\",\"thud\":\"fred\"}}" },
                { "{\"foo\":[\"all\",\"grass\",\"cows\",\"eat\"]}", "[{\"op\":\"move\",\"from\":\"/foo/1\",\"path\":\"/foo/3\"}]",
                  "{\"foo\":[\"all\",\"cows\",\"eat\",\"grass\"]}" },
                { "{\"baz\":\"qux\",\"foo\":[\"a\",2,\"c\"]}", "[{\"op\":\"test\",\"path\":\"/baz\",\"value\":\"qux\"},{\"op\":\"test\",\"path\":\"/foo/1\",\"value\":2}]",
                  "{\"baz\":\"qux\",\"foo\":[\"a\",2,\"c\"]}" },
                { "{\"baz\":\"qux\"}", "[{\"op\":\"test\",\"path\":\"/baz\",\"value\":\"bar\"}]", NULL },
                { "{\"foo\":\"bar\"}", "[{\"op\":\"add\",\"path\":\"/child\",\"value\":{\"grandchild\":{}}}]", "{\"foo\":\"bar\",\"child\":{\"grandchild\":{}}}" },
                { "{\"foo\":\"bar\"}", "[{\"op\":\"add\",\"path\":\"/baz/bat\",\"value\":\"qux\"}]", NULL },
                { "{\"/\":9,\"~1\":10}", "[{\"op\":\"test\",\"path\":\"/~01\",\"value\":10}]", "{\"/\":9,\"~1\":10}" },
                { "{\"a/b\":{\"c~d\":1}}", "[{\"op\":\"replace\",\"path\":\"/a~1b/c~0d\",\"value\":2}]", "{\"a/b\":{\"c~d\":2}}" },
                { "{\"foo\":[\"bar\"]}", "[{\"op\":\"add\",\"path\":\"/foo/-\",\"value\":[\"abc\",\"def\"]}]", "{\"foo\":[\"bar\",[\"abc\",\"def\"]]}" },
                { "{\"a\":{\"b\":1}}", "[{\"op\":\"copy\",\"from\":\"/a\",\"path\":\"/c\"}]", "{\"a\":{\"b\":1},\"c\":{\"b\":1}}" },
                { "{\"a\":{\"b\":1}}", "[{\"op\":\"move\",\"from\":\"/a\",\"path\":\"/a/b\"}]", NULL },
                { "{\"a\":[1]}", "[{\"op\":\"add\",\"path\":\"/a/2\",\"value\":3}]", NULL },
                { "{\"a\":1}", "[{\"op\":\"remove\",\"path\":\"/b\"}]", NULL },
                { "{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"/b\",\"value\":1}]", NULL },
                { "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"b\",\"value\":1}]", NULL },
                { "{\"a\":1}", "[{\"op\":\"twist\",\"path\":\"/a\",\"value\":1}]", NULL },
                { "{\"a\":1}", "[{\"op\":\"add\",\"path\":\"/a\"}]", NULL },
                { "{\"a\":1}", "{\"op\":\"add\"}", NULL },
                { "{\"a\":1}", "[{\"op\":\"replace\",\"path\":\"\",\"value\":{\"b\":2}}]", "{\"b\":2}" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
                Json *result = NULL;
                int r = patch_json(&a, parse(&a, cases[i].target), parse(&a, cases[i].patch), &result, NULL);

                compare(&a, &cases[i], r, result);
        }
}

/* kubernetes/community, "Strategic Merge Patch", and the merge keys of the API reference. */
static void test_strategic(void **state _unused_) {
        static const Case cases[] = {
                /* lists merge by their key, others are replaced */
                { "{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"1\"},{\"name\":\"b\",\"image\":\"1\"}]}}",
                  "{\"spec\":{\"containers\":[{\"name\":\"b\",\"image\":\"2\"},{\"name\":\"c\"}]}}",
                  "{\"spec\":{\"containers\":[{\"name\":\"a\",\"image\":\"1\"},{\"name\":\"b\",\"image\":\"2\"},{\"name\":\"c\"}]}}" },
                { "{\"spec\":{\"tolerations\":[{\"key\":\"a\"}]}}", "{\"spec\":{\"tolerations\":[{\"key\":\"b\"}]}}", "{\"spec\":{\"tolerations\":[{\"key\":\"b\"}]}}" },
                { "{\"spec\":{\"containers\":[{\"name\":\"a\",\"env\":[{\"name\":\"X\",\"value\":\"1\"}],\"command\":[\"x\"]}]}}",
                  "{\"spec\":{\"containers\":[{\"name\":\"a\",\"env\":[{\"name\":\"Y\",\"value\":\"2\"}],\"command\":[\"y\"]}]}}",
                  "{\"spec\":{\"containers\":[{\"name\":\"a\",\"env\":[{\"name\":\"X\",\"value\":\"1\"},{\"name\":\"Y\",\"value\":\"2\"}],\"command\":[\"y\"]}]}}" },
                /* scalar lists with a merge strategy are united */
                { "{\"metadata\":{\"finalizers\":[\"a\",\"b\"]}}", "{\"metadata\":{\"finalizers\":[\"b\",\"c\"]}}", "{\"metadata\":{\"finalizers\":[\"a\",\"b\",\"c\"]}}" },
                /* maps merge, null removes */
                { "{\"metadata\":{\"labels\":{\"a\":\"1\",\"b\":\"2\"}}}", "{\"metadata\":{\"labels\":{\"a\":null,\"c\":\"3\"}}}",
                  "{\"metadata\":{\"labels\":{\"b\":\"2\",\"c\":\"3\"}}}" },
                /* $patch */
                { "{\"spec\":{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}]}}", "{\"spec\":{\"containers\":[{\"$patch\":\"delete\",\"name\":\"a\"}]}}",
                  "{\"spec\":{\"containers\":[{\"name\":\"b\"}]}}" },
                { "{\"spec\":{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}]}}", "{\"spec\":{\"containers\":[{\"name\":\"c\"},{\"$patch\":\"replace\"}]}}",
                  "{\"spec\":{\"containers\":[{\"name\":\"c\"}]}}" },
                { "{\"spec\":{\"securityContext\":{\"runAsUser\":1,\"fsGroup\":2}}}", "{\"spec\":{\"securityContext\":{\"$patch\":\"replace\",\"runAsUser\":3}}}",
                  "{\"spec\":{\"securityContext\":{\"runAsUser\":3}}}" },
                /* $retainKeys */
                { "{\"spec\":{\"volumes\":[{\"name\":\"v\",\"emptyDir\":{}}]}}",
                  "{\"spec\":{\"volumes\":[{\"name\":\"v\",\"$retainKeys\":[\"name\",\"hostPath\"],\"hostPath\":{\"path\":\"/x\"}}]}}",
                  "{\"spec\":{\"volumes\":[{\"name\":\"v\",\"hostPath\":{\"path\":\"/x\"}}]}}" },
                /* $setElementOrder */
                { "{\"spec\":{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"},{\"name\":\"c\"}]}}",
                  "{\"spec\":{\"$setElementOrder/containers\":[{\"name\":\"c\"},{\"name\":\"a\"}]}}",
                  "{\"spec\":{\"containers\":[{\"name\":\"b\"},{\"name\":\"c\"},{\"name\":\"a\"}]}}" },
                /* $deleteFromPrimitiveList */
                { "{\"metadata\":{\"finalizers\":[\"a\",\"b\"]}}", "{\"metadata\":{\"$deleteFromPrimitiveList/finalizers\":[\"a\"]}}",
                  "{\"metadata\":{\"finalizers\":[\"b\"]}}" },
                /* an item must have its key */
                { "{\"spec\":{\"containers\":[{\"name\":\"a\"}]}}", "{\"spec\":{\"containers\":[{\"image\":\"x\"}]}}", NULL },
                { "{\"spec\":{}}", "[1]", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
                Json *result = NULL;
                int r = patch_strategic(&a, schema_find("core.v1.Pod"), parse(&a, cases[i].target), parse(&a, cases[i].patch), &result, NULL);

                compare(&a, &cases[i], r, result);
        }
}

/* Kubernetes documentation, "Server-Side Apply": what a set of fields is, and what merging and giving up do. */
static void test_fieldsets(void **state _unused_) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        const SchemaMessage *pod = schema_find("core.v1.Pod");
        Json *object = parse(&a, "{\"metadata\":{\"name\":\"x\",\"labels\":{\"a\":\"1\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\","
                                 "\"ports\":[{\"containerPort\":80}]}],\"tolerations\":[{\"key\":\"k\"}]}}"), *set, *other;
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);

        set = fieldset_of(&a, pod, object);
        json_put(&b, set);
        assert_string_equal(strbuf_str(&b), "{\"f:metadata\":{\"f:labels\":{\"f:a\":{}}},\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"c\\\"}\":{"
                            "\"f:name\":{},\"f:image\":{},\"f:ports\":{\"k:{\\\"containerPort\\\":80,\\\"protocol\\\":\\\"TCP\\\"}\":{\"f:containerPort\":{},"
                            "\".\":{}}},\".\":{}}},\"f:tolerations\":{}}}");
        other = fieldset_changed(&a, pod, parse(&a, "{\"metadata\":{\"labels\":{\"a\":\"1\",\"b\":\"2\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"j\"}]}}"), object);
        strbuf_clear(&b);
        json_put(&b, other);
        assert_string_equal(strbuf_str(&b), "{\"f:metadata\":{\"f:labels\":{\"f:b\":{}}},\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"c\\\"}\":{\"f:image\":{}}}}}");
        assert_true(json_equal(fieldset_common(&a, set, other), parse(&a, "{\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"c\\\"}\":{\"f:image\":{}}}}}")));
        fieldset_merge(&a, pod, object, parse(&a, "{\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"j\"},{\"name\":\"d\"}],\"tolerations\":[{\"key\":\"z\"}]}}"));
        assert_true(json_equal(json_get(object, "spec"), parse(&a, "{\"containers\":[{\"name\":\"c\",\"image\":\"j\",\"ports\":[{\"containerPort\":80}]},{\"name\":\"d\"}],"
                               "\"tolerations\":[{\"key\":\"z\"}]}")));
        fieldset_remove(&a, pod, object, parse(&a, "{\"f:metadata\":{\"f:labels\":{\"f:a\":{}}},\"f:spec\":{\"f:containers\":{\"k:{\\\"name\\\":\\\"d\\\"}\":{\".\":{}},"
                        "\"k:{\\\"name\\\":\\\"c\\\"}\":{\"f:ports\":{}}}}}"));
        assert_true(json_equal(object, parse(&a, "{\"metadata\":{\"name\":\"x\"},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"j\"}],\"tolerations\":[{\"key\":\"z\"}]}}")));
        fieldset_subtract(set, set);
        assert_true(fieldset_is_empty(set));
}

/* What kubectl sends for "create namespace abc" (Kubernetes documentation, "Kubernetes Protobuf encoding"). */
static void test_protobuf(void **state _unused_) {
        static const unsigned char body[] = {
                'k', 's', 0 };
        static const unsigned char namespace[] = {
                0x6b, 0x38, 0x73, 0x00, 0x0a, 0x0f, 0x0a, 0x02, 0x76, 0x31, 0x12, 0x09, 0x4e, 0x61, 0x6d, 0x65, 0x73, 0x70, 0x61, 0x63, 0x65, 0x12, 0x1b,
                0x0a, 0x13, 0x0a, 0x03, 0x61, 0x62, 0x63, 0x12, 0x00, 0x1a, 0x00, 0x22, 0x00, 0x2a, 0x00, 0x32, 0x00, 0x38, 0x00, 0x42, 0x00, 0x12, 0x00,
                0x1a, 0x02, 0x0a, 0x00, 0x1a, 0x00, 0x22, 0x00,
        };
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        Json *v;

        assert_int_equal(protobuf_read(&a, (const char*) namespace, sizeof(namespace), &v, NULL), 0);
        assert_true(json_equal(v, parse(&a, "{\"metadata\":{\"name\":\"abc\"},\"apiVersion\":\"v1\",\"kind\":\"Namespace\"}")));
        assert_int_equal(protobuf_read(&a, (const char*) body, sizeof(body), &v, NULL), -EBADMSG);
        for (size_t n = 0; n < sizeof(namespace); n++) /* cut off anywhere */
                (void) protobuf_read(&a, (const char*) namespace, n, &v, NULL);
}

/* Bytes and patches of any kind: taken or refused, and nothing else happens. */
static void test_random(void **state _unused_) {
        static const char *const words[] = {
                "{", "}", "[", "]", ",", ":", "\"spec\"", "\"containers\"", "\"name\"", "\"a\"", "\"$patch\"", "\"delete\"", "\"replace\"", "null", "1", "\"op\"",
                "\"add\"", "\"path\"", "\"/spec/containers/0\"", "\"value\"", "\"$setElementOrder/containers\"", "\"$retainKeys\"", "\"move\"", "\"from\"",
        };
        Prng p;

        prng_init(&p, 5);
        for (unsigned i = 0; i < 30000; i++) {
                _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
                Json *patch, *target = parse(&a, "{\"spec\":{\"containers\":[{\"name\":\"a\"},{\"name\":\"b\"}]}}"), *result;

                for (unsigned n = (unsigned) prng_below(&p, 20); n > 0; n--)
                        strbuf_puts(&b, words[prng_below(&p, ELEMENTSOF(words))]);
                if (json_tree_parse(&a, json_arena_copy(&a, strbuf_str(&b), b.size), b.size, &patch, NULL) < 0)
                        continue;
                (void) patch_merge(&a, json_copy(&a, target), patch);
                (void) patch_json(&a, json_copy(&a, target), patch, &result, NULL);
                (void) patch_strategic(&a, schema_find("core.v1.Pod"), json_copy(&a, target), patch, &result, NULL);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_merge), cmocka_unit_test(test_json), cmocka_unit_test(test_strategic), cmocka_unit_test(test_fieldsets),
                cmocka_unit_test(test_protobuf), cmocka_unit_test(test_random),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
