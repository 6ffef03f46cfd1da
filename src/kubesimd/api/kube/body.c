/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of requests: JSON, YAML, Kubernetes protobuf. */
#include "basic/error.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/protobuf.h"
#include "kubesimd/api/kube/write.h"

#define DUPLICATES_MAX 16

/* Members that were there twice, until the tree is whole and their paths can be told. */
typedef struct Duplicates {
        struct {
                const Json *object;
                const char *key;
        } found[DUPLICATES_MAX];
        size_t n;
} Duplicates;

static void note_duplicate(const Json *object, const char *key, void *userdata) {
        Duplicates *d = userdata;

        if (d->n < DUPLICATES_MAX) {
                d->found[d->n].object = object;
                d->found[d->n++].key = key;
        }
}

static void put_path(StrBuf *b, const Json *v) {
        size_t i = 0;

        if (!v->parent)
                return;
        put_path(b, v->parent);
        if (v->key) {
                strbuf_puts(b, v->key);
                if (v->type == JSON_OBJECT)
                        strbuf_putc(b, '.');
                return;
        }
        for (const Json *p = v->prev; p; p = p->prev)
                i++;
        strbuf_printf(b, "[%zu].", i);
}

static int read_json(KubeWrite *w, char *text, size_t size, Json **ret, Error *reterr) {
        Duplicates duplicates = {};
        int r;

        w->arena.duplicate = note_duplicate;
        w->arena.userdata = &duplicates;
        r = json_tree_parse(&w->arena, text, size, ret, reterr);
        w->arena.duplicate = NULL;
        for (size_t i = 0; r >= 0 && i < duplicates.n; i++) {
                strbuf_printf(&w->strict, "%sduplicate field \"", w->strict.size > 0 ? ", " : "");
                put_path(&w->strict, duplicates.found[i].object);
                strbuf_printf(&w->strict, "%s\"", duplicates.found[i].key);
        }
        return r;
}

static bool is_type(const char *given, const char *type) {
        const char *rest = startswith(given, type);

        return rest && (*rest == '\0' || *rest == ';' || *rest == ' ');
}

int write_read_body(KubeWrite *w, Json **ret, Error *reterr) {
        const char *type = http_request_header(w->req, "Content-Type");
        size_t size;
        char *text = http_request_body(w->req, &size);

        *ret = NULL;
        if (size == 0)
                return 0;
        if (isempty(type) || is_type(type, "application/json") || is_type(type, "application/apply-patch+yaml") || strstr(type, "patch+json"))
                return read_json(w, text, size, ret, reterr);
        if (is_type(type, "application/vnd.kubernetes.protobuf"))
                return protobuf_read(&w->arena, text, size, ret, reterr);
        return error_set(reterr, -EPROTOTYPE, "the body of the request was in an unknown format - accepted media types include: application/json, "
                         "application/vnd.kubernetes.protobuf");
}
