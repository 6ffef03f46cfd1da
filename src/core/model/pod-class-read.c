/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/pod-class-read.h"

#include "basic/alloc-util.h"
#include "basic/json-writer.h"
#include "basic/parse-util.h"
#include "basic/string-util.h"
#include "core/model/pod.h"

#define GANG_TIMEOUT_DEFAULT (60 * USEC_PER_SEC)

/* --- The text --- */

static void put(StrBuf *b, const char *key, const Json *v) {
        if (!v || v->type == JSON_NULL || ((v->type == JSON_ARRAY || v->type == JSON_OBJECT) && v->size == 0))
                return;
        strbuf_printf(b, ",\"%s\":", key);
        json_put(b, v);
}

static void put_owner(StrBuf *b, const Json *owners) {
        JSON_FOREACH(o, owners) {
                _cleanup_strbuf_ StrBuf owner = STRBUF_INIT(KIB);

                if (!json_is_true(json_get(o, "controller")))
                        continue;
                strbuf_printf(&owner, "%s/%s", strempty(json_string(json_get(o, "kind"))), strempty(json_string(json_get(o, "name"))));
                strbuf_puts(b, ",\"owner\":");
                json_put_string(b, strbuf_str(&owner));
        }
}

static void put_number(StrBuf *b, const char *key, int64_t v) {
        if (v == 0)
                return;
        strbuf_printf(b, ",\"%s\":", key);
        strbuf_put_i64(b, v);
}

typedef struct ExtendedText {
        const Json *spec;
        StrBuf *b;
        Error *error;
        bool any;
} ExtendedText;

static int put_extended(const char *name, void *userdata) {
        ExtendedText *x = userdata;
        int64_t amount;
        int r;

        r = resource_sum(x->spec, name, 0, &amount, x->error);
        if (r < 0 || amount == 0)
                return r;
        strbuf_puts(x->b, x->any ? "," : ",\"extended\":{");
        json_put_string(x->b, name);
        strbuf_putc(x->b, ':');
        strbuf_put_i64(x->b, amount);
        x->any = true;
        return 0;
}

static int put_resources(StrBuf *b, const Json *spec, Error *reterr) {
        ExtendedText x = { .spec = spec, .b = b, .error = reterr };
        int64_t counted_cpu, counted_memory;
        Resources sum;
        int r;

        r = resources_sum(spec, &sum, reterr);
        if (r >= 0)
                r = resource_sum(spec, "cpu", RESOURCES_DEFAULT_CPU, &counted_cpu, reterr);
        if (r >= 0)
                r = resource_sum(spec, "memory", RESOURCES_DEFAULT_MEMORY, &counted_memory, reterr);
        if (r < 0)
                return r;
        put_number(b, "cpu", sum.cpu);
        put_number(b, "memory", sum.memory);
        put_number(b, "ephemeral", sum.ephemeral);
        put_number(b, "countedCPU", counted_cpu);
        put_number(b, "countedMemory", counted_memory);
        r = resources_each_extended(spec, put_extended, &x);
        if (x.any)
                strbuf_putc(b, '}');
        return r;
}

static bool runs_on(const Json *container) {
        return streq_ptr(json_string(json_get(container, "restartPolicy")), "Always");
}

/* Appends to one list what the containers have under that name; of init containers those that run on alone, if so wished. */
static bool put_of_list(StrBuf *b, const Json *containers, const char *key, const char *member, bool running_on, bool any) {
        JSON_FOREACH(container, containers) {
                const Json *v = json_get(container, member);

                if (!v || (running_on && !runs_on(container)))
                        continue;
                if (!any)
                        strbuf_printf(b, ",\"%s\":[", key);
                else
                        strbuf_putc(b, ',');
                json_put(b, v);
                any = true;
        }
        return any;
}

static void put_of_containers(StrBuf *b, const Json *spec, const char *key, const char *member, bool running_on) {
        bool any = put_of_list(b, json_get(spec, "containers"), key, member, false, false);

        if (put_of_list(b, json_get(spec, "initContainers"), key, member, running_on, any))
                strbuf_putc(b, ']');
}

static bool has_host_port(const Json *spec) {
        static const char *const lists[] = { "containers", "initContainers" };

        for (size_t i = 0; i < ELEMENTSOF(lists); i++)
                JSON_FOREACH(container, json_get(spec, lists[i]))
                        JSON_FOREACH(port, json_get(container, "ports"))
                                if (json_i64(json_get(port, "hostPort"), 0) > 0)
                                        return true;
        return false;
}

static void put_gang(StrBuf *b, const Json *annotations) {
        put(b, "gang", json_get(annotations, POD_ANNOTATION_GANG));
        put(b, "gangMin", json_get(annotations, POD_ANNOTATION_GANG_MIN));
        put(b, "gangTimeout", json_get(annotations, POD_ANNOTATION_GANG_TIMEOUT));
}

