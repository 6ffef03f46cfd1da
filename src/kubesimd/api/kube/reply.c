/* SPDX-License-Identifier: Apache-2.0 */
/* The form of answers: JSON, or YAML for people. */
#include "basic/string-util.h"
#include "kubesimd/api/kube/body/yaml.h"
#include "kubesimd/api/kube/kube.h"

#define ARENA_MAX (128 * MIB)
#define YAML_MAX (64 * MIB)

static const char *form_of(const char *range, size_t size) {
        static const char *const forms[][2] = {
                { KUBE_JSON, KUBE_JSON }, { "application/*", KUBE_JSON }, { "*/*", KUBE_JSON }, { KUBE_YAML, KUBE_YAML },
        };

        for (size_t i = 0; i < ELEMENTSOF(forms); i++)
                if (strlen(forms[i][0]) == size && strncmp(range, forms[i][0], size) == 0)
                        return forms[i][1];
        return NULL;
}

/* A parameter of a range; "" when it has none of that name. */
static size_t find_parameter(const char *range, size_t size, const char *name, const char **ret) {
        for (const char *p = memchr(range, ';', size); p; p = memchr(p, ';', (size_t) (range + size - p))) {
                size_t n;

                p++;
                p += strspn(p, " ");
                n = strcspn(p, "=,;");
                if (p[n] != '=' || strlen(name) != n || strncmp(p, name, n) != 0)
                        continue;
                *ret = p + n + 1;
                return strcspn(*ret, " ,;");
        }
        *ret = "";
        return 0;
}

/* Can objects be shown as what it asks for (as=, g=, v=)? Kubernetes documentation, "Alternate representations of resources". */
static bool has_representation(const char *range, size_t size) {
        static const struct {
                const char *name, *values[4];
        } parameters[] = {
                { "as", { "Table", "PartialObjectMetadata", "PartialObjectMetadataList" } }, { "g", { "meta.k8s.io" } }, { "v", { "v1", "v1beta1" } },
        };
        const char *value;

        if (find_parameter(range, size, "as", &value) == 0)
                return true;
        for (size_t i = 0; i < ELEMENTSOF(parameters); i++) {
                size_t n = find_parameter(range, size, parameters[i].name, &value);
                bool known = false;

                for (const char *const *v = parameters[i].values; *v; v++)
                        known |= strlen(*v) == n && strncmp(*v, value, n) == 0;
                if (!known)
                        return false;
        }
        return true;
}

const char *kube_find_form(HttpRequest *req) {
        const char *accept = http_request_header(req, "Accept"), *form = isempty(accept) ? KUBE_JSON : NULL;

        for (const char *p = strempty(accept); *p && !form; p += strcspn(p, ",")) {
                p += strspn(p, ", ");
                form = has_representation(p, strcspn(p, ",")) ? form_of(p, strcspn(p, ",; ")) : NULL;
        }
        return form;
}

bool kube_wants_yaml(HttpRequest *req) {
        return streq_ptr(kube_find_form(req), KUBE_YAML);
}

const char *kube_put_form(HttpRequest *req, StrBuf *b) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(ARENA_MAX);
        StrBuf yaml = STRBUF_INIT(YAML_MAX);
        Json *v;

        if (strbuf_error(b) < 0 || !kube_wants_yaml(req))
                return KUBE_JSON;
        if (json_tree_parse(&a, b->data, b->size, &v, NULL) >= 0)
                yaml_put(&yaml, v);
        else
                yaml.error = json_arena_error(&a) ?: -ENOMEM; /* what we have written is JSON */
        strbuf_done(b);
        *b = yaml;
        return KUBE_YAML;
}

int kube_reply(HttpRequest *req, unsigned status, StrBuf *b, uint64_t mark) {
        const char *type = kube_put_form(req, b);

        return http_reply(req, status, type, b, mark);
}
