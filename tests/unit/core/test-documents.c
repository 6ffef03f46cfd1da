/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/test.h"

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/string-util.h"
#include "core/control/selectors.h"
#include "core/model/doc.h"
#include "core/model/pod.h"
#include "core/model/quantity.h"

static Json *parse(JsonArena *a, const char *text) {
        Json *v = NULL;

        assert_int_equal(json_tree_parse(a, json_arena_copy(a, text, strlen(text)), strlen(text), &v, NULL), 0);
        return v;
}

/* Kubernetes API reference, "Quantity": suffixes, exponents, rounding up below a thousandth. */
static void test_quantities(void **state _unused_) {
        static const struct {
                const char *text;
                int r;
                int64_t milli;
        } cases[] = {
                { "0", 0, 0 },            { "1", 0, 1000 },        { "500m", 0, 500 },       { "1.5", 0, 1500 },      { "0.001", 0, 1 },
                { "0.0001", 0, 1 },       { "1n", 0, 1 },          { "1500u", 0, 2 },        { "2k", 0, 2000000 },    { "1Ki", 0, 1024000 },
                { "1.5Gi", 0, 1610612736000 }, { "1e3", 0, 1000000 }, { "1E-3", 0, 1 },      { "12E", -ERANGE, 0 },   { "9Ei", -ERANGE, 0 },
                { "-5", 0, -5000 },       { "+5", 0, 5000 },       { ".5", 0, 500 },         { "5.", 0, 5000 },       { "", -EINVAL, 0 },
                { ".", -EINVAL, 0 },      { "m", -EINVAL, 0 },     { "1 ", -EINVAL, 0 },     { "1mi", -EINVAL, 0 },   { "1e", -EINVAL, 0 },
                { "1..5", -EINVAL, 0 },   { "0x10", -EINVAL, 0 },  { "1KiB", -EINVAL, 0 },   { "99999999999999999999", -ERANGE, 0 },
                { "0000000000000000000001", 0, 1000 }, { "1e-60", 0, 1 }, { "0e999", 0, 0 },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                int64_t v = 0;
                int r = quantity_parse_milli(cases[i].text, &v);

                if (r != cases[i].r || (r == 0 && v != cases[i].milli))
                        fail_msg("%s: %d, %lld", cases[i].text, r, (long long) v);
        }
}

/* The same page, "canonical form"; a family of suffixes is kept. */
static void test_canonical_quantities(void **state _unused_) {
        static const char *const cases[][2] = {
                { "1.5", "1500m" },      { "1.5Gi", "1536Mi" },  { "0.5Ki", "512" },      { "1024", "1024" },   { "1024Ki", "1Mi" },
                { "100.1Ki", "102503" }, { "1000", "1k" },       { "12e5", "1200e3" },    { "1e0", "1" },       { "-0.5", "-500m" },
                { "0.1n", "1n" },        { "0e999", "0" },       { "9Ei", "9Ei" },        { "9e18", "9e18" },   { "1e60", NULL },
                { "1e-60", "1e-9" },     { "1e-9999999", "1e-9" }, { "7Ei", "7Ei" },        { "0.0000000001Ei", "115292151" },
                { "1 ", NULL },          { "", NULL },           { "9999999999999999999", NULL },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char text[QUANTITY_TEXT_MAX], again[QUANTITY_TEXT_MAX];
                int r = quantity_canonical(cases[i][0], text);

                if ((r < 0) != !cases[i][1] || (r == 0 && strcmp(text, cases[i][1]) != 0))
                        fail_msg("%s: %d, %s", cases[i][0], r, r < 0 ? "" : text);
                if (r == 0) {
                        assert_int_equal(quantity_canonical(text, again), 0);
                        assert_string_equal(text, again);
                }
        }
}

