/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/attributes.h"

#include <stdio.h>
#include <strings.h>

#include "basic/strbuf.h"
#include "basic/string-util.h"

#define SEGMENTS_MAX 9

static const struct {
        const char *verb;
        HttpMethod method;
        bool of_object; /* else of a collection */
} verbs[] = {
        { "get", HTTP_GET, true },      { "list", HTTP_GET, false },    { "watch", HTTP_GET, false },  { "create", HTTP_POST, false },
        { "update", HTTP_PUT, true },   { "patch", HTTP_PATCH, true },  { "delete", HTTP_DELETE, true }, { "deletecollection", HTTP_DELETE, false },
};

static bool is_watch(HttpRequest *req) {
        const char *s = http_request_query(req, "watch");

        return s && !streq(s, "0") && strcasecmp(s, "false") != 0;
}

static const char *verb_of(HttpRequest *req, bool of_object) {
        HttpMethod method = http_request_method(req);

        if (method == HTTP_POST)
                return "create"; /* also of a subresource */
        if (method == HTTP_GET && !of_object && is_watch(req))
                return "watch";
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (verbs[i].method == method && verbs[i].of_object == of_object)
                        return verbs[i].verb;
        return "";
}

static const char *const methods[_HTTP_METHOD_MAX] = {
        [HTTP_GET] = "get",     [HTTP_POST] = "post",     [HTTP_PUT] = "put",
        [HTTP_PATCH] = "patch", [HTTP_DELETE] = "delete", [HTTP_OPTIONS] = "options",
};

static void read_path(HttpRequest *req, KubeAttributes *a) {
        HttpMethod method = http_request_method(req);

        a->path = http_request_path(req);
        a->verb = http_request_is_head(req) ? "head" : method >= 0 && method < _HTTP_METHOD_MAX ? methods[method] : "";
}

static size_t split(char *path, const char *segments[SEGMENTS_MAX]) {
        char *save = NULL;
        size_t n = 0;

        for (char *s = strtok_r(path, "/", &save); s && n < SEGMENTS_MAX; s = strtok_r(NULL, "/", &save))
                segments[n++] = s;
        return n;
}

void kube_attributes_read(HttpRequest *req, KubeAttributes *ret) {
        const char *segments[SEGMENTS_MAX], **s = segments;
        size_t n;

        *ret = (KubeAttributes) { .group = "", .version = "", .resource = "", .subresource = "", .namespace = "", .name = "" };
        (void) snprintf(ret->buffer, sizeof(ret->buffer), "%s", http_request_path(req));
        n = split(ret->buffer, segments);
        if (n >= 4 && streq(s[0], "apis")) {
                ret->group = s[1];
                s += 2;
                n -= 2;
        } else if (n >= 3 && streq(s[0], "api")) {
                s++;
                n--;
        } else {
                read_path(req, ret);
                return;
        }
        ret->version = *s++;
        n--;
        if (n > 1 && streq(s[0], "watch")) { /* of old */
                ret->verb = "watch";
                s++;
                n--;
        }
        if (n > 1 && streq(s[0], "namespaces")) {
                ret->namespace = s[1]; /* of a namespace itself, too */
                if (n > 2 && !streq(s[2], "status") && !streq(s[2], "finalize")) {
                        s += 2;
                        n -= 2;
                }
        }
        ret->resource = s[0];
        ret->name = n > 1 ? s[1] : "";
        ret->subresource = n > 2 ? s[2] : "";
        if (!ret->verb)
                ret->verb = verb_of(req, n > 1);
}

static HttpAccess access_of_path(HttpRequest *req, const KubeAttributes *a) {
        HttpMethod method = streq(a->verb, "head") ? HTTP_GET : _HTTP_METHOD_INVALID;
        const HttpRoute *route;

        for (HttpMethod m = 0; m < _HTTP_METHOD_MAX; m++)
                if (streq(a->verb, methods[m]))
                        method = m;
        route = http_find_route(req, method, a->path);
        return route ? route->access : method == HTTP_GET ? HTTP_ACCESS_READ : HTTP_ACCESS_WRITE;
}

HttpAccess kube_attributes_access(HttpRequest *req, const KubeAttributes *a) {
        const char *version = isempty(a->version) || streq(a->version, "*") ? "v1" : a->version;
        const HttpRoute *route = NULL;
        char path[1024];

        if (a->path)
                return access_of_path(req, a);
        if (streq(a->resource, "*") || streq(a->group, "*"))
                version = ""; /* whoever may all of it may write */
        for (size_t i = 0; i < ELEMENTSOF(verbs) && *version; i++) {
                bool object = verbs[i].of_object || !isempty(a->subresource);

                if (!streq(verbs[i].verb, a->verb))
                        continue;
                if (snprintf(path, sizeof(path), "/api%s%s/%s/%s%s%s%s", isempty(a->group) ? "" : "s/", a->group, version, a->resource, object ? "/x" : "",
                             isempty(a->subresource) ? "" : "/", a->subresource) < (int) sizeof(path))
                        route = http_find_route(req, verbs[i].method, path);
        }
        if (route)
                return route->access;
        return streq(a->verb, "get") || streq(a->verb, "list") || streq(a->verb, "watch") ? HTTP_ACCESS_READ : HTTP_ACCESS_WRITE;
}

static void put_quoted(StrBuf *b, const char *before, const char *s) {
        strbuf_printf(b, "%s\"%s\"", before, s);
}

void kube_attributes_put_refusal(const KubeAttributes *a, const Identity *who, StrBuf *b) {
        if (a->path) {
                strbuf_printf(b, "forbidden: User \"%s\" cannot %s path \"%s\"", identity_user(who), a->verb, a->path);
                return;
        }
        strbuf_printf(b, "%s%s%s", a->resource, *a->group ? "." : "", a->group);
        if (*a->name)
                put_quoted(b, " ", a->name);
        put_quoted(b, " is forbidden: User ", identity_user(who));
        strbuf_printf(b, " cannot %s resource \"%s%s%s\"", a->verb, a->resource, *a->subresource ? "/" : "", a->subresource);
        put_quoted(b, " in API group ", a->group);
        if (*a->namespace)
                put_quoted(b, " in the namespace ", a->namespace);
        else
                strbuf_puts(b, " at the cluster scope");
}
