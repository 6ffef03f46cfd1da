# SPDX-License-Identifier: Apache-2.0
"""Two doors, one truth: every operation of the native API is read at the Kubernetes door, and every verb and subresource of nodes and pods
there at the native one. A route or a verb that has no case here fails test_every_operation_has_a_case."""
import datetime
import os
import re

import pytest

from conftest import UnixConnection, eventually
from test_kube import cluster  # noqa: F401, a fixture: nodes n1 and n2 with 4 CPUs, pods web (2) and db (0.5)

ROUTES = os.path.join(os.path.dirname(__file__), "../../src/kubesimd/api/native/routes.c")
NODES, PODS = "/api/v1/nodes", "/api/v1/namespaces/default/pods"
MERGE = {"Content-Type": "application/merge-patch+json"}
CASES = {}


def case(door, *operation):
    def add(function):
        assert (door, *operation) not in CASES
        CASES[(door, *operation)] = function
        return function

    return add


def native(method, path):
    return case("native", method, path)


def kube(resource, verb):
    return case("kube", resource, verb)


def pod(name, cpu="250m", **spec):
    return {"metadata": {"name": name}, "spec": {"containers": [{"name": "c", "image": "x", "resources": {"requests": {"cpu": cpu}}}], **spec}}


def put(daemon, path, change):
    """Reads, changes and writes back."""
    o = daemon.get(path)
    change(o)
    reply = daemon.ask("PUT", path, o)
    assert reply.status == 200, reply.text


def seconds(time):
    """Both doors' times, in seconds."""
    return datetime.datetime.fromisoformat(time.replace("Z", "+00:00")).replace(microsecond=0)


def milli(quantity):
    return int(quantity[:-1]) if quantity.endswith("m") else round(float(quantity) * 1000)


def of_pods(daemon):
    """What both doors say of all pods must be the same; returns it."""
    here = {name: (p["NodeID"], p["Revision"], seconds(p["CreatedAt"]), p["Restarts"], p["CPURequired"]) for name, p in daemon.get("/pods").items()}
    there = {}
    for p in daemon.get("/api/v1/pods")["items"]:
        meta = p["metadata"]
        name = meta["name"] if meta["namespace"] == "default" else f"{meta['namespace']}/{meta['name']}"
        cpu = sum(milli(c["resources"]["requests"]["cpu"]) for c in p["spec"]["containers"]) / 1000
        restarts = [s["restartCount"] for s in p["status"].get("containerStatuses", [])]
        there[name] = (p["spec"].get("nodeName", ""), int(meta["resourceVersion"]), seconds(meta["creationTimestamp"]), max(restarts, default=0), cpu)
    assert here == there
    return here


def of_nodes(daemon):
    """The same of all nodes, with their pods and what is free on them."""
    pods = of_pods(daemon)
    here, there = daemon.get("/nodes"), {n["metadata"]["name"]: n for n in daemon.get(NODES)["items"]}
    assert list(here) and set(here) == set(there)
    for name, n in here.items():
        k = there[name]
        ready = next(c["status"] for c in k["status"]["conditions"] if c["type"] == "Ready")
        assert (n["HealthStatus"] == "Healthy") == (ready == "True") and n["Revision"] == int(k["metadata"]["resourceVersion"])
        assert n["CPUCores"] * 1000 == milli(k["status"]["capacity"]["cpu"]) and seconds(n["CreatedAt"]) == seconds(k["metadata"]["creationTimestamp"])
        assert set(n["Pods"]) == {p for p, (node, *_) in pods.items() if node == name}
        assert round(n["AvailableCPU"], 3) == round(n["CPUCores"] - sum(pods[p][4] for p in n["Pods"]), 3)
    return here


# --- the native door's operations, read at Kubernetes' ---

