/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The bearer tokens of service accounts: signed claims (JWT, RFC 7519; HS256, RFC 7518), so that nothing is stored of a token.
 * Who makes them has the key; whether the account of a token still exists is for the caller to ask. */

#include "basic/error.h"
#include "basic/json-tree.h"

#define ACCOUNT_KEY_SIZE 32
#define ACCOUNT_TOKEN_MAX (16 * KIB)
#define ACCOUNT_AUDIENCES_MAX 16
/* Who has made it, and whom it is for unless somebody else is named: what Kubernetes calls itself. */
#define ACCOUNT_ISSUER "https://kubernetes.default.svc.cluster.local"

/* The user of NAMESPACE:NAME. */
#define ACCOUNT_USER_PREFIX "system:serviceaccount:"

typedef struct AccountKey {
        uint8_t bytes[ACCOUNT_KEY_SIZE];
} AccountKey;

typedef struct AccountClaims {
        const char *namespace, *account, *uid;         /* of the service account */
        const char *bound_kind, *bound_name, *bound_uid; /* the token ends with that object; NULL: it does not */
        const char *id;                                /* of the token: jti */
        const char *audiences[ACCOUNT_AUDIENCES_MAX];
        size_t n_audiences;
        int64_t issued, expires;                       /* seconds since the epoch */
} AccountClaims;

/* Reads the key in that directory, or makes one that only its owner may read. directory NULL: one that is kept nowhere. */
int account_key_load(const char *directory, AccountKey *ret, Error *reterr);
/* Appends the token. */
int account_token_make(const AccountKey *key, const AccountClaims *claims, StrBuf *b);
/* Is it one of ours, and valid at `now` (seconds)? Nothing of it is looked at before its signature. *ret points into the arena.
 * -EBADMSG: it is not; -ETIME: it was. -ENOMEM. */
int account_token_read(const AccountKey *key, JsonArena *a, const char *token, size_t size, int64_t now, AccountClaims *ret);
bool account_token_is_for(const AccountClaims *claims, const char *audience);
