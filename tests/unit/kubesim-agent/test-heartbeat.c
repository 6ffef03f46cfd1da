/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/test.h"

#include "basic/macro.h"
#include "kubesim-agent/heartbeat.h"

#define START (1000 * USEC_PER_SEC)

static Heart heart(uint64_t seed) {
        Heart h;

        heart_init(&h, seed, START);
        return h;
}

static void test_first_at_once(void **state _unused_) {
        Heart h = heart(1);

        assert_true(heart_deadline(&h) == START);
        heart_sent(&h, START);
        assert_true(heart_deadline(&h) == USEC_INFINITY); /* one at most is under way */
}

static void test_interval_with_jitter(void **state _unused_) {
        usec_t least = USEC_INFINITY, most = 0;

        for (uint64_t seed = 0; seed < 500; seed++) {
                Heart h = heart(seed);
                usec_t wait;

                heart_sent(&h, START);
                heart_answered(&h, START, 10 * USEC_PER_SEC, false);
                wait = heart_deadline(&h) - START;
                assert_in_range(wait, 9 * USEC_PER_SEC, 11 * USEC_PER_SEC);
                least = MIN(least, wait);
                most = MAX(most, wait);
        }
        assert_true(most - least > USEC_PER_SEC); /* and it is spread, not the same for all */
}

static void test_backoff(void **state _unused_) {
        usec_t widest[12] = {};

        for (uint64_t seed = 0; seed < 500; seed++) {
                Heart h = heart(seed);
                usec_t now = START;

                for (unsigned i = 0; i < 12; i++) {
                        usec_t limit = MIN((usec_t) HEART_BACKOFF_MIN << i, (usec_t) HEART_BACKOFF_MAX), wait;

                        heart_sent(&h, now);
                        heart_failed(&h, now, 0);
                        wait = heart_deadline(&h) - now;
                        assert_true(wait <= limit);
                        widest[i] = MAX(widest[i], wait);
                        now += wait;
                }
        }
        assert_true(widest[0] > HEART_BACKOFF_MIN / 2);
        assert_true(widest[11] > HEART_BACKOFF_MAX / 2); /* it grows, it does not only stay below */
}

static void test_never_gives_up(void **state _unused_) {
        Heart h = heart(3);
        usec_t now = START;

        for (unsigned i = 0; i < 100000; i++) {
                heart_sent(&h, now);
                heart_failed(&h, now, 0);
                assert_true(heart_deadline(&h) >= now && heart_deadline(&h) <= now + HEART_BACKOFF_MAX);
                now = heart_deadline(&h);
        }
        heart_sent(&h, now);
        heart_answered(&h, now, 0, false);
        assert_in_range(heart_deadline(&h) - now, HEART_INTERVAL_DEFAULT * 9 / 10, HEART_INTERVAL_DEFAULT * 11 / 10);
}

static void test_server_says_when(void **state _unused_) {
        Heart h = heart(4);

        heart_sent(&h, START);
        heart_failed(&h, START, 20 * USEC_PER_SEC); /* Retry-After */
        assert_true(heart_deadline(&h) >= START + 20 * USEC_PER_SEC);
}

static void test_news_go_at_once(void **state _unused_) {
        Heart h = heart(5);

        heart_sent(&h, START);
        heart_answered(&h, START, 0, false);
        assert_false(heart_changed(&h, START + USEC_PER_SEC)); /* nothing to give up */
        assert_true(heart_deadline(&h) <= START + USEC_PER_SEC + USEC_PER_SEC / HEART_RATE_MAX);
}

static void test_rate_is_bounded(void **state _unused_) {
        Heart h = heart(6);
        unsigned sent = 0;

        for (usec_t now = START; now < START + 10 * USEC_PER_SEC; now += USEC_PER_MSEC) {
                (void) heart_changed(&h, now); /* something is new every millisecond */
                if (heart_deadline(&h) <= now) {
                        heart_sent(&h, now);
                        heart_answered(&h, now, 0, true);
                        sent++;
                }
        }
        assert_in_range(sent, 100, 10 * HEART_RATE_MAX + 2);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_first_at_once), cmocka_unit_test(test_interval_with_jitter), cmocka_unit_test(test_backoff),
                cmocka_unit_test(test_never_gives_up), cmocka_unit_test(test_server_says_when), cmocka_unit_test(test_news_go_at_once),
                cmocka_unit_test(test_rate_is_bounded),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
