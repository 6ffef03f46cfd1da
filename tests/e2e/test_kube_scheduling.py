# SPDX-License-Identifier: Apache-2.0
"""Scheduling through the Kubernetes door: what is refused, and what takes more than one pod to see."""
import re
import time

import pytest

from conftest import eventually

PODS = "/api/v1/namespaces/default/pods"
PATCH = {"Content-Type": "application/merge-patch+json"}


def pod(name, spec=None, labels=None, annotations=None, requests=None):
    container = {"name": "c", "image": "i", "resources": {"requests": requests or {}}}
    return {"metadata": {"name": name, "labels": labels or {}, "annotations": annotations or {}},
            "spec": {"containers": [container], **(spec or {})}}


def node(name, cpu="4", memory="16Gi", labels=None, taints=None, **more):
    return {"metadata": {"name": name, "labels": labels or {}}, "spec": {"taints": taints or []},
            "status": {"capacity": {"cpu": cpu, "memory": memory, **more}}}


@pytest.fixture
def cluster(start):
    daemon = start("Access.Anonymous=admin", "Cluster.PodBackoffSec=50ms", "Cluster.PodBackoffMaxSec=100ms")
    daemon.add_node = lambda *a, **kw: daemon.post("/api/v1/nodes", node(*a, **kw), 201)
    daemon.add_pod = lambda *a, **kw: daemon.post(PODS, pod(*a, **kw), 201)
    daemon.where = lambda name: daemon.get(f"{PODS}/{name}")["spec"].get("nodeName")
    daemon.why = lambda name: next((c.get("message") for c in daemon.get(f"{PODS}/{name}")["status"].get("conditions", [])
                                    if c["type"] == "PodScheduled" and c["status"] == "False"), None)
    return daemon


def create_classes(cluster, **values):
    """PriorityClasses by their names."""
    for name, value in values.items():
        cluster.post("/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": name}, "value": value}, 201)


def terms(*expressions):
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchExpressions": list(expressions)}]}}}}


def like(where, **more):
    return {"affinity": {where: {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"labelSelector": {"matchLabels": {"app": "a"}}, "topologyKey": "zone", **more}]}}}


def preferred(weight):
    return {"affinity": {"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": weight, "podAffinityTerm": {"labelSelector": {}, "topologyKey": "zone"}}]}}}


def spread(**more):
    return {"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule",
                                           "labelSelector": {"matchLabels": {"app": "a"}}, **more}]}


def asks(**requests):
    return {"containers": [{"name": "c", "image": "i", "resources": {"requests": requests}}]}


def ports(*those):
    return {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 8080, **p} for p in those]}]}


CONTAINER = "spec.containers[0]"
NODE_TERMS = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
POD_TERM = "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0]"
SPREAD = "spec.topologySpreadConstraints[0]"
REFUSED = [
    (terms({"key": "a", "operator": "Like", "values": ["b"]}), NODE_TERMS + '[0].matchExpressions[0].operator: Invalid value: "Like": not a valid selector operator'),
    (terms({"key": "a", "operator": "In"}), NODE_TERMS + "[0].matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'"),
    (terms({"key": "a", "operator": "Exists", "values": ["b"]}), NODE_TERMS + "[0].matchExpressions[0].values: Forbidden"),
    (terms({"key": "a", "operator": "Gt", "values": ["b"]}), NODE_TERMS + '[0].matchExpressions[0].values[0]: Invalid value: "b"'),
    (terms({"key": "-a", "operator": "Exists"}), NODE_TERMS + '[0].matchExpressions[0].key: Invalid value: "-a"'),
    ({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}}}}, NODE_TERMS + ": Required value"),
    ({"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchFields": [{"key": "metadata.uid", "operator": "In", "values": ["x"]}]}]}}}}, NODE_TERMS + "[0].matchFields[0].key: Invalid value"),
    (preferred(0), "preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: must be in the range 1-100"),
    (preferred(-1), "weight: Invalid value: -1: must be in the range 1-100"),
    (preferred(101), "weight: Invalid value: 101: must be in the range 1-100"),
    (like("podAffinity", topologyKey=""), POD_TERM + ".topologyKey: Required value: can not be empty"),
    (like("podAffinity", labelSelector={"matchExpressions": [{"key": "a", "operator": "Gt", "values": ["1"]}]}),
     POD_TERM + '.labelSelector.matchExpressions[0].operator: Invalid value: "Gt"'),
    (spread(maxSkew=0), SPREAD + ".maxSkew: Invalid value: 0: must be greater than zero"),
    (spread(topologyKey=""), SPREAD + ".topologyKey: Required value"),
    (spread(whenUnsatisfiable="Maybe"), SPREAD + '.whenUnsatisfiable: Unsupported value: "Maybe"'),
    (spread(minDomains=0), SPREAD + ".minDomains: Invalid value: 0: must be greater than zero"),
    (spread(minDomains=2, whenUnsatisfiable="ScheduleAnyway"), SPREAD + ".minDomains: Invalid value: 2: can only use minDomains"),
    (spread(nodeTaintsPolicy="Sometimes"), SPREAD + '.nodeTaintsPolicy: Unsupported value: "Sometimes"'),
    ({"topologySpreadConstraints": spread()["topologySpreadConstraints"] * 2}, "spec.topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable}: Duplicate value"),
    ({"tolerations": [{"operator": "Equal"}]}, "spec.tolerations[0].operator: Invalid value"),
    ({"tolerations": [{"key": "a", "operator": "Exists", "effect": "NoSchedule", "tolerationSeconds": 3}]}, "spec.tolerations[0].effect: Invalid value"),
    ({"tolerations": [{"key": "a b", "operator": "Exists"}]}, 'spec.tolerations[0].key: Invalid value: "a b"'),
    ({"nodeSelector": {"a": "b c"}}, "spec.nodeSelector"),
    (spread(matchLabelKeys=["app"]), SPREAD + '[0]: Invalid value: "app": exists in both matchLabelKeys and labelSelector'),
    (spread(matchLabelKeys=["v", "w"], labelSelector={"matchExpressions": [{"key": "w", "operator": "Exists"}]}),
     SPREAD + '[1]: Invalid value: "w": exists in both matchLabelKeys and labelSelector'),
    (spread(matchLabelKeys=["v"], labelSelector=None), SPREAD + ".matchLabelKeys: Forbidden: must not be specified when labelSelector is not set"),
    (spread(matchLabelKeys=["a b"]), SPREAD + '.matchLabelKeys[0]: Invalid value: "a b"'),
    (like("podAffinity", matchLabelKeys=["app"]), POD_TERM + '[0]: Invalid value: "app": exists in both matchLabelKeys and labelSelector'),
    (like("podAffinity", mismatchLabelKeys=["v"], labelSelector=None), POD_TERM + ".mismatchLabelKeys: Forbidden: must not be specified when labelSelector"),
    (like("podAffinity", matchLabelKeys=["u", "v"], mismatchLabelKeys=["v"]),
     POD_TERM + '.matchLabelKeys[1]: Invalid value: "v": exists in both matchLabelKeys and mismatchLabelKeys'),
    (like("podAffinity", namespaces=["a", "A_b"]), POD_TERM + '.namespace: Invalid value: "A_b": a lowercase RFC 1123 label'),
    ({"schedulingGates": [{"name": "a"}, {"name": "a"}]}, 'spec.schedulingGates[1]: Duplicate value: "a"'),
    ({"schedulingGates": [{"name": "a b"}]}, 'spec.schedulingGates[0]: Invalid value: "a b"'),
    ({"schedulingGates": [{"name": "a"}], "nodeName": "n1"}, "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"),
    ({"overhead": {"cpu": "-1"}}, 'spec.overhead.limits[cpu]: Invalid value: "-1"'),
    (asks(memory="9223372036854775808"), CONTAINER + '.resources.requests[memory]: Invalid value: "9223372036854775808": is more than can be counted'),
    (asks(cpu="10E"), CONTAINER + '.resources.requests[cpu]: Invalid value: "10E": is more than can be counted'),
    (asks(gpu="1"), CONTAINER + '.resources.requests[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified'),
    (asks(**{"nvidia.com/gpu": "1500m"}), CONTAINER + '.resources.requests[nvidia.com/gpu]: Invalid value: "1500m": must be an integer'),
    (ports({"hostIP": "1.2.3"}), CONTAINER + '.ports[0].hostIP: Invalid value: "1.2.3": must be a valid IP address'),
    (ports({"hostPort": 80}, {"hostPort": 80, "protocol": "UDP"}, {"hostPort": 80}), CONTAINER + '.ports[2].hostPort: Duplicate value: "TCP//80"'),
    ({"hostNetwork": True, **ports({}, {})}, CONTAINER + '.ports[1].hostPort: Duplicate value: "TCP//8080"'),
    ({"schedulerName": "kubesim/magic"}, 'spec.schedulerName: Unsupported value: "kubesim/magic": supported values: "kubesim/first-fit"'),
    ({"topologySpreadConstraints": [{**spread()["topologySpreadConstraints"][0], "topologyKey": f"k{i}"} for i in range(33)]}, "at most 32"),
]


