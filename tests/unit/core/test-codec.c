/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/test.h"

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/prng.h"
#include "basic/string-util.h"
#include "core/model/codec.h"
#include "core/model/node.h"
#include "core/model/pod.h"
#include "core/model/policy.h"
#include "core/model/tombstone.h"

static const Uuid uid = { { 1, 2, 3, 4, 5, 6, 0x47, 8, 0x89, 10, 11, 12, 13, 14, 15, 16 } };

static Object *finish(Object *o) {
        o->uid = uid;
        o->created = UINT64_C(1700000000123456);
        return o;
}

static Object *full_node(void) {
        static char *const addresses[] = { (char*) "10.1.2.3", (char*) "fd00::1" };
        Node *n;

        assert_int_equal(node_new("node-1.example", &n), 0);
        n->backing = NODE_VIRTUAL;
        n->health = NODE_UNHEALTHY;
        n->stop_requested = true;
        n->cpu = 4500;
        n->health_since = UINT64_C(1700000001000000);
        assert_int_equal(node_set_reason(n, "a \"quoted\" reason\nof two lines \xe2\x82\xac"), 0);
        assert_int_equal(node_set_instance(n, "key/12"), 0);
        assert_int_equal(node_set_version(n, "0.1.0"), 0);
        assert_int_equal(node_set_addresses(n, addresses, 2), 0);
        return finish(&n->object);
}

static Object *full_pod(void) {
        Pod *p;

        assert_int_equal(pod_new("web", &p), 0);
        p->status = POD_RESTARTING;
        p->restarts = UINT32_MAX;
        p->restart = POD_RESTART_ON_FAILURE;
        p->crashes = POD_CRASHES_MAX;
        p->deadline_seconds = UINT32_MAX;
        p->cpu = 1;
        p->duration = 1500 * USEC_PER_MSEC;
        p->started = UINT64_C(1700000002000000);
        p->lost = true;
        p->lost_changed = UINT64_C(1700000003000000);
        assert_int_equal(pod_set_node(p, "node-1"), 0);
        assert_int_equal(pod_set_reason(p, "\\ / \x01"), 0);
        return finish(&p->object);
}

static Object *plain_pod(void) {
        Pod *p;

        assert_int_equal(pod_new("x", &p), 0);
        p->cpu = INT64_MAX / 2000;
        p->duration = USEC_INFINITY;
        return finish(&p->object);
}

static Object *policy(void) {
        Policy *p;

        assert_int_equal(policy_new(POLICY_SCHEDULER, "best-fit", &p), 0);
        return finish(&p->object);
}

static Object *tombstone(void) {
        Tombstone *t;

        assert_int_equal(tombstone_new("gone", "key/3", &t), 0);
        return finish(&t->object);
}

static Object *(*const makers[])(void) = { full_node, full_pod, plain_pod, policy, tombstone };

/* The document in memory that may be written to, and one byte more. */
static char *document(const Object *o, size_t *ret_size) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(65536);
        char *copy;

        object_encode(o, &b);
        *ret_size = b.size;
        copy = strdup(strbuf_str(&b));
        assert_non_null(copy);
        return copy;
}

/* decode(encode(o)) encodes to the same text: every field of the document came through. */
static void test_round_trip(void **state _unused_) {
        for (size_t i = 0; i < ELEMENTSOF(makers); i++) {
                _cleanup_(object_unrefp) Object *o = makers[i](), *back = NULL;
                _cleanup_free_ char *first = NULL, *work = NULL, *second = NULL;
                size_t size, again;

                first = document(o, &size);
                work = document(o, &size);
                assert_int_equal(object_decode(o->kind, work, size, &back, NULL), 0);
                second = document(back, &again);
                assert_string_equal(first, second);
                assert_string_equal(back->name, o->name);
                assert_memory_equal(&back->uid, &o->uid, sizeof(Uuid));
                assert_true(back->created == o->created);
        }
}

static void test_fields(void **state _unused_) {
        _cleanup_(object_unrefp) Object *o = full_node(), *back = NULL;
        _cleanup_free_ char *text = NULL;
        const Node *n;
        size_t size;

        text = document(o, &size);
        assert_int_equal(object_decode(KIND_NODE, text, size, &back, NULL), 0);
        n = (const Node*) back;
        assert_int_equal(n->backing, NODE_VIRTUAL);
        assert_int_equal(n->health, NODE_UNHEALTHY);
        assert_true(n->stop_requested);
        assert_int_equal(n->cpu, 4500);
        assert_string_equal(n->reason, "a \"quoted\" reason\nof two lines \xe2\x82\xac");
        assert_string_equal(n->instance, "key/12");
        assert_int_equal(n->n_addresses, 2);
        assert_string_equal(n->addresses[1], "fd00::1");
}

