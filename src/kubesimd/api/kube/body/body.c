/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of requests: JSON, YAML, Kubernetes protobuf. */
#include "basic/error.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/body/protobuf.h"
#include "kubesimd/api/kube/body/yaml.h"
#include "kubesimd/api/kube/write.h"

#define APPLY_PATCH "application/apply-patch+yaml"
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

static void tell_duplicates(KubeWrite *w, const Duplicates *d) {
        for (size_t i = 0; i < d->n; i++) {
                strbuf_printf(&w->strict, "%sduplicate field \"", w->strict.size > 0 ? ", " : "");
                put_path(&w->strict, d->found[i].object);
                strbuf_printf(&w->strict, "%s\"", d->found[i].key);
        }
}

static int read_json(KubeWrite *w, char *text, size_t size, Json **ret, Error *reterr) {
        Duplicates duplicates = {};
        int r;

        w->arena.duplicate = note_duplicate;
        w->arena.userdata = &duplicates;
        r = json_tree_parse(&w->arena, text, size, ret, reterr);
        w->arena.duplicate = NULL;
        if (r >= 0)
                tell_duplicates(w, &duplicates);
        return r;
}

/* JSON is YAML too, and what all programs send: it is read as such when it looks like it. The JSON reader works in place, so that what
 * turns out to be no JSON is needed once more. */
static int read_yaml(KubeWrite *w, char *text, size_t size, Json **ret, Error *reterr) {
        Duplicates duplicates = {};
        char *copy;
        int r;

        if (text[strspn(text, " \t\r\n")] == '{') {
                copy = json_arena_copy(&w->arena, text, size);
                if (!copy)
                        return error_set(reterr, json_arena_error(&w->arena), "out of memory");
                r = read_json(w, copy, size, ret, NULL);
                if (r != -EBADMSG)
                        return r < 0 ? error_set(reterr, r, r == -ENOMEM ? "out of memory" : "the document has too many values") : r;
        }
        w->arena.duplicate = note_duplicate;
        w->arena.userdata = &duplicates;
        r = yaml_parse(&w->arena, text, size, ret, reterr);
        w->arena.duplicate = NULL;
        if (r >= 0)
                tell_duplicates(w, &duplicates);
        return r;
}

static bool is_type(const char *given, const char *type) {
        const char *rest = startswith(given, type);

        return rest && (*rest == '\0' || *rest == ';' || *rest == ' ');
}

static bool is_yaml(const char *type) {
        return is_type(type, "application/yaml") || is_type(type, "application/x-yaml") || is_type(type, "text/yaml") || is_type(type, "text/x-yaml");
}

int write_read_body(KubeWrite *w, Json **ret, Error *reterr) {
        const char *type = http_request_header(w->req, "Content-Type");
        size_t size;
        char *text = http_request_body(w->req, &size);
        int r;

        *ret = NULL;
        if (size == 0)
                return 0;
        if (isempty(type) || is_type(type, "application/json")) {
                r = read_json(w, text, size, ret, reterr);
                if (r == -EBADMSG)
                        (void) error_prefix(reterr, "couldn't get version/kind; json parse error");
                return r;
        }
        if (strstr(type, "patch+json"))
                return read_json(w, text, size, ret, reterr);
        if (is_type(type, "application/vnd.kubernetes.protobuf"))
                return protobuf_read(&w->arena, text, size, ret, reterr);
        if (is_type(type, APPLY_PATCH)) {
                r = read_yaml(w, text, size, ret, reterr);
                (void) error_prefix(reterr, "error decoding YAML: error converting YAML to JSON");
                return r;
        }
        if (is_yaml(type)) {
                r = read_yaml(w, text, size, ret, reterr);
                (void) error_prefix(reterr, "error decoding YAML");
                return r;
        }
        return error_set(reterr, -EPROTOTYPE, "the body of the request was in an unknown format - accepted media types include: application/json, "
                         "application/yaml, application/vnd.kubernetes.protobuf");
}
