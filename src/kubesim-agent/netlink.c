/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesim-agent/netlink.h"

#include <arpa/inet.h>
#include <linux/if.h>
#include <netlink/netlink.h>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <string.h>

#include "basic/alloc-util.h"
#include "basic/error.h"
#include "basic/hashtable.h"
#include "basic/string-util.h"

struct Network {
        struct nl_sock *events;  /* joined to the groups of links and addresses */
        struct nl_sock *queries;
        sd_event_source *source;
        char *interface;
        void (*on_change)(void *userdata);
        void *userdata;
};

static void sock_free(struct nl_sock *s) {
        nl_socket_free(s);
}
DEFINE_CLEANUP(struct nl_sock*, sock_free)
static void link_put(struct rtnl_link *l) {
        rtnl_link_put(l);
}
DEFINE_CLEANUP(struct rtnl_link*, link_put)
static void addr_put(struct rtnl_addr *a) {
        rtnl_addr_put(a);
}
DEFINE_CLEANUP(struct rtnl_addr*, addr_put)

static int open_socket(struct nl_sock **ret) {
        struct nl_sock *s = nl_socket_alloc();
        int r;

        if (!s)
                return -ENOMEM;
        r = nl_connect(s, NETLINK_ROUTE);
        if (r < 0) {
                nl_socket_free(s);
                return -EIO;
        }
        *ret = s;
        return 0;
}

static int fail(Error *reterr, int nl, const char *what) {
        return error_set(reterr, nl == -NLE_PERM ? -EPERM : -EIO, "cannot %s: %s", what, nl_geterror(nl));
}

static int set_up(struct nl_sock *s, const char *name, bool up, Error *reterr) {
        _cleanup_(link_putp) struct rtnl_link *link = NULL, *change = NULL;
        int r;

        r = rtnl_link_get_kernel(s, 0, name, &link);
        if (r < 0)
                return fail(reterr, r, "find the interface");
        change = rtnl_link_alloc();
        if (!change)
                return error_set(reterr, -ENOMEM, "out of memory");
        if (up)
                rtnl_link_set_flags(change, IFF_UP);
        else
                rtnl_link_unset_flags(change, IFF_UP);
        r = rtnl_link_change(s, link, change, 0);
        return r < 0 ? fail(reterr, r, "bring the interface up or down") : 0;
}

/* 1 when it was made now, 0 when it was there (the namespace outlives a restart of the agent). */
static int make_pair(struct nl_sock *s, Error *reterr) {
        _cleanup_(link_putp) struct rtnl_link *link = NULL, *there = NULL;
        int r;

        if (rtnl_link_get_kernel(s, 0, NETWORK_INTERFACE, &there) >= 0)
                return 0;
        link = rtnl_link_veth_alloc();
        if (!link)
                return error_set(reterr, -ENOMEM, "out of memory");
        rtnl_link_set_name(link, NETWORK_INTERFACE);
        rtnl_link_set_name(rtnl_link_veth_get_peer(link), NETWORK_FAR_END);
        r = rtnl_link_add(s, link, NLM_F_CREATE | NLM_F_EXCL);
        return r < 0 ? fail(reterr, r, "lay the node's cable (veth)") : 1;
}

static int add_address(struct nl_sock *s, const char *node, Error *reterr) {
        static const uint64_t no_secret[2] = { 0, 0 };
        uint64_t hash = siphash13(node, strlen(node), no_secret);
        _cleanup_(link_putp) struct rtnl_link *link = NULL;
        _cleanup_(addr_putp) struct rtnl_addr *a = NULL;
        struct nl_addr *local = NULL;
        char text[32];
        int r;

        (void) snprintf(text, sizeof(text), "10.%u.%u.%u/10", 64 + (unsigned) (hash >> 16 & 63), (unsigned) (hash >> 8 & 255),
                        1 + (unsigned) (hash % 254));
        r = rtnl_link_get_kernel(s, 0, NETWORK_INTERFACE, &link);
        if (r < 0)
                return fail(reterr, r, "find the interface");
        a = rtnl_addr_alloc();
        if (!a || nl_addr_parse(text, AF_INET, &local) < 0)
                return error_set(reterr, -ENOMEM, "out of memory");
        rtnl_addr_set_ifindex(a, rtnl_link_get_ifindex(link));
        r = rtnl_addr_set_local(a, local);
        nl_addr_put(local);
        if (r >= 0)
                r = rtnl_addr_add(s, a, 0);
        return r < 0 && r != -NLE_EXIST ? fail(reterr, r, "give the interface its address") : 0;
}

