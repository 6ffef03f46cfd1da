/* SPDX-License-Identifier: Apache-2.0 */
/* Services: an EndpointSlice (and the older Endpoints) of the pods that run and that the selector matches.
 * Kubernetes documentation, "Service" and "EndpointSlices". */
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/control/controllers.h"
#include "core/control/selectors.h"
#include "core/control/services.h"
#include "core/control/workload.h"
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

/* 172.16.0.0/12; a Service's id is never used twice. */
void service_assign_address(Cluster *c, JsonArena *a, Json *document) {
        Json *spec = json_get(document, "spec"), *all;
        uint64_t id = store_last_id(c->store) + 1;
        char ip[ADDRESS_STRING_MAX];

        if (!spec || json_get(spec, "clusterIP") || streq_ptr(json_string(json_get(spec, "type")), "ExternalName"))
                return;
        json_set_string(a, spec, "clusterIP", address_to_string((uint32_t) (172u << 24 | 16u << 16 | (id & 0xfffff)), ip));
        all = json_new(a, JSON_ARRAY);
        json_append(all, json_new_string(a, ip));
        json_set(a, spec, "clusterIPs", all);
}

/* --- Ports on the nodes --- */

#define N_NODE_PORTS (NODE_PORT_LAST - NODE_PORT_FIRST + 1)

/* Documents are compact, and a quote within a text is escaped: only a member of it looks so. */
static void count_ports(Cluster *c, const Object *o, int by) {
        static const char member[] = "\"nodePort\":";

        for (const char *p = o && o->doc ? strstr(o->doc->spec, member) : NULL; p; p = strstr(p, member)) {
                uint32_t number = 0;

                for (p += strlen(member); *p >= '0' && *p <= '9'; p++)
                        number = number * 10 + (uint32_t) (*p - '0');
                if (number >= NODE_PORT_FIRST && number <= NODE_PORT_LAST)
                        c->node_ports[number - NODE_PORT_FIRST] += by;
        }
}

void service_follow(Cluster *c, const Object *old, const Object *new) {
        count_ports(c, old, -1);
        count_ports(c, new, 1);
}

bool service_port_is_taken(const Cluster *c, uint32_t number) {
        return c->node_ports[number - NODE_PORT_FIRST] > 0;
}

static bool is_among(const Json *ports, int64_t number) {
        JSON_FOREACH(p, ports)
                if (json_i64(json_get(p, "nodePort"), 0) == number)
                        return true;
        return false;
}

/* Scattered, as those of Kubernetes are: nobody should count on which it is. */
int service_assign_port(Cluster *c, JsonArena *a, const Json *ports, Json *port, Error *reterr) {
        uint64_t first = (store_last_id(c->store) + 1) * 1103;

        for (uint64_t i = 0; i < N_NODE_PORTS; i++) {
                uint32_t number = NODE_PORT_FIRST + (uint32_t) ((first + i) % N_NODE_PORTS);

                if (service_port_is_taken(c, number) || is_among(ports, number))
                        continue;
                json_set_i64(a, port, "nodePort", number);
                return 0;
        }
        return error_set(reterr, -EDQUOT, "failed to allocate a nodePort: range is full");
}

/* The pods behind a Service. */
typedef struct Backends {
        const Pod **pods; /* borrowed */
        size_t n, allocated;
} Backends;

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
                ret->pods[ret->n++] = p;
        }
        return 0;
}

static Json *make_target(JsonArena *a, const Pod *p) {
        Json *target = json_new(a, JSON_OBJECT);
        char uid[UUID_STRING_MAX], namespace[256];
        size_t size;
        const char *ns = object_namespace(&p->object, &size);

        (void) snprintf(namespace, sizeof(namespace), "%.*s", (int) size, ns);
        json_set_string(a, target, "kind", "Pod");
        json_set_string(a, target, "namespace", namespace);
        json_set_string(a, target, "name", object_name(&p->object));
        json_set_string(a, target, "uid", uuid_to_string(p->object.uid, uid));
        return target;
}

