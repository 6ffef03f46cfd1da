/* SPDX-License-Identifier: Apache-2.0 */
/* serviceaccounts/NAME/token: makes a token for a service account (TokenRequest of authentication.k8s.io/v1). */
#include <stdio.h>

#include "basic/error.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "core/control/state.h"
#include "kubesimd/api/kube/kube.h"
#include "kubesimd/api/kube/status.h"
#include "kubesimd/api/kube/write.h"
#include "kubesimd/auth/access.h"

#define SECONDS_DEFAULT 3600
#define SECONDS_MIN 600
#define SECONDS_MAX (INT64_C(1) << 32)

/* So that what is said of the request is said of its type. */
static const KubeResource token_request = {
        .group = "authentication.k8s.io", .version = "v1", .plural = "serviceaccounts/token", .kind = "TokenRequest",
        .schema = "authentication.v1.TokenRequest", .namespaced = true,
};

/* What a token may be bound to. */
static const struct {
        const char *kind, *plural;
} bindings[] = { { "Pod", "pods" }, { "Secret", "secrets" }, { "Node", "nodes" } };

static void check_name(KubeWrite *w, const Json *body, const char *key, const char *expected, const char *detail) {
        const char *given = json_string(json_at(body, "metadata", key, NULL));
        char field[64];

        (void) snprintf(field, sizeof(field), "metadata.%s", key);
        if (!isempty(given) && !streq(given, expected))
                cause_invalid_text(w, field, given, detail);
}

static void check_seconds(KubeWrite *w, const Json *spec) {
        const Json *given = json_get(spec, "expirationSeconds");
        int64_t seconds = json_i64(given, SECONDS_DEFAULT);

        if (seconds < SECONDS_MIN)
                cause_invalid(w, "spec.expirationSeconds", given, "may not specify a duration less than 10 minutes");
        if (seconds > SECONDS_MAX)
                cause_invalid(w, "spec.expirationSeconds", given, "may not specify a duration larger than 2^32 seconds");
}

/* The pod runs as whom, when it is said. */
static bool runs_as(KubeWrite *w, const Object *pod, const char *account) {
        const char *given = NULL;
        Json *root;

        if (write_read_object(w, pod, &root, NULL) >= 0)
                given = json_string(json_at(root, "spec", "serviceAccountName", NULL));
        return streq(isempty(given) ? "default" : given, account);
}

static int bind(KubeWrite *w, const Json *ref, AccountClaims *c, char uid[UUID_STRING_MAX], Error *reterr) {
        const char *kind = strempty(json_string(json_get(ref, "kind"))), *version = strempty(json_string(json_get(ref, "apiVersion")));
        const char *name = strempty(json_string(json_get(ref, "name"))), *wanted = json_string(json_get(ref, "uid"));
        KubePath path = { .name = name, .namespace = w->path->namespace };
        StoreEntry *e = NULL;
        size_t i = 0;
        int r;

        while (i < ELEMENTSOF(bindings) && !streq(bindings[i].kind, kind))
                i++;
        if (i == ELEMENTSOF(bindings) || strchr(version, '/'))
                return error_set(reterr, -EINVAL, "cannot bind token to object of type %s%s, Kind=%s", strchr(version, '/') ? "" : "/", version, kind);
        path.resource = kube_resource_find("", "v1", bindings[i].plural);
        if (snprintf(path.key, sizeof(path.key), "%s%s%s", path.resource->namespaced && !streq(path.namespace, NAMESPACE_DEFAULT) ? path.namespace : "",
                     path.resource->namespaced && !streq(path.namespace, NAMESPACE_DEFAULT) ? "/" : "", name) >= (int) sizeof(path.key))
                return kube_not_found(path.resource, name, reterr);
        r = kube_find(w->api, &path, &e, reterr);
        if (r < 0)
                return r;
        if (path.resource->store_kind == KIND_POD && !runs_as(w, e->object, c->account))
                return error_set(reterr, -EINVAL, "cannot bind token for serviceaccount \"%s\" to pod running with different serviceaccount name.", c->account);
        if (!isempty(wanted) && !streq(wanted, uuid_to_string(e->object->uid, uid)))
                return error_set_field(reterr, -ESTALE, kind, name, "Operation cannot be fulfilled on %s \"%s\": the UID in the bound object reference (%s) does "
                                       "not match the UID in record. The object might have been deleted and then recreated", kind, name, wanted);
        c->bound_kind = bindings[i].kind;
        c->bound_name = name;
        c->bound_uid = uuid_to_string(e->object->uid, uid);
        return 0;
}