@native("POST", "/heartbeat")
def _(d):
    d.beat("a", cpuCores=2, version="9.9")
    node = d.get(f"{NODES}/a")
    assert node["status"]["capacity"]["cpu"] == "2" and node["status"]["conditions"][-1]["status"] == "True"
    assert "a" in [x["metadata"]["name"] for x in d.get("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases")["items"]]
    d.ask("POST", PODS, pod("p", nodeName="a"))
    assert eventually(lambda: d.beat("a", cpuCores=2)["pods"]) == ["p"]
    assert d.get(f"{PODS}/p")["status"]["phase"] == "Pending"
    d.beat("a", ["p"], cpuCores=2)
    assert d.get(f"{PODS}/p")["status"]["phase"] == "Running"
    d.beat("a", ["p"], status="Stopped", cpuCores=2)
    assert d.get(f"{NODES}/a")["status"]["conditions"][-1]["status"] == "Unknown"


@native("GET", "/heartbeat")
def _(d):
    d.beat("fleet0", cpuCores=2)
    connection = UnixConnection(d.socket)
    connection.request("GET", "/heartbeat?prefix=fleet")
    lines = connection.getresponse()
    d.ask("POST", PODS, pod("p", nodeName="fleet0"))
    assert lines.readline().strip() in (b"fleet0", b"") or lines.readline().strip() == b"fleet0"
    connection.close()


@native("POST", "/nodes/batch")
def _(d):
    d.post("/nodes/batch", {"prefix": "many-", "count": 3, "node": {"metadata": {"labels": {"zone": "a"}}, "status": {"capacity": {"cpu": "2"}}}}, 201)
    found = d.get(NODES + "?labelSelector=zone%3Da")["items"]
    assert [n["metadata"]["name"] for n in found] == ["many-0", "many-1", "many-2"] and found[0]["status"]["capacity"]["cpu"] == "2"


@native("POST", "/nodes/remove")
def _(d):
    d.post("/nodes/batch", {"prefix": "many-", "count": 3}, 201)
    assert d.post("/nodes/remove", {"nodes": ["many-0", "many-2", "none"]}) == {"message": "2 nodes removed", "removed": 2, "missing": 1}
    assert [n["metadata"]["name"] for n in d.get(NODES)["items"] if n["metadata"]["name"].startswith("many-")] == ["many-1"]


