/* SPDX-License-Identifier: Apache-2.0 */
/* Reviews: who am I, may I, may they, whose token is it. Answered by what the server itself goes by: the role, and the route. */
#include "basic/error.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/attributes.h"
#include "kubesimd/api/kube/kube.h"
#include "kubesimd/api/kube/status.h"
#include "kubesimd/api/kube/write.h"
#include "kubesimd/auth/access.h"

typedef struct Review Review;

struct Review {
        KubeWrite write;
        const Json *body;
        Access *access;
        const Identity *who; /* asks */
        /* Appends the status. -EINVAL, or -EDOM with causes in `write`. */
        int (*put_status)(Review *v, StrBuf *b, Error *reterr);
};

static const char *text_at(const Json *object, const char *key) {
        return strempty(json_string(json_get(object, key)));
}

/* --- May I, may they? --- */

/* 1, or 0 with causes when the body does not say exactly one thing that is asked for. */
static int read_attributes(Review *v, const Json *spec, KubeAttributes *ret) {
        const Json *resource = json_get(spec, "resourceAttributes"), *path = json_get(spec, "nonResourceAttributes");

        if (!resource == !path) {
                cause_invalid(&v->write, "spec.resourceAttributes", resource, "exactly one of nonResourceAttributes or resourceAttributes must be specified");
                return 0;
        }
        *ret = (KubeAttributes) {
                .verb = text_at(resource ?: path, "verb"), .path = path ? text_at(path, "path") : NULL, .group = text_at(resource, "group"),
                .version = text_at(resource, "version"), .resource = text_at(resource, "resource"), .subresource = text_at(resource, "subresource"),
                .namespace = text_at(resource, "namespace"), .name = text_at(resource, "name"),
        };
        return 1;
}

static void put_decision(Review *v, const Identity *about, const KubeAttributes *asked, StrBuf *b) {
        bool allowed = access_may(about, kube_attributes_access(v->write.req, asked));

        strbuf_printf(b, "{\"allowed\":%s", allowed ? "true" : "false");
        if (!allowed)
                strbuf_printf(b, ",\"reason\":\"%s\"", about->role == ROLE_VIEWER ? "a viewer may get, list and watch" : "no role here allows it");
        strbuf_putc(b, '}');
}

static int put_own_access(Review *v, StrBuf *b, Error *reterr _unused_) {
        KubeAttributes asked;

        if (read_attributes(v, json_get(v->body, "spec"), &asked) == 0)
                return -EDOM;
        put_decision(v, v->who, &asked, b);
        return 0;
}

static int find_subject(Review *v, const Json *spec, Identity **ret, Error *reterr) {
        const char *groups[IDENTITY_GROUPS_MAX], *user = text_at(spec, "user");
        size_t n = 0;
        int r;

        JSON_FOREACH(group, json_get(spec, "groups"))
                if (json_string(group) && n < ELEMENTSOF(groups))
                        groups[n++] = json_string(group);
        if (isempty(user) && n == 0) {
                cause_invalid_text(&v->write, "spec.user", "", "at least one of user or group must be specified");
                return -EDOM;
        }
        r = access_find_user(v->access, user, groups, n, ret);
        return r < 0 ? error_set(reterr, r, "out of memory") : 0;
}

static int put_access(Review *v, StrBuf *b, Error *reterr) {
        _cleanup_(identity_freep) Identity *about = NULL;
        const Json *spec = json_get(v->body, "spec");
        const char *namespace = v->write.path->namespace;
        KubeAttributes asked;
        int r;

        r = read_attributes(v, spec, &asked);
        if (r > 0 && namespace && !streq(asked.namespace, namespace))
                return error_set(reterr, -EINVAL, "spec.resourceAttributes.namespace must match namespace: %s", namespace);
        if (r > 0)
                r = find_subject(v, spec, &about, reterr);
        if (r <= 0 && !about)
                return r < 0 ? r : -EDOM;
        put_decision(v, about, &asked, b);
        return 0;
}

static int put_rules(Review *v, StrBuf *b, Error *reterr _unused_) {
        static const char reviews[] = "{\"verbs\":[\"create\"],\"apiGroups\":[\"authorization.k8s.io\"],\"resources\":[\"selfsubjectaccessreviews\","
                                      "\"selfsubjectrulesreviews\"]},{\"verbs\":[\"create\"],\"apiGroups\":[\"authentication.k8s.io\"],"
                                      "\"resources\":[\"selfsubjectreviews\"]}";
        static const char public[] = "{\"verbs\":[\"get\"],\"nonResourceURLs\":[\"/api\",\"/api/*\",\"/apis\",\"/apis/*\",\"/healthz\",\"/livez\",\"/openapi\","
                                     "\"/openapi/*\",\"/readyz\",\"/version\",\"/version/\"]}";
        Role role = v->who->role;

        strbuf_puts(b, "{\"resourceRules\":[");
        if (role == ROLE_ADMIN)
                strbuf_puts(b, "{\"verbs\":[\"*\"],\"apiGroups\":[\"*\"],\"resources\":[\"*\"]},");
        if (role == ROLE_VIEWER)
                strbuf_puts(b, "{\"verbs\":[\"get\",\"list\",\"watch\"],\"apiGroups\":[\"*\"],\"resources\":[\"*\"]},");
        strbuf_printf(b, "%s],\"nonResourceRules\":[", reviews);
        if (role == ROLE_ADMIN || role == ROLE_VIEWER)
                strbuf_printf(b, "{\"verbs\":[\"%s\"],\"nonResourceURLs\":[\"*\"]},", role == ROLE_ADMIN ? "*" : "get");
        strbuf_printf(b, "%s],\"incomplete\":false}", public);
        return 0;
}

