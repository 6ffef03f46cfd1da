/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/json-writer.h"
#include "core/model/reason.h"
#include "kubesimd/api/kube/kube.h"

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

static const char *reason_of(unsigned status, int code) {
        if (code == -EEXIST)
                return "AlreadyExists";
        for (size_t i = 0; i < ELEMENTSOF(reasons); i++)
                if (reasons[i].status == status)
                        return reasons[i].reason;
        return "";
}

void kube_problem(HttpRequest *req _unused_, unsigned status, const Error *error, StrBuf *body, const char **ret_type, void *userdata _unused_) {
        *ret_type = KUBE_JSON;
        strbuf_puts(body, "{\"kind\":\"Status\",\"apiVersion\":\"v1\",\"metadata\":{},\"status\":\"Failure\",\"message\":");
        json_put_string(body, error_message(error));
        strbuf_printf(body, ",\"reason\":\"%s\",\"details\":{", reason_of(status, error->code));
        if (error->field && error->value) {
                strbuf_puts(body, "\"name\":");
                json_put_string(body, error->value);
                strbuf_puts(body, ",\"kind\":");
                json_put_string(body, error->field);
        }
        strbuf_printf(body, "},\"code\":%u}\n", status);
}
