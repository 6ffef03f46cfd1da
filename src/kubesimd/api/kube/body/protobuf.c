/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/body/protobuf.h"

#include <stdio.h>

#include "basic/base64.h"
#include "basic/error.h"
#include "basic/string-util.h"
#include "basic/time-util.h"

#define MAGIC "k8s\0"
#define DEPTH_MAX 64

typedef struct Wire {
        const uint8_t *p, *end;
} Wire;

/* A field as it stands on the wire. */
typedef struct WireField {
        unsigned number, type;
        uint64_t value; /* of numbers */
        Wire bytes;     /* of the rest */
} WireField;

static int bad(Error *reterr) {
        return error_set(reterr, -EBADMSG, "the body is not valid Kubernetes protobuf");
}

static int take_varint(Wire *w, uint64_t *ret) {
        uint64_t v = 0;

        for (unsigned shift = 0; shift < 70; shift += 7) {
                if (w->p >= w->end)
                        return -EBADMSG;
                if (shift < 64)
                        v |= (uint64_t) (*w->p & 0x7f) << shift;
                if (!(*w->p++ & 0x80)) {
                        *ret = v;
                        return 0;
                }
        }
        return -EBADMSG;
}

static int take_fixed(Wire *w, size_t size, uint64_t *ret) {
        uint64_t v = 0;

        if ((size_t) (w->end - w->p) < size)
                return -EBADMSG;
        for (size_t i = 0; i < size; i++)
                v |= (uint64_t) w->p[i] << 8 * i;
        w->p += size;
        *ret = v;
        return 0;
}

/* 1 with a field, 0 at the end. */
static int next_field(Wire *w, WireField *ret) {
        uint64_t tag, size;

        if (w->p == w->end)
                return 0;
        if (take_varint(w, &tag) < 0 || tag >> 3 == 0 || tag >> 3 > 536870911)
                return -EBADMSG;
        *ret = (WireField) { .number = (unsigned) (tag >> 3), .type = tag & 7 };
        switch (ret->type) {
        case 0:
                return take_varint(w, &ret->value) < 0 ? -EBADMSG : 1;
        case 1:
                return take_fixed(w, 8, &ret->value) < 0 ? -EBADMSG : 1;
        case 5:
                return take_fixed(w, 4, &ret->value) < 0 ? -EBADMSG : 1;
        case 2:
                if (take_varint(w, &size) < 0 || size > (uint64_t) (w->end - w->p))
                        return -EBADMSG;
                ret->bytes = (Wire) { w->p, w->p + size };
                w->p += size;
                return 1;
        default:
                return -EBADMSG;
        }
}

/* The field of that number, e.g. of a Quantity. false when it is absent. */
static bool find_field(Wire w, unsigned number, WireField *ret) {
        WireField f;

        while (next_field(&w, &f) > 0)
                if (f.number == number) {
                        *ret = f;
                        return true;
                }
        return false;
}

static Json *new_text(JsonArena *a, Wire w) {
        char *text;
        Json *v;

        if (!w.p || memchr(w.p, '\0', (size_t) (w.end - w.p)) || !utf8_is_valid((const char*) w.p, (size_t) (w.end - w.p)))
                return NULL;
        text = json_arena_copy(a, (const char*) w.p, (size_t) (w.end - w.p));
        v = text ? json_new_string(a, text) : NULL;
        return v;
}

static Json *new_base64(JsonArena *a, Wire w) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(8 * MIB);

        base64_put(&b, w.p, (size_t) (w.end - w.p));
        return strbuf_error(&b) < 0 ? NULL : json_new_string(a, strbuf_str(&b));
}

static Json *new_time(JsonArena *a, Wire w, bool micro) {
        WireField seconds = {}, nanos = {};
        char buf[RFC3339_MAX];
        usec_t t;

        (void) find_field(w, 2, &nanos);
        if (!find_field(w, 1, &seconds) || seconds.value > UINT32_MAX * UINT64_C(8) || nanos.value >= 1000000000)
                return NULL;
        t = seconds.value * USEC_PER_SEC + (micro ? nanos.value / 1000 : 0);
        return json_new_string(a, format_rfc3339(buf, t));
}

