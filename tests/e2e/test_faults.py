# SPDX-License-Identifier: Apache-2.0
"""Virtual nodes after a template, and the faults that are injected into them."""
import concurrent.futures
import json
import signal
import time

import pytest

from conftest import UnixConnection, eventually
from test_api import problem

TEMPLATE = """\
apiVersion: v1
kind: Node
metadata:
  labels: {disk: ssd, "generation": "3"}   # a comment
spec:
  taints:
  - key: gpu
    value: 'yes'
    effect: NoSchedule
status:
  capacity: {cpu: "64", memory: 256Gi}
"""


def health(kubesimd):
    count = {}
    for n in kubesimd.get("/nodes").values():
        count[n["HealthStatus"]] = count.get(n["HealthStatus"], 0) + 1
    return count


@pytest.fixture
def kubesimd(start):
    return start("Access.Anonymous=admin", "Cluster.RemoveAfterSec=500ms")


def add(kubesimd, count=10, prefix="v", **more):
    return kubesimd.post("/nodes/batch", {"prefix": prefix, "count": count, **more}, 201)


def test_batch(kubesimd):
    node = {"metadata": {"labels": {"zone": "a"}}, "spec": {"taints": [{"key": "k", "value": "v", "effect": "PreferNoSchedule"}]},
            "status": {"capacity": {"cpu": "8", "memory": "32Gi"}, "allocatable": {"cpu": "8", "memory": "30Gi"}}}
    assert add(kubesimd, 2000, "sim-", node=node)["added"] == 2000
    again = kubesimd.post("/nodes/batch", {"prefix": "sim-", "first": 1990, "count": 20, "node": node}, 201)
    assert (again["added"], again["existed"], again["next"]) == (10, 10, 2010)
    assert kubesimd.post("/nodes/batch", {"prefix": "sim-", "count": 5}, 200)["existed"] == 5
    seen = kubesimd.get("/api/v1/nodes/sim-7")
    assert seen["metadata"]["labels"] == {"zone": "a", "kubernetes.io/hostname": "sim-7", "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
                                          "kubesim.io/backing": "virtual"}
    assert seen["spec"]["taints"] == node["spec"]["taints"]
    assert seen["status"]["capacity"]["memory"] == "32Gi" and seen["status"]["allocatable"]["memory"] == "30Gi" and seen["status"]["capacity"]["cpu"] == "8"
    assert len(kubesimd.get("/api/v1/nodes?labelSelector=zone%3Da,kubernetes.io/hostname%3Dsim-9")["items"]) == 1
    assert len([e for e in kubesimd.get("/events")["events"] if e["reason"] == "NodesAdded"]) == 2
    before = {n["metadata"]["name"]: n["metadata"] for n in kubesimd.get("/api/v1/nodes")["items"]}
    kubesimd.restart(signal.SIGKILL)
    assert {n["metadata"]["name"]: n["metadata"] for n in kubesimd.get("/api/v1/nodes")["items"]} == before
    patch = kubesimd.ask("PATCH", "/api/v1/nodes/sim-7", {"metadata": {"labels": {"zone": "b"}}}, {"Content-Type": "application/merge-patch+json"})
    assert patch.json["metadata"]["labels"]["zone"] == "b" and patch.json["metadata"]["labels"]["kubernetes.io/hostname"] == "sim-7"
    assert kubesimd.get("/api/v1/nodes/sim-8")["metadata"]["labels"]["zone"] == "a"