@pytest.mark.parametrize("spec,message", REFUSED, ids=[m[-40:] for _, m in REFUSED])
def test_refused(kubesimd, spec, message):
    reply = kubesimd.ask("POST", PODS, pod("bad", spec, {"app": "a", "w": "1"}))
    assert reply.status == 422, reply.text
    assert message in reply.json["message"], reply.json["message"]
    assert kubesimd.get(PODS)["items"] == []


@pytest.mark.parametrize("requests", [{"memory": "9999999Ei"}, {"cpu": "-1"}, {"example.com/thing": "many"}, {"cpu": "99999999999999999999"}])
def test_amounts_that_cannot_be_counted(kubesimd, requests):
    reply = kubesimd.ask("POST", PODS, pod("bad", requests=requests))
    assert reply.status in (400, 422) and ("spec.containers" in reply.json["message"] or "quantities must match" in reply.json["message"]), reply.text
    assert kubesimd.get(PODS)["items"] == []


def test_label_keys_are_put_into_selectors(kubesimd):
    """What kube-apiserver stores: the pod's own labels as they are when it is created. Templates stay as they are written."""
    term = {"topologyKey": "zone", "labelSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}, {"key": "w", "operator": "Exists"}]},
            "matchLabelKeys": ["v", "lacking"], "mismatchLabelKeys": ["w"]}
    spec = {"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term], "preferredDuringSchedulingIgnoredDuringExecution": [
        {"weight": 1, "podAffinityTerm": term}]} for kind in ("podAffinity", "podAntiAffinity")}, **spread(matchLabelKeys=["v"])}
    labels = {"app": "a", "v": "1", "w": "2"}
    stored = kubesimd.post(PODS, pod("p", spec, labels), 201)
    selected = {**term["labelSelector"], "matchExpressions": term["labelSelector"]["matchExpressions"] + [
        {"key": "v", "operator": "In", "values": ["1"]}, {"key": "w", "operator": "NotIn", "values": ["2"]}]}
    for kind in ("podAffinity", "podAntiAffinity"):
        affinity = stored["spec"]["affinity"][kind]
        assert affinity["requiredDuringSchedulingIgnoredDuringExecution"] == [{**term, "labelSelector": selected}]
        assert affinity["preferredDuringSchedulingIgnoredDuringExecution"][0]["podAffinityTerm"]["labelSelector"] == selected
    assert stored["spec"]["topologySpreadConstraints"][0]["labelSelector"] == {
        "matchLabels": {"app": "a"}, "matchExpressions": [{"key": "v", "operator": "In", "values": ["1"]}]}
    assert stored["spec"]["topologySpreadConstraints"][0]["matchLabelKeys"] == ["v"]
    assert kubesimd.ask("PUT", PODS + "/p", stored).status == 200  # it is not put in twice
    assert kubesimd.get(PODS + "/p")["spec"] == stored["spec"]

    template = {"metadata": {"labels": labels}, "spec": {**pod("x")["spec"], **spread(matchLabelKeys=["pod-template-hash"])}}
    path = "/apis/apps/v1/namespaces/default/deployments"
    made = kubesimd.post(path, {"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"app": "a"}}, "template": template}}, 201)
    assert made["spec"]["template"]["spec"]["topologySpreadConstraints"] == template["spec"]["topologySpreadConstraints"]
    of = eventually(lambda: [p for p in kubesimd.get(PODS)["items"] if p["metadata"]["name"].startswith("d-")])[0]
    assert of["spec"]["topologySpreadConstraints"][0]["labelSelector"]["matchExpressions"] == [
        {"key": "pod-template-hash", "operator": "In", "values": [of["metadata"]["labels"]["pod-template-hash"]]}]


def test_nodes_that_are_refused(kubesimd):
    for body, message in (
            (node("bad", memory="9223372036854775808"), 'status.capacity[memory]: Invalid value: "9223372036854775808": is more than can be counted'),
            (node("bad", taints=[{"key": "k", "effect": "NoSchedule"}, {"key": "k", "value": "v", "effect": "NoSchedule"}]),
             'spec.taints[1]: Invalid value: {"key":"k","value":"v","effect":"NoSchedule"}: taints must be unique by key and effect pair')):
        reply = kubesimd.ask("POST", "/api/v1/nodes", body)
        assert reply.status == 422 and message in reply.json["message"], reply.text
    assert "node.status.capacity[memory]" in kubesimd.ctl("add-node", "--count=2", "--prefix=x-", "--memory=9223372036854775808").stderr
    assert kubesimd.get("/api/v1/nodes")["items"] == []


def test_ports_of_the_hosts_network(cluster):
    cluster.add_node("a")
    for name in ("first", "second"):
        cluster.add_pod(name, {"hostNetwork": True, **ports({})})
    assert (cluster.where("first"), cluster.where("second")) == ("a", None)
    assert "1 node(s) didn't have free ports for the requested pod ports" in cluster.why("second")


def test_memory_and_extended_resources(cluster):
    cluster.add_node("small", memory="1Gi")
    cluster.add_node("gpu", memory="8Gi", **{"nvidia.com/gpu": "2"})
    cluster.add_pod("m", requests={"memory": "2Gi"})
    gpu = asks()
    gpu["containers"][0]["resources"]["limits"] = {"nvidia.com/gpu": "1"}
    for name in ("g1", "g2", "g3"):
        cluster.add_pod(name, gpu)
    assert [cluster.where(p) for p in ("m", "g1", "g2", "g3")] == ["gpu", "gpu", "gpu", None]
    assert cluster.why("g3") == ("0/2 nodes are available: 2 Insufficient nvidia.com/gpu. preemption: 0/2 nodes are available: 1 No preemption victims found "
                                 "for incoming pod, 1 Preemption is not helpful for scheduling.")
    cluster.ask("DELETE", PODS + "/g1?gracePeriodSeconds=0")
    assert eventually(lambda: cluster.where("g3")) == "gpu"


def test_requests_of_the_pod_as_a_whole(cluster):
    """They stand for what its containers ask for; its limits where nobody says."""
    cluster.add_node("small", cpu="2")
    cluster.add_node("big", cpu="4")
    cluster.add_pod("requests", {"resources": {"requests": {"cpu": "3"}}}, requests={"cpu": "100m"})
    cluster.add_pod("limits", {"resources": {"limits": {"cpu": "2"}}})
    assert (cluster.where("requests"), cluster.where("limits")) == ("big", "small")
    cluster.add_pod("rest", {"overhead": {"cpu": "500m"}, "resources": {"requests": {"cpu": "500m"}}})
    cluster.add_pod("none", requests={"cpu": "1m"})
    assert (cluster.where("rest"), cluster.where("none")) == ("big", None)
    bad = cluster.ask("POST", PODS, pod("bad", {"resources": {"requests": {"cpu": "-1"}}}))
    assert 'spec.resources.requests[cpu]: Invalid value: "-1"' in bad.json["message"]


def test_taints_affinity_and_their_messages(cluster):
    cluster.add_node("a", labels={"disk": "ssd"}, taints=[{"key": "dedicated", "value": "gpu", "effect": "NoSchedule"}])
    cluster.add_node("b", labels={"disk": "hdd"})
    cluster.add_pod("t", {"tolerations": [{"key": "dedicated", "operator": "Equal", "value": "gpu"}], "nodeSelector": {"disk": "ssd"}})
    cluster.add_pod("s", {"nodeSelector": {"disk": "ssd"}})
    cluster.add_pod("h", terms({"key": "disk", "operator": "NotIn", "values": ["ssd"]}))
    assert [cluster.where(p) for p in ("t", "s", "h")] == ["a", None, "b"]
    assert cluster.why("s").startswith("0/2 nodes are available: 1 node(s) didn't match Pod's node affinity/selector, 1 node(s) had untolerated taint "
                                       "{dedicated: gpu}.")


def test_spread_and_anti_affinity(cluster):
    for i in range(6):
        cluster.add_node(f"n{i}", labels={"zone": f"z{i % 3}"})
    for i in range(9):
        cluster.add_pod(f"s{i}", spread(), labels={"app": "a"})
    zones = [int(cluster.where(f"s{i}")[1:]) % 3 for i in range(9)]
    assert sorted(zones) == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    for i in range(4):
        cluster.add_pod(f"x{i}", {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
            {"labelSelector": {"matchLabels": {"app": "x"}}, "topologyKey": "zone"}]}}}, labels={"app": "x"})
    placed = [cluster.where(f"x{i}") for i in range(4)]
    assert placed[3] is None and len({int(p[1:]) % 3 for p in placed[:3]}) == 3
    assert "6 node(s) didn't match pod anti-affinity rules" in cluster.why("x3")


