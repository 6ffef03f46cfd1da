/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The types of the Kubernetes API as a table of fields (schema.tsv): what decoding, validation, merging and OpenAPI go by. It is
 * read when it is first asked for. */

#include "basic/json-tree.h"

typedef enum SchemaType {
        SCHEMA_STRING = 'S',
        SCHEMA_BYTES = 'B',
        SCHEMA_INTEGER = 'I',
        SCHEMA_BOOL = 'b',
        SCHEMA_FLOAT = 'F',
        SCHEMA_QUANTITY = 'Q',
        SCHEMA_INT_OR_STRING = 'X',
        SCHEMA_TIME = 'T',
        SCHEMA_MICRO_TIME = 'M',
        SCHEMA_DURATION = 'D',
        SCHEMA_FIELDS = 'V',
        SCHEMA_RAW = 'R',
        SCHEMA_MESSAGE = 'm',
        SCHEMA_WRAPPED_LIST = 'L', /* a list in JSON, a message around it in protobuf */
} SchemaType;

typedef struct SchemaMessage SchemaMessage;

typedef struct SchemaField {
        const char *name;
        unsigned number;     /* of protobuf */
        SchemaType type;     /* of an item, of lists and maps */
        bool is_long;        /* an integer of 64 bits; others have 32 */
        bool list, map;
        bool inlined;        /* its fields belong to the message that it is in */
        bool keeps_zero;     /* a zero that is present means zero */
        const char *merge_key;   /* strategic merge: lists of objects that merge by this key; NULL: they do not */
        bool merges;             /* strategic merge: lists of either kind */
        bool retains_keys;       /* strategic merge: $retainKeys is meant for it */
        const char *list_keys;   /* apply: "key,key" of lists that are maps; NULL: they are not */
        bool set, atomic;        /* apply */
        const SchemaMessage *message; /* of messages */
} SchemaField;

struct SchemaMessage {
        const char *name; /* "core.v1.Pod" */
        const SchemaField *fields;
        size_t n_fields;
        bool atomic;      /* apply takes it as one value */
        const SchemaField *others; /* what every other member is; NULL: there are none */
};

/* NULL when there is no such message, or no memory for the table. */
const SchemaMessage *schema_find(const char *name);
/* By name or by number, in inlined messages too. NULL when there is none (or m is NULL). */
const SchemaField *schema_field(const SchemaMessage *m, const char *name);
const SchemaField *schema_field_by_number(const SchemaMessage *m, unsigned number);
/* Calls visit for each field, those of inlined messages in their place. */
void schema_each_field(const SchemaMessage *m, void (*visit)(const SchemaField *f, void *userdata), void *userdata);
size_t schema_count(void);
const SchemaMessage *schema_get(size_t i);

/* Items of lists that are merged or looked up are compared each with each, so that there may not be more. */
#define SCHEMA_ITEMS_MAX 2000

/* Checks an object against its type, takes out what is null or unknown, and has quantities be strings. A value of another type is
 * -EINVAL with Go's words for it; what is unknown is told to `unknown` by its path. m may be NULL: anything goes. */
int schema_check(JsonArena *a, const SchemaMessage *m, Json *object, void (*unknown)(const char *path, void *userdata), void *userdata,
                 Error *reterr);