@pytest.mark.parametrize("body,status,field,text", [
    ({"prefix": "v", "count": 0}, 400, "count", "1 to 2000"), ({"prefix": "v", "count": 2001}, 400, "count", "1 to 2000"),
    ({"count": 1}, 400, "prefix", ""), ({"prefix": "V", "count": 1}, 400, "prefix", "RFC 1123"), ({"prefix": "v", "count": 1, "first": -1}, 400, "first", ""),
    ({"prefix": "v", "count": 1, "cpuCores": 1e9}, 400, None, ""), ({"prefix": "v", "count": 1, "x": 1}, 400, "x", ""),
    ({"prefix": "v", "count": 1, "node": {"spec": {"tains": []}}}, 400, None, 'unknown field "spec.tains"'),
    ({"prefix": "v", "count": 1, "node": {"spec": {"taints": [{"key": "a", "effect": "No"}]}}}, 422, None, "node.spec.taints[0].effect"),
    ({"prefix": "v", "count": 1, "node": {"metadata": {"labels": {"a b": "c"}}}}, 422, None, "node.metadata.labels"),
    ({"prefix": "v", "count": 1, "node": {"status": {"capacity": {"cpu": "-1"}}}}, 422, None, "node.status.capacity[cpu]")])
def test_wrong_batches(kubesimd, body, status, field, text):
    assert text in problem(kubesimd.ask("POST", "/nodes/batch", body), status, field)
    assert kubesimd.get("/nodes") == {}


def test_hang_stop_and_recover(kubesimd):
    add(kubesimd, 10)
    hang = kubesimd.post("/faults", {"kind": "hang", "nodes": ["v0", "v1", "v2"]}, 201)
    stop = kubesimd.post("/faults", {"kind": "stop", "nodes": ["v1", "v5"], "for": 1.5}, 201)
    assert hang["nodes"] == 3 and stop["nodes"] == 1 and stop["faulty"] == 1
    eventually(lambda: health(kubesimd) == {"Healthy": 6, "Unhealthy": 3, "Stopped": 1})
    listed = {f["fault"]: f for f in kubesimd.get("/faults")["faults"]}
    assert listed[hang["fault"]]["nodes"] == 3 and "until" in listed[stop["fault"]] and "until" not in listed[hang["fault"]]
    eventually(lambda: health(kubesimd) == {"Healthy": 7, "Unhealthy": 3})  # the one ended by itself
    kubesimd.restart(signal.SIGKILL)
    eventually(lambda: health(kubesimd) == {"Healthy": 7, "Unhealthy": 3})
    time.sleep(0.7)  # RemoveAfterSec= does not count for them
    assert health(kubesimd) == {"Healthy": 7, "Unhealthy": 3}
    problem(kubesimd.ask("POST", "/nodes/v0/restart"), 409)
    assert kubesimd.post("/faults/recover", {"nodes": ["v0"]})["nodes"] == 1
    eventually(lambda: health(kubesimd) == {"Healthy": 8, "Unhealthy": 2})
    assert kubesimd.ask("DELETE", f"/faults/{hang['fault']}").status == 200
    problem(kubesimd.ask("DELETE", f"/faults/{hang['fault']}"), 404, "fault")
    eventually(lambda: health(kubesimd) == {"Healthy": 10})
    reasons = [e["reason"] for e in kubesimd.get("/events")["events"]]
    assert "FaultEnded" in reasons
    eventually(lambda: "A fault was injected: hang-" in kubesimd.log)