def test_no_execute_evicts(cluster):
    cluster.add_node("a")
    cluster.add_pod("stays", {"tolerations": [{"key": "k", "operator": "Exists", "effect": "NoExecute"}]})
    cluster.add_pod("goes")
    cluster.add_node("b")
    cluster.ask("PATCH", "/api/v1/nodes/a", {"spec": {"taints": [{"key": "k", "effect": "NoExecute"}]}},
                    headers={"Content-Type": "application/merge-patch+json"})
    assert eventually(lambda: cluster.where("goes") == "b")
    assert cluster.where("stays") == "a"


def test_a_pod_that_names_its_node(cluster):
    """It says so once, and moves like others when the node is gone; one that names another kind of nowhere waits."""
    cluster.add_node("a")
    for name, node_name in (("there", "a"), ("nowhere", "none")):
        cluster.add_pod(name, {"nodeName": node_name})
        assert cluster.ask("GET", f"{PODS}/{name}").text.count(f'"nodeName":"{node_name}"') == 1
    cluster.add_node("b")
    cluster.ask("DELETE", "/api/v1/nodes/a")
    eventually(lambda: cluster.where("there") == "b")
    assert cluster.where("nowhere") == "none" and cluster.why("nowhere") == "the node that it names does not exist"


def test_no_execute_evicts_those_that_come_later(cluster):
    toleration = {"key": "k", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1}
    cluster.add_node("a", taints=[{"key": "k", "effect": "NoExecute"}])
    cluster.add_pod("at-once", {"nodeName": "a"})
    cluster.add_pod("later", {"tolerations": [toleration]})
    cluster.add_pod("always", {"tolerations": [{"key": "k", "operator": "Exists"}]})
    eventually(lambda: cluster.where("at-once") is None)
    assert cluster.where("later") == "a"
    time.sleep(1.5)  # nobody else takes it, and it would be let in again
    assert cluster.where("later") == "a" and cluster.get(f"{PODS}/later")["status"]["phase"] == "Running"
    cluster.add_node("b")
    cluster.add_pod("another", {"tolerations": [toleration], "nodeSelector": {"kubernetes.io/hostname": "a"}})  # its node looks at all
    assert eventually(lambda: cluster.where("later") == "b")
    assert cluster.where("always") == cluster.where("another") == "a"


