/* SPDX-License-Identifier: Apache-2.0 */
/* Paths of the Kubernetes API. What is understood can be put together again, and is understood as the same. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "basic/string-util.h"
#include "kubesimd/api/kube/path.h"

/* The path that names it, from its parts. */
static bool put_together(const KubePath *p, char *buf, size_t size) {
        const KubeResource *r = p->resource;

        return snprintf(buf, size, "%s%s/%s%s%s%s/%s%s%s%s%s", *r->group ? "/apis/" : "/api", r->group, r->version, p->watch ? "/watch" : "",
                        p->namespace ? "/namespaces/" : "", strempty(p->namespace), r->plural, p->name ? "/" : "", strempty(p->name),
                        p->subresource ? "/" : "", strempty(p->subresource)) < (int) size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char text[2048], again[4096];
        KubePath p, q;

        if (size >= sizeof(text))
                return 0;
        memcpy(text, data, size);
        text[size] = '\0';
        if (kube_parse_path(text, NULL, &p, NULL) < 0)
                return 0;
        assert(p.resource && (!p.subresource || (p.name && !p.watch)) && (!p.namespace || p.resource->namespaced) && strlen(p.key) < sizeof(p.key));
        assert(!p.name || p.key[0] != '\0');
        if (!put_together(&p, again, sizeof(again)) || strlen(again) >= sizeof(p.buffer))
                return 0;
        assert(kube_parse_path(again, NULL, &q, NULL) >= 0);
        assert(q.resource == p.resource && streq_ptr(q.namespace, p.namespace) && streq_ptr(q.name, p.name) && streq_ptr(q.subresource, p.subresource));
        assert(streq(q.key, p.key) && q.watch == p.watch);
        return 0;
}
