/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAPI 3.0.0 documents of what is served, made of the table of kinds and the table of types: kubectl validates, explains, and
 * computes its patches by them. */
#include "basic/error.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/discovery/openapi-internal.h"
#include "kubesimd/api/kube/kube.h"

/* What kubectl looks at of a path: that a patch knows dryRun and fieldValidation, and of which kind it is. */
static void put_path(const KubeResource *r, StrBuf *b) {
        static const char *const types[] = {
                "application/apply-patch+yaml", "application/json-patch+json", "application/merge-patch+json", "application/strategic-merge-patch+json",
        };
        static const char *const parameters[] = { "dryRun", "fieldManager", "fieldValidation", "force" };
        char version[KUBE_API_VERSION_MAX];

        strbuf_printf(b, "\"/%s/%s%s/%s/{name}\":{\"%s\":{\"x-kubernetes-group-version-kind\":", *r->group ? "apis" : "api", kube_api_version(r, version),
                      r->namespaced ? "/namespaces/{namespace}" : "", r->plural, r->read_only ? "get" : "patch");
        openapi_put_kind(r, b);
        if (r->read_only) {
                strbuf_puts(b, ",\"responses\":{\"200\":{\"description\":\"OK\"}}}}");
                return;
        }
        strbuf_printf(b, ",\"operationId\":\"patch%s\",\"x-kubernetes-action\":\"patch\"", r->kind);
        strbuf_puts(b, ",\"parameters\":[");
        for (size_t i = 0; i < ELEMENTSOF(parameters); i++)
                strbuf_printf(b, "%s{\"in\":\"query\",\"name\":\"%s\",\"schema\":{\"type\":\"string\"}}", i > 0 ? "," : "", parameters[i]);
        strbuf_puts(b, "],\"requestBody\":{\"content\":{");
        for (size_t i = 0; i < ELEMENTSOF(types) - (r->custom ? 1 : 0); i++) /* the last one is not known of custom objects */
                strbuf_printf(b, "%s\"%s\":{\"schema\":{\"type\":\"object\"}}", i > 0 ? "," : "", types[i]);
        strbuf_puts(b, "}},\"responses\":{\"200\":{\"description\":\"OK\"}}}}");
}

static int reply_document(HttpRequest *req, ApiContext *api, const char *group, const char *version, Error *reterr) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(OPENAPI_DOCUMENT_MAX);
        const KubeTable *t;
        bool first = true;
        int r;

        r = kube_table(api, &t, reterr);
        if (r < 0)
                return r;
        strbuf_puts(&b, "{\"openapi\":\"3.0.0\",\"info\":{\"title\":\"Kubernetes\",\"version\":\"v1.32.0\"},\"paths\":{");
        for (size_t i = 0; i < t->n; i++) {
                if (!openapi_has(t->rows[i], group, version))
                        continue;
                strbuf_puts(&b, first ? "" : ",");
                put_path(t->rows[i], &b);
                first = false;
        }
        if (first)
                return error_set(reterr, -ENOENT, "the server could not find the requested resource");
        strbuf_puts(&b, "},\"components\":{\"schemas\":{");
        openapi_put_schemas(t, group, version, OPENAPI_V3, &b);
        strbuf_puts(&b, "}}}\n");
        return http_reply(req, 200, KUBE_JSON, &b, t->revision);
}

int handle_openapi_v3_document(HttpRequest *req, void *userdata, Error *reterr) {
        bool grouped = startswith(http_request_path(req), "/openapi/v3/apis/");

        return reply_document(req, userdata, grouped ? http_request_param(req, 0) : "", grouped ? http_request_param(req, 1) : "v1", reterr);
}

/* The newest revision of a definition of that group: another document has another address. */
static uint64_t newest(const KubeTable *t, const char *group) {
        uint64_t revision = 0;

        for (size_t i = 0; i < t->n; i++)
                if (t->rows[i]->custom && streq(t->rows[i]->group, group))
                        revision = MAX(revision, custom_rows_definition(t->rows[i]->custom->rows)->object.revision);
        return revision;
}

int handle_openapi_v3(HttpRequest *req, void *userdata, Error *reterr) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        const KubeTable *t;
        int r;

        r = kube_table(userdata, &t, reterr);
        if (r < 0)
                return r;
        strbuf_puts(&b, "{\"paths\":{\"api/v1\":{\"serverRelativeURL\":\"/openapi/v3/api/v1?hash=" KUBESIM_VERSION "\"}");
        for (size_t i = 0; i < t->n; i++) {
                const KubeResource *row = t->rows[i];
                bool seen = *row->group == '\0';

                for (size_t k = 0; k < i && !seen; k++)
                        seen = openapi_has(t->rows[k], row->group, row->version);
                if (!seen)
                        strbuf_printf(&b, ",\"apis/%s/%s\":{\"serverRelativeURL\":\"/openapi/v3/apis/%s/%s?hash=" KUBESIM_VERSION "-%llu\"}", row->group,
                                      row->version, row->group, row->version, (unsigned long long) newest(t, row->group));
        }
        strbuf_puts(&b, "}}\n");
        return http_reply(req, 200, KUBE_JSON, &b, t->revision);
}