@native("POST", "/pods/batch")
def _(d):
    made = d.post("/pods/batch", {"cpuRequired": 0.001, "count": 3}, 201)
    assert made["created"] == len(made["pods"]) == 3
    for p in made["pods"]:
        shown = d.get(f"{PODS}/{p['podId']}")
        assert shown["spec"].get("nodeName", "") == p["nodeId"] and shown["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "1m"


@native("POST", "/faults")
@native("GET", "/faults")
@native("DELETE", "/faults/{id}")
@native("POST", "/faults/recover")
def _(d):
    def ready():
        return d.get(f"{NODES}/n1")["status"]["conditions"][-1]["status"]

    for end in ("recover", "delete"):
        fault = d.post("/faults", {"kind": "hang", "nodes": ["n1"]}, 201)
        assert d.get("/faults")
        eventually(lambda: ready() == "Unknown")
        if end == "recover":
            d.post("/faults/recover", {"nodes": ["n1"]})
        else:
            assert d.ask("DELETE", "/faults/" + fault["fault"]).status in (200, 204)
        eventually(lambda: ready() == "True")


@native("POST", "/explain")
@native("GET", "/pods/{id}/explain")
@native("POST", "/capacity")
@native("POST", "/compare")
def _(d):
    before = d.get(PODS)["metadata"]["resourceVersion"]
    asked = {**pod("asked"), "apiVersion": "v1", "kind": "Pod"}
    assert d.post("/explain", asked) and d.get("/pods/web/explain") and d.post("/capacity?limit=5", asked) and d.post("/compare", [asked])
    assert d.get(PODS)["metadata"]["resourceVersion"] == before  # questions change nothing at either door


@native("GET", "/pods")
def _(d):
    assert set(of_pods(d)) == {"web", "db"}
    d.ask("POST", PODS, pod("w2"))
    assert set(d.get("/pods?prefix=w")) == {"web", "w2"} and list(d.get("/pods?limit=1"))
    reply = d.ask("GET", "/pods")
    assert reply.headers["X-Revision"] == d.get("/api/v1/pods")["metadata"]["resourceVersion"]
    stream = d.stream("/pods?watch=1")
    assert {next(stream)["object"]["ID"] for _ in range(3)} == {p["metadata"]["name"] for p in d.get(PODS)["items"]}


@native("POST", "/pods")
def _(d):
    stream = d.stream(f"{PODS}?watch=1&resourceVersion={d.get(PODS)['metadata']['resourceVersion']}")
    d.post("/pods", {"cpuRequired": 1.5, "podId": "p", "duration": 1}, 201)
    event = next(stream)
    assert event["type"] == "ADDED" and event["object"]["metadata"]["name"] == "p"
    assert event["object"]["spec"]["containers"][0]["resources"]["requests"]["cpu"] in ("1500m", "1.5")
    assert d.ask("PATCH", f"{PODS}/p", {"metadata": {"labels": {"a": "b"}}}, headers=MERGE).status == 200  # it ends all the same
    eventually(lambda: d.get(f"{PODS}/p")["status"]["phase"] == "Succeeded")
    assert d.ask("POST", "/pods", {"cpuRequired": 1, "podId": "web"}).status == d.ask("POST", PODS, pod("web")).status == 409


@native("GET", "/pods/{id}")
def _(d):
    for name in ("web", "db"):
        p, k = d.get(f"/pods/{name}"), d.get(f"{PODS}/{name}")
        assert (p["Status"], p["NodeID"], str(p["Revision"])) == (k["status"]["phase"], k["spec"]["nodeName"], k["metadata"]["resourceVersion"])
    assert d.ask("GET", "/pods/none").status == d.ask("GET", f"{PODS}/none").status == 404


@native("DELETE", "/pods/{id}")
def _(d):
    stream = d.stream(f"{PODS}?watch=1&resourceVersion={d.get(PODS)['metadata']['resourceVersion']}")
    assert d.ask("DELETE", "/pods/web").status == 200
    event = next(e for e in stream if e["type"] == "DELETED")
    assert event["object"]["metadata"]["name"] == "web"
    assert d.ask("GET", f"{PODS}/web").status == 404 and set(of_pods(d)) == {"db"}


@native("POST", "/pods/{id}/restart")
def _(d):
    d.post("/pods/web/restart")
    eventually(lambda: d.get(f"{PODS}/web")["status"]["containerStatuses"][0]["restartCount"] == 1 and d.get("/pods/web")["Status"] == "Running")
    assert d.get(f"{PODS}/web")["status"]["phase"] == "Running" and of_pods(d)["web"][3] == 1


@native("GET", "/nodes")
def _(d):
    assert set(of_nodes(d)) == {"n1", "n2"}
    assert d.ask("GET", "/nodes").headers["X-Revision"] == d.get(NODES)["metadata"]["resourceVersion"]


@native("POST", "/nodes")
def _(d):
    stream = d.stream(f"{NODES}?watch=1&resourceVersion={d.get(NODES)['metadata']['resourceVersion']}")
    d.post("/nodes", {"cpuCores": 2.5, "nodeId": "n3"}, 201)
    event = next(stream)
    assert (event["type"], event["object"]["metadata"]["name"], event["object"]["status"]["capacity"]["cpu"]) == ("ADDED", "n3", "2500m")
    assert d.ask("POST", NODES, {"metadata": {"name": "n3"}}).status == 409
    assert set(of_nodes(d)) == {"n1", "n2", "n3"}


@native("GET", "/nodes/{id}")
def _(d):
    for name in ("n1", "n2"):
        assert d.get(f"/nodes/{name}") | {"LastHeartbeat": 0, "HeartbeatCount": 0} == of_nodes(d)[name] | {"LastHeartbeat": 0, "HeartbeatCount": 0}
    beaten = seconds(d.get("/nodes/n1")["LastHeartbeat"])
    lease = d.get("/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1")
    assert abs(seconds(lease["spec"]["renewTime"]) - beaten) <= datetime.timedelta(seconds=2)
    assert d.ask("GET", "/nodes/none").status == d.ask("GET", f"{NODES}/none").status == 404


@native("DELETE", "/nodes/{id}")
def _(d):
    assert d.ask("DELETE", "/nodes/n1").status == 200
    assert d.ask("GET", f"{NODES}/n1").status == 404
    eventually(lambda: {p["spec"].get("nodeName") for p in d.get(PODS)["items"]} == {"n2"})
    assert set(of_nodes(d)) == {"n2"}


@native("POST", "/nodes/{id}/stop")
def _(d):
    d.post("/nodes/n1/stop")
    node = d.get(f"{NODES}/n1")
    assert node["status"]["conditions"][-1]["status"] == "Unknown"
    assert "node.kubernetes.io/unreachable" in {t["key"] for t in node["spec"]["taints"]}
    eventually(lambda: {p["spec"].get("nodeName") for p in d.get(PODS)["items"]} == {"n2"})
    of_nodes(d)


@native("POST", "/nodes/{id}/restart")
def _(d):
    d.post("/nodes/n1/stop")
    d.post("/nodes/n1/restart")
    node = eventually(lambda: [n for n in [d.get(f"{NODES}/n1")] if n["status"]["conditions"][-1]["status"] == "True"])[0]
    assert "taints" not in node["spec"] and "unschedulable" not in node["spec"]
    of_nodes(d)


@native("GET", "/scheduler")
def _(d):
    d.ask("POST", PODS, pod("waits", "3.9"))
    d.ask("POST", PODS, pod("waits2", "3.9"))
    waiting = [p for p in d.get(PODS)["items"] if "nodeName" not in p["spec"]]
    assert d.get("/scheduler")["pending"] == len(waiting) == 1


@native("POST", "/scheduler")
def _(d):
    for algorithm, node in (("worst-fit", "n2"), ("best-fit", "n1")):  # web and db are on n1
        d.post("/scheduler", {"algorithm": algorithm})
        d.ask("POST", PODS, pod(algorithm))
        assert d.get(f"{PODS}/{algorithm}")["spec"]["nodeName"] == node


@native("GET", "/events")
def _(d):
    here = [e for e in d.get("/events?pod=web")["events"] if e["reason"] == "PodPlaced"]
    there = d.get("/api/v1/events?fieldSelector=involvedObject.name%3Dweb,reason%3DScheduled")["items"]
    assert len(here) == len(there) == 1 and here[0]["node"] == "n1" and there[0]["message"].endswith("to n1")
    assert here[0]["revision"] == int(there[0]["metadata"]["resourceVersion"])


@native("GET", "/kubeconfig")
def _(d):
    assert d.ask("GET", "/kubeconfig").status == 404  # no HTTPS here; test_kube.test_tls has it


@native("GET", "/health")
def _(d):
    assert d.ask("GET", "/health").text.startswith("OK") and d.get("/api")["versions"] == ["v1"]


@native("GET", "/healthz")
@native("GET", "/readyz")
@native("GET", "/livez")
@native("GET", "/healthz/{check}")
@native("GET", "/readyz/{check}")
@native("GET", "/livez/{check}")
def _(d):  # clients of Kubernetes ask the same paths
    assert d.ask("GET", "/livez/ping").text == d.ask("GET", "/readyz/ping").text == d.ask("GET", "/healthz/ping").text == "ok"
    for path in ("/healthz", "/readyz", "/livez"):
        assert d.ask("GET", path).text == "ok"


@native("GET", "/version")
def _(d):
    version = d.get("/version")
    assert version["gitVersion"].startswith(f"v{version['major']}.{version['minor']}.") and version["version"] in version["gitVersion"]
    assert d.get(f"{NODES}/n1")["status"]["nodeInfo"]["kubeletVersion"] == version["gitVersion"]


@native("GET", "/metrics")
def _(d):
    d.ask("POST", PODS, pod("waits", "3.9"))
    d.ask("POST", PODS, pod("waits2", "3.9"))
    text = d.ask("GET", "/metrics").text
    counted = {s: int(n) for s, n in re.findall(r'kubesim_pods\{status="(\w+)"\} (\d+)', text)}
    phases = [p["status"]["phase"] for p in d.get(PODS)["items"]]
    assert counted["Running"] <= phases.count("Running") and sum(counted.values()) == len(phases)
    assert int(re.search(r'kubesim_nodes\{health="Healthy"\} (\d+)', text)[1]) == len(d.get(NODES)["items"])


# --- Kubernetes' verbs and subresources of nodes and pods, read at the native door ---

@kube("nodes", "create")
def _(d):
    assert d.ask("POST", NODES, {"metadata": {"name": "k"}, "status": {"capacity": {"cpu": "1500m"}}}).status == 201
    assert d.get("/nodes/k")["CPUCores"] == 1.5 and d.get("/nodes/k")["Kind"] == "virtual"
    eventually(lambda: d.get("/nodes/k")["HealthStatus"] == "Healthy")
    of_nodes(d)


@kube("nodes", "delete")
def _(d):
    assert d.ask("DELETE", f"{NODES}/n1").status == 200
    eventually(lambda: set(d.get("/nodes")) == {"n2"} and {p["NodeID"] for p in d.get("/pods").values()} == {"n2"})
    of_nodes(d)


@kube("nodes", "deletecollection")
def _(d):
    assert d.ask("DELETE", f"{NODES}?labelSelector=kubernetes.io/hostname%3Dn2").status == 200
    eventually(lambda: set(d.get("/nodes")) == {"n1"})


@kube("nodes", "get")
@kube("nodes", "list")
@kube("nodes/status", "get")
def _(d):
    nodes = of_nodes(d)
    for name in nodes:
        assert d.get(f"{NODES}/{name}") == d.get(f"{NODES}/{name}/status")
        assert d.get(f"{NODES}/{name}")["metadata"]["resourceVersion"] == str(nodes[name]["Revision"])


@kube("nodes", "watch")
def _(d):
    revision = d.get(NODES)["metadata"]["resourceVersion"]
    d.post("/nodes/n1/stop")
    d.post("/nodes/n1/restart")
    eventually(lambda: d.get("/nodes/n1")["HealthStatus"] == "Healthy")
    last = d.get("/nodes/n1")["Revision"]
    here, there = d.stream(f"/nodes?watch=1&since={revision}"), d.stream(f"{NODES}?watch=1&resourceVersion={revision}")
    for a, b in zip(here, there):
        assert (a["type"], a["revision"], a["object"]["ID"]) == (b["type"], int(b["object"]["metadata"]["resourceVersion"]), b["object"]["metadata"]["name"])
        assert (a["object"]["HealthStatus"] == "Healthy") == (b["object"]["status"]["conditions"][-1]["status"] == "True")
        if a["revision"] >= last:
            break


@kube("nodes", "patch")
@kube("nodes", "update")
def _(d):
    d.ask("PATCH", f"{NODES}/n1", {"spec": {"unschedulable": True}}, headers=MERGE)
    assert d.post("/pods", {"cpuRequired": 0.1, "podId": "p"}, 201)["nodeId"] == "n2"
    put(d, f"{NODES}/n1", lambda n: n["spec"].pop("unschedulable"))
    assert d.post("/pods", {"cpuRequired": 0.1, "podId": "q"}, 201)["nodeId"] == "n1"
    of_nodes(d)


@kube("nodes/status", "patch")
@kube("nodes/status", "update")
def _(d):
    condition = {"type": "Strange", "status": "True"}
    assert d.ask("PATCH", f"{NODES}/n1/status", {"status": {"conditions": [condition]}},
                 headers={"Content-Type": "application/strategic-merge-patch+json"}).status == 200
    assert "Strange" in {c["type"] for c in d.get(f"{NODES}/n1")["status"]["conditions"]}
    assert d.get("/nodes/n1")["HealthStatus"] == "Healthy" and d.get("/nodes/n1")["Revision"] == int(d.get(f"{NODES}/n1")["metadata"]["resourceVersion"])
    put(d, f"{NODES}/n1/status", lambda n: n["status"]["capacity"].update({"example.com/gpu": "2"}))
    assert d.get(f"{NODES}/n1")["status"]["capacity"]["example.com/gpu"] == "2"
    of_nodes(d)


@kube("pods", "create")
def _(d):
    for name, cpu, cores in (("p", "250m", 0.25), ("q", "1", 1), ("r", "0.5", 0.5)):
        assert d.ask("POST", PODS, pod(name, cpu)).status == 201
        assert d.get(f"/pods/{name}")["CPURequired"] == cores
    d.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "other"}})
    d.ask("POST", "/api/v1/namespaces/other/pods", pod("p"))
    assert d.get("/pods/other%2Fp")["ID"] == "other/p"
    assert d.ask("POST", PODS + "?dryRun=All", pod("dry")).status == 201 and d.ask("GET", "/pods/dry").status == 404
    of_nodes(d)


