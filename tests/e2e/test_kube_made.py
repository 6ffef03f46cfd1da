# SPDX-License-Identifier: Apache-2.0
"""Nodes with finalizers, and what is made on demand beside what is stored: leases of nodes and events, in pages and watched."""
import json
import threading
import time

import pytest

from conftest import UnixConnection, eventually

LEASES = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
ALL_LEASES = "/apis/coordination.k8s.io/v1/leases"
MERGE = {"Content-Type": "application/merge-patch+json"}


def names(items):
    return [(i["metadata"]["namespace"], i["metadata"]["name"]) for i in items]


def pages(daemon, path, limit):
    """All items of a list that is taken in pages, and how many pages."""
    items, n, more, revision = [], 0, "", None
    told = []
    while True:
        page = daemon.get(f"{path}?limit={limit}" + (f"&continue={more}" if more else ""))
        assert len(page["items"]) <= limit
        told.append(page["metadata"].get("remainingItemCount", 0))
        assert revision in (None, page["metadata"]["resourceVersion"])
        revision = page["metadata"]["resourceVersion"]
        items += page["items"]
        n += 1
        more = page["metadata"].get("continue")
        if not more:
            assert told == [max(len(items) - limit * (i + 1), 0) for i in range(n)]
            return items, n


def test_finalizers_of_nodes(kubesimd):
    make = lambda name, *finalizers: kubesimd.post("/api/v1/nodes", {"metadata": {"name": name, "finalizers": list(finalizers)}}, 201)
    make("held", "example.com/a", "example.com/b")
    make("free")
    node = make("plain")
    # preconditions count for nodes as for everything else
    for wrong in ({"uid": "11111111-1111-4111-8111-111111111111"}, {"resourceVersion": "1"}):
        reply = kubesimd.ask("DELETE", "/api/v1/nodes/plain", {"preconditions": wrong})
        assert reply.status == 409 and reply.json["reason"] == "Conflict" and "precondition" in reply.json["message"]
    assert kubesimd.ask("DELETE", "/api/v1/nodes/plain", {"preconditions": {"uid": node["metadata"]["uid"]}}).json["status"] == "Success"
    assert kubesimd.ask("DELETE", "/api/v1/nodes/free").json["status"] == "Success"
    marked = kubesimd.ask("DELETE", "/api/v1/nodes/held")
    assert marked.status == 200 and marked.json["kind"] == "Node" and marked.json["metadata"]["deletionTimestamp"]
    assert kubesimd.ask("DELETE", "/api/v1/nodes/held").status == 200  # and again: it stays as it is
    node = kubesimd.get("/api/v1/nodes/held")
    assert node["metadata"]["deletionTimestamp"] == marked.json["metadata"]["deletionTimestamp"]
    kubesimd.restart()
    node = kubesimd.get("/api/v1/nodes/held")
    assert node["metadata"]["deletionTimestamp"] and len(node["metadata"]["finalizers"]) == 2
    node["metadata"]["finalizers"] = ["example.com/b"]
    assert kubesimd.ask("PUT", "/api/v1/nodes/held", node | {"metadata": node["metadata"]}).status == 200
    assert kubesimd.ask("PATCH", "/api/v1/nodes/held", {"metadata": {"finalizers": None}}, MERGE).status == 200
    assert kubesimd.ask("GET", "/api/v1/nodes/held").status == 404


def test_lost_node_with_finalizers(start):
    """It is marked when others are removed, and goes with its last finalizer."""
    daemon = start("Access.Anonymous=admin")
    daemon.beat("lost")
    daemon.beat("gone")
    assert daemon.ask("PATCH", "/api/v1/nodes/lost", {"metadata": {"finalizers": ["example.com/a"]}}, MERGE).status == 200
    eventually(lambda: daemon.ask("GET", "/api/v1/nodes/gone").status == 404)
    eventually(lambda: daemon.get("/api/v1/nodes/lost")["metadata"].get("deletionTimestamp"))
    time.sleep(1.2)
    assert daemon.ask("GET", "/api/v1/nodes/lost").status == 200
    assert daemon.ask("PATCH", "/api/v1/nodes/lost", {"metadata": {"finalizers": None}}, MERGE).status == 200
    assert daemon.ask("GET", "/api/v1/nodes/lost").status == 404


