/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/error.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/custom/custom.h"
#include "kubesimd/api/kube/kube.h"
#include "kubesimd/api/kube/status.h"

#define BODY_MAX (3 * MIB) /* as kube-apiserver's limit */
#define OPTIONS_MAX (64 * KIB)

typedef int (*verb_t)(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr);

/* What each method does with a collection, an object, a subresource (NULL: none of those below). */
static const struct {
        HttpMethod method;
        const char *subresource; /* "" = an object, "*" = a collection */
        verb_t run;
} verbs[] = {
        { HTTP_GET, "*", kube_list },           { HTTP_POST, "*", kube_create },        { HTTP_DELETE, "*", kube_delete_collection },
        { HTTP_GET, "", kube_get },             { HTTP_PUT, "", kube_update },          { HTTP_PATCH, "", kube_patch },
        { HTTP_DELETE, "", kube_delete },       { HTTP_GET, "status", kube_get },       { HTTP_PUT, "status", kube_update },
        { HTTP_PATCH, "status", kube_patch },   { HTTP_GET, "scale", kube_get_scale },  { HTTP_PUT, "scale", kube_write_scale },
        { HTTP_PATCH, "scale", kube_write_scale }, { HTTP_POST, "binding", kube_bind }, { HTTP_POST, "eviction", kube_evict },
        { HTTP_GET, "ephemeralcontainers", kube_get }, { HTTP_PUT, "ephemeralcontainers", kube_update }, { HTTP_PATCH, "ephemeralcontainers", kube_patch },
        { HTTP_GET, "log", kube_log },          { HTTP_PUT, "finalize", kube_finalize },  { HTTP_POST, "token", kube_token },
};

/* What a simulated container has not. */
static const char *const refused[] = { "exec", "attach", "portforward", "proxy" };

static int refuse(Error *reterr) {
        return error_set(reterr, -EOPNOTSUPP, "the server does not allow this method on the requested resource");
}

static bool is_refused(const char *subresource) {
        for (size_t i = 0; i < ELEMENTSOF(refused); i++)
                if (streq(subresource, refused[i]))
                        return true;
        return false;
}

/* Has the client a use for what is answered here? */
static bool is_acceptable(HttpRequest *req) {
        return kube_find_form(req) || strstr(http_request_header(req, "Accept"), "text/plain"); /* of logs */
}

int handle_kube_object(HttpRequest *req, void *userdata, Error *reterr) {
        const char *subresource;
        bool known = false;
        KubePath path;
        int r;

        r = kube_parse_path(http_request_path(req), userdata, &path, reterr);
        if (r < 0)
                return r;
        if (path.resource->custom && path.resource->custom->deprecation) {
                r = kube_add_warning(req, path.resource->custom->deprecation, strlen(path.resource->custom->deprecation));
                if (r < 0)
                        return error_set(reterr, r, "out of memory");
        }
        subresource = path.subresource ? path.subresource : path.name ? "" : "*";
        if (path.subresource && is_refused(path.subresource))
                return error_set(reterr, -EOPNOTSUPP, "%s: simulated containers run no processes", path.subresource);
        if (path.subresource && !kube_resource_has(path.resource, path.subresource))
                return error_set(reterr, -ENOENT, "the server could not find the requested resource");
        if (!is_acceptable(req))
                return kube_reply_status(req, &(KubeStatus) { .code = 406, .message = "406: Not Acceptable" });
        if (path.resource->create_only || (path.resource->read_only && http_request_method(req) != HTTP_GET))
                return refuse(reterr);
        if (path.watch)
                return http_request_method(req) == HTTP_GET ? kube_list(req, userdata, &path, reterr) : refuse(reterr);
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                if (!streq(verbs[i].subresource, subresource))
                        continue;
                known = true;
                if (verbs[i].method == http_request_method(req))
                        return verbs[i].run(req, userdata, &path, reterr);
        }
        return known ? refuse(reterr) : error_set(reterr, -ENOENT, "the server could not find the requested resource");
}

