# SPDX-License-Identifier: Apache-2.0
"""Where pods go: the cases of cases/scheduling/*.yaml (README.md there says how they are written), each through the Kubernetes door, and
those that ask for CPU alone through the native one, too."""
import glob
import os

import pytest
import yaml

from conftest import Daemon, eventually

CASES = os.path.join(os.path.dirname(__file__), "cases/scheduling")
CORE, PRIORITIES = "/api/v1", "/apis/scheduling.k8s.io/v1/priorityclasses"
CAPACITY = ("cpu", "memory", "pods", "ephemeral-storage")
SPEC = ("taints", "unschedulable")
PATCH = {"Content-Type": "application/merge-patch+json"}


# --- The short forms ---

def expressions(lines, of_name):
    """["zone In a b", "disk Exists"]"""
    words = [str(line).split() for line in lines]
    return [{"key": w[0], "operator": w[1], **({"values": w[2:]} if w[2:] else {})} for w in words if (w[0] == "metadata.name") == of_name]


def node_term(lines):
    return {k: v for k, v in (("matchExpressions", expressions(lines, False)), ("matchFields", expressions(lines, True))) if v}


def selector(short):
    """The rest of a short form is labels, unless it names a labelSelector itself; lines as above are expressions."""
    if "labelSelector" in short:
        return {"labelSelector": short.pop("labelSelector")}
    labels = {k: str(short.pop(k)) for k in ("app", "tier", "version") if k in short}
    where = {"matchExpressions": expressions(short.pop("where"), False)} if "where" in short else {}
    return {"labelSelector": {**({"matchLabels": labels} if labels else {}), **where}}


def pod_term(short):
    short = dict(short)
    weight = short.pop("weight", None)
    term = {"topologyKey": short.pop("by"), **selector(short), **short}
    return term if weight is None else {"weight": weight, "podAffinityTerm": term}


def spread(short):
    short = dict(short)
    out = {"topologyKey": short.pop("by"), "maxSkew": short.pop("skew", 1), "whenUnsatisfiable": "ScheduleAnyway" if short.pop("soft", False) else "DoNotSchedule"}
    return {**out, **selector(short), **short}


def toleration(text):
    """"key Exists EFFECT", "key Equal value EFFECT"; * for any key, the effect may be left out."""
    if not isinstance(text, str):
        return text
    key, operator, *rest = text.split()
    out = {"operator": operator, **({} if key == "*" else {"key": key})}
    if operator == "Equal":
        out["value"] = rest.pop(0)
    return {**out, **({"effect": rest[0]} if rest else {})}


def taint(text):
    """As kubectl taint writes them: key=value:Effect."""
    pair, effect = text.split(":")
    key, _, value = pair.partition("=")
    return {"key": key, "effect": effect, **({"value": value} if value else {})}


def affinity(short):
    out = {}
    if "terms" in short:
        out.setdefault("nodeAffinity", {})["requiredDuringSchedulingIgnoredDuringExecution"] = {
            "nodeSelectorTerms": [node_term(t) for t in short.pop("terms")]}
    if "prefer" in short:
        out.setdefault("nodeAffinity", {})["preferredDuringSchedulingIgnoredDuringExecution"] = [
            {"weight": weight, "preference": node_term(t)} for weight, t in short.pop("prefer")]
    for name, kind in (("near", "podAffinity"), ("away", "podAntiAffinity")):
        if name in short:
            out.setdefault(kind, {})["requiredDuringSchedulingIgnoredDuringExecution"] = [pod_term(t) for t in short.pop(name)]
        if "prefer_" + name in short:
            out.setdefault(kind, {})["preferredDuringSchedulingIgnoredDuringExecution"] = [pod_term(t) for t in short.pop("prefer_" + name)]
    return {"affinity": out} if out else {}


def pod(name, short):
    short = dict(short or {})
    asks = {k: str(short.pop(k)) for k in list(short) if k in CAPACITY or "/" in k}
    ports = [{"containerPort": 80, "protocol": "TCP", **p} for p in short.pop("ports", [])]
    container = {"name": "c", "image": short.pop("image", "x"), "resources": {"requests": asks}, "ports": ports}
    if any("/" in k for k in asks):  # what is extended has equal limits
        container["resources"]["limits"] = {k: v for k, v in asks.items() if "/" in k}
    metadata = {"name": name, "labels": {k: str(short.pop(k)) for k in ("app", "tier", "version") if k in short}}
    metadata["annotations"] = short.pop("annotations", {})
    namespace = short.pop("namespace", "default")
    out = {"containers": [container], **affinity(short)}
    if "spread" in short:
        out["topologySpreadConstraints"] = [spread(s) for s in short.pop("spread")]
    if "tolerations" in short:
        out["tolerations"] = [toleration(t) for t in short.pop("tolerations")]
    if "priority" in short:
        out["priorityClassName"] = f"p{short.pop('priority')}".replace("-", "minus")
    return namespace, {"metadata": metadata, "spec": {**out, **short}}


