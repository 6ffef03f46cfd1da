/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "basic/string-util.h"
#include "kubesimd/http/internal.h"

static const char *const method_names[_HTTP_METHOD_MAX] = {
        [HTTP_GET] = "GET",       [HTTP_POST] = "POST",     [HTTP_PUT] = "PUT",
        [HTTP_PATCH] = "PATCH",   [HTTP_DELETE] = "DELETE", [HTTP_OPTIONS] = "OPTIONS",
};

HttpMethod http_method_from_string(const char *s) {
        if (streq(s, "HEAD"))
                return HTTP_GET;
        for (HttpMethod m = 0; m < _HTTP_METHOD_MAX; m++)
                if (streq(method_names[m], s))
                        return m;
        return _HTTP_METHOD_INVALID;
}

const char *http_method_to_string(HttpMethod m) {
        return m >= 0 && m < _HTTP_METHOD_MAX ? method_names[m] : "";
}

/* Does the path have the pattern's segments? Where the parameters begin and how long they are goes to begin, size. */
static bool match(const char *pattern, const char *path, const char **begin, size_t *size, size_t *ret_n) {
        size_t n = 0;

        for (;;) {
                size_t k = strcspn(pattern, "{"), len;

                if (strncmp(pattern, path, k) != 0)
                        return false;
                pattern += k;
                path += k;
                if (*pattern == '\0') {
                        *ret_n = n;
                        return *path == '\0' || streq(path, "/"); /* "/apis/" is "/apis" */
                }
                len = strcspn(path, "/");
                if (len == 0 || n == PARAMS_MAX)
                        return false;
                begin[n] = path;
                size[n++] = len;
                path += len;
                pattern = strchr(pattern, '}') + 1;
        }
}

/* Copies the parameters out, each with its NUL. The path was percent-decoded by libmicrohttpd. */
static int copy_params(HttpRequest *req, const char *const *begin, const size_t *size, size_t n) {
        size_t total = 0;
        char *p;

        for (size_t i = 0; i < n; i++)
                total += size[i] + 1;
        if (total == 0)
                return 0;
        p = req->path_copy = malloc(total);
        if (!p)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                memcpy(p, begin[i], size[i]);
                p[size[i]] = '\0';
                req->params[i] = show_slashes(p);
                p += size[i] + 1;
        }
        return 0;
}

int router_match(HttpServer *s, HttpRequest *req, const char *path, StrBuf *allow) {
        const char *begin[PARAMS_MAX];
        size_t size[PARAMS_MAX], n;

        for (size_t i = 0; i < s->config.n_routes; i++) {
                const HttpRoute *r = &s->config.routes[i];

                if (r->method != req->method || path[1] != r->pattern[1] || !match(r->pattern, path, begin, size, &n))
                        continue;
                req->route = r;
                return copy_params(req, begin, size, n);
        }
        for (size_t i = 0; i < s->config.n_routes; i++) {
                const HttpRoute *r = &s->config.routes[i];

                if (match(r->pattern, path, begin, size, &n))
                        strbuf_printf(allow, "%s%s%s", allow->size > 0 ? ", " : "", method_names[r->method], r->method == HTTP_GET ? ", HEAD" : "");
        }
        return allow->size > 0 ? -EOPNOTSUPP : -ENOENT;
}

const HttpRoute *http_find_route(HttpRequest *req, HttpMethod method, const char *path) {
        const HttpServerConfig *config = &req->server->config;
        const char *begin[PARAMS_MAX];
        size_t size[PARAMS_MAX], n;

        for (size_t i = 0; i < config->n_routes; i++)
                if (config->routes[i].method == method && match(config->routes[i].pattern, path, begin, size, &n))
                        return &config->routes[i];
        return NULL;
}
