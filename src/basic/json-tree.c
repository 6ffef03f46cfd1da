/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/json-tree.h"

#include <stdarg.h>
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "basic/time-util.h"

#define CHUNK_SIZE (8 * KIB)
#define ALIGNMENT 8
/* From here on looking for duplicates by comparing each with each would cost too much. */
#define SORT_MEMBERS 32

typedef struct JsonChunk {
        struct JsonChunk *next;
        size_t used, size;
        char data[] __attribute__((aligned(ALIGNMENT)));
} JsonChunk;

void json_arena_done(JsonArena *a) {
        while (a->chunks) {
                JsonChunk *c = a->chunks;

                a->chunks = c->next;
                free(c);
        }
        a->used = 0;
}

static void *fail(JsonArena *a, int error) {
        if (a->error == 0)
                a->error = error;
        return NULL;
}

static void *arena_alloc(JsonArena *a, size_t size) {
        JsonChunk *c = a->chunks;
        void *p;

        size = (size + ALIGNMENT - 1) & ~(size_t) (ALIGNMENT - 1);
        if (a->error < 0)
                return NULL;
        if (size > a->max - a->used)
                return fail(a, -E2BIG);
        if (!c || c->size - c->used < size) {
                size_t room = MAX(size, (size_t) CHUNK_SIZE);

                c = malloc(sizeof(JsonChunk) + room);
                if (!c)
                        return fail(a, -ENOMEM);
                *c = (JsonChunk) { .next = a->chunks, .size = room };
                a->chunks = c;
        }
        p = c->data + c->used;
        c->used += size;
        a->used += size;
        return p;
}

char *json_arena_copy(JsonArena *a, const char *text, size_t size) {
        char *p = arena_alloc(a, size + 1);

        if (!p)
                return NULL;
        memcpy(p, text, size);
        p[size] = '\0';
        return p;
}

Json *json_new(JsonArena *a, JsonType type) {
        Json *v = arena_alloc(a, sizeof(Json));

        if (v)
                *v = (Json) { .type = type };
        return v;
}

static Json *new_text(JsonArena *a, JsonType type, const char *s, size_t size) {
        Json *v = json_new(a, type);

        if (!v)
                return NULL;
        v->text = json_arena_copy(a, s, size);
        v->size = size;
        return v->text ? v : NULL;
}

Json *json_new_string(JsonArena *a, const char *s) {
        return s ? new_text(a, JSON_STRING, s, strlen(s)) : json_new(a, JSON_NULL);
}

Json *json_new_i64(JsonArena *a, int64_t v) {
        char digits[24];

        (void) buf_printf(digits, sizeof(digits), "%lld", (long long) v);
        return new_text(a, JSON_NUMBER, digits, strlen(digits));
}

Json *json_new_bool(JsonArena *a, bool v) {
        Json *j = json_new(a, JSON_BOOL);

        if (j)
                j->boolean = v;
        return j;
}

Json *json_new_time(JsonArena *a, usec_t realtime) {
        char buf[RFC3339_MAX];

        return json_new_string(a, format_rfc3339(buf, realtime - realtime % USEC_PER_SEC));
}

Json *json_detach(Json *v) {
        if (!v || !v->parent)
                return v;
        if (v->prev)
                v->prev->next = v->next;
        else
                v->parent->first = v->next;
        if (v->next)
                v->next->prev = v->prev;
        else
                v->parent->last = v->prev;
        v->parent->size--;
        v->parent = v->next = v->prev = NULL;
        return v;
}

void json_append(Json *array, Json *v) {
        if (!array || !v)
                return;
        assert(!v->parent);
        v->parent = array;
        v->prev = array->last;
        if (array->last)
                array->last->next = v;
        else
                array->first = v;
        array->last = v;
        array->size++;
}

/* Puts v where `old` is. */
static void replace(Json *old, Json *v) {
        v->parent = old->parent;
        v->prev = old->prev;
        v->next = old->next;
        if (v->prev)
                v->prev->next = v;
        else
                v->parent->first = v;
        if (v->next)
                v->next->prev = v;
        else
                v->parent->last = v;
        old->parent = old->next = old->prev = NULL;
}

Json *json_set(JsonArena *a, Json *object, const char *key, Json *v) {
        Json *old;

        if (!object || !v)
                return NULL;
        assert(!v->parent);
        old = json_get(object, key);
        v->key = old ? old->key : json_arena_copy(a, key, strlen(key));
        if (!v->key)
                return NULL;
        if (old)
                replace(old, v);
        else
                json_append(object, v);
        return v;
}

