/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/test.h"

#include "basic/bittree.h"
#include "basic/macro.h"
#include "basic/prng.h"

static void test_against_naive(void **state _unused_) {
        static bool in[BITTREE_SIZE];
        static BitTree t;
        Prng p;

        prng_init(&p, 3);
        assert_int_equal(bittree_last(&t), UINT32_MAX);
        for (unsigned i = 0; i < 20000; i++) {
                uint32_t n = (uint32_t) prng_below(&p, prng_below(&p, 2) ? 300 : BITTREE_SIZE), after, last = BITTREE_SIZE;

                if (prng_below(&p, 3) > 0 || i > 15000)
                        bittree_remove(&t, n), in[n] = false;
                else
                        bittree_add(&t, n), in[n] = true;
                for (after = n + 1; after < BITTREE_SIZE && !in[after]; after++)
                        ;
                assert_int_equal(bittree_after(&t, n), after == BITTREE_SIZE ? UINT32_MAX : after);
                while (last > 0 && !in[last - 1])
                        last--;
                assert_int_equal(bittree_last(&t), last - 1); /* UINT32_MAX when there is none */
        }
        for (uint32_t n = 0; n < BITTREE_SIZE; n++)
                bittree_remove(&t, n);
        assert_int_equal(bittree_last(&t), UINT32_MAX);
        assert_int_equal(bittree_after(&t, 0), UINT32_MAX);
}

int main(void) {
        static const struct CMUnitTest tests[] = { cmocka_unit_test(test_against_naive) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
