/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/auth/access.h"

#include <stdio.h>
#include <strings.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/string-util.h"
#include "basic/time-util.h"

static const Identity admin = { .role = ROLE_ADMIN }, viewer = { .role = ROLE_VIEWER }, nobody = { .role = ROLE_NONE };

void access_done(Access *a) {
        explicit_bzero(&a->account_key, sizeof(a->account_key));
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

/* A page of another site may have made its name point here (DNS rebinding); then Host tells. On the Unix socket too: what a browser
 * sends through "kubesimctl proxy" names a port, unless that is 80, and then a name with a dot, as others there need not (http://x/). */
static int check_host(const Access *a, HttpRequest *req, Error *reterr) {
        const char *host = http_request_header(req, "Host");
        size_t n;

        if (!host)
                return 0;
        n = host[0] == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":");
        n = MIN(n, strlen(host));
        if (host[n] != ':' && !memchr(host, '.', n) && http_request_is_local(req))
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

/* --- Service accounts --- */

static int new_account(const char *namespace, const char *name, const char *uid, Role role, Identity **ret) {
        _cleanup_free_ char *user = NULL, *group = NULL;
        const char *groups[] = { "system:serviceaccounts", NULL, ACCESS_GROUP_ALL };

        if (asprintf(&user, ACCOUNT_USER_PREFIX "%s:%s", namespace, name) < 0) {
                user = NULL;
                return -ENOMEM;
        }
        if (asprintf(&group, "system:serviceaccounts:%s", namespace) < 0) {
                group = NULL;
                return -ENOMEM;
        }
        groups[1] = group;
        return identity_new(role, user, uid, groups, ELEMENTSOF(groups), ret);
}

/* A token that is signed and valid is worth nothing once its account, or what it was bound to, is another one. */
static int find_account_token(const Access *a, const char *token, const char *audience, const Identity **ret) {
        _cleanup_json_arena_ JsonArena arena = JSON_ARENA_INIT(MIB);
        _cleanup_free_ char *uid = NULL;
        AccountClaims c;
        Identity *found;
        Role role;
        int r;

        if (!a->accounts.find)
                return -ENOKEY;
        r = account_token_read(&a->account_key, &arena, token, strlen(token), (int64_t) (now_realtime() / USEC_PER_SEC), &c);
        if (r == -ENOMEM)
                return r;
        if (r < 0 || !account_token_is_for(&c, audience))
                return -ENOKEY;
        r = a->accounts.find(c.namespace, c.account, &uid, &role, a->accounts.userdata);
        if (r < 0)
                return r == -ENOENT ? -ENOKEY : r;
        if (!streq(uid, c.uid) || (c.bound_kind && !a->accounts.exists(c.bound_kind, c.namespace, c.bound_name, c.bound_uid, a->accounts.userdata)))
                return -ENOKEY;
        r = new_account(c.namespace, c.account, uid, role, &found);
        if (r < 0)
                return r;
        *ret = found;
        return 0;
}

int access_find_token(const Access *a, const char *token, const char *audience, const Identity **ret) {
        const Identity *found = streq(audience, ACCOUNT_ISSUER) ? tokens_find(a->tokens, token, strlen(token)) : NULL;

        if (!found)
                return find_account_token(a, token, audience, ret);
        *ret = found;
        return 0;
}

static int identify(const Access *a, HttpRequest *req, const Identity **ret, Error *reterr) {
        const char *header, *token;
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
        r = token ? access_find_token(a, token, ACCOUNT_ISSUER, ret) : -ENOKEY;
        if (r == -ENOKEY)
                return error_set_field(reterr, r, "Authorization", NULL, "this token is not known here, or no longer valid");
        return r < 0 ? error_set(reterr, r, "out of memory") : 0;
}

/* --- Acting as somebody else --- */

static bool has_group(const char *const *groups, size_t n, const char *group) {
        for (size_t i = 0; i < n; i++)
                if (streq(groups[i], group))
                        return true;
        return false;
}

/* "NAMESPACE:NAME" of a service account's user: 1 with both, to free. */
static int split_account(const char *user, char **ret_namespace, char **ret_name) {
        const char *rest = startswith(user, ACCOUNT_USER_PREFIX), *colon = rest ? strchr(rest, ':') : NULL;

        if (!colon)
                return 0;
        *ret_namespace = strndup(rest, (size_t) (colon - rest));
        *ret_name = strdup(colon + 1);
        return *ret_namespace && *ret_name ? 1 : -ENOMEM;
}

static int find_account(const Access *a, const char *namespace, const char *name, char **ret_uid, Role *ret) {
        int r = a->accounts.find ? a->accounts.find(namespace, name, ret_uid, ret, a->accounts.userdata) : -ENOENT;

        return r == -ENOENT ? 0 : r;
}

/* What the groups and the name alone say. */
static Role role_of(const Access *a, const char *user, const char *const *groups, size_t n) {
        if (has_group(groups, n, ACCESS_GROUP_ADMIN) || streq(user, identity_user(&admin)))
                return ROLE_ADMIN;
        if (has_group(groups, n, ACCESS_GROUP_VIEWER) || streq(user, identity_user(&viewer)))
                return ROLE_VIEWER;
        return streq(user, identity_user(&nobody)) ? a->anonymous : ROLE_NONE;
}

int access_find_user(const Access *a, const char *user, const char *const *groups, size_t n_groups, Identity **ret) {
        _cleanup_free_ char *namespace = NULL, *name = NULL, *uid = NULL;
        const char *all[IDENTITY_GROUPS_MAX], *node = startswith(user, "system:node:");
        Role role = role_of(a, user, groups, n_groups), account = ROLE_NONE;
        size_t n = MIN(n_groups, (size_t) IDENTITY_GROUPS_MAX - 1);
        int r;

        r = split_account(user, &namespace, &name);
        if (r > 0)
                r = find_account(a, namespace, name, &uid, &account);
        if (r < 0)
                return r;
        role = MAX(role, account);
        if (name && n_groups == 0)
                return new_account(namespace, name, uid, role, ret);
        for (size_t i = 0; i < n; i++)
                all[i] = groups[i];
        if (streq(user, identity_user(&nobody)))
                all[n++] = "system:unauthenticated";
        else if (!has_group(groups, n, ACCESS_GROUP_ALL))
                all[n++] = ACCESS_GROUP_ALL;
        r = identity_new(role == ROLE_NONE && node && *node ? ROLE_NODE : role, user, uid, all, n, ret);
        if (r >= 0 && (*ret)->role == ROLE_NODE) {
                (*ret)->node = strdup(node);
                if (!(*ret)->node) {
                        *ret = identity_free(*ret);
                        return -ENOMEM;
                }
        }
        return r;
}

typedef struct Impersonation {
        const char *user, *groups[IDENTITY_GROUPS_MAX - 1], *other; /* borrowed from the request */
        size_t n_groups;
        bool too_many;
} Impersonation;

static void on_header(const char *name, const char *value, void *userdata) {
        Impersonation *i = userdata;

        if (strncasecmp(name, "Impersonate-", strlen("Impersonate-")) != 0)
                return;
        if (strcasecmp(name, "Impersonate-User") == 0)
                i->user = value;
        else if (strcasecmp(name, "Impersonate-Group") != 0)
                i->other = name;
        else if (i->n_groups < ELEMENTSOF(i->groups))
                i->groups[i->n_groups++] = value;
        else
                i->too_many = true;
}

/* In Kubernetes' words, whichever door is asked: they are its headers. */
static int refuse_impersonation(const Identity *who, const char *resource, const char *namespace, const char *name, Error *reterr) {
        return error_set_field(reterr, -EACCES, resource, name, "%s \"%s\" is forbidden: User \"%s\" cannot impersonate resource \"%s\" in API group \"\" %s%s%s",
                               resource, name, identity_user(who), resource, namespace ? "in the namespace \"" : "at the cluster scope", strempty(namespace),
                               namespace ? "\"" : "");
}

static int check_impersonation(const Identity *who, const Impersonation *i, Error *reterr) {
        _cleanup_free_ char *namespace = NULL, *name = NULL;
        int r;

        if (isempty(i->user))
                return error_set(reterr, -EINVAL, "requested %s without impersonating a user", i->n_groups > 0 ? "Impersonate-Group" : i->other ?: "nobody");
        if (i->too_many)
                return error_set(reterr, -EINVAL, "more than %zu groups to act as a member of", ELEMENTSOF(i->groups));
        if (who->role == ROLE_ADMIN)
                return 0;
        r = split_account(i->user, &namespace, &name);
        if (r < 0)
                return error_set(reterr, r, "out of memory");
        return name ? refuse_impersonation(who, "serviceaccounts", namespace, name, reterr) : refuse_impersonation(who, "users", NULL, i->user, reterr);
}

/* Whom the request acts as from here on. */
static int impersonate(const Access *a, HttpRequest *req, const Identity **identity, Error *reterr) {
        Impersonation i = {};
        Identity *other;
        int r;

        http_request_each_header(req, on_header, &i);
        if (!i.user && i.n_groups == 0 && !i.other)
                return 0;
        r = *identity == &nobody ? 0 : check_impersonation(*identity, &i, reterr);
        if (r < 0 || *identity == &nobody)
                return r; /* who is nobody is told so */
        r = access_find_user(a, i.user, i.groups, i.n_groups, &other);
        if (r < 0)
                return error_set(reterr, r, "out of memory");
        identity_release((void*) *identity);
        *identity = other;
        return 0;
}

/* --- Decisions --- */

bool access_may(const Identity *i, HttpAccess access) {
        switch (access) {
        case HTTP_ACCESS_PUBLIC:
                return true;
        case HTTP_ACCESS_USER:
                return i != &nobody;
        case HTTP_ACCESS_READ:
                return i->role == ROLE_VIEWER || i->role == ROLE_ADMIN;
        case HTTP_ACCESS_NODE:
                return i->role == ROLE_NODE || i->role == ROLE_ADMIN;
        case HTTP_ACCESS_WRITE:
                return i->role == ROLE_ADMIN;
        default:
                return false;
        }
}

int access_authorize(Access *a, HttpRequest *req, HttpAccess access, void **ret_identity, Error *reterr) {
        static const char *const needed[] = {
                [HTTP_ACCESS_NONE] = "nobody may do this",        [HTTP_ACCESS_PUBLIC] = "",
                [HTTP_ACCESS_USER] = "a user",                    [HTTP_ACCESS_READ] = "the role viewer or admin",
                [HTTP_ACCESS_NODE] = "the role node:NAME, node:PREFIX* or admin", [HTTP_ACCESS_WRITE] = "the role admin",
        };
        const Identity *identity = &nobody;
        int r;

        r = check_host(a, req, reterr);
        if (r >= 0)
                r = check_origin(a, req, reterr);
        if (r >= 0)
                r = identify(a, req, &identity, reterr);
        if (r >= 0)
                r = impersonate(a, req, &identity, reterr);
        if (identity != &nobody)
                *ret_identity = (void*) identity;
        if (r < 0) {
                a->n_denied++;
                return r;
        }
        *ret_identity = (void*) identity;
        if (!rate_limit_take(a->rate_limit, http_request_peer_name(req), a->requests_per_second, now_monotonic()))
                return error_set(reterr, -EDQUOT, "more than %u requests a second (MaxRequestsPerSecond=)", a->requests_per_second);
        if (!access_may(identity, access)) {
                a->n_denied++;
                if (identity == &nobody)
                        return error_set_field(reterr, -ENOKEY, "Authorization", NULL,
                                               "a bearer token is needed here: kubesimctl token makes one");
                return error_set(reterr, -EACCES, "this needs %s", needed[access]);
        }
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