static Json *new_int_or_string(JsonArena *a, Wire w) {
        WireField type = {}, f = {};

        if (find_field(w, 1, &type) && type.value == 1)
                return find_field(w, 3, &f) ? new_text(a, f.bytes) : json_new_string(a, "");
        return json_new_i64(a, find_field(w, 2, &f) ? (int64_t) (int32_t) f.value : 0);
}

/* JSON inside of it: FieldsV1, RawExtension. */
static Json *new_raw(JsonArena *a, Wire w) {
        WireField f;
        char *text;
        Json *v;

        if (!find_field(w, 1, &f) || !f.bytes.p)
                return NULL;
        text = json_arena_copy(a, (const char*) f.bytes.p, (size_t) (f.bytes.end - f.bytes.p));
        return text && json_tree_parse(a, text, (size_t) (f.bytes.end - f.bytes.p), &v, NULL) >= 0 ? v : NULL;
}

static int read_message(JsonArena *a, const SchemaMessage *m, Wire w, Json *object, unsigned depth);

/* A message, or nothing when there is nothing in it: Go writes empty structs. */
static int new_message(JsonArena *a, const SchemaField *f, Wire w, unsigned depth, Json **ret) {
        Json *object = json_new(a, JSON_OBJECT);
        int r = read_message(a, f->message, w, object, depth + 1);

        if (r < 0)
                return r;
        if (object && (object->size > 0 || f->list || f->keeps_zero))
                *ret = object;
        return 0;
}

/* A list that is a message around its items. */
static int new_wrapped_list(JsonArena *a, Wire w, Json **ret) {
        Json *list = json_new(a, JSON_ARRAY);
        WireField f;
        int r;

        while ((r = next_field(&w, &f)) > 0)
                if (f.number == 1 && f.type == 2)
                        json_append(list, new_text(a, f.bytes));
        *ret = list;
        return r;
}

/* *ret stays NULL for what counts as absent. */
static int new_value(JsonArena *a, const SchemaField *f, const WireField *v, bool item, unsigned depth, Json **ret) {
        bool zero_counts = item || f->keeps_zero, number = f->type == SCHEMA_INTEGER || f->type == SCHEMA_BOOL || f->type == SCHEMA_FLOAT;
        WireField part;

        if (number != (v->type != 2))
                return -EBADMSG;
        switch (f->type) {
        case SCHEMA_INTEGER:
                *ret = v->value != 0 || zero_counts ? json_new_i64(a, (int64_t) v->value) : NULL;
                return 0;
        case SCHEMA_BOOL:
                *ret = v->value != 0 || zero_counts ? json_new_bool(a, v->value != 0) : NULL;
                return 0;
        case SCHEMA_STRING:
                *ret = v->bytes.p < v->bytes.end || zero_counts ? new_text(a, v->bytes) : NULL;
                return *ret || v->bytes.p == v->bytes.end ? 0 : -EBADMSG;
        case SCHEMA_BYTES:
                *ret = new_base64(a, v->bytes);
                return 0;
        case SCHEMA_QUANTITY:
                *ret = find_field(v->bytes, 1, &part) ? new_text(a, part.bytes) : NULL;
                return 0;
        case SCHEMA_INT_OR_STRING:
                *ret = new_int_or_string(a, v->bytes);
                return 0;
        case SCHEMA_TIME:
        case SCHEMA_MICRO_TIME:
                *ret = new_time(a, v->bytes, f->type == SCHEMA_MICRO_TIME);
                return 0;
        case SCHEMA_FIELDS:
        case SCHEMA_RAW:
                *ret = new_raw(a, v->bytes);
                return 0;
        case SCHEMA_MESSAGE:
                return f->message ? new_message(a, f, v->bytes, depth, ret) : 0;
        case SCHEMA_WRAPPED_LIST:
                return new_wrapped_list(a, v->bytes, ret);
        default:
                return 0;
        }
}

/* Numbers of a list may stand packed together (protobuf encoding, "Packed Repeated Fields"). */
static int read_packed(JsonArena *a, Wire w, Json *list) {
        uint64_t v;

        while (w.p < w.end) {
                if (take_varint(&w, &v) < 0)
                        return -EBADMSG;
                json_append(list, json_new_i64(a, (int64_t) v));
        }
        return 0;
}

