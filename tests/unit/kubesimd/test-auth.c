/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "kubesimd/auth/access.h"
#include "kubesimd/auth/rate-limit.h"
#include "kubesimd/auth/tokens.h"
#include "tests/lib/directory.h"

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

static const AccountKey account_key = { .bytes = { 1, 2, 3 } };
static const AccountClaims account_claims = {
        .namespace = "team", .account = "robot", .uid = "uid-1", .bound_kind = "Pod", .bound_name = "web", .bound_uid = "uid-2", .id = "id-1",
        .audiences = { ACCOUNT_ISSUER, "vault" }, .n_audiences = 2, .issued = 1000, .expires = 2000,
};

static int read_token(const AccountKey *key, const char *token, size_t size, int64_t now, JsonArena *a, AccountClaims *ret) {
        return account_token_read(key, a, token, size, now, ret);
}

static void test_account_token(void **state _unused_) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        _cleanup_strbuf_ StrBuf token = STRBUF_INIT(ACCOUNT_TOKEN_MAX);
        AccountClaims c = {};

        assert_int_equal(account_token_make(&account_key, &account_claims, &token), 0);
        assert_int_equal(read_token(&account_key, strbuf_str(&token), token.size, 1500, &a, &c), 0);
        assert_string_equal(c.namespace, "team");
        assert_string_equal(c.account, "robot");
        assert_string_equal(c.uid, "uid-1");
        assert_string_equal(c.bound_kind, "Pod");
        assert_string_equal(c.bound_name, "web");
        assert_string_equal(c.bound_uid, "uid-2");
        assert_true(account_token_is_for(&c, "vault") && account_token_is_for(&c, ACCOUNT_ISSUER));
        assert_false(account_token_is_for(&c, "vaul"));
        assert_int_equal(read_token(&account_key, token.data, token.size, 1999, &a, &c), 0);
        assert_int_equal(read_token(&account_key, token.data, token.size, 2000, &a, &c), -ETIME);
        assert_int_equal(read_token(&account_key, token.data, token.size, 900, &a, &c), -ETIME);
        assert_int_equal(read_token(&account_key, token.data, token.size, 950, &a, &c), 0); /* a clock set back a little */
}

/* A JWT of RFC 7519, section 6.1 and others that other implementations were once made to believe. */
static void test_account_token_forged(void **state _unused_) {
        static const char *const others[] = {
                "", ".", "..", "eyJhbGciOiJub25lIn0.eyJpc3MiOiJqb2UifQ.", "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9..",
                "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.e30.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        };
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        _cleanup_strbuf_ StrBuf token = STRBUF_INIT(ACCOUNT_TOKEN_MAX);
        AccountKey other = account_key;
        AccountClaims c;

        assert_int_equal(account_token_make(&account_key, &account_claims, &token), 0);
        for (size_t i = 0; i < token.size; i++)
                for (char bit = 1; bit < 64; bit = (char) (bit << 1)) {
                        token.data[i] ^= bit;
                        if (read_token(&account_key, token.data, token.size, 1500, &a, &c) >= 0)
                                fail_msg("taken with letter %zu changed", i);
                        token.data[i] ^= bit;
                }
        for (size_t n = 0; n < token.size; n++)
                assert_true(read_token(&account_key, token.data, n, 1500, &a, &c) < 0);
        other.bytes[31] ^= 1;
        assert_int_equal(read_token(&other, token.data, token.size, 1500, &a, &c), -EBADMSG);
        for (size_t i = 0; i < ELEMENTSOF(others); i++)
                assert_int_equal(read_token(&account_key, others[i], strlen(others[i]), 1500, &a, &c), -EBADMSG);
        assert_int_equal(read_token(&account_key, token.data, token.size, 1500, &a, &c), 0);
}

static void test_account_key(void **state _unused_) {
        char directory[TEST_DIRECTORY_MAX], path[TEST_DIRECTORY_MAX + 32];
        _cleanup_error_ Error error = ERROR_NULL;
        AccountKey a, b;
        struct stat st;

        assert_non_null(make_test_directory(directory));
        (void) snprintf(path, sizeof(path), "%s/service-accounts.key", directory);
        assert_int_equal(account_key_load(directory, &a, NULL), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(account_key_load(directory, &b, NULL), 0);
        assert_memory_equal(&a, &b, sizeof(a));
        assert_int_equal(truncate(path, 7), 0);
        assert_int_equal(account_key_load(directory, &b, &error), -EBADMSG); /* half a key is none: nothing is overwritten */
        assert_non_null(strstr(error_message(&error), path));
        assert_int_equal(account_key_load(NULL, &b, NULL), 0);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(rmdir(directory), 0);
}

static int no_account(const char *namespace, const char *name, char **ret_uid, Role *ret, void *userdata _unused_) {
        if (!streq(namespace, "team") || !streq(name, "robot"))
                return -ENOENT;
        *ret = ROLE_ADMIN;
        *ret_uid = strdup("uid-1");
        return *ret_uid ? 0 : -ENOMEM;
}

/* Whom Impersonate-User and SubjectAccessReviews name. */
static void test_users(void **state _unused_) {
        static const struct {
                const char *user, *group;
                Role role;
                const char *groups; /* as completed */
        } cases[] = {
                { "bob", NULL, ROLE_NONE, "system:authenticated" },
                { "bob", "system:masters", ROLE_ADMIN, "system:masters system:authenticated" },
                { "bob", "kubesim:viewers", ROLE_VIEWER, "kubesim:viewers system:authenticated" },
                { "admin", NULL, ROLE_ADMIN, "system:authenticated" },
                { "viewer", "system:authenticated", ROLE_VIEWER, "system:authenticated" },
                { "system:node:n1", "system:nodes", ROLE_NODE, "system:nodes system:authenticated" },
                { "system:anonymous", NULL, ROLE_VIEWER, "system:unauthenticated" },
                { "system:serviceaccount:team:robot", NULL, ROLE_ADMIN, "system:serviceaccounts system:serviceaccounts:team system:authenticated" },
                { "system:serviceaccount:team:robot", "x", ROLE_ADMIN, "x system:authenticated" },
                { "system:serviceaccount:team:other", NULL, ROLE_NONE, "system:serviceaccounts system:serviceaccounts:team system:authenticated" },
                { "system:serviceaccount:team", NULL, ROLE_NONE, "system:authenticated" },
                { "", "system:masters", ROLE_ADMIN, "system:masters system:authenticated" },
        };
        Access access = { .anonymous = ROLE_VIEWER, .accounts = { .find = no_account } };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(identity_freep) Identity *who = NULL;
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT(KIB);
                const char *groups[IDENTITY_GROUPS_MAX];
                size_t n;

                assert_int_equal(access_find_user(&access, cases[i].user, &cases[i].group, cases[i].group ? 1 : 0, &who), 0);
                assert_int_equal(who->role, cases[i].role);
                assert_string_equal(identity_user(who), cases[i].user);
                n = identity_groups(who, groups);
                for (size_t k = 0; k < n; k++)
                        strbuf_printf(&b, "%s%s", k > 0 ? " " : "", groups[k]);
                assert_string_equal(strbuf_str(&b), cases[i].groups);
                if (who->role == ROLE_NODE)
                        assert_string_equal(who->node, "n1");
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_tokens),
                cmocka_unit_test(test_account_token),
                cmocka_unit_test(test_account_token_forged),
                cmocka_unit_test(test_account_key),
                cmocka_unit_test(test_users),
                cmocka_unit_test(test_tokens_refused),
                cmocka_unit_test(test_rate_limit),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