def node(name, short):
    short = dict(short if isinstance(short, dict) else {"cpu": short})
    short.setdefault("cpu", 4)
    capacity = {k: str(short.pop(k)) for k in list(short) if k in CAPACITY or (isinstance(k, str) and k.endswith((".com/gpu", "/dongle")))}
    status = {"capacity": capacity, **{k: short.pop(k) for k in ("allocatable", "images") if k in short}}
    spec = {k: short.pop(k) for k in SPEC if k in short}
    if "taints" in spec:
        spec["taints"] = [taint(t) for t in spec["taints"]]
    return {"metadata": {"name": name, "labels": {k: str(v) for k, v in short.items()}}, "spec": spec, "status": status}


def there(lines):
    """Pods that are there already: "n1 app=a cpu=2", or a pod with `at`."""
    for i, line in enumerate(lines):
        if isinstance(line, str):
            at, *rest = line.split()
            line = {"at": at, **{k: yaml.load(v, yaml.CSafeLoader) for k, v in (word.split("=") for word in rest)}}
        line = dict(line)
        yield line.pop("name", f"there-{i}"), line.pop("at", None), line


# --- The cases ---

def cases():
    for path in sorted(glob.glob(CASES + "/*.yaml")):
        for group in yaml.load(open(path), yaml.CSafeLoader):
            for case in group["cases"]:
                full = {"page": group.get("page"), **{k: v for k, v in group.items() if k not in ("cases", "page")}, **case}
                assert full["page"].startswith("https://kubernetes.io/docs/") or full["page"].startswith("https://github.com/"), full
                yield pytest.param(full, id=os.path.basename(path)[:-5] + ": " + case["name"])


ALL = list(cases())


def asks_for_cpu_alone(case):
    plain = all(not isinstance(n, dict) or set(n) == {"cpu"} for n in case["nodes"].values())
    pods = [p for _, _, p in there(case.get("there", []))] + [case["pod"] or {}]
    return plain and all(set(p) == {"cpu"} and isinstance(p["cpu"], (int, float)) for p in pods) and "fits" in case and case.get("algorithm", "first-fit") == "first-fit"


NATIVE = [p for p in ALL if asks_for_cpu_alone(p.values[0])]


def test_there_are_many():
    assert len(ALL) >= 300 and len(NATIVE) >= 10


@pytest.fixture(scope="module")
def daemon(tmp_path_factory):
    daemon = Daemon(str(tmp_path_factory.mktemp("scheduling")), "Access.Anonymous=admin")
    for value in (-10, 0, 10, 50, 100, 1000):
        for never in (False, True):
            name = f"p{value}".replace("-", "minus") + ("never" if never else "")
            daemon.post(PRIORITIES, {"metadata": {"name": name}, "value": value, **({"preemptionPolicy": "Never"} if never else {})}, 201)
    for name, labels in (("team", {"env": "prod"}), ("other", {})):
        daemon.post(CORE + "/namespaces", {"metadata": {"name": name, "labels": labels}}, 201)
    yield daemon
    daemon.check_clean(daemon.stop())


