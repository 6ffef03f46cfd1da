/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/test.h"

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/pattern.h"
#include "basic/prng.h"
#include "basic/strbuf.h"
#include "basic/string-util.h"

static void test_matching(void **state _unused_) {
        static const struct {
                const char *pattern, *text;
                bool matches;
        } cases[] = {
                { "", "", true },                 { "a", "xay", true },              { "^a", "xay", false },          { "^a$", "a", true },
                { "^a$", "a\n", false },          { "a|b", "b", true },              { "^(a|b)*$", "abba", true },    { "^(a|b)*$", "abca", false },
                { "^a{2,3}$", "aa", true },       { "^a{2,3}$", "aaaa", false },     { "^a{2}$", "aaa", false },      { "^a{2,}$", "aaaaa", true },
                { "^a{,2}$", "a{,2}", true },     { "^a?b+?c*$", "bbb", true },      { "^.$", "\n", false },          { "(?s)^.$", "\n", true },
                { "^.$", "\303\244", true },      { "^..$", "\303\244", false },     { "^[\303\240-\303\260]$", "\303\244", true },
                { "^[a-c]+$", "abc", true },      { "^[^a-c]+$", "abc", false },     { "^[]a]+$", "]a", true },       { "^[a-]+$", "a-", true },
                { "^\\d+$", "0123", true },       { "^\\d+$", "12a", false },        { "^\\D$", "a", true },          { "^\\w+$", "a_9", true },
                { "^\\s$", "\v", false },         { "^\\S$", "x", true },            { "^[\\d.]+$", "1.2", true },    { "^[[:alpha:]]+$", "Az", true },
                { "^[[:^alpha:]]+$", "A", false }, { "^\\x41\\x{42}$", "AB", true }, { "^\\.\\*$", ".*", true },      { "^\\Qa.b\\E$", "a.b", true },
                { "^\\Qa.b\\E$", "axb", false },  { "(?i)^abc$", "aBC", true },      { "^(?i:a)b$", "Ab", true },     { "^(?i:a)b$", "AB", false },
                { "^(?P<x>a)(?:b)(?<y>c)$", "abc", true }, { "\\bfoo\\b", "a foo b", true }, { "\\bfoo\\b", "afoo", false }, { "a\\Bb", "ab", true },
                { "(?m)^b$", "a\nb\nc", true },   { "^b$", "a\nb\nc", false },       { "\\Ab\\z", "b", true },        { "^(a*)*$", "aaa", true },
                { "^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$", "* * * * */5", true },
                { "^(\\d+|\\*)(/\\d+)?(\\s+(\\d+|\\*)(/\\d+)?){4}$", "* * *", false },
                { "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", "a-b.c0", true },
                { "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$", "a-.c0", false },
                { "x{0}", "", true },             { "^(ab){0,2}$", "abab", true },   { "^(ab){0,2}$", "ababab", false }, { "^(|a)+$", "aa", true },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(pattern_freep) Pattern *p = NULL;
                _cleanup_error_ Error error = ERROR_NULL;
                uint64_t budget = 100000;

                if (pattern_new(cases[i].pattern, &p, &error) < 0)
                        fail_msg("%s: %s", cases[i].pattern, error_message(&error));
                if (pattern_matches(p, cases[i].text, strlen(cases[i].text), &budget) != cases[i].matches)
                        fail_msg("%s against %s", cases[i].pattern, cases[i].text);
        }
}

static void test_refused(void **state _unused_) {
        static const struct {
                const char *pattern, *why;
        } cases[] = {
                { "a**", "invalid nested repetition operator: `**`" }, { "*a", "missing argument to repetition operator: `*`" },
                { "(a", "missing closing ): `(a`" },     { "a)", "unexpected ): `a)`" },       { "[a", "missing closing ]: `[a`" },
                { "[b-a]", "invalid character class range: `b-a`" }, { "a{1001}", "invalid repeat count: `{1001}`" },
                { "a{3,2}", "invalid repeat count: `{3,2}`" }, { "\\", "trailing backslash at end of expression: ``" },
                { "(a)\\1", "invalid escape sequence: `\\1`" }, { "(?=a)", "invalid or unsupported Perl syntax: `(?=`" },
                { "(?<!a)b", "invalid or unsupported Perl syntax: `(?<`" }, { "(?>a)", "invalid or unsupported Perl syntax: `(?>`" },
                { "a++", "invalid nested repetition operator: `++`" }, { "[[:word]", NULL }, { "[[:none:]]", "invalid character class range: `[:none:]`" },
                { "\\pL", "classes by Unicode property are not supported: `\\p`" }, { "\\x{110000}", NULL }, { "\\k", "invalid escape sequence: `\\k`" },
                { "(((a{100}){100}){100}){100}", NULL }, { "((((){1000}){1000}){1000}){1000}", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(pattern_freep) Pattern *p = NULL;
                _cleanup_error_ Error error = ERROR_NULL;

                if (pattern_new(cases[i].pattern, &p, &error) >= 0) {
                        if (!streq(cases[i].pattern, "[[:word]"))
                                fail_msg("taken: %s", cases[i].pattern);
                } else if (cases[i].why && !endswith(error_message(&error), cases[i].why))
                        fail_msg("%s: %s", cases[i].pattern, error_message(&error));
        }
}

/* What takes exponential time elsewhere, and what takes too long anywhere. */
static void test_budget(void **state _unused_) {
        _cleanup_(pattern_freep) Pattern *p = NULL, *q = NULL;
        char text[2001];
        uint64_t budget = 100000;

        memset(text, 'a', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        assert_int_equal(pattern_new("^(a+)+b$", &p, NULL), 0);
        assert_int_equal(pattern_matches(p, text, 2000, &budget), 0);
        assert_true(budget > 50000);
        assert_int_equal(pattern_new("(a?){1000}b", &q, NULL), 0);
        budget = 100000;
        assert_int_equal(pattern_matches(q, text, 2000, &budget), -ETIME);
        assert_int_equal(budget, 0);
}

static void test_utf8(void **state _unused_) {
        assert_int_equal(utf8_length("", 0), 0);
        assert_int_equal(utf8_length("a\303\244\342\202\254\360\237\230\200", 10), 4);
        assert_int_equal(utf8_length("\377\303", 2), 2);
}

/* Nothing that is read as a pattern makes it read or write where it may not. */
static void test_random(void **state _unused_) {
        static const char *const words[] = { "a", "b", "(", ")", "[", "]", "*", "+", "?", "{2}", "{0,3}", "|", "^", "$", "\\d", "\\b", "(?i)", "[^", "-", ".", "\\", "(?:" };
        Prng prng;

        prng_init(&prng, 11);
        for (unsigned i = 0; i < 20000; i++) {
                _cleanup_(pattern_freep) Pattern *p = NULL;
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT(KIB);
                uint64_t budget = 10000;

                for (unsigned n = (unsigned) prng_below(&prng, 15); n > 0; n--)
                        strbuf_puts(&b, words[prng_below(&prng, ELEMENTSOF(words))]);
                if (pattern_new(strbuf_str(&b), &p, NULL) >= 0)
                        (void) pattern_matches(p, "abaab", 5, &budget);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_matching), cmocka_unit_test(test_refused), cmocka_unit_test(test_budget), cmocka_unit_test(test_utf8),
                cmocka_unit_test(test_random),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