int network_lay_cable(const char *node, Error *reterr) {
        _cleanup_(sock_freep) struct nl_sock *s = NULL;
        int r;

        r = open_socket(&s);
        if (r < 0)
                return error_set(reterr, r, "cannot open netlink");
        r = make_pair(s, reterr);
        if (r >= 0)
                r = set_up(s, "lo", true, reterr);
        if (r >= 0)
                r = set_up(s, NETWORK_FAR_END, true, reterr);
        if (r >= 0)
                r = set_up(s, NETWORK_INTERFACE, true, reterr);
        if (r >= 0)
                r = add_address(s, node, reterr);
        return r;
}

int network_plug(bool plugged, Error *reterr) {
        _cleanup_(sock_freep) struct nl_sock *s = NULL;
        int r;

        r = open_socket(&s);
        return r < 0 ? error_set(reterr, r, "cannot open netlink") : set_up(s, NETWORK_FAR_END, plugged, reterr);
}

static int on_message(struct nl_msg *msg _unused_, void *arg _unused_) {
        return NL_OK;
}

static int on_event(sd_event_source *source _unused_, int fd _unused_, uint32_t revents _unused_, void *userdata) {
        Network *n = userdata;

        /* What the messages say does not matter: the state is asked for anew, so that none can be missed. */
        (void) nl_recvmsgs_default(n->events);
        n->on_change(n->userdata);
        return 0;
}

int network_new(sd_event *event, const char *interface, void (*on_change)(void *userdata), void *userdata, Network **ret) {
        _cleanup_(network_freep) Network *n = NULL;
        int r;

        n = new0(Network, 1);
        if (!n)
                return -ENOMEM;
        n->on_change = on_change;
        n->userdata = userdata;
        n->interface = strdup(interface);
        if (!n->interface)
                return -ENOMEM;
        r = open_socket(&n->events);
        if (r >= 0)
                r = open_socket(&n->queries);
        if (r < 0)
                return r;
        nl_socket_disable_seq_check(n->events);
        (void) nl_socket_modify_cb(n->events, NL_CB_VALID, NL_CB_CUSTOM, on_message, NULL);
        (void) nl_socket_set_nonblocking(n->events);
        if (nl_socket_add_memberships(n->events, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, 0) < 0)
                return -EIO;
        r = sd_event_add_io(event, &n->source, nl_socket_get_fd(n->events), EPOLLIN, on_event, n);
        if (r < 0)
                return r;
        (void) sd_event_source_set_description(n->source, "network");
        *ret = TAKE_PTR(n);
        return 0;
}

Network *network_free(Network *n) {
        if (!n)
                return NULL;
        sd_event_source_disable_unref(n->source);
        if (n->events)
                nl_socket_free(n->events);
        if (n->queries)
                nl_socket_free(n->queries);
        free(n->interface);
        return mfree(n);
}

typedef struct AddressQuery {
        int ifindex;
        NetworkState *state;
} AddressQuery;

static void take_address(struct nl_object *o, void *arg) {
        struct rtnl_addr *a = (struct rtnl_addr*) o;
        AddressQuery *q = arg;
        NetworkState *s = q->state;
        char text[64], *slash;

        if (rtnl_addr_get_ifindex(a) != q->ifindex || s->n_addresses >= NETWORK_ADDRESSES_MAX ||
            rtnl_addr_get_scope(a) >= RT_SCOPE_LINK)
                return;
        (void) nl_addr2str(rtnl_addr_get_local(a), text, sizeof(text));
        slash = strchr(text, '/');
        if (slash)
                *slash = '\0';
        (void) snprintf(s->addresses[s->n_addresses++], sizeof(s->addresses[0]), "%s", text);
}

int network_state(Network *n, NetworkState *ret) {
        _cleanup_(link_putp) struct rtnl_link *link = NULL;
        struct nl_cache *cache = NULL;
        AddressQuery q = { .state = ret };
        unsigned flags;

        *ret = (NetworkState) {};
        if (rtnl_link_get_kernel(n->queries, 0, n->interface, &link) < 0) {
                ret->problem = "its interface is gone";
                return 0;
        }
        q.ifindex = rtnl_link_get_ifindex(link);
        flags = rtnl_link_get_flags(link);
        if (rtnl_addr_alloc_cache(n->queries, &cache) < 0)
                return -EIO;
        nl_cache_foreach(cache, take_address, &q);
        nl_cache_free(cache);

        if (!(flags & IFF_UP))
                ret->problem = "its interface is down";
        else if (!(flags & IFF_LOWER_UP))
                ret->problem = "its cable is unplugged";
        else if (ret->n_addresses == 0)
                ret->problem = "its interface has no address";
        ret->up = !ret->problem;
        return 0;
}