def test_no_execute_removes_those_that_come_later_as_kubernetes_does(start):
    cluster = start("Access.Anonymous=admin", "Cluster.NodeLossPolicy=kubernetes")
    cluster.post("/api/v1/nodes", node("a", taints=[{"key": "k", "effect": "NoExecute"}]), 201)
    passing, lasting = {"key": "k", "operator": "Exists", "tolerationSeconds": 1, "effect": "NoExecute"}, {"key": "k", "operator": "Exists"}
    cluster.post(PODS, pod("stays", {"tolerations": [lasting, passing]}), 201)
    for name, spec in (("a", {"nodeName": "a"}), ("b", {"tolerations": [passing, lasting]})):  # the first that matches counts
        cluster.post(PODS, pod(name, spec), 201)
        leaves = time.monotonic()
        eventually(lambda: cluster.ask("GET", f"{PODS}/{name}").status == 404, 10)
        assert (time.monotonic() - leaves > 0.9) == (name == "b")
    assert cluster.get(f"{PODS}/stays")["status"]["phase"] == "Running"


def test_no_execute_evicts_what_tolerates_it_for_a_time(cluster):
    """By whatever way the pods came there, they go elsewhere, not back to the node that they leave."""
    cluster.add_node("a")
    for name, where in (("told", {"nodeName": "a"}), ("chosen", {})):
        cluster.add_pod(name, {"tolerations": [{"key": "k", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1}], **where},
                        requests={"memory": "1Gi"})
    cluster.add_node("b")
    cluster.ask("PATCH", "/api/v1/nodes/a", {"spec": {"taints": [{"key": "k", "effect": "NoExecute"}]}},
                    headers={"Content-Type": "application/merge-patch+json"})
    for name in ("told", "chosen"):
        assert eventually(lambda: cluster.where(name) == "b" and cluster.get(f"{PODS}/{name}")["status"]["phase"] == "Running")


def test_preemption(cluster):
    for name, value, more in (("low", 10, {}), ("high", 1000, {}), ("polite", 1000, {"preemptionPolicy": "Never"})):
        cluster.post("/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": name}, "value": value, **more}, 201)
    cluster.add_node("a", cpu="2")
    cluster.add_node("b", cpu="2")
    cluster.add_pod("l1", {"priorityClassName": "low"}, requests={"cpu": "2"})
    cluster.add_pod("l2", {"priorityClassName": "low"}, requests={"cpu": "1"})
    cluster.add_pod("polite", {"priorityClassName": "polite"}, requests={"cpu": "2"})
    assert "preemption: not eligible due to preemptionPolicy=Never." in cluster.why("polite")
    revision = cluster.get(PODS)["metadata"]["resourceVersion"]
    cluster.add_pod("h", {"priorityClassName": "high"}, requests={"cpu": "2"})
    node = eventually(lambda: cluster.where("h"))
    assert node in ("a", "b")
    seen = [e["object"] for e in cluster.stream(f"{PODS}?watch=1&resourceVersion={revision}&fieldSelector=metadata.name%3Dh&timeoutSeconds=1")]
    assert [p["status"].get("nominatedNodeName") for p in seen if "nodeName" not in p["spec"]] == [None, node]
    assert "nominatedNodeName" not in seen[-1]["status"]
    left = {p["metadata"]["name"] for p in cluster.get(PODS)["items"]}
    assert "h" in left and len(left & {"l1", "l2"}) == 1
    event = next(e for e in cluster.get("/api/v1/namespaces/default/events")["items"] if e["reason"] == "Preempted")
    assert (event["type"], event["message"]) == ("Normal", f"Preempted by pod {seen[0]['metadata']['uid']} on node {node}")
    assert event["involvedObject"]["name"] in {"l1", "l2"} - left and event["source"]["component"] == "default-scheduler"


def disruption(seen):
    """What the condition of a pod said when it was last seen, and that it came with its end."""
    with_it = [c for p in seen for c in p["status"].get("conditions", []) if c["type"] == "DisruptionTarget" and "deletionTimestamp" in p["metadata"]]
    assert not [p for p in seen if "deletionTimestamp" not in p["metadata"] and "DisruptionTarget" in str(p["status"])]
    return (with_it[-1]["status"], with_it[-1]["reason"], with_it[-1]["message"]) if with_it else None


def test_those_that_are_sent_away_say_so(start):
    """Their conditions have the reasons and words of Kubernetes."""
    cluster = start("Access.Anonymous=admin", "Cluster.NodeLossPolicy=kubernetes")
    create_classes(cluster, high=1000)
    for name in ("a", "b"):
        cluster.post("/api/v1/nodes", node(name, cpu="2"), 201)
    for name, where in (("deleted", "a"), ("evicted", "a"), ("tainted", "b"), ("preempted", "a")):
        cluster.post(PODS, pod(name, {"nodeName": where}, requests={"cpu": "500m"}), 201)
    eventually(lambda: all(p["status"]["phase"] == "Running" for p in cluster.get(PODS)["items"]))
    revision = cluster.get(PODS)["metadata"]["resourceVersion"]
    cluster.ask("PATCH", "/api/v1/nodes/b", {"spec": {"taints": [{"key": "k", "effect": "NoExecute"}]}}, headers=PATCH)
    cluster.ask("DELETE", PODS + "/deleted")
    cluster.post(PODS + "/evicted/eviction", {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "evicted"}}, 201)
    eventually(lambda: len(cluster.get(PODS)["items"]) == 1)
    cluster.post(PODS, pod("p", {"priorityClassName": "high"}, requests={"cpu": "2"}), 201)
    eventually(lambda: cluster.ask("GET", PODS + "/preempted").status == 404)

    def seen(name):
        return [e["object"] for e in cluster.stream(f"{PODS}?watch=1&resourceVersion={revision}&fieldSelector=metadata.name%3D{name}&timeoutSeconds=1")]

    assert disruption(seen("deleted")) is None
    assert disruption(seen("evicted")) == ("True", "EvictionByEvictionAPI", "Eviction API: evicting")
    assert disruption(seen("tainted")) == ("True", "DeletionByTaintManager", "Taint manager: deleting due to NoExecute taint")
    assert disruption(seen("preempted")) == ("True", "PreemptionByScheduler", "default-scheduler: preempting to accommodate a higher priority pod")