@pytest.fixture
def cluster(daemon):
    """The same for all cases: what one has made goes."""
    daemon.received("READY=1")  # what it tells the service manager is taken off its hands, which would be full after a while
    yield daemon
    for namespace in ("default", "team", "other"):
        for path in (f"{CORE}/namespaces/{namespace}/pods", f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"):
            if daemon.get(path)["items"]:
                daemon.ask("DELETE", path + "?gracePeriodSeconds=0", {"kind": "DeleteOptions", "gracePeriodSeconds": 0})
    for n in daemon.get(CORE + "/nodes")["items"]:
        daemon.ask("DELETE", CORE + "/nodes/" + n["metadata"]["name"])
    eventually(lambda: not daemon.get(CORE + "/nodes")["items"] and not daemon.get(CORE + "/pods")["items"])


def create_pod(cluster, name, short, on=None):
    namespace, body = pod(name, short)
    if on:
        body["spec"]["nodeName"] = on
    path = f"{CORE}/namespaces/{namespace}/pods"
    cluster.post(path, body, 201)
    return f"{path}/{name}"


def placed_on(cluster, path):
    return cluster.get(path)["spec"].get("nodeName")


def message_of(cluster, path):
    for condition in cluster.get(path)["status"].get("conditions", []):
        if condition["type"] == "PodScheduled" and condition["status"] == "False":
            return condition["message"]
    return None


def prepare(cluster, case):
    cluster.post("/scheduler", {"algorithm": case.get("algorithm", "kube" if "goes" in case else "first-fit")})
    for name, short in case["nodes"].items():
        cluster.post(CORE + "/nodes", node(name, short), 201)
    paths = {}
    for name, on, short in there(case.get("there", [])):
        paths[name] = create_pod(cluster, name, short, on)
    for budget in case.get("budgets", []):
        cluster.post("/apis/policy/v1/namespaces/default/poddisruptionbudgets", {
            "metadata": {"name": budget["app"]}, "spec": {"selector": {"matchLabels": {"app": budget["app"]}}, "minAvailable": budget["minAvailable"]}}, 201)
    for name, path in paths.items():
        if placed_on(cluster, path):
            eventually(lambda path=path: cluster.get(path)["status"]["phase"] == "Running")
    if "hangs" in case:
        cluster.post("/faults", {"kind": "hang", "nodes": case["hangs"], "for": 60}, 201)
    for name, on, short in there(case.get("before", [])):
        paths[name] = create_pod(cluster, name, short, on)
    if "hangs" not in case:
        eventually(lambda: not any("deletionTimestamp" in p["metadata"] for p in cluster.get(CORE + "/pods")["items"]))
    return paths


def check_set(cluster, case):
    """Which nodes would take it: those it goes to, one after the other, while each that it went to is cordoned."""
    left = [n for n in case["nodes"] if n in case["fits"]]
    assert set(left) == set(case["fits"])
    for i in range(len(left) + 1):
        path = create_pod(cluster, f"p{i}", case["pod"])
        assert placed_on(cluster, path) == (left[0] if left else None), message_of(cluster, path)
        cluster.ask("DELETE", path + "?gracePeriodSeconds=0")
        if left:
            assert cluster.ask("PATCH", f"{CORE}/nodes/{left.pop(0)}", {"spec": {"unschedulable": True}}, headers=PATCH).status == 200


def check_victims(cluster, case, paths, path):
    victims = case["victims"]
    gone = {n for n, p in paths.items() if cluster.ask("GET", p).status == 404 or cluster.get(p)["metadata"].get("deletionTimestamp")}
    assert gone == set(victims), message_of(cluster, path)
    if victims and "goes" in case:
        eventually(lambda: placed_on(cluster, path) == case["goes"])


@pytest.mark.parametrize("case", ALL)
def test_case(cluster, case):
    paths = prepare(cluster, case)
    if "fits" in case:
        return check_set(cluster, case)
    path = create_pod(cluster, "p", case["pod"])
    if "victims" in case:
        check_victims(cluster, case, paths, path)
    elif "goes" in case:
        assert placed_on(cluster, path) == case["goes"], message_of(cluster, path)
    if "refused" in case:
        assert placed_on(cluster, path) is None
        assert message_of(cluster, path) == case["refused"]
    for name, on in case.get("nominated", {}).items():
        assert cluster.get({**paths, "p": path}[name])["status"].get("nominatedNodeName") == on, name
    if "also" in case:  # pods that were there, and where they have come to
        for name, on in case["also"].items():
            assert placed_on(cluster, paths[name]) == on
    return None


@pytest.mark.parametrize("case", NATIVE)
def test_native(cluster, case):
    cluster.post("/scheduler", {"algorithm": "first-fit"})
    for name, short in case["nodes"].items():
        cores = short["cpu"] if isinstance(short, dict) else short
        cluster.post("/nodes", {"nodeId": name, "cpuCores": cores}, 201)
    for name, on, short in there(case.get("there", [])):
        for other in case["nodes"]:
            if on != other:
                cluster.ask("PATCH", f"{CORE}/nodes/{other}", {"spec": {"unschedulable": True}}, headers=PATCH)
        cluster.post("/pods", {"podId": name, "cpuRequired": float(short["cpu"])}, 201)
        for other in case["nodes"]:
            cluster.ask("PATCH", f"{CORE}/nodes/{other}", {"spec": {"unschedulable": False}}, headers=PATCH)
    reply = cluster.ask("POST", "/pods", {"podId": "p", "cpuRequired": case["pod"]["cpu"]})
    expected = next((n for n in case["nodes"] if n in case["fits"]), None)
    assert placed_on(cluster, CORE + "/namespaces/default/pods/p") == expected, reply.text