def test_pages_of_leases(kubesimd):
    for i in range(7):
        kubesimd.post("/nodes", {"cpuCores": 1, "nodeId": f"n{i}"}, 201)
    lease = lambda ns, name: kubesimd.post(f"/apis/coordination.k8s.io/v1/namespaces/{ns}/leases",
                                           {"metadata": {"name": name}, "spec": {"holderIdentity": "me"}}, 201)
    lease("default", "mine")
    lease("kube-system", "scheduler")
    lease("kube-node-lease", "n3")  # a client keeps this one itself
    lease("kube-node-lease", "n35")
    whole = kubesimd.get(ALL_LEASES)["items"]
    assert names(whole) == sorted(names(whole)) and len(whole) == len(set(names(whole))) == 10
    assert names(whole)[0] == ("default", "mine") and names(whole)[-1] == ("kube-system", "scheduler")
    assert next(i for i in whole if i["metadata"]["name"] == "n3")["spec"]["holderIdentity"] == "me"
    for limit in (1, 2, 3, 10, 11):
        items, n = pages(kubesimd, ALL_LEASES, limit)
        assert names(items) == names(whole) and n == -(-10 // limit)
    items, n = pages(kubesimd, LEASES, 3)
    assert names(items) == [k for k in names(whole) if k[0] == "kube-node-lease"] and n == 3
    assert names(kubesimd.get(LEASES + "?fieldSelector=metadata.name=n5")["items"]) == [("kube-node-lease", "n5")]
    assert kubesimd.get(LEASES + "/n5")["spec"]["holderIdentity"] == "n5"
    assert kubesimd.ask("GET", LEASES + "/n9").status == 404


def test_pages_of_events(kubesimd):
    """Those that are made and those that clients wrote, in one order; no page tells of what came after the first."""
    for i in range(5):
        kubesimd.post("/nodes", {"cpuCores": 1, "nodeId": f"n{i}"}, 201)
    for i in range(3):
        kubesimd.post("/api/v1/namespaces/default/events", {"metadata": {"name": f"n{i}.mine"}, "involvedObject": {"kind": "Node", "name": f"n{i}"},
                                                            "reason": "Mine", "message": "m", "type": "Normal"}, 201)
    whole = kubesimd.get("/api/v1/events")["items"]
    assert names(whole) == sorted(names(whole)) and len(set(names(whole))) == len(whole) >= 8
    for limit in (1, 3, 50):
        assert names(pages(kubesimd, "/api/v1/events", limit)[0]) == names(whole)
    first = kubesimd.get("/apis/events.k8s.io/v1/events?limit=2")
    kubesimd.post("/nodes", {"cpuCores": 1, "nodeId": "later"}, 201)
    rest = kubesimd.get(f"/apis/events.k8s.io/v1/events?limit=500&continue={first['metadata']['continue']}")
    assert names(first["items"] + rest["items"]) == names(whole)
    assert len(kubesimd.get("/api/v1/events")["items"]) > len(whole)
    assert kubesimd.ask("GET", "/api/v1/events?limit=x").status == 400


class Watch:
    """A watch that is read by a thread: (seconds since the beginning, event)."""

    def __init__(self, daemon, path):
        self.events, self.began = [], time.monotonic()
        self.connection = UnixConnection(daemon.socket, 60)
        self.connection.request("GET", path)
        self.response = self.connection.getresponse()
        assert self.response.status == 200
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        try:
            for line in self.response:
                if line.strip():
                    self.events.append((time.monotonic() - self.began, json.loads(line)))
        except (OSError, ValueError, AttributeError):
            pass

    def seen(self, kind, name):
        return [(at, e["object"]) for at, e in list(self.events) if e["type"] == kind and e["object"]["metadata"].get("name") == name]


def test_leases_are_watched(start):
    """They come and go with the nodes, and are renewed every 10 s however often the nodes beat; revisions never go back."""
    daemon = start("Access.Anonymous=admin")
    daemon.post("/nodes", {"cpuCores": 1, "nodeId": "n1"}, 201)
    revision = daemon.get(LEASES)["metadata"]["resourceVersion"]
    everything, since = Watch(daemon, LEASES + "?watch=1&timeoutSeconds=26"), Watch(daemon, f"{LEASES}?watch=1&resourceVersion={revision}&timeoutSeconds=26")
    one = Watch(daemon, LEASES + "?watch=1&timeoutSeconds=26&fieldSelector=metadata.name=n2")
    initial = Watch(daemon, LEASES + "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=2")
    daemon.post("/nodes", {"cpuCores": 1, "nodeId": "n2"}, 201)
    daemon.post("/nodes", {"cpuCores": 1, "nodeId": "n3"}, 201)
    eventually(lambda: all(w.seen("ADDED", "n3") for w in (everything, since)))
    assert everything.seen("ADDED", "n1") and not since.seen("ADDED", "n1")
    assert daemon.ask("DELETE", "/api/v1/nodes/n3").status == 200
    eventually(lambda: all(w.seen("DELETED", "n3") for w in (everything, since)))
    bookmark = next(i for i, (_, e) in enumerate(initial.events) if e["type"] == "BOOKMARK")
    assert [e["object"]["metadata"]["name"] for _, e in initial.events[:bookmark]][:1] == ["n1"]
    everything.thread.join(40)
    since.thread.join(5)
    for w in (everything, since):
        for node in ("n1", "n2"):
            times = [at for at, _ in w.seen("MODIFIED", node)]
            assert len(times) == 2 and 9.5 < times[0] < 12 and 9.5 < times[1] - times[0] < 12, times
            renewed = [o["spec"]["renewTime"] for _, o in w.seen("ADDED", node) + w.seen("MODIFIED", node)]
            assert renewed == sorted(set(renewed))
        assert not w.seen("MODIFIED", "n3")
        revisions = [int(e["object"]["metadata"]["resourceVersion"]) for _, e in w.events]
        assert revisions == sorted(revisions)
    one.thread.join(5)
    assert {e["object"]["metadata"]["name"] for _, e in one.events} == {"n2"} and one.seen("MODIFIED", "n2")


def test_a_watch_of_leases_ends_in_time(kubesimd):
    """The only one, between two rounds."""
    watch = Watch(kubesimd, LEASES + "?watch=1&timeoutSeconds=11")
    watch.thread.join(30)
    assert 10.9 < time.monotonic() - watch.began < 12.5


def test_initial_events_end_after_all_of_them(kubesimd):
    """The bookmark of a streaming list of events comes after those that are made, too."""
    kubesimd.post("/nodes", {"cpuCores": 1, "nodeId": "n1"}, 201)
    n = len(kubesimd.get("/api/v1/events")["items"])
    watch = Watch(kubesimd, "/api/v1/events?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds=1")
    watch.thread.join(15)
    kinds = [e["type"] for _, e in watch.events]
    assert kinds.index("BOOKMARK") == n and watch.events[n][1]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_what_is_made_names_its_node(kubesimd):
    """A node's Lease goes with its Node, as kubelets write it; metrics are of nothing that has a uid."""
    kubesimd.post("/nodes", {"cpuCores": 4, "nodeId": "n1"}, 201)
    kubesimd.post("/pods", {"cpuRequired": 1, "podId": "p"}, 201)
    uid = kubesimd.get("/api/v1/nodes/n1")["metadata"]["uid"]
    assert kubesimd.get(f"{LEASES}/n1")["metadata"]["ownerReferences"] == [{"apiVersion": "v1", "kind": "Node", "name": "n1", "uid": uid}]
    metrics = "/apis/metrics.k8s.io/v1beta1"
    eventually(lambda: kubesimd.get(f"{metrics}/pods")["items"])
    for path in ("/nodes/n1", "/namespaces/default/pods/p"):
        metadata = kubesimd.get(metrics + path)["metadata"]
        assert metadata["creationTimestamp"] and not {"uid", "resourceVersion"} & set(metadata)


def test_addresses_that_are_written(kubesimd):
    """They are shown, in the columns too, where otherwise the node's own is."""
    table = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    written = [{"type": "Hostname", "address": "h"}, {"type": "ExternalIP", "address": "192.0.2.7"}, {"type": "ExternalIP", "address": "192.0.2.8"},
               {"type": "InternalIP", "address": "198.51.100.1"}]

    def columns(name):
        shown = kubesimd.get(f"/api/v1/nodes/{name}", headers=table)
        return [shown["rows"][0]["cells"][[c["name"] for c in shown["columnDefinitions"]].index(c)] for c in ("Internal-IP", "External-IP")]

    for name, addresses in (("all", written), ("none", None), ("external", written[1:2])):
        kubesimd.post("/api/v1/nodes", {"metadata": {"name": name}, "status": {"addresses": addresses} if addresses else {}}, 201)
        assert not addresses or kubesimd.get(f"/api/v1/nodes/{name}")["status"]["addresses"] == addresses
    own = kubesimd.get("/api/v1/nodes/none")["status"]["addresses"][0]["address"]
    assert [columns(n) for n in ("all", "none", "external")] == [["198.51.100.1", "192.0.2.7"], [own, "<none>"], ["<none>", "192.0.2.7"]]


def test_events_of_containers(kubesimd):
    """kubelet tells of each container that it starts and stops; Kubernetes has no word for a pod that is gone, or is through."""
    kubesimd.post("/nodes", {"cpuCores": 4, "nodeId": "n1"}, 201)
    path = "/api/v1/namespaces/default/pods"
    since = kubesimd.get("/api/v1/events")["metadata"]["resourceVersion"]
    kubesimd.post(path, {"metadata": {"name": "two"}, "spec": {"containers": [{"name": "a", "image": "x"}, {"name": "b", "image": "x"}]}}, 201)
    kubesimd.post(path, {"metadata": {"name": "short", "annotations": {"kubesim.io/duration": "50ms"}},
                         "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}, 201)
    kubesimd.post(path, {"metadata": {"name": "waits"}, "spec": {"containers": [{"name": "d", "image": "x", "resources": {"requests": {"cpu": "64"}}}]}}, 201)
    eventually(lambda: [kubesimd.get(f"{path}/{n}")["status"]["phase"] for n in ("two", "short")] == ["Running", "Succeeded"])
    for name in ("two", "short", "waits"):
        assert kubesimd.ask("DELETE", f"{path}/{name}").status == 200
    eventually(lambda: not kubesimd.get(path)["items"])

    def shown(events, reason):
        return sorted((e["involvedObject"]["name"], e["involvedObject"].get("fieldPath"), e["message"]) for e in events if e["reason"] == reason)

    events = kubesimd.get("/api/v1/namespaces/default/events")["items"]
    assert shown(events, "Started") == [("short", "spec.containers{c}", "Started container c"), ("two", "spec.containers{a}", "Started container a"),
                                        ("two", "spec.containers{b}", "Started container b")]
    assert shown(events, "Killing") == [("two", f"spec.containers{{{c}}}", f"Stopping container {c}") for c in "ab"]
    assert not [e for e in events if e["reason"].startswith("Pod")]
    assert len({e["metadata"]["uid"] for e in events}) == len({e["metadata"]["name"] for e in events}) == len(events)
    for e in events:
        assert kubesimd.get(f"/api/v1/namespaces/default/events/{e['metadata']['name']}") == {"kind": "Event", "apiVersion": "v1"} | e
    watched = kubesimd.ask("GET", f"/api/v1/namespaces/default/events?watch=1&timeoutSeconds=1&resourceVersion={since}").text.splitlines()
    told = [json.loads(line)["object"] for line in watched]
    for reason in ("Started", "Killing"):
        assert shown(told, reason) == shown(events, reason)
    assert not shown(told, "PodRemoved") and not shown(told, "PodSucceeded")
