/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/path.h"

#include <stdio.h>

#include "basic/error.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/custom/custom.h"

#define SEGMENTS_MAX 9

static int no_such_resource(Error *reterr) {
        return error_set(reterr, -ENOENT, "the server could not find the requested resource");
}

static size_t split(char *path, char *segments[SEGMENTS_MAX]) {
        char *save = NULL;
        size_t n = 0;

        for (char *s = strtok_r(path, "/", &save); s && n < SEGMENTS_MAX; s = strtok_r(NULL, "/", &save))
                segments[n++] = s;
        return n;
}

/* /namespaces/NS, /namespaces/NS/status and /namespaces/NS/finalize are of the namespace itself. */
static bool goes_into_namespace(char *const *s, size_t n) {
        return n >= 3 && streq(s[0], "namespaces") && !streq(s[2], "status") && !streq(s[2], "finalize");
}

int kube_parse_path(const char *text, ApiContext *api, KubePath *ret, Error *reterr) {
        char *segments[SEGMENTS_MAX], **s = segments;
        const char *group = "", *version;
        size_t n;
        int r;

        *ret = (KubePath) {};
        if (snprintf(ret->buffer, sizeof(ret->buffer), "%s", text) >= (int) sizeof(ret->buffer))
                return no_such_resource(reterr);
        n = split(ret->buffer, segments);
        if (n < 3)
                return no_such_resource(reterr);
        if (streq(s[0], "apis")) {
                group = *++s;
                n--;
        }
        version = s[1];
        s += 2;
        n -= 2;
        if (n > 1 && streq(s[0], "watch")) {
                ret->watch = true;
                s++;
                n--;
        }
        if (goes_into_namespace(s, n)) {
                ret->namespace = s[1];
                s += 2;
                n -= 2;
        }
        if (n < 1 || n > (ret->watch ? 2 : 3))
                return no_such_resource(reterr);
        r = kube_table_find(api, group, version, s[0], &ret->resource, reterr);
        if (r < 0)
                return r;
        ret->name = n > 1 ? s[1] : NULL;
        ret->subresource = n > 2 ? s[2] : NULL;
        if (!ret->resource || (ret->namespace && !ret->resource->namespaced) || (ret->name && !ret->namespace && ret->resource->namespaced))
                return no_such_resource(reterr);
        if (ret->name && snprintf(ret->key, sizeof(ret->key), "%s%s%s", ret->namespace && !streq(ret->namespace, NAMESPACE_DEFAULT) ? ret->namespace : "",
                                  ret->namespace && !streq(ret->namespace, NAMESPACE_DEFAULT) ? "/" : "", ret->name) >= (int) sizeof(ret->key))
                return kube_not_found(ret->resource, ret->name, reterr);
        return 0;
}

int kube_not_found(const KubeResource *r, const char *name, Error *reterr) {
        char qualified[KUBE_API_VERSION_MAX];

        return error_set_field(reterr, -ENOENT, r->plural, name, "%s \"%s\" not found", kube_qualified(r, qualified), name);
}

int kube_find(ApiContext *api, const KubePath *path, StoreEntry **ret, Error *reterr) {
        StoreEntry *e = path->resource->only_made ? NULL : store_find(cluster_store(api->cluster), path->resource->store_kind, path->key);

        if (!e)
                return kube_not_found(path->resource, path->name, reterr);
        *ret = e;
        return 0;
}