static int read_audiences(const Json *spec, AccountClaims *c, Error *reterr) {
        const Json *audiences = json_get(spec, "audiences");

        if (audiences && audiences->size > ACCOUNT_AUDIENCES_MAX)
                return error_set(reterr, -EINVAL, "a token may be for %d audiences at most", ACCOUNT_AUDIENCES_MAX);
        JSON_FOREACH(audience, audiences)
                c->audiences[c->n_audiences++] = strempty(json_string(audience));
        if (c->n_audiences == 0)
                c->audiences[c->n_audiences++] = ACCOUNT_ISSUER;
        return 0;
}

static int reply_token(KubeWrite *w, const AccountClaims *c, const Json *ref, StrBuf *token) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);

        strbuf_puts(&b, "{\"kind\":\"TokenRequest\",\"apiVersion\":\"authentication.k8s.io/v1\",\"metadata\":{\"name\":");
        json_put_string(&b, c->account);
        strbuf_puts(&b, ",\"namespace\":");
        json_put_string(&b, c->namespace);
        strbuf_puts(&b, ",\"creationTimestamp\":");
        json_put_time(&b, (usec_t) c->issued * USEC_PER_SEC);
        strbuf_puts(&b, "},\"spec\":{\"audiences\":[");
        for (size_t i = 0; i < c->n_audiences; i++) {
                strbuf_puts(&b, i > 0 ? "," : "");
                json_put_string(&b, c->audiences[i]);
        }
        strbuf_printf(&b, "],\"expirationSeconds\":%lld,\"boundObjectRef\":", (long long) (c->expires - c->issued));
        json_put(&b, ref);
        strbuf_puts(&b, "},\"status\":{\"token\":");
        json_put_string(&b, strbuf_str(token));
        strbuf_puts(&b, ",\"expirationTimestamp\":");
        json_put_time(&b, (usec_t) c->expires * USEC_PER_SEC);
        strbuf_puts(&b, "}}\n");
        return kube_reply(w->req, 201, &b, api_mark(w->api));
}

static int make_token(KubeWrite *w, StoreEntry *e, const Json *body, Error *reterr) {
        const Json *spec = json_get(body, "spec"), *ref = json_get(spec, "boundObjectRef");
        _cleanup_strbuf_ StrBuf token = STRBUF_INIT(ACCOUNT_TOKEN_MAX);
        char uid[UUID_STRING_MAX], bound[UUID_STRING_MAX], id[UUID_STRING_MAX];
        AccountClaims c = {
                .namespace = w->path->namespace, .account = w->path->name, .uid = uuid_to_string(e->object->uid, uid),
                .id = uuid_to_string(uuid_random(&w->api->cluster->prng), id), .issued = (int64_t) (now_realtime() / USEC_PER_SEC),
        };
        int r;

        c.expires = c.issued + json_i64(json_get(spec, "expirationSeconds"), SECONDS_DEFAULT);
        r = read_audiences(spec, &c, reterr);
        if (r >= 0 && ref)
                r = bind(w, ref, &c, bound, reterr);
        if (r < 0)
                return r;
        r = account_token_make(&w->api->access->account_key, &c, &token);
        if (r < 0)
                return error_set(reterr, r == -E2BIG ? -EINVAL : r, r == -E2BIG ? "the token would be too long" : "the token cannot be made");
        return reply_token(w, &c, ref, &token);
}

int kube_token(HttpRequest *req, ApiContext *api, const KubePath *path, Error *reterr) {
        _cleanup_write_ KubeWrite w = {};
        Json *body = NULL;
        StoreEntry *e;
        int r;

        r = write_begin(&w, req, api, path, reterr);
        w.resource = &token_request;
        if (r >= 0)
                r = write_read_body(&w, &body, reterr);
        if (r >= 0 && !body)
                r = error_set(reterr, -EINVAL, "a TokenRequest is needed");
        if (r >= 0)
                r = write_check_fields(&w, body, reterr);
        if (r < 0)
                return r;
        check_name(&w, body, "name", path->name, "must match the service account name if specified");
        check_name(&w, body, "namespace", path->namespace, "must match the service account namespace if specified");
        r = write_reply_causes(&w);
        if (r == 0)
                r = kube_find(api, path, &e, reterr);
        if (r != 0)
                return MIN(r, 0);
        w.object_name = "";
        check_seconds(&w, json_get(body, "spec"));
        r = write_reply_causes(&w);
        return r != 0 ? MIN(r, 0) : make_token(&w, e, body, reterr);
}
