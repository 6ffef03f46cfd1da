/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/doc-pool.h"

#include "basic/alloc-util.h"
#include "basic/hashtable.h"

struct DocPool {
        Doc **buckets; /* chains by Doc.next */
        size_t n_buckets; /* a power of two */
        size_t n_docs;
        uint64_t secret[2];
        uint64_t last_number;
        void (*free_view)(void *view);
};

int doc_pool_new(const uint64_t secret[2], DocPool **ret) {
        _cleanup_(doc_pool_freep) DocPool *p = NULL;

        p = new0(DocPool, 1);
        if (!p)
                return -ENOMEM;
        p->n_buckets = 16;
        p->buckets = new0(Doc*, p->n_buckets);
        if (!p->buckets)
                return -ENOMEM;
        p->secret[0] = secret[0];
        p->secret[1] = secret[1];
        *ret = TAKE_PTR(p);
        return 0;
}

static void leave(DocPool *p, Doc *d) {
        if (d->view && p->free_view)
                p->free_view(d->view);
        d->view = NULL;
        d->pool = NULL;
        d->next = NULL;
        p->n_docs--;
}

DocPool *doc_pool_free(DocPool *p) {
        if (!p)
                return NULL;
        for (size_t i = 0; p->buckets && i < p->n_buckets; i++)
                for (Doc *d = p->buckets[i], *next; d; d = next) {
                        next = d->next;
                        leave(p, d);
                        d->number = 0;
                }
        free(p->buckets);
        return mfree(p);
}

static Doc **bucket_of(const DocPool *p, uint64_t hash) {
        return &p->buckets[hash & (p->n_buckets - 1)];
}

/* Without memory for it the chains get longer, that is all. */
static void grow(DocPool *p) {
        DocPool wider = { .n_buckets = p->n_buckets * 2 };

        wider.buckets = new0(Doc*, wider.n_buckets);
        if (!wider.buckets)
                return;
        for (size_t i = 0; i < p->n_buckets; i++)
                for (Doc *d = p->buckets[i], *next; d; d = next) {
                        Doc **bucket = bucket_of(&wider, d->hash);

                        next = d->next;
                        d->next = *bucket;
                        *bucket = d;
                }
        free(p->buckets);
        p->buckets = wider.buckets;
        p->n_buckets = wider.n_buckets;
}

static Doc *find(const DocPool *p, const Doc *like, uint64_t hash) {
        for (Doc *d = *bucket_of(p, hash); d; d = d->next)
                if (d->hash == hash && doc_equal(d, like))
                        return d;
        return NULL;
}

static void enter(DocPool *p, Doc *d, uint64_t hash, uint64_t number) {
        Doc **bucket;

        if (p->n_docs >= p->n_buckets)
                grow(p);
        bucket = bucket_of(p, hash);
        d->pool = p;
        d->hash = hash;
        d->number = number;
        d->next = *bucket;
        *bucket = d;
        p->n_docs++;
        p->last_number = MAX(p->last_number, number);
}

Doc *doc_pool_intern(DocPool *p, Doc *d) {
        uint64_t hash;
        Doc *old;

        if (d->pool == p || d->number > 0)
                return d;
        hash = siphash13(d->metadata, doc_text_size(d), p->secret);
        old = find(p, d, hash);
        if (!old) {
                enter(p, d, hash, p->last_number + 1);
                return d;
        }
        doc_unref(d);
        return doc_ref(old);
}

void doc_pool_add(DocPool *p, Doc *d, uint64_t number) {
        uint64_t hash = siphash13(d->metadata, doc_text_size(d), p->secret);

        assert(!d->pool);
        if (!find(p, d, hash))
                enter(p, d, hash, number);
        d->number = number;
        p->last_number = MAX(p->last_number, number);
}

size_t doc_pool_count(const DocPool *p) {
        return p->n_docs;
}

void doc_pool_set_view_free(DocPool *p, void (*free_view)(void *view)) {
        p->free_view = free_view;
}

void doc_pool_forget(DocPool *p, Doc *d) {
        Doc **link = bucket_of(p, d->hash);

        while (*link != d)
                link = &(*link)->next;
        *link = d->next;
        leave(p, d);
}
