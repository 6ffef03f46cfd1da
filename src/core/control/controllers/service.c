/* SPDX-License-Identifier: Apache-2.0 */
/* Services: an EndpointSlice (and the older Endpoints) of the pods that run and that the selector matches.
 * Kubernetes documentation, "Service" and "EndpointSlices". */
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/control/controllers/controllers.h"
#include "core/control/controllers/workload.h"
#include "core/control/selectors.h"
#include "core/model/object-util.h"

#define SLICE_MAX 100 /* as the endpoint slice controller's default */
/* Endpoints name no more; which is said by an annotation. Kubernetes documentation, "Over-capacity endpoints" */
#define ENDPOINTS_MAX 1000
#define OVER_CAPACITY "endpoints.kubernetes.io/over-capacity"
/* A look at many pods costs so much that further changes wait, and are taken together: so long for each of them. */
#define PAUSE_OF_ONE (USEC_PER_MSEC / 10)
#define PAUSE_MAX USEC_PER_SEC
#define NAME_LABEL "kubernetes.io/service-name"
#define HEADLESS_LABEL "service.kubernetes.io/headless"
#define MANAGER_LABEL "endpointslice.kubernetes.io/managed-by"
#define MANAGER "endpointslice-controller.k8s.io"

/* The pods behind a Service, those of the same ports together. */
typedef struct Backend {
        const Pod *pod; /* borrowed */
        size_t group;
} Backend;

typedef struct Backends {
        Backend *pods;
        size_t n, allocated;
        Json **groups; /* the ports that all pods of a group have, as in EndpointSlices; in the arena of who looks */
        size_t n_groups, groups_allocated;
        bool headless; /* of a Service without an address */
} Backends;

static void backends_done(Backends *b) {
        free(b->pods);
        free(b->groups);
}

static int find_backends(Cluster *c, const Object *service, const Json *selector, Backends *ret) {
        const char *slash = strchr(service->name, '/');
        char from[256] = "";

        if (slash)
                memcpy(from, service->name, MIN((size_t) (slash - service->name + 1), sizeof(from) - 1));
        for (StoreEntry *e = store_find_from(c->store, KIND_POD, from); e && object_shares_namespace(e->object, service); e = store_following(e)) {
                const Pod *p = (const Pod*) e->object;

                if (p->ip == 0 || p->status == POD_SUCCEEDED || p->status == POD_FAILED || !label_map_matches(selector, p->object.doc))
                        continue;
                if (!GREEDY_REALLOC(ret->pods, ret->allocated, ret->n + 1))
                        return -ENOMEM;
                ret->pods[ret->n++] = (Backend) { .pod = p };
        }
        return 0;
}

static Json *make_target(JsonArena *a, const Pod *p) {
        Json *target = json_new(a, JSON_OBJECT);
        char uid[UUID_STRING_MAX], namespace[NAMESPACE_SIZE];

        json_set_string(a, target, "kind", "Pod");
        json_set_string(a, target, "namespace", object_copy_namespace(&p->object, namespace));
        json_set_string(a, target, "name", object_name(&p->object));
        json_set_string(a, target, "uid", uuid_to_string(p->object.uid, uid));
        return target;
}

/* --- Ports of pods --- */

static const Json *find_port_in(const Json *containers, bool init, const char *name, const char *protocol) {
        JSON_FOREACH(container, containers)
                JSON_FOREACH(port, json_get(container, "ports"))
                        if ((!init || streq_ptr(json_string(json_get(container, "restartPolicy")), "Always")) &&
                            streq_ptr(json_string(json_get(port, "name")), name) && streq(json_string(json_get(port, "protocol")) ?: "TCP", protocol))
                                return json_get(port, "containerPort");
        return NULL;
}

/* The number that the Service says, its own when it says none, or the one that a name has in the pod; NULL: it has none there. */
static const Json *find_number(const Json *port, const Json *pod, const char *protocol) {
        const Json *target = json_get(port, "targetPort");
        const char *name = json_string(target);

        if (!name)
                return target ?: json_get(port, "port");
        return find_port_in(json_get(pod, "containers"), false, name, protocol) ?: find_port_in(json_get(pod, "initContainers"), true, name, protocol);
}

