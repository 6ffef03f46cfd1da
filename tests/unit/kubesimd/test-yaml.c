/* SPDX-License-Identifier: Apache-2.0 */
/* YAML 1.1 as sigs.k8s.io/yaml understands it; the sections are those of https://yaml.org/spec/1.1/ and https://yaml.org/type/. */
#include "tests/lib/test.h"

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/body/yaml.h"

typedef struct Case {
        const char *yaml, *json; /* or a part of what is wrong with it */
} Case;

static int read_text(JsonArena *a, const char *yaml, size_t size, char **ret) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(16 * MIB);
        _cleanup_error_ Error error = ERROR_NULL;
        Json *v;
        int r;

        r = yaml_parse(a, yaml, size, &v, &error);
        if (r < 0) {
                *ret = strdup(error_message(&error));
                return r;
        }
        if (v)
                json_put(&b, v);
        *ret = strbuf_steal(&b, NULL);
        return 0;
}

static void check(const Case *c, size_t n, bool taken) {
        for (size_t i = 0; i < n; i++) {
                _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(16 * MIB);
                _cleanup_free_ char *got = NULL;
                int r = read_text(&a, c[i].yaml, strlen(c[i].yaml), &got);

                if (taken ? r < 0 || !streq(got, c[i].json) : r != -EBADMSG || !strstr(got, c[i].json))
                        fail_msg("%s\nis %s\nnot %s", c[i].yaml, got, c[i].json);
        }
}

static void test_scalars(void **state _unused_) {
        static const Case cases[] = {
                /* type/null */
                { "[~, null, Null, NULL, ]", "[null,null,null,null]" }, { "a:\nb: ''", "{\"a\":null,\"b\":\"\"}" },
                { "[nULL, nil, 'null', \"~\"]", "[\"nULL\",\"nil\",\"null\",\"~\"]" },
                /* type/bool */
                { "[true, True, TRUE, yes, Yes, YES, y, Y, on, On, ON]", "[true,true,true,true,true,true,true,true,true,true,true]" },
                { "[false, False, FALSE, no, No, NO, n, N, off, Off, OFF]", "[false,false,false,false,false,false,false,false,false,false,false]" },
                { "[tRUE, yEs, 'yes', \"no\", oN]", "[\"tRUE\",\"yEs\",\"yes\",\"no\",\"oN\"]" },
                /* type/int: decimal, octal, hexadecimal, binary, signs, underscores */
                { "[0, 12, -12, +12, -0]", "[0,12,-12,12,0]" }, { "[0x1F, 0X1f, -0x10, 0xg]", "[31,31,-16,\"0xg\"]" },
                { "[010, 0o17, 0b101, 0b2, 0_7, 1_000]", "[8,15,5,\"0b2\",7,1000]" },
                { "[9223372036854775807, -9223372036854775808, 18446744073709551615]", "[9223372036854775807,-9223372036854775808,18446744073709551615]" },
                { "[0x, 0o, '12', \"0x10\", 12a, 1-2, -]", "[\"0x\",\"0o\",\"12\",\"0x10\",\"12a\",\"1-2\",\"-\"]" },
                { "0xfffffffffffffffff", "\"0xfffffffffffffffff\"" },
                /* type/float */
                { "[1.5, -1.5, +.5, .5, 1., 1.0, 1e3, 1E-2, 1.5e+2]", "[1.5,-1.5,0.5,0.5,1,1,1000,0.01,150]" },
                { "[08, 09.5, 0.1, 123456789.125, 1e-7]", "[8,9.5,0.1,123456789.125,1e-07]" },
                { "[1e400, ., +, 1e, e1, 1.2.3, 10m, 1_0.5]", "[\"1e400\",\".\",\"+\",\"1e\",\"e1\",\"1.2.3\",\"10m\",10.5]" },
                { "['.inf', inf, nan]", "[\".inf\",\"inf\",\"nan\"]" },
                /* what YAML 1.1 has beside that, and JSON and Kubernetes take for text: sexagesimal numbers, timestamps */
                { "[80:80, 1:30, 2001-12-14, 2001-12-14T21:59:43Z]", "[\"80:80\",\"1:30\",\"2001-12-14\",\"2001-12-14T21:59:43Z\"]" },
                /* 10: tags */
                { "[!!str 12, !!int '12', !!float 1, !!bool 'yes', !!null '', ! a, !mine 1]", "[\"12\",12,1,true,null,\"a\",\"1\"]" },
                { "!!map {a: !!seq [1]}", "{\"a\":[1]}" },
        };

        check(cases, ELEMENTSOF(cases), true);
}

