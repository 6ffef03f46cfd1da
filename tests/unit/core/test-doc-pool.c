/* SPDX-License-Identifier: Apache-2.0 */
/* Documents that say the same are one, for as long as anybody refers to it; and the strings that objects share. */
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#include "core/model/doc-pool.h"
#include "core/model/shared-string.h"

static const uint64_t secret[2] = { 1, 2 };

static Doc *doc(const char *format, ...) _printf_(1, 2);
static Doc *doc(const char *format, ...) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        char text[512];
        Json *root;
        va_list ap;
        Doc *d;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        assert_int_equal(json_tree_parse(&a, text, strlen(text), &root, NULL), 0);
        assert_int_equal(doc_new(root, &d), 0);
        return d;
}

static void test_equal_ones_are_one(void **unused _unused_) {
        DocPool *p;
        Doc *a, *b, *other;

        assert_int_equal(doc_pool_new(secret, &p), 0);
        a = doc_pool_intern(p, doc("{\"metadata\":{\"name\":\"x\",\"labels\":{\"a\":\"1\"}},\"spec\":{\"n\":1}}"));
        b = doc_pool_intern(p, doc("{\"metadata\":{\"name\":\"y\",\"uid\":\"u\",\"labels\":{\"a\":\"1\"}},\"spec\":{\"n\":1}}"));
        other = doc_pool_intern(p, doc("{\"metadata\":{\"labels\":{\"a\":\"1\"}},\"spec\":{\"n\":1.0}}"));
        assert_ptr_equal(a, b);
        assert_ptr_not_equal(a, other);
        assert_int_equal(a->n_ref, 2);
        assert_int_equal(doc_pool_count(p), 2);
        assert_true(a->number > 0 && other->number > a->number);
        assert_string_equal(doc_label(b, "a"), "1");

        doc_unref(a);
        assert_int_equal(doc_pool_count(p), 2);
        doc_unref(b);
        assert_int_equal(doc_pool_count(p), 1);
        a = doc_pool_intern(p, doc("{\"metadata\":{\"labels\":{\"a\":\"1\"}},\"spec\":{\"n\":1}}"));
        assert_true(a->number > other->number); /* the number of the one that has gone is not given again */
        doc_unref(a);

        /* What is left when the pool goes lives on. */
        doc_pool_free(p);
        assert_null(other->pool);
        assert_int_equal(other->number, 0);
        doc_unref(other);
}

static void test_what_is_there_and_empty_differs_from_what_is_not(void **unused _unused_) {
        static const char *const texts[] = { "{}", "{\"spec\":{}}", "{\"status\":{}}", "{\"spec\":{},\"status\":{}}", "{\"data\":{}}",
                                             "{\"metadata\":{\"a\":\"b\"}}", "{\"spec\":{\"a\":\"b\"}}", "{\"status\":{\"a\":\"b\"}}", "{\"a\":\"b\"}" };
        Doc *docs[ELEMENTSOF(texts)];
        DocPool *p;

        assert_int_equal(doc_pool_new(secret, &p), 0);
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                docs[i] = doc_pool_intern(p, doc("%s", texts[i]));
        assert_int_equal(doc_pool_count(p), ELEMENTSOF(texts));
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                doc_unref(docs[i]);
        assert_int_equal(doc_pool_count(p), 0);
        doc_pool_free(p);
}

static void test_many(void **unused _unused_) {
        static Doc *docs[3000];
        DocPool *p;

        assert_int_equal(doc_pool_new(secret, &p), 0);
        for (unsigned i = 0; i < ELEMENTSOF(docs); i++)
                docs[i] = doc_pool_intern(p, doc("{\"spec\":{\"n\":%u}}", i / 2));
        assert_int_equal(doc_pool_count(p), ELEMENTSOF(docs) / 2);
        for (unsigned i = 0; i < ELEMENTSOF(docs); i += 2) {
                assert_ptr_equal(docs[i], docs[i + 1]);
                doc_unref(docs[i]);
                doc_unref(docs[i + 1]);
        }
        assert_int_equal(doc_pool_count(p), 0);
        doc_pool_free(p);
}

static void test_of_two_pools(void **unused _unused_) {
        DocPool *p, *q;
        Doc *a, *b;

        assert_int_equal(doc_pool_new(secret, &p), 0);
        assert_int_equal(doc_pool_new(secret, &q), 0);
        a = doc_pool_intern(p, doc("{\"spec\":{\"n\":1}}"));
        b = doc_pool_intern(q, doc("{\"spec\":{\"n\":1}}"));
        assert_ptr_not_equal(a, b);
        doc_unref(a);
        assert_int_equal(doc_pool_count(q), 1);
        doc_unref(b);
        doc_pool_free(p);
        doc_pool_free(q);
}

static void test_from_disk(void **unused _unused_) {
        Doc *a, *b, *like;
        DocPool *p;

        assert_int_equal(doc_pool_new(secret, &p), 0);
        a = doc("{\"spec\":{\"n\":1}}");
        doc_pool_add(p, a, 7);
        like = doc("{\"spec\":{\"n\":1}}");
        doc_pool_add(p, like, 9); /* cannot come from us; it keeps what names it */
        assert_int_equal(a->number, 7);
        assert_int_equal(like->number, 9);
        assert_int_equal(doc_pool_count(p), 1);
        assert_ptr_equal(doc_pool_intern(p, like), like);
        b = doc_pool_intern(p, doc("{\"spec\":{\"n\":1}}"));
        assert_ptr_equal(a, b);
        doc_unref(b);
        b = doc_pool_intern(p, doc("{\"spec\":{\"n\":2}}"));
        assert_int_equal(b->number, 10);
        doc_unref(a);
        doc_unref(b);
        doc_unref(like);
        assert_int_equal(doc_pool_count(p), 0);
        doc_pool_free(p);
}

static unsigned n_freed;

static void count_free(void *view) {
        assert_ptr_equal(view, &n_freed);
        n_freed++;
}

static void test_view(void **unused _unused_) {
        DocPool *p;
        Doc *a, *b;

        assert_int_equal(doc_pool_new(secret, &p), 0);
        doc_pool_set_view_free(p, count_free);
        a = doc_pool_intern(p, doc("{\"spec\":{\"n\":1}}"));
        b = doc_pool_intern(p, doc("{\"spec\":{\"n\":2}}"));
        a->view = b->view = &n_freed;
        doc_unref(a);
        assert_int_equal(n_freed, 1);
        doc_pool_free(p);
        assert_int_equal(n_freed, 2);
        assert_null(b->view);
        doc_unref(b);
}

static void test_shared_string(void **unused _unused_) {
        const char *s = shared_string_new("node-1"), *same = shared_string_ref(s);

        assert_ptr_equal(s, same);
        assert_null(shared_string_unref(s));
        assert_string_equal(same, "node-1");
        assert_null(shared_string_unref(same));
        assert_null(shared_string_ref(NULL));
        assert_null(shared_string_unref(NULL));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_equal_ones_are_one), cmocka_unit_test(test_what_is_there_and_empty_differs_from_what_is_not),
                cmocka_unit_test(test_many),               cmocka_unit_test(test_of_two_pools),
                cmocka_unit_test(test_from_disk),          cmocka_unit_test(test_view),
                cmocka_unit_test(test_shared_string),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