#define OBJECT(method, pattern, access, body) { method, pattern, access, body, false, handle_kube_object }
/* A path with every method that some kind has there. */
#define ALL(pattern)                                                        \
        OBJECT(HTTP_GET, pattern, HTTP_ACCESS_READ, 0),                     \
        OBJECT(HTTP_POST, pattern, HTTP_ACCESS_WRITE, BODY_MAX),            \
        OBJECT(HTTP_PUT, pattern, HTTP_ACCESS_WRITE, BODY_MAX),             \
        OBJECT(HTTP_PATCH, pattern, HTTP_ACCESS_WRITE, BODY_MAX),           \
        OBJECT(HTTP_DELETE, pattern, HTTP_ACCESS_WRITE, OPTIONS_MAX)
/* Everything below a group and version. */
#define BELOW(prefix)                                                       \
        ALL(prefix "/{resource}"),                                          \
        ALL(prefix "/{resource}/{name}"),                                   \
        ALL(prefix "/{resource}/{name}/{subresource}"),                     \
        ALL(prefix "/namespaces/{namespace}/{resource}/{name}"),            \
        ALL(prefix "/namespaces/{namespace}/{resource}/{name}/{subresource}"), \
        OBJECT(HTTP_GET, prefix "/watch/namespaces/{namespace}/{resource}", HTTP_ACCESS_READ, 0), \
        OBJECT(HTTP_GET, prefix "/watch/namespaces/{namespace}/{resource}/{name}", HTTP_ACCESS_READ, 0)
#define REVIEW(path, access) { HTTP_POST, path, access, OPTIONS_MAX, false, handle_kube_review }

const HttpRoute kube_routes[] = {
        { HTTP_GET, "/", HTTP_ACCESS_USER, 0, false, handle_kube_paths },
        { HTTP_GET, "/api", HTTP_ACCESS_USER, 0, false, handle_kube_versions },
        { HTTP_GET, "/apis", HTTP_ACCESS_USER, 0, false, handle_kube_groups },
        { HTTP_GET, "/apis/{group}", HTTP_ACCESS_USER, 0, false, handle_kube_group },
        { HTTP_GET, "/apis/{group}/{version}", HTTP_ACCESS_USER, 0, false, handle_kube_group_resources },
        { HTTP_GET, "/api/v1", HTTP_ACCESS_USER, 0, false, handle_kube_resources },
        { HTTP_GET, "/openapi/v2", HTTP_ACCESS_USER, 0, false, handle_openapi_v2 },
        { HTTP_GET, "/openapi/v3", HTTP_ACCESS_USER, 0, false, handle_openapi_v3 },
        { HTTP_GET, "/openapi/v3/api/v1", HTTP_ACCESS_USER, 0, false, handle_openapi_v3_document },
        { HTTP_GET, "/openapi/v3/apis/{group}/{version}", HTTP_ACCESS_USER, 0, false, handle_openapi_v3_document },
        REVIEW("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", HTTP_ACCESS_USER),
        REVIEW("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", HTTP_ACCESS_USER),
        REVIEW("/apis/authentication.k8s.io/v1/selfsubjectreviews", HTTP_ACCESS_USER),
        REVIEW("/apis/authentication.k8s.io/v1beta1/selfsubjectreviews", HTTP_ACCESS_USER),
        REVIEW("/apis/authorization.k8s.io/v1/subjectaccessreviews", HTTP_ACCESS_WRITE),
        REVIEW("/apis/authorization.k8s.io/v1/namespaces/{namespace}/localsubjectaccessreviews", HTTP_ACCESS_WRITE),
        REVIEW("/apis/authentication.k8s.io/v1/tokenreviews", HTTP_ACCESS_WRITE),
        { HTTP_POST, "/api/v1/namespaces/{namespace}/bindings", HTTP_ACCESS_WRITE, OPTIONS_MAX, false, handle_kube_bindings },
        BELOW("/api/v1"),
        BELOW("/apis/{group}/{version}"),
};
const size_t kube_n_routes = ELEMENTSOF(kube_routes);
