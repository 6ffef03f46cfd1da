/* SPDX-License-Identifier: Apache-2.0 */
/* What the tokens of service accounts ask of the cluster: is the account still there, and what may it do? */
#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/model/doc.h"
#include "kubesimd/manager-internal.h"

/* Annotation of a ServiceAccount: admin, viewer or none; viewer when it is not there. */
#define ROLE_ANNOTATION "kubesim.io/role"

static StoreEntry *find(Manager *m, Kind kind, const char *namespace, const char *name) {
        _cleanup_free_ char *key = object_key(kind_is_namespaced(kind) ? namespace : NULL, name);

        return key ? store_find(cluster_store(m->api.cluster), kind, key) : NULL;
}

static int find_account(const char *namespace, const char *name, char **ret_uid, Role *ret, void *userdata) {
        StoreEntry *e = find(userdata, KIND_SERVICE_ACCOUNT, namespace, name);
        const char *role;
        char uid[UUID_STRING_MAX];

        if (!e)
                return -ENOENT;
        *ret_uid = strdup(uuid_to_string(e->object->uid, uid));
        if (!*ret_uid)
                return -ENOMEM;
        role = doc_annotation(e->object->doc, ROLE_ANNOTATION) ?: "viewer";
        *ret = streq(role, "admin") ? ROLE_ADMIN : streq(role, "viewer") ? ROLE_VIEWER : ROLE_NONE;
        return 0;
}

static bool object_exists(const char *kind, const char *namespace, const char *name, const char *uid, void *userdata) {
        static const Kind kinds[] = { KIND_POD, KIND_SECRET, KIND_NODE };
        char ours[UUID_STRING_MAX];

        for (size_t i = 0; i < ELEMENTSOF(kinds); i++) {
                StoreEntry *e = streq(kind_to_string(kinds[i]), kind) ? find(userdata, kinds[i], namespace, name) : NULL;

                if (e)
                        return streq(uuid_to_string(e->object->uid, ours), uid);
        }
        return false;
}

int manager_setup_accounts(Manager *m, Error *reterr) {
        bool kept = !streq(m->options->state, ":memory:");

        m->access.accounts = (AccountSource) { .find = find_account, .exists = object_exists, .userdata = m };
        return account_key_load(kept ? m->options->state : NULL, &m->access.account_key, reterr);
}
