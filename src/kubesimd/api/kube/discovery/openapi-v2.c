/* SPDX-License-Identifier: Apache-2.0 */
/* OpenAPI 2.0 (Swagger) of what is served: as JSON for programs that make code or forms of it, and, for kubectl before 1.27, as
 * protobuf (github.com/google/gnostic). */
#include "basic/error.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/discovery/openapi-internal.h"
#include "kubesimd/api/kube/kube.h"

#define WIRE_TYPE "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"

static const char *const parameters[] = { "dryRun", "fieldManager", "fieldValidation" }; /* of patches */

static void put_address(const KubeResource *r, StrBuf *b) {
        char version[KUBE_API_VERSION_MAX];

        strbuf_printf(b, "/%s/%s%s/%s/{name}", *r->group ? "apis" : "api", kube_api_version(r, version), r->namespaced ? "/namespaces/{namespace}" : "",
                      r->plural);
}

/* --- As JSON --- */

static void put_path(const KubeResource *r, StrBuf *b) {
        strbuf_putc(b, '"');
        put_address(r, b);
        strbuf_puts(b, "\":{\"parameters\":[{\"in\":\"path\",\"name\":\"name\",\"required\":true,\"type\":\"string\"}");
        if (r->namespaced)
                strbuf_puts(b, ",{\"in\":\"path\",\"name\":\"namespace\",\"required\":true,\"type\":\"string\"}");
        strbuf_printf(b, "],\"%s\":{\"operationId\":\"%s%s%s\",\"produces\":[\"application/json\",\"application/yaml\"],\"x-kubernetes-group-version-kind\":",
                      r->read_only ? "get" : "patch", r->read_only ? "read" : "patch", r->version, r->kind);
        openapi_put_kind(r, b);
        if (!r->read_only) {
                strbuf_printf(b, ",\"x-kubernetes-action\":\"patch\",\"consumes\":[\"application/json-patch+json\",\"application/merge-patch+json\",%s"
                              "\"application/apply-patch+yaml\"],\"parameters\":[", r->custom ? "" : "\"application/strategic-merge-patch+json\",");
                for (size_t i = 0; i < ELEMENTSOF(parameters); i++)
                        strbuf_printf(b, "%s{\"in\":\"query\",\"name\":\"%s\",\"type\":\"string\"}", i > 0 ? "," : "", parameters[i]);
                strbuf_putc(b, ']');
        }
        strbuf_puts(b, ",\"responses\":{\"200\":{\"description\":\"OK\"}}}}");
}

static void put_document(const KubeTable *t, StrBuf *b) {
        strbuf_puts(b, "{\"swagger\":\"2.0\",\"info\":{\"title\":\"Kubernetes\",\"version\":\"" KUBERNETES_VERSION KUBESIM_VERSION "\"},\"paths\":{");
        for (size_t i = 0; i < t->n; i++) {
                strbuf_puts(b, i > 0 ? "," : "");
                put_path(t->rows[i], b);
        }
        strbuf_puts(b, "},\"definitions\":{");
        openapi_put_schemas(t, NULL, NULL, OPENAPI_V2, b);
        strbuf_puts(b, "}}\n");
}

/* --- As protobuf: gnostic's openapi.v2.Document, as much of it as kubectl asks for --- */

static void put_varint(StrBuf *b, uint64_t v) {
        for (; v >= 0x80; v >>= 7)
                strbuf_putc(b, (char) (v | 0x80));
        strbuf_putc(b, (char) v);
}

static void put_bytes(StrBuf *b, unsigned number, const char *data, size_t size) {
        put_varint(b, number << 3 | 2);
        put_varint(b, size);
        strbuf_append(b, data, size);
}

static void put_message(StrBuf *b, unsigned number, const StrBuf *message) {
        put_bytes(b, number, message->data, message->size);
}

static void put_text(StrBuf *b, unsigned number, const char *s) {
        put_bytes(b, number, s, strlen(s));
}

/* One that is wrapped in the messages of those numbers, the innermost last. */
static void put_nested(StrBuf *b, const unsigned *numbers, size_t n, const StrBuf *message) {
        _cleanup_strbuf_ StrBuf outer = STRBUF_INIT(64 * KIB);

        if (n == 1) {
                put_message(b, numbers[0], message);
                return;
        }
        put_nested(&outer, numbers + 1, n - 1, message);
        put_message(b, numbers[0], &outer);
}

static void put_wire_parameter(StrBuf *operation, const char *name) {
        static const unsigned numbers[] = { 8, 1, 2, 3 }; /* parameters, parameter, nonBodyParameter, queryParameterSubSchema */
        _cleanup_strbuf_ StrBuf p = STRBUF_INIT(KIB);

        put_text(&p, 2, "query");
        put_text(&p, 4, name);
        put_text(&p, 6, "string");
        put_nested(operation, numbers, ELEMENTSOF(numbers), &p);
}

static void put_wire_path(StrBuf *paths, const KubeResource *r) {
        _cleanup_strbuf_ StrBuf operation = STRBUF_INIT(16 * KIB), item = STRBUF_INIT(16 * KIB), named = STRBUF_INIT(16 * KIB);
        _cleanup_strbuf_ StrBuf any = STRBUF_INIT(KIB), extension = STRBUF_INIT(KIB), text = STRBUF_INIT(KIB);

        for (size_t i = 0; i < ELEMENTSOF(parameters); i++)
                put_wire_parameter(&operation, parameters[i]);
        strbuf_printf(&text, "group: \"%s\"\nkind: %s\nversion: %s\n", r->group, r->kind, r->version);
        put_text(&any, 2, strbuf_str(&text));
        put_text(&extension, 1, "x-kubernetes-group-version-kind");
        put_message(&extension, 2, &any);
        put_message(&operation, 13, &extension);
        put_message(&item, 8, &operation); /* patch */
        strbuf_clear(&text);
        put_address(r, &text);
        put_text(&named, 1, strbuf_str(&text));
        put_message(&named, 2, &item);
        put_message(paths, 2, &named);
}

static void put_wire_document(const KubeTable *t, StrBuf *b) {
        _cleanup_strbuf_ StrBuf info = STRBUF_INIT(KIB), paths = STRBUF_INIT(OPENAPI_DOCUMENT_MAX);

        put_text(b, 1, "2.0");
        put_text(&info, 1, "Kubernetes");
        put_text(&info, 2, KUBERNETES_VERSION KUBESIM_VERSION);
        put_message(b, 2, &info);
        for (size_t i = 0; i < t->n; i++)
                if (!t->rows[i]->read_only)
                        put_wire_path(&paths, t->rows[i]);
        put_message(b, 8, &paths);
}

int handle_openapi_v2(HttpRequest *req, void *userdata, Error *reterr) {
        bool wire = strstr(strempty(http_request_header(req, "Accept")), "protobuf");
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(OPENAPI_DOCUMENT_MAX);
        const KubeTable *t;
        int r;

        r = kube_table(userdata, &t, reterr);
        if (r < 0)
                return r;
        if (wire)
                put_wire_document(t, &b);
        else
                put_document(t, &b);
        return http_reply(req, 200, wire ? WIRE_TYPE : KUBE_JSON, &b, t->revision);
}
