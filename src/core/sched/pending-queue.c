/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sched/pending-queue.h"

#include "basic/macro.h"

void pending_queue_init(PendingQueue *q) {
        *q = (PendingQueue) { .seed = 1 };
}

void pending_queue_done(PendingQueue *q) {
        *q = (PendingQueue) {};
}

static void refresh(PendingEntry *e) {
        e->least = e->cpu;
        if (e->left)
                e->least = MIN(e->least, e->left->least);
        if (e->right)
                e->least = MIN(e->least, e->right->least);
}

static void replace(PendingQueue *q, PendingEntry *e, PendingEntry *with) {
        if (!e->parent)
                q->root = with;
        else if (e->parent->left == e)
                e->parent->left = with;
        else
                e->parent->right = with;
        if (with)
                with->parent = e->parent;
}

static void rotate_up(PendingQueue *q, PendingEntry *e) {
        PendingEntry *p = e->parent, *moved;

        replace(q, p, e);
        if (p->left == e) {
                moved = e->right;
                e->right = p;
                p->left = moved;
        } else {
                moved = e->left;
                e->left = p;
                p->right = moved;
        }
        p->parent = e;
        if (moved)
                moved->parent = p;
        refresh(p);
        refresh(e);
}

int pending_queue_add(PendingQueue *q, PendingEntry *e) {
        PendingEntry **link = &q->root, *parent = NULL;

        while (*link) {
                parent = *link;
                parent->least = MIN(parent->least, e->cpu);
                link = e->order < parent->order ? &parent->left : &parent->right;
        }
        q->seed = q->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        *e = (PendingEntry) { .parent = parent, .priority = q->seed >> 16, .cpu = e->cpu, .least = e->cpu, .order = e->order };
        *link = e;
        q->n_entries++;
        while (e->parent && e->parent->priority < e->priority)
                rotate_up(q, e);
        return 0;
}

void pending_queue_remove(PendingQueue *q, PendingEntry *e) {
        PendingEntry *p;

        while (e->left && e->right)
                rotate_up(q, e->left->priority > e->right->priority ? e->left : e->right);
        p = e->parent;
        replace(q, e, e->left ?: e->right);
        for (; p; p = p->parent)
                refresh(p);
        e->left = e->right = e->parent = NULL;
        q->n_entries--;
}

PendingEntry *pending_queue_first_fit(const PendingQueue *q, int64_t free) {
        PendingEntry *e = q->root;

        if (!e || e->least > free)
                return NULL;
        for (;;)
                if (e->left && e->left->least <= free)
                        e = e->left;
                else if (e->cpu <= free)
                        return e;
                else
                        e = e->right; /* it must be there: least says so */
}

PendingEntry *pending_queue_first(const PendingQueue *q) {
        PendingEntry *e = q->root;

        while (e && e->left)
                e = e->left;
        return e;
}

PendingEntry *pending_queue_next(const PendingEntry *e) {
        if (e->right) {
                for (e = e->right; e->left; e = e->left)
                        ;
                return (PendingEntry*) e;
        }
        while (e->parent && e->parent->right == e)
                e = e->parent;
        return e->parent;
}

size_t pending_queue_size(const PendingQueue *q) {
        return q->n_entries;
}
