/* SPDX-License-Identifier: Apache-2.0 */
/* Why no node fits, in kube-scheduler's words (framework, types.go: FitError; the reasons of each plugin). */
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/sched/class-order.h"
#include "core/sched/scheduler.h"

#define REASON_LETTERS 320
#define REASONS_MAX 64 /* different ones; nodes with further ones (a taint may have a value for each node) are counted together */

static const char *const reasons[_FILTER_MAX] = {
        [FILTER_NOT_NAMED] = "node(s) didn't satisfy plugin(s) [NodeAffinity]",
        [FILTER_UNSCHEDULABLE] = "node(s) were unschedulable",
        [FILTER_NOT_READY] = "node(s) were not ready",
        [FILTER_NODE_AFFINITY] = "node(s) didn't match Pod's node affinity/selector",
        [FILTER_PORTS] = "node(s) didn't have free ports for the requested pod ports",
        [FILTER_SPREAD] = "node(s) didn't match pod topology spread constraints",
        [FILTER_SPREAD_LABEL] = "node(s) didn't match pod topology spread constraints (missing required label)",
        [FILTER_POD_AFFINITY] = "node(s) didn't match pod affinity rules",
        [FILTER_POD_ANTI_AFFINITY] = "node(s) didn't match pod anti-affinity rules",
        [FILTER_OTHERS_ANTI_AFFINITY] = "node(s) didn't satisfy existing pods anti-affinity rules",
        [FILTER_UNHELPED] = "Preemption is not helpful for scheduling",
        [FILTER_NO_VICTIMS] = "No preemption victims found for incoming pod",
};

static void put_lack(uint32_t bit, const PodClass *c, StrBuf *b) {
        if (bit == LACKS_PODS)
                return strbuf_puts(b, "Too many pods");
        strbuf_puts(b, "Insufficient ");
        if (bit == LACKS_CPU)
                return strbuf_puts(b, "cpu");
        if (bit == LACKS_MEMORY)
                return strbuf_puts(b, "memory");
        if (bit == LACKS_EPHEMERAL)
                return strbuf_puts(b, "ephemeral-storage");
        for (size_t i = 0; i < c->n_extended; i++)
                if (LACKS_EXTENDED(i) == bit)
                        return strbuf_puts(b, c->extended[i].name);
}

void verdict_put(const Verdict *v, const PodClass *c, uint32_t bit, StrBuf *b) {
        if (v->kind == FILTER_RESOURCES)
                put_lack(bit, c, b);
        else if (v->kind == FILTER_TAINT)
                strbuf_printf(b, "node(s) had untolerated taint {%s: %s}", v->taint->key, v->taint->value);
        else
                strbuf_puts(b, strempty(reasons[v->kind]));
}

typedef struct Reason {
        Verdict verdict;
        uint32_t bit;
        size_t n;
        char text[REASON_LETTERS];
} Reason;

static bool is_same(const Reason *r, const Verdict *v, uint32_t bit) {
        if (r->verdict.kind != v->kind || r->bit != bit)
                return false;
        return v->kind != FILTER_TAINT || r->verdict.taint == v->taint ||
               (streq(r->verdict.taint->key, v->taint->key) && streq(r->verdict.taint->value, v->taint->value));
}

/* False: it is one too many. */
static bool count(Reason *list, size_t *n, const Verdict *v, uint32_t bit) {
        for (size_t i = 0; i < *n; i++)
                if (is_same(&list[i], v, bit)) {
                        list[i].n++;
                        return true;
                }
        if (*n >= REASONS_MAX)
                return false;
        list[(*n)++] = (Reason) { .verdict = *v, .bit = bit, .n = 1 };
        return true;
}

static bool count_verdict(Reason *list, size_t *n, const Verdict *v) {
        bool all = true;

        if (v->kind != FILTER_RESOURCES)
                return count(list, n, v, 0);
        for (uint32_t bits = v->detail; bits; bits &= bits - 1)
                all &= count(list, n, v, bits & -bits);
        return all;
}

static int compare_texts(const void *a, const void *b) {
        return strcmp(((const Reason*) a)->text, ((const Reason*) b)->text);
}

static void put_reasons(const ClassOrder *o, verdict_of_t verdict_of, const void *userdata, Reason *list, StrBuf *b) {
        size_t n = 0, n_others = 0;

        for (size_t i = 0; i < o->scheduler->n_slots && i < o->n_nodes; i++) {
                Verdict v;

                if (!o->nodes[i].present)
                        continue;
                v = verdict_of(o, i, userdata);
                if (v.kind != FILTER_FITS)
                        n_others += !count_verdict(list, &n, &v);
        }
        for (size_t i = 0; i < n; i++) {
                _cleanup_strbuf_ StrBuf text = STRBUF_INIT(KIB);

                verdict_put(&list[i].verdict, o->class, list[i].bit, &text);
                (void) snprintf(list[i].text, sizeof(list[i].text), "%zu %s", list[i].n, strbuf_str(&text));
                strbuf_fail(b, strbuf_error(&text));
        }
        qsort(list, n, sizeof(Reason), compare_texts);
        for (size_t i = 0; i < n; i++)
                strbuf_printf(b, "%s%s", i > 0 ? ", " : "", list[i].text);
        if (n_others > 0)
                strbuf_printf(b, ", %zu node(s) had other reasons", n_others);
}

void class_order_put_reasons(const ClassOrder *o, verdict_of_t verdict_of, const void *userdata, StrBuf *b) {
        _cleanup_free_ Reason *list = NULL;

        strbuf_printf(b, "0/%zu nodes are available", o->scheduler->n_nodes);
        list = new0(Reason, REASONS_MAX);
        if (list) {
                strbuf_puts(b, ": ");
                put_reasons(o, verdict_of, userdata, list, b);
        }
        strbuf_putc(b, '.');
        if (!list)
                strbuf_fail(b, -ENOMEM); /* what there is of it is still good for a pod's condition */
}

static Verdict as_it_is(const ClassOrder *o, size_t slot, const void *userdata _unused_) {
        return class_order_verdict(o, slot);
}

void class_order_put_message(const ClassOrder *o, StrBuf *b) {
        if (o->scheduler->n_nodes == 0)
                return strbuf_puts(b, "no nodes available to schedule pods");
        class_order_put_reasons(o, as_it_is, NULL, b);
}