static void test_styles(void **state _unused_) {
        static const Case cases[] = {
                /* 9.1: flow scalars, quoted and plain, over several lines */
                { "'it''s'", "\"it's\"" }, { "\"a\\tb\\x41\\u00e9\\n\"", "\"a\\tbA\xc3\xa9\\n\"" }, { "a b\n  c\n\n  d", "\"a b c\\nd\"" },
                /* 9.2: block scalars with their chomping and indentation */
                { "|\n a\n b\n", "\"a\\nb\\n\"" }, { "|-\n a\n b\n", "\"a\\nb\"" }, { "|+\n a\n\n", "\"a\\n\\n\"" }, { ">\n a\n b\n\n c\n", "\"a b\\nc\\n\"" },
                { "|2\n   a\n  b\n", "\" a\\nb\\n\"" }, { "a: |\n  yes\nb: >-\n  12\n", "{\"a\":\"yes\\n\",\"b\":\"12\"}" },
                /* 9.3, 10.2: collections, flow in block, sequences not indented below their key */
                { "a:\n- 1\n- b: 2\n  c: 3\n-\n  - 4\n", "{\"a\":[1,{\"b\":2,\"c\":3},[4]]}" }, { "{a: [1, 2], b: {c}}", "{\"a\":[1,2],\"b\":{\"c\":null}}" },
                { "- - 1\n  - 2\n- []\n- {}\n", "[[1,2],[],{}]" }, { "? a\n: 1\n? b\n", "{\"a\":1,\"b\":null}" }, { "[a: 1, b]", "[{\"a\":1},\"b\"]" },
                /* JSON is YAML */
                { "{\"a\":[1,-2.5,true,null,\"x\\u00e9\"],\"b\":{}}", "{\"a\":[1,-2.5,true,null,\"x\xc3\xa9\"],\"b\":{}}" },
                /* keys become text */
                { "1: a\n0x10: b\n1.5: c\ntrue: d\non: e\n'no': f", "{\"1\":\"a\",\"16\":\"b\",\"1.5\":\"c\",\"true\":\"e\",\"no\":\"f\"}" },
                /* 7.3: one document with its markers and comments, or none */
                { "%YAML 1.1\n--- # hello\na: 1\n...\n", "{\"a\":1}" }, { "---\na: 1\n", "{\"a\":1}" }, { "", "" }, { "# nothing\n", "" }, { "---\n", "null" },
        };

        check(cases, ELEMENTSOF(cases), true);
}

static void test_aliases(void **state _unused_) {
        static const Case cases[] = {
                /* 7.1: an alias is the value that its anchor had last */
                { "a: &x 1\nb: *x\n", "{\"a\":1,\"b\":1}" }, { "- &x {a: [1]}\n- *x\n- *x\n", "[{\"a\":[1]},{\"a\":[1]},{\"a\":[1]}]" },
                { "[&x 1, *x, &x 2, *x]", "[1,1,2,2]" }, { "[&x k, {*x : 1}]", "[\"k\",{\"k\":1}]" }, { "[&x [&y 1, *y], *x]", "[[1,1],[1,1]]" },
                /* type/merge: own keys count more than merged ones wherever they stand, earlier sources more than later ones */
                { "- &x {a: 1, b: 2}\n- {<<: *x, b: 3}\n- {b: 3, <<: *x}\n", "[{\"a\":1,\"b\":2},{\"a\":1,\"b\":3},{\"a\":1,\"b\":3}]" },
                { "- &x {a: 1}\n- &y {a: 2, b: 2}\n- <<: [*x, *y]\n  c: 3\n", "[{\"a\":1},{\"a\":2,\"b\":2},{\"b\":2,\"a\":1,\"c\":3}]" },
                { "- {<<: &x {a: 1}}\n- *x\n", "[{\"a\":1},{\"a\":1}]" }, { "{<<: {a: 1}, <<: {a: 2, b: 2}}", "{\"b\":2,\"a\":1}" },
                { "'<<': {a: 1}", "{\"<<\":{\"a\":1}}" }, { "[<<]", "[\"<<\"]" },
        };

        check(cases, ELEMENTSOF(cases), true);
}

