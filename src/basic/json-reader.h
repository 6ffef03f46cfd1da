/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A strict JSON reader (RFC 8259) that walks a text in place, for bodies on the hot path: nothing is allocated
 * but for arrays, strings are unescaped where they stand and end in NUL. Two layers: the steps, and
 * json_read_object(), which fills a struct by a table of fields.
 * Errors: -EBADMSG (not JSON, not UTF-8, too deep, a NUL in a string), -EINVAL (JSON, but not what was asked). */

#include "basic/forward.h"

#define JSON_DEPTH_MAX 64

struct JsonReader {
        char *begin, *p, *end; /* the text, borrowed and overwritten; *end must be writable (a NUL goes there) */
        unsigned depth;
};

typedef enum JsonType {
        JSON_NULL,
        JSON_BOOL,
        JSON_NUMBER,
        JSON_STRING,
        JSON_ARRAY,
        JSON_OBJECT,
        _JSON_TYPE_MAX,
        _JSON_TYPE_INVALID = -22,
} JsonType;

const char *json_type_to_string(JsonType t);

/* Begins to read text[0 ... size-1]; text[size] must exist and be writable. */
void json_reader_init(JsonReader *r, char *text, size_t size);
/* What comes next, without taking it; _JSON_TYPE_INVALID at the end or at nonsense. */
JsonType json_peek(JsonReader *r);
/* Take a value of that type. Strings are borrowed from the text and end in NUL. */
int json_read_string(JsonReader *r, char **ret, size_t *ret_size);
int json_read_bool(JsonReader *r, bool *ret);
int json_read_i64(JsonReader *r, int64_t *ret);   /* -ERANGE when it does not fit, -EINVAL for a fraction */
int json_read_milli(JsonReader *r, int64_t *ret); /* a number in thousandths: 0.5 -> 500 */
/* Takes whatever comes next. */
int json_skip(JsonReader *r);
/* "{" and "[" ... then once per member: 1 = there is one (its key is in *ret_key), 0 = the end was taken. */
int json_enter_object(JsonReader *r);
int json_next_member(JsonReader *r, bool *first, char **ret_key);
int json_enter_array(JsonReader *r);
int json_next_item(JsonReader *r, bool *first);
/* 0 when nothing but white space is left, else -EBADMSG. */
int json_finish(JsonReader *r);

typedef enum JsonFieldType {
        JSON_FIELD_STRING,  /* const char*: borrowed from the text */
        JSON_FIELD_STRINGS, /* JsonStrings: free(items) */
        JSON_FIELD_I64,     /* int64_t */
        JSON_FIELD_MILLI,   /* int64_t, in thousandths */
        JSON_FIELD_USEC,    /* usec_t, from a number of seconds with up to three decimals */
        JSON_FIELD_BOOL,    /* bool */
        JSON_FIELD_TIME,    /* usec_t, from an RFC 3339 string */
        JSON_FIELD_OBJECT,  /* filled by .nested, offset is added */
        JSON_FIELD_RAW,     /* JsonRaw: an array or object, as text */
} JsonFieldType;

typedef struct JsonStrings {
        char **items; /* owned array of borrowed strings */
        size_t n_items;
} JsonStrings;

typedef struct JsonRaw {
        char *text; /* borrowed from the text, not yet unescaped; NULL when absent */
        size_t size;
} JsonRaw;

typedef struct JsonField {
        const char *name;
        JsonFieldType type;
        size_t offset; /* in the struct to fill */
        bool mandatory;
        size_t items_max; /* STRINGS: how many at most */
        const struct JsonField *nested;
        size_t n_nested;
} JsonField;

/* Reads one object into *target by the table. null counts as absent. Unknown members are errors when `strict`,
 * else skipped. *reterr names the field, the value and what would be right. */
int json_read_object(JsonReader *r, const JsonField *fields, size_t n_fields, bool strict, void *target,
                     Error *reterr);
/* The same for a whole text that must hold that one object and nothing else. */
int json_parse_object(char *text, size_t size, const JsonField *fields, size_t n_fields, bool strict,
                      void *target, Error *reterr);
