/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sched/explain.h"

#include "basic/alloc-util.h"
#include "basic/string-util.h"

typedef struct Table {
        uint32_t *rows; /* number of the row + 1; 0 = free; open addressing; owned */
        size_t n;       /* a power of two */
} Table;

static uint64_t mix(uint64_t h, uint64_t v) {
        h = (h ^ v) * UINT64_C(0xff51afd7ed558ccd);
        return h ^ (h >> 32);
}

static uint64_t mix_text(uint64_t h, const char *s) {
        for (; *s; s++)
                h = mix(h, (unsigned char) *s);
        return h;
}

static uint64_t hash_of(const ExplainRow *x) {
        uint64_t h = mix(mix(UINT64_C(0x9e3779b97f4a7c15), x->verdict.kind), x->verdict.detail);

        if (x->verdict.taint)
                h = mix_text(mix_text(h, x->verdict.taint->key), x->verdict.taint->value);
        for (ScorePlugin p = 0; p < _SCORE_PLUGIN_MAX; p++)
                h = mix(mix(h, (uint64_t) x->parts[p].raw), (uint64_t) x->parts[p].normalised);
        return mix(h, (uint64_t) x->total);
}

static bool same_taint(const Taint *a, const Taint *b) {
        return a == b || (a && b && streq(a->key, b->key) && streq(a->value, b->value));
}

static bool is_alike(const ExplainRow *a, const ExplainRow *b) {
        for (ScorePlugin p = 0; p < _SCORE_PLUGIN_MAX; p++)
                if (a->parts[p].raw != b->parts[p].raw || a->parts[p].normalised != b->parts[p].normalised)
                        return false;
        return a->verdict.kind == b->verdict.kind && a->verdict.detail == b->verdict.detail && a->total == b->total &&
               same_taint(a->verdict.taint, b->verdict.taint);
}

static ExplainRow *find_row(const Table *t, const Explanation *e, const ExplainRow *x, uint32_t **ret_place) {
        size_t i = hash_of(x) & (t->n - 1);

        for (; t->rows[i] != 0; i = (i + 1) & (t->n - 1))
                if (is_alike(&e->rows[t->rows[i] - 1], x))
                        return &e->rows[t->rows[i] - 1];
        *ret_place = &t->rows[i];
        return NULL;
}

/* The winner goes to the front. */
static void add_slot(ExplainRow *row, size_t slot, bool wins) {
        if (wins && row->n_nodes > 0) {
                size_t n = MIN(row->n_nodes, (size_t) EXPLAIN_NAMES - 1);

                memmove(row->slots + 1, row->slots, n * sizeof(row->slots[0]));
                row->slots[0] = (uint32_t) slot;
        } else if (row->n_nodes < EXPLAIN_NAMES)
                row->slots[row->n_nodes] = (uint32_t) slot;
        row->n_nodes++;
        row->winner |= wins;
}

static int add_node(Explanation *e, Table *t, size_t slot) {
        const ClassOrder *o = e->order;
        ExplainRow x = { .verdict = class_order_verdict(o, slot) }, *row = NULL;
        uint32_t *place = NULL;

        e->n_nodes++;
        if (x.verdict.kind == FILTER_FITS) {
                e->n_fit++;
                x.total = class_order_total(o, slot);
                if (o->algorithm->profile)
                        class_order_parts(o, slot, x.parts);
        }
        if (t->n > 0)
                row = find_row(t, e, &x, &place);
        if (!row) {
                if (!GREEDY_REALLOC(e->rows, e->allocated, e->n_rows + 1))
                        return -ENOMEM;
                row = &e->rows[e->n_rows++];
                *row = x;
                if (place)
                        *place = (uint32_t) e->n_rows;
        }
        add_slot(row, slot, o->scheduler->nodes[slot] == e->winner);
        return 0;
}

static int compare(const void *a, const void *b) {
        const ExplainRow *x = a, *y = b;
        bool fits_x = x->verdict.kind == FILTER_FITS, fits_y = y->verdict.kind == FILTER_FITS;

        if (fits_x != fits_y)
                return fits_x ? -1 : 1;
        if (x->winner != y->winner)
                return x->winner ? -1 : 1;
        return CMP(y->total, x->total) ?: CMP(y->n_nodes, x->n_nodes) ?: CMP(x->slots[0], y->slots[0]);
}

int explain(Scheduler *s, PodClass *class, const SchedAlgorithm *algorithm, bool each, Explanation *ret) {
        Table t = {};
        int r;

        *ret = (Explanation) {};
        r = scheduler_choose(s, class, algorithm, &ret->winner);
        if (r >= 0)
                r = scheduler_order(s, class, algorithm, &ret->order);
        if (r < 0)
                return r;
        (void) class_order_judge(ret->order);
        if (!each) {
                for (t.n = 16; t.n < s->n_nodes * 2;)
                        t.n *= 2;
                t.rows = new0(uint32_t, t.n);
                if (!t.rows)
                        return -ENOMEM;
        }
        for (size_t i = 0; i < s->n_slots && r >= 0; i++)
                if (s->nodes[i])
                        r = add_node(ret, &t, i);
        free(t.rows);
        if (r >= 0 && ret->n_rows > 0)
                qsort(ret->rows, ret->n_rows, sizeof(ExplainRow), compare);
        return r;
}

void explanation_done(Explanation *e) {
        free(e->rows);
        *e = (Explanation) {};
}
