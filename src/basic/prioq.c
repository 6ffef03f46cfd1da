/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/prioq.h"

#include "basic/alloc-util.h"
#include "basic/time-util.h"

void prioq_done(Prioq *q) {
        assert(q);
        free(q->items);
        *q = (Prioq) {};
}

static void put_at(Prioq *q, size_t i, PrioqItem *item) {
        q->items[i] = item;
        item->index = (uint32_t) i;
}

static void sift_up(Prioq *q, size_t i) {
        PrioqItem *item = q->items[i];

        for (; i > 0 && q->items[(i - 1) / 2]->when > item->when; i = (i - 1) / 2)
                put_at(q, i, q->items[(i - 1) / 2]);
        put_at(q, i, item);
}

static void sift_down(Prioq *q, size_t i) {
        PrioqItem *item = q->items[i];

        for (;;) {
                size_t c = 2 * i + 1;

                if (c >= q->n_items)
                        break;
                if (c + 1 < q->n_items && q->items[c + 1]->when < q->items[c]->when)
                        c++;
                if (q->items[c]->when >= item->when)
                        break;
                put_at(q, i, q->items[c]);
                i = c;
        }
        put_at(q, i, item);
}

int prioq_set(Prioq *q, PrioqItem *item, usec_t when) {
        assert(q);
        assert(item);

        if (when == USEC_INFINITY) {
                prioq_remove(q, item);
                return 0;
        }
        if (item->index == PRIOQ_NONE) {
                if (!GREEDY_REALLOC(q->items, q->allocated, q->n_items + 1))
                        return -ENOMEM;
                put_at(q, q->n_items++, item);
        }
        item->when = when;
        sift_up(q, item->index);
        sift_down(q, item->index);
        return 0;
}

void prioq_remove(Prioq *q, PrioqItem *item) {
        PrioqItem *last;
        size_t i;

        assert(q);
        assert(item);

        if (item->index == PRIOQ_NONE)
                return;
        i = item->index;
        item->index = PRIOQ_NONE;
        last = q->items[--q->n_items];
        if (last == item)
                return;
        put_at(q, i, last);
        sift_up(q, i);
        sift_down(q, last->index);
}