/* The pod's own labels that its constraints ask for (matchLabelKeys): they are in its selectors. */
static void put_spread_labels(StrBuf *b, const Json *constraints, const Json *labels) {
        bool any = false;

        JSON_FOREACH(constraint, constraints)
                JSON_FOREACH(k, json_get(constraint, "matchLabelKeys")) {
                        const char *key = strempty(json_string(k)), *value = json_string(json_get(labels, key));

                        strbuf_puts(b, any ? "," : ",\"spreadLabels\":[");
                        json_put_string(b, key);
                        strbuf_puts(b, value ? "," : ",null");
                        if (value)
                                json_put_string(b, value);
                        any = true;
                }
        if (any)
                strbuf_putc(b, ']');
}

int pod_class_put_text(const char *namespace, const Json *document, StrBuf *b, size_t *ret_shape, Error *reterr) {
        static const char *const members[] = {
                "nodeSelector", "affinity", "tolerations", "topologySpreadConstraints", "priority", "preemptionPolicy", "schedulerName",
        };
        const Json *metadata = json_get(document, "metadata"), *spec = json_get(document, "spec");
        int r;

        strbuf_puts(b, "{\"namespace\":");
        json_put_string(b, namespace);
        for (size_t i = 0; i < ELEMENTSOF(members); i++)
                put(b, members[i], json_get(spec, members[i]));
        put_spread_labels(b, json_get(spec, "topologySpreadConstraints"), json_get(metadata, "labels"));
        put_of_containers(b, spec, "images", "image", false);
        if (has_host_port(spec))
                put_of_containers(b, spec, "ports", "ports", true); /* an init container that ends leaves its ports */
        r = put_resources(b, spec, reterr);
        *ret_shape = b->size;
        put(b, "labels", json_get(metadata, "labels"));
        put_owner(b, json_get(metadata, "ownerReferences"));
        put_gang(b, json_get(metadata, "annotations"));
        strbuf_putc(b, '}');
        return r;
}

/* --- The class --- */

static int read_labels(PodClass *c, const Json *labels) {
        int r;

        r = json_list_allocate(labels, sizeof(DocLabel), &c->labels);
        if (r < 0)
                return r;
        JSON_FOREACH(v, labels)
                c->labels[c->n_labels++] = (DocLabel) { .key = v->key, .value = strempty(json_string(v)) };
        return 0;
}

static int read_extended(PodClass *c, const Json *extended) {
        int r;

        r = json_list_allocate(extended, sizeof(ExtendedResource), &c->extended);
        if (r < 0)
                return r;
        JSON_FOREACH(v, extended)
                c->extended[c->n_extended++] = (ExtendedResource) { .name = v->key, .amount = json_i64(v, 0) };
        return 0;
}

static int read_tolerations(PodClass *c, const Json *tolerations) {
        int r;

        r = json_list_allocate(tolerations, sizeof(Toleration), &c->tolerations);
        if (r < 0)
                return r;
        JSON_FOREACH(v, tolerations) {
                const char *effect = strempty(json_string(json_get(v, "effect")));
                int64_t seconds = json_i64(json_get(v, "tolerationSeconds"), -1);
                bool limited = json_get(v, "tolerationSeconds");

                c->tolerations[c->n_tolerations++] = (Toleration) {
                        .key = strempty(json_string(json_get(v, "key"))), .value = strempty(json_string(json_get(v, "value"))),
                        .exists = streq_ptr(json_string(json_get(v, "operator")), "Exists"),
                        .effect = *effect ? (int) taint_effect_from_string(effect) : _TAINT_EFFECT_MAX,
                        .span = !limited ? USEC_INFINITY : seconds > 0 ? (usec_t) seconds * USEC_PER_SEC : 0,
                };
        }
        return 0;
}

static int read_node_affinity(PodClass *c, const Json *affinity) {
        const Json *required = json_get(affinity, "requiredDuringSchedulingIgnoredDuringExecution");
        const Json *terms = json_get(required, "nodeSelectorTerms"), *preferred = json_get(affinity, "preferredDuringSchedulingIgnoredDuringExecution");
        int r;

        c->has_node_terms = required;
        c->names_nodes = terms && terms->size > 0;
        r = json_list_allocate(terms, sizeof(Requirements), &c->node_terms);
        if (r >= 0)
                r = json_list_allocate(preferred, sizeof(PreferredTerm), &c->preferred);
        if (r < 0)
                return r;
        JSON_FOREACH(v, terms) {
                Requirements *t = &c->node_terms[c->n_node_terms++];

                r = requirements_read_term(t, v);
                if (r < 0)
                        return r;
                c->names_nodes &= requirements_have_names(t);
        }
        JSON_FOREACH(v, preferred) {
                PreferredTerm *t = &c->preferred[c->n_preferred++];

                t->weight = json_i64(json_get(v, "weight"), 0);
                r = requirements_read_term(&t->requirements, json_get(v, "preference"));
                if (r < 0)
                        return r;
        }
        return 0;
}

