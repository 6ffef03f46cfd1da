/* SPDX-License-Identifier: Apache-2.0 */
/* Reviews: "may I" and "who am I", answered by the roles of the native API: an admin may everything, a viewer may look. */
#include "basic/error.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/kube.h"
#include "kubesimd/api/kube/protobuf.h"
#include "kubesimd/auth/access.h"

#define KIND_ACCESS "SelfSubjectAccessReview"
#define KIND_RULES "SelfSubjectRulesReview"

static bool is_reading(const char *verb) {
        static const char *const verbs[] = { "get", "list", "watch" };

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (streq_ptr(verb, verbs[i]))
                        return true;
        return false;
}

static int read_body(HttpRequest *req, JsonArena *a, Json **ret, Error *reterr) {
        const char *type = http_request_header(req, "Content-Type");
        size_t size;
        char *text = http_request_body(req, &size);

        if (size == 0)
                return error_set(reterr, -EINVAL, "a review needs a body");
        if (type && startswith(type, "application/vnd.kubernetes.protobuf"))
                return protobuf_read(a, text, size, ret, reterr);
        return json_tree_parse(a, text, size, ret, reterr);
}

static void put_access(bool admin, const Json *body, StrBuf *b) {
        const Json *spec = json_get(body, "spec");
        const char *verb = json_string(json_at(spec, "resourceAttributes", "verb", NULL)) ?: json_string(json_at(spec, "nonResourceAttributes", "verb", NULL));
        bool allowed = admin || is_reading(verb);

        strbuf_printf(b, "{\"allowed\":%s", allowed ? "true" : "false");
        if (!allowed)
                strbuf_puts(b, ",\"reason\":\"a viewer may get, list and watch\"");
        strbuf_putc(b, '}');
}

static void put_rules(bool admin, StrBuf *b) {
        const char *verbs = admin ? "[\"*\"]" : "[\"get\",\"list\",\"watch\"]";

        strbuf_printf(b, "{\"resourceRules\":[{\"verbs\":%s,\"apiGroups\":[\"*\"],\"resources\":[\"*\"]}],"
                      "\"nonResourceRules\":[{\"verbs\":%s,\"nonResourceURLs\":[\"*\"]}],\"incomplete\":false}", verbs, admin ? verbs : "[\"get\"]");
}

static void put_user(HttpRequest *req, bool admin, StrBuf *b) {
        strbuf_puts(b, "{\"userInfo\":{\"username\":");
        json_put_string(b, access_role_name(http_request_identity(req)));
        strbuf_printf(b, ",\"groups\":[\"%s\",\"system:authenticated\"]}}", admin ? ACCESS_GROUP_ADMIN : ACCESS_GROUP_VIEWER);
}

int handle_kube_review(HttpRequest *req, void *userdata _unused_, Error *reterr) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(4 * MIB);
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        bool admin = access_is_admin(http_request_identity(req)), access, rules;
        Json *body;
        int r;

        r = read_body(req, &a, &body, reterr);
        if (r < 0)
                return r;
        access = strstr(http_request_path(req), "accessreviews");
        rules = strstr(http_request_path(req), "rulesreviews");
        strbuf_printf(&b, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":{},\"spec\":", access ? KIND_ACCESS : rules ? KIND_RULES : "SelfSubjectReview",
                      access || rules ? "authorization.k8s.io/v1" : "authentication.k8s.io/v1");
        if (json_get(body, "spec"))
                json_put(&b, json_get(body, "spec"));
        else
                strbuf_puts(&b, "{}");
        strbuf_puts(&b, ",\"status\":");
        if (access)
                put_access(admin, body, &b);
        else if (rules)
                put_rules(admin, &b);
        else
                put_user(req, admin, &b);
        strbuf_puts(&b, "}\n");
        return kube_reply(req, 201, &b, 0);
}
