/* SPDX-License-Identifier: Apache-2.0 */
/* How many more of a pod fit, and what runs out first. */
#include "basic/error.h"
#include "basic/json-writer.h"
#include "kubesimd/api/native/native.h"
#include "kubesimd/api/native/question.h"

#define LIMIT_DEFAULT 100000
#define LIMIT_MAX 1000000

static int put_algorithm(Question *q, StrBuf *b) {
        _cleanup_strbuf_ StrBuf reason = STRBUF_INIT(16 * KIB);
        const WhatIfItem *item = &q->manifest.items[0];
        int r = 0;

        if (item->blocked || item->placed < item->count)
                r = what_if_put_reason(q->what_if, item->class, q->algorithm, &reason);
        strbuf_printf(b, "{\"algorithm\":\"%s\",\"fits\":%llu,\"limited\":%s,\"reason\":", q->algorithm->name, (unsigned long long) item->placed,
                      item->placed == item->count ? "true" : "false");
        json_put_text(b, &reason);
        strbuf_puts(b, q->present + 1 < q->n_algorithms ? "}" : "}]}\n");
        return r;
}

static int put_begin(Question *q, StrBuf *b) {
        const WhatIfItem *item = &q->manifest.items[0];

        strbuf_puts(b, "{\"pod\":");
        json_put_string(b, item->name);
        strbuf_printf(b, ",\"nodes\":%zu,\"limit\":%llu,\"algorithms\":[", q->what_if->scheduler.n_nodes, (unsigned long long) item->count);
        return 0;
}

int handle_capacity(HttpRequest *req, void *userdata, Error *reterr) {
        _cleanup_(question_freep) Question *q = NULL;
        uint64_t limit = LIMIT_DEFAULT;
        ApiContext *api = userdata;
        int r;

        r = query_u64(req, "limit", 1, LIMIT_MAX, &limit, reterr);
        if (r >= 0)
                r = question_new(req, api, &q, reterr);
        if (r >= 0)
                r = question_read_algorithms(q, reterr);
        if (r >= 0)
                r = manifest_read_pod(req, api, &q->what_if->scheduler.classes, &q->manifest, reterr);
        if (r < 0)
                return r;
        q->manifest.items[0].count = limit;
        q->put_begin = put_begin;
        q->put_algorithm = put_algorithm;
        return question_reply(TAKE_PTR(q));
}
