/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Requirements on labels, read once from a document and then asked often. Kubernetes API reference, "LabelSelector" and
 * "NodeSelectorTerm"; the rules of each operator: Kubernetes documentation, "Labels and Selectors", "Operators" of "Assigning
 * Pods to Nodes". */

#include "basic/json-tree.h"
#include "core/model/forward.h"

typedef enum Operator {
        OPERATOR_IN,
        OPERATOR_NOT_IN, /* true of what has no such label, too */
        OPERATOR_EXISTS,
        OPERATOR_DOES_NOT_EXIST,
        OPERATOR_GT, /* both sides are whole numbers */
        OPERATOR_LT,
        _OPERATOR_MAX,
        _OPERATOR_INVALID = -EINVAL,
} Operator;

Operator operator_from_string(const char *s);

typedef struct Requirement {
        const char *key; /* all strings are borrowed from the tree that they were read from */
        Operator operator;
        const char **values; /* owned array */
        size_t n_values;
        int64_t number; /* of GT and LT */
        bool of_name;   /* a field of the object (metadata.name), not a label */
} Requirement;

/* All must hold; none at all holds always. */
typedef struct Requirements {
        Requirement *items; /* owned */
        size_t n_items;
        bool never; /* holds for nothing: a selector that is not there, an empty node selector term */
} Requirements;

/* The value of a label of whatever `of` is, or NULL; with of_name its name. */
typedef const char *(*label_of_t)(const void *of, const char *key, bool of_name);

/* {"matchLabels":{...},"matchExpressions":[...]}: NULL matches nothing, an empty one everything. -ENOMEM. */
int requirements_read_selector(Requirements *r, const Json *selector);
/* {"matchExpressions":[...],"matchFields":[...]}: an empty one matches nothing. -ENOMEM. */
int requirements_read_term(Requirements *r, const Json *term);
/* {"key":"value",...}. -ENOMEM. */
int requirements_read_map(Requirements *r, const Json *map);
/* Adds "key in (value)". Both borrowed. -ENOMEM. */
int requirements_add(Requirements *r, const char *key, const char *value);
void requirements_done(Requirements *r);
bool requirements_hold(const Requirements *r, label_of_t label_of, const void *of);
/* Do they say by name (In) what they mean, and does such a name pass? The rest of them is not looked at. */
bool requirements_have_names(const Requirements *r);
bool requirements_admit_name(const Requirements *r, const char *name);
