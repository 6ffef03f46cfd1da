/* SPDX-License-Identifier: Apache-2.0 */
/* What there is: the legacy documents, and the aggregated one that kubectl asks for since 1.27. */
#include "basic/error.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/custom/custom.h"
#include "kubesimd/api/kube/kube.h"
#include "kubesimd/api/kube/types/resource.h"

#define DOCUMENT_MAX (4 * MIB)
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
        if (r->create_only)
                strbuf_puts(b, "[\"create\"]");
        else if (r->read_only)
                strbuf_puts(b, "[\"get\",\"list\"]");
        else
                strbuf_printf(b, "[\"create\",\"delete\",%s\"get\",\"list\",\"patch\",\"update\",\"watch\"]",
                              r->no_deletecollection ? "" : "\"deletecollection\",");
}

/* "a,b" as ["a","b"]. */
static void put_words(const char *key, const char *words, StrBuf *b) {
        if (!words)
                return;
        strbuf_printf(b, ",\"%s\":[\"", key);
        for (; *words; words++)
                if (*words == ',')
                        strbuf_puts(b, "\",\"");
                else
                        strbuf_putc(b, *words);
        strbuf_puts(b, "\"]");
}

static void put_names(const KubeResource *r, StrBuf *b) {
        put_words("shortNames", r->short_names, b);
        put_words("categories", r->category, b);
        strbuf_puts(b, ",\"verbs\":");
        put_verbs(r, b);
}

/* Subresources that are of another kind than what they belong to. */
static const struct {
        const char *name, *group, *version, *kind, *verbs;
} subresources[] = {
        { "binding", "", "v1", "Binding", "[\"create\"]" },
        { "ephemeralcontainers", NULL, NULL, NULL, "[\"get\",\"patch\",\"update\"]" },
        { "eviction", "policy", "v1", "Eviction", "[\"create\"]" },
        { "log", NULL, NULL, NULL, "[\"get\"]" },
        { "finalize", NULL, NULL, NULL, "[\"update\"]" },
        { "scale", "autoscaling", "v1", "Scale", "[\"get\",\"patch\",\"update\"]" },
        { "token", "authentication.k8s.io", "v1", "TokenRequest", "[\"create\"]" },
        { "status", NULL, NULL, NULL, "[\"get\",\"patch\",\"update\"]" },
};

static void put_aggregated(const KubeResource *r, StrBuf *b) {
        bool first = true;

        strbuf_printf(b, "{\"resource\":\"%s\",\"singularResource\":\"%s\",\"scope\":\"%s\","
                      "\"responseKind\":{\"group\":\"%s\",\"version\":\"%s\",\"kind\":\"%s\"}",
                      r->plural, r->singular, r->namespaced ? "Namespaced" : "Cluster", r->group, r->version, r->kind);
        put_names(r, b);
        for (size_t i = 0; r->subresources && i < ELEMENTSOF(subresources); i++) {
                if (!kube_resource_has(r, subresources[i].name))
                        continue;
                strbuf_puts(b, first ? ",\"subresources\":[" : ",");
                first = false;
                strbuf_printf(b, "{\"subresource\":\"%s\",\"responseKind\":{\"group\":\"%s\",\"version\":\"%s\",\"kind\":\"%s\"},\"verbs\":%s}",
                              subresources[i].name, subresources[i].kind ? subresources[i].group : r->group,
                              subresources[i].kind ? subresources[i].version : r->version, subresources[i].kind ?: r->kind, subresources[i].verbs);
        }
        strbuf_puts(b, first ? "}" : "]}");
}

static void put_legacy(const KubeResource *r, StrBuf *b) {
        strbuf_printf(b, "{\"name\":\"%s\",\"singularName\":\"%s\",\"namespaced\":%s,\"kind\":\"%s\"", r->plural, r->singular,
                      r->namespaced ? "true" : "false", r->kind);
        put_names(r, b);
        strbuf_putc(b, '}');
        for (size_t i = 0; r->subresources && i < ELEMENTSOF(subresources); i++) {
                if (!kube_resource_has(r, subresources[i].name))
                        continue;
                strbuf_printf(b, ",{\"name\":\"%s/%s\",\"singularName\":\"\",\"namespaced\":%s,", r->plural, subresources[i].name,
                              r->namespaced ? "true" : "false");
                if (subresources[i].kind)
                        strbuf_printf(b, "\"group\":\"%s\",\"version\":\"%s\",", subresources[i].group, subresources[i].version);
                strbuf_printf(b, "\"kind\":\"%s\",\"verbs\":%s}", subresources[i].kind ?: r->kind, subresources[i].verbs);
        }
}

