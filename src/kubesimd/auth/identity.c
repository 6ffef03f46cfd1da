/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/auth/identity.h"

#include "basic/alloc-util.h"
#include "kubesimd/auth/access.h"

static const struct {
        const char *user, *groups[2];
} roles[_ROLE_MAX] = {
        [ROLE_NONE] = { "system:anonymous", { "system:unauthenticated" } },
        [ROLE_NODE] = { "node", { "system:nodes", ACCESS_GROUP_ALL } },
        [ROLE_VIEWER] = { "viewer", { ACCESS_GROUP_VIEWER, ACCESS_GROUP_ALL } },
        [ROLE_ADMIN] = { "admin", { ACCESS_GROUP_ADMIN, ACCESS_GROUP_ALL } },
};

Identity *identity_free(Identity *i) {
        if (!i)
                return NULL;
        for (char **g = i->groups; g && *g; g++)
                free(*g);
        free(i->groups);
        free(i->node);
        free(i->user);
        free(i->uid);
        return mfree(i);
}

void identity_release(void *identity) {
        Identity *i = identity;

        if (i && i->single)
                identity_free(i);
}

int identity_new(Role role, const char *user, const char *uid, const char *const *groups, size_t n, Identity **ret) {
        _cleanup_(identity_freep) Identity *i = new0(Identity, 1);

        if (!i)
                return -ENOMEM;
        i->role = role;
        i->single = true;
        i->user = strdup(user);
        i->uid = uid ? strdup(uid) : NULL;
        i->groups = new0(char*, n + 1);
        if (!i->user || (uid && !i->uid) || !i->groups)
                return -ENOMEM;
        for (size_t k = 0; k < n; k++) {
                i->groups[k] = strdup(groups[k]);
                if (!i->groups[k])
                        return -ENOMEM;
        }
        *ret = TAKE_PTR(i);
        return 0;
}

const char *identity_user(const Identity *i) {
        return i && i->user ? i->user : roles[i ? i->role : ROLE_NONE].user;
}

size_t identity_groups(const Identity *i, const char *ret[IDENTITY_GROUPS_MAX]) {
        size_t n = 0;

        for (char **g = i ? i->groups : NULL; g && *g && n < IDENTITY_GROUPS_MAX; g++)
                ret[n++] = *g;
        for (size_t k = 0; k < ELEMENTSOF(roles[0].groups) && !(i && i->groups); k++)
                if (roles[i ? i->role : ROLE_NONE].groups[k])
                        ret[n++] = roles[i ? i->role : ROLE_NONE].groups[k];
        return n;
}