/* What a client wrote comes back as it was, without what the object itself has. */
static void test_doc(void **state _unused_) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
        _cleanup_(doc_unrefp) Doc *d = NULL;

        assert_int_equal(doc_new(parse(&a, "{\"apiVersion\":\"v1\",\"kind\":\"X\",\"metadata\":{\"name\":\"n\",\"uid\":\"u\",\"generation\":3,"
                                       "\"labels\":{\"a\":\"1\",\"b\":\"\"},\"annotations\":{\"x\":\"y\"},\"finalizers\":[\"f/g\"],\"ownerReferences\":"
                                       "[{\"apiVersion\":\"v1\",\"kind\":\"K\",\"name\":\"o\",\"uid\":\"z\",\"controller\":true}]},"
                                       "\"spec\":{\"s\":1,\"gone\":null},\"status\":{},\"data\":{\"k\":\"v\"}}"), &d), 0);
        doc_put(d, &b);
        assert_string_equal(strbuf_str(&b), "{\"metadata\":{\"generation\":3,\"labels\":{\"a\":\"1\",\"b\":\"\"},\"annotations\":{\"x\":\"y\"},\"finalizers\":[\"f/g\"],"
                            "\"ownerReferences\":[{\"apiVersion\":\"v1\",\"kind\":\"K\",\"name\":\"o\",\"uid\":\"z\",\"controller\":true}]},"
                            "\"spec\":{\"s\":1},\"status\":{},\"data\":{\"k\":\"v\"}}");
        assert_string_equal(doc_label(d, "a"), "1");
        assert_string_equal(doc_label(d, "b"), "");
        assert_null(doc_label(d, "c"));
        assert_string_equal(doc_annotation(d, "x"), "y");
        assert_string_equal(doc_controller(d)->uid, "z");
        assert_true(doc_has_finalizer(d, "f/g"));
        assert_int_equal(d->generation, 3);
        assert_null(doc_label(NULL, "a"));
}

/* Kubernetes documentation, "Init Containers" (resource sharing within containers) and "Sidecar Containers". */
static const uint64_t secret[2] = { 3, 4 };

static void test_pod_requests(void **state _unused_) {
        PodClassPool classes;
        static const struct {
                const char *spec;
                int64_t cpu;
        } cases[] = {
                { "\"containers\":[{}]", 0 },
                { "\"containers\":[{\"resources\":{\"requests\":{\"cpu\":\"250m\"}}},{\"resources\":{\"requests\":{\"cpu\":\"1\"}}}]", 1250 },
                { "\"containers\":[{\"resources\":{\"limits\":{\"cpu\":\"2\"}}}]", 2000 },
                { "\"containers\":[{\"resources\":{\"requests\":{\"cpu\":\"1\"}}}],\"initContainers\":[{\"resources\":{\"requests\":{\"cpu\":\"3\"}}}]", 3000 },
                { "\"containers\":[{\"resources\":{\"requests\":{\"cpu\":\"1\"}}}],\"initContainers\":[{\"restartPolicy\":\"Always\","
                  "\"resources\":{\"requests\":{\"cpu\":\"1\"}}},{\"resources\":{\"requests\":{\"cpu\":\"1500m\"}}}]", 2500 },
                { "\"containers\":[{\"resources\":{\"requests\":{\"cpu\":\"1\"}}}],\"overhead\":{\"cpu\":\"100m\"}", 1100 },
        };

        pod_class_pool_init(&classes, secret);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
                _cleanup_(pod_unrefp) Pod *p = NULL;
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);

                strbuf_printf(&b, "{\"metadata\":{},\"spec\":{%s}}", cases[i].spec);
                assert_int_equal(pod_new("p", &p), 0);
                assert_int_equal(pod_read_document(p, &classes, parse(&a, strbuf_str(&b)), NULL), 0);
                if (p->cpu != cases[i].cpu)
                        fail_msg("%s: %lld", cases[i].spec, (long long) p->cpu);
        }
        pod_class_pool_done(&classes);
}

