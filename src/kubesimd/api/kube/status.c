/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/status.h"

#include <stdarg.h>
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "core/model/reason.h"
#include "kubesimd/api/kube/attributes.h"
#include "kubesimd/api/kube/kube.h"
#include "kubesimd/auth/access.h"

/* metav1.StatusReason by HTTP status; where two share one, by our own reason. */
static const struct {
        unsigned status;
        const char *reason;
} reasons[] = {
        { 400, "BadRequest" },   { 401, "Unauthorized" },       { 403, "Forbidden" },        { 404, "NotFound" },
        { 405, "MethodNotAllowed" }, { 406, "NotAcceptable" },  { 409, "Conflict" },         { 410, "Expired" },
        { 413, "RequestEntityTooLarge" }, { 415, "UnsupportedMediaType" }, { 422, "Invalid" }, { 429, "TooManyRequests" },
        { 500, "InternalError" }, { 503, "ServiceUnavailable" }, { 504, "Timeout" },
};

static const char *reason_of(unsigned status) {
        for (size_t i = 0; i < ELEMENTSOF(reasons); i++)
                if (reasons[i].status == status)
                        return reasons[i].reason;
        return "";
}

static void put_detail(StrBuf *b, bool *first, const char *key, const char *value) {
        if (isempty(value))
                return;
        strbuf_printf(b, "%s\"%s\":", *first ? "" : ",", key);
        json_put_string(b, value);
        *first = false;
}

static void put_failure(const KubeStatus *s, StrBuf *b) {
        bool first = true;

        strbuf_puts(b, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":");
        json_put_string(b, s->message);
        strbuf_printf(b, ",\"reason\":\"%s\",\"details\":{", s->reason ?: reason_of(s->code));
        put_detail(b, &first, "name", s->name);
        put_detail(b, &first, "group", s->group);
        put_detail(b, &first, "kind", s->kind);
        put_detail(b, &first, "uid", s->uid);
        if (s->causes && s->causes->size > 0) {
                strbuf_puts(b, first ? "\"causes\":" : ",\"causes\":");
                json_put(b, s->causes);
                first = false;
        }
        if (s->retry_after > 0)
                strbuf_printf(b, "%s\"retryAfterSeconds\":%u", first ? "" : ",", s->retry_after);
        strbuf_printf(b, "},\"code\":%u}\n", s->code);
}

int kube_reply_status(HttpRequest *req, const KubeStatus *status) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * MIB);

        put_failure(status, &b);
        return kube_reply(req, status->code, &b, 0);
}

int kube_reply_success(HttpRequest *req, unsigned code, const KubeResource *r, const Object *o, uint64_t mark) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(16 * KIB);
        char uid[UUID_STRING_MAX];
        bool first = true;

        strbuf_puts(&b, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Success\"");
        if (r && o) {
                strbuf_puts(&b, ",\"details\":{");
                put_detail(&b, &first, "name", object_name(o));
                put_detail(&b, &first, "group", r->group);
                put_detail(&b, &first, "kind", r->plural);
                put_detail(&b, &first, "uid", uuid_to_string(o->uid, uid));
                strbuf_putc(&b, '}');
        } else
                strbuf_printf(&b, ",\"code\":%u", code);
        strbuf_puts(&b, "}\n");
        return kube_reply(req, code, &b, mark);
}

int kube_add_warning(HttpRequest *req, const char *text, size_t size) {
        _cleanup_strbuf_ StrBuf quoted = STRBUF_INIT(8 * KIB);

        strbuf_puts(&quoted, "299 - \"");
        for (size_t i = 0; i < size; i++) {
                if (text[i] == '"' || text[i] == '\\')
                        strbuf_putc(&quoted, '\\');
                strbuf_putc(&quoted, text[i]);
        }
        strbuf_putc(&quoted, '"');
        return http_request_add_header(req, "Warning", strbuf_str(&quoted));
}

int kube_refuse_option(HttpRequest *req, const char *kind, const char *field, const char *reason, const char *format, ...) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        _cleanup_strbuf_ StrBuf message = STRBUF_INIT(64 * KIB);
        Json *causes = json_new(&a, JSON_ARRAY), *cause = json_new(&a, JSON_OBJECT);
        _cleanup_free_ char *detail = NULL;
        va_list ap;

        va_start(ap, format);
        if (vasprintf(&detail, format, ap) < 0)
                detail = NULL;
        va_end(ap);
        strbuf_printf(&message, "%s.meta.k8s.io \"\" is invalid: %s: %s", kind, field, strempty(detail));
        json_set_string(&a, cause, "reason", reason);
        json_set_string(&a, cause, "message", strempty(detail));
        json_set_string(&a, cause, "field", field);
        json_append(causes, cause);
        return MIN(kube_reply_status(req, &(KubeStatus) { .code = 422, .message = strbuf_str(&message), .group = "meta.k8s.io", .kind = kind, .causes = causes }), 0) ?: -EDOM;
}

int kube_refuse_future(HttpRequest *req, uint64_t wanted, uint64_t newest) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        Json *causes = json_new(&a, JSON_ARRAY), *cause = json_new(&a, JSON_OBJECT);
        char message[128];

        (void) snprintf(message, sizeof(message), "Timeout: Too large resource version: %llu, current: %llu", (unsigned long long) wanted,
                        (unsigned long long) newest);
        json_set_string(&a, cause, "reason", "ResourceVersionTooLarge");
        json_set_string(&a, cause, "message", "Too large resource version");
        json_append(causes, cause);
        return MIN(kube_reply_status(req, &(KubeStatus) { .code = 504, .message = message, .causes = causes, .retry_after = 1 }), 0) ?: -ETIMEDOUT;
}

/* Refused before any handler was asked: for what the user is. */
static bool is_role_refusal(HttpRequest *req, unsigned status, const Error *error) {
        const Identity *who = http_request_identity(req);

        return status == 403 && !error->field && who && http_request_route(req) && !access_may(who, http_request_route(req)->access);
}

void kube_problem(HttpRequest *req, unsigned status, const Error *error, StrBuf *body, const char **ret_type, void *userdata _unused_) {
        _cleanup_strbuf_ StrBuf message = STRBUF_INIT(16 * KIB);
        KubeStatus s = { .code = status, .reason = error->code == -EEXIST ? "AlreadyExists" : NULL, .message = error_message(error) };
        KubeAttributes asked;

        kube_attributes_read(req, &asked);
        if (status == 401)
                s.message = "Unauthorized"; /* why is nobody's business who has not shown who they are */
        else if (status == 404 && !http_request_route(req))
                s.message = "the server could not find the requested resource";
        else if (status == 405)
                s.message = http_request_route(req) ? s.message : "the server does not allow this method on the requested resource";
        else if (is_role_refusal(req, status, error)) {
                kube_attributes_put_refusal(&asked, http_request_identity(req), &message);
                s.message = strbuf_str(&message);
                s.name = asked.name;
                s.group = asked.group;
                s.kind = asked.resource;
        } else if (error->field && error->value) {
                s.name = error->value;
                s.kind = error->field;
                s.group = streq(asked.resource, error->field) ? asked.group : NULL;
        }
        put_failure(&s, body);
        *ret_type = kube_put_form(req, body);
}
