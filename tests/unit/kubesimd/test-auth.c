/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/test.h"

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "kubesimd/auth/rate-limit.h"
#include "kubesimd/auth/tokens.h"

#define ADMIN "admin-0123456789abcdef"
#define VIEWER "viewer-0123456789abcdef"
#define NODE "node-0123456789abcdef"

static int parse(const char *s, Tokens **ret, Error *reterr) {
        _cleanup_free_ char *copy = strdup(s);

        return tokens_parse(copy, "tokens", ret, reterr);
}

static const Identity *find(const Tokens *t, const char *s) {
        return tokens_find(t, s, strlen(s));
}

static void test_tokens(void **state _unused_) {
        _cleanup_(tokens_freep) Tokens *t = NULL;

        assert_int_equal(parse("# comment\n\n" ADMIN " admin\n" VIEWER "\tviewer\n" NODE " node:node1\n", &t, NULL), 0);
        assert_int_equal(tokens_count(t), 3);
        assert_int_equal(find(t, ADMIN)->role, ROLE_ADMIN);
        assert_int_equal(find(t, VIEWER)->role, ROLE_VIEWER);
        assert_int_equal(find(t, NODE)->role, ROLE_NODE);
        assert_string_equal(find(t, NODE)->node, "node1");
        assert_null(find(t, ""));
        assert_null(find(t, "#"));
        assert_null(find(t, ADMIN "x"));
        assert_null(tokens_find(t, ADMIN, strlen(ADMIN) - 1)); /* a part of one is none */
}

static void test_tokens_refused(void **state _unused_) {
        static const char *const cases[] = {
                ADMIN "\n", ADMIN " king\n", ADMIN " node:\n", ADMIN " node:Not_A_Name\n", ADMIN " admin extra\n", ADMIN " admin\n" ADMIN " viewer\n",
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(tokens_freep) Tokens *t = NULL;
                _cleanup_error_ Error error = ERROR_NULL;

                if (parse(cases[i], &t, &error) >= 0)
                        fail_msg("taken: %s", cases[i]);
                assert_non_null(strstr(error_message(&error), "tokens:"));
                assert_null(strstr(error_message(&error), ADMIN)); /* a message goes to the journal */
        }
}

static void test_rate_limit(void **state _unused_) {
        static const uint64_t secret[2] = { 1, 2 };
        _cleanup_(rate_limit_freep) RateLimit *l = NULL;
        usec_t now = 100 * USEC_PER_SEC;
        unsigned taken = 0;

        assert_int_equal(rate_limit_new(secret, &l), 0);
        for (unsigned i = 0; i < 100; i++)
                taken += rate_limit_take(l, "a", 10, now);
        assert_int_equal(taken, 10); /* a burst of one second's worth */
        assert_true(rate_limit_take(l, "b", 10, now)); /* nobody pays for somebody else */
        assert_false(rate_limit_take(l, "a", 10, now + 50 * USEC_PER_MSEC));
        assert_true(rate_limit_take(l, "a", 10, now + 100 * USEC_PER_MSEC));
        assert_false(rate_limit_take(l, "a", 10, now + 100 * USEC_PER_MSEC));
        for (unsigned i = taken = 0; i < 1000; i++)
                taken += rate_limit_take(l, "a", 10, now + USEC_PER_HOUR);
        assert_int_equal(taken, 10); /* rest does not add up without end */
        for (unsigned i = 0; i < 1000; i++)
                assert_true(rate_limit_take(l, "c", 0, now));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_tokens),
                cmocka_unit_test(test_tokens_refused),
                cmocka_unit_test(test_rate_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
