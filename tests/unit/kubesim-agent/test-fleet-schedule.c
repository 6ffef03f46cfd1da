/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/test.h"

#include "basic/macro.h"
#include "kubesim-agent/fleet-schedule.h"

#define START (1000 * USEC_PER_SEC)
#define INTERVAL (5 * USEC_PER_SEC)

static void make(FleetSchedule *s, uint32_t n) {
        fleet_init(s, 7);
        assert_int_equal(fleet_resize(s, START, n), 0);
}

/* Every node's first beat, answered at once. */
static void first_round(FleetSchedule *s, usec_t now) {
        FleetNode *n;

        while ((n = fleet_next(s, now)))
                fleet_answered(s, n, now, INTERVAL, false);
        assert_true(fleet_is_through(s));
}

static void test_first_round_at_once_then_even(void **state _unused_) {
        unsigned per_slice[50] = {}, n_beats = 0;
        FleetSchedule s;

        make(&s, 1000);
        assert_true(fleet_deadline(&s) <= START);
        assert_false(fleet_is_through(&s));
        first_round(&s, START);
        assert_int_equal(s.by_state[FLEET_BEATING], 1000);
        while (fleet_deadline(&s) < START + INTERVAL * 9 / 10) { /* as many in each fiftieth of the interval; then the jitter begins */
                usec_t now = fleet_deadline(&s);
                FleetNode *n = fleet_next(&s, now);

                assert_non_null(n);
                per_slice[(now - START) * 50 / INTERVAL]++;
                n_beats++;
                fleet_answered(&s, n, now, 0, false);
        }
        assert_in_range(n_beats, 895, 905);
        for (unsigned i = 0; i < 45; i++)
                assert_in_range(per_slice[i], 15, 25);
        fleet_done(&s);
}

static void test_interval_with_jitter(void **state _unused_) {
        usec_t least = USEC_INFINITY, most = 0, last[100] = {};
        FleetSchedule s;

        make(&s, 100);
        first_round(&s, START);
        for (unsigned i = 0; i < 2000; i++) {
                usec_t now = fleet_deadline(&s);
                FleetNode *n = fleet_next(&s, now);

                if (last[n->number] > 0) {
                        least = MIN(least, now - last[n->number]);
                        most = MAX(most, now - last[n->number]);
                }
                last[n->number] = now;
                fleet_answered(&s, n, now, 0, false);
        }
        assert_in_range(least, INTERVAL * 90 / 100, INTERVAL * 93 / 100);
        assert_in_range(most, INTERVAL * 107 / 100, INTERVAL * 110 / 100);
        fleet_done(&s);
}

static void test_those_that_beat_go_before_new_ones(void **state _unused_) {
        FleetSchedule s;
        FleetNode *n;

        make(&s, 10);
        n = fleet_next(&s, START);
        assert_int_equal(n->number, 0);
        fleet_answered(&s, n, START, INTERVAL, false);
        n = fleet_next(&s, START + INTERVAL); /* it is late already, while nine have not begun */
        assert_int_equal(n->number, 0);
        fleet_done(&s);
}

static void test_calls(void **state _unused_) {
        usec_t now = START + USEC_PER_SEC;
        FleetSchedule s;
        FleetNode *n;

        make(&s, 20);
        first_round(&s, START);
        while ((n = fleet_next(&s, now)))
                fleet_answered(&s, n, now, 0, false);
        fleet_call(&s, 999, now); /* there is none */
        fleet_call(&s, 19, now + 100 * USEC_PER_MSEC);
        n = fleet_next(&s, now + 100 * USEC_PER_MSEC);
        assert_non_null(n);
        assert_int_equal(n->number, 19);
        fleet_call(&s, 19, now + 100 * USEC_PER_MSEC); /* while it is under way: again after it, but not too soon */
        fleet_answered(&s, n, now + 101 * USEC_PER_MSEC, 0, false);
        assert_null(fleet_next(&s, now + 102 * USEC_PER_MSEC));
        n = fleet_next(&s, now + 100 * USEC_PER_MSEC + USEC_PER_SEC / HEART_RATE_MAX);
        assert_non_null(n);
        assert_int_equal(n->number, 19);
        fleet_answered(&s, n, now + 200 * USEC_PER_MSEC, 0, true); /* its pods have changed: it confirms them */
        assert_true(fleet_deadline(&s) <= now + 200 * USEC_PER_MSEC);
        fleet_done(&s);
}

