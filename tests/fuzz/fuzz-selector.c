/* SPDX-License-Identifier: Apache-2.0 */
/* Label and field selectors: two lines, the labels' and the fields', parsed for several kinds and asked of a pod. A selector that is
 * turned round selects what the first does not. */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/model/pod.h"
#include "kubesimd/api/kube/selector.h"

#define POD "{\"metadata\":{\"name\":\"p\",\"labels\":{\"a\":\"1\",\"b\":\"\",\"x.io/c\":\"z\"}},\"spec\":{\"restartPolicy\":\"Never\",\"hostNetwork\":true," \
        "\"containers\":[{\"name\":\"c\",\"image\":\"i\"}]},\"status\":{\"nominatedNodeName\":\"n\"}}"

static Pod *make_pod(void) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        static PodClassPool classes;
        char text[] = POD;
        Json *root;
        Pod *p;

        assert(json_tree_parse(&a, text, strlen(text), &root, NULL) >= 0);
        pod_class_pool_init(&classes, (const uint64_t[]) { 1, 2 });
        assert(pod_new("p", &p) >= 0 && pod_read_document(p, &classes, root, NULL) >= 0 && doc_new(root, (Doc**) &p->object.doc) >= 0);
        return p;
}

static bool matches(const char *labels, const char *fields, const Object *o, bool *ret) {
        _cleanup_(selector_freep) Selector *s = NULL;

        if (selector_parse(&kube_pods, labels, fields, &s, NULL) < 0)
                return false;
        *ret = selector_matches(s, o);
        return true;
}

/* "a=b" and "a!=b", "a" and "!a": one of them holds. */
static void try_opposite(const char *word, const Object *o) {
        char opposite[600];
        const char *equals = strchr(word, '=');
        bool is, is_not;

        if (strlen(word) >= sizeof(opposite) - 8 || strpbrk(word, "!(,") || !matches(word, NULL, o, &is) || word[strspn(word, " \t\n\r")] == '\0')
                return;
        if (equals)
                (void) snprintf(opposite, sizeof(opposite), "%.*s!=%s", (int) (equals - word), word, equals + 1 + (equals[1] == '='));
        else
                (void) snprintf(opposite, sizeof(opposite), "!%s", word);
        assert(matches(opposite, NULL, o, &is_not) && is != is_not);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        static const KubeResource *const resources[] = { &kube_pods, &kube_nodes };
        _cleanup_free_ char *text = strndup((const char*) data, size);
        static Pod *pod = NULL;
        char *fields;
        bool both, one, other;

        if (!pod)
                pod = make_pod();
        assert(text);
        fields = strchr(text, '\n');
        if (fields)
                *fields++ = '\0';
        for (size_t i = 0; i < ELEMENTSOF(resources); i++) {
                _cleanup_(selector_freep) Selector *s = NULL;

                (void) selector_parse(resources[i], text, fields, &s, NULL);
        }
        try_opposite(text, &pod->object);
        if (matches(text, fields, &pod->object, &both) && matches(text, NULL, &pod->object, &one) && matches(NULL, fields, &pod->object, &other))
                assert(both == (one && other));
        return 0;
}
