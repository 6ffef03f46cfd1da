/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimctl/manifest.h"

#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "basic/alloc-util.h"
#include "basic/fd-util.h"
#include "basic/string-util.h"

#define DEPTH_MAX 64

static bool is_any(const char *s, const char *const *words, size_t n) {
        for (size_t i = 0; i < n; i++)
                if (streq(words[i], s))
                        return true;
        return false;
}

/* What a plain scalar is, by the core schema of YAML 1.2 (10.3.2), as Kubernetes' own reader takes it. */
static json_object *plain_scalar(const char *s) {
        static const char *const nulls[] = { "", "~", "null", "Null", "NULL" }, *const yes[] = { "true", "True", "TRUE" }, *const no[] = { "false", "False", "FALSE" };
        const char *digits = s + (*s == '-' || *s == '+');
        char *end;

        if (is_any(s, nulls, ELEMENTSOF(nulls)))
                return NULL;
        if (is_any(s, yes, ELEMENTSOF(yes)))
                return json_object_new_boolean(true);
        if (is_any(s, no, ELEMENTSOF(no)))
                return json_object_new_boolean(false);
        if (*digits && strspn(digits, "0123456789") == strlen(digits) && strlen(digits) < 19)
                return json_object_new_int64(strtoll(s, NULL, 10));
        if (*digits && strspn(digits, "0123456789.eE+-") == strlen(digits) && (*digits >= '0' && *digits <= '9')) {
                double v = strtod(s, &end);

                if (*end == '\0')
                        return json_object_new_double_s(v, s);
        }
        return json_object_new_string(s);
}

static int convert(yaml_document_t *d, const yaml_node_t *n, unsigned depth, json_object **ret, Error *reterr);

static int convert_map(yaml_document_t *d, const yaml_node_t *n, unsigned depth, json_object *to, Error *reterr) {
        for (const yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top; p++) {
                const yaml_node_t *key = yaml_document_get_node(d, p->key), *value = yaml_document_get_node(d, p->value);
                json_object *v;
                int r;

                if (!key || key->type != YAML_SCALAR_NODE)
                        return error_set(reterr, -EINVAL, "line %zu: a key must be a word", n->start_mark.line + 1);
                r = convert(d, value, depth + 1, &v, reterr);
                if (r < 0)
                        return r;
                json_object_object_add(to, (const char*) key->data.scalar.value, v);
        }
        return 0;
}

static int convert_list(yaml_document_t *d, const yaml_node_t *n, unsigned depth, json_object *to, Error *reterr) {
        for (const yaml_node_item_t *i = n->data.sequence.items.start; i < n->data.sequence.items.top; i++) {
                json_object *v;
                int r;

                r = convert(d, yaml_document_get_node(d, *i), depth + 1, &v, reterr);
                if (r < 0)
                        return r;
                json_object_array_add(to, v);
        }
        return 0;
}

/* Aliases may make a small text a huge tree; the depth and the size of the text bound it, as there are none in manifests. */
static int convert(yaml_document_t *d, const yaml_node_t *n, unsigned depth, json_object **ret, Error *reterr) {
        json_object *o;
        int r;

        if (!n || depth > DEPTH_MAX)
                return error_set(reterr, -EINVAL, "it is nested too deeply");
        if (n->type == YAML_SCALAR_NODE) {
                const char *s = (const char*) n->data.scalar.value;

                *ret = n->data.scalar.style == YAML_PLAIN_SCALAR_STYLE ? plain_scalar(s) : json_object_new_string(s);
                return 0;
        }
        o = n->type == YAML_MAPPING_NODE ? json_object_new_object() : json_object_new_array();
        r = n->type == YAML_MAPPING_NODE ? convert_map(d, n, depth, o, reterr) : convert_list(d, n, depth, o, reterr);
        if (r < 0)
                json_object_put(o);
        else
                *ret = o;
        return r;
}

/* Does the text have an alias? They are for repetition, which a manifest has not; and a bomb is made of them. */
static int refuse_aliases(const char *text, size_t size, Error *reterr) {
        yaml_parser_t parser;
        yaml_event_t event;
        bool over = false;
        int r = 0;

        if (!yaml_parser_initialize(&parser))
                return error_set(reterr, -ENOMEM, "out of memory");
        yaml_parser_set_input_string(&parser, (const unsigned char*) text, size);
        while (!over && r >= 0) {
                if (!yaml_parser_parse(&parser, &event)) {
                        r = error_set(reterr, -EINVAL, "line %zu: %s", parser.problem_mark.line + 1, parser.problem ?: "it is no YAML");
                        break;
                }
                over = event.type == YAML_STREAM_END_EVENT;
                if (event.type == YAML_ALIAS_EVENT)
                        r = error_set(reterr, -EINVAL, "line %zu: aliases are not taken here", event.start_mark.line + 1);
                yaml_event_delete(&event);
        }
        yaml_parser_delete(&parser);
        return r;
}

int manifest_parse(const char *text, size_t size, json_object **ret, Error *reterr) {
        yaml_parser_t parser;
        yaml_document_t document;
        json_object *o = NULL;
        int r;

        r = refuse_aliases(text, size, reterr);
        if (r < 0)
                return r;
        if (!yaml_parser_initialize(&parser))
                return error_set(reterr, -ENOMEM, "out of memory");
        yaml_parser_set_input_string(&parser, (const unsigned char*) text, size);
        if (!yaml_parser_load(&parser, &document)) {
                r = error_set(reterr, -EINVAL, "line %zu: %s", parser.problem_mark.line + 1, parser.problem ?: "it is no YAML");
                yaml_parser_delete(&parser);
                return r;
        }
        if (!yaml_document_get_root_node(&document))
                r = error_set(reterr, -EINVAL, "it is empty");
        else
                r = convert(&document, yaml_document_get_root_node(&document), 0, &o, reterr);
        yaml_document_delete(&document);
        yaml_parser_delete(&parser);
        if (r >= 0 && !json_object_is_type(o, json_type_object)) {
                json_object_put(o);
                return error_set(reterr, -EINVAL, "it must be an object, \"kind: Node\" and so on");
        }
        if (r >= 0)
                *ret = o;
        return r;
}

int manifest_load(const char *path, json_object **ret, Error *reterr) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        r = read_file(streq(path, "-") ? "/dev/stdin" : path, MANIFEST_MAX, &text, &size);
        if (r < 0)
                return error_set(reterr, r, "%s", strerror(-r));
        return manifest_parse(text, size, ret, reterr);
}
