/* SPDX-License-Identifier: Apache-2.0 */
/* The same pods under one algorithm after the other. */
#include "basic/error.h"
#include "basic/json-writer.h"
#include "kubesimd/api/native/native.h"
#include "kubesimd/api/native/question.h"

/* That of which there are most, the first of equals. */
static const WhatIfItem *usual(const Manifest *m) {
        const WhatIfItem *most = &m->items[0];

        for (size_t i = 1; i < m->n_items; i++)
                if (m->items[i].count > most->count)
                        most = &m->items[i];
        return most;
}

static uint64_t count_pods_of(const Manifest *m) {
        uint64_t n = 0;

        for (size_t i = 0; i < m->n_items; i++)
                n += m->items[i].count;
        return n;
}

/* Shares in ten-thousandths. */
static void put_shares(const char *name, const WhatIfShares *s, StrBuf *b) {
        strbuf_printf(b, ",\"%s\":{\"used\":%.4f,\"usedOfUsedNodes\":%.4f,\"fragmentation\":%.4f,\"deviation\":%.4f}", name, s->used, s->used_of_used,
                      s->fragmentation, s->deviation);
}

/* Why the first that waits does. */
static int put_pending(Question *q, StrBuf *b) {
        _cleanup_strbuf_ StrBuf reason = STRBUF_INIT(16 * KIB);
        const Manifest *m = &q->manifest;
        const char *name = "";
        int r = 0;

        for (size_t i = 0; i < m->n_items && !*name; i++)
                if (m->items[i].placed < m->items[i].count) {
                        name = m->items[i].name;
                        r = what_if_put_reason(q->what_if, m->items[i].class, q->algorithm, &reason);
                }
        strbuf_puts(b, ",\"firstPending\":");
        json_put_string(b, name);
        strbuf_puts(b, ",\"reason\":");
        json_put_text(b, &reason);
        return r;
}

static int put_algorithm(Question *q, StrBuf *b) {
        WhatIfMeasure measure = what_if_measure(q->what_if, usual(&q->manifest)->class);
        uint64_t placed = 0;
        int r;

        for (size_t i = 0; i < q->manifest.n_items; i++)
                placed += q->manifest.items[i].placed;
        strbuf_printf(b, "{\"algorithm\":\"%s\",\"placed\":%llu,\"pending\":%llu,\"nodesUsed\":%zu", q->algorithm->name, (unsigned long long) placed,
                      (unsigned long long) (count_pods_of(&q->manifest) - placed), measure.nodes_used);
        put_shares("cpu", &measure.cpu, b);
        put_shares("memory", &measure.memory, b);
        strbuf_printf(b, ",\"microsecondsPerPod\":%.2f,\"preempted\":%llu", placed > 0 ? (double) q->took / (double) placed : 0.0,
                      (unsigned long long) q->what_if->n_preempted);
        r = put_pending(q, b);
        strbuf_puts(b, q->present + 1 < q->n_algorithms ? "}" : "}]}\n");
        return r;
}

static int put_begin(Question *q, StrBuf *b) {
        strbuf_printf(b, "{\"pods\":%llu,\"nodes\":%zu,\"usualPod\":", (unsigned long long) count_pods_of(&q->manifest),
                      what_if_measure(q->what_if, NULL).nodes);
        json_put_string(b, usual(&q->manifest)->name);
        strbuf_puts(b, ",\"algorithms\":[");
        return 0;
}

int handle_compare(HttpRequest *req, void *userdata, Error *reterr) {
        _cleanup_(question_freep) Question *q = NULL;
        ApiContext *api = userdata;
        int r;

        r = question_new(req, api, &q, reterr);
        if (r >= 0) {
                q->what_if->preempts = true;
                r = question_read_algorithms(q, reterr);
        }
        if (r >= 0)
                r = manifest_read(req, api, &q->what_if->scheduler.classes, &q->manifest, reterr);
        if (r < 0)
                return r;
        q->put_begin = put_begin;
        q->put_algorithm = put_algorithm;
        return question_reply(TAKE_PTR(q));
}
