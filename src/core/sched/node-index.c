/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sched/node-index.h"

#include "basic/alloc-util.h"

static int compare_free(const TreapNode *a, const TreapNode *b) {
        const NodeIndexEntry *x = container_of(a, NodeIndexEntry, by_free), *y = container_of(b, NodeIndexEntry, by_free);

        return CMP(x->free, y->free) ?: CMP(x->order, y->order);
}

void node_index_init(NodeIndex *x) {
        *x = (NodeIndex) {};
        treap_init(&x->treap, compare_free);
}

void node_index_done(NodeIndex *x) {
        maxtree_done(&x->free_by_slot);
        free(x->slots);
        free(x->buckets);
        *x = (NodeIndex) {};
}

/* --- By free capacity --- */

/* What is less than nothing is in the first one. */
static uint32_t bucket_of(const NodeIndex *x, int64_t free) {
        return free <= 0 ? 0 : (uint32_t) MIN((uint64_t) free >> x->shift, (uint64_t) BITTREE_SIZE - 1);
}

static Treap *open_bucket(NodeIndex *x, uint32_t bucket) {
        x->treap.root = x->buckets[bucket];
        return &x->treap;
}

static void close_bucket(NodeIndex *x, uint32_t bucket) {
        x->buckets[bucket] = x->treap.root;
        if (x->treap.root)
                bittree_add(&x->used, bucket);
        else
                bittree_remove(&x->used, bucket);
}

static void insert_free(NodeIndex *x, NodeIndexEntry *e) {
        uint32_t bucket = bucket_of(x, e->free);

        treap_insert(open_bucket(x, bucket), &e->by_free);
        close_bucket(x, bucket);
}

static void remove_free(NodeIndex *x, NodeIndexEntry *e) {
        uint32_t bucket = bucket_of(x, e->free);

        treap_remove(open_bucket(x, bucket), &e->by_free);
        close_bucket(x, bucket);
}

/* Puts them all into buckets anew. */
static void fill_buckets(NodeIndex *x) {
        for (uint32_t b = bittree_last(&x->used); b != UINT32_MAX; b = bittree_last(&x->used)) {
                x->buckets[b] = NULL;
                bittree_remove(&x->used, b);
        }
        for (size_t i = 0; i < x->n_slots; i++)
                if (x->slots[i] && x->slots[i]->free != NODE_INDEX_CLOSED)
                        insert_free(x, x->slots[i]);
}

/* One has more than the buckets have room for: they become twice as wide, as often as it takes. */
static void widen(NodeIndex *x, int64_t free) {
        if (free <= 0 || (uint64_t) free >> x->shift < BITTREE_SIZE)
                return;
        while ((uint64_t) free >> x->shift >= BITTREE_SIZE)
                x->shift++;
        fill_buckets(x);
}

/* --- By order of registration --- */

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
        for (size_t i = 0; i < x->n_slots; i++)
                put_in_slot(x, i, x->slots[i]);
        if (order != NODE_ORDER_FREE)
                return;
        for (size_t i = 0; i < x->n_slots; i++)
                if (x->slots[i])
                        while (x->slots[i]->free > 0 && (uint64_t) x->slots[i]->free >> x->shift >= BITTREE_SIZE)
                                x->shift++;
        fill_buckets(x);
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
        if (!x->buckets && !(x->buckets = new0(TreapNode*, BITTREE_SIZE)))
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
                remove_free(x, e);
        e->free = NODE_INDEX_CLOSED;
        if (free == NODE_INDEX_CLOSED)
                return;
        widen(x, free);
        e->free = free;
        insert_free(x, e);
}

int64_t node_index_max_free(const NodeIndex *x) {
        uint32_t bucket;

        if (x->kept == NODE_ORDER_REGISTERED)
                return maxtree_top(&x->free_by_slot);
        bucket = bittree_last(&x->used);
        return bucket == UINT32_MAX ? NODE_INDEX_CLOSED :
               container_of(treap_last(&(Treap) { .root = x->buckets[bucket] }), NodeIndexEntry, by_free)->free;
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
        uint32_t bucket = bucket_of(x, free);
        TreapNode *n;

        assert(x->kept == NODE_ORDER_FREE);
        if (x->n_entries == 0)
                return NULL;
        n = treap_lower_bound(&(Treap) { .root = x->buckets[bucket], .compare = compare_free }, &key.by_free);
        if (n)
                return container_of(n, NodeIndexEntry, by_free);
        bucket = bittree_after(&x->used, bucket);
        return bucket == UINT32_MAX ? NULL : container_of(treap_first(&(Treap) { .root = x->buckets[bucket] }), NodeIndexEntry, by_free);
}