@kube("pods", "delete")
def _(d):
    assert d.ask("DELETE", f"{PODS}/web", {"gracePeriodSeconds": 0}).status == 200
    assert d.ask("GET", "/pods/web").status == 404
    assert d.ask("DELETE", f"{PODS}/db").status == 200
    eventually(lambda: d.get("/pods") == {})
    assert of_nodes(d)["n1"]["AvailableCPU"] == 4


@kube("pods", "deletecollection")
def _(d):
    d.ask("PATCH", f"{PODS}/web", {"metadata": {"labels": {"a": "b"}}}, headers=MERGE)
    assert d.ask("DELETE", f"{PODS}?labelSelector=a%3Db").status == 200
    eventually(lambda: set(d.get("/pods")) == {"db"})
    of_nodes(d)


@kube("pods", "get")
@kube("pods", "list")
@kube("pods/status", "get")
def _(d):
    for name in of_pods(d):
        assert d.get(f"{PODS}/{name}") == d.get(f"{PODS}/{name}/status")
        assert d.get(f"{PODS}/{name}")["status"]["phase"] == d.get(f"/pods/{name}")["Status"]


@kube("pods", "watch")
def _(d):
    revision = d.get(PODS)["metadata"]["resourceVersion"]
    d.ask("POST", PODS, pod("p"))
    eventually(lambda: d.get("/pods/p")["Status"] == "Running")
    d.ask("DELETE", f"{PODS}/p")
    here, there = d.stream(f"/pods?watch=1&since={revision}"), d.stream(f"{PODS}?watch=1&resourceVersion={revision}")
    for a, b in zip(here, there):
        assert (a["type"], a["revision"], a["object"]["ID"]) == (b["type"], int(b["object"]["metadata"]["resourceVersion"]), b["object"]["metadata"]["name"])
        assert a["object"]["NodeID"] == b["object"]["spec"].get("nodeName", "")
        if a["type"] == "DELETED":
            break