/* Those of one group and version, with commas between. */
static void put_resources(const KubeTable *t, const char *group, const char *version, void (*put)(const KubeResource *r, StrBuf *b), StrBuf *b) {
        bool first = true;

        for (size_t i = 0; i < t->n; i++) {
                const KubeResource *r = t->rows[i];

                if (!streq(r->group, group) || !streq(r->version, version))
                        continue;
                if (!first)
                        strbuf_putc(b, ',');
                first = false;
                put(r, b);
        }
}

/* The group of the i-th resource if none before has it, else NULL: goes over each group once. */
static const char *new_group(const KubeTable *t, size_t i) {
        for (size_t k = 0; k < i; k++)
                if (streq(t->rows[k]->group, t->rows[i]->group))
                        return NULL;
        return t->rows[i]->group;
}

/* The same for versions of that group, the preferred one first. */
static const char *new_version(const KubeTable *t, const char *group, size_t i) {
        const KubeResource *r = t->rows[i];

        if (!streq(r->group, group))
                return NULL;
        for (size_t k = 0; k < i; k++)
                if (streq(t->rows[k]->group, group) && streq(t->rows[k]->version, r->version))
                        return NULL;
        return r->version;
}

static void put_version(const KubeTable *t _unused_, const char *group, const char *version, StrBuf *b) {
        strbuf_printf(b, "{\"groupVersion\":\"%s%s%s\",\"version\":\"%s\"}", group, *group ? "/" : "", version, version);
}

static void put_aggregated_version(const KubeTable *t, const char *group, const char *version, StrBuf *b) {
        strbuf_printf(b, "{\"version\":\"%s\",\"freshness\":\"Current\",\"resources\":[", version);
        put_resources(t, group, version, put_aggregated, b);
        strbuf_puts(b, "]}");
}

static void put_versions(const KubeTable *t, const char *group, void (*put)(const KubeTable *t, const char *group, const char *version, StrBuf *b), StrBuf *b) {
        bool first = true;

        for (size_t i = 0; i < t->n; i++) {
                const char *version = new_version(t, group, i);

                if (!version)
                        continue;
                if (!first)
                        strbuf_putc(b, ',');
                first = false;
                put(t, group, version, b);
        }
}

static void put_group(const KubeTable *t, const char *group, StrBuf *b) {
        strbuf_printf(b, "\"name\":\"%s\",\"versions\":[", group);
        put_versions(t, group, put_version, b);
        strbuf_puts(b, "],\"preferredVersion\":");
        for (size_t i = 0; i < t->n; i++)
                if (streq(t->rows[i]->group, group)) {
                        put_version(t, group, t->rows[i]->version, b);
                        break;
                }
}

static void put_aggregated_group(const KubeTable *t, const char *group, StrBuf *b) {
        strbuf_puts(b, "{\"metadata\":{");
        if (*group)
                strbuf_printf(b, "\"name\":\"%s\",", group);
        strbuf_puts(b, "\"creationTimestamp\":null},\"versions\":[");
        put_versions(t, group, put_aggregated_version, b);
        strbuf_puts(b, "]}");
}

static void put_legacy_group(const KubeTable *t, const char *group, StrBuf *b) {
        strbuf_putc(b, '{');
        put_group(t, group, b);
        strbuf_putc(b, '}');
}

/* The core group, or all the others. */
static void put_groups(const KubeTable *t, bool core, void (*put)(const KubeTable *t, const char *group, StrBuf *b), StrBuf *b) {
        bool first = true;

        for (size_t i = 0; i < t->n; i++) {
                const char *group = new_group(t, i);

                if (!group || core != (*group == '\0'))
                        continue;
                if (!first)
                        strbuf_putc(b, ',');
                first = false;
                put(t, group, b);
        }
}

/* The core group, or all the others: in the aggregated form to those who take it, else as `put` has it. */
static int reply_root(HttpRequest *req, ApiContext *api, bool core, void (*put)(const KubeTable *t, StrBuf *b), Error *reterr) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(DOCUMENT_MAX);
        const char *form = aggregated_form(req);
        const KubeTable *t;
        int r;

        r = kube_table(api, &t, reterr);
        if (r < 0)
                return r;
        if (!form) {
                put(t, &b);
                return kube_reply(req, 200, &b, t->revision);
        }
        strbuf_printf(&b, "{\"kind\":\"APIGroupDiscoveryList\",\"apiVersion\":\"apidiscovery.k8s.io/%s\",\"metadata\":{},\"items\":[",
                      streq(form, AGGREGATED) ? "v2" : "v2beta1");
        put_groups(t, core, put_aggregated_group, &b);
        strbuf_puts(&b, "]}\n");
        return http_reply(req, 200, form, &b, t->revision);
}

