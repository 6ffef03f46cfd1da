/* SPDX-License-Identifier: Apache-2.0 */
#include "core/sched/scheduler.h"

#include "basic/alloc-util.h"
#include "basic/string-util.h"

#define HOSTNAME "kubernetes.io/hostname"
#define CHANGES_LEAST 1024

typedef struct ImageCount {
        char *name; /* owned */
        size_t n_nodes;
        ListLink link; /* in Scheduler.image_list */
} ImageCount;

static const char *image_name(const void *value) {
        return ((const ImageCount*) value)->name;
}

void scheduler_init(Scheduler *s, uint64_t seed, const uint64_t secret[2]) {
        *s = (Scheduler) { .secret = secret, .places_max = SCHEDULER_PLACES_MAX };
        pod_class_pool_init(&s->classes, secret);
        prng_init(&s->prng, seed);
        hashtable_init(&s->images, image_name, secret);
        list_init(&s->image_list);
        list_init(&s->orders);
}

bool scheduler_forget_order(Scheduler *s) {
        ClassOrder *o;

        if (list_is_empty(&s->orders))
                return false;
        o = container_of(s->orders.prev, ClassOrder, link);
        s->n_places -= class_order_places(o);
        class_order_free(o);
        return true;
}

void scheduler_forget_orders(Scheduler *s) {
        while (scheduler_forget_order(s))
                ;
}

static void forget_image(Scheduler *s, ImageCount *image) {
        (void) hashtable_remove(&s->images, image->name);
        list_remove(&image->link);
        free(image->name);
        free(image);
}

static void drop_images(Scheduler *s, const NodeClass *c) {
        for (size_t i = 0; c && i < c->n_images; i++) {
                ImageCount *image = hashtable_get(&s->images, c->images[i].name);

                if (!image || --image->n_nodes > 0)
                        continue;
                forget_image(s, image);
        }
}

void scheduler_done(Scheduler *s) {
        ListLink *l;

        scheduler_forget_orders(s);
        while ((l = list_first(&s->image_list)))
                forget_image(s, container_of(l, ImageCount, link));
        hashtable_done(&s->images);
        free(s->nodes);
        free(s->changes);
        pod_class_pool_done(&s->classes);
        *s = (Scheduler) {};
}

static int count_image(Scheduler *s, const char *name) {
        ImageCount *image = hashtable_get(&s->images, name);

        if (!image) {
                image = new0(ImageCount, 1);
                if (!image)
                        return -ENOMEM;
                image->name = strdup(name);
                if (!image->name || hashtable_put(&s->images, image) < 0) {
                        free(image->name);
                        free(image);
                        return -ENOMEM;
                }
                list_append(&s->image_list, &image->link);
        }
        image->n_nodes++;
        return 0;
}

int scheduler_count_images(Scheduler *s, const NodeClass *before, const NodeClass *after) {
        if (before == after || ((!before || before->n_images == 0) && (!after || after->n_images == 0)))
                return 0;
        for (size_t i = 0; after && i < after->n_images; i++)
                if (count_image(s, after->images[i].name) < 0) {
                        const NodeClass counted = { .images = after->images, .n_images = i };

                        drop_images(s, &counted);
                        return -ENOMEM;
                }
        drop_images(s, before);
        s->images_version++;
        return 0;
}

size_t scheduler_nodes_with_image(const char *image, void *scheduler) {
        const ImageCount *count = hashtable_get(&((Scheduler*) scheduler)->images, image);

        return count ? count->n_nodes : 0;
}

/* --- Nodes --- */

static bool has_odd_hostname(const SchedNode *n) {
        return !streq(node_label(n->node, HOSTNAME), n->node->object.name);
}

/* What the ring has is forgotten: all are behind by more than it holds, and look at all slots anew. */
static void lose_changes(Scheduler *s) {
        s->n_changes += s->changes_allocated + 1;
}

/* The ring is at least as long as there are nodes: whoever is further behind looks at all of them anyway. */
static int reserve_changes(Scheduler *s) {
        size_t n = MAX(s->changes_allocated, (size_t) CHANGES_LEAST);
        uint32_t *changes;

        while (n < s->n_slots)
                n *= 2;
        if (n == s->changes_allocated)
                return 0;
        changes = new0(uint32_t, n);
        if (!changes)
                return -ENOMEM;
        free(s->changes);
        s->changes = changes;
        s->changes_allocated = n;
        lose_changes(s);
        return 0;
}

/* A slot that nobody has, else the next one. The search goes on where the last one ended. */
static size_t free_slot(Scheduler *s) {
        if (s->n_nodes == s->n_slots)
                return s->n_slots;
        while (s->nodes[s->next_free % s->n_slots])
                s->next_free++;
        return s->next_free++ % s->n_slots;
}

/* One more, or one less. What an image is worth depends on how many of all nodes have it. */
static void count_node(Scheduler *s, int n) {
        s->n_nodes += (size_t) n;
        s->images_version += s->images.n_used > 0;
}

int scheduler_add_node(Scheduler *s, SchedNode *n) {
        size_t slot = free_slot(s);

        if (slot == s->n_slots) {
                if (s->n_slots >= UINT32_MAX || !GREEDY_REALLOC(s->nodes, s->allocated, s->n_slots + 1))
                        return -ENOMEM;
                s->nodes[s->n_slots++] = NULL;
                if (reserve_changes(s) < 0) {
                        s->n_slots--;
                        return -ENOMEM;
                }
        }
        s->nodes[slot] = n;
        n->slot = slot;
        count_node(s, 1);
        scheduler_note(s, n, SCHED_EVENT_NODE);
        return 0;
}

