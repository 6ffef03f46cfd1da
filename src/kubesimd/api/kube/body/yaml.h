/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* YAML 1.1 (https://yaml.org/spec/1.1/) as the other spelling of JSON: what sigs.k8s.io/yaml makes of a document, so that a manifest
 * means here what it means to kube-apiserver. */

#include "basic/json-tree.h"

/* What a plain scalar stands for. */
typedef enum YamlScalar {
        YAML_NULL,
        YAML_TRUE,
        YAML_FALSE,
        YAML_INTEGER,
        YAML_FRACTION,
        YAML_NOT_FINITE, /* .inf, .nan: JSON has no such numbers */
        YAML_MERGE,      /* << */
        YAML_STRING,
} YamlScalar;

#define YAML_NUMBER_MAX 32

/* Resolves a plain scalar; numbers are written to `number` as JSON has them. */
YamlScalar yaml_resolve(const char *s, char number[static YAML_NUMBER_MAX]);

/* Reads the one document of a text; *ret is NULL when there is none. Duplicate keys are told of through the arena, and the later
 * one counts. -EBADMSG with the line, -ENOMEM, -E2BIG. */
int yaml_parse(JsonArena *a, const char *text, size_t size, Json **ret, Error *reterr);

/* The same for a text of any number of documents: *ret is an array of them. */
int yaml_parse_all(JsonArena *a, const char *text, size_t size, Json **ret, Error *reterr);

/* Appends v in block style, as people read it; other readers of YAML 1.1 and 1.2 understand the same by it. */
void yaml_put(StrBuf *b, const Json *v);
/* Appends v as an item of a sequence that is not indented. */
void yaml_put_item(StrBuf *b, const Json *v);
/* Appends a string as a key or a value that stays on its line. */
void yaml_put_string(StrBuf *b, const char *s);