static void put_core_versions(const KubeTable *t _unused_, StrBuf *b) {
        strbuf_puts(b, "{\"kind\":\"APIVersions\",\"versions\":[\"v1\"],\"serverAddressByClientCIDRs\":[]}\n");
}

static void put_group_list(const KubeTable *t, StrBuf *b) {
        strbuf_puts(b, "{\"kind\":\"APIGroupList\",\"apiVersion\":\"v1\",\"groups\":[");
        put_groups(t, false, put_legacy_group, b);
        strbuf_puts(b, "]}\n");
}

int handle_kube_versions(HttpRequest *req, void *userdata, Error *reterr) {
        return reply_root(req, userdata, true, put_core_versions, reterr);
}

int handle_kube_groups(HttpRequest *req, void *userdata, Error *reterr) {
        return reply_root(req, userdata, false, put_group_list, reterr);
}

static bool group_exists(const KubeTable *t, const char *group) {
        for (size_t i = 0; i < t->n; i++)
                if (streq(t->rows[i]->group, group))
                        return true;
        return false;
}

int handle_kube_group(HttpRequest *req, void *userdata, Error *reterr) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(DOCUMENT_MAX);
        const char *group = http_request_param(req, 0);
        const KubeTable *t;
        int r;

        r = kube_table(userdata, &t, reterr);
        if (r < 0)
                return r;
        if (!group_exists(t, group))
                return error_set(reterr, -ENOENT, "the server could not find the requested resource");
        strbuf_puts(&b, "{\"kind\":\"APIGroup\",\"apiVersion\":\"v1\",");
        put_group(t, group, &b);
        strbuf_puts(&b, "}\n");
        return kube_reply(req, 200, &b, t->revision);
}

static bool version_exists(const KubeTable *t, const char *group, const char *version) {
        for (size_t i = 0; i < t->n; i++)
                if (streq(t->rows[i]->group, group) && streq(t->rows[i]->version, version))
                        return true;
        return false;
}

static int reply_resources(HttpRequest *req, ApiContext *api, const char *group, const char *version, Error *reterr) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(DOCUMENT_MAX);
        const KubeTable *t;
        int r;

        r = kube_table(api, &t, reterr);
        if (r < 0)
                return r;
        if (!version_exists(t, group, version))
                return error_set(reterr, -ENOENT, "the server could not find the requested resource");
        strbuf_printf(&b, "{\"kind\":\"APIResourceList\",\"apiVersion\":\"v1\",\"groupVersion\":\"%s%s%s\",\"resources\":[", group, *group ? "/" : "",
                      version);
        put_resources(t, group, version, put_legacy, &b);
        strbuf_puts(&b, "]}\n");
        return kube_reply(req, 200, &b, t->revision);
}

int handle_kube_resources(HttpRequest *req, void *userdata, Error *reterr) {
        return reply_resources(req, userdata, "", "v1", reterr);
}

int handle_kube_group_resources(HttpRequest *req, void *userdata, Error *reterr) {
        return reply_resources(req, userdata, http_request_param(req, 0), http_request_param(req, 1), reterr);
}

static void put_path(const char *path, const char *group, const char *version, StrBuf *b) {
        strbuf_printf(b, ",\"%s%s%s%s%s\"", path, *group ? "/" : "", group, *version ? "/" : "", version);
}

int handle_kube_paths(HttpRequest *req, void *userdata, Error *reterr) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(DOCUMENT_MAX);
        const KubeTable *t;
        int r;

        r = kube_table(userdata, &t, reterr);
        if (r < 0)
                return r;
        strbuf_puts(&b, "{\"paths\":[\"/api\",\"/api/v1\",\"/apis\"");
        for (size_t i = 0; i < t->n; i++) {
                const char *group = new_group(t, i);

                if (isempty(group))
                        continue;
                put_path("/apis", group, "", &b);
                for (size_t k = 0; k < t->n; k++)
                        if (new_version(t, group, k))
                                put_path("/apis", group, new_version(t, group, k), &b);
        }
        strbuf_puts(&b, ",\"/healthz\",\"/livez\",\"/metrics\",\"/openapi/v2\",\"/openapi/v3\",\"/readyz\",\"/version\"]}\n");
        return kube_reply(req, 200, &b, t->revision);
}