static void test_refused(void **state _unused_) {
        static const Case cases[] = {
                { "a: 1\nb: [1, 2\nc: 3\n", "yaml: line 3: " }, { "a: b: c\n", "yaml: line 1: mapping values are not allowed in this context" },
                { "a:\n\tb: 1\n", "yaml: line 2: found character that cannot start any token" }, { "a: 1\n b: 2\n", "yaml: line 2: " },
                { "a: 1\n---\nb: 2\n", "yaml: line 2: there is more than one document" }, { "a: 1\n---\n", "yaml: line 2: there is more than one document" },
                { "a: 1\nb: .inf\n", "yaml: line 2: .inf is a number that JSON does not have" }, { "[-.Inf]", "line 1: -.Inf is a number" }, { "[.nan]", ".nan" },
                { "a: 1\nb: *x\n", "yaml: line 2: unknown anchor 'x' referenced" }, { "&x [1, *x]", "anchor 'x' value contains itself" },
                { "&x {a: {<<: *x}}", "anchor 'x' value contains itself" },
                { "{<<: 1}", "map merge requires map or sequence of maps" }, { "{<<: [{a: 1}, 2]}", "map merge requires map or sequence of maps" },
                { "~: 1", "unsupported map key of type null" }, { "[1]: 1", "a collection cannot be a key" }, { "? {a: 1}\n: 1\n", "a collection cannot be a key" },
                { "[&x [1], {*x : 1}]", "unsupported map key of type an array" },
                { "!!int 1.5", "cannot decode `1.5` as a !!int" }, { "!!bool 1", "as a !!bool" }, { "!!float x", "as a !!float" }, { "!!null a", "as a !!null" },
                { "!!binary aGVsbG8=", "!!binary is not taken" }, { "\"\\0\"", "control characters are not allowed" }, { "a: 1\n\x01", "yaml: line 2: " },
                { "a: 1\nb: 2\nc: \xff\n", "yaml: line 3: " }, { "\"\\ud800\"", "yaml: line 1: " }, { "!x!a b", "yaml: line 1: " }, { "'a", "yaml: line " },
                { "%YAML 1.1\na: 1", "yaml: line 2: did not find expected <document start>" },
        };

        check(cases, ELEMENTSOF(cases), false);
}

/* In block style, and the same when it is read again. */
static void test_written(void **state _unused_) {
        static const Case cases[] = {
                { "kind: Pod\nmetadata:\n  name: a\n  labels: {}\nspec:\n  containers:\n  - name: c\n    args:\n    - \"1\"\n    - - x\n      - z\n    ports: []\n  - {}\n",
                  "{\"kind\":\"Pod\",\"metadata\":{\"name\":\"a\",\"labels\":{}},\"spec\":{\"containers\":[{\"name\":\"c\",\"args\":[\"1\",[\"x\",\"z\"]],\"ports\":[]},{}]}}" },
                { "- 1\n- -2.5\n- true\n- null\n", "[1,-2.5,true,null]" }, { "{}\n", "{}" }, { "[]\n", "[]" }, { "a b\n", "\"a b\"" },
                /* what would be something else without its quotes, here or with other readers */
                { "- \"\"\n- \"~\"\n- \"yes\"\n- \"y\"\n- \"null\"\n- \"010\"\n- \"1e3\"\n- \".5\"\n- \"80:80\"\n- \"2001-12-14T21:59:43Z\"\n- \"<<\"\n",
                  "[\"\",\"~\",\"yes\",\"y\",\"null\",\"010\",\"1e3\",\".5\",\"80:80\",\"2001-12-14T21:59:43Z\",\"<<\"]" },
                { "- \"a: b\"\n- \"a:\"\n- \"a #b\"\n- \"- a\"\n- \" a\"\n- \"a \"\n- \"a  b\"\n- \"*a\"\n- \"!a\"\n- \"---\"\n- \"...\"\n- \"{a\"\n",
                  "[\"a: b\",\"a:\",\"a #b\",\"- a\",\" a\",\"a \",\"a  b\",\"*a\",\"!a\",\"---\",\"...\",\"{a\"]" },
                { "- nginx:1.27\n- a/b@sha256:0\n- 10m\n- 3f2a-b\n- https://x/y=(z)\n", "[\"nginx:1.27\",\"a/b@sha256:0\",\"10m\",\"3f2a-b\",\"https://x/y=(z)\"]" },
                { "\"true\": 1\n\"1\": 2\nf:a: 3\n\"k:{\\\"a\\\"}\": 4\n", "{\"true\":1,\"1\":2,\"f:a\":3,\"k:{\\\"a\\\"}\":4}" },
                /* what has no place in a text */
                { "\"\\x01\\x7f\\t\\\\\\u0085\\u2028\\ufeff\\uffff\xc3\xa9\xf0\x9f\x99\x82\"\n",
                  "\"\\u0001\\u007f\\t\\\\\\u0085\\u2028\\ufeff\\uffff\xc3\xa9\xf0\x9f\x99\x82\"" },
                /* lines */
                { "a: |\n  x\n   y\n\n  z\nb: |-\n  x: 1\n  # y\nc:\n- |\n  x\n", "{\"a\":\"x\\n y\\n\\nz\\n\",\"b\":\"x: 1\\n# y\",\"c\":[\"x\\n\"]}" },
                { "- \"\\n\"\n- \" x\\n\"\n- \"x\\n\\n\"\n- \"x\\n\\ty\"\n", "[\"\\n\",\" x\\n\",\"x\\n\\n\",\"x\\n\\ty\"]" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
                Json *v, *again;

                assert_int_equal(json_tree_parse(&a, json_arena_copy(&a, cases[i].json, strlen(cases[i].json)), strlen(cases[i].json), &v, NULL), 0);
                yaml_put(&b, v);
                assert_string_equal(strbuf_str(&b), cases[i].yaml);
                assert_int_equal(yaml_parse(&a, b.data, b.size, &again, NULL), 0);
                assert_true(json_equal(v, again));
        }
}

static void test_written_key(void **state _unused_) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        Json *v = json_new(&a, JSON_OBJECT), *again;
        char key[3000];

        memset(key, 'k', sizeof(key));
        key[sizeof(key) - 1] = '\0';
        json_append(json_ensure(&a, v, key, JSON_ARRAY), json_new_i64(&a, 1));
        json_set_string(&a, v, "b", "c");
        yaml_put(&b, v);
        assert_int_equal(yaml_parse(&a, b.data, b.size, &again, NULL), 0);
        assert_true(json_equal(v, again));
}

