/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/auth/access.h"

#include <strings.h>

#include "basic/error.h"
#include "basic/string-util.h"
#include "basic/time-util.h"

static const Identity admin = { .role = ROLE_ADMIN }, viewer = { .role = ROLE_VIEWER }, nobody = { .role = ROLE_NONE };

void access_done(Access *a) {
        a->tokens = tokens_free(a->tokens);
        a->rate_limit = rate_limit_free(a->rate_limit);
}

static bool is_listed(char *const *list, const char *s, size_t size) {
        for (; list && *list; list++)
                if (strlen(*list) == size && strncasecmp(*list, s, size) == 0)
                        return true;
        return false;
}

static bool is_loopback_name(const char *s, size_t size) {
        static const char v4[] = "127.";

        if (size == strlen("localhost") && strncasecmp(s, "localhost", size) == 0)
                return true;
        if (size == strlen("[::1]") && strncmp(s, "[::1]", size) == 0)
                return true;
        return size > strlen(v4) && strncmp(s, v4, strlen(v4)) == 0 && strspn(s, "0123456789.") >= size;
}

/* A page of another site may have made its name point here (DNS rebinding); then Host tells. On the Unix socket too: what a
 * browser sends through "kubesimctl proxy" names a port, which nobody else does there. */
static int check_host(const Access *a, HttpRequest *req, Error *reterr) {
        const char *host = http_request_header(req, "Host");
        size_t n;

        if (!host)
                return 0;
        n = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
        n = MIN(n, strlen(host));
        if (host[n] != ':' && http_request_is_local(req))
                return 0;
        if (is_loopback_name(host, n) || is_listed(a->allow_host, host, n) || is_listed(a->allow_host, host, strlen(host)))
                return 0;
        return error_set_field(reterr, -ENOTCONN, "Host", host,
                               "the name \"%.*s\" is not this server's: use localhost, or list it in AllowHost=", (int) MIN(n, (size_t) 253), host);
}

static int add_cors_headers(HttpRequest *req, const char *origin) {
        int r;

        r = http_request_add_header(req, "Access-Control-Allow-Origin", origin);
        if (r >= 0)
                r = http_request_add_header(req, "Vary", "Origin");
        if (r >= 0 && http_request_header(req, "Access-Control-Request-Method")) {
                r = http_request_add_header(req, "Access-Control-Allow-Methods", "GET, POST, DELETE, OPTIONS");
                if (r >= 0)
                        r = http_request_add_header(req, "Access-Control-Allow-Headers", "Content-Type, Authorization, Prefer");
                if (r >= 0)
                        r = http_request_add_header(req, "Access-Control-Max-Age", "600");
        }
        if (r >= 0)
                r = http_request_add_header(req, "Access-Control-Expose-Headers", "X-Revision, X-Continue");
        return r;
}

/* Only browsers send Origin; those whose page is not listed get nothing, whatever they carry (Fetch standard, CORS). */
static int check_origin(const Access *a, HttpRequest *req, Error *reterr) {
        const char *origin = http_request_header(req, "Origin");

        if (!origin)
                return 0;
        if (!is_listed(a->allow_origin, origin, strlen(origin)))
                return error_set_field(reterr, -EACCES, "Origin", origin, "pages of %s may not use this API: list it in AllowOrigin=", origin);
        if (add_cors_headers(req, origin) < 0)
                return error_set(reterr, -ENOMEM, "out of memory");
        return 0;
}

static const Identity *anonymous_identity(const Access *a) {
        return a->anonymous == ROLE_ADMIN ? &admin : a->anonymous == ROLE_VIEWER ? &viewer : &nobody;
}

/* By the organization of a client's certificate, which our authority has put there. 1 when it has shown one. */
static int identify_certificate(HttpRequest *req, const Identity **ret, Error *reterr) {
        char user[128], group[128];
        int r;

        r = http_request_subject(req, user, sizeof(user), group, sizeof(group));
        if (r == 0)
                return 0;
        if (r > 0 && streq(group, ACCESS_GROUP_ADMIN))
                *ret = &admin;
        else if (r > 0 && streq(group, ACCESS_GROUP_VIEWER))
                *ret = &viewer;
        else
                return error_set(reterr, -ENOKEY, "this certificate is not known here");
        return 1;
}