Json *json_ensure(JsonArena *a, Json *object, const char *key, JsonType type) {
        Json *v = json_get(object, key);

        return json_is(v, type) ? v : json_set(a, object, key, json_new(a, type));
}

Json *json_copy(JsonArena *a, const Json *v) {
        Json *copy;

        if (!v)
                return NULL;
        copy = json_new(a, v->type);
        if (!copy)
                return NULL;
        copy->boolean = v->boolean;
        if (v->text) {
                copy->text = json_arena_copy(a, v->text, v->size);
                copy->size = v->size;
        }
        JSON_FOREACH(child, v) {
                Json *c = json_copy(a, child);

                if (c && child->key)
                        c->key = json_arena_copy(a, child->key, strlen(child->key));
                json_append(copy, c);
        }
        return a->error < 0 ? NULL : copy;
}

/* --- Looking --- */

Json *json_get(const Json *object, const char *key) {
        if (!json_is(object, JSON_OBJECT) || !key)
                return NULL;
        for (Json *v = object->first; v; v = v->next)
                if (v->key[0] == key[0] && streq(v->key, key)) /* most differ at once */
                        return v;
        return NULL;
}

Json *json_at(const Json *object, ...) {
        const Json *v = object;
        const char *key;
        va_list ap;

        va_start(ap, object);
        while (v && (key = va_arg(ap, const char*)))
                v = json_get(v, key);
        va_end(ap);
        return (Json*) v;
}

Json *json_item(const Json *array, size_t i) {
        Json *v = json_is(array, JSON_ARRAY) ? array->first : NULL;

        while (v && i-- > 0)
                v = v->next;
        return v;
}

const char *json_string(const Json *v) {
        return json_is(v, JSON_STRING) ? v->text : NULL;
}

int64_t json_i64(const Json *v, int64_t otherwise) {
        bool negative;
        uint64_t n = 0;

        if (!json_is(v, JSON_NUMBER))
                return otherwise;
        negative = v->text[0] == '-';
        for (const char *p = v->text + negative; *p; p++)
                if (*p < '0' || *p > '9' || __builtin_mul_overflow(n, 10, &n) ||
                    __builtin_add_overflow(n, (uint64_t) (*p - '0'), &n) || n > INT64_MAX)
                        return otherwise;
        return negative ? -(int64_t) n : (int64_t) n;
}

bool json_is_true(const Json *v) {
        return json_is(v, JSON_BOOL) && v->boolean;
}

static bool members_equal(const Json *a, const Json *b) {
        const Json *y = b->first; /* most often both have the same order */

        for (const Json *x = a->first; x; x = x->next) {
                if (!y || !streq(x->key, y->key))
                        y = json_get(b, x->key);
                if (!y || !json_equal(x, y))
                        return false;
                y = y->next;
        }
        return true;
}

bool json_equal(const Json *a, const Json *b) {
        if (!a || !b)
                return a == b;
        if (a->type != b->type || a->size != b->size)
                return false;
        switch (a->type) {
        case JSON_BOOL:
                return a->boolean == b->boolean;
        case JSON_NUMBER:
        case JSON_STRING:
                return memcmp(a->text, b->text, a->size) == 0;
        case JSON_OBJECT:
                return members_equal(a, b);
        case JSON_ARRAY:
                for (const Json *x = a->first, *y = b->first; x; x = x->next, y = y->next)
                        if (!json_equal(x, y))
                                return false;
                return true;
        default:
                return true;
        }
}

/* --- Reading --- */

static int read_value(JsonArena *a, JsonReader *r, Json **ret);

typedef struct Member {
        Json *value;
        size_t place;
} Member;

static int compare_members(const void *a, const void *b) {
        const Member *x = a, *y = b;
        int c = strcmp(x->value->key, y->value->key);

        return c != 0 ? c : x->place < y->place ? -1 : 1;
}

static void drop_duplicate(JsonArena *a, Json *earlier, Json *later) {
        if (a->duplicate)
                a->duplicate(later->parent, later->key, a->userdata);
        json_detach(earlier);
}

int json_drop_duplicates(JsonArena *a, Json *object) {
        _cleanup_free_ Member *all = NULL;
        size_t n = 0;

        if (object->size <= SORT_MEMBERS) {
                JSON_FOREACH(x, object)
                        for (Json *y = x->next; y; y = y->next)
                                if (streq(x->key, y->key)) {
                                        drop_duplicate(a, x, y);
                                        break;
                                }
                return 0;
        }
        all = new0(Member, object->size);
        if (!all)
                return -ENOMEM;
        JSON_FOREACH(x, object) {
                all[n] = (Member) { .value = x, .place = n };
                n++;
        }
        qsort(all, n, sizeof(all[0]), compare_members);
        for (size_t i = 1; i < n; i++)
                if (streq(all[i - 1].value->key, all[i].value->key))
                        drop_duplicate(a, all[i - 1].value, all[i].value);
        return 0;
}

