/* SPDX-License-Identifier: Apache-2.0 */
/* What the scheduler thinks of each node for a pod that there is, or for one that is not created. */
#include "core/sched/explain.h"

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/json-writer.h"
#include "basic/string-util.h"
#include "core/control/nodes.h"
#include "core/control/placement.h"
#include "kubesimd/api/manifest.h"
#include "kubesimd/api/native/native.h"
#include "kubesimd/api/native/question.h"
#include "kubesimd/api/native/render.h"

#define GROUPS_DEFAULT 50
#define GROUPS_MAX 100000

static const char *pick_name(SchedPick p) {
        static const char *const names[] = { [PICK_BEST] = "best", [PICK_NEXT] = "next", [PICK_RANDOM] = "random", [PICK_TWO] = "two" };

        return names[p];
}

static void put_scores(const ExplainRow *row, StrBuf *b) {
        strbuf_puts(b, ",\"scores\":[");
        for (ScorePlugin p = 0; p < _SCORE_PLUGIN_MAX; p++) {
                const ScorePart *x = &row->parts[p];

                strbuf_printf(b, "%s{\"plugin\":\"%s\",\"raw\":%lld,\"normalised\":%lld,\"weight\":%lld,\"weighted\":%lld}", p > 0 ? "," : "",
                              score_plugin_name(p), (long long) x->raw, (long long) x->normalised, (long long) score_plugin_weight(p),
                              (long long) (x->normalised * score_plugin_weight(p)));
        }
        strbuf_putc(b, ']');
}

static void put_reason(const ExplainRow *row, const PodClass *class, uint32_t bit, bool first, StrBuf *b) {
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(4 * KIB);

        verdict_put(&row->verdict, class, bit, &text);
        strbuf_puts(b, first ? "" : ",");
        json_put_text(b, &text);
}

static void put_refusal(const ExplainRow *row, const PodClass *class, StrBuf *b) {
        strbuf_printf(b, ",\"plugin\":\"%s\",\"reasons\":[", filter_plugin(row->verdict.kind));
        if (row->verdict.kind != FILTER_RESOURCES)
                put_reason(row, class, 0, true, b);
        else
                for (uint32_t bits = row->verdict.detail; bits; bits &= bits - 1)
                        put_reason(row, class, bits & -bits, bits == row->verdict.detail, b);
        strbuf_putc(b, ']');
}

static void put_group(const Explanation *e, const ExplainRow *row, StrBuf *b) {
        const ClassOrder *o = e->order;
        bool fits = row->verdict.kind == FILTER_FITS;

        strbuf_printf(b, "{\"count\":%zu,\"nodes\":[", row->n_nodes);
        for (size_t i = 0; i < MIN(row->n_nodes, (size_t) EXPLAIN_NAMES); i++) {
                strbuf_puts(b, i > 0 ? "," : "");
                json_put_string(b, o->scheduler->nodes[row->slots[i]]->node->object.name);
        }
        strbuf_printf(b, "],\"fits\":%s", fits ? "true" : "false");
        if (fits) {
                strbuf_printf(b, ",\"winner\":%s,\"total\":%lld", row->winner ? "true" : "false", (long long) row->total);
                if (o->algorithm->profile)
                        put_scores(row, b);
        } else
                put_refusal(row, o->class, b);
        strbuf_putc(b, '}');
}

/* Is it there, and not to be placed by ours (yet)? */
static bool is_held(const Question *q) {
        StoreEntry *e = q->explain.pod ? store_find(cluster_store(q->api->cluster), KIND_POD, q->explain.pod) : NULL;

        return e && pod_of(pod_state(e))->held && !pod_of(pod_state(e))->node;
}

/* What a look at one pod alone does not see. */
static void put_notes(const Question *q, const Explanation *e, StrBuf *b) {
        WhatIfItem item = q->manifest.items[0];
        bool gang = item.class->gang.name, preempts, held = is_held(q);
        _cleanup_strbuf_ StrBuf note = STRBUF_INIT(4 * KIB);

        item.count = 1;
        preempts = !e->winner && what_if_count_preempting(q->what_if, &item, 1) > 0;
        strbuf_puts(b, ",\"notes\":[");
        if (held)
                json_put_string(b, "it has scheduling gates, a node that it names or another scheduler: this is as if it had not");
        if (gang) {
                strbuf_puts(b, held ? "," : "");
                strbuf_printf(&note, "it is of pod group \"%s\", which is placed all or none once %u are there: this looks at it alone",
                              item.class->gang.name, item.class->gang.min_member);
                json_put_text(b, &note);
        }
        if (preempts) {
                strbuf_puts(b, held || gang ? "," : "");
                json_put_string(b, "pods of a lower priority are on nodes: it may send some of them away, which is not worked out here");
        }
        strbuf_puts(b, "]");
}

