/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/test.h"

#include <stdlib.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/json-tree.h"
#include "basic/prng.h"
#include "basic/string-util.h"

static Json *parse(JsonArena *a, const char *text) {
        Json *v = NULL;

        assert_int_equal(json_tree_parse(a, json_arena_copy(a, text, strlen(text)), strlen(text), &v, NULL), 0);
        return v;
}

static void expect(const Json *v, const char *text) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);

        json_put(&b, v);
        assert_string_equal(strbuf_str(&b), text);
}

/* What was read is written as it was: order, numbers, escapes that are needed. */
static void test_round_trip(void **state _unused_) {
        static const char *const texts[] = {
                "{}", "[]", "null", "true", "\"\"", "0", "-1.50e+3", "12345678901234567890", "{\"b\":1,\"a\":[1,\"x\",{\"c\":null}]}", "\"a\\\"b\\\\c\\n\"",
                "[[[[[]]]]]", "{\"\":{\"\":\"\"}}",
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);

                expect(parse(&a, texts[i]), texts[i]);
        }
}

static void test_refused(void **state _unused_) {
        static const char *const texts[] = { "", "{", "[1,]", "{\"a\"}", "{\"a\":1,}", "01", "nul", "\"\\u0000\"", "[1] 2", "{a:1}", "\x80" };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
                Json *v;

                if (json_tree_parse(&a, json_arena_copy(&a, texts[i], strlen(texts[i])), strlen(texts[i]), &v, NULL) != -EBADMSG)
                        fail_msg("taken: %s", texts[i]);
        }
}

static void count(const Json *object _unused_, const char *key _unused_, void *userdata) {
        (*(unsigned*) userdata)++;
}

/* Of members of one name the last counts, and somebody is told; few and many are looked for in different ways. */
static void test_duplicates(void **state _unused_) {
        for (unsigned n = 2; n < 200; n += 37) {
                _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
                unsigned told = 0;
                Json *v;

                a.duplicate = count;
                a.userdata = &told;
                strbuf_putc(&b, '{');
                for (unsigned i = 0; i < n; i++)
                        strbuf_printf(&b, "%s\"k%u\":%u", i > 0 ? "," : "", i % (n - 1), i);
                strbuf_putc(&b, '}');
                v = parse(&a, strbuf_str(&b));
                assert_int_equal(told, 1);
                assert_int_equal(v->size, n - 1);
                assert_int_equal(json_i64(json_get(v, "k0"), -1), n - 1);
        }
}

static void test_changes(void **state _unused_) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        Json *v = parse(&a, "{\"a\":1,\"b\":{\"c\":[1,2,3]},\"d\":true}");

        json_set_string(&a, v, "a", "x");
        json_remove(json_get(v, "b"), "nothing");
        json_detach(json_item(json_at(v, "b", "c", NULL), 1));
        json_append(json_at(v, "b", "c", NULL), json_new_bool(&a, false));
        json_remove(v, "d");
        json_set_i64(&a, json_ensure(&a, v, "e", JSON_OBJECT), "f", -5);
        expect(v, "{\"a\":\"x\",\"b\":{\"c\":[1,3,false]},\"e\":{\"f\":-5}}");
        assert_true(json_equal(v, json_copy(&a, v)));
        assert_true(json_equal(parse(&a, "{\"x\":1,\"y\":[{}]}"), parse(&a, "{\"y\":[{}],\"x\":1}")));
        assert_false(json_equal(parse(&a, "[1,2]"), parse(&a, "[2,1]")));
        assert_int_equal(json_i64(parse(&a, "9223372036854775807"), 0), INT64_MAX);
        assert_int_equal(json_i64(parse(&a, "9223372036854775808"), 7), 7);
        assert_int_equal(json_i64(parse(&a, "1.5"), 7), 7);
        assert_null(json_string(parse(&a, "1")));
}

/* An arena that is full says so in the end; until then everything takes NULL. */
static void test_full(void **state _unused_) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(1000);
        Json *v = json_new(&a, JSON_OBJECT);

        for (unsigned i = 0; i < 100; i++) {
                char key[8];

                (void) snprintf(key, sizeof(key), "k%u", i);
                json_set_string(&a, json_ensure(&a, v, key, JSON_OBJECT), "x", "y");
        }
        assert_int_equal(json_arena_error(&a), -E2BIG);
        assert_null(json_copy(&a, v));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip), cmocka_unit_test(test_refused), cmocka_unit_test(test_duplicates), cmocka_unit_test(test_changes),
                cmocka_unit_test(test_full),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
