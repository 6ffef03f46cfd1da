/* SPDX-License-Identifier: Apache-2.0 */
/* What there is: the legacy documents, and the aggregated one that kubectl asks for since 1.27. */
#include "basic/error.h"
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
        if (r->short_name)
                strbuf_printf(b, ",\"shortNames\":[\"%s\"]", r->short_name);
        if (r->category)
                strbuf_printf(b, ",\"categories\":[\"%s\"]", r->category);
        strbuf_puts(b, ",\"verbs\":");
        put_verbs(r, b);
}

static void put_aggregated(const KubeResource *r, StrBuf *b) {
        strbuf_printf(b, "{\"resource\":\"%s\",\"singularResource\":\"%s\",\"scope\":\"%s\","
                      "\"responseKind\":{\"group\":\"%s\",\"version\":\"v1\",\"kind\":\"%s\"}",
                      r->plural, r->singular, r->namespace ? "Namespaced" : "Cluster", r->group, r->kind);
        put_names(r, b);
        strbuf_putc(b, '}');
}

static void put_legacy(const KubeResource *r, StrBuf *b) {
        strbuf_printf(b, "{\"name\":\"%s\",\"singularName\":\"%s\",\"namespaced\":%s,\"kind\":\"%s\"", r->plural, r->singular,
                      r->namespace ? "true" : "false", r->kind);
        put_names(r, b);
        strbuf_putc(b, '}');
}

/* Those of one group, with commas between. */
static void put_resources(const char *group, void (*put)(const KubeResource *r, StrBuf *b), StrBuf *b) {
        bool first = true;

        for (size_t i = 0; i < kube_resource_count(); i++) {
                if (!streq(kube_resource_get(i)->group, group))
                        continue;
                if (!first)
                        strbuf_putc(b, ',');
                first = false;
                put(kube_resource_get(i), b);
        }
}

/* The group of the i-th resource if none before has it, else NULL: goes over each group once. */
static const char *new_group(size_t i) {
        for (size_t k = 0; k < i; k++)
                if (streq(kube_resource_get(k)->group, kube_resource_get(i)->group))
                        return NULL;
        return kube_resource_get(i)->group;
}

static void put_group(const char *group, StrBuf *b) {
        strbuf_printf(b, "\"name\":\"%s\",\"versions\":[{\"groupVersion\":\"%s/v1\",\"version\":\"v1\"}],"
                      "\"preferredVersion\":{\"groupVersion\":\"%s/v1\",\"version\":\"v1\"}", group, group, group);
}

static void put_aggregated_group(const char *group, StrBuf *b) {
        strbuf_puts(b, "{\"metadata\":{");
        if (*group)
                strbuf_printf(b, "\"name\":\"%s\",", group);
        strbuf_puts(b, "\"creationTimestamp\":null},\"versions\":[{\"version\":\"v1\",\"freshness\":\"Current\",\"resources\":[");
        put_resources(group, put_aggregated, b);
        strbuf_puts(b, "]}]}");
}

static void put_legacy_group(const char *group, StrBuf *b) {
        strbuf_putc(b, '{');
        put_group(group, b);
        strbuf_putc(b, '}');
}

/* The core group, or all the others. */
static void put_groups(bool core, void (*put)(const char *group, StrBuf *b), StrBuf *b) {
        bool first = true;

        for (size_t i = 0; i < kube_resource_count(); i++) {
                const char *group = new_group(i);

                if (!group || core != (*group == '\0'))
                        continue;
                if (!first)
                        strbuf_putc(b, ',');
                first = false;
                put(group, b);
        }
}

static int reply_aggregated(HttpRequest *req, const char *form, bool core) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);

        strbuf_printf(&b, "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/%s\",\"metadata\":{},\"items\":[",
                      streq(form, AGGREGATED) ? "v2" : "v2beta1");
        put_groups(core, put_aggregated_group, &b);
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
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(64 * KIB);
        const char *form = aggregated_form(req);

        if (form)
                return reply_aggregated(req, form, false);
        strbuf_puts(&b, "{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[");
        put_groups(false, put_legacy_group, &b);
        strbuf_puts(&b, "]}\n");
        return http_reply(req, 200, KUBE_JSON, &b, 0);
}

static bool group_exists(const char *group) {
        for (size_t i = 0; i < kube_resource_count(); i++)
                if (streq(kube_resource_get(i)->group, group))
                        return true;
        return false;
}

int handle_kube_group(HttpRequest *req, void *userdata _unused_, Error *reterr) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(64 * KIB);
        const char *group = http_request_param(req, 0);

        if (!group_exists(group))
                return error_set(reterr, -ENOENT, "the server could not find the requested resource");
        strbuf_puts(&b, "{\"kind\":\"APIGroup\",\"apiVersion\":\"v1\",");
        put_group(group, &b);
        strbuf_puts(&b, "}\n");
        return http_reply(req, 200, KUBE_JSON, &b, 0);
}

static int reply_resources(HttpRequest *req, const char *group, const char *version, Error *reterr) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);

        if (!group_exists(group) || !streq(version, "v1"))
                return error_set(reterr, -ENOENT, "the server could not find the requested resource");
        strbuf_printf(&b, "{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":\"%s%s%s\",\"resources\":[", group, *group ? "/" : "",
                      version);
        put_resources(group, put_legacy, &b);
        strbuf_puts(&b, "]}\n");
        return http_reply(req, 200, KUBE_JSON, &b, 0);
}

int handle_kube_resources(HttpRequest *req, void *userdata _unused_, Error *reterr) {
        return reply_resources(req, "", "v1", reterr);
}

int handle_kube_group_resources(HttpRequest *req, void *userdata _unused_, Error *reterr) {
        return reply_resources(req, http_request_param(req, 0), http_request_param(req, 1), reterr);
}