/* pod: its spec; NULL: it is not needed. */
static Json *make_ports(JsonArena *a, const Json *spec, const Json *pod) {
        Json *ports = json_new(a, JSON_ARRAY);

        JSON_FOREACH(of, json_get(spec, "ports")) {
                const char *protocol = json_string(json_get(of, "protocol")) ?: "TCP";
                const Json *number = find_number(of, pod, protocol);
                Json *port;

                if (!number)
                        continue;
                port = json_new(a, JSON_OBJECT);
                json_set_string(a, port, "name", strempty(json_string(json_get(of, "name"))));
                json_set(a, port, "port", json_copy(a, number));
                json_set_string(a, port, "protocol", protocol);
                json_append(ports, port);
        }
        return ports;
}

static bool has_named_ports(const Json *spec) {
        JSON_FOREACH(port, json_get(spec, "ports"))
                if (json_is(json_get(port, "targetPort"), JSON_STRING))
                        return true;
        return false;
}

/* The group of those ports; it may be a new one. */
static int find_group(JsonArena *a, Backends *b, Json *ports, size_t *ret) {
        if (json_arena_error(a) < 0)
                return json_arena_error(a);
        for (size_t i = 0; i < b->n_groups; i++)
                if (json_equal(b->groups[i], ports)) {
                        *ret = i;
                        return 0;
                }
        if (!GREEDY_REALLOC(b->groups, b->groups_allocated, b->n_groups + 1))
                return -ENOMEM;
        *ret = b->n_groups;
        b->groups[b->n_groups++] = ports;
        return 0;
}

static const char *text_of_spec(const Pod *p) {
        return p->object.doc ? p->object.doc->spec : "";
}

/* What is read of the pod is needed no longer than for its ports. */
static int find_group_of_pod(JsonArena *a, const Json *spec, Backends *b, const Pod *p, size_t *ret) {
        _cleanup_json_arena_ JsonArena own = JSON_ARENA_INIT(16 * MIB);
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(6 * MIB);
        Json *pod = NULL;
        int r;

        strbuf_printf(&text, "{%s}", text_of_spec(p));
        r = strbuf_error(&text);
        if (r >= 0)
                r = json_tree_parse(&own, text.data, text.size, &pod, NULL);
        return r < 0 ? -ENOMEM : find_group(a, b, make_ports(a, spec, pod), ret); /* what is stored can be parsed */
}

static int compare_groups(const void *x, const void *y) {
        const Backend *a = x, *b = y;

        return a->group != b->group ? (a->group < b->group ? -1 : 1) : object_compare(&a->pod->object, &b->pod->object);
}

/* Names of ports are what they are in each pod; those of one template follow each other, and are read once. */
static int group_backends(JsonArena *a, const Json *spec, Backends *b) {
        bool named = has_named_ports(spec);
        int r = 0;

        for (size_t i = 0; i < b->n && r >= 0; i++) {
                const Backend *last = i > 0 ? &b->pods[i - 1] : NULL;

                if (last && (!named || streq(text_of_spec(last->pod), text_of_spec(b->pods[i].pod))))
                        b->pods[i].group = last->group;
                else
                        r = named ? find_group_of_pod(a, spec, b, b->pods[i].pod, &b->pods[i].group) :
                                    find_group(a, b, make_ports(a, spec, NULL), &b->pods[i].group);
        }
        if (r >= 0 && b->n_groups > 1)
                qsort(b->pods, b->n, sizeof(Backend), compare_groups);
        return r;
}

/* How many from there on go into one slice. */
static size_t count_run(const Backends *b, size_t from) {
        size_t n = 0;

        while (from + n < b->n && n < SLICE_MAX && b->pods[from + n].group == b->pods[from].group)
                n++;
        return n;
}

/* --- EndpointSlices --- */

static Json *make_endpoint(JsonArena *a, const Pod *p) {
        Json *endpoint = json_new(a, JSON_OBJECT), *addresses = json_new(a, JSON_ARRAY), *conditions = json_new(a, JSON_OBJECT);
        bool ready = pod_is_ready(p);
        char ip[ADDRESS_STRING_MAX];

        json_append(addresses, json_new_string(a, address_to_string(p->ip, ip)));
        json_set(a, endpoint, "addresses", addresses);
        json_set_bool(a, conditions, "ready", ready);
        json_set_bool(a, conditions, "serving", ready || (p->status == POD_TERMINATING && !p->lost));
        json_set_bool(a, conditions, "terminating", p->status == POD_TERMINATING);
        json_set(a, endpoint, "conditions", conditions);
        json_set_string(a, endpoint, "nodeName", p->node);
        json_set(a, endpoint, "targetRef", make_target(a, p));
        return endpoint;
}

