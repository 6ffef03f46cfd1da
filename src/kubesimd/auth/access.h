/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Who may do what: Unix peers are trusted, TCP ones show a token or are what Anonymous= says; browsers are kept out
 * unless their origin is allowed. */

#include "kubesimd/auth/rate-limit.h"
#include "kubesimd/auth/tokens.h"
#include "kubesimd/http/server.h"

/* Organizations in clients' certificates, and the groups of their users. */
#define ACCESS_GROUP_ADMIN "system:masters"
#define ACCESS_GROUP_VIEWER "kubesim:viewers"

typedef struct Access {
        Tokens *tokens;        /* owned, may be NULL */
        RateLimit *rate_limit; /* owned */
        Role anonymous;
        char *const *allow_origin; /* borrowed, NULL-terminated, may be NULL */
        char *const *allow_host;
        unsigned requests_per_second; /* of each client; 0 = unlimited */
        uint64_t n_denied;
} Access;

void access_done(Access *a);
/* Decides about a request; the body of an http_authorize_t. */
int access_authorize(Access *a, HttpRequest *req, HttpAccess access, void **ret_identity, Error *reterr);
/* May this identity (of http_request_identity()) beat for that node? */
bool access_may_beat(const void *identity, const char *node);
/* The same for every node whose name begins with the prefix. */
bool access_may_beat_for_all(const void *identity, const char *prefix);
bool access_is_admin(const void *identity);
/* "admin", "viewer", "node": for people. */
const char *access_role_name(const void *identity);
