/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Intrusive doubly linked list with a head that is a member of no item: a ring through the head. */

#include "basic/forward.h"

typedef struct ListLink {
        struct ListLink *prev, *next; /* both NULL when in no list */
} ListLink;

static inline void list_init(ListLink *head) {
        head->prev = head->next = head;
}
static inline bool list_is_empty(const ListLink *head) {
        return head->next == head || !head->next;
}
static inline bool list_is_linked(const ListLink *l) {
        return l->next;
}
static inline void list_append(ListLink *head, ListLink *l) {
        l->prev = head->prev;
        l->next = head;
        head->prev->next = l;
        head->prev = l;
}
static inline void list_prepend(ListLink *head, ListLink *l) {
        list_append(head->next, l); /* before the first */
}
static inline void list_remove(ListLink *l) {
        if (!l->next)
                return;
        l->prev->next = l->next;
        l->next->prev = l->prev;
        l->prev = l->next = NULL;
}
static inline ListLink *list_first(const ListLink *head) {
        return list_is_empty(head) ? NULL : head->next;
}

/* Walks while items may be taken out (only the present one). `type` embeds ListLink `member`. */
#define LIST_FOREACH(var, head, type, member)                                                               \
        for (ListLink *_l = (head)->next, *_n = _l->next;                                                   \
             _l != (head) && ((var) = container_of(_l, type, member), true); _l = _n, _n = _l->next)