static void fill_slice(JsonArena *a, Json *root, const char *service, const Backends *b, size_t from) {
        Json *metadata = json_ensure(a, root, "metadata", JSON_OBJECT), *labels = json_ensure(a, metadata, "labels", JSON_OBJECT);
        Json *endpoints = json_new(a, JSON_ARRAY);

        json_set_string(a, labels, NAME_LABEL, service);
        json_set_string(a, labels, MANAGER_LABEL, MANAGER);
        if (b->headless)
                json_set_string(a, labels, HEADLESS_LABEL, "");
        else
                json_remove(labels, HEADLESS_LABEL);
        json_set_string(a, root, "addressType", "IPv4");
        for (size_t i = from; i < from + count_run(b, from); i++)
                json_append(endpoints, make_endpoint(a, b->pods[i].pod));
        json_set(a, root, "endpoints", endpoints);
        json_set(a, root, "ports", from < b->n ? json_copy(a, b->groups[b->pods[from].group]) : json_new(a, JSON_ARRAY));
}

static int update_slice(Cluster *c, StoreEntry *entry, const char *service, const Backends *b, size_t from) {
        _cleanup_edit_ Edit e = {};
        int r;

        r = edit_begin(&e, c, entry);
        if (r < 0)
                return r;
        fill_slice(&e.arena, e.root, service, b, from);
        return edit_commit(&e);
}

static int create_slice(Cluster *c, ObjectState *s, const Backends *b, size_t from) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(16 * MIB);
        const char *service = object_name(s->entry.object);
        Json *root = json_new(&a, JSON_OBJECT);
        char base[254], name[260];

        (void) snprintf(base, sizeof(base), "%.240s-", service);
        object_generate_name(c, base, name);
        fill_slice(&a, root, service, b, from);
        json_set_string(&a, json_get(root, "metadata"), "generateName", base);
        json_set_i64(&a, json_get(root, "metadata"), "generation", 1);
        return object_create_owned(c, &a, &s->entry, KIND_ENDPOINT_SLICE, name, root, NULL);
}

/* One slice after the other: those that are there are changed, further ones made, left ones removed. */
static int update_slices(Cluster *c, ObjectState *s, const Backends *b) {
        bool first = true; /* there is one, also of no pods */
        ObjectState *d;
        size_t from = 0;
        int r;

        LIST_FOREACH(d, &s->dependents, ObjectState, in_owner) {
                if (d->entry.object->kind != KIND_ENDPOINT_SLICE)
                        continue;
                if (first || from < b->n)
                        r = update_slice(c, &d->entry, object_name(s->entry.object), b, from);
                else
                        r = object_delete(c, &d->entry, &(DeleteOptions) { .grace_seconds = -1 });
                if (r < 0)
                        return r;
                from += count_run(b, from);
                first = false;
        }
        for (; first || from < b->n; from += count_run(b, from), first = false) {
                r = create_slice(c, s, b, from);
                if (r < 0)
                        return r;
        }
        return 0;
}

/* --- Endpoints --- */

/* Takes from *most how many there are. */
static void add_addresses(JsonArena *a, Json *subset, const char *key, const Backends *b, size_t group, bool ready, size_t *most) {
        Json *list = json_new(a, JSON_ARRAY);

        for (size_t i = 0; list && i < b->n && *most > 0; i++) {
                const Pod *p = b->pods[i].pod;
                char ip[ADDRESS_STRING_MAX];
                Json *address;

                if (b->pods[i].group != group || pod_is_ready(p) != ready)
                        continue;
                address = json_new(a, JSON_OBJECT);
                json_set_string(a, address, "ip", address_to_string(p->ip, ip));
                json_set_string(a, address, "nodeName", p->node);
                json_set(a, address, "targetRef", make_target(a, p));
                json_append(list, address);
                (*most)--;
        }
        if (list && list->size > 0)
                json_set(a, subset, key, list);
}

