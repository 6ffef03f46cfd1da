/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/error.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "kubesimd/api/native/native.h"
#include "kubesimd/api/native/render.h"

#define TEXT "text/plain; charset=utf-8"
#define PING "ping"

int handle_health(HttpRequest *req, void *userdata _unused_, Error *reterr _unused_) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(16);

        strbuf_puts(&b, "OK");
        return http_reply(req, 200, TEXT, &b, 0);
}

/* 1 when all is well, and the line of it. */
static int put_check(ApiContext *api, const HealthCheck *check, StrBuf *lines) {
        _cleanup_error_ Error error = ERROR_NULL;
        int r = check ? check->check(api, &error) : 0;

        if (r >= 0)
                strbuf_printf(lines, "[+]%s ok\n", check ? check->name : PING);
        else
                strbuf_printf(lines, "[-]%s failed: %s\n", check->name, error_message(&error));
        return r >= 0;
}

/* What an endpoint looks at: NULL is the ping, which only says that there is an answer. */
static bool is_asked(const HealthCheck *check, bool ready) {
        return !check || ready || !check->ready_only;
}

/* As Kubernetes' own health endpoints: "ok", or a line for each check. */
static int reply_checks(HttpRequest *req, ApiContext *api, const char *endpoint, bool ready) {
        _cleanup_strbuf_ StrBuf lines = STRBUF_INIT(16 * KIB), ok = STRBUF_INIT(16);
        const char *excluded = http_request_query(req, "exclude");
        bool verbose = http_request_query(req, "verbose"), failed = false;

        for (size_t i = 0; i <= api->n_checks; i++) {
                const HealthCheck *check = i > 0 ? &api->checks[i - 1] : NULL;

                if (streq_ptr(excluded, check ? check->name : PING))
                        strbuf_printf(&lines, "[+]%s excluded: ok\n", excluded);
                else if (is_asked(check, ready))
                        failed |= put_check(api, check, &lines) == 0;
        }
        strbuf_printf(&lines, "%s check %s\n", endpoint, failed ? "failed" : "passed");
        strbuf_puts(&ok, "ok");
        return http_reply(req, failed ? 503 : 200, TEXT, failed || verbose ? &lines : &ok, 0);
}

static int reply_check(HttpRequest *req, ApiContext *api, bool ready, Error *reterr) {
        _cleanup_strbuf_ StrBuf line = STRBUF_INIT(16 * KIB);
        const char *name = http_request_param(req, 0);
        int r;

        for (size_t i = 0; i <= api->n_checks; i++) {
                const HealthCheck *check = i > 0 ? &api->checks[i - 1] : NULL;

                if (!streq(name, check ? check->name : PING) || !is_asked(check, ready))
                        continue;
                r = put_check(api, check, &line);
                if (r > 0) {
                        strbuf_clear(&line);
                        strbuf_puts(&line, "ok");
                }
                return http_reply(req, r > 0 ? 200 : 503, TEXT, &line, 0);
        }
        return error_set(reterr, -ENOENT, "there is no check \"%s\"", name);
}

int handle_livez(HttpRequest *req, void *userdata, Error *reterr _unused_) {
        return reply_checks(req, userdata, "livez", false);
}

int handle_readyz(HttpRequest *req, void *userdata, Error *reterr _unused_) {
        return reply_checks(req, userdata, "readyz", true);
}

int handle_healthz(HttpRequest *req, void *userdata, Error *reterr _unused_) {
        return reply_checks(req, userdata, "healthz", true);
}

int handle_live_check(HttpRequest *req, void *userdata, Error *reterr) {
        return reply_check(req, userdata, false, reterr);
}

int handle_ready_check(HttpRequest *req, void *userdata, Error *reterr) {
        return reply_check(req, userdata, true, reterr);
}

int handle_version(HttpRequest *req, void *userdata _unused_, Error *reterr _unused_) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(KIB);

        strbuf_puts(&b, "{\"name\":\"kubesim\",\"version\":\"" KUBESIM_VERSION "\",\"api\":1,"
                       "\"major\":\"1\",\"minor\":\"" KUBERNETES_MINOR "\",\"gitVersion\":\"" KUBERNETES_VERSION KUBESIM_VERSION "\",\"gitCommit\":\"\",\"gitTreeState\":\"\","
                       "\"buildDate\":\"\",\"goVersion\":\"\",\"compiler\":\"\",\"platform\":\"linux/amd64\"}\n");
        return http_reply(req, 200, NATIVE_JSON, &b, 0);
}

int handle_metrics(HttpRequest *req, void *userdata, Error *reterr _unused_) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        ApiContext *api = userdata;

        api->write_metrics(api, &b);
        return http_reply(req, 200, "text/plain; version=0.0.4; charset=utf-8", &b, 0);
}
