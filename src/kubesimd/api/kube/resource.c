/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/resource.h"

#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "basic/time-util.h"

static const KubeResource *const resources[] = { &kube_events, &kube_namespaces, &kube_nodes, &kube_pods, &kube_leases };

size_t kube_resource_count(void) {
        return ELEMENTSOF(resources);
}

const KubeResource *kube_resource_get(size_t i) {
        assert(i < ELEMENTSOF(resources));
        return resources[i];
}

const KubeResource *kube_resource_find(const char *group, const char *version, const char *plural) {
        for (size_t i = 0; i < ELEMENTSOF(resources); i++)
                if (streq(resources[i]->group, group) && streq(version, "v1") && streq(resources[i]->plural, plural))
                        return resources[i];
        return NULL;
}

void kube_put_time(StrBuf *b, usec_t realtime) {
        json_put_time(b, realtime - realtime % USEC_PER_SEC);
}

void kube_put_metadata_head(const Object *o, uint64_t revision, StrBuf *b) {
        char uid[UUID_STRING_MAX];

        strbuf_puts(b, "{\"name\":");
        json_put_string(b, o->name);
        strbuf_puts(b, ",\"uid\":\"");
        strbuf_puts(b, uuid_to_string(o->uid, uid));
        strbuf_puts(b, "\",\"resourceVersion\":\"");
        strbuf_put_u64(b, revision);
        strbuf_puts(b, "\",\"creationTimestamp\":");
        kube_put_time(b, o->created);
}

void kube_put_cpu(StrBuf *b, int64_t milli) {
        strbuf_putc(b, '"');
        strbuf_put_i64(b, milli % 1000 == 0 ? milli / 1000 : milli);
        strbuf_puts(b, milli % 1000 == 0 ? "\"" : "m\"");
}

/* Two units while the larger one is small, one after. */
void kube_put_age(StrBuf *b, usec_t since, usec_t now) {
        static const struct {
                uint64_t below;       /* seconds */
                uint64_t unit, rest;  /* seconds of each; rest 0: not shown */
                char unit_name, rest_name;
        } steps[] = {
                { 120, 1, 0, 's', 0 },
                { 600, 60, 1, 'm', 's' },
                { 180 * 60, 60, 0, 'm', 0 },
                { 8 * 3600, 3600, 60, 'h', 'm' },
                { 48 * 3600, 3600, 0, 'h', 0 },
                { 8 * 86400, 86400, 3600, 'd', 'h' },
                { 2 * 365 * 86400, 86400, 0, 'd', 0 },
                { 8ULL * 365 * 86400, 365 * 86400, 86400, 'y', 'd' },
                { UINT64_MAX, 365 * 86400, 0, 'y', 0 },
        };
        uint64_t s = now > since ? (now - since) / USEC_PER_SEC : 0;
        size_t i = 0;

        while (s >= steps[i].below)
                i++;
        strbuf_printf(b, "\"%llu%c", (unsigned long long) (s / steps[i].unit), steps[i].unit_name);
        if (steps[i].rest > 0 && s % steps[i].unit / steps[i].rest > 0)
                strbuf_printf(b, "%llu%c", (unsigned long long) (s % steps[i].unit / steps[i].rest), steps[i].rest_name);
        strbuf_putc(b, '"');
}

void kube_put_condition(StrBuf *b, const char *type, const char *status, usec_t since, const char *reason, const char *message) {
        strbuf_printf(b, "{\"type\":\"%s\",\"status\":\"%s\",\"lastTransitionTime\":", type, status);
        kube_put_time(b, since);
        if (reason) {
                strbuf_puts(b, ",\"reason\":");
                json_put_string(b, reason);
        }
        if (message) {
                strbuf_puts(b, ",\"message\":");
                json_put_string(b, message);
        }
        strbuf_putc(b, '}');
}