def test_nobody_comes_into_the_way_of_those_that_are_to_come(start):
    """What a nominated pod minds counts before it is there, but not what others would want of it."""
    cluster = start("Access.Anonymous=admin", "Cluster.PodBackoffSec=1s")
    create_classes(cluster, low=10, high=1000)
    cluster.post("/api/v1/nodes", node("a", cpu="2"), 201)
    cluster.post("/api/v1/nodes", node("b", cpu="1"), 201)
    cluster.post(PODS, pod("victim", {"priorityClassName": "low"}, requests={"cpu": "2"}), 201)
    eventually(lambda: cluster.get(f"{PODS}/victim")["status"]["phase"] == "Running")

    def about(kind, app, **more):
        return {"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [
            {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": "kubernetes.io/hostname"}]}}, "priorityClassName": "high", **more}

    cluster.post(PODS, pod("p", about("podAntiAffinity", "q"), {"app": "p"}, requests={"cpu": "2"}), 201)
    assert cluster.get(f"{PODS}/p")["status"]["nominatedNodeName"] == "a"
    assert cluster.post(PODS, pod("q", {"priorityClassName": "high"}, {"app": "q"}), 201)["spec"]["nodeName"] == "b"
    assert "nodeName" not in cluster.post(PODS, pod("friend", about("podAffinity", "p")), 201)["spec"]  # it may never come
    eventually(lambda: cluster.get(f"{PODS}/p")["spec"].get("nodeName") == "a")
    eventually(lambda: cluster.get(f"{PODS}/friend")["spec"].get("nodeName") == "a")


def test_a_nomination_that_does_not_help_is_taken_back(start):
    """The victim has gone, but its node is cordoned before the pod that it went for is tried again."""
    cluster = start("Access.Anonymous=admin", "Cluster.PodBackoffSec=1s")
    create_classes(cluster, low=10, high=1000)
    cluster.post("/api/v1/nodes", node("a", cpu="2"), 201)
    cluster.post(PODS, pod("victim", {"priorityClassName": "low"}, requests={"cpu": "2"}), 201)
    eventually(lambda: cluster.get(f"{PODS}/victim")["status"]["phase"] == "Running")
    cluster.post(PODS, pod("p", {"priorityClassName": "high"}, requests={"cpu": "2"}), 201)
    assert cluster.get(f"{PODS}/p")["status"]["nominatedNodeName"] == "a"
    cluster.ask("PATCH", "/api/v1/nodes/a", {"spec": {"unschedulable": True}}, headers={"Content-Type": "application/merge-patch+json"})
    eventually(lambda: "nominatedNodeName" not in cluster.get(f"{PODS}/p")["status"])
    assert cluster.get(f"{PODS}/p")["spec"].get("nodeName") is None and cluster.ask("GET", f"{PODS}/victim").status == 404


def test_victims_that_do_not_go_are_not_waited_for_where_that_would_not_help(start):
    """The node says nothing any more, so that its pod stays, and is cordoned: others go elsewhere."""
    cluster = start("Access.Anonymous=admin", "Cluster.PodBackoffSec=100ms", "Cluster.NodeTimeoutSec=60s")
    create_classes(cluster, lowest=-10, high=1000)
    for name, priority in (("a", {"priorityClassName": "lowest"}), ("b", {})):
        cluster.post("/api/v1/nodes", node(name, cpu="2"), 201)
        cluster.post(PODS, pod(f"on-{name}", priority, requests={"cpu": "2"}), 201)
        eventually(lambda name=name: cluster.get(f"{PODS}/on-{name}")["status"]["phase"] == "Running")
    cluster.post("/faults", {"kind": "hang", "nodes": ["a"], "for": 60}, 201)
    cluster.post(PODS, pod("p", {"priorityClassName": "high"}, requests={"cpu": "2"}), 201)
    assert cluster.get(f"{PODS}/p")["status"]["nominatedNodeName"] == "a"
    cluster.ask("PATCH", "/api/v1/nodes/a", {"spec": {"unschedulable": True}}, headers={"Content-Type": "application/merge-patch+json"})
    eventually(lambda: cluster.get(f"{PODS}/p")["spec"].get("nodeName") == "b")
    assert "deletionTimestamp" in cluster.get(f"{PODS}/on-a")["metadata"]


def test_budgets_are_looked_for_beyond_the_nodes_that_preemption_looks_at(start):
    """Only the last of many nodes have pods that no budget protects."""
    cluster = start("Access.Anonymous=admin", "Cluster.SchedulerAlgorithm=first-fit")
    create_classes(cluster, low=10, high=1000)
    for i in range(600):
        cluster.post("/api/v1/nodes", node(f"n{i}", cpu="2"), 201)
    for i in range(600):
        kept = i < 597
        cluster.post(PODS, pod(f"p{i}", {} if kept else {"priorityClassName": "low"}, {"app": "kept" if kept else "free"}, requests={"cpu": "2"}), 201)
    eventually(lambda: all(p["status"]["phase"] == "Running" for p in cluster.get(PODS)["items"]))
    cluster.post("/apis/policy/v1/namespaces/default/poddisruptionbudgets", {"metadata": {"name": "kept"}, "spec": {
        "selector": {"matchLabels": {"app": "kept"}}, "maxUnavailable": 0}}, 201)
    for i in range(3):
        cluster.post(PODS, pod(f"high-{i}", {"priorityClassName": "high"}, requests={"cpu": "2"}), 201)
    eventually(lambda: all(cluster.get(f"{PODS}/high-{i}")["spec"].get("nodeName") in ("n597", "n598", "n599") for i in range(3)))
    assert all("deletionTimestamp" not in p["metadata"] for p in cluster.get(f"{PODS}?labelSelector=app%3Dkept")["items"])


def test_a_node_that_comes_back_comes_with_what_is_kept_on_it(start):
    """The pod that is to come there has not been tried again meanwhile."""
    cluster = start("Access.Anonymous=admin", "Cluster.PodBackoffSec=60s", "Cluster.PodBackoffMaxSec=60s")
    create_classes(cluster, low=10, high=1000)
    cluster.post("/api/v1/nodes", node("a", cpu="2"), 201)
    cluster.post(PODS, pod("victim", {"priorityClassName": "low"}, requests={"cpu": "2"}), 201)
    eventually(lambda: cluster.get(f"{PODS}/victim")["status"]["phase"] == "Running")
    cluster.post(PODS, pod("p", {"priorityClassName": "high"}, requests={"cpu": "2"}), 201)
    cluster.ask("DELETE", "/api/v1/nodes/a")
    eventually(lambda: cluster.ask("GET", f"{PODS}/victim").status == 404)
    cluster.post("/api/v1/nodes", node("a", cpu="3"), 201)
    assert cluster.get(f"{PODS}/p")["status"]["nominatedNodeName"] == "a"
    assert "nodeName" not in cluster.post(PODS, pod("lesser", requests={"cpu": "2"}), 201)["spec"]
    cluster.ask("DELETE", f"{PODS}/p")
    assert cluster.post(PODS, pod("other", requests={"cpu": "3"}), 201)["spec"]["nodeName"] == "a"


def test_a_pod_that_asks_for_cpu_alone_finds_the_room_that_is_kept_for_it(start):
    """The index keeps it from all pods; the one that it is kept for is placed at the first attempt."""
    cluster = start("Access.Anonymous=admin", "Cluster.SchedulerAlgorithm=best-fit")
    create_classes(cluster, low=-10)
    cluster.post("/api/v1/nodes", node("a", cpu="2"), 201)
    cluster.post(PODS, pod("victim", {"priorityClassName": "low"}, requests={"cpu": "2"}), 201)
    eventually(lambda: cluster.get(f"{PODS}/victim")["status"]["phase"] == "Running")
    revision = cluster.get(PODS)["metadata"]["resourceVersion"]
    cluster.post(PODS, pod("p", requests={"cpu": "2"}), 201)
    eventually(lambda: cluster.get(f"{PODS}/p")["spec"].get("nodeName") == "a")
    seen = [e["object"] for e in cluster.stream(f"{PODS}?watch=1&resourceVersion={revision}&fieldSelector=metadata.name%3Dp&timeoutSeconds=1")]
    assert [p["status"].get("nominatedNodeName") for p in seen if "nodeName" not in p["spec"]] == [None, "a"]


def scheduled(cluster):
    return int(re.search(r'^kubesim_scheduling_attempts_total\{result="scheduled"\} (\d+)', cluster.ask("GET", "/metrics").text, re.M).group(1))


def test_gangs_are_all_or_none(cluster):
    cluster.add_node("a", cpu="3")
    gang = {"kubesim.io/pod-group": "train", "kubesim.io/pod-group-min-member": "4"}
    for i in range(3):
        cluster.add_pod(f"g{i}", annotations=gang, requests={"cpu": "1"})
    assert [cluster.where(f"g{i}") for i in range(3)] == [None] * 3
    assert "waits for its members" in cluster.why("g0")
    cluster.add_pod("g3", annotations=gang, requests={"cpu": "1"})
    assert [cluster.where(f"g{i}") for i in range(4)] == [None] * 4
    assert scheduled(cluster) == 0  # those who were tried and taken back do not count
    cluster.add_node("b", cpu="1")
    assert eventually(lambda: all(cluster.where(f"g{i}") for i in range(4)))
    assert scheduled(cluster) == 4
    bad = cluster.ask("POST", PODS, pod("bad", annotations={**gang, "kubesim.io/pod-group-min-member": "none"}))
    assert bad.status == 422 and "kubesim.io/pod-group-min-member" in bad.json["message"]


def test_members_of_a_gang_say_the_same(cluster):
    """All of them wait for what one of them lacks; that pods with lower priority are sent away is no question for a gang."""
    cluster.add_node("n1", cpu="3")
    gang = {"kubesim.io/pod-group": "train", "kubesim.io/pod-group-min-member": "4"}
    for i in range(4):
        cluster.add_pod(f"g{i}", annotations=gang, requests={"cpu": "1"}, labels={"odd": str(i % 2)})
    expected = 'pod group "train" has room for 3 of the 4 members that wait: 0/1 nodes are available: 1 Insufficient cpu.'
    eventually(lambda: [cluster.why(f"g{i}") for i in range(4)] == [expected] * 4)


def test_no_failure_is_told_before_the_first_look(cluster):
    """So many nodes take more than one turn to look at: a pod waits for that, but nothing has failed yet."""
    assert cluster.ctl("add-node", "--prefix=n-", "--count=3000").returncode == 0
    events = lambda name: [e for e in cluster.get("/api/v1/namespaces/default/events")["items"] if e["involvedObject"]["name"] == name]
    for i in range(3):
        cluster.add_pod(f"p{i}", requests={"cpu": "1", "memory": f"{i + 1}Mi"})
        eventually(lambda: cluster.where(f"p{i}"))
        assert "Scheduled" in [e["reason"] for e in events(f"p{i}")] and "FailedScheduling" not in [e["reason"] for e in events(f"p{i}")]
    for i in range(3):
        cluster.add_pod(f"big{i}", requests={"cpu": "99"})
    for i in range(3):
        eventually(lambda: (cluster.why(f"big{i}") or "").startswith("0/3000 nodes are available: 3000 Insufficient cpu."))
        assert all("3000 Insufficient cpu" in e["message"] for e in events(f"big{i}"))


def test_more_reasons_than_are_listed(cluster):
    """Each node has a taint of its own; those that are not listed are counted."""
    for i in range(70):
        cluster.add_node(f"n{i}", taints=[{"key": "own", "value": str(i), "effect": "NoSchedule"}])
    cluster.add_pod("p")
    why = eventually(lambda: cluster.why("p"))
    assert why.count("1 node(s) had untolerated taint {own: ") == 64 and ", 6 node(s) had other reasons." in why


def test_a_pod_that_is_being_deleted_is_not_bound(cluster):
    cluster.add_node("n1")
    held = pod("p", {"schedulerName": "mine"})
    held["metadata"]["finalizers"] = ["example.com/held"]
    cluster.post(PODS, held, 201)
    cluster.ask("DELETE", PODS + "/p")
    r = cluster.ask("POST", PODS + "/p/binding", {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n1"}})
    assert r.status == 409 and r.json["message"].endswith("pod p is being deleted, cannot be assigned to a host")
    assert not cluster.where("p")


def test_one_budget_counts_for_all_victims(cluster):
    """Budgets are read once for a search, and hold for each node it looks at; those of other namespaces do not."""
    for i in range(2):
        cluster.add_node(f"n{i}", cpu="2")
    cluster.post("/api/v1/namespaces", {"metadata": {"name": "other"}}, 201)
    for namespace, limit in (("default", 1), ("other", 9)):
        cluster.post(f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets",
                     {"metadata": {"name": "b"}, "spec": {"minAvailable": limit, "selector": {"matchLabels": {"app": "kept"}}}}, 201)
    cluster.add_pod("kept", {"nodeName": "n0"}, labels={"app": "kept"}, requests={"cpu": "2"})
    cluster.add_pod("free", {"nodeName": "n1"}, labels={"app": "free"}, requests={"cpu": "2"})
    eventually(lambda: cluster.get("/apis/policy/v1/namespaces/default/poddisruptionbudgets/b")["status"].get("currentHealthy") == 1)
    create_classes(cluster, high=1000)
    cluster.add_pod("high", {"priorityClassName": "high"}, requests={"cpu": "2"})
    eventually(lambda: cluster.where("high") == "n1", 15)
    assert cluster.where("kept") == "n0"
    uid = cluster.get(f"{PODS}/high")["metadata"]["uid"]
    told = [e["message"] for e in cluster.get("/api/v1/namespaces/default/events")["items"] if e["reason"] == "Preempted"]
    assert told == [f"Preempted by pod {uid} on node n1"]


@pytest.mark.parametrize("there, lacks", [(2, "waits for its members"), (3, 'pod group "train" has room for 1 of the 3 members that wait: 0/1 nodes are available: 1 Insufficient cpu.')])
def test_a_gang_is_given_up_and_says_so(cluster, there, lacks):
    """Nothing else happens meanwhile: its own time is enough."""
    cluster.add_node("a", cpu="1")
    gang = {"kubesim.io/pod-group": "train", "kubesim.io/pod-group-min-member": "3", "kubesim.io/pod-group-timeout": "1s"}
    for i in range(there):
        cluster.add_pod(f"g{i}", annotations=gang, requests={"cpu": "1"}, labels={"odd": str(i % 2)})
    assert lacks in cluster.why("g0")
    told = 'pod group "train" was given up after 1s: make its pods again to try again'
    eventually(lambda: [cluster.why(f"g{i}") for i in range(there)] == [told] * there)
    cluster.add_node("b", cpu="8")
    assert [cluster.where(f"g{i}") for i in range(there)] == [None] * there


def test_a_gang_is_woken_before_its_time_is_up(cluster):
    cluster.add_node("a", cpu="1")
    gang = {"kubesim.io/pod-group": "train", "kubesim.io/pod-group-min-member": "2", "kubesim.io/pod-group-timeout": "1h"}
    for i in range(2):
        cluster.add_pod(f"g{i}", annotations=gang, requests={"cpu": "1"})
    assert cluster.where("g0") is None
    cluster.add_node("b", cpu="1")
    eventually(lambda: sorted([cluster.where("g0") or "", cluster.where("g1") or ""]) == ["a", "b"])


def test_algorithm_of_one_pod(cluster):
    cluster.add_node("a")
    cluster.add_node("b")
    cluster.add_pod("p1", requests={"cpu": "1", "memory": "1Gi"})
    cluster.add_pod("p2", {"schedulerName": "kubesim/kube"}, requests={"cpu": "1", "memory": "1Gi"})
    cluster.add_pod("p3", {"schedulerName": "kubesim/most-allocated"}, requests={"cpu": "1", "memory": "1Gi"})
    cluster.add_pod("p4", {"schedulerName": "theirs"})
    assert [cluster.where(p) for p in ("p1", "p2", "p4")] == ["a", "b", None]
    assert cluster.where("p3") == "a"


def test_classes_come_back_after_a_restart(cluster):
    cluster.add_node("a", labels={"zone": "z"})
    cluster.add_pod("p", {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"labelSelector": {"matchLabels": {"app": "p"}}, "topologyKey": "zone"}]}}}, labels={"app": "p"})
    cluster.add_pod("w", {"nodeSelector": {"zone": "other"}})
    cluster.restart()
    cluster.add_pod("q", labels={"app": "p"})
    assert cluster.where("q") is None and "existing pods anti-affinity rules" in cluster.why("q")
    cluster.add_node("b", labels={"zone": "other"})
    assert eventually(lambda: cluster.where("q") and cluster.where("w") == "b")


