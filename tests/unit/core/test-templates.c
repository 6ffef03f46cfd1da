/* SPDX-License-Identifier: Apache-2.0 */
/* Templates of pods that come and go: what the scheduler remembers of them has a bound. */
#include "tests/lib/test.h"

#include <stdio.h>
#include <string.h>

#include "core/control/nodes.h"
#include "core/control/objects.h"
#include "core/control/state.h"

#define PODS 100000
#define ALIVE 20 /* at a time */
#define LOG 1000
#define ORDERS_MAX 1500

static Cluster *new_cluster(void) {
        static const uint64_t secret[2] = { 7, 8 };
        const ClusterConfig config = {
                .node_timeout_usec = USEC_PER_HOUR, .remove_after_usec = USEC_PER_HOUR, .heartbeat_interval_usec = USEC_PER_HOUR, .nodes_max = 10,
                .objects_max = 1000, .pods_max = 1000, .pods_per_node_max = 100, .node_cpu_max = 64000, .watch_log_max = LOG, .event_log_max = 100,
                .backoff_initial_usec = USEC_PER_SEC, .backoff_max_usec = USEC_PER_SEC, .algorithm = "kube",
        };
        Cluster *c;

        assert_int_equal(cluster_new(&config, 1, secret, &c), 0);
        cluster_set_clock(c, 0);
        assert_int_equal(cluster_loaded(c, USEC_PER_SEC, 0, 0), 0);
        return c;
}

static void create(Cluster *c, const char *name, unsigned memory) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        Object *o;
        char text[300];
        Json *root;

        (void) snprintf(text, sizeof(text), "{\"metadata\":{},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\",\"resources\":{\"requests\":"
                        "{\"cpu\":\"1m\",\"memory\":\"%u\"}}}]}}", memory);
        assert_int_equal(json_tree_parse(&a, text, strlen(text), &root, NULL), 0);
        assert_int_equal(cluster_create_object(c, USEC_PER_SEC, KIND_POD, name, root, false, &o, NULL), 0);
        assert_non_null(((Pod*) o)->node);
        object_unref(o);
}

static void delete(Cluster *c, const char *name) {
        StoreEntry *e = store_find(c->store, KIND_POD, name);

        assert_int_equal(cluster_delete_object(c, USEC_PER_SEC, e, &(DeleteOptions) { .grace_seconds = 0 }, NULL) >= 0, 1);
}

static size_t count_orders(const Cluster *c) {
        size_t n = 0;
        ListLink *l;

        for (l = c->scheduler.orders.next; l != &c->scheduler.orders; l = l->next)
                n++;
        return n;
}

static void test_templates_are_forgotten(void **state _unused_) {
        Cluster *c = new_cluster();
        char name[20];
        NodeState *ns;

        for (unsigned i = 0; i < 3; i++) {
                (void) snprintf(name, sizeof(name), "n%u", i);
                assert_int_equal(cluster_add_node(c, USEC_PER_SEC, name, 4000, &ns, NULL), 0);
        }
        for (unsigned i = 0; i < PODS; i++) {
                (void) snprintf(name, sizeof(name), "p%u", i);
                create(c, name, i + 1);
                if (i >= ALIVE) {
                        (void) snprintf(name, sizeof(name), "p%u", i - ALIVE);
                        delete(c, name);
                }
                store_set_durable(c->store, store_revision(c->store));
                if (i % 1000 > 0)
                        continue;
                assert_true(count_orders(c) <= ORDERS_MAX);
                assert_true(c->scheduler.classes.by_text.n_used <= ORDERS_MAX + LOG + ALIVE);
        }
        cluster_free(c);
}

static Json *parse(JsonArena *a, const char *text) {
        Json *root;

        assert_int_equal(json_tree_parse(a, json_arena_copy(a, text, strlen(text)), strlen(text), &root, NULL), 0);
        return root;
}

static const Pod *find(const Cluster *c, const char *key) {
        return (const Pod*) store_find(c->store, KIND_POD, key)->object;
}

/* What pods of one document are to the scheduler is found out once; another namespace, or other labels, make another class of them. */
static void test_pods_of_a_template_share_their_class(void **state _unused_) {
        static const char pod[] = "{\"metadata\":{\"labels\":{\"app\":\"web\"}},\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}";
        static const char *const keys[] = { "a", "b", "other/a" };
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        Cluster *c = new_cluster();
        Object *o;

        assert_int_equal(cluster_create_object(c, USEC_PER_SEC, KIND_NAMESPACE, "other", parse(&a, "{\"metadata\":{}}"), false, &o, NULL), 0);
        object_unref(o);
        for (size_t i = 0; i < ELEMENTSOF(keys); i++) {
                assert_int_equal(cluster_create_object(c, USEC_PER_SEC, KIND_POD, keys[i], parse(&a, pod), false, &o, NULL), 0);
                assert_ptr_equal(o->doc, find(c, "a")->object.doc);
                object_unref(o);
        }
        assert_ptr_equal(find(c, "a")->class, find(c, "b")->class);
        assert_ptr_equal(find(c, "a")->class, find(c, "a")->object.doc->view);
        assert_string_equal(find(c, "other/a")->class->namespace, "other");

        assert_int_equal(cluster_update_object(c, USEC_PER_SEC, store_find(c->store, KIND_POD, "b"), parse(&a, "{\"metadata\":{\"labels\":{\"app\":\"db\"}},"
                         "\"spec\":{\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]}}"), false, &o, NULL), 0);
        object_unref(o);
        assert_string_equal(pod_class_label(find(c, "b")->class, "app", false), "db");
        assert_string_equal(pod_class_label(find(c, "a")->class, "app", false), "web");
        cluster_free(c);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_templates_are_forgotten),
                cmocka_unit_test(test_pods_of_a_template_share_their_class),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
