/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/lib/test.h"

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/prng.h"
#include "basic/string-util.h"
#include "basic/time-util.h"
#include "core/model/node.h"
#include "core/model/pod.h"
#include "kubesimd/api/kube/selector.h"

/* The cases of k8s.io/apimachinery's documentation of HumanDuration: seconds below two minutes, then two units while the
 * larger is small. */
static void test_age(void **state _unused_) {
        static const struct {
                uint64_t seconds;
                const char *text;
        } cases[] = {
                { 0, "\"0s\"" },          { 119, "\"119s\"" },      { 120, "\"2m\"" },       { 125, "\"2m5s\"" },   { 599, "\"9m59s\"" },
                { 600, "\"10m\"" },       { 10799, "\"179m\"" },    { 10800, "\"3h\"" },     { 11000, "\"3h3m\"" }, { 28799, "\"7h59m\"" },
                { 28800, "\"8h\"" },      { 172799, "\"47h\"" },    { 172800, "\"2d\"" },    { 180000, "\"2d2h\"" },
                { 691200, "\"8d\"" },     { 63072000, "\"2y\"" },   { 31536000, "\"365d\"" }, { 66000000, "\"2y33d\"" },
                { 284000000, "\"9y\"" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT(64);

                kube_put_age(&b, USEC_PER_SEC, (cases[i].seconds + 1) * USEC_PER_SEC);
                assert_string_equal(strbuf_str(&b), cases[i].text);
        }
}

static void test_cpu(void **state _unused_) {
        static const struct {
                int64_t milli;
                const char *text;
        } cases[] = { { 1000, "\"1\"" }, { 500, "\"500m\"" }, { 1, "\"1m\"" }, { 64000, "\"64\"" }, { 1500, "\"1500m\"" } };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT(64);

                kube_put_cpu(&b, cases[i].milli);
                assert_string_equal(strbuf_str(&b), cases[i].text);
        }
}

static bool matches(const KubeResource *r, const Object *o, const char *labels, const char *fields) {
        _cleanup_(selector_freep) Selector *s = NULL;
        _cleanup_error_ Error error = ERROR_NULL;

        if (selector_parse(r, labels, fields, &s, &error) < 0)
                fail_msg("%s %s: %s", strempty(labels), strempty(fields), error_message(&error));
        return selector_matches(s, o);
}

/* Kubernetes documentation, "Labels and Selectors": set-based and equality-based requirements; what is absent is unequal. */
static void test_label_selectors(void **state _unused_) {
        static const struct {
                const char *selector;
                bool expected;
        } cases[] = {
                { NULL, true },
                { "", true },
                { "kubernetes.io/hostname=n1", true },
                { "kubernetes.io/hostname==n1", true },
                { " kubernetes.io/hostname = n1 , kubernetes.io/os=linux ", true },
                { "kubernetes.io/hostname=n2", false },
                { "kubernetes.io/hostname!=n2", true },
                { "kubernetes.io/hostname!=n1", false },
                { "gpu!=yes", true },
                { "gpu=yes", false },
                { "kubernetes.io/os", true },
                { "!kubernetes.io/os", false },
                { "gpu", false },
                { "!gpu", true },
                { "kubernetes.io/hostname in (n1,n2)", true },
                { "kubernetes.io/hostname in ( n2 , n3 )", false },
                { "kubernetes.io/hostname notin (n2)", true },
                { "kubernetes.io/hostname notin (n1)", false },
                { "gpu notin (a,b)", true },
                { "kubernetes.io/hostname in (n1),kubernetes.io/os in (windows)", false },
        };
        _cleanup_(node_unrefp) Node *n = NULL;

        assert_int_equal(node_new("n1", &n), 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (matches(&kube_nodes, &n->object, cases[i].selector, NULL) != cases[i].expected)
                        fail_msg("%s", cases[i].selector);
}

static void test_field_selectors(void **state _unused_) {
        static const struct {
                const char *selector;
                bool expected;
        } cases[] = {
                { "metadata.name=web", true },
                { "metadata.name!=web", false },
                { "spec.nodeName=n1,status.phase=Pending", true },
                { "spec.nodeName=", false },
                { "metadata.namespace=default", true },
                { "status.phase!=Running,status.phase!=Failed", true },
        };
        _cleanup_(pod_unrefp) Pod *p = NULL;

        assert_int_equal(pod_new("web", &p), 0);
        assert_int_equal(pod_set_node(p, "n1"), 0);
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (matches(&kube_pods, &p->object, NULL, cases[i].selector) != cases[i].expected)
                        fail_msg("%s", cases[i].selector);
        assert_int_equal(pod_set_node(p, NULL), 0);
        assert_true(matches(&kube_pods, &p->object, NULL, "spec.nodeName="));
}

static void test_wrong_selectors(void **state _unused_) {
        static const struct {
                const char *labels, *fields;
        } cases[] = {
                { "a b", NULL },      { "=b", NULL },         { "a in", NULL },     { "a in (b", NULL },   { "a in (b) c", NULL },
                { "a within (b)", NULL }, { "(b)", NULL },    { "!", NULL },        { NULL, "metadata.name" }, { NULL, "nonsense=1" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(selector_freep) Selector *s = NULL;
                _cleanup_error_ Error error = ERROR_NULL;

                if (selector_parse(&kube_pods, cases[i].labels, cases[i].fields, &s, &error) != -EINVAL)
                        fail_msg("taken: %s %s", strempty(cases[i].labels), strempty(cases[i].fields));
                assert_null(s);
                assert_true(strlen(error_message(&error)) > 0);
        }
}

/* Any text is a selector or an error; both leave nothing behind. */
static void test_random_selectors(void **state _unused_) {
        static const char letters[] = "ab=!,() intok./-\t";
        Prng p;

        prng_init(&p, 17);
        for (unsigned i = 0; i < 200000; i++) {
                _cleanup_(selector_freep) Selector *s = NULL;
                _cleanup_(pod_unrefp) Pod *pod = NULL;
                char text[24];
                size_t n = (size_t) prng_below(&p, sizeof(text));

                for (size_t k = 0; k < n; k++)
                        text[k] = letters[prng_below(&p, sizeof(letters) - 1)];
                text[n] = '\0';
                assert_int_equal(pod_new("web", &pod), 0);
                if (selector_parse(&kube_pods, text, NULL, &s, NULL) >= 0)
                        (void) selector_matches(s, &pod->object);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_age),
                cmocka_unit_test(test_cpu),
                cmocka_unit_test(test_label_selectors),
                cmocka_unit_test(test_field_selectors),
                cmocka_unit_test(test_wrong_selectors),
                cmocka_unit_test(test_random_selectors),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