def test_spread_over_zones(cluster):
    cluster.add_node("a", labels={"zone": "z1"})
    cluster.add_node("b", labels={"zone": "z2"}, cpu="1")
    for i in range(2):
        cluster.add_pod(f"s{i}", {"topologySpreadConstraints": spread()["topologySpreadConstraints"]}, labels={"app": "a"}, requests={"cpu": "1"})
    assert {cluster.where("s0"), cluster.where("s1")} == {"a", "b"}
    cluster.add_pod("s2", spread(), labels={"app": "a"}, requests={"cpu": "1"})
    cluster.add_pod("s3", spread(), labels={"app": "a"}, requests={"cpu": "1"})
    assert cluster.where("s2") == "a" and cluster.why("s3").startswith("0/2 nodes are available: 1 Insufficient cpu, 1 node(s) didn't match pod topology "
                                                                      "spread constraints.")


def test_host_ports(cluster):
    cluster.add_node("a")
    ports = {"containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80, "hostPort": 8080}]}]}
    cluster.add_pod("p1", ports)
    cluster.add_pod("p2", ports)
    assert cluster.where("p1") == "a" and "1 node(s) didn't have free ports for the requested pod ports" in cluster.why("p2")


def test_images(cluster):
    """The node that has the image is worth more than one that has not."""
    for name, images in (("a", []), ("b", [{"names": ["example.com/big:1"], "sizeBytes": 1000 << 20}])):
        cluster.post("/api/v1/nodes", {"metadata": {"name": name}, "status": {"capacity": {"cpu": "4"}, "images": images}}, 201)
    spec = {"schedulerName": "kubesim/kube", "containers": [{"name": "c", "image": "example.com/big:1"}]}
    cluster.add_pod("p", spec)
    assert cluster.where("p") == "b"


KUBE = {"schedulerName": "kubesim/kube"}
SMALL = {"cpu": "500m", "memory": "1Gi"}


def two_unlike_nodes(cluster):
    cluster.add_node("wide", cpu="32", memory="128Gi")
    cluster.add_node("narrow", cpu="4", memory="16Gi")


def test_pods_of_a_service_are_spread(cluster):
    """By default, and as long as there is a Service that selects them; all of them are one class."""
    two_unlike_nodes(cluster)
    for name in ("p1", "p2"):
        cluster.add_pod(name, KUBE, labels={"app": "a"}, requests=SMALL)
    assert [cluster.where(p) for p in ("p1", "p2")] == ["wide", "wide"]
    services = "/api/v1/namespaces/default/services"
    cluster.post(services, {"metadata": {"name": "other"}, "spec": {"selector": {"app": "b"}, "ports": [{"port": 80}]}}, 201)
    cluster.add_pod("p3", KUBE, labels={"app": "a"}, requests=SMALL)
    assert cluster.where("p3") == "wide"
    cluster.post(services, {"metadata": {"name": "s"}, "spec": {"selector": {"app": "a"}, "ports": [{"port": 80}]}}, 201)
    cluster.add_pod("p4", KUBE, labels={"app": "a"}, requests=SMALL)
    assert cluster.where("p4") == "narrow"
    scores = cluster.get("/pods/p4/explain?algorithm=kube&each=1")["groups"]
    spread_of = {g["nodes"][0]: next(s for s in g["scores"] if s["plugin"] == "PodTopologySpread") for g in scores}
    # counts times ln(2 nodes + 2), and the skews less one; no node has a zone
    assert (spread_of["wide"]["raw"], spread_of["narrow"]["raw"]) == (6, 2)
    assert (spread_of["wide"]["normalised"], spread_of["narrow"]["normalised"]) == (33, 100)
    cluster.add_pod("own", {**KUBE, **spread(whenUnsatisfiable="ScheduleAnyway")}, labels={"app": "a"}, requests=SMALL)
    assert cluster.where("own") == "wide"  # its own constraint, of a label that no node has, stands instead
    cluster.ask("DELETE", services + "/s")
    cluster.add_pod("p5", KUBE, labels={"app": "a"}, requests=SMALL)
    assert cluster.where("p5") == "wide"


def test_pods_of_a_replica_set_are_spread(cluster):
    two_unlike_nodes(cluster)
    template = pod("", KUBE, labels={"app": "r"}, requests=SMALL)
    cluster.post("/apis/apps/v1/namespaces/default/replicasets", {"metadata": {"name": "r"}, "spec": {
        "replicas": 4, "selector": {"matchLabels": {"app": "r"}}, "template": {"metadata": {"labels": {"app": "r"}}, "spec": template["spec"]}}}, 201)
    pods = eventually(lambda: [p for p in [cluster.get(PODS)["items"]] if len(p) == 4])[0]
    assert sorted(p["spec"]["nodeName"] for p in pods) == ["narrow", "narrow", "wide", "wide"]


def test_pods_of_a_stateful_set_are_spread(cluster):
    two_unlike_nodes(cluster)
    labels = {"app": "r"}
    template = {"metadata": {"labels": labels}, "spec": pod("", KUBE, requests=SMALL)["spec"]}
    cluster.post("/apis/apps/v1/namespaces/default/statefulsets", {"metadata": {"name": "r"}, "spec": {
        "replicas": 2, "podManagementPolicy": "Parallel", "serviceName": "r", "selector": {"matchLabels": labels}, "template": template}}, 201)
    assert eventually(lambda: len(cluster.get(PODS)["items"]) == 2)
    assert [cluster.where(f"r-{i}") for i in range(2)] == ["wide", "narrow"]


def test_pods_of_a_replication_controller_are_spread(cluster):
    """These make no pods here, but say which are alike."""
    two_unlike_nodes(cluster)
    labels = {"app": "r"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    owner = cluster.post("/api/v1/namespaces/default/replicationcontrollers",
                         {"metadata": {"name": "r"}, "spec": {"replicas": 2, "selector": labels, "template": template}}, 201)
    for i in range(2):
        body = pod(f"p{i}", KUBE, labels=labels, requests=SMALL)
        body["metadata"]["ownerReferences"] = [{"apiVersion": "v1", "kind": "ReplicationController", "name": "r", "uid": owner["metadata"]["uid"], "controller": True}]
        cluster.post(PODS, body, 201)
    assert [cluster.where(f"p{i}") for i in range(2)] == ["wide", "narrow"]


def conditions(cluster, name):
    return [(c["status"], c.get("reason"), c.get("message")) for c in cluster.get(f"{PODS}/{name}")["status"].get("conditions", []) if c["type"] == "PodScheduled"]


def test_bindings(cluster):
    """A Binding by itself names its pod; what is wrong with it changes nothing."""
    cluster.add_node("a")
    cluster.add_pod("p", {"schedulerName": "theirs"})
    binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"kind": "Node", "name": "a"}}
    bindings = "/api/v1/namespaces/default/bindings"
    for wrong, status in (({"target": {"name": "a"}}, 422), ({"metadata": {"name": "p"}}, 422), ({**binding, "metadata": {"name": "none"}}, 404),
                          ({**binding, "metadata": {"name": "../p"}}, 404), ({**binding, "metadata": {"name": "p", "uid": "no"}}, 409), ({**binding, "target": {"kind": "Pod", "name": "a"}}, 422)):
        cluster.post(bindings, wrong, status)
    assert cluster.ask("POST", "/api/v1/namespaces/none/bindings", binding).status == 404
    cluster.post(PODS + "/p/binding", {**binding, "metadata": {"name": "q"}}, 400)
    assert not cluster.where("p")
    cluster.post(bindings, binding, 201)
    assert cluster.where("p") == "a"
    assert cluster.ask("GET", bindings).status == 405


