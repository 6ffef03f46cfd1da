/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/json-writer.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "kubesimd/api/native/native.h"
#include "kubesimd/api/native/render.h"

usec_t api_now(void) {
        return now_monotonic();
}

int reply_message(HttpRequest *req, ApiContext *api, unsigned status, const char *key, const char *id, const char *node,
                  const char *format, ...) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(4 * KIB);
        char message[1024];
        va_list ap;

        va_start(ap, format);
        (void) buf_vprintf(message, sizeof(message), format, ap);
        va_end(ap);

        strbuf_puts(&b, "{\"message\":");
        json_put_string(&b, message);
        if (key) {
                strbuf_printf(&b, ",\"%s\":", key);
                json_put_string(&b, id);
        }
        if (node) {
                strbuf_puts(&b, ",\"nodeId\":");
                json_put_string(&b, node);
        }
        strbuf_puts(&b, "}\n");
        return http_reply(req, status, NATIVE_JSON, &b, api_mark(api));
}

int query_u64(HttpRequest *req, const char *name, uint64_t min, uint64_t max, uint64_t *ret, Error *reterr) {
        const char *s = http_request_query(req, name);

        if (!s)
                return 0;
        if (parse_u64_range(s, min, max, ret) < 0)
                return error_set_field(reterr, -EINVAL, name, s, "%s= must be a whole number from %llu to %llu", name,
                                       (unsigned long long) min, (unsigned long long) max);
        return 1;
}

bool query_watch(HttpRequest *req) {
        const char *s = http_request_query(req, "watch");
        bool b;

        return s && (isempty(s) || (parse_bool(s, &b) >= 0 && b));
}
