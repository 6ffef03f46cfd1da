/* SPDX-License-Identifier: Apache-2.0 */
/* They are objects like all others, and stored: so they keep their uid and whatever clients add to them, and get, list, watch, patch and
 * delete need to know nothing of them. Made when asked for, each of these would have to be taught that they are there; a dozen objects in
 * the transaction of the first start cost nothing that could be measured. */
#include "core/control/controllers/builtins.h"

#include <stdarg.h>
#include <stdio.h>

#include "basic/alloc-util.h"
#include "basic/string-util.h"
#include "core/control/controllers/services.h"
#include "core/control/objects.h"
#include "core/control/owners.h"
#include "core/model/address.h"
#include "core/model/object-util.h"

#define TEXT_MAX 1024
#define NAMESPACE_HELD "this namespace may not be deleted"
#define CLASS_HELD "this is a system priority class and cannot be deleted"
#define NAMESPACE(name) \
        "{\"metadata\":{\"labels\":{\"kubernetes.io/metadata.name\":\"" name "\"}},\"spec\":{\"finalizers\":[\"kubernetes\"]},\"status\":{\"phase\":\"Active\"}}"
#define CLASS(value, description) \
        "{\"metadata\":{\"generation\":1},\"value\":" value ",\"description\":\"" description "\",\"preemptionPolicy\":\"PreemptLowerPriority\"}"
#define API_SERVICE \
        "{\"metadata\":{\"labels\":{\"component\":\"apiserver\",\"provider\":\"kubernetes\"}},\"spec\":{\"clusterIP\":\"" SERVICE_API_ADDRESS "\"," \
        "\"clusterIPs\":[\"" SERVICE_API_ADDRESS "\"],\"internalTrafficPolicy\":\"Cluster\",\"ipFamilies\":[\"IPv4\"],\"ipFamilyPolicy\":\"SingleStack\"," \
        "\"sessionAffinity\":\"None\",\"type\":\"ClusterIP\"},\"status\":{\"loadBalancer\":{}}}"

/* Sets a member to what the text says. */
static void set_member(JsonArena *a, Json *object, const char *key, const char *format, ...) _printf_(4, 5);
static void set_member(JsonArena *a, Json *object, const char *key, const char *format, ...) {
        char text[TEXT_MAX], *copy;
        Json *v = NULL;
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        copy = json_arena_copy(a, text, strlen(text));
        if (copy && json_tree_parse(a, copy, strlen(copy), &v, NULL) >= 0)
                json_set(a, object, key, v);
}

/* --- Where the API server is --- */

static uint32_t api_port(const Cluster *c) {
        return c->api_port > 0 ? c->api_port : API_PORT_DEFAULT;
}

static const char *api_address(const Cluster *c, char *buf) {
        return address_to_string(c->api_port > 0 ? c->api_address : LOOPBACK_ADDRESS, buf);
}

static void point_service(const Cluster *c, JsonArena *a, Json *root) {
        set_member(a, json_ensure(a, root, "spec", JSON_OBJECT), "ports",
                   "[{\"name\":\"https\",\"port\":443,\"protocol\":\"TCP\",\"targetPort\":%u}]", api_port(c));
}

static void point_endpoints(const Cluster *c, JsonArena *a, Json *root) {
        char ip[ADDRESS_STRING_MAX];

        set_member(a, root, "subsets", "[{\"addresses\":[{\"ip\":\"%s\"}],\"ports\":[{\"name\":\"https\",\"port\":%u,\"protocol\":\"TCP\"}]}]",
                   api_address(c, ip), api_port(c));
}

static void point_slice(const Cluster *c, JsonArena *a, Json *root) {
        char ip[ADDRESS_STRING_MAX];

        set_member(a, root, "endpoints", "[{\"addresses\":[\"%s\"],\"conditions\":{\"ready\":true}}]", api_address(c, ip));
        set_member(a, root, "ports", "[{\"name\":\"https\",\"port\":%u,\"protocol\":\"TCP\"}]", api_port(c));
}

/* --- All of them --- */