def test_what_another_scheduler_says(cluster):
    """It tells why its pods wait, and binds them; kubesimd says nothing of them that is not so."""
    cluster.add_node("a")
    cluster.add_pod("p", {"schedulerName": "theirs"})
    assert conditions(cluster, "p") == []
    status = {"nominatedNodeName": "a", "conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}]}
    assert cluster.ask("PATCH", PODS + "/p/status", {"status": status}, headers={"Content-Type": "application/strategic-merge-patch+json"}).status == 200
    assert conditions(cluster, "p") == [("False", "Unschedulable", "0/1 nodes")]
    cluster.restart()
    seen = cluster.get(PODS + "/p")["status"]
    assert seen["nominatedNodeName"] == "a" and conditions(cluster, "p") == [("False", "Unschedulable", "0/1 nodes")]
    cluster.post(PODS + "/p/binding", {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": "p"}, "target": {"kind": "Node", "name": "a"}}, 201)
    assert cluster.where("p") == "a" and conditions(cluster, "p") == [("True", None, None)]
    said = [(e["reason"], e["source"]["component"]) for e in cluster.get("/api/v1/events")["items"] if e["involvedObject"]["name"] == "p"]
    assert ("PodBound", "kubesimd") in said and not {"Scheduled", "FailedScheduling"} & {reason for reason, _ in said}
    cluster.add_pod("gated", {"schedulingGates": [{"name": "example.com/g"}]})
    assert conditions(cluster, "gated") == [("False", "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates")]
    refused = cluster.ask("POST", PODS + "/gated/binding", {"metadata": {"name": "gated"}, "target": {"kind": "Node", "name": "a"}})
    assert refused.status == 409 and refused.json["message"].endswith("pod gated has non-empty .spec.schedulingGates")


def test_default_pods_are_left_to_another(start):
    daemon = start("Access.Anonymous=admin", "Cluster.SchedulerName=mine")
    daemon.post("/api/v1/nodes", node("a"), 201)
    for name, spec in (("default", {}), ("ours", {"schedulerName": "mine"}), ("best", {"schedulerName": "kubesim/best-fit"})):
        daemon.post(PODS, pod(name, spec), 201)
    daemon.post("/pods", {"podId": "native", "cpuRequired": 1}, 201)

    def where():
        return {p["metadata"]["name"]: (p["spec"]["schedulerName"], p["spec"].get("nodeName")) for p in daemon.get(PODS)["items"]}

    expected = {"default": ("default-scheduler", None), "ours": ("mine", "a"), "best": ("kubesim/best-fit", "a"), "native": ("mine", "a")}
    assert where() == expected
    daemon.restart()
    assert where() == expected


def test_what_a_node_has_it_allocates(cluster):
    """As kube-apiserver completes nodes: other schedulers go by allocatable."""
    def allocatable():
        return cluster.get("/api/v1/nodes/a")["status"]["allocatable"]

    cluster.add_node("a", memory="4Gi", **{"pods": "2", "example.com/gpu": "2"})
    assert allocatable() == {"cpu": "4", "ephemeral-storage": "100Gi", "memory": "4Gi", "pods": "2", "example.com/gpu": "2"}
    for gpus in ("3", "4"):
        cluster.ask("PATCH", "/api/v1/nodes/a/status", {"status": {"capacity": {"example.com/gpu": gpus}}}, headers=PATCH)
        assert allocatable()["example.com/gpu"] == gpus
        again = cluster.get("/api/v1/nodes/a")  # a client that writes what it has read says nothing new
        assert cluster.ask("PUT", "/api/v1/nodes/a/status", again).status == 200
    cluster.ask("PATCH", "/api/v1/nodes/a/status", {"status": {"allocatable": {"memory": "3Gi"}}}, headers=PATCH)
    assert allocatable()["memory"] == "3Gi"