@kube("pods", "patch")
@kube("pods", "update")
def _(d):
    before = d.get("/pods/web")
    assert d.ask("PATCH", f"{PODS}/web", {"metadata": {"labels": {"a": "b"}}}, headers=MERGE).status == 200
    put(d, f"{PODS}/web", lambda p: p["metadata"]["labels"].update(c="d"))
    after = d.get("/pods/web")
    assert after["Revision"] > before["Revision"] and after | {"Revision": 0} == before | {"Revision": 0}
    d.ask("PATCH", f"{PODS}/web", {"spec": {"nodeName": "n2"}}, headers=MERGE)  # where it is, is not the client's to say
    assert d.ask("PATCH", f"{PODS}/web", {"spec": {"hostNetwork": True}}, headers=MERGE).status == 422
    assert d.get("/pods/web") == after and d.get(f"{PODS}/web")["spec"]["nodeName"] == after["NodeID"]
    of_pods(d)


@kube("pods/status", "patch")
@kube("pods/status", "update")
def _(d):
    assert d.ask("PATCH", f"{PODS}/web/status", {"status": {"phase": "Failed", "conditions": [{"type": "Mine", "status": "True"}]}},
                 headers={"Content-Type": "application/strategic-merge-patch+json"}).status == 200
    put(d, f"{PODS}/db/status", lambda p: p["status"]["conditions"].append({"type": "Mine", "status": "False"}))
    for name in ("web", "db"):  # further conditions are clients'; how it is, its node says
        assert "Mine" in {c["type"] for c in d.get(f"{PODS}/{name}")["status"]["conditions"]}
        assert d.get(f"{PODS}/{name}")["status"]["phase"] == d.get(f"/pods/{name}")["Status"] == "Running"
    of_pods(d)