static void count_duplicate(const Json *object _unused_, const char *key, void *userdata) {
        strbuf_printf(userdata, "%s ", key);
}

static void test_duplicates(void **state _unused_) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        _cleanup_strbuf_ StrBuf names = STRBUF_INIT(KIB);
        _cleanup_free_ char *got = NULL;
        const char *text = "a: 1\nb: {c: 1, c: 2}\na: 2\n1: x\n'1': z\nd: {<<: {e: 1}, e: 2}\n";

        a.duplicate = count_duplicate;
        a.userdata = &names;
        assert_int_equal(read_text(&a, text, strlen(text), &got), 0);
        assert_string_equal(got, "{\"b\":{\"c\":2},\"a\":2,\"1\":\"z\",\"d\":{\"e\":2}}");
        assert_string_equal(strbuf_str(&names), "c a 1 ");
}

/* Texts that would become too much. */
static void test_limits(void **state _unused_) {
        static const struct {
                const char *head, *part, *tail;
                unsigned times;
                int result;
                const char *message;
        } cases[] = {
                { "", "[", "", 100, -EBADMSG, "nested too deeply" },
                { "", "[", "1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", 64, 0, NULL },
                { "", "{a: ", "", 65, -EBADMSG, "nested too deeply" },
                { "- &a [[[[[[[[1]]]]]]]]\n- ", "[", "*a]", 57, -EBADMSG, "nested too deeply" },
                { "- &a [1,1,1,1,1,1,1,1,1]\n- &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n- &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n- &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n", "- *d\n", "", 20,
                  -EBADMSG, "excessive aliasing" },
                { "- &a 1\n", "- *a\n", "", 10000, 0, NULL },
                { "- &a 1\n", "- *a\n", "", 10001, -EBADMSG, "line 10002: document contains excessive aliasing" },
                { "", "- &a 1\n", "", 257, -EBADMSG, "more than 256 anchors" },
                { "", "- 1\n", "", 300000, -E2BIG, "too many values" },
                { "- &a \"", "0123456789abcdef", "\"\n- [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]", 65536, -E2BIG, "too many values" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(16 * MIB);
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT(16 * MIB);
                _cleanup_free_ char *got = NULL;

                strbuf_puts(&b, cases[i].head);
                for (unsigned k = 0; k < cases[i].times; k++)
                        strbuf_puts(&b, cases[i].part);
                strbuf_puts(&b, cases[i].tail);
                assert_int_equal(read_text(&a, b.data, b.size, &got), cases[i].result);
                if (cases[i].message && !strstr(got, cases[i].message))
                        fail_msg("%s", got);
        }
}

static void test_many_members(void **state _unused_) {
        for (unsigned n = JSON_MEMBERS_MAX; n <= JSON_MEMBERS_MAX + 1; n++) {
                _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(16 * MIB);
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
                _cleanup_free_ char *got = NULL;

                for (unsigned i = 0; i < n; i++)
                        strbuf_printf(&b, "k%u: %u\n", i, i);
                assert_int_equal(read_text(&a, b.data, b.size, &got), n > JSON_MEMBERS_MAX ? -E2BIG : 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_scalars), cmocka_unit_test(test_styles),     cmocka_unit_test(test_aliases),      cmocka_unit_test(test_refused),
                cmocka_unit_test(test_duplicates), cmocka_unit_test(test_limits),  cmocka_unit_test(test_many_members),
                cmocka_unit_test(test_written), cmocka_unit_test(test_written_key),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
