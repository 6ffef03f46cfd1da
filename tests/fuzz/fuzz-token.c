/* SPDX-License-Identifier: Apache-2.0 */
/* What anybody may show as a bearer token, and what is behind a good signature: claims of every shape. Nothing that is not
 * signed may be taken. */
#include <stdlib.h>
#include <string.h>

#include <gnutls/crypto.h>

#include "basic/base64.h"
#include "kubesimd/auth/account-tokens.h"

static const AccountKey key = { .bytes = "a key that only this program has" };

/* The claims as they came, with a signature of ours. */
static int put_signed(StrBuf *b, const uint8_t *data, size_t size) {
        uint8_t signature[32];

        strbuf_puts(b, "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.");
        base64url_put(b, data, size);
        if (strbuf_error(b) < 0 || gnutls_hmac_fast(GNUTLS_MAC_SHA256, key.bytes, sizeof(key.bytes), b->data, b->size, signature) != 0)
                return -ENOMEM;
        strbuf_putc(b, '.');
        base64url_put(b, signature, sizeof(signature));
        return strbuf_error(b);
}

static void read_token(const char *token, size_t size, bool is_signed) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        AccountClaims c = {};
        int r = account_token_read(&key, &a, token, size, 1500, &c);

        assert(r < 0 || is_signed);
        if (r >= 0)
                assert(strlen(c.namespace) + strlen(c.account) + strlen(c.uid) < size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(ACCOUNT_TOKEN_MAX);
        char *text = malloc(size + 1);

        if (!text)
                return 0;
        memcpy(text, data, size);
        text[size] = '\0';
        read_token(text, size, false);
        free(text);
        if (put_signed(&b, data, size) >= 0)
                read_token(strbuf_str(&b), b.size, true);
        return 0;
}
