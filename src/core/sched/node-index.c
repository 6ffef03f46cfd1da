/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sched/node-index.h"

#include "basic/alloc-util.h"

static int compare_free(const TreapNode *a, const TreapNode *b) {
        const NodeIndexEntry *x = container_of(a, NodeIndexEntry, by_free), *y = container_of(b, NodeIndexEntry, by_free);

        return CMP(x->free, y->free) ?: CMP(x->order, y->order);
}

void node_index_init(NodeIndex *x) {
        *x = (NodeIndex) {};
        treap_init(&x->by_free, compare_free);
}

void node_index_done(NodeIndex *x) {
        maxtree_done(&x->free_by_slot);
        free(x->slots);
        *x = (NodeIndex) {};
}

/* The first slot that holds an entry of that order or a later one. Holes are skipped: at most as many as entries. */
static size_t slot_of_order(const NodeIndex *x, uint64_t order) {
        size_t low = 0, high = x->n_slots;

        while (low < high) {
                size_t mid = low + (high - low) / 2, m = mid;

                while (m < high && !x->slots[m])
                        m++;
                if (m == high)
                        high = mid;
                else if (x->slots[m]->order < order)
                        low = m + 1;
                else
                        high = mid;
        }
        return low;
}

static void put_in_slot(NodeIndex *x, size_t slot, NodeIndexEntry *e) {
        x->slots[slot] = e;
        if (e)
                e->slot = slot;
        if (x->kept == NODE_ORDER_REGISTERED)
                maxtree_set(&x->free_by_slot, slot, e ? e->free : MAXTREE_EMPTY);
}

void node_index_keep(NodeIndex *x, NodeOrder order) {
        if (order == x->kept)
                return;
        x->kept = order;
        treap_init(&x->by_free, compare_free);
        for (size_t i = 0; i < x->n_slots; i++) {
                NodeIndexEntry *e = x->slots[i];

                put_in_slot(x, i, e);
                if (order == NODE_ORDER_FREE && e && e->free != NODE_INDEX_CLOSED)
                        treap_insert(&x->by_free, &e->by_free);
        }
}

static void compact(NodeIndex *x) {
        size_t n = 0;

        if (x->n_slots < 64 || x->n_entries * 2 > x->n_slots)
                return;
        for (size_t i = 0; i < x->n_slots; i++)
                if (x->slots[i])
                        put_in_slot(x, n++, x->slots[i]);
        for (size_t i = n; i < x->n_slots; i++)
                put_in_slot(x, i, NULL);
        x->n_slots = n;
}

int node_index_add(NodeIndex *x, NodeIndexEntry *e) {
        size_t slot;
        int r;

        if (!GREEDY_REALLOC(x->slots, x->allocated, x->n_slots + 1))
                return -ENOMEM;
        r = maxtree_reserve(&x->free_by_slot, x->n_slots + 1);
        if (r < 0)
                return r;

        e->free = NODE_INDEX_CLOSED;
        e->by_free = (TreapNode) {};
        slot = slot_of_order(x, e->order); /* nearly always the end */
        for (size_t i = x->n_slots++; i > slot; i--)
                put_in_slot(x, i, x->slots[i - 1]);
        put_in_slot(x, slot, e);
        x->n_entries++;
        return 0;
}

void node_index_remove(NodeIndex *x, NodeIndexEntry *e) {
        node_index_set(x, e, NODE_INDEX_CLOSED);
        put_in_slot(x, e->slot, NULL);
        x->n_entries--;
        compact(x);
}

void node_index_set(NodeIndex *x, NodeIndexEntry *e, int64_t free) {
        if (e->free == free)
                return;
        if (x->kept == NODE_ORDER_REGISTERED) {
                e->free = free;
                maxtree_set(&x->free_by_slot, e->slot, free);
                return;
        }
        if (e->free != NODE_INDEX_CLOSED)
                treap_remove(&x->by_free, &e->by_free);
        e->free = free;
        if (free != NODE_INDEX_CLOSED)
                treap_insert(&x->by_free, &e->by_free);
}

int64_t node_index_max_free(const NodeIndex *x) {
        const TreapNode *last;

        if (x->kept == NODE_ORDER_REGISTERED)
                return maxtree_top(&x->free_by_slot);
        last = treap_last(&x->by_free);
        return last ? container_of(last, NodeIndexEntry, by_free)->free : NODE_INDEX_CLOSED;
}

NodeIndexEntry *node_index_first(const NodeIndex *x, int64_t free) {
        size_t slot;

        assert(x->kept == NODE_ORDER_REGISTERED);
        slot = maxtree_find(&x->free_by_slot, 0, free);
        return slot == SIZE_MAX ? NULL : x->slots[slot];
}

/* Where the entry is that node_index_next() found last; the search is for when it has been removed or moved since. */
static size_t slot_after_last(const NodeIndex *x) {
        const NodeIndexEntry *last = x->last_slot < x->n_slots ? x->slots[x->last_slot] : NULL;

        return last && last->order == x->last_order ? x->last_slot + 1 : slot_of_order(x, x->last_order + 1);
}

NodeIndexEntry *node_index_next(NodeIndex *x, int64_t free) {
        size_t slot;

        assert(x->kept == NODE_ORDER_REGISTERED);
        slot = maxtree_find(&x->free_by_slot, slot_after_last(x), free);
        if (slot == SIZE_MAX)
                slot = maxtree_find(&x->free_by_slot, 0, free);
        if (slot == SIZE_MAX)
                return NULL;
        x->last_slot = slot;
        x->last_order = x->slots[slot]->order;
        return x->slots[slot];
}

NodeIndexEntry *node_index_tightest(const NodeIndex *x, int64_t free) {
        const NodeIndexEntry key = { .free = free };
        TreapNode *n;

        assert(x->kept == NODE_ORDER_FREE);
        n = treap_lower_bound(&x->by_free, &key.by_free);
        return n ? container_of(n, NodeIndexEntry, by_free) : NULL;
}
