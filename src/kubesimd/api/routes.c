/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/routes.h"

#include "basic/string-util.h"
#include "kubesimd/api/kube/custom/custom.h"
#include "kubesimd/api/kube/kube.h"
#include "kubesimd/api/native/native.h"

#define ROUTES_MAX 192

const HttpRoute *api_routes(size_t *ret_n) {
        static HttpRoute all[ROUTES_MAX];
        static size_t n;

        if (n == 0) {
                assert(native_n_routes + kube_n_routes <= ROUTES_MAX);
                memcpy(all, native_routes, native_n_routes * sizeof(HttpRoute));
                memcpy(all + native_n_routes, kube_routes, kube_n_routes * sizeof(HttpRoute));
                n = native_n_routes + kube_n_routes;
        }
        *ret_n = n;
        return all;
}

bool api_is_reserved(const char *group, const char *name) {
        return kube_resource_is_reserved(group, name);
}

void api_context_done(ApiContext *api) {
        custom_kinds_free(api->custom);
        api->custom = NULL;
}

static bool is_kube(const char *path) {
        static const char *const prefixes[] = { "/api", "/apis", "/openapi" };

        for (size_t i = 0; i < ELEMENTSOF(prefixes); i++) {
                const char *rest = path ? startswith(path, prefixes[i]) : NULL;

                if (rest && (*rest == '\0' || *rest == '/'))
                        return true;
        }
        return false;
}

void api_problem(HttpRequest *req, unsigned status, const Error *error, StrBuf *body, const char **ret_type, void *userdata) {
        if (is_kube(http_request_path(req)))
                kube_problem(req, status, error, body, ret_type, userdata);
        else
                native_problem(req, status, error, body, ret_type, userdata);
}