static int identify(const Access *a, HttpRequest *req, const Identity **ret, Error *reterr) {
        const char *header, *token;
        const Identity *found;
        int r;

        if (http_request_is_local(req)) {
                *ret = &admin;
                return 0;
        }
        r = identify_certificate(req, ret, reterr);
        if (r != 0)
                return r;
        header = http_request_header(req, "Authorization");
        if (!header) {
                *ret = anonymous_identity(a);
                return 0;
        }
        token = strncasecmp(header, "Bearer ", 7) == 0 ? header + 7 + strspn(header + 7, " ") : NULL;
        found = token ? tokens_find(a->tokens, token, strlen(token)) : NULL;
        if (!found)
                return error_set_field(reterr, -ENOKEY, "Authorization", NULL, "this token is not known here");
        *ret = found;
        return 0;
}

static bool may(Role role, HttpAccess access) {
        switch (access) {
        case HTTP_ACCESS_PUBLIC:
                return true;
        case HTTP_ACCESS_READ:
                return role == ROLE_VIEWER || role == ROLE_ADMIN;
        case HTTP_ACCESS_NODE:
                return role == ROLE_NODE || role == ROLE_ADMIN;
        case HTTP_ACCESS_WRITE:
                return role == ROLE_ADMIN;
        default:
                return false;
        }
}

int access_authorize(Access *a, HttpRequest *req, HttpAccess access, void **ret_identity, Error *reterr) {
        static const char *const needed[] = {
                [HTTP_ACCESS_NONE] = "nobody may do this",        [HTTP_ACCESS_PUBLIC] = "",
                [HTTP_ACCESS_READ] = "the role viewer or admin",  [HTTP_ACCESS_NODE] = "the role node:NAME, node:PREFIX* or admin",
                [HTTP_ACCESS_WRITE] = "the role admin",
        };
        const Identity *identity = &nobody;
        int r;

        r = check_host(a, req, reterr);
        if (r >= 0)
                r = check_origin(a, req, reterr);
        if (r >= 0)
                r = identify(a, req, &identity, reterr);
        if (r < 0) {
                a->n_denied++;
                return r;
        }
        if (!rate_limit_take(a->rate_limit, http_request_peer_name(req), a->requests_per_second, now_monotonic()))
                return error_set(reterr, -EDQUOT, "more than %u requests a second (MaxRequestsPerSecond=)", a->requests_per_second);
        if (!may(identity->role, access)) {
                a->n_denied++;
                if (identity == &nobody)
                        return error_set_field(reterr, -ENOKEY, "Authorization", NULL,
                                               "a bearer token is needed here: kubesimctl token makes one");
                return error_set(reterr, -EACCES, "this needs %s", needed[access]);
        }
        *ret_identity = (void*) identity;
        return 0;
}

bool access_may_beat(const void *identity, const char *node) {
        const Identity *i = identity;

        return i && (i->role == ROLE_ADMIN || (i->role == ROLE_NODE && (i->node_is_prefix ? startswith(node, i->node) != NULL : streq(i->node, node))));
}

bool access_may_beat_for_all(const void *identity, const char *prefix) {
        const Identity *i = identity;

        return i && (i->role == ROLE_ADMIN || (i->role == ROLE_NODE && i->node_is_prefix && startswith(prefix, i->node)));
}

bool access_is_admin(const void *identity) {
        const Identity *i = identity;

        return i && i->role == ROLE_ADMIN;
}

const char *access_role_name(const void *identity) {
        static const char *const names[_ROLE_MAX] = {
                [ROLE_NONE] = "nobody", [ROLE_NODE] = "node", [ROLE_VIEWER] = "viewer", [ROLE_ADMIN] = "admin",
        };
        const Identity *i = identity;

        return names[i ? i->role : ROLE_NONE];
}
