/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/json-writer.h"
#include "kubesimd/api/native/native.h"
#include "kubesimd/api/native/render.h"

#define TEXT "text/plain; charset=utf-8"

int handle_health(HttpRequest *req, void *userdata _unused_, Error *reterr _unused_) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(16);

        strbuf_puts(&b, "OK");
        return http_reply(req, 200, TEXT, &b, 0);
}

/* The lines of Kubernetes' own health endpoints: [+]name ok, [-]name failed: why. */
static int reply_checks(HttpRequest *req, ApiContext *api, bool ready) {
        _cleanup_strbuf_ StrBuf lines = STRBUF_INIT(16 * KIB), ok = STRBUF_INIT(16);
        bool verbose = http_request_query(req, "verbose"), failed = false;
        const char *what = ready ? "readyz" : "livez";

        for (size_t i = 0; i < api->n_checks; i++) {
                _cleanup_error_ Error error = ERROR_NULL;

                if (api->checks[i].ready_only && !ready)
                        continue;
                if (api->checks[i].check(api, &error) >= 0)
                        strbuf_printf(&lines, "[+]%s ok\n", api->checks[i].name);
                else {
                        strbuf_printf(&lines, "[-]%s failed: %s\n", api->checks[i].name, error_message(&error));
                        failed = true;
                }
        }
        strbuf_printf(&lines, "%s check %s\n", what, failed ? "failed" : "passed");
        strbuf_puts(&ok, "ok");
        return http_reply(req, failed ? 503 : 200, TEXT, failed || verbose ? &lines : &ok, 0);
}

int handle_livez(HttpRequest *req, void *userdata, Error *reterr _unused_) {
        return reply_checks(req, userdata, false);
}

int handle_readyz(HttpRequest *req, void *userdata, Error *reterr _unused_) {
        return reply_checks(req, userdata, true);
}

int handle_version(HttpRequest *req, void *userdata _unused_, Error *reterr _unused_) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(KIB);

        strbuf_puts(&b, "{\"name\":\"kubesim\",\"version\":\"" KUBESIM_VERSION "\",\"api\":1,"
                       "\"major\":\"1\",\"minor\":\"32\",\"gitVersion\":\"v1.32.0+kubesim." KUBESIM_VERSION "\",\"gitCommit\":\"\",\"gitTreeState\":\"\","
                       "\"buildDate\":\"\",\"goVersion\":\"\",\"compiler\":\"\",\"platform\":\"linux/amd64\"}\n");
        return http_reply(req, 200, NATIVE_JSON, &b, 0);
}

int handle_metrics(HttpRequest *req, void *userdata, Error *reterr _unused_) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        ApiContext *api = userdata;

        api->write_metrics(api, &b);
        return http_reply(req, 200, "text/plain; version=0.0.4; charset=utf-8", &b, 0);
}
