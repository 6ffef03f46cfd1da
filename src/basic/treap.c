/* SPDX-License-Identifier: Apache-2.0 */
#include "basic/treap.h"

#include "basic/macro.h"

void treap_init(Treap *t, treap_compare_t compare) {
        assert(t);
        assert(compare);
        *t = (Treap) { .compare = compare, .seed = 1 };
}

/* Puts `with` where n hangs. */
static void replace(Treap *t, TreapNode *n, TreapNode *with) {
        if (!n->parent)
                t->root = with;
        else if (n->parent->left == n)
                n->parent->left = with;
        else
                n->parent->right = with;
        if (with)
                with->parent = n->parent;
}

static uint32_t size_of(const TreapNode *n) {
        return n ? n->size : 0;
}

/* Lifts n over its parent, keeping the order. */
static void rotate_up(Treap *t, TreapNode *n) {
        TreapNode *p = n->parent, *moved;
        uint32_t all = p->size;

        replace(t, p, n);
        if (p->left == n) {
                moved = n->right;
                n->right = p;
                p->left = moved;
        } else {
                moved = n->left;
                n->left = p;
                p->right = moved;
        }
        p->parent = n;
        if (moved)
                moved->parent = p;
        p->size = all - n->size + size_of(moved);
        n->size = all;
}

void treap_insert(Treap *t, TreapNode *n) {
        TreapNode **link = &t->root, *parent = NULL;

        assert(t);
        assert(n);

        while (*link) {
                parent = *link;
                parent->size++;
                link = t->compare(n, parent) < 0 ? &parent->left : &parent->right;
        }
        t->seed = t->seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        *n = (TreapNode) { .parent = parent, .priority = (uint32_t) (t->seed >> 32), .size = 1 };
        *link = n;
        while (n->parent && n->parent->priority < n->priority)
                rotate_up(t, n);
}

void treap_remove(Treap *t, TreapNode *n) {
        assert(t);
        assert(n);

        while (n->left && n->right)
                rotate_up(t, n->left->priority > n->right->priority ? n->left : n->right);
        for (TreapNode *p = n->parent; p; p = p->parent)
                p->size--;
        replace(t, n, n->left ?: n->right);
        *n = (TreapNode) {};
}

TreapNode *treap_first(const Treap *t) {
        TreapNode *n = t->root;

        while (n && n->left)
                n = n->left;
        return n;
}

TreapNode *treap_last(const Treap *t) {
        TreapNode *n = t->root;

        while (n && n->right)
                n = n->right;
        return n;
}

TreapNode *treap_next(const TreapNode *n) {
        TreapNode *p;

        assert(n);
        if (n->right) {
                for (p = n->right; p->left; p = p->left)
                        ;
                return p;
        }
        for (p = n->parent; p && p->right == n; p = p->parent)
                n = p;
        return p;
}

TreapNode *treap_lower_bound(const Treap *t, const TreapNode *key) {
        TreapNode *n = t->root, *found = NULL;

        while (n)
                if (t->compare(n, key) < 0)
                        n = n->right;
                else {
                        found = n;
                        n = n->left;
                }
        return found;
}

size_t treap_rank(const Treap *t, const TreapNode *key) {
        size_t before = 0;

        for (TreapNode *n = t->root; n;)
                if (t->compare(n, key) < 0) {
                        before += size_of(n->left) + 1;
                        n = n->right;
                } else
                        n = n->left;
        return before;
}
