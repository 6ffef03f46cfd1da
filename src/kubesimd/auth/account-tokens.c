/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/auth/account-tokens.h"

#include <fcntl.h>
#include <gnutls/crypto.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "basic/alloc-util.h"
#include "basic/base64.h"
#include "basic/fd-util.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"

#define KEY_FILE "service-accounts.key"
#define SIGNATURE_SIZE 32
#define SIGNATURE_TEXT 43 /* in base64url */
/* {"alg":"HS256","typ":"JWT"}: another header is another server's, whatever it says. */
#define HEADER "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
#define CLOCK_SKEW 60 /* seconds that a clock may have been set back */

/* The kinds that a token may be bound to, as the claims name them. */
static const struct {
        const char *kind, *claim;
} bindings[] = { { "Pod", "pod" }, { "Secret", "secret" }, { "Node", "node" } };

/* --- The key --- */

static int write_key(const char *path, const AccountKey *key, Error *reterr) {
        _cleanup_free_ char *temporary = NULL;
        _cleanup_close_ int fd = -EBADF;

        if (asprintf(&temporary, "%s.new", path) < 0)
                return error_set(reterr, -ENOMEM, "out of memory");
        (void) unlink(temporary); /* of a start that was cut short */
        fd = RET_ERRNO(open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
        if (fd < 0)
                return error_set(reterr, fd, "cannot create %s: %s", temporary, strerror(-fd));
        if (write(fd, key->bytes, sizeof(key->bytes)) != sizeof(key->bytes) || fsync(fd) < 0 || rename(temporary, path) < 0)
                return error_set(reterr, -errno, "cannot write %s: %m", path);
        return 0;
}

int account_key_load(const char *directory, AccountKey *ret, Error *reterr) {
        _cleanup_free_ char *path = NULL, *text = NULL;
        size_t size = 0;
        int r = -ENOENT;

        if (directory && asprintf(&path, "%s/" KEY_FILE, directory) < 0)
                return error_set(reterr, -ENOMEM, "out of memory");
        if (path)
                r = read_file(path, ACCOUNT_KEY_SIZE, &text, &size);
        if (r < 0 && r != -ENOENT)
                return error_set(reterr, r, "cannot read %s: %s", path, strerror(-r));
        if (r >= 0 && size != ACCOUNT_KEY_SIZE)
                return error_set(reterr, -EBADMSG, "%s is not a key of %d bytes: remove it, and tokens have to be asked for again", path, ACCOUNT_KEY_SIZE);
        if (r >= 0) {
                memcpy(ret->bytes, text, ACCOUNT_KEY_SIZE);
                explicit_bzero(text, size);
                return 0;
        }
        if (getrandom(ret->bytes, sizeof(ret->bytes), 0) != sizeof(ret->bytes))
                return error_set(reterr, -EIO, "cannot get random numbers");
        return path ? write_key(path, ret, reterr) : 0;
}

/* --- Making --- */

static int sign(const AccountKey *key, const char *text, size_t size, uint8_t ret[SIGNATURE_SIZE]) {
        return gnutls_hmac_fast(GNUTLS_MAC_SHA256, key->bytes, sizeof(key->bytes), text, size, ret) == 0 ? 0 : -EIO;
}

static void put_member(StrBuf *b, const char *key, const char *value) {
        strbuf_printf(b, ",\"%s\":", key);
        json_put_string(b, value);
}

static void put_named(StrBuf *b, const char *key, const char *name, const char *uid) {
        strbuf_printf(b, ",\"%s\":{\"name\":", key);
        json_put_string(b, name);
        put_member(b, "uid", uid);
        strbuf_putc(b, '}');
}

static void put_claims(const AccountClaims *c, StrBuf *b) {
        _cleanup_strbuf_ StrBuf subject = STRBUF_INIT(KIB);

        strbuf_puts(b, "{\"aud\":[");
        for (size_t i = 0; i < c->n_audiences; i++) {
                strbuf_puts(b, i > 0 ? "," : "");
                json_put_string(b, c->audiences[i]);
        }
        strbuf_printf(b, "],\"exp\":%lld,\"iat\":%lld,\"nbf\":%lld,\"iss\":\"" ACCOUNT_ISSUER "\"", (long long) c->expires, (long long) c->issued,
                      (long long) c->issued);
        put_member(b, "jti", c->id);
        strbuf_puts(b, ",\"kubernetes.io\":{\"namespace\":");
        json_put_string(b, c->namespace);
        put_named(b, "serviceaccount", c->account, c->uid);
        for (size_t i = 0; c->bound_kind && i < ELEMENTSOF(bindings); i++)
                if (streq(bindings[i].kind, c->bound_kind))
                        put_named(b, bindings[i].claim, c->bound_name, c->bound_uid);
        strbuf_printf(&subject, ACCOUNT_USER_PREFIX "%s:%s", c->namespace, c->account);
        strbuf_putc(b, '}');
        put_member(b, "sub", strbuf_str(&subject));
        strbuf_putc(b, '}');
}

int account_token_make(const AccountKey *key, const AccountClaims *claims, StrBuf *b) {
        _cleanup_strbuf_ StrBuf payload = STRBUF_INIT(ACCOUNT_TOKEN_MAX / 2);
        uint8_t signature[SIGNATURE_SIZE];
        size_t begin = b->size;
        int r;

        put_claims(claims, &payload);
        if (strbuf_error(&payload) < 0)
                return strbuf_error(&payload);
        strbuf_puts(b, HEADER);
        base64url_put(b, payload.data, payload.size);
        if (strbuf_error(b) < 0)
                return strbuf_error(b);
        r = sign(key, b->data + begin, b->size - begin, signature);
        if (r < 0)
                return r;
        strbuf_putc(b, '.');
        base64url_put(b, signature, sizeof(signature));
        return strbuf_error(b);
}

/* --- Reading --- */

static bool is_signed(const AccountKey *key, const char *token, size_t size) {
        _cleanup_strbuf_ StrBuf given = STRBUF_INIT(SIGNATURE_SIZE + 1);
        uint8_t expected[SIGNATURE_SIZE];
        size_t signed_size = size - SIGNATURE_TEXT - 1;

        if (base64url_read(&given, token + size - SIGNATURE_TEXT, SIGNATURE_TEXT) < 0 || strbuf_error(&given) < 0 || sign(key, token, signed_size, expected) < 0)
                return false;
        return memeq_constant_time((const char*) expected, sizeof(expected), given.data, given.size);
}

static const char *text_at(const Json *object, const char *key) {
        return strempty(json_string(json_get(object, key)));
}

static int read_claims(const Json *root, AccountClaims *ret) {
        const Json *kubernetes = json_get(root, "kubernetes.io"), *account = json_get(kubernetes, "serviceaccount");

        if (!streq(text_at(root, "iss"), ACCOUNT_ISSUER) || !account)
                return -EBADMSG;
        *ret = (AccountClaims) {
                .namespace = text_at(kubernetes, "namespace"), .account = text_at(account, "name"), .uid = text_at(account, "uid"),
                .id = text_at(root, "jti"), .issued = json_i64(json_get(root, "nbf"), INT64_MAX), .expires = json_i64(json_get(root, "exp"), 0),
        };
        JSON_FOREACH(audience, json_get(root, "aud"))
                if (ret->n_audiences < ACCOUNT_AUDIENCES_MAX && json_string(audience))
                        ret->audiences[ret->n_audiences++] = json_string(audience);
        for (size_t i = 0; i < ELEMENTSOF(bindings); i++) {
                const Json *bound = json_get(kubernetes, bindings[i].claim);

                if (!bound)
                        continue;
                ret->bound_kind = bindings[i].kind;
                ret->bound_name = text_at(bound, "name");
                ret->bound_uid = text_at(bound, "uid");
        }
        return 0;
}

int account_token_read(const AccountKey *key, JsonArena *a, const char *token, size_t size, int64_t now, AccountClaims *ret) {
        _cleanup_strbuf_ StrBuf payload = STRBUF_INIT(ACCOUNT_TOKEN_MAX);
        const size_t header = strlen(HEADER);
        Json *root;
        char *text;
        int r;

        if (size < header + SIGNATURE_TEXT + 1 || size > ACCOUNT_TOKEN_MAX || strncmp(token, HEADER, header) != 0 || token[size - SIGNATURE_TEXT - 1] != '.')
                return -EBADMSG;
        if (!is_signed(key, token, size))
                return -EBADMSG;
        r = base64url_read(&payload, token + header, size - header - SIGNATURE_TEXT - 1);
        if (r >= 0)
                r = strbuf_error(&payload);
        if (r < 0)
                return r;
        text = json_arena_copy(a, strbuf_str(&payload), payload.size);
        if (!text)
                return -ENOMEM;
        r = json_tree_parse(a, text, payload.size, &root, NULL);
        if (r >= 0)
                r = read_claims(root, ret);
        if (r < 0)
                return r == -ENOMEM ? r : -EBADMSG;
        return now < ret->expires && now + CLOCK_SKEW >= ret->issued ? 0 : -ETIME;
}

bool account_token_is_for(const AccountClaims *claims, const char *audience) {
        for (size_t i = 0; i < claims->n_audiences; i++)
                if (streq(claims->audiences[i], audience))
                        return true;
        return false;
}
