/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>

#include "basic/error.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/status.h"
#include "kubesimd/api/kube/write.h"

static void add(KubeWrite *w, const char *reason, const char *field, StrBuf *message) {
        Json *cause = json_new(&w->arena, JSON_OBJECT);

        if (!w->causes)
                w->causes = json_new(&w->arena, JSON_ARRAY);
        json_set_string(&w->arena, cause, "reason", reason);
        json_set_string(&w->arena, cause, "message", strbuf_str(message));
        json_set_string(&w->arena, cause, "field", field);
        json_append(w->causes, cause);
}

void cause_required(KubeWrite *w, const char *field, const char *detail) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * KIB);

        strbuf_printf(&b, "Required value%s%s", *detail ? ": " : "", detail);
        add(w, "FieldValueRequired", field, &b);
}

void cause_invalid(KubeWrite *w, const char *field, const Json *value, const char *detail) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(64 * KIB);

        strbuf_puts(&b, "Invalid value: ");
        json_put(&b, value);
        strbuf_printf(&b, ": %s", detail);
        add(w, "FieldValueInvalid", field, &b);
}

void cause_invalid_text(KubeWrite *w, const char *field, const char *value, const char *detail) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(64 * KIB);

        strbuf_puts(&b, "Invalid value: ");
        json_put_string(&b, strempty(value));
        strbuf_printf(&b, ": %s", detail);
        add(w, "FieldValueInvalid", field, &b);
}

void cause_not_supported(KubeWrite *w, const char *field, const char *value, const char *supported) {
        cause_not_supported_value(w, field, json_new_string(&w->arena, strempty(value)), supported);
}

void cause_not_supported_value(KubeWrite *w, const char *field, const Json *value, const char *supported) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(64 * KIB);

        strbuf_puts(&b, "Unsupported value: ");
        json_put(&b, value);
        strbuf_printf(&b, ": supported values: %s", supported);
        add(w, "FieldValueNotSupported", field, &b);
}

void cause_forbidden(KubeWrite *w, const char *field, const char *detail) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(64 * KIB);

        strbuf_printf(&b, "Forbidden: %s", detail);
        add(w, "FieldValueForbidden", field, &b);
}

void cause_duplicate(KubeWrite *w, const char *field, const char *value) {
        cause_duplicate_value(w, field, json_new_string(&w->arena, strempty(value)));
}

void cause_duplicate_value(KubeWrite *w, const char *field, const Json *value) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(64 * KIB);

        strbuf_puts(&b, "Duplicate value: ");
        json_put(&b, value);
        add(w, "FieldValueDuplicate", field, &b);
}

void cause_too_many(KubeWrite *w, const char *field, size_t n, size_t max) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * KIB);

        strbuf_printf(&b, "Too many: %zu: must have at most %zu item%s", n, max, max == 1 ? "" : "s");
        add(w, "FieldValueTooMany", field, &b);
}

void cause_too_long(KubeWrite *w, const char *field, size_t max) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * KIB);

        strbuf_printf(&b, "Too long: may not be more than %zu bytes", max);
        add(w, "FieldValueTooLong", field, &b);
}

void cause_not_found(KubeWrite *w, const char *field, const char *value) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * KIB);

        strbuf_puts(&b, "Not found: ");
        json_put_string(&b, strempty(value));
        add(w, "FieldValueNotFound", field, &b);
}

/* "Pod \"x\" is invalid: CAUSE", or [CAUSE, CAUSE]. */
static void put_message(KubeWrite *w, StrBuf *b) {
        strbuf_printf(b, "%s%s%s \"%s\" is invalid: ", w->resource->kind, *w->resource->group ? "." : "", w->resource->group, w->object_name);
        if (w->causes->size > 1)
                strbuf_putc(b, '[');
        JSON_FOREACH(cause, w->causes)
                strbuf_printf(b, "%s%s: %s", cause->prev ? ", " : "", strempty(json_string(json_get(cause, "field"))),
                              strempty(json_string(json_get(cause, "message"))));
        if (w->causes->size > 1)
                strbuf_putc(b, ']');
}

int write_reply_causes(KubeWrite *w) {
        _cleanup_strbuf_ StrBuf message = STRBUF_INIT(MIB);
        int r;

        if (!w->causes || w->causes->size == 0)
                return 0;
        put_message(w, &message);
        r = kube_reply_status(w->req, &(KubeStatus) { .code = 422, .message = strbuf_str(&message), .name = w->object_name, .group = w->resource->group,
                                                      .kind = w->resource->kind, .causes = w->causes });
        return r < 0 ? r : 1;
}

int write_causes_error(KubeWrite *w, Error *reterr) {
        _cleanup_strbuf_ StrBuf message = STRBUF_INIT(MIB);

        if (!w->causes || w->causes->size == 0)
                return 0;
        put_message(w, &message);
        return error_set_field(reterr, -EDOM, strempty(json_string(json_get(w->causes->first, "field"))), NULL, "%s", strbuf_str(&message));
}
