/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/test.h"

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/hashtable.h"
#include "basic/json-reader.h"
#include "basic/json-writer.h"
#include "basic/maxtree.h"
#include "basic/parse-util.h"
#include "basic/prioq.h"
#include "basic/prng.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "basic/treap.h"

#define ROUNDS 200000

static void test_parse_milli(void **state _unused_) {
        static const struct {
                const char *s;
                int r;
                int64_t v;
        } cases[] = {
                { "4", 0, 4000 }, { "0.5", 0, 500 },    { "0.001", 0, 1 }, { "1.2340", 0, 1234 }, { "0", 0, 0 },
                { "", -EINVAL, 0 }, { "-1", -EINVAL, 0 }, { "1.", -EINVAL, 0 }, { ".5", -EINVAL, 0 }, { "0.0001", -EINVAL, 0 },
                { "1e3", -EINVAL, 0 }, { "99999999999999999999", -ERANGE, 0 }, { "4 ", -EINVAL, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                int64_t v = -1;

                assert_int_equal(parse_milli(cases[i].s, &v), cases[i].r);
                if (cases[i].r == 0)
                        assert_int_equal(v, cases[i].v);
        }
}

static void test_parse_usec(void **state _unused_) {
        static const struct {
                const char *s;
                int r;
                usec_t v;
        } cases[] = {
                { "15", 0, 15 * USEC_PER_SEC }, { "15s", 0, 15 * USEC_PER_SEC }, { "2min 30s", 0, 150 * USEC_PER_SEC },
                { "250ms", 0, 250000 }, { "1.5s", 0, 1500000 }, { "infinity", 0, USEC_INFINITY }, { "0", 0, 0 },
                { "1h30min", 0, 90 * USEC_PER_MINUTE }, { "", -EINVAL, 0 }, { "soon", -EINVAL, 0 }, { "5 parsecs", -EINVAL, 0 },
                { "-5s", -EINVAL, 0 }, { "999999999999999999d", -ERANGE, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                usec_t v = 1;

                assert_int_equal(parse_usec(cases[i].s, &v), cases[i].r);
                if (cases[i].r == 0)
                        assert_true(v == cases[i].v);
        }
}

static void test_parse_numbers(void **state _unused_) {
        uint64_t v;
        bool b;

        assert_int_equal(parse_u64("18446744073709551615", &v), 0);
        assert_int_equal(parse_u64("18446744073709551616", &v), -ERANGE);
        assert_int_equal(parse_u64("+1", &v), -EINVAL);
        assert_int_equal(parse_u64_range("5", 6, 9, &v), -ERANGE);
        assert_int_equal(parse_size("64K", &v), 0);
        assert_int_equal(v, 65536);
        assert_int_equal(parse_size("1X", &v), -EINVAL);
        assert_int_equal(parse_bool("Yes", &b), 0);
        assert_true(b);
        assert_int_equal(parse_bool("maybe", &b), -EINVAL);
}

static void test_rfc3339_round_trip(void **state _unused_) {
        char buf[RFC3339_MAX];
        usec_t t;
        Prng p;

        prng_init(&p, 3);
        for (unsigned i = 0; i < ROUNDS; i++) {
                usec_t given = prng_below(&p, UINT64_C(250000000000) * USEC_PER_SEC);

                if (i % 2)
                        given -= given % USEC_PER_SEC;
                assert_int_equal(parse_rfc3339(format_rfc3339(buf, given), &t), 0);
                assert_true(t == given);
        }
        assert_string_equal(format_rfc3339(buf, UINT64_C(1136214245) * USEC_PER_SEC), "2006-01-02T15:04:05Z");
        assert_int_equal(parse_rfc3339("2006-01-02T17:04:05.5+02:00", &t), 0);
        assert_true(t == UINT64_C(1136214245500000));
        for (size_t i = 0; i < 5; i++)
                assert_int_equal(parse_rfc3339(((const char *const[]) { "", "2006-01-02", "2006-13-02T15:04:05Z", "2006-01-02T15:04:05",
                                                                        "2006-01-02T15:04:05Zx" })[i], &t), -EINVAL);
}

static void test_format_timespan(void **state _unused_) {
        char buf[64];

        assert_string_equal(format_timespan(buf, sizeof(buf), 15 * USEC_PER_SEC), "15s");
        assert_string_equal(format_timespan(buf, sizeof(buf), 125 * USEC_PER_SEC), "2min 5s");
        assert_string_equal(format_timespan(buf, sizeof(buf), USEC_INFINITY), "infinity");
        assert_string_equal(format_timespan(buf, sizeof(buf), 0), "0s");
}

static void test_utf8(void **state _unused_) {
        assert_true(utf8_is_valid("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10));
        assert_false(utf8_is_valid("\xc0\x80", 2));
        assert_false(utf8_is_valid("\xed\xa0\x80", 3));
        assert_false(utf8_is_valid("\xf4\x90\x80\x80", 4));
        assert_false(utf8_is_valid("\xe2\x82", 2));
}

typedef struct Body {
        const char *name;
        JsonStrings pods;
        int64_t cpu, n;
        bool flag;
        usec_t span;
} Body;

static const JsonField fields[] = {
        { .name = "name", .type = JSON_FIELD_STRING, .offset = offsetof(Body, name), .mandatory = true },
        { .name = "pods", .type = JSON_FIELD_STRINGS, .offset = offsetof(Body, pods), .items_max = 3 },
        { .name = "cpu", .type = JSON_FIELD_MILLI, .offset = offsetof(Body, cpu) },
        { .name = "n", .type = JSON_FIELD_I64, .offset = offsetof(Body, n) },
        { .name = "flag", .type = JSON_FIELD_BOOL, .offset = offsetof(Body, flag) },
        { .name = "span", .type = JSON_FIELD_USEC, .offset = offsetof(Body, span) },
};

static int parse(const char *s, Body *body, Error *error) {
        static char text[4096];

        (void) snprintf(text, sizeof(text), "%s", s);
        *body = (Body) {};
        return json_parse_object(text, strlen(text), fields, ELEMENTSOF(fields), true, body, error);
}

static void test_json_accepts(void **state _unused_) {
        Body b;

        assert_int_equal(parse(" { \"name\" : \"a\\u00e9\\n\\ud83d\\ude00\" , \"pods\":[\"x\",\"y\"],\"cpu\":0.5,\"n\":-7,\"flag\":true,\"span\":1.5} ", &b, NULL), 0);
        assert_string_equal(b.name, "a\xc3\xa9\n\xf0\x9f\x98\x80");
        assert_int_equal(b.pods.n_items, 2);
        assert_string_equal(b.pods.items[1], "y");
        assert_int_equal(b.cpu, 500);
        assert_int_equal(b.n, -7);
        assert_true(b.flag);
        assert_true(b.span == 1500000);
        free(b.pods.items);
        assert_int_equal(parse("{\"name\":\"a\",\"cpu\":null}", &b, NULL), 0);
}

static void test_json_refuses(void **state _unused_) {
        static const struct {
                const char *s;
                int r;
                const char *field;
        } cases[] = {
                { "", -EBADMSG, NULL },
                { "{", -EBADMSG, NULL },
                { "[]", -EINVAL, NULL },
                { "{\"name\":\"a\"} x", -EBADMSG, NULL },
                { "{\"name\":\"a\",}", -EBADMSG, NULL },
                { "{'name':\"a\"}", -EBADMSG, NULL },
                { "{\"name\":\"\x01\"}", -EBADMSG, NULL },
                { "{\"name\":\"\\u0000\"}", -EBADMSG, NULL },
                { "{\"name\":\"\\ud800\"}", -EBADMSG, NULL },
                { "{\"name\":\"\xff\"}", -EBADMSG, NULL },
                { "{\"name\":\"a\",\"n\":01}", -EBADMSG, NULL },
                { "{}", -EINVAL, "name" },
                { "{\"name\":1}", -EINVAL, "name" },
                { "{\"name\":\"a\",\"name\":\"b\"}", -EINVAL, "name" },
                { "{\"name\":\"a\",\"other\":1}", -EINVAL, "other" },
                { "{\"name\":\"a\",\"n\":1.5}", -EINVAL, "n" },
                { "{\"name\":\"a\",\"n\":99999999999999999999}", -EINVAL, "n" },
                { "{\"name\":\"a\",\"cpu\":0.0001}", -EINVAL, "cpu" },
                { "{\"name\":\"a\",\"span\":-1}", -EINVAL, "span" },
                { "{\"name\":\"a\",\"pods\":[\"1\",\"2\",\"3\",\"4\"]}", -EINVAL, "pods" },
                { "{\"name\":\"a\",\"pods\":[1]}", -EINVAL, "pods" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_error_ Error error = ERROR_NULL;
                Body b;

                assert_int_equal(parse(cases[i].s, &b, &error), cases[i].r);
                assert_int_equal(error.code, cases[i].r);
                if (cases[i].field)
                        assert_string_equal(error.field, cases[i].field);
                free(b.pods.items);
        }
}

static void test_json_depth(void **state _unused_) {
        char text[200];
        JsonReader r;

        memset(text, '[', 100);
        json_reader_init(&r, text, 100);
        assert_int_equal(json_skip(&r), -EBADMSG);
}

static void test_json_writer(void **state _unused_) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(1000);

        json_put_string(&b, "a\"\\\n\t\x01é");
        json_put_milli(&b, 1500);
        strbuf_putc(&b, ' ');
        json_put_milli(&b, -1);
        strbuf_putc(&b, ' ');
        json_put_seconds(&b, 1000001);
        assert_string_equal(strbuf_str(&b), "\"a\\\"\\\\\\n\\t\\u0001é\"1.5 -0.001 1.000001");
}

/* Each letter at each place of a text that is looked at eight letters at a time. */
static void test_json_writer_escapes_everywhere(void **state _unused_) {
        for (unsigned c = 1; c < 256; c++)
                for (size_t at = 0; at < 20; at++) {
                        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(100);
                        char text[21], escape[8], expected[64];

                        memset(text, 'x', 20);
                        text[20] = '\0';
                        text[at] = (char) c;
                        if (c == '"' || c == '\\')
                                (void) snprintf(escape, sizeof(escape), "\\%c", (int) c);
                        else if (c == '\n' || c == '\t')
                                (void) snprintf(escape, sizeof(escape), "\\%c", c == '\n' ? 'n' : 't');
                        else
                                (void) snprintf(escape, sizeof(escape), c < 0x20 || c == 0x7f ? "\\u%04x" : "%c", c);
                        (void) snprintf(expected, sizeof(expected), "\"%.*s%s%s\"", (int) at, "xxxxxxxxxxxxxxxxxxxx", escape, text + at + 1);
                        json_put_string(&b, text);
                        assert_string_equal(strbuf_str(&b), expected);
                }
}

/* As printf() does, whichever way it goes: the first formats are put together by us, the others by vsnprintf(). */
static void test_strbuf_printf(void **state _unused_) {
#define SAME(...) ({                                                            \
                _cleanup_strbuf_ StrBuf _b = STRBUF_INIT(1000);                 \
                char _expected[1000], _fits[1000], _cut[8];                     \
                                                                                \
                (void) snprintf(_expected, sizeof(_expected), __VA_ARGS__);     \
                strbuf_puts(&_b, "before ");                                    \
                strbuf_printf(&_b, __VA_ARGS__);                                \
                assert_int_equal(strbuf_error(&_b), 0);                         \
                assert_string_equal(strbuf_str(&_b) + strlen("before "), _expected); \
                assert_string_equal(buf_printf(_fits, sizeof(_fits), __VA_ARGS__), _expected); \
                _expected[sizeof(_cut) - 1] = '\0';                             \
                assert_string_equal(buf_printf(_cut, sizeof(_cut), __VA_ARGS__), _expected); \
        })
        SAME("nothing in it");
        SAME("%s", "");
        SAME("%s[%u].%s: %d%c", "spec.containers", 3U, "name", -17, '!');
        SAME("%lld %lld %llu %zu", (long long) INT64_MIN, (long long) INT64_MAX, (unsigned long long) UINT64_MAX, SIZE_MAX);
        SAME("%d %d %u", INT32_MIN, INT32_MAX, UINT32_MAX);
        SAME("%s is left to others: %.*s, %5.1f%%", "this", 3, "abcdef", 99.5);
        SAME("%s, %02x%04x %g", "that", 7U, 255U, 1.5);
        SAME("100%% of %lu", 5UL);
#undef SAME
}

static void test_strbuf_printf_maximum(void **state _unused_) {
        _cleanup_strbuf_ StrBuf plain = STRBUF_INIT(8), other = STRBUF_INIT(8);

        strbuf_printf(&plain, "%s%u", "123456", 78U);
        strbuf_printf(&other, "%6s%02u", "123456", 78U);
        assert_int_equal(strbuf_error(&plain), 0);
        assert_int_equal(strbuf_error(&other), 0);
        strbuf_printf(&plain, "%s", "9");
        strbuf_printf(&other, "%1s", "9");
        assert_int_equal(strbuf_error(&plain), -E2BIG);
        assert_int_equal(strbuf_error(&other), -E2BIG);
        strbuf_printf(&plain, "%s", "more"); /* the first error stays */
        assert_int_equal(strbuf_error(&plain), -E2BIG);
}

static void test_strbuf_maximum(void **state _unused_) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(5);

        strbuf_puts(&b, "12345");
        assert_int_equal(strbuf_error(&b), 0);
        strbuf_putc(&b, '6');
        assert_int_equal(strbuf_error(&b), -E2BIG);
        assert_null(strbuf_steal(&b, NULL));
        strbuf_clear(&b);
        strbuf_printf(&b, "%d", 42);
        assert_string_equal(strbuf_str(&b), "42");
}

static void test_error_keeps_the_first(void **state _unused_) {
        _cleanup_error_ Error e = ERROR_NULL;

        assert_int_equal(error_set_field(&e, -EINVAL, "cpu", "x", "first"), -EINVAL);
        assert_int_equal(error_set(&e, -ENOENT, "second"), -ENOENT);
        (void) error_prefix(&e, "file:%d", 3);
        assert_string_equal(error_message(&e), "file:3: first");
        assert_int_equal(e.code, -EINVAL);
        assert_string_equal(e.field, "cpu");
        assert_int_equal(error_set(NULL, -EIO, "nobody listens"), -EIO);
}

static const char *key_of(const void *v) {
        return v;
}

static void test_hashtable_against_an_array(void **state _unused_) {
        static const uint64_t secret[2] = { 1, 2 };
        static char names[500][8];
        bool there[500] = {};
        size_t n = 0;
        HashTable t;
        Prng p;

        prng_init(&p, 7);
        hashtable_init(&t, key_of, secret);
        for (unsigned i = 0; i < 500; i++)
                (void) snprintf(names[i], sizeof(names[i]), "n%u", i);
        for (unsigned i = 0; i < ROUNDS; i++) {
                size_t k = (size_t) prng_below(&p, 500);

                if (prng_below(&p, 2)) {
                        assert_int_equal(hashtable_put(&t, names[k]), there[k] ? -EEXIST : 0);
                        n += !there[k];
                        there[k] = true;
                } else {
                        assert_ptr_equal(hashtable_remove(&t, names[k]), there[k] ? names[k] : NULL);
                        n -= there[k];
                        there[k] = false;
                }
                k = (size_t) prng_below(&p, 500);
                assert_ptr_equal(hashtable_get(&t, names[k]), there[k] ? names[k] : NULL);
                assert_int_equal(t.n_used, n);
        }
        hashtable_done(&t);
}

static void test_siphash_is_keyed(void **state _unused_) {
        assert_int_not_equal(siphash13("a", 1, (uint64_t[]) { 1, 2 }), siphash13("a", 1, (uint64_t[]) { 1, 3 }));
        assert_int_not_equal(siphash13("a", 1, (uint64_t[]) { 1, 2 }), siphash13("a\0", 2, (uint64_t[]) { 1, 2 }));
}

static void test_maxtree_against_an_array(void **state _unused_) {
        int64_t values[300];
        MaxTree t = {};
        Prng p;

        prng_init(&p, 11);
        assert_int_equal(maxtree_reserve(&t, 100), 0);
        assert_int_equal(maxtree_reserve(&t, 300), 0);
        for (size_t i = 0; i < 300; i++)
                values[i] = MAXTREE_EMPTY;
        for (unsigned i = 0; i < ROUNDS; i++) {
                size_t k = (size_t) prng_below(&p, 300), from = (size_t) prng_below(&p, 300), expected;
                int64_t least = (int64_t) prng_below(&p, 1000);

                values[k] = prng_below(&p, 4) == 0 ? MAXTREE_EMPTY : (int64_t) prng_below(&p, 1000);
                maxtree_set(&t, k, values[k]);
                for (expected = from; expected < 300 && values[expected] < least; expected++)
                        ;
                assert_int_equal(maxtree_find(&t, from, least), expected == 300 ? SIZE_MAX : expected);
        }
        maxtree_done(&t);
}

typedef struct Item {
        TreapNode node;
        PrioqItem item;
        int value;
        bool in;
} Item;

static int compare_items(const TreapNode *a, const TreapNode *b) {
        return CMP(container_of(a, Item, node)->value, container_of(b, Item, node)->value);
}

static void test_treap_against_an_array(void **state _unused_) {
        static Item items[200];
        Treap t;
        Prng p;

        prng_init(&p, 13);
        treap_init(&t, compare_items);
        for (int i = 0; i < 200; i++)
                items[i].value = i;
        for (unsigned i = 0; i < ROUNDS; i++) {
                Item *it = &items[prng_below(&p, 200)];
                Item key = { .value = (int) prng_below(&p, 210) };
                size_t before = 0;
                int expected;

                if (it->in)
                        treap_remove(&t, &it->node);
                else
                        treap_insert(&t, &it->node);
                it->in = !it->in;
                for (expected = key.value; expected < 200 && !items[expected].in; expected++)
                        ;
                for (int k = 0; k < MIN(key.value, 200); k++)
                        before += items[k].in;
                assert_int_equal(treap_rank(&t, &key.node), before);
                TreapNode *found = treap_lower_bound(&t, &key.node);
                assert_ptr_equal(found, expected >= 200 ? NULL : &items[expected].node);
                if (found) {
                        for (expected++; expected < 200 && !items[expected].in; expected++)
                                ;
                        assert_ptr_equal(treap_next(found), expected >= 200 ? NULL : &items[expected].node);
                }
        }
}

static void test_prioq_against_an_array(void **state _unused_) {
        static Item items[100];
        Prioq q = {};
        Prng p;

        prng_init(&p, 17);
        for (size_t i = 0; i < 100; i++)
                items[i].item = (PrioqItem) { .when = USEC_INFINITY, .index = PRIOQ_NONE };
        for (unsigned i = 0; i < ROUNDS; i++) {
                Item *it = &items[prng_below(&p, 100)];
                usec_t when = prng_below(&p, 3) == 0 ? USEC_INFINITY : prng_below(&p, 1000), least = USEC_INFINITY;

                assert_int_equal(prioq_set(&q, &it->item, when), 0);
                if (when == USEC_INFINITY)
                        it->item.when = when;
                for (size_t k = 0; k < 100; k++)
                        least = MIN(least, items[k].item.index == PRIOQ_NONE ? USEC_INFINITY : items[k].item.when);
                assert_true((prioq_peek(&q) ? prioq_peek(&q)->when : USEC_INFINITY) == least);
        }
        prioq_done(&q);
}

static void test_constant_time_comparison(void **state _unused_) {
        assert_true(memeq_constant_time("abc", 3, "abc", 3));
        assert_false(memeq_constant_time("abc", 3, "abd", 3));
        assert_false(memeq_constant_time("abc", 3, "ab", 2));
        assert_false(memeq_constant_time("abc", 3, "", 0));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_parse_milli),
                cmocka_unit_test(test_parse_usec),
                cmocka_unit_test(test_parse_numbers),
                cmocka_unit_test(test_rfc3339_round_trip),
                cmocka_unit_test(test_format_timespan),
                cmocka_unit_test(test_utf8),
                cmocka_unit_test(test_json_accepts),
                cmocka_unit_test(test_json_refuses),
                cmocka_unit_test(test_json_depth),
                cmocka_unit_test(test_json_writer),
                cmocka_unit_test(test_json_writer_escapes_everywhere),
                cmocka_unit_test(test_strbuf_printf),
                cmocka_unit_test(test_strbuf_printf_maximum),
                cmocka_unit_test(test_strbuf_maximum),
                cmocka_unit_test(test_error_keeps_the_first),
                cmocka_unit_test(test_hashtable_against_an_array),
                cmocka_unit_test(test_siphash_is_keyed),
                cmocka_unit_test(test_maxtree_against_an_array),
                cmocka_unit_test(test_treap_against_an_array),
                cmocka_unit_test(test_prioq_against_an_array),
                cmocka_unit_test(test_constant_time_comparison),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