@kube("pods/binding", "create")
def _(d):
    d.ask("POST", PODS, pod("p", schedulerName="mine"))
    assert d.get("/pods/p")["NodeID"] == ""
    assert d.ask("POST", f"{PODS}/p/binding", {"target": {"kind": "Node", "name": "n2"}}).status == 201
    assert d.get("/pods/p")["NodeID"] == "n2" and "p" in d.get("/nodes/n2")["Pods"]
    of_nodes(d)


@kube("pods/eviction", "create")
def _(d):
    assert d.ask("POST", f"{PODS}/web/eviction", {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web"}}).status == 201
    eventually(lambda: d.ask("GET", "/pods/web").status == 404)
    of_nodes(d)


@kube("pods/ephemeralcontainers", "get")
@kube("pods/ephemeralcontainers", "patch")
@kube("pods/ephemeralcontainers", "update")
def _(d):
    debugger = {"name": "a", "image": "x"}
    assert d.ask("PATCH", f"{PODS}/web/ephemeralcontainers", {"spec": {"ephemeralContainers": [debugger]}},
                 headers={"Content-Type": "application/strategic-merge-patch+json"}).status == 200
    put(d, f"{PODS}/db/ephemeralcontainers", lambda p: p["spec"].update(ephemeralContainers=[debugger]))
    for name in of_pods(d):
        assert d.get(f"{PODS}/{name}/ephemeralcontainers") == d.get(f"{PODS}/{name}")
    assert d.get(f"{PODS}/web")["spec"]["ephemeralContainers"][0]["name"] == d.get(f"{PODS}/db")["spec"]["ephemeralContainers"][0]["name"] == "a"


@kube("pods/log", "get")
def _(d):
    text = d.ask("GET", f"{PODS}/web/log").text
    assert d.get("/pods/web")["NodeID"] in text


# --- all of them ---

@pytest.mark.parametrize("operation", CASES, ids=lambda o: " ".join(o))
def test_operation(cluster, operation):  # noqa: F811
    CASES[operation](cluster)


def test_every_operation_has_a_case(kubesimd):
    routes = {("native", *route) for route in re.findall(r'\{ HTTP_(\w+), "([^"]+)"', open(ROUTES).read())}
    assert len(routes) > 15
    verbs = {("kube", r["name"], verb) for r in kubesimd.get("/api/v1")["resources"] if r["name"].split("/")[0] in ("nodes", "pods") for verb in r["verbs"]}
    assert len(verbs) > 20
    assert set(CASES) == routes | verbs


@pytest.mark.parametrize("more, at_the_other_door", [({}, {}), ({"duration": 3600}, {"restartPolicy": "Never"})], ids=["service", "task"])
def test_a_native_pod_has_all_that_kubernetes_adds(cluster, more, at_the_other_door):  # noqa: F811
    """Defaults and admission: what one says of a native pod is what it would have been, had it been made at the other door."""
    cluster.post("/pods", {"cpuRequired": 0.25, "podId": "native", **more}, 201)
    container = {"name": "main", "image": "kubesim.io/simulated", "resources": {"requests": {"cpu": "250m"}}}
    cluster.post(PODS, {"metadata": {"name": "other"}, "spec": {"containers": [container], **at_the_other_door}}, 201)

    def specs():
        return [{k: v for k, v in cluster.get(f"{PODS}/{name}")["spec"].items() if k != "nodeName"} for name in ("native", "other")]

    native_spec, other = specs()
    assert native_spec == other
    assert len(cluster.get(f"{PODS}?fieldSelector=spec.serviceAccountName%3Ddefault,metadata.name%3Dnative")["items"]) == 1
    assert cluster.ask("PATCH", f"{PODS}/native", {"metadata": {"labels": {"a": "b"}}}, headers=MERGE).status == 200
    assert specs()[0] == other and cluster.get("/pods/native")["CPURequired"] == 0.25
