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

#define ANSWER_MAX (64 * MIB)
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
        json_put_string(b, strbuf_str(&text));
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

static void put_explanation(const Explanation *e, const char *pod, const char *bound, size_t limit, StrBuf *b) {
        _cleanup_strbuf_ StrBuf message = STRBUF_INIT(16 * KIB);
        const SchedAlgorithm *algorithm = e->order->algorithm;

        strbuf_puts(b, "{\"pod\":");
        json_put_string(b, pod);
        strbuf_printf(b, ",\"boundTo\":");
        json_put_string(b, strempty(bound));
        strbuf_printf(b, ",\"algorithm\":\"%s\",\"pick\":\"%s\",\"nodes\":%zu,\"feasible\":%zu,\"winner\":", algorithm->name, pick_name(algorithm->pick),
                      e->n_nodes, e->n_fit);
        json_put_string(b, e->winner ? e->winner->node->object.name : "");
        if (!e->winner)
                class_order_put_message(e->order, &message);
        strbuf_puts(b, ",\"message\":");
        json_put_string(b, strbuf_str(&message));
        strbuf_puts(b, ",\"groups\":[");
        for (size_t i = 0; i < MIN(e->n_rows, limit); i++) {
                strbuf_puts(b, i > 0 ? "," : "");
                put_group(e, &e->rows[i], b);
        }
        strbuf_printf(b, "],\"groupsLeftOut\":%zu}\n", e->n_rows - MIN(e->n_rows, limit));
}

static int reply_explanation(HttpRequest *req, ApiContext *api, WhatIf *w, PodClass *class, const SchedAlgorithm *algorithm, const char *pod,
                             const char *bound, Error *reterr) {
        const char *each = http_request_query(req, "each");
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(ANSWER_MAX);
        _cleanup_explanation_ Explanation e = {};
        uint64_t limit = GROUPS_DEFAULT;
        int r;

        r = query_u64(req, "limit", 1, GROUPS_MAX, &limit, reterr);
        if (r < 0)
                return r;
        r = explain(&w->scheduler, class, algorithm, each && !streq(each, "0") && !streq(each, "false"), &e);
        if (r < 0)
                return r;
        put_explanation(&e, pod, bound, limit, &b);
        return http_reply(req, 200, NATIVE_JSON, &b, api_mark(api));
}

/* That which ?algorithm= names, else the one that would place it. */
static int choose_algorithm(HttpRequest *req, ApiContext *api, const PodClass *class, const SchedAlgorithm **ret, Error *reterr) {
        const char *name = http_request_query(req, "algorithm");

        if (name)
                return question_find_algorithm(name, ret, reterr);
        *ret = class->algorithm ? sched_algorithm_find(class->algorithm) : NULL;
        if (!*ret)
                *ret = cluster_algorithm(api->cluster);
        return 0;
}

int handle_explain_pod(HttpRequest *req, void *userdata, Error *reterr) {
        const char *id = http_request_param(req, 0), *namespace = http_request_query(req, "namespace") ?: NAMESPACE_DEFAULT;
        _cleanup_free_ char *key = object_key(namespace, id);
        _cleanup_(what_if_freep) WhatIf *w = NULL;
        _cleanup_(pod_class_unrefp) PodClass *class = NULL; /* after what it may be of the pool of */
        const SchedAlgorithm *algorithm;
        ApiContext *api = userdata;
        StoreEntry *e;
        int r;

        if (!key)
                return -ENOMEM;
        e = store_find(cluster_store(api->cluster), KIND_POD, key);
        if (!e)
                return error_set_field(reterr, -ENOENT, "podId", id, "there is no pod \"%s\"", key);
        r = what_if_new(api->cluster, QUESTION_SEED, &w);
        if (r >= 0)
                r = what_if_take_pod(w, pod_state(e), &class);
        if (r >= 0)
                r = choose_algorithm(req, api, class, &algorithm, reterr);
        if (r < 0)
                return r;
        return reply_explanation(req, api, w, class, algorithm, key, pod_of(pod_state(e))->node, reterr);
}

int handle_explain(HttpRequest *req, void *userdata, Error *reterr) {
        _cleanup_(what_if_freep) WhatIf *w = NULL;
        _cleanup_(manifest_done) Manifest m = {};
        const SchedAlgorithm *algorithm;
        ApiContext *api = userdata;
        int r;

        r = what_if_new(api->cluster, QUESTION_SEED, &w);
        if (r >= 0)
                r = manifest_read_pod(req, api, &w->scheduler.classes, &m, reterr);
        if (r >= 0)
                r = choose_algorithm(req, api, m.items[0].class, &algorithm, reterr);
        if (r < 0)
                return r;
        return reply_explanation(req, api, w, m.items[0].class, algorithm, m.items[0].name, NULL, reterr);
}