static const Json *find_container_port(const Json *spec, const char *name) {
        JSON_FOREACH(container, json_get(spec, "containers"))
                JSON_FOREACH(port, json_get(container, "ports"))
                        if (streq_ptr(json_string(json_get(port, "name")), name))
                                return json_get(port, "containerPort");
        return NULL;
}

static bool has_named_ports(const Json *spec) {
        JSON_FOREACH(port, json_get(spec, "ports"))
                if (json_is(json_get(port, "targetPort"), JSON_STRING))
                        return true;
        return false;
}

/* Names of ports become the numbers that they have in the first of the pods: most Services have pods of one template. */
static int resolve_ports(JsonArena *a, Json *spec, const Backends *b) {
        _cleanup_strbuf_ StrBuf text = STRBUF_INIT(6 * MIB);
        Json *pod = NULL;
        char *copy;

        if (b->n == 0 || !b->pods[0]->object.doc || !has_named_ports(spec))
                return 0;
        strbuf_printf(&text, "{%s}", b->pods[0]->object.doc->spec);
        copy = strbuf_error(&text) < 0 ? NULL : json_arena_copy(a, text.data, text.size);
        if (!copy || json_tree_parse(a, copy, text.size, &pod, NULL) < 0)
                return -ENOMEM; /* what is stored can be parsed */
        JSON_FOREACH(port, json_get(spec, "ports")) {
                const char *name = json_string(json_get(port, "targetPort"));
                const Json *number = name ? find_container_port(pod, name) : NULL;

                if (number)
                        json_set(a, port, "targetPort", json_copy(a, number));
        }
        return json_arena_error(a);
}

/* The number that the Service says, or its own where no container has a port of that name. */
static void set_port_number(JsonArena *a, Json *port, const Json *of) {
        const Json *target = json_get(of, "targetPort");

        json_set(a, port, "port", json_copy(a, json_is(target, JSON_NUMBER) ? target : json_get(of, "port")));
}

static Json *make_ports(JsonArena *a, const Json *spec, bool slice) {
        Json *ports = json_new(a, JSON_ARRAY);

        JSON_FOREACH(of, json_get(spec, "ports")) {
                Json *port = json_new(a, JSON_OBJECT);

                if (slice || json_get(of, "name"))
                        json_set_string(a, port, "name", strempty(json_string(json_get(of, "name"))));
                set_port_number(a, port, of);
                json_set_string(a, port, "protocol", json_string(json_get(of, "protocol")) ?: "TCP");
                json_append(ports, port);
        }
        return ports;
}

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

static void fill_slice(JsonArena *a, Json *root, const char *service, const Json *spec, const Backends *b, size_t from) {
        Json *metadata = json_ensure(a, root, "metadata", JSON_OBJECT), *labels = json_ensure(a, metadata, "labels", JSON_OBJECT);
        Json *endpoints = json_new(a, JSON_ARRAY);

        json_set_string(a, labels, NAME_LABEL, service);
        json_set_string(a, labels, MANAGER_LABEL, MANAGER);
        if (streq_ptr(json_string(json_get(spec, "clusterIP")), "None"))
                json_set_string(a, labels, HEADLESS_LABEL, "");
        else
                json_remove(labels, HEADLESS_LABEL);
        json_set_string(a, root, "addressType", "IPv4");
        for (size_t i = from; i < b->n && i < from + SLICE_MAX; i++)
                json_append(endpoints, make_endpoint(a, b->pods[i]));
        json_set(a, root, "endpoints", endpoints);
        json_set(a, root, "ports", make_ports(a, spec, true));
}

static int update_slice(Cluster *c, StoreEntry *entry, const char *service, const Json *spec, const Backends *b, size_t from) {
        _cleanup_edit_ Edit e = {};
        int r;

        r = edit_begin(&e, c, entry);
        if (r < 0)
                return r;
        fill_slice(&e.arena, e.root, service, spec, b, from);
        return edit_commit(&e);
}

