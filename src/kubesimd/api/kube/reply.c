/* SPDX-License-Identifier: Apache-2.0 */
/* The form of answers: JSON, or YAML for people. */
#include "basic/string-util.h"
#include "kubesimd/api/kube/kube.h"
#include "kubesimd/api/kube/yaml.h"

#define ARENA_MAX (128 * MIB)
#define YAML_MAX (64 * MIB)

bool kube_wants_yaml(HttpRequest *req) {
        const char *accept = strempty(http_request_header(req, "Accept")), *rest = startswith(accept + strspn(accept, " "), KUBE_YAML);

        return rest && (*rest == '\0' || strchr(",; ", *rest));
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