static void put_explanation(const Question *q, const Explanation *e, StrBuf *b) {
        _cleanup_strbuf_ StrBuf message = STRBUF_INIT(16 * KIB);
        const SchedAlgorithm *algorithm = e->order->algorithm;
        size_t n = MIN(e->n_rows, (size_t) q->explain.limit);

        strbuf_printf(b, ",\"algorithm\":\"%s\",\"pick\":\"%s\",\"nodes\":%zu,\"feasible\":%zu,\"winner\":", algorithm->name, pick_name(algorithm->pick),
                      e->n_nodes, e->n_fit);
        json_put_string(b, e->winner ? e->winner->node->object.name : "");
        if (!e->winner)
                class_order_put_message(e->order, &message);
        strbuf_puts(b, ",\"message\":");
        json_put_text(b, &message);
        put_notes(q, e, b);
        strbuf_puts(b, ",\"groups\":[");
        for (size_t i = 0; i < n; i++) {
                strbuf_puts(b, i > 0 ? "," : "");
                put_group(e, &e->rows[i], b);
        }
        strbuf_printf(b, "],\"groupsLeftOut\":%zu}\n", e->n_rows - n);
}

static int put_algorithm(Question *q, StrBuf *b) {
        _cleanup_explanation_ Explanation e = {};
        int r;

        r = explain(&q->what_if->scheduler, q->manifest.items[0].class, q->algorithm, q->explain.each, &e);
        if (r >= 0)
                put_explanation(q, &e, b);
        return r;
}

/* A pod that there is: its own room is free. */
static int put_begin(Question *q, StrBuf *b) {
        StoreEntry *e = q->explain.pod ? store_find(cluster_store(q->api->cluster), KIND_POD, q->explain.pod) : NULL;

        if (e)
                what_if_take_pod(q->what_if, pod_state(e));
        strbuf_puts(b, "{\"pod\":");
        json_put_string(b, q->manifest.items[0].name);
        strbuf_puts(b, ",\"boundTo\":");
        json_put_string(b, e ? strempty(pod_of(pod_state(e))->node) : "");
        return 0;
}

/* That which ?algorithm= names, else the one that would place it. */
static int choose_algorithm(Question *q, Error *reterr) {
        const char *name = http_request_query(q->req, "algorithm");
        const PodClass *class = q->manifest.items[0].class;
        const SchedAlgorithm *algorithm;
        int r;

        if (name) {
                r = question_find_algorithm(name, &algorithm, reterr);
                return r < 0 ? r : question_set_algorithm(q, algorithm);
        }
        algorithm = class->algorithm ? sched_algorithm_find(class->algorithm) : NULL;
        return question_set_algorithm(q, algorithm ?: cluster_algorithm(q->api->cluster));
}

static int reply_explanation(Question *question, Error *reterr) {
        _cleanup_(question_freep) Question *q = question;
        const char *each = http_request_query(q->req, "each");
        int r;

        q->explain.limit = GROUPS_DEFAULT;
        q->explain.each = each && !streq(each, "0") && !streq(each, "false");
        r = query_u64(q->req, "limit", 1, GROUPS_MAX, &q->explain.limit, reterr);
        if (r >= 0)
                r = choose_algorithm(q, reterr);
        if (r < 0)
                return r;
        q->looks_only = true;
        q->put_begin = put_begin;
        q->put_algorithm = put_algorithm;
        return question_reply(TAKE_PTR(q));
}

int handle_explain_pod(HttpRequest *req, void *userdata, Error *reterr) {
        const char *id = http_request_param(req, 0), *namespace = http_request_query(req, "namespace") ?: NAMESPACE_DEFAULT;
        _cleanup_free_ char *key = object_key(namespace, id);
        _cleanup_(question_freep) Question *q = NULL;
        ApiContext *api = userdata;
        WhatIfItem item = {};
        StoreEntry *e;
        int r;

        if (!key)
                return -ENOMEM;
        e = store_find(cluster_store(api->cluster), KIND_POD, key);
        if (!e)
                return error_set_field(reterr, -ENOENT, "podId", id, "there is no pod \"%s\"", key);
        r = question_new(req, api, &q, reterr);
        if (r >= 0)
                r = what_if_class_of(q->what_if, pod_state(e), &item.class);
        if (r >= 0) {
                item.name = strdup(key);
                r = manifest_add(&q->manifest, &item);
        }
        if (r < 0)
                return r;
        q->explain.pod = TAKE_PTR(key);
        return reply_explanation(TAKE_PTR(q), reterr);
}

int handle_explain(HttpRequest *req, void *userdata, Error *reterr) {
        _cleanup_(question_freep) Question *q = NULL;
        ApiContext *api = userdata;
        int r;

        r = question_new(req, api, &q, reterr);
        if (r >= 0)
                r = manifest_read_pod(req, api, &q->what_if->scheduler.classes, &q->manifest, reterr);
        return r < 0 ? r : reply_explanation(TAKE_PTR(q), reterr);
}