static int create_slice(Cluster *c, ObjectState *s, const Json *spec, const Backends *b, size_t from) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(16 * MIB);
        const char *service = object_name(s->entry.object);
        Json *root = json_new(&a, JSON_OBJECT);
        char base[254], name[260];

        (void) snprintf(base, sizeof(base), "%.240s-", service);
        object_generate_name(c, base, name);
        fill_slice(&a, root, service, spec, b, from);
        json_set_string(&a, json_get(root, "metadata"), "generateName", base);
        json_set_i64(&a, json_get(root, "metadata"), "generation", 1);
        return object_create_owned(c, &a, &s->entry, KIND_ENDPOINT_SLICE, name, root, NULL);
}

/* One slice after the other: those that are there are changed, further ones made, left ones removed. */
static int update_slices(Cluster *c, ObjectState *s, const Json *spec, const Backends *b) {
        ObjectState *d;
        size_t from = 0;
        int r;

        LIST_FOREACH(d, &s->dependents, ObjectState, in_owner) {
                if (d->entry.object->kind != KIND_ENDPOINT_SLICE)
                        continue;
                if (from < b->n || from == 0)
                        r = update_slice(c, &d->entry, object_name(s->entry.object), spec, b, from);
                else
                        r = object_delete(c, &d->entry, &(DeleteOptions) { .grace_seconds = -1 });
                if (r < 0)
                        return r;
                from += SLICE_MAX;
        }
        for (; from == 0 || from < b->n; from += SLICE_MAX) {
                r = create_slice(c, s, spec, b, from);
                if (r < 0)
                        return r;
        }
        return 0;
}

static Json *make_addresses(JsonArena *a, const Backends *b, bool ready, size_t most) {
        Json *list = json_new(a, JSON_ARRAY);

        for (size_t i = 0; list && i < b->n && list->size < most; i++) {
                Json *address;
                char ip[ADDRESS_STRING_MAX];

                if (pod_is_ready(b->pods[i]) != ready)
                        continue;
                address = json_new(a, JSON_OBJECT);
                json_set_string(a, address, "ip", address_to_string(b->pods[i]->ip, ip));
                json_set_string(a, address, "nodeName", b->pods[i]->node);
                json_set(a, address, "targetRef", make_target(a, b->pods[i]));
                json_append(list, address);
        }
        return list;
}

static void fill_endpoints(JsonArena *a, Json *root, const Json *spec, const Backends *b) {
        Json *subsets = json_new(a, JSON_ARRAY), *subset = json_new(a, JSON_OBJECT);
        Json *annotations = json_ensure(a, json_ensure(a, root, "metadata", JSON_OBJECT), "annotations", JSON_OBJECT);
        Json *ready = make_addresses(a, b, true, ENDPOINTS_MAX);
        Json *others = make_addresses(a, b, false, ENDPOINTS_MAX - (ready ? ready->size : 0));

        if (b->n > ENDPOINTS_MAX)
                json_set_string(a, annotations, OVER_CAPACITY, "truncated");
        else
                json_remove(annotations, OVER_CAPACITY);
        if (ready && ready->size > 0)
                json_set(a, subset, "addresses", ready);
        if (others && others->size > 0)
                json_set(a, subset, "notReadyAddresses", others);
        json_set(a, subset, "ports", make_ports(a, spec, false));
        if (b->n > 0)
                json_append(subsets, subset);
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

        r = update_slices(c, s, spec, b);
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
        Json *spec;
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
        r = find_backends(c, s->entry.object, selector, &b);
        if (r >= 0)
                r = resolve_ports(&e.arena, spec, &b);
        if (r >= 0)
                r = update(c, s, spec, &b);
        free(b.pods);
        if (r == -ENOMEM)
                return r;
        if (r < 0) /* others have the name, there are too many objects, or the namespace is about to go */
                return controller_look_at(c, s, controller_retry_time(c, timed_state(s)));
        timed_state(s)->n_failures = 0;
        return 0;
}