static const struct {
        Kind kind;
        const char *key, *text;
        const char *held; /* why it may not be deleted; NULL: it may, and is made again */
        void (*point)(const Cluster *c, JsonArena *a, Json *root); /* has it say where the API server is; NULL: it says nothing of that */
        bool once;        /* at the start only: what clients make of it later stays, as with kube-apiserver */
} builtins[] = {
        { KIND_NAMESPACE, NAMESPACE_DEFAULT, NAMESPACE(NAMESPACE_DEFAULT), .held = NAMESPACE_HELD },
        { KIND_NAMESPACE, "kube-node-lease", NAMESPACE("kube-node-lease"), .held = NULL },
        { KIND_NAMESPACE, "kube-public", NAMESPACE("kube-public"), .held = NAMESPACE_HELD },
        { KIND_NAMESPACE, "kube-system", NAMESPACE("kube-system"), .held = NAMESPACE_HELD },
        { KIND_PRIORITY_CLASS, "system-cluster-critical",
          CLASS("2000000000", "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary."),
          .held = CLASS_HELD },
        { KIND_PRIORITY_CLASS, "system-node-critical",
          CLASS("2000001000", "Used for system critical pods that must not be moved from their current node."), .held = CLASS_HELD },
        { KIND_SERVICE, SERVICE_API_NAME, API_SERVICE, .point = point_service, .once = true },
        { KIND_ENDPOINTS, SERVICE_API_NAME, "{\"metadata\":{\"labels\":{\"endpointslice.kubernetes.io/skip-mirror\":\"true\"}}}", .point = point_endpoints },
        { KIND_ENDPOINT_SLICE, SERVICE_API_NAME,
          "{\"metadata\":{\"generation\":1,\"labels\":{\"kubernetes.io/service-name\":\"" SERVICE_API_NAME "\"}},\"addressType\":\"IPv4\"}",
          .point = point_slice },
};

/* Past MaxObjects=, which is for what clients create. */
static int make(Cluster *c, Kind kind, const char *key, const char *text, void (*point)(const Cluster *c, JsonArena *a, Json *root)) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        _cleanup_(object_unrefp) Object *o = NULL;
        char *copy = json_arena_copy(&a, text, strlen(text));
        Json *root = NULL;
        int r;

        r = copy ? json_tree_parse(&a, copy, strlen(copy), &root, NULL) : -ENOMEM;
        if (r < 0)
                return r;
        if (point)
                point(c, &a, root);
        r = json_arena_error(&a);
        if (r >= 0)
                r = object_new(kind, sizeof(Object), key, &o);
        if (r < 0)
                return r;
        o->uid = uuid_random(&c->prng);
        o->created = cluster_now_realtime(c);
        r = doc_new(root, &o->doc);
        return r < 0 ? r : store_put(c->store, o);
}

static int put_right(Cluster *c, StoreEntry *entry, void (*point)(const Cluster *c, JsonArena *a, Json *root)) {
        _cleanup_edit_ Edit e = {};
        int r;

        r = edit_begin(&e, c, entry);
        if (r < 0)
                return r;
        point(c, &e.arena, e.root);
        r = edit_commit(&e);
        return MIN(r, 0);
}

int builtins_ensure(Cluster *c) {
        for (size_t i = 0; i < ELEMENTSOF(builtins); i++) {
                StoreEntry *e = store_find(c->store, builtins[i].kind, builtins[i].key);
                int r = 0;

                if (!e)
                        r = make(c, builtins[i].kind, builtins[i].key, builtins[i].text, builtins[i].point);
                else if (builtins[i].point && c->api_port > 0 && (!builtins[i].once || c->api_moved))
                        r = put_right(c, e, builtins[i].point);
                e = store_find(c->store, builtins[i].kind, builtins[i].key);
                if (r >= 0 && builtins[i].kind == KIND_NAMESPACE && e->object->doc->deleted == 0)
                        r = service_account_ensure(c, e->object);
                if (r < 0)
                        return r;
        }
        c->unsettled = c->api_moved = false;
        return 0;
}

int service_account_ensure(Cluster *c, const Object *namespace) {
        char key[256] = "default";

        if (!streq(namespace->name, NAMESPACE_DEFAULT))
                (void) snprintf(key, sizeof(key), "%.240s/default", namespace->name);
        return store_find(c->store, KIND_SERVICE_ACCOUNT, key) ? 0 : make(c, KIND_SERVICE_ACCOUNT, key, "{\"metadata\":{}}", NULL);
}

/* What the namespace's controller makes again. */
static void follow_account(Cluster *c, const Object *old) {
        char name[NAMESPACE_SIZE];
        StoreEntry *e;

        if (!streq(object_name(old), "default"))
                return;
        e = store_find(c->store, KIND_NAMESPACE, object_copy_namespace(old, name));
        if (e)
                object_mark(c, object_state(e));
}

void builtins_follow(Cluster *c, const Object *old, const Object *new) {
        const Object *o = new ?: old;

        if (o->kind == KIND_SERVICE_ACCOUNT && !new)
                follow_account(c, old);
        for (size_t i = 0; old && i < ELEMENTSOF(builtins); i++)
                if (builtins[i].kind == o->kind && (!new || builtins[i].point) && streq(builtins[i].key, o->name))
                        c->unsettled = true;
}

const char *builtin_is_held(const Object *o) {
        for (size_t i = 0; i < ELEMENTSOF(builtins); i++)
                if (builtins[i].kind == o->kind && streq(builtins[i].key, o->name))
                        return builtins[i].held;
        return NULL;
}

void cluster_set_api_address(Cluster *c, uint32_t ip, uint16_t port) {
        c->api_address = ip;
        c->api_port = port;
        c->api_moved = c->unsettled = true;
}
