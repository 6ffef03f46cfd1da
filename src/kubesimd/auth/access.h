/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Who may do what: Unix peers are trusted, TCP ones show a certificate or a token or are what Anonymous= says; browsers are kept
 * out unless their origin is allowed. An admin may act as somebody else (Kubernetes' Impersonate- headers). */

#include "kubesimd/auth/account-tokens.h"
#include "kubesimd/auth/rate-limit.h"
#include "kubesimd/auth/tokens.h"
#include "kubesimd/http/server.h"

/* Organizations in clients' certificates, and the groups of their users. */
#define ACCESS_GROUP_ADMIN "system:masters"
#define ACCESS_GROUP_VIEWER "kubesim:viewers"
#define ACCESS_GROUP_ALL "system:authenticated"

/* What the cluster knows of service accounts. */
typedef struct AccountSource {
        /* The account's uid (to free) and role, or -ENOENT. */
        int (*find)(const char *namespace, const char *name, char **ret_uid, Role *ret, void *userdata);
        /* Is that object still there? namespace is not looked at for kinds that are in none. */
        bool (*exists)(const char *kind, const char *namespace, const char *name, const char *uid, void *userdata);
        void *userdata;
} AccountSource;

typedef struct Access {
        Tokens *tokens;        /* owned, may be NULL */
        RateLimit *rate_limit; /* owned */
        AccountSource accounts; /* its functions may be NULL: there are none */
        AccountKey account_key;
        Role anonymous;
        char *const *allow_origin; /* borrowed, NULL-terminated, may be NULL */
        char *const *allow_host;
        unsigned requests_per_second; /* of each client; 0 = unlimited */
        uint64_t n_denied;
} Access;

void access_done(Access *a);
/* Decides about a request; the body of an http_authorize_t. */
int access_authorize(Access *a, HttpRequest *req, HttpAccess access, void **ret_identity, Error *reterr);
/* May this identity use a route of that class? */
bool access_may(const Identity *i, HttpAccess access);
/* May this identity (of http_request_identity()) beat for that node? */
bool access_may_beat(const void *identity, const char *node);
/* The same for every node whose name begins with the prefix. */
bool access_may_beat_for_all(const void *identity, const char *prefix);
bool access_is_admin(const void *identity);

/* Whose token it is; for the API itself audience is ACCOUNT_ISSUER. -ENOKEY. *ret is the table's or for identity_release(). */
int access_find_token(const Access *a, const char *token, const char *audience, const Identity **ret);
/* What a user of that name and those groups may do here; the groups are completed as Kubernetes completes them when none are
 * given. *ret is for identity_release(). */
int access_find_user(const Access *a, const char *user, const char *const *groups, size_t n_groups, Identity **ret);