/* Without the names that the Service does not give them. */
static Json *copy_ports(JsonArena *a, const Json *ports) {
        Json *copy = json_copy(a, ports);

        JSON_FOREACH(port, copy)
                if (isempty(json_string(json_get(port, "name"))))
                        json_remove(port, "name");
        return copy;
}

/* A subset for each group; pods that have none of the ports are in none. */
static void fill_endpoints(JsonArena *a, Json *root, const Json *spec, const Backends *b) {
        Json *subsets = json_new(a, JSON_ARRAY);
        Json *annotations = json_ensure(a, json_ensure(a, root, "metadata", JSON_OBJECT), "annotations", JSON_OBJECT);
        bool bare = !json_item(json_get(spec, "ports"), 0);
        size_t most = ENDPOINTS_MAX;

        if (b->n > ENDPOINTS_MAX)
                json_set_string(a, annotations, OVER_CAPACITY, "truncated");
        else
                json_remove(annotations, OVER_CAPACITY);
        for (size_t i = 0; i < b->n_groups; i++) {
                Json *subset = json_new(a, JSON_OBJECT);

                if (b->groups[i]->size == 0 && !bare)
                        continue;
                add_addresses(a, subset, "addresses", b, i, true, &most);
                add_addresses(a, subset, "notReadyAddresses", b, i, false, &most);
                if (!subset || subset->size == 0)
                        continue; /* the others were enough */
                json_set(a, subset, "ports", copy_ports(a, b->groups[i]));
                json_append(subsets, subset);
        }
        json_set(a, root, "subsets", subsets);
}

static int update_endpoints(Cluster *c, ObjectState *s, const Json *spec, const Backends *b) {
        StoreEntry *entry = store_find(c->store, KIND_ENDPOINTS, s->entry.object->name);
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(16 * MIB);
        _cleanup_edit_ Edit e = {};
        Json *root;
        int r;

        if (!entry) {
                root = json_new(&a, JSON_OBJECT);
                fill_endpoints(&a, root, spec, b);
                return object_create_owned(c, &a, &s->entry, KIND_ENDPOINTS, object_name(s->entry.object), root, NULL);
        }
        r = edit_begin(&e, c, entry);
        if (r < 0)
                return r;
        fill_endpoints(&e.arena, e.root, spec, b);
        return edit_commit(&e);
}

/* What has changed while it pauses is looked at when that is over. */
static bool is_pausing(const Cluster *c, ObjectState *s) {
        const PrioqItem *look = &timed_state(s)->look.item;

        return timed_state(s)->n_failures == 0 && look->index != PRIOQ_NONE && look->when > c->now;
}

static int update(Cluster *c, ObjectState *s, const Json *spec, const Backends *b) {
        uint64_t before = store_revision(c->store);
        int r;

        r = update_slices(c, s, b);
        if (r >= 0)
                r = update_endpoints(c, s, spec, b);
        if (r < 0 || b->n <= SLICE_MAX || store_revision(c->store) == before)
                return r;
        return controller_look_at(c, s, usec_add(cluster_now_realtime(c), MIN(b->n * PAUSE_OF_ONE, PAUSE_MAX)));
}

int reconcile_service(Cluster *c, ObjectState *s) {
        _cleanup_edit_ Edit e = {}; /* only read */
        Backends b = {};
        const Json *selector;
        const Json *spec;
        int r;

        if (s->entry.object->doc->deleted > 0 || is_pausing(c, s))
                return 0;
        r = edit_begin(&e, c, &s->entry);
        if (r < 0)
                return r;
        spec = json_get(e.root, "spec");
        selector = json_get(spec, "selector");
        if (!json_is(selector, JSON_OBJECT) || selector->size == 0)
                return 0; /* its endpoints are somebody else's work */
        b.headless = streq_ptr(json_string(json_get(spec, "clusterIP")), "None");
        r = find_backends(c, s->entry.object, selector, &b);
        if (r >= 0)
                r = group_backends(&e.arena, spec, &b);
        if (r >= 0)
                r = update(c, s, spec, &b);
        backends_done(&b);
        if (r == -ENOMEM)
                return r;
        if (r < 0) /* others have the name, there are too many objects, or the namespace is about to go */
                return controller_look_at(c, s, controller_retry_time(c, timed_state(s)));
        timed_state(s)->n_failures = 0;
        return 0;
}