/* Kubernetes documentation, "Pod Quality of Service Classes", and "Assign Pod-level CPU and memory resources". */
static void test_pod_qos(void **state _unused_) {
#define BOTH(cpu, memory) "{\"cpu\":\"" cpu "\",\"memory\":\"" memory "\"}"
#define LIMITED(cpu, memory) "\"resources\":{\"limits\":" BOTH(cpu, memory) "}"
        PodClassPool classes;
        static const struct {
                const char *spec;
                PodQos qos;
        } cases[] = {
                { "\"containers\":[{}]", POD_BEST_EFFORT },
                { "\"containers\":[{\"resources\":{\"requests\":{\"nvidia.com/gpu\":\"1\"},\"limits\":{\"nvidia.com/gpu\":\"1\"}}}]", POD_BEST_EFFORT },
                { "\"containers\":[{\"resources\":{\"requests\":{\"cpu\":\"0\"}}}]", POD_BEST_EFFORT },
                { "\"containers\":[{\"resources\":{\"requests\":{\"cpu\":\"1\"}}}]", POD_BURSTABLE },
                { "\"containers\":[{\"resources\":{\"limits\":{\"cpu\":\"1\"}}}]", POD_BURSTABLE },
                { "\"containers\":[{" LIMITED("1", "1Gi") "}]", POD_GUARANTEED },
                { "\"containers\":[{" LIMITED("1", "1Gi") "},{}]", POD_BURSTABLE },
                { "\"containers\":[{\"resources\":{\"limits\":" BOTH("1", "1Gi") ",\"requests\":" BOTH("1000m", "1024Mi") "}}]", POD_GUARANTEED },
                { "\"containers\":[{\"resources\":{\"limits\":" BOTH("1", "1Gi") ",\"requests\":" BOTH("500m", "1Gi") "}}]", POD_BURSTABLE },
                { "\"containers\":[{" LIMITED("1", "1Gi") "}],\"initContainers\":[{}]", POD_BURSTABLE },
                { "\"containers\":[{" LIMITED("1", "1Gi") "}],\"initContainers\":[{" LIMITED("1", "1Gi") "}]", POD_GUARANTEED },
                { "\"containers\":[{}]," LIMITED("1", "1Gi"), POD_GUARANTEED },
                { "\"containers\":[{\"resources\":{\"requests\":{\"cpu\":\"500m\"}}}]," LIMITED("1", "1Gi"), POD_BURSTABLE },
                { "\"containers\":[{" LIMITED("1", "1Gi") "}],\"resources\":{\"requests\":{\"cpu\":\"1\"}}", POD_BURSTABLE },
                { "\"containers\":[{" LIMITED("1", "1Gi") "}],\"resources\":{}", POD_BURSTABLE },
        };

        pod_class_pool_init(&classes, secret);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
                _cleanup_(pod_unrefp) Pod *p = NULL;
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);

                strbuf_printf(&b, "{\"metadata\":{},\"spec\":{%s}}", cases[i].spec);
                assert_int_equal(pod_new("p", &p), 0);
                assert_int_equal(pod_read_document(p, &classes, parse(&a, strbuf_str(&b)), NULL), 0);
                if (p->qos != cases[i].qos)
                        fail_msg("%s: qosClass is %s", cases[i].spec, pod_qos_to_string(p->qos));
        }
        pod_class_pool_done(&classes);
}

/* Kubernetes documentation, "Taints and Tolerations": how long a pod stays on a node that is lost. */
static void test_pod_tolerations(void **state _unused_) {
        PodClassPool classes;
        static const struct {
                const char *tolerations;
                usec_t span;
        } cases[] = {
                { "", 300 * USEC_PER_SEC }, /* as DefaultTolerationSeconds adds it; pods that controllers make come without */
                { "{\"key\":\"other\",\"operator\":\"Exists\"}", 300 * USEC_PER_SEC },
                { "{\"key\":\"node.kubernetes.io/unreachable\",\"effect\":\"NoSchedule\"}", 300 * USEC_PER_SEC },
                { "{\"key\":\"node.kubernetes.io/unreachable\",\"effect\":\"NoExecute\",\"tolerationSeconds\":7}", 7 * USEC_PER_SEC },
                { "{\"key\":\"node.kubernetes.io/unreachable\",\"tolerationSeconds\":0}", 0 },
                { "{\"operator\":\"Exists\"}", USEC_INFINITY },
                { "{\"operator\":\"Exists\"},{\"operator\":\"Exists\",\"tolerationSeconds\":9},{\"key\":\"node.kubernetes.io/unreachable\",\"tolerationSeconds\":5}",
                  USEC_INFINITY }, /* the first */
                { "{\"key\":\"node.kubernetes.io/unreachable\",\"tolerationSeconds\":5},{\"operator\":\"Exists\"}", 5 * USEC_PER_SEC },
                { "{\"key\":\"node.kubernetes.io/unreachable\",\"operator\":\"Equal\",\"value\":\"x\",\"tolerationSeconds\":5}", 300 * USEC_PER_SEC },
        };

        pod_class_pool_init(&classes, secret);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
                _cleanup_(pod_unrefp) Pod *p = NULL;
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);

                strbuf_printf(&b, "{\"metadata\":{},\"spec\":{\"containers\":[{}],\"tolerations\":[%s]}}", cases[i].tolerations);
                assert_int_equal(pod_new("p", &p), 0);
                assert_int_equal(pod_read_document(p, &classes, parse(&a, strbuf_str(&b)), NULL), 0);
                if (p->toleration != cases[i].span)
                        fail_msg("%s: %llu", cases[i].tolerations, (unsigned long long) p->toleration);
        }
        pod_class_pool_done(&classes);
}