def test_of_very_many_nodes(kubesimd):
    """More than are looked at in one turn of the loop: orders wait for one another, and whoever does not wait for an answer gets none."""
    for first in range(0, 24000, 2000):
        add(kubesimd, 2000, first=first, node={"metadata": {"labels": {"zone": "ab"[first // 2000 % 2]}}})
    with concurrent.futures.ThreadPoolExecutor() as pool:
        replies = list(pool.map(lambda kind: kubesimd.ask("POST", "/faults", {"kind": kind, "selector": "zone=a", "count": 5000}), ("slow", "hang", "slow")))
    assert [r.status for r in replies] == [201] * 3
    assert sorted((r.json["nodes"], r.json["faulty"]) for r in replies) == [(2000, 10000), (5000, 0), (5000, 5000)]
    problem(kubesimd.ask("POST", "/faults", {"kind": "slow", "selector": "zone=a"}), 404)
    assert sorted(f["nodes"] for f in kubesimd.get("/faults")["faults"]) == [2000, 5000, 5000]
    impatient = UnixConnection(kubesimd.socket)
    impatient.request("POST", "/faults", json.dumps({"kind": "slow", "selector": "zone=b"}), {"Content-Type": "application/json"})
    impatient.close()
    assert kubesimd.post("/faults/recover", {"all": True})["nodes"] >= 12000
    eventually(lambda: kubesimd.post("/faults/recover", {"all": True})["nodes"] == 0 and kubesimd.get("/faults") == {"faults": []})


def test_by_selector_and_by_lot(kubesimd):
    for zone in "ab":
        add(kubesimd, 20, f"{zone}-", node={"metadata": {"labels": {"zone": zone}}})
    kubesimd.beat("agent", instance="k/1")
    assert kubesimd.post("/faults", {"kind": "stop", "selector": "zone=a", "count": 7, "seed": 1}, 201)["nodes"] == 7
    eventually(lambda: sum(n["HealthStatus"] == "Stopped" for n in kubesimd.get("/nodes").values()) == 7)
    stopped = {n["ID"] for n in kubesimd.get("/nodes").values() if n["HealthStatus"] == "Stopped"}
    assert all(s.startswith("a-") for s in stopped)
    assert kubesimd.post("/faults/recover", {"selector": "zone in (a)"})["nodes"] == 7
    again = kubesimd.post("/faults", {"kind": "stop", "selector": "zone=a", "count": 7, "seed": 1}, 201)
    eventually(lambda: {n["ID"] for n in kubesimd.get("/nodes").values() if n["HealthStatus"] == "Stopped"} == stopped)
    rest = kubesimd.post("/faults", {"kind": "stop", "all": True}, 201)
    assert (rest["nodes"], rest["agents"], rest["faulty"]) == (33, 1, 7)
    assert again["fault"] != rest["fault"]


def test_flap_and_slow(kubesimd):
    add(kubesimd, 4)
    kubesimd.post("/faults", {"kind": "flap", "nodes": ["v0"], "period": 0.3}, 201)
    kubesimd.post("/faults", {"kind": "slow", "nodes": ["v1"], "delay": 1.5}, 201)
    seen = {"v0": set(), "v1": set()}
    eventually(lambda: [seen[n].add(kubesimd.get(f"/nodes/{n}")["HealthStatus"]) for n in seen] and all(len(s) == 2 for s in seen.values()), 8)
    assert kubesimd.get("/nodes/v2")["HealthStatus"] == kubesimd.get("/nodes/v3")["HealthStatus"] == "Healthy"


@pytest.mark.parametrize("body,status,text", [
    ({"kind": "explode", "all": True}, 400, "hang, stop, slow or flap"), ({"kind": "hang"}, 400, "say which nodes"), ({"kind": "hang", "nodes": ["x"]}, 404, "no node \"x\""),
    ({"kind": "hang", "nodes": ["agent"]}, 409, "kubesim-agent@agent"), ({"kind": "hang", "selector": "a ("}, 400, "selector"),
    ({"kind": "hang", "selector": "a=b"}, 404, "no node is chosen"), ({"kind": "hang", "all": True, "delay": 1}, 400, "slow only"),
    ({"kind": "slow", "all": True, "period": 1}, 400, "flap only"), ({"kind": "hang", "all": True, "for": 1e9}, 400, "a year")])
def test_wrong_faults(kubesimd, body, status, text):
    kubesimd.post("/nodes", {"cpuCores": 1, "nodeId": "v"}, 201)
    kubesimd.beat("agent")
    assert text in problem(kubesimd.ask("POST", "/faults", body), status)
    assert kubesimd.get("/faults") == {"faults": []}


def test_agents_only(kubesimd):
    kubesimd.beat("agent")
    assert "systemctl stop, freeze or kill" in problem(kubesimd.ask("POST", "/faults", {"kind": "hang", "all": True}), 404)


def test_kubesimctl(kubesimd, tmp_path):
    (tmp_path / "node.yaml").write_text(TEMPLATE)
    (tmp_path / "node.json").write_text(json.dumps({"metadata": {"generateName": "j-"}}))
    (tmp_path / "bad.yaml").write_text("a: [1\nb: 2")
    (tmp_path / "bomb.yaml").write_text("a: &a [x]\nb: [*a,*a]")
    assert kubesimd.ctl("add-node", "--prefix=s-", "--count=2500", "--cpu=2", "--memory=8Gi", "--labels=zone=a,tier=x", "--taints=k=v:NoSchedule,l:NoExecute").stdout \
        == "2500 nodes added\n"
    node = kubesimd.get("/api/v1/nodes/s-2499")
    assert node["metadata"]["labels"]["tier"] == "x" and node["status"]["capacity"]["memory"] == "8Gi" and node["status"]["capacity"]["cpu"] == "2"
    assert [(t["key"], t.get("value"), t["effect"]) for t in node["spec"]["taints"]] == [("k", "v", "NoSchedule"), ("l", None, "NoExecute")]
    assert kubesimd.ctl("add-node", "--prefix=s-", "--count=2501").stdout == "1 nodes added, 2500 existed already\n"
    assert kubesimd.ctl("add-node", "-f", tmp_path / "node.yaml", "--prefix=y-", "--count=3", "--labels=zone=b").returncode == 0
    node = kubesimd.get("/api/v1/nodes/y-2")
    assert node["metadata"]["labels"]["disk"] == "ssd" and node["metadata"]["labels"]["generation"] == "3" and node["metadata"]["labels"]["zone"] == "b"
    assert node["spec"]["taints"][0]["value"] == "yes" and node["status"]["capacity"]["memory"] == "256Gi" and node["status"]["capacity"]["cpu"] == "64"
    assert kubesimd.ctl("add-node", f"--file={tmp_path}/node.json").stdout == "1 nodes added\n" and kubesimd.get("/nodes/j-0")
    for args, code, text in ((["--file=/nonexistent"], 1, "No such file"), ([f"--file={tmp_path}/bad.yaml"], 1, "line 2"), ([f"--file={tmp_path}/bomb.yaml"], 1, "aliases"),
                             (["--prefix=x-", "--labels=x"], 2, "KEY=VALUE"), (["--prefix=x-", "--taints=x"], 2, "EFFECT"), (["--prefix=x-", "name"], 2, "either names"),
                             (["--prefix=x-", "--first=a"], 2, "--first="), (["--prefix=x-", "--taints=x:Y"], 1, "node.spec.taints[0].effect")):
        r = kubesimd.ctl("add-node", *args)
        assert r.returncode == code and text in r.stderr, (args, r)
    assert "injected into 10 nodes" in kubesimd.ctl("fail-node", "-l", "zone=a", "--count=10", "--seed=5", "--for=1min").stdout
    assert "injected into 1 nodes" in kubesimd.ctl("fail-node", "y-0", "--kind=flap", "--period=1s").stdout
    table = kubesimd.ctl("list-faults", "--no-legend").stdout
    assert "zone=a" in table and "flap-" in table
    r = kubesimd.ctl("fail-node", "--count=1")
    assert "--seed=" in r.stderr and r.returncode == 0
    for args, text in (([], "Say which nodes"), (["y-1", "--all"], "either names"), (["--all", "--for=x"], "--for=x"), (["--all", "--seed=x"], "--seed=x")):
        r = kubesimd.ctl("fail-node", *args)
        assert r.returncode == 2 and text in r.stderr, r
    assert kubesimd.ctl("recover-node", "y-0").stdout == "1 nodes recovered\n"
    assert kubesimd.ctl("recover-node", "--all").stdout == "11 nodes recovered\n"
    assert "No faults" in kubesimd.ctl("list-faults").stdout
    assert kubesimd.ctl("remove-node", "--prefix=y-").stdout == "3 nodes removed\n"
    assert kubesimd.ctl("remove-node", "-l", "zone=a", "--prefix=s-24").stdout == "111 nodes removed\n"
    assert kubesimd.ctl("remove-node", "--prefix=y-").returncode == 3
    assert kubesimd.ctl("remove-node").returncode == 2


def test_one_node_is_described_as_many_are(kubesimd):
    """--memory=, --labels= and --taints= hold with names, too, and without any; show-node shows them."""
    args = ["--cpu=2", "--memory=4Gi", "--labels=zone=a", "--taints=k=v:NoSchedule,l:NoExecute"]
    assert kubesimd.ctl("add-node", *args, "a", "b").stdout == "a\nb\n"
    made = kubesimd.ctl("add-node", *args, "--count=2").stdout.split()
    assert len(set(made)) == 2
    for name in ["a", "b", *made]:
        node = kubesimd.get(f"/api/v1/nodes/{name}")
        assert node["status"]["capacity"]["memory"] == node["status"]["allocatable"]["memory"] == "4Gi" and node["metadata"]["labels"]["zone"] == "a"
        assert node["status"]["capacity"]["cpu"] in ("2", "2000m") and [t["key"] for t in node["spec"]["taints"]] == ["k", "l"]
    shown = kubesimd.ctl("show-node", "a").stdout
    for part in ("memory=4Gi", "zone=a", "Taint: k=v:NoSchedule", "Taint: l:NoExecute", "Allocatable: "):
        assert part in shown, shown
    r = kubesimd.ctl("add-node", *args, "a")
    assert r.returncode == 4 and "already exists" in r.stderr
    assert kubesimd.ctl("add-node", "--labels=zone", "c").returncode == 2
    assert kubesimd.ctl("add-node", "--memory=lots", "c").returncode not in (0, 2)


def test_free_is_what_may_be_allocated(kubesimd):
    kubesimd.post("/api/v1/nodes", {"metadata": {"name": "n"}, "status": {"capacity": {"cpu": "16"}, "allocatable": {"cpu": "15500m"}}}, 201)
    assert kubesimd.get("/nodes/n")["CPUCores"] == 16 and kubesimd.get("/nodes/n")["AvailableCPU"] == 15.5


def test_too_many_nodes(start):
    """None of a request that would exceed MaxNodes= is added, and kubesimctl says how many were added before."""
    kubesimd = start("Limits.MaxNodes=3000")
    r = kubesimd.ask("POST", "/nodes/batch", {"prefix": "a-", "count": 2000})
    assert r.status == 201
    r = kubesimd.ask("POST", "/nodes/batch", {"prefix": "b-", "count": 1001})
    assert r.status == 429 and "none of them was added" in r.json["detail"] and len(kubesimd.get("/nodes")) == 2000
    r = kubesimd.ctl("add-node", "--prefix=a-", "--count=5000")
    assert r.returncode == 1 and "0 of the 5000 nodes were added before that" in r.stderr
    assert kubesimd.ask("POST", "/nodes/batch", {"prefix": "a-", "first": 1999, "count": 1001}).json["added"] == 1000
    assert kubesimd.ctl("remove-node", "--prefix=a-29", "--json=short").stdout == '{"removed":111}\n'


def test_answers_as_json(kubesimd):
    """What makes no use of an answer of the API's own says it as JSON, too."""
    said = json.loads(kubesimd.ctl("version", "--json=short").stdout)
    assert said["kubesimctl"] == said["kubesimd"] == kubesimd.get("/version")["version"]
    assert list(json.loads(kubesimd.ctl("version", "--json=short", "--quiet").stdout)) == ["kubesimctl"]
    said = json.loads(kubesimd.ctl("token", "--json=short", "--role=node:a*").stdout)
    assert len(said["token"]) == 64 and said["role"] == "node:a*"