static int read_object(JsonArena *a, JsonReader *r, Json *object) {
        bool first = true;
        char *key;
        int k;

        k = json_enter_object(r);
        while (k >= 0 && (k = json_next_member(r, &first, &key)) > 0) {
                Json *v;

                k = read_value(a, r, &v);
                if (k < 0)
                        return k;
                if (object->size >= JSON_MEMBERS_MAX)
                        return -E2BIG;
                v->key = key;
                json_append(object, v);
        }
        return k < 0 ? k : json_drop_duplicates(a, object);
}

static int read_array(JsonArena *a, JsonReader *r, Json *array) {
        bool first = true;
        int k;

        k = json_enter_array(r);
        while (k >= 0 && (k = json_next_item(r, &first)) > 0) {
                Json *v;

                k = read_value(a, r, &v);
                if (k < 0)
                        return k;
                json_append(array, v);
        }
        return k;
}

static int read_number(JsonArena *a, JsonReader *r, Json *v) {
        const char *begin = r->p;
        int k;

        k = json_skip(r);
        if (k < 0)
                return k;
        /* The text goes on right after it, so that it has to be copied to end in NUL. */
        v->size = (size_t) (r->p - begin);
        v->text = json_arena_copy(a, begin, v->size);
        return v->text ? 0 : a->error;
}

static int read_value(JsonArena *a, JsonReader *r, Json **ret) {
        JsonType type = json_peek(r);
        char *text;
        Json *v;
        int k;

        if (type < 0)
                return -EBADMSG;
        v = *ret = json_new(a, type);
        if (!v)
                return a->error;
        switch (type) {
        case JSON_OBJECT:
                return read_object(a, r, v);
        case JSON_ARRAY:
                return read_array(a, r, v);
        case JSON_STRING:
                k = json_read_string(r, &text, &v->size);
                v->text = text;
                return k;
        case JSON_NUMBER:
                return read_number(a, r, v);
        case JSON_BOOL:
                return json_read_bool(r, &v->boolean);
        default:
                return json_skip(r);
        }
}

int json_tree_parse(JsonArena *a, char *text, size_t size, Json **ret, Error *reterr) {
        JsonReader r;
        int k;

        json_reader_init(&r, text, size);
        k = read_value(a, &r, ret);
        if (k >= 0)
                k = json_finish(&r);
        if (k == -ENOMEM)
                return error_set(reterr, k, "out of memory");
        if (k == -E2BIG)
                return error_set(reterr, k, "the document has too many values, or an object of more than %d members", JSON_MEMBERS_MAX);
        if (k < 0)
                return error_set(reterr, -EBADMSG, "not valid JSON at byte %zu", (size_t) (r.p - r.begin));
        return 0;
}

/* --- Writing --- */

void json_put_member(StrBuf *b, const Json *member) {
        json_put_string(b, member->key);
        strbuf_putc(b, ':');
        json_put(b, member);
}

void json_put_members(StrBuf *b, const Json *object) {
        JSON_FOREACH(v, object) {
                if (v->prev)
                        strbuf_putc(b, ',');
                json_put_member(b, v);
        }
}

void json_put(StrBuf *b, const Json *v) {
        if (!v) {
                strbuf_puts(b, "null");
                return;
        }
        switch (v->type) {
        case JSON_BOOL:
                return strbuf_puts(b, v->boolean ? "true" : "false");
        case JSON_NUMBER:
                return strbuf_append(b, v->text, v->size);
        case JSON_STRING:
                return json_put_string(b, v->text);
        case JSON_OBJECT:
                strbuf_putc(b, '{');
                json_put_members(b, v);
                return strbuf_putc(b, '}');
        case JSON_ARRAY:
                strbuf_putc(b, '[');
                JSON_FOREACH(item, v) {
                        if (item->prev)
                                strbuf_putc(b, ',');
                        json_put(b, item);
                }
                return strbuf_putc(b, ']');
        default:
                strbuf_puts(b, "null");
        }
}

int json_list_allocate(const Json *list, size_t item_size, void *ret) {
        void *p;

        if (!list || list->size == 0)
                return 0;
        p = calloc(list->size, item_size);
        if (!p)
                return -ENOMEM;
        *(void**) ret = p;
        return 0;
}
