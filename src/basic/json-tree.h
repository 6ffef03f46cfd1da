/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* JSON (RFC 8259) as a tree to look at and to change, for documents whose shape is not known beforehand. All values of
 * a tree live in one arena and go with it. Building never fails half-way: once memory has run out every function of that
 * arena gives NULL, takes NULL without complaint, and json_arena_error() tells in the end, as with StrBuf.
 * Members keep their order; numbers keep their text. */

#include "basic/json-reader.h"
#include "basic/strbuf.h"

typedef struct Json Json;
typedef struct JsonArena JsonArena;

struct Json {
        JsonType type;
        bool boolean;
        const char *key;  /* of a member; NULL of items */
        const char *text; /* of strings and numbers, ends in NUL */
        size_t size;      /* of text; of arrays and objects: how many children */
        Json *parent, *next, *prev, *first, *last;
};

struct JsonArena {
        struct JsonChunk *chunks;
        size_t used, max; /* bytes */
        int error;        /* 0, -ENOMEM or -E2BIG */
        /* Called for a member that was there already (the later one counts); may be NULL. */
        void (*duplicate)(const Json *object, const char *key, void *userdata);
        void *userdata;
};

#define JSON_ARENA_INIT(m) ((JsonArena) { .max = (m) })
void json_arena_done(JsonArena *a);
#define _cleanup_json_arena_ _cleanup_(json_arena_done)
static inline int json_arena_error(const JsonArena *a) {
        return a->error;
}
/* A copy of text[0 ... size-1] with a NUL after it; NULL when memory runs out. */
char *json_arena_copy(JsonArena *a, const char *text, size_t size);

/* Members are looked for one after the other, so that an object may not have more than this. */
#define JSON_MEMBERS_MAX 10000

/* Reads a whole text, which is overwritten and must stay as long as the arena; text[size] must be writable.
 * -EBADMSG with what is wrong and where, -ENOMEM, -E2BIG. */
int json_tree_parse(JsonArena *a, char *text, size_t size, Json **ret, Error *reterr);
/* For other readers that fill an object by json_append(): of members of one name all but the last are dropped, and told of by the
 * arena's `duplicate`. 0 or -ENOMEM. */
int json_drop_duplicates(JsonArena *a, Json *object);
/* Appends v as compact JSON ("null" for NULL). */
void json_put(StrBuf *b, const Json *v);
/* Appends "key":value. */
void json_put_member(StrBuf *b, const Json *member);
/* Appends the members of an object with commas between, without the braces. */
void json_put_members(StrBuf *b, const Json *object);

/* --- Looking. NULL and values of another type have no children. --- */
Json *json_get(const Json *object, const char *key);
/* json_get() along keys; the list ends with NULL. */
Json *json_at(const Json *object, ...) __attribute__((sentinel));
Json *json_item(const Json *array, size_t i);
/* The text of a string, else NULL. */
const char *json_string(const Json *v);
/* A whole number, else `otherwise`. */
int64_t json_i64(const Json *v, int64_t otherwise);
bool json_is_true(const Json *v);
static inline bool json_is(const Json *v, JsonType type) {
        return v && v->type == type;
}
/* The same value? Members in any order, numbers by their text. */
bool json_equal(const Json *a, const Json *b);

#define JSON_FOREACH(item, container) for (Json *item = (container) ? (container)->first : NULL, *_next_##item = item ? item->next : NULL; \
        item; item = _next_##item, _next_##item = item ? item->next : NULL)

/* --- Making and changing. Strings are copied. --- */
Json *json_new(JsonArena *a, JsonType type);
Json *json_new_string(JsonArena *a, const char *s);
Json *json_new_i64(JsonArena *a, int64_t v);
Json *json_new_bool(JsonArena *a, bool v);
Json *json_new_time(JsonArena *a, usec_t realtime); /* RFC 3339 in whole seconds, as metav1.Time */
/* Makes v the member of that key, in place of one that is there. v must be nobody's child. Returns v. */
Json *json_set(JsonArena *a, Json *object, const char *key, Json *v);
/* The member, made an empty object (or array) when it is not there or of another type. */
Json *json_ensure(JsonArena *a, Json *object, const char *key, JsonType type);
void json_append(Json *array, Json *v);
/* Takes v out of what it is in; NULL is fine. Returns v. */
Json *json_detach(Json *v);
static inline void json_remove(Json *object, const char *key) {
        json_detach(json_get(object, key));
}
Json *json_copy(JsonArena *a, const Json *v);
/* Shorthands of json_set(). */
static inline void json_set_string(JsonArena *a, Json *object, const char *key, const char *s) {
        json_set(a, object, key, json_new_string(a, s));
}
static inline void json_set_i64(JsonArena *a, Json *object, const char *key, int64_t v) {
        json_set(a, object, key, json_new_i64(a, v));
}
static inline void json_set_bool(JsonArena *a, Json *object, const char *key, bool v) {
        json_set(a, object, key, json_new_bool(a, v));
}
/* A zeroed array (owned, for free()) with room for an item for each member of the list; *ret stays as it is for none. -ENOMEM. */
int json_list_allocate(const Json *list, size_t item_size, void *ret);
