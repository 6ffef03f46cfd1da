/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/test.h"

#include "basic/string-util.h"
#include "core/control/controllers/cron.h"
#include "core/control/controllers/job-index.h"

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

static void test_index_sets_of_clients(void **state _unused_) {
        static const struct {
                const char *text;
                int64_t n; /* below 10; -1: it is refused */
        } cases[] = {
                { "0", 1 },    { "0,2-4,9", 5 }, { "0-9", 10 }, { "0,1,2", 3 }, { "", -1 },     { ",", -1 },    { "1,", -1 },  { "0-10", -1 },
                { "3,2", -1 }, { "1,1", -1 },    { "2-2", -1 }, { "3-1", -1 },  { "1-3,3", -1 }, { "x", -1 },   { "1-", -1 }, { "-1", -1 },
                { "1 ,2", -1 }, { "99999999999999", -1 },
        };
        static const struct {
                const char *a, *b;
                int64_t n;
        } pairs[] = { { "0-3,7", "2-8", 3 }, { "0,2,4", "1,3,5", 0 }, { "", "1", 0 }, { "0-9", "1,3-4,9", 4 }, { "1,3-4,9", "0-9", 4 } };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                int64_t n = index_set_check(cases[i].text, 10);

                if ((n < 0 ? -1 : n) != cases[i].n)
                        fail_msg("%s: %lld", cases[i].text, (long long) n);
        }
        for (size_t i = 0; i < ELEMENTSOF(pairs); i++) {
                _cleanup_index_set_ IndexSet a = {}, b = {};

                assert_int_equal(index_set_parse(&a, pairs[i].a, 10), 0);
                assert_int_equal(index_set_parse(&b, pairs[i].b, 10), 0);
                assert_int_equal(index_set_count_common(&a, &b), pairs[i].n);
        }
}

/* crontab(5), and Kubernetes documentation, "CronJob", schedule syntax. */
static void test_cron(void **state _unused_) {
        static const struct {
                const char *schedule, *after, *next; /* next NULL: it is refused; "": never */
        } cases[] = {
                { "* * * * *", "2026-01-31T23:59:30Z", "2026-02-01T00:00:00Z" },
                { "*/5 * * * *", "2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z" },
                { "7/20 1 * * *", "2026-01-01T01:27:00Z", "2026-01-01T01:47:00Z" },
                { "0 0 29 2 *", "2025-03-01T00:00:00Z", "2028-02-29T00:00:00Z" },
                { "0 0 30 2 *", "2025-03-01T00:00:00Z", "" },
                { "30 4 1,15 * fri", "2026-01-02T05:00:00Z", "2026-01-09T04:30:00Z" }, /* either of the two */
                { "30 4 1,15 * FRI", "2026-01-09T05:00:00Z", "2026-01-15T04:30:00Z" },
                { "0 12 */2 * mon", "2026-01-01T12:00:00Z", "2026-01-03T12:00:00Z" },
                { "0 12 * * 1-5", "2026-01-02T12:00:00Z", "2026-01-05T12:00:00Z" },
                { "0 0 1 JAN-mar/2 ?", "2026-01-02T00:00:00Z", "2026-03-01T00:00:00Z" },
                { "  59\t23 31 12 *", "2026-01-01T00:00:00Z", "2026-12-31T23:59:00Z" },
                { "@hourly", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z" },
                { "@weekly", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z" },
                { "@yearly", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z" },
                { "@every 1h30m", "2026-01-01T00:00:01Z", "2026-01-01T01:30:01Z" },
                { "* * * *", "2026-01-01T00:00:00Z", NULL },
                { "* * * * * *", "2026-01-01T00:00:00Z", NULL },
                { "60 * * * *", "2026-01-01T00:00:00Z", NULL },
                { "* * 0 * *", "2026-01-01T00:00:00Z", NULL },
                { "* * * * 7", "2026-01-01T00:00:00Z", NULL },
                { "5-1 * * * *", "2026-01-01T00:00:00Z", NULL },
                { "*/0 * * * *", "2026-01-01T00:00:00Z", NULL },
                { "1, * * * *", "2026-01-01T00:00:00Z", NULL },
                { "a * * * *", "2026-01-01T00:00:00Z", NULL },
                { "-1 * * * *", "2026-01-01T00:00:00Z", NULL },
                { "", "2026-01-01T00:00:00Z", NULL },
                { "@sometimes", "2026-01-01T00:00:00Z", NULL },
                { "@every x", "2026-01-01T00:00:00Z", NULL },
                { "TZ=UTC * * * * *", "2026-01-01T00:00:00Z", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char text[RFC3339_MAX] = "";
                usec_t after, next, last;
                CronSchedule s;

                assert_int_equal(parse_rfc3339(cases[i].after, &after), 0);
                if (cron_parse(cases[i].schedule, &s, NULL) < 0) {
                        if (cases[i].next)
                                fail_msg("%s is refused", cases[i].schedule);
                        continue;
                }
                next = cron_next(&s, after);
                if (next != USEC_INFINITY)
                        (void) format_rfc3339(text, next);
                if (!cases[i].next || !streq(text, cases[i].next))
                        fail_msg("%s: %s", cases[i].schedule, text);
                if (next == USEC_INFINITY)
                        continue;
                /* The same from the other end. */
                assert_true(cron_last(&s, after, next) == next);
                assert_true(cron_last(&s, after, next - 1) == 0);
                last = cron_last(&s, after, next + 40 * USEC_PER_DAY);
                assert_true(last >= next && cron_next(&s, last) > next + 40 * USEC_PER_DAY);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_index_sets), cmocka_unit_test(test_index_sets_of_clients), cmocka_unit_test(test_cron),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