static void test_server_away(void **state _unused_) {
        usec_t now = START + INTERVAL, widest = 0;
        FleetNode *a, *b, *n;
        FleetSchedule s;

        make(&s, 100);
        first_round(&s, START);
        a = fleet_next(&s, now);
        b = fleet_next(&s, now);
        fleet_failed(&s, a, now);
        assert_true(fleet_is_away(&s));
        assert_null(fleet_next(&s, now + 10 * USEC_PER_SEC)); /* none while another is under way */
        fleet_failed(&s, b, now);
        assert_int_equal(s.failures, 1); /* they tell of the same */
        for (unsigned i = 0; i < 20; i++) {
                usec_t at = fleet_deadline(&s);

                assert_true(at > now && at - now <= FLEET_BACKOFF_MAX);
                widest = MAX(widest, at - now);
                assert_null(fleet_next(&s, at - 1));
                now = at;
                n = fleet_next(&s, now);
                assert_non_null(n);
                assert_null(fleet_next(&s, now)); /* one at a time */
                fleet_failed(&s, n, now);
        }
        assert_true(widest >= FLEET_BACKOFF_MAX / 2);
        now = fleet_deadline(&s);
        fleet_answered(&s, fleet_next(&s, now), now, 0, false);
        assert_false(fleet_is_away(&s));
        for (unsigned i = 0; i < 99; i++) { /* back: all that are late, and then in turn again */
                n = fleet_next(&s, now);
                assert_non_null(n);
                fleet_answered(&s, n, now, 0, false);
        }
        assert_null(fleet_next(&s, now));
        for (unsigned i = 0; i < 50; i++) {
                usec_t at = fleet_deadline(&s);

                fleet_answered(&s, fleet_next(&s, at), at, 0, false);
                assert_in_range(at - now, INTERVAL * i / 120, INTERVAL * (i + 2) / 80);
        }
        fleet_done(&s);
}

static void test_refused_and_stopped(void **state _unused_) {
        FleetSchedule s;
        FleetNode *n;

        make(&s, 3);
        n = fleet_next(&s, START);
        fleet_refused(&s, n, START);
        n = fleet_next(&s, START);
        fleet_stopped(&s, n, START, false); /* removed: silent for good */
        n = fleet_next(&s, START);
        fleet_stopped(&s, n, START, true); /* stopped: says goodbye */
        assert_int_equal(s.n_goodbyes, 1);
        n = fleet_next(&s, START);
        assert_int_equal(n->number, 2);
        assert_true(n->parting);
        fleet_stopped(&s, n, START, true);
        assert_int_equal(s.by_state[FLEET_REFUSED], 1);
        assert_int_equal(s.by_state[FLEET_GONE], 1);
        assert_int_equal(s.by_state[FLEET_STOPPED], 1);
        assert_in_range(fleet_deadline(&s), START + FLEET_REFUSED_USEC / 2, START + FLEET_REFUSED_USEC * 3 / 2);
        fleet_call(&s, 0, START);
        fleet_call(&s, 1, START);
        assert_null(fleet_next(&s, START));
        fleet_call_stopped(&s, START);
        n = fleet_next(&s, START);
        assert_int_equal(n->number, 2);
        assert_false(n->parting);
        fleet_answered(&s, n, START, 0, false);
        assert_int_equal(s.by_state[FLEET_BEATING], 1);
        fleet_done(&s);
}

static void test_resize(void **state _unused_) {
        FleetSchedule s;
        FleetNode *n;

        make(&s, 10);
        first_round(&s, START);
        assert_int_equal(fleet_resize(&s, START, 4), 0);
        assert_int_equal(s.n_goodbyes, 6);
        for (unsigned i = 0; i < 5; i++) {
                n = fleet_next(&s, START);
                assert_true(n->parting && n->number >= 4);
                fleet_answered(&s, n, START, 0, false);
        }
        assert_int_equal(fleet_resize(&s, START, 12), 0); /* before the last one has said it */
        assert_int_equal(s.n_goodbyes, 0);
        for (unsigned i = 0; i < 8; i++) {
                n = fleet_next(&s, START);
                assert_non_null(n);
                assert_true(!n->parting && n->number >= 4);
                fleet_answered(&s, n, START, 0, false);
        }
        assert_int_equal(s.n_nodes, 12);
        assert_int_equal(s.by_state[FLEET_BEATING], 12);
        fleet_done(&s);
}

static void test_leave(void **state _unused_) {
        FleetNode *under_way, *n;
        FleetSchedule s;

        make(&s, 5);
        for (unsigned i = 0; i < 3; i++)
                fleet_answered(&s, fleet_next(&s, START), START, INTERVAL, false);
        under_way = fleet_next(&s, START);
        fleet_leave(&s, START);
        assert_int_equal(s.n_nodes, 4); /* the last has never beaten, nobody misses it */
        while ((n = fleet_next(&s, START))) {
                assert_true(n->parting);
                fleet_answered(&s, n, START, 0, false);
        }
        fleet_answered(&s, under_way, START, 0, false); /* known now: so it says goodbye, too */
        n = fleet_next(&s, START);
        assert_true(n->parting);
        fleet_answered(&s, n, START, 0, false);
        assert_int_equal(s.n_nodes, 0);
        fleet_done(&s);
}

static void test_memory(void **state _unused_) {
        assert_true(sizeof(FleetNode) <= 96);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_first_round_at_once_then_even), cmocka_unit_test(test_interval_with_jitter),
                cmocka_unit_test(test_those_that_beat_go_before_new_ones), cmocka_unit_test(test_calls), cmocka_unit_test(test_server_away),
                cmocka_unit_test(test_refused_and_stopped), cmocka_unit_test(test_resize), cmocka_unit_test(test_leave), cmocka_unit_test(test_memory),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