/* A row that was cut short is refused at every length, with a reason; so is one with a byte too many. */
static void test_truncated(void **state _unused_) {
        for (size_t i = 0; i < ELEMENTSOF(makers); i++) {
                _cleanup_strbuf_ StrBuf whole = STRBUF_INIT(65536);
                _cleanup_(object_unrefp) Object *o = makers[i]();

                object_encode(o, &whole);
                for (size_t size = 0; size <= whole.size + 1; size++) {
                        _cleanup_(object_unrefp) Object *back = NULL;
                        _cleanup_error_ Error error = ERROR_NULL;
                        _cleanup_free_ char *copy = calloc(1, whole.size + 3);

                        memcpy(copy, strbuf_str(&whole), MIN(size, whole.size));
                        if (size > whole.size)
                                copy[whole.size] = 'x';
                        if (size == whole.size) {
                                assert_int_equal(object_decode(o->kind, copy, size, &back, &error), 0);
                                continue;
                        }
                        assert_true(object_decode(o->kind, copy, size, &back, &error) < 0);
                        assert_null(back);
                        assert_true(strlen(error_message(&error)) > 0);
                }
        }
}

/* Whatever a byte becomes, decoding gives an object or a reason, and the object can be written again. */
static void test_flipped(void **state _unused_) {
        Prng p;

        prng_init(&p, 11);
        for (unsigned round = 0; round < 20000; round++) {
                _cleanup_(object_unrefp) Object *o = makers[round % ELEMENTSOF(makers)](), *back = NULL;
                _cleanup_free_ char *text = NULL, *again = NULL;
                _cleanup_error_ Error error = ERROR_NULL;
                size_t size;

                text = document(o, &size);
                text[prng_below(&p, size)] = (char) prng_below(&p, 256);
                if (object_decode(o->kind, text, size, &back, &error) >= 0)
                        again = document(back, &size);
                else
                        assert_true(strlen(error_message(&error)) > 0);
        }
}

static void test_refuses(void **state _unused_) {
#define META "\"metadata\":{\"name\":\"a\",\"uid\":\"01020304-0506-4708-890a-0b0c0d0e0f10\",\"creationTimestamp\":\"2024-01-01T00:00:00Z\"}"
        static const struct {
                Kind kind;
                const char *text, *names;
        } cases[] = {
                { KIND_POD, "{\"apiVersion\":\"v2\",\"kind\":\"Pod\"," META ",\"spec\":{\"cpu\":1},\"status\":{\"phase\":\"Pending\"}}", "apiVersion" },
                { KIND_POD, "{\"apiVersion\":\"v1\",\"kind\":\"Node\"," META ",\"spec\":{\"cpu\":1},\"status\":{\"phase\":\"Pending\"}}", "kind" },
                { KIND_POD, "{\"apiVersion\":\"v1\",\"kind\":\"Pod\"," META ",\"spec\":{\"cpu\":-1},\"status\":{\"phase\":\"Pending\"}}", "cpu" },
                { KIND_POD, "{\"apiVersion\":\"v1\",\"kind\":\"Pod\"," META ",\"spec\":{\"cpu\":1},\"status\":{\"phase\":\"Dancing\"}}", "phase" },
                { KIND_POD, "{\"apiVersion\":\"v1\",\"kind\":\"Pod\"," META ",\"spec\":{\"cpu\":1},\"status\":{\"phase\":\"Pending\",\"restarts\":-1}}", "restarts" },
                { KIND_POD, "{\"apiVersion\":\"v1\",\"kind\":\"Pod\"," META ",\"spec\":{\"cpu\":1,\"gpu\":1},\"status\":{\"phase\":\"Pending\"}}", "gpu" },
                { KIND_NODE, "{\"apiVersion\":\"v1\",\"kind\":\"Node\"," META ",\"spec\":{\"cpu\":1,\"backing\":\"moon\"},\"status\":{\"health\":\"Healthy\",\"healthSince\":\"2024-01-01T00:00:00Z\"}}", "backing" },
                { KIND_TOMBSTONE, "{\"apiVersion\":\"v1\",\"kind\":\"Tombstone\"," META ",\"spec\":{}}", "apiVersion" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(object_unrefp) Object *back = NULL;
                _cleanup_error_ Error error = ERROR_NULL;
                _cleanup_free_ char *copy = strdup(cases[i].text);

                assert_int_equal(object_decode(cases[i].kind, copy, strlen(copy), &back, &error), -EINVAL);
                if (!strstr(error_message(&error), cases[i].names))
                        fail_msg("\"%s\" does not name %s", error_message(&error), cases[i].names);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_round_trip), cmocka_unit_test(test_fields),  cmocka_unit_test(test_truncated),
                cmocka_unit_test(test_flipped),    cmocka_unit_test(test_refuses),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