static bool kept_matches(Kind kind, const Json *selector, const Doc *d) {
        _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);

        selector_put(kind, selector, &b);
        assert_int_equal(strbuf_error(&b), 0);
        return kept_selector_matches(strbuf_str(&b), d);
}

/* Kubernetes API reference, "LabelSelector": all must hold; an empty one matches everything, none nothing. */
static void test_label_selectors(void **state _unused_) {
        static const struct {
                const char *selector;
                bool matches;
        } cases[] = {
                { "{}", true },
                { "{\"matchLabels\":{\"a\":\"1\"}}", true },
                { "{\"matchLabels\":{\"a\":\"2\"}}", false },
                { "{\"matchLabels\":{\"a\":\"1\",\"c\":\"\"}}", false },
                { "{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"In\",\"values\":[\"0\",\"1\"]}]}", true },
                { "{\"matchExpressions\":[{\"key\":\"a\",\"operator\":\"NotIn\",\"values\":[\"1\"]}]}", false },
                { "{\"matchExpressions\":[{\"key\":\"z\",\"operator\":\"NotIn\",\"values\":[\"1\"]}]}", true },
                { "{\"matchExpressions\":[{\"key\":\"b\",\"operator\":\"Exists\"},{\"key\":\"z\",\"operator\":\"DoesNotExist\"}]}", true },
                { "{\"matchExpressions\":[{\"key\":\"b\",\"operator\":\"DoesNotExist\"}]}", false },
                { "{\"matchExpressions\":[{\"key\":\"b\",\"operator\":\"Sometimes\"}]}", false },
        };
        static const struct {
                const char *selector;
                bool matches;
        } maps[] = { { "{}", false }, { "{\"b\":\"2\"}", true }, { "{\"b\":\"2\",\"a\":\"2\"}", false }, { "{\"c\":\"\"}", false } };
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        _cleanup_(doc_unrefp) Doc *d = NULL;

        assert_int_equal(doc_new(parse(&a, "{\"metadata\":{\"labels\":{\"a\":\"1\",\"b\":\"2\"}}}"), &d), 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                const Json *selector = parse(&a, cases[i].selector);

                if (label_selector_matches(selector, d) != cases[i].matches || kept_matches(KIND_POD_DISRUPTION_BUDGET, selector, d) != cases[i].matches)
                        fail_msg("%s", cases[i].selector);
        }
        assert_false(label_selector_matches(NULL, d) || kept_matches(KIND_POD_DISRUPTION_BUDGET, NULL, d));
        for (size_t i = 0; i < ELEMENTSOF(maps); i++) {
                const Json *map = parse(&a, maps[i].selector);

                if (label_map_matches(map, d) != maps[i].matches || kept_matches(KIND_SERVICE, map, d) != maps[i].matches)
                        fail_msg("%s", maps[i].selector);
        }
        assert_false(kept_matches(KIND_SERVICE, NULL, d));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_quantities), cmocka_unit_test(test_canonical_quantities), cmocka_unit_test(test_doc), cmocka_unit_test(test_pod_requests), cmocka_unit_test(test_pod_qos), cmocka_unit_test(test_label_selectors),
                cmocka_unit_test(test_pod_tolerations),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