/* --- Who? --- */

static void put_user(const Identity *i, StrBuf *b) {
        const char *groups[IDENTITY_GROUPS_MAX];
        size_t n = identity_groups(i, groups);

        strbuf_puts(b, "{\"username\":");
        json_put_string(b, identity_user(i));
        if (i->uid) {
                strbuf_puts(b, ",\"uid\":");
                json_put_string(b, i->uid);
        }
        strbuf_puts(b, ",\"groups\":[");
        for (size_t k = 0; k < n; k++) {
                strbuf_puts(b, k > 0 ? "," : "");
                json_put_string(b, groups[k]);
        }
        strbuf_puts(b, "]}");
}

static int put_self(Review *v, StrBuf *b, Error *reterr _unused_) {
        strbuf_puts(b, "{\"userInfo\":");
        put_user(v->who, b);
        strbuf_putc(b, '}');
        return 0;
}

/* For the first of the audiences that it is for; without any, for the API itself. */
static int find_token(Review *v, const Json *spec, const char **ret_audience, const Identity **ret) {
        const Json *audiences = json_get(spec, "audiences");
        int r = -ENOKEY;

        *ret_audience = ACCOUNT_ISSUER;
        if (!audiences || audiences->size == 0)
                return access_find_token(v->access, text_at(spec, "token"), ACCOUNT_ISSUER, ret);
        JSON_FOREACH(audience, audiences) {
                *ret_audience = strempty(json_string(audience));
                r = access_find_token(v->access, text_at(spec, "token"), *ret_audience, ret);
                if (r != -ENOKEY)
                        break;
        }
        return r;
}

static int put_token(Review *v, StrBuf *b, Error *reterr) {
        const Json *spec = json_get(v->body, "spec");
        const Identity *found = NULL;
        const char *audience;
        int r;

        if (isempty(text_at(spec, "token")))
                return error_set(reterr, -EINVAL, "token is required for TokenReview in authentication");
        r = find_token(v, spec, &audience, &found);
        if (r < 0 && r != -ENOKEY)
                return error_set(reterr, r, "out of memory");
        if (r < 0) {
                strbuf_puts(b, "{\"user\":{},\"error\":\"the token is not known here, not for this audience, or no longer valid\"}");
                return 0;
        }
        strbuf_puts(b, "{\"authenticated\":true,\"user\":");
        put_user(found, b);
        identity_release((void*) found);
        strbuf_puts(b, ",\"audiences\":[");
        json_put_string(b, audience);
        strbuf_puts(b, "]}");
        return 0;
}

static const struct {
        const char *plural;
        int (*put_status)(Review *v, StrBuf *b, Error *reterr);
} reviews[] = {
        { "selfsubjectaccessreviews", put_own_access }, { "selfsubjectrulesreviews", put_rules }, { "selfsubjectreviews", put_self },
        { "subjectaccessreviews", put_access },         { "localsubjectaccessreviews", put_access }, { "tokenreviews", put_token },
};

static int reply(Review *v, HttpRequest *req, Error *reterr) {
        const KubeResource *r = v->write.resource;
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * MIB);
        char version[KUBE_API_VERSION_MAX];
        int e;

        strbuf_printf(&b, "{\"kind\":\"%s\",\"apiVersion\":\"%s\",\"metadata\":{\"creationTimestamp\":null", r->kind, kube_api_version(r, version));
        if (v->write.path->namespace)
                strbuf_printf(&b, ",\"namespace\":\"%s\"", v->write.path->namespace);
        strbuf_putc(&b, '}');
        if (v->body && json_get(v->body, "spec")) {
                strbuf_putc(&b, ',');
                json_put_member(&b, json_get(v->body, "spec"));
        }
        strbuf_puts(&b, ",\"status\":");
        e = v->put_status(v, &b, reterr);
        if (e == -EDOM && v->write.causes)
                return MIN(write_reply_causes(&v->write), 0);
        if (e < 0)
                return e;
        strbuf_puts(&b, "}\n");
        return kube_reply(req, 201, &b, 0);
}

int handle_kube_review(HttpRequest *req, void *userdata, Error *reterr) {
        Review v = { .access = ((ApiContext*) userdata)->access, .who = http_request_identity(req) };
        KubePath path;
        Json *body;
        int r;

        r = kube_parse_path(http_request_path(req), userdata, &path, reterr);
        if (r < 0)
                return r;
        r = write_begin(&v.write, req, userdata, &path, reterr);
        if (r >= 0)
                r = write_read_body(&v.write, &body, reterr);
        if (r >= 0 && !body)
                r = error_set(reterr, -EINVAL, "a review needs a body");
        if (r >= 0)
                r = write_check_fields(&v.write, body, reterr);
        for (size_t i = 0; r >= 0 && i < ELEMENTSOF(reviews); i++)
                if (streq(reviews[i].plural, path.resource->plural))
                        v.put_status = reviews[i].put_status;
        if (r >= 0) {
                v.body = body;
                r = reply(&v, req, reterr);
        }
        write_done(&v.write);
        return r;
}
