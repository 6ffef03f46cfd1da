/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/test.h"

#include "basic/string-util.h"
#include "core/control/job-index.h"

/* Kubernetes API reference, JobStatus, completedIndexes. */
static void test_index_sets(void **state _unused_) {
        static const struct {
                const char *text;
                int64_t end, add;
                const char *result;
                int64_t count, missing; /* the first that is missing */
        } cases[] = {
                { "", 10, 3, "3", 1, 0 },              { "0", 10, 1, "0,1", 2, 2 },          { "0,1", 10, 2, "0-2", 3, 3 },
                { "1,3-5,7", 10, 2, "1-5,7", 6, 0 },   { "1,3-5,7", 10, 6, "1,3-7", 6, 0 },  { "0-3", 10, 2, "0-3", 4, 4 },
                { "0-9", 4, 0, "0-3", 4, 4 },          { "5-3", 10, 0, "0", 1, 1 },          { "x", 10, 0, "0", 1, 1 },
                { "2,2,1-4", 10, 9, "1-4,9", 5, 0 },   { "1,", 10, 5, "1,5", 2, 0 },         { "99999999999999999999", 10, 1, "1", 1, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_index_set_ IndexSet s = {};
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT(KIB);

                assert_int_equal(index_set_parse(&s, cases[i].text, cases[i].end), 0);
                assert_int_equal(index_set_add(&s, cases[i].add), 0);
                index_set_put(&s, &b);
                if (!streq(strbuf_str(&b), cases[i].result) || index_set_count(&s) != cases[i].count || index_set_next_missing(&s, 0) != cases[i].missing)
                        fail_msg("%s: %s, %lld", cases[i].text, strbuf_str(&b), (long long) index_set_count(&s));
                assert_true(index_set_has(&s, cases[i].add));
                assert_false(index_set_has(&s, cases[i].missing));
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_index_sets),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
