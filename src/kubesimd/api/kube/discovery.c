/* SPDX-License-Identifier: Apache-2.0 */
/* What there is: the legacy documents, and the aggregated one that kubectl asks for since 1.27. */
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/kube.h"
#include "kubesimd/api/kube/resource.h"

#define AGGREGATED "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
#define AGGREGATED_BETA "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"

/* Which aggregated form the client takes; NULL: the legacy one. */
static const char *aggregated_form(HttpRequest *req) {
        const char *accept = http_request_header(req, "Accept");

        if (!accept || !strstr(accept, "as=APIGroupDiscoveryList"))
                return NULL;
        return strstr(accept, "v=v2;") ? AGGREGATED : AGGREGATED_BETA;
}

static void put_verbs(const KubeResource *r, StrBuf *b) {
        strbuf_printf(b, "[%s\"get\",\"list\"%s]", r->deletable ? "\"delete\"," : "", r->each ? "" : ",\"watch\"");
}

static void put_names(const KubeResource *r, StrBuf *b) {
        strbuf_printf(b, ",\"shortNames\":[\"%s\"]", r->short_name);
        if (r->category)
                strbuf_printf(b, ",\"categories\":[\"%s\"]", r->category);
        strbuf_puts(b, ",\"verbs\":");
        put_verbs(r, b);
}

static void put_aggregated(const KubeResource *r, StrBuf *b) {
        strbuf_printf(b, "{\"resource\":\"%s\",\"singularResource\":\"%s\",\"scope\":\"%s\","
                      "\"responseKind\":{\"group\":\"\",\"version\":\"v1\",\"kind\":\"%s\"}",
                      r->plural, r->singular, r->namespaced ? "Namespaced" : "Cluster", r->kind);
        put_names(r, b);
        strbuf_putc(b, '}');
}

static void put_legacy(const KubeResource *r, StrBuf *b) {
        strbuf_printf(b, "{\"name\":\"%s\",\"singularName\":\"%s\",\"namespaced\":%s,\"kind\":\"%s\"", r->plural, r->singular,
                      r->namespaced ? "true" : "false", r->kind);
        put_names(r, b);
        strbuf_putc(b, '}');
}

static void put_all(void (*put)(const KubeResource *r, StrBuf *b), StrBuf *b) {
        for (size_t i = 0; i < kube_resource_count(); i++) {
                if (i > 0)
                        strbuf_putc(b, ',');
                put(kube_resource_get(i), b);
        }
}

static int reply_aggregated(HttpRequest *req, const char *form, bool core) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);

        strbuf_printf(&b, "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/%s\",\"metadata\":{},\"items\":[",
                      streq(form, AGGREGATED) ? "v2" : "v2beta1");
        if (core) {
                strbuf_puts(&b, "{\"metadata\":{\"creationTimestamp\":null},\"versions\":[{\"version\":\"v1\",\"freshness\":\"Current\",\"resources\":[");
                put_all(put_aggregated, &b);
                strbuf_puts(&b, "]}]}");
        }
        strbuf_puts(&b, "]}\n");
        return http_reply(req, 200, form, &b, 0);
}

int handle_kube_versions(HttpRequest *req, void *userdata _unused_, Error *reterr _unused_) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(KIB);
        const char *form = aggregated_form(req);

        if (form)
                return reply_aggregated(req, form, true);
        strbuf_puts(&b, "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"],\"serverAddressByClientCIDRs\":[]}\n");
        return http_reply(req, 200, KUBE_JSON, &b, 0);
}

int handle_kube_groups(HttpRequest *req, void *userdata _unused_, Error *reterr _unused_) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(KIB);
        const char *form = aggregated_form(req);

        if (form)
                return reply_aggregated(req, form, false);
        strbuf_puts(&b, "{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[]}\n");
        return http_reply(req, 200, KUBE_JSON, &b, 0);
}

int handle_kube_resources(HttpRequest *req, void *userdata _unused_, Error *reterr _unused_) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);

        strbuf_puts(&b, "{\"kind\":\"APIResourceList\",\"groupVersion\":\"v1\",\"resources\":[");
        put_all(put_legacy, &b);
        strbuf_puts(&b, "]}\n");
        return http_reply(req, 200, KUBE_JSON, &b, 0);
}