/* When most slots are nobody's, the nodes move together: whatever looks at all slots looks at no more than twice as many as there are nodes. */
static void compact(Scheduler *s) {
        size_t n = 0;

        if (s->n_nodes * 2 > s->n_slots)
                return;
        scheduler_forget_orders(s);
        for (size_t i = 0; i < s->n_slots; i++) {
                if (!s->nodes[i])
                        continue;
                s->nodes[i]->slot = n;
                s->nodes[n++] = s->nodes[i];
        }
        s->n_slots = n;
        s->next_free = 0;
        lose_changes(s);
}

void scheduler_remove_node(Scheduler *s, SchedNode *n) {
        scheduler_note(s, n, SCHED_EVENT_NODE);
        s->nodes[n->slot] = NULL;
        s->odd_hostnames -= n->odd_hostname;
        count_node(s, -1);
        n->slot = SIZE_MAX;
        n->odd_hostname = false;
        compact(s);
}

void scheduler_note(Scheduler *s, SchedNode *n, SchedEvent event) {
        if (event == SCHED_EVENT_NODE)
                n->version = ++s->last_version; /* a node that was undone may come back under its number, and be another one */
        if (event == SCHED_EVENT_NODE && n->node) {
                s->odd_hostnames += has_odd_hostname(n);
                s->odd_hostnames -= n->odd_hostname;
                n->odd_hostname = has_odd_hostname(n);
        }
        s->changes[s->n_changes++ & (s->changes_allocated - 1)] = (uint32_t) n->slot;
        s->last_event[event] = s->n_changes;
}

void scheduler_placed(Scheduler *s, const PodClass *c) {
        workload_add(&s->workload, c);
        if (s->workload.n < s->usual.n * 2)
                return;
        s->usual = s->workload;
        s->workload_version++;
}

/* --- Orders --- */

uint64_t scheduler_terms_version(const Scheduler *s) {
        return s->classes.terms_version + (s->others ? s->others->terms_version : 0);
}

static bool is_outdated(const Scheduler *s, ClassOrder *o) {
        return o->terms_version != scheduler_terms_version(s) || o->namespaces_version != s->namespaces_version || o->odd_hostnames != s->odd_hostnames ||
               (o->images_version != s->images_version && o->class->n_images > 0 && o->algorithm->profile) ||
               (o->workload_version != s->workload_version && o->algorithm->looks_at_workload) || !class_order_keeps_spread(o);
}

static ClassOrder *find_own(const Scheduler *s, const PodClass *class, const SchedAlgorithm *algorithm) {
        ClassOrder *o;

        LIST_FOREACH(o, &s->orders, ClassOrder, link)
                if (o->class == class && o->algorithm == algorithm)
                        return o;
        return NULL;
}

/* The one that was made for the class, else one that serves it as well. */
static ClassOrder *find_order(const Scheduler *s, PodClass *class, const SchedAlgorithm *algorithm) {
        ClassOrder *o = find_own(s, class, algorithm);

        if (o && !is_outdated(s, o))
                return o;
        LIST_FOREACH(o, &s->orders, ClassOrder, link)
                if (o->class->shape == class->shape && o->class != class && o->algorithm == algorithm && !is_outdated(s, o) && class_order_serves(o, class))
                        return o;
        return NULL;
}

static void forget_own(Scheduler *s, const PodClass *class, const SchedAlgorithm *algorithm) {
        ClassOrder *o = find_own(s, class, algorithm);

        if (!o)
                return;
        s->n_places -= class_order_places(o);
        class_order_free(o);
}

/* Makes room for one more of that size, the oldest first. */
static void drop_oldest(Scheduler *s, size_t places) {
        while (s->n_places + places > s->places_max && scheduler_forget_order(s))
                ;
}

/* As class_order_update(). */
static int look_up(Scheduler *s, PodClass *class, const SchedAlgorithm *algorithm, size_t most, ClassOrder **ret) {
        ClassOrder *o = find_order(s, class, algorithm);
        int r;

        if (o) {
                s->n_places -= class_order_places(o);
                list_remove(&o->link);
        } else {
                forget_own(s, class, algorithm); /* it is outdated */
                drop_oldest(s, s->n_slots * 2);
                r = class_order_new(s, class, algorithm, &o);
                if (r < 0)
                        return r;
        }
        r = class_order_update(o, most);
        if (r < 0) {
                class_order_free(o);
                return r;
        }
        s->n_places += class_order_places(o);
        list_prepend(&s->orders, &o->link);
        *ret = o;
        return r;
}

int scheduler_order(Scheduler *s, PodClass *class, const SchedAlgorithm *algorithm, ClassOrder **ret) {
        return look_up(s, class, algorithm, SIZE_MAX, ret);
}

int scheduler_prepare(Scheduler *s, PodClass *class, const SchedAlgorithm *algorithm, size_t most) {
        ClassOrder *o;

        return look_up(s, class, algorithm, most, &o);
}

bool scheduler_is_ready(const Scheduler *s, PodClass *class, const SchedAlgorithm *algorithm, size_t most, uint64_t own) {
        const ClassOrder *o;

        if (s->n_slots <= most)
                return true;
        o = find_order(s, class, algorithm);
        return o && o->n_nodes >= s->n_slots && o->to_look == SIZE_MAX && s->n_changes - o->seen <= most + own;
}

int scheduler_choose(Scheduler *s, PodClass *class, const SchedAlgorithm *algorithm, SchedNode **ret) {
        ClassOrder *o;
        size_t slot;
        int r;

        r = scheduler_order(s, class, algorithm, &o);
        if (r < 0)
                return r;
        (void) class_order_judge(o);
        slot = class_order_choose(o);
        if (slot == SIZE_MAX)
                return 0;
        *ret = s->nodes[slot];
        if (algorithm->pick == PICK_NEXT)
                s->last_order = (*ret)->order;
        return 1;
}
