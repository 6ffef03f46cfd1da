/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimctl/question.h"

#include <curl/curl.h>
#include <string.h>

#include "basic/fd-util.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "kubesimctl/output.h"

#define MANIFEST_MAX (3 * MIB) /* as the daemon's */

static void put_request(StrBuf *b, const char *resource, const char *amount, bool first) {
        strbuf_printf(b, "%s\"%s\":", first ? "" : ",", resource);
        json_put_string(b, amount);
}

int question_body(const Ctl *ctl, char **ret) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(16 * KIB);
        size_t size;
        int r;

        if (ctl->file) {
                r = read_file(streq(ctl->file, "-") ? "/dev/stdin" : ctl->file, MANIFEST_MAX, ret, &size);
                return r < 0 ? ctl_error(CTL_FAILED, "Failed to read %s: %s", ctl->file, strerror(-r)) : 0;
        }
        strbuf_puts(&b, "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"metadata\":{\"name\":\"pod\"},\"spec\":{\"containers\":[{\"name\":\"main\","
                        "\"image\":\"pod\",\"resources\":{\"requests\":{");
        if (ctl->cpu)
                put_request(&b, "cpu", ctl->cpu, true);
        if (ctl->memory)
                put_request(&b, "memory", ctl->memory, !ctl->cpu);
        strbuf_puts(&b, "}}}]}}");
        *ret = strbuf_error(&b) < 0 ? NULL : strbuf_steal(&b, &size);
        return *ret ? 0 : ctl_error(CTL_FAILED, "Out of memory");
}

void question_put_query(StrBuf *path, const char *key, const char *value) {
        char *escaped;

        if (isempty(value))
                return;
        escaped = curl_easy_escape(NULL, value, 0);
        strbuf_printf(path, "%c%s=%s", strchr(strbuf_str(path), '?') ? '&' : '?', key, strempty(escaped));
        curl_free(escaped);
}

int question_ask(Ctl *ctl, const char *method, const char *path, const char *body, Answer *ret, const char *what) {
        int r;

        ctl->patient = true;
        r = ctl_call(ctl, method, path, body, ret, "%s", what);
        if (r == 0 && !isempty(member_string(ret->body, "error")))
                return ctl_error(CTL_FAILED, "Failed to %s: %s", what, member_string(ret->body, "error"));
        return r;
}
