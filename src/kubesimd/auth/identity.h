/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Who asks: a role, and the user and groups that Kubernetes would see. */

#include "basic/macro.h"

typedef enum Role {
        ROLE_NONE,
        ROLE_NODE,   /* may only beat for one node, or for those of a fleet */
        ROLE_VIEWER, /* may read */
        ROLE_ADMIN,  /* may do everything */
        _ROLE_MAX,
        _ROLE_INVALID = -EINVAL,
} Role;

#define IDENTITY_GROUPS_MAX 32

typedef struct Identity {
        Role role;
        bool single;   /* made for one request: identity_release() frees it */
        char *node;    /* owned; ROLE_NODE: whose token it is */
        bool node_is_prefix; /* it is for all nodes whose names begin so: a fleet's */
        char *user;    /* owned; NULL: what the role is called */
        char *uid;     /* owned, NULL: it has none */
        char **groups; /* owned, NULL-terminated; NULL: those of the role */
} Identity;

/* A user by itself; groups may be NULL (then n is 0). Strings are copied. uid may be NULL. 0 or -ENOMEM. */
int identity_new(Role role, const char *user, const char *uid, const char *const *groups, size_t n, Identity **ret);
Identity *identity_free(Identity *i); /* NULL is fine */
DEFINE_CLEANUP(Identity*, identity_free)
/* Frees those that were made for one request; an http_forget_t. */
void identity_release(void *identity);

/* "admin", "viewer", "system:serviceaccount:default:robot". */
const char *identity_user(const Identity *i);
/* Fills in the groups and returns how many. Borrowed. */
size_t identity_groups(const Identity *i, const char *ret[IDENTITY_GROUPS_MAX]);