/* Adds "key in (the pod's own value)" for each of the keys that the pod has: matchLabelKeys, of a constraint alone, as kube-scheduler reads
 * them. Those of affinity are in the selector since the pod was created (core/control/admission.c). */
static int add_own_labels(const PodClass *c, Requirements *selector, const Json *keys) {
        int r;

        JSON_FOREACH(k, keys) {
                const char *value = pod_class_label(c, strempty(json_string(k)), false);

                if (!value)
                        continue;
                r = requirements_add(selector, json_string(k), value);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_spread(PodClass *c, const Json *constraints) {
        int r;

        r = json_list_allocate(constraints, sizeof(SpreadConstraint), &c->spread);
        if (r < 0)
                return r;
        JSON_FOREACH(v, constraints) {
                SpreadConstraint *s = &c->spread[c->n_spread++];

                s->topology_key = strempty(json_string(json_get(v, "topologyKey")));
                s->max_skew = json_i64(json_get(v, "maxSkew"), 1);
                s->min_domains = json_i64(json_get(v, "minDomains"), 1);
                s->hard = !streq_ptr(json_string(json_get(v, "whenUnsatisfiable")), "ScheduleAnyway");
                s->ignores_affinity = streq_ptr(json_string(json_get(v, "nodeAffinityPolicy")), "Ignore");
                s->honors_taints = streq_ptr(json_string(json_get(v, "nodeTaintsPolicy")), "Honor");
                r = requirements_read_selector(&s->selector, json_get(v, "labelSelector"));
                if (r >= 0)
                        r = add_own_labels(c, &s->selector, json_get(v, "matchLabelKeys"));
                if (r < 0)
                        return r;
                s->selector.never |= s->selector.n_items == 0; /* an empty one counts nobody here, either (countPodsMatchSelector) */
        }
        return 0;
}

void pod_terms_free(PodTerm *terms, size_t n) {
        for (size_t i = 0; i < n; i++) {
                requirements_done(&terms[i].selector);
                requirements_done(&terms[i].namespaces);
                free(terms[i].names);
        }
        free(terms);
}

static int read_term(const PodClass *c, PodTerm *t, const Json *term, int64_t weight) {
        const Json *names = json_get(term, "namespaces"), *selector = json_get(term, "namespaceSelector");
        int r;

        t->weight = weight;
        t->topology_key = strempty(json_string(json_get(term, "topologyKey")));
        t->selects_namespaces = selector;
        r = requirements_read_selector(&t->selector, json_get(term, "labelSelector"));
        if (r >= 0)
                r = requirements_read_selector(&t->namespaces, selector);
        if (r < 0)
                return r;
        t->names = new0(const char*, (names ? names->size : 0) + 1);
        if (!t->names)
                return -ENOMEM;
        JSON_FOREACH(v, names)
                t->names[t->n_names++] = strempty(json_string(v));
        if (t->n_names == 0 && !selector)
                t->names[t->n_names++] = c->namespace;
        return 0;
}

static int read_terms(const PodClass *c, const Json *list, PodTerm **terms, size_t *n) {
        int r;

        r = json_list_allocate(list, sizeof(PodTerm), terms);
        if (r < 0)
                return r;
        JSON_FOREACH(v, list) {
                r = read_term(c, &(*terms)[(*n)++], v, 0);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_weighted_terms(PodClass *c, const Json *list, int64_t sign) {
        int r;

        JSON_FOREACH(v, list) {
                r = read_term(c, &c->preferred_pods[c->n_preferred_pods++], json_get(v, "podAffinityTerm"), sign * json_i64(json_get(v, "weight"), 0));
                if (r < 0)
                        return r;
        }
        return 0;
}

static int read_pod_affinity(PodClass *c, const Json *affinity, const Json *anti) {
        const Json *preferred = json_get(affinity, "preferredDuringSchedulingIgnoredDuringExecution");
        const Json *avoided = json_get(anti, "preferredDuringSchedulingIgnoredDuringExecution");
        size_t n = (preferred ? preferred->size : 0) + (avoided ? avoided->size : 0);
        int r;

        r = read_terms(c, json_get(affinity, "requiredDuringSchedulingIgnoredDuringExecution"), &c->affinity, &c->n_affinity);
        if (r >= 0)
                r = read_terms(c, json_get(anti, "requiredDuringSchedulingIgnoredDuringExecution"), &c->anti_affinity, &c->n_anti_affinity);
        if (r < 0 || n == 0)
                return r;
        c->preferred_pods = new0(PodTerm, n);
        if (!c->preferred_pods)
                return -ENOMEM;
        r = read_weighted_terms(c, preferred, 1);
        return r < 0 ? r : read_weighted_terms(c, avoided, -1);
}

static int read_ports(PodClass *c, const Json *lists) {
        size_t n = 0;

        JSON_FOREACH(list, lists)
                n += list->size;
        if (n == 0)
                return 0;
        c->ports = new0(HostPort, n);
        if (!c->ports)
                return -ENOMEM;
        JSON_FOREACH(list, lists)
                JSON_FOREACH(v, list)
                        if (json_i64(json_get(v, "hostPort"), 0) > 0)
                                c->ports[c->n_ports++] = (HostPort) {
                                        .ip = strempty(json_string(json_get(v, "hostIP"))), .port = json_i64(json_get(v, "hostPort"), 0),
                                        .protocol = json_string(json_get(v, "protocol")) ?: "TCP",
                                };
        return 0;
}

static int read_images(PodClass *c, const Json *images) {
        int r;

        r = json_list_allocate(images, sizeof(char*), &c->images);
        if (r < 0)
                return r;
        JSON_FOREACH(v, images)
                c->images[c->n_images++] = strempty(json_string(v));
        return 0;
}

static void read_gang(PodClass *c, const Json *root) {
        uint64_t min;

        c->gang = (Gang) { .name = json_string(json_get(root, "gang")), .min_member = 1, .timeout = GANG_TIMEOUT_DEFAULT };
        if (parse_u64_range(strempty(json_string(json_get(root, "gangMin"))), 1, UINT32_MAX, &min) >= 0)
                c->gang.min_member = (uint32_t) min;
        (void) parse_usec(strempty(json_string(json_get(root, "gangTimeout"))), &c->gang.timeout);
}

static void read_scalars(PodClass *c, const Json *root) {
        const char *owner = json_string(json_get(root, "owner"));

        c->namespace = strempty(json_string(json_get(root, "namespace")));
        c->owner = owner;
        c->priority = (int32_t) json_i64(json_get(root, "priority"), 0);
        c->preempts = !streq_ptr(json_string(json_get(root, "preemptionPolicy")), "Never");
        c->algorithm = startswith(strempty(json_string(json_get(root, "schedulerName"))), POD_SCHEDULER_PREFIX);
        c->requests = (Resources) { .cpu = json_i64(json_get(root, "cpu"), 0), .memory = json_i64(json_get(root, "memory"), 0),
                                    .ephemeral = json_i64(json_get(root, "ephemeral"), 0) };
        c->counted_cpu = json_i64(json_get(root, "countedCPU"), 0);
        c->counted_memory = json_i64(json_get(root, "countedMemory"), 0);
        read_gang(c, root);
}

/* Does it let the pod go where others may not? Those that every pod is given are about nodes that are lost, which get none. */
static bool opens_nodes(const Toleration *t) {
        if (t->effect == TAINT_NO_EXECUTE)
                return !streq(t->key, "node.kubernetes.io/not-ready") && !streq(t->key, "node.kubernetes.io/unreachable");
        return t->effect != TAINT_PREFER_NO_SCHEDULE;
}

static bool is_simple(const PodClass *c) {
        for (size_t i = 0; i < c->n_tolerations; i++)
                if (opens_nodes(&c->tolerations[i]))
                        return false;
        for (size_t i = 0; i < c->n_spread; i++)
                if (c->spread[i].hard)
                        return false;
        return c->requests.memory == 0 && c->requests.ephemeral == 0 && c->n_extended == 0 && c->node_selector.n_items == 0 && !c->has_node_terms &&
               c->n_ports == 0 && c->n_affinity == 0 && c->n_anti_affinity == 0 && c->priority == 0 && !c->algorithm && !c->gang.name;
}

int pod_class_read(PodClass *c, const Json *root) {
        const Json *affinity = json_get(root, "affinity");
        int r;

        read_scalars(c, root);
        r = read_labels(c, json_get(root, "labels"));
        if (r >= 0)
                r = read_extended(c, json_get(root, "extended"));
        if (r >= 0)
                r = requirements_read_map(&c->node_selector, json_get(root, "nodeSelector"));
        if (r >= 0)
                r = read_node_affinity(c, json_get(affinity, "nodeAffinity"));
        if (r >= 0)
                r = read_tolerations(c, json_get(root, "tolerations"));
        if (r >= 0)
                r = read_spread(c, json_get(root, "topologySpreadConstraints"));
        if (r >= 0)
                r = read_pod_affinity(c, json_get(affinity, "podAffinity"), json_get(affinity, "podAntiAffinity"));
        if (r >= 0)
                r = read_ports(c, json_get(root, "ports"));
        if (r >= 0)
                r = read_images(c, json_get(root, "images"));
        if (r < 0)
                return r;
        c->simple = is_simple(c);
        return 0;
}