static int read_entry(JsonArena *a, const SchemaField *f, Wire w, Json *map, unsigned depth) {
        WireField key = {}, value = {};
        Json *k, *v = NULL;
        int r;

        if (!find_field(w, 1, &key) || key.type != 2 || !(k = new_text(a, key.bytes)))
                return -EBADMSG;
        if (!find_field(w, 2, &value))
                value = (WireField) { .type = 2 };
        r = new_value(a, f, &value, true, depth, &v);
        if (r >= 0 && v)
                json_set(a, map, k->text, v);
        return r;
}

static int read_field(JsonArena *a, const SchemaField *f, const WireField *v, Json *object, unsigned depth) {
        Json *value = NULL;
        int r;

        if (f->inlined)
                return v->type == 2 ? read_message(a, f->message, v->bytes, object, depth + 1) : -EBADMSG;
        if (f->map)
                return v->type == 2 ? read_entry(a, f, v->bytes, json_ensure(a, object, f->name, JSON_OBJECT), depth) : -EBADMSG;
        if (f->list && f->type == SCHEMA_INTEGER && v->type == 2)
                return read_packed(a, v->bytes, json_ensure(a, object, f->name, JSON_ARRAY));
        r = new_value(a, f, v, f->list, depth, &value);
        if (r < 0 || !value)
                return r;
        if (f->list)
                json_append(json_ensure(a, object, f->name, JSON_ARRAY), value);
        else
                json_set(a, object, f->name, value);
        return 0;
}

static int read_message(JsonArena *a, const SchemaMessage *m, Wire w, Json *object, unsigned depth) {
        WireField v;
        int r;

        if (depth > DEPTH_MAX)
                return -EBADMSG;
        while ((r = next_field(&w, &v)) > 0) {
                const SchemaField *f = schema_field_by_number(m, v.number);

                if (!f)
                        continue;
                r = read_field(a, f, &v, object, depth);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : json_arena_error(a);
}

/* "apps/v1", "Deployment" -> apps.v1.Deployment; what all groups share is in meta.v1. */
static const SchemaMessage *find_type(const char *api_version, const char *kind) {
        const char *slash = strchr(api_version, '/'), *version = slash ? slash + 1 : api_version;
        const SchemaMessage *m;
        char name[256];

        (void) snprintf(name, sizeof(name), "%.*s.%s.%s", slash ? (int) MIN(strcspn(api_version, "./"), (size_t) 60) : 4, slash ? api_version : "core",
                        version, kind);
        m = schema_find(name);
        if (m)
                return m;
        (void) snprintf(name, sizeof(name), "meta.v1.%s", kind);
        return schema_find(name);
}

int protobuf_read(JsonArena *a, const char *data, size_t size, Json **ret, Error *reterr) {
        Wire w = { (const uint8_t*) data, (const uint8_t*) data + size };
        WireField type = {}, raw = {}, f = {};
        Json *version, *kind, *object = json_new(a, JSON_OBJECT);
        const SchemaMessage *m;
        int r;

        if (size < 4 || memcmp(data, MAGIC, 4) != 0)
                return bad(reterr);
        w.p += 4;
        if (!find_field(w, 1, &type) || type.type != 2 || !find_field(w, 2, &raw) || raw.type != 2)
                return bad(reterr);
        version = find_field(type.bytes, 1, &f) && f.type == 2 ? new_text(a, f.bytes) : NULL;
        kind = find_field(type.bytes, 2, &f) && f.type == 2 ? new_text(a, f.bytes) : NULL;
        if (!version || !kind || !object)
                return bad(reterr);
        m = find_type(version->text, kind->text);
        if (!m)
                return error_set(reterr, -EINVAL, "no kind \"%s\" is registered for version \"%s\"", kind->text, version->text);
        r = read_message(a, m, raw.bytes, object, 0);
        if (r < 0)
                return r == -EBADMSG ? bad(reterr) : error_set(reterr, r, "out of memory");
        json_set(a, object, "apiVersion", version);
        json_set(a, object, "kind", kind);
        *ret = object;
        return 0;
}
