/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/test.h"

#include "basic/alloc-util.h"
#include "shared/table.h"

static const TableColumn columns[] = { { "NODE", false }, { "CPU", true }, { "REASON", false }, {} };

static Table *example(void) {
        Table *t;

        assert_int_equal(table_new(columns, &t), 0);
        assert_true(table_add(t, COLOUR_NONE, "n1") >= 0);
        assert_true(table_add(t, COLOUR_NONE, "%d", 16) >= 0);
        assert_true(table_add(t, COLOUR_NONE, "a long reason that goes on") >= 0);
        assert_true(table_add(t, COLOUR_NONE, "\xe6\x97\xa5\xe6\x9c\xac") >= 0); /* two characters, four columns */
        assert_true(table_add(t, COLOUR_NONE, "4") >= 0);
        assert_true(table_add(t, COLOUR_NONE, NULL) >= 0);
        return t;
}

static void test_aligned(void **state _unused_) {
        _cleanup_(table_freep) Table *t = example();
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4096);

        assert_int_equal(table_rows(t), 2);
        table_print(t, true, 0, &b);
        assert_string_equal(strbuf_str(&b), "NODE  CPU  REASON\n"
                                            "n1     16  a long reason that goes on\n"
                                            "\xe6\x97\xa5\xe6\x9c\xac    4  -\n");
}

static void test_without_legend(void **state _unused_) {
        _cleanup_(table_freep) Table *t = example();
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4096);

        table_print(t, false, 0, &b);
        assert_null(strstr(strbuf_str(&b), "NODE"));
        assert_non_null(strstr(strbuf_str(&b), "16  a long"));
}

static void test_cut_to_the_terminal(void **state _unused_) {
        _cleanup_(table_freep) Table *t = example();
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4096);

        table_print(t, true, 20, &b);
        for (char *copy = strdup(strbuf_str(&b)), *line = strtok(copy, "\n"); line || (free(copy), false); line = strtok(NULL, "\n"))
                assert_true(text_width(line) <= 20);
        assert_null(strstr(strbuf_str(&b), "goes on"));
}

static void test_width(void **state _unused_) {
        assert_int_equal(text_width("abc"), 3);
        assert_int_equal(text_width("\xc3\xa9"), 1);
        assert_int_equal(text_width("\xe6\x97\xa5"), 2);
        assert_int_equal(text_width(""), 0);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_aligned),
                cmocka_unit_test(test_without_legend),
                cmocka_unit_test(test_cut_to_the_terminal),
                cmocka_unit_test(test_width),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
