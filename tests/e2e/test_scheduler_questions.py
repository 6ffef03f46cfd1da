# SPDX-License-Identifier: Apache-2.0
"""What people ask of the scheduler: explain, capacity, compare; by the native API and by kubesimctl."""
import json
import os
import subprocess
import xml.etree.ElementTree

import pytest

from conftest import BUILD, eventually

GI = 2**30


def pod(cpu="1", memory="1Gi", name="web", **spec):
    requests = {k: v for k, v in {"cpu": cpu, "memory": memory}.items() if v}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}},
            "spec": {"containers": [{"name": "c", "image": "nginx", "resources": {"requests": requests}}], **spec}}


def deployment(name, replicas, cpu="1", memory="1Gi", **spec):
    template = pod(cpu, memory, name, **spec)
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
                     "template": {"metadata": {"labels": {"app": name}}, "spec": template["spec"]}}}


def node(cluster, name, cpu, memory, labels=None, taints=(), unschedulable=False):
    cluster.post("/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels or {}},
                                   "spec": {"taints": list(taints), "unschedulable": unschedulable},
                                   "status": {"allocatable": {"cpu": cpu, "memory": memory, "pods": "110"},
                                              "capacity": {"cpu": cpu, "memory": memory, "pods": "110"}}}, 201)


def create(cluster, manifest):
    return cluster.post("/api/v1/namespaces/default/pods", manifest, 201)


@pytest.fixture
def cluster(kubesimd):
    """big: 8 CPUs and 16 Gi; two alike small ones: 2 CPUs, 4 Gi; one that is tainted, one that is cordoned."""
    node(kubesimd, "big", "8", "16Gi", {"size": "big"})
    node(kubesimd, "small1", "2", "4Gi", {"size": "small"})
    node(kubesimd, "small2", "2", "4Gi", {"size": "small"})
    node(kubesimd, "gpu", "8", "16Gi", taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}])
    node(kubesimd, "shut", "8", "16Gi", unschedulable=True)
    kubesimd.post("/scheduler", {"algorithm": "kube"})
    eventually(lambda: all(n["HealthStatus"] == "Healthy" for n in kubesimd.get("/nodes").values()))
    return kubesimd


def revision(cluster):
    return cluster.get("/api/v1/pods")["metadata"]["resourceVersion"], cluster.get("/scheduler"), cluster.get("/pods")


# --- explain ---

def test_explain_tells_the_filter_and_the_scores(cluster):
    before = revision(cluster)
    told = cluster.post("/explain", pod("4", "1Gi", tolerations=[{"key": "gpu", "operator": "Exists"}]))
    assert (told["algorithm"], told["nodes"], told["feasible"], told["winner"], told["message"]) == ("kube", 5, 2, "big", "")
    fits, small, shut = told["groups"]
    # cpu (8-4)/8 = 50 %, memory 15/16 = 93 %: mean 71; balanced: 1 - (4/8 - 1/16)/2 = 78 %; no taint left untolerated: 100, three times
    assert {s["plugin"]: (s["raw"], s["normalised"], s["weight"], s["weighted"]) for s in fits["scores"]} == {
        "NodeResourcesFit": (71, 71, 1, 71), "NodeResourcesBalancedAllocation": (78, 78, 1, 78), "ImageLocality": (0, 0, 1, 0),
        "TaintToleration": (0, 100, 3, 300), "NodeAffinity": (0, 0, 2, 0), "PodTopologySpread": (0, 0, 2, 0), "InterPodAffinity": (0, 0, 2, 0)}
    assert (fits["nodes"], fits["count"], fits["total"], fits["winner"]) == (["big", "gpu"], 2, 449, True)
    assert (small["nodes"], small["plugin"], small["reasons"]) == (["small1", "small2"], "NodeResourcesFit", ["Insufficient cpu"])
    assert (shut["nodes"], shut["plugin"], shut["reasons"]) == (["shut"], "NodeUnschedulable", ["node(s) were unschedulable"])
    assert revision(cluster) == before


@pytest.mark.parametrize("spec, plugin, reason, nodes", [
    ({"nodeSelector": {"size": "small"}}, "NodeAffinity", "node(s) didn't match Pod's node affinity/selector", ["big"]),
    ({}, "TaintToleration", "node(s) had untolerated taint {gpu: yes}", ["gpu"]),
])
def test_explain_names_the_plugin(cluster, spec, plugin, reason, nodes):
    groups = cluster.post("/explain", pod(**spec))["groups"]
    assert [(g["nodes"], g["reasons"]) for g in groups if g.get("plugin") == plugin] == [(nodes, [reason])]


def test_explain_normalises_over_all_nodes(cluster):
    """A preferred term of weight 5 holds on the small nodes: raw 5, normalised 100, twice."""
    preferred = [{"weight": 5, "preference": {"matchExpressions": [{"key": "size", "operator": "In", "values": ["small"]}]}}]
    told = cluster.post("/explain", pod("1", "1Gi", affinity={"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}))
    score = {g["nodes"][0]: next(s for s in g["scores"] if s["plugin"] == "NodeAffinity") for g in told["groups"] if g["fits"]}
    assert (score["small1"]["raw"], score["small1"]["normalised"], score["small1"]["weighted"]) == (5, 100, 200)
    assert score["big"]["weighted"] == 0
    assert all(g["total"] == sum(s["weighted"] for s in g["scores"]) for g in told["groups"] if g["fits"])


def test_explain_a_pod_that_is_not_to_be_placed_yet(cluster):
    create(cluster, pod(name="gated", schedulingGates=[{"name": "wait"}]))
    told = cluster.get("/pods/gated/explain")
    assert told["winner"] == "big" and "scheduling gates" in told["notes"][0]
    cluster.ask("PATCH", "/api/v1/namespaces/default/pods/gated", {"spec": {"schedulingGates": None}}, headers={"Content-Type": "application/merge-patch+json"})
    assert cluster.get("/pods/gated/explain")["notes"] == []


def test_explain_divides_as_kube_scheduler_does(cluster):
    """Of pod affinity 29 out of 100 are worth 28: the quotient is made first, in floating point."""
    for app, where in (("a", "big"), ("b", "small1")):
        create(cluster, {**pod("100m", "1Mi", app, nodeSelector={"kubernetes.io/hostname": where})})
    near = [{"weight": w, "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": app}}}}
            for app, w in (("a", 100), ("b", 29))]
    told = cluster.post("/explain?each=1", pod(affinity={"podAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": near}}))
    scores = {g["nodes"][0]: next(s["normalised"] for s in g["scores"] if s["plugin"] == "InterPodAffinity") for g in told["groups"] if g["fits"]}
    assert scores == {"big": 100, "small1": 28, "small2": 0}


def test_explain_is_what_happens(cluster):
    """The winner is where the pod goes, again and again, under each algorithm that leaves nothing to chance."""
    for i, a in enumerate(n for n in cluster.get("/scheduler")["algorithms"] if n not in ("random", "power-of-two-choices")):
        cluster.post("/scheduler", {"algorithm": a})
        manifest = pod("500m", "512Mi", f"p{i}")
        winner = cluster.post("/explain", manifest)["winner"]
        create(cluster, manifest)
        assert cluster.get(f"/pods/p{i}")["NodeID"] == winner, a


def test_explain_a_bound_pod(cluster):
    """It fills small1; its own room counts as free."""
    create(cluster, pod("2", "4Gi", nodeSelector={"size": "small"}))
    there = cluster.get("/pods/web")["NodeID"]
    told = cluster.get("/pods/web/explain")
    assert (told["boundTo"], told["winner"], told["feasible"]) == (there, "small1", 2)
    assert "NodeResourcesFit" in [g.get("plugin") for g in cluster.post("/explain", pod("2", "4Gi", nodeSelector={"size": "small"}))["groups"]]
    assert cluster.get("/pods/web")["NodeID"] == there


def test_explain_other_algorithms_and_limits(cluster):
    told = cluster.post("/explain?algorithm=best-fit", pod())
    assert [(g["nodes"], g["total"]) for g in told["groups"] if g["fits"]] == [(["small1", "small2"], -2000), (["big"], -8000)]
    assert "scores" not in told["groups"][0]
    told = cluster.post("/explain?each=1&limit=2", pod())
    assert [g["count"] for g in told["groups"]] == [1, 1] and told["groupsLeftOut"] == 3
    cluster.post("/pods", {"cpuRequired": 1, "podId": "native"}, 201)
    assert cluster.get("/pods/native/explain")["feasible"] == 3


def test_explain_when_nothing_fits(cluster):
    create(cluster, pod("20", name="huge"))
    reason = eventually(lambda: cluster.get("/pods/huge").get("Reason"))
    told = cluster.get("/pods/huge/explain")
    assert told["winner"] == "" and reason.startswith(told["message"]) and "3 Insufficient cpu" in told["message"]


# --- capacity ---

def fits(cluster, manifest, query=""):
    return {a["algorithm"]: a["fits"] for a in cluster.post("/capacity" + query, manifest)["algorithms"]}


def test_capacity_by_hand(cluster):
    # big has room for 4 by CPU and by memory, each small one for 1
    before = revision(cluster)
    assert set(fits(cluster, pod("2", "4Gi")).values()) == {6}
    answer = cluster.post("/capacity?algorithm=kube", pod("1", "3Gi"))["algorithms"]
    assert answer == [{"algorithm": "kube", "fits": 7, "limited": False, "reason":
                       "0/5 nodes are available: 1 node(s) had untolerated taint {gpu: yes}, 1 node(s) were unschedulable, 3 Insufficient memory."}]
    assert fits(cluster, pod("100")) == {a: 0 for a in cluster.get("/scheduler")["algorithms"]}
    assert revision(cluster) == before


def test_capacity_stops_at_its_limit(cluster):
    answer = cluster.post("/capacity?algorithm=kube,first-fit&limit=3", pod("1", "1Gi"))["algorithms"]
    assert [(a["algorithm"], a["fits"], a["limited"], a["reason"]) for a in answer] == [("kube", 3, True, ""), ("first-fit", 3, True, "")]


@pytest.mark.parametrize("spec", [
    {},
    {"tolerations": [{"key": "gpu", "operator": "Exists"}]},
    {"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
                                    "nodeTaintsPolicy": "Honor", "labelSelector": {"matchLabels": {"app": "web"}}}]},
    {"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}]}}},
])
def test_capacity_is_what_then_fits(cluster, spec):
    create(cluster, pod("500m", "1Gi", name="other"))
    n = fits(cluster, pod("1", "2Gi", **spec), "?algorithm=kube")["kube"]
    for i in range(n + 1):
        manifest = pod("1", "2Gi", **spec)
        manifest["metadata"]["name"] = f"web{i}"
        create(cluster, manifest)
    nodes = [cluster.get(f"/pods/web{i}")["NodeID"] for i in range(n + 1)]
    assert n > 0 and all(nodes[:n]) and not nodes[n]
    assert fits(cluster, pod("1", "2Gi", **spec), "?algorithm=kube")["kube"] == 0


def test_capacity_heeds_anti_affinity_of_pods_that_are_there(cluster):
    """Each of two pods keeps app=web away from its node."""
    away = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}]}}
    create(cluster, pod("100m", "128Mi", name="guard", affinity=away, nodeSelector={"size": "big"}))
    answer = cluster.post("/capacity?algorithm=kube", pod("1", "1Gi"))["algorithms"][0]
    assert answer["fits"] == 4 and "1 node(s) didn't satisfy existing pods anti-affinity rules" in answer["reason"]
    assert cluster.ask("DELETE", "/api/v1/namespaces/default/pods/guard?gracePeriodSeconds=0").status == 200
    eventually(lambda: "guard" not in cluster.get("/pods"))
    node(cluster, "late", "1", "4Gi")
    eventually(lambda: fits(cluster, pod("1", "1Gi"), "?algorithm=kube")["kube"] == 13)


def test_a_long_question_keeps_nobody_waiting(kubesimd):
    """Many pods on many nodes: others are answered meanwhile, and no more than four are worked on."""
    import threading
    import time
    for i in range(200):
        kubesimd.post("/nodes", {"cpuCores": 1000, "nodeId": f"n{i}"}, 201)
    done = []
    threads = [threading.Thread(target=lambda: done.append(kubesimd.ask("POST", "/capacity", pod("1m", None), timeout=60))) for _ in range(6)]
    for t in threads:
        t.start()
    longest = 0
    while any(t.is_alive() for t in threads):
        begin = time.monotonic()
        kubesimd.get("/version")
        longest = max(longest, time.monotonic() - begin)
    for t in threads:
        t.join()
    assert sorted(r.status for r in done) == [200] * 4 + [429] * 2
    assert all({a["fits"] for a in r.json["algorithms"]} == {200 * 110} for r in done if r.status == 200)
    assert longest < 1
    assert kubesimd.ask("POST", "/capacity?limit=1", pod("1m", None)).status == 200


# --- compare ---

def compare(cluster, manifest, query=""):
    answer = cluster.post("/compare" + query, manifest)
    assert "algorithms" in answer, answer
    return {a["algorithm"]: a for a in answer["algorithms"]}


def test_compare_by_hand(kubesimd):
    """Two nodes of 4 CPUs and 8 Gi, four pods of 1 CPU and 2 Gi: best-fit fills one, worst-fit halves both."""
    node(kubesimd, "a", "4", "8Gi")
    node(kubesimd, "b", "4", "8Gi")
    before = revision(kubesimd)
    told = compare(kubesimd, deployment("web", 4, "1", "2Gi"), "?algorithm=best-fit,worst-fit")
    assert list(told) == ["best-fit", "worst-fit"]
    best, worst = told.values()
    assert (best["placed"], best["pending"], best["nodesUsed"]) == (4, 0, 1) and (worst["placed"], worst["nodesUsed"]) == (4, 2)
    assert best["cpu"] == {"used": .5, "usedOfUsedNodes": 1, "fragmentation": 0, "deviation": .5}
    assert best["memory"] == best["cpu"]
    assert worst["cpu"] == {"used": .5, "usedOfUsedNodes": .5, "fragmentation": 0, "deviation": 0}
    # three CPUs a pod: one on each node, and the CPU that is left on each is of no use to a third
    told = compare(kubesimd, deployment("web", 3, "3", "2Gi"), "?algorithm=kube")["kube"]
    assert (told["placed"], told["pending"], told["nodesUsed"], told["firstPending"]) == (2, 1, 2, "Deployment default/web")
    assert told["cpu"] == {"used": .75, "usedOfUsedNodes": .75, "fragmentation": 1, "deviation": 0}
    assert told["reason"] == "0/2 nodes are available: 2 Insufficient cpu."
    assert revision(kubesimd) == before


def test_compare_reads_all_that_makes_pods(cluster):
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"},
           "spec": {"parallelism": 4, "completions": 2, "template": {"spec": {**pod("100m", "64Mi")["spec"], "restartPolicy": "Never"}}}}
    items = [deployment("a", 3, "100m", "64Mi"), {**pod("100m", "64Mi"), "count": 5}, job]
    for body in (items, {"apiVersion": "v1", "kind": "List", "items": items}, "\n---\n".join(json.dumps(i) for i in items),
                 "# comment\n---\n" + "\n---\n".join(json.dumps(i) for i in items) + "\n---\n"):
        answer = cluster.post("/compare?algorithm=kube", body)
        assert (answer["pods"], answer["usualPod"], answer["algorithms"][0]["placed"]) == (10, "Pod default/web", 10)


def test_compare_knows_a_deployments_new_version(kubesimd):
    """Its pods have a pod-template-hash of their own: those that are there are of another."""
    node(kubesimd, "a", "4", "8Gi")
    spread = [{"maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule", "minDomains": 2,
               "labelSelector": {"matchLabels": {"app": "web"}}, "matchLabelKeys": ["pod-template-hash"]}]
    create(kubesimd, pod())
    told = compare(kubesimd, deployment("web", 2, topologySpreadConstraints=spread), "?algorithm=kube")["kube"]
    assert (told["placed"], told["pending"]) == (1, 1)


def test_compare_is_repeatable(cluster):
    def numbers(query=""):
        told = cluster.post("/compare?" + query, [deployment("a", 3, "500m"), {**pod("1500m", "2Gi"), "count": 1}])
        for a in told["algorithms"]:
            a.pop("microsecondsPerPod")
        return told

    assert numbers() == numbers() and numbers("seed=7") == numbers("seed=7")
    random = {json.dumps(numbers(f"algorithm=random&seed={i}")) for i in range(20)}
    assert len(random) > 1


def test_compare_places_by_priority_and_tries_again(kubesimd):
    node(kubesimd, "a", "2", "8Gi")
    kubesimd.post("/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": "high"}, "value": 1000}, 201)
    told = compare(kubesimd, [{**pod("1", name="low"), "count": 2}, pod("2", name="high", priorityClassName="high")], "?algorithm=kube")["kube"]
    assert (told["placed"], told["firstPending"]) == (1, "Pod default/low")
    friend = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "b"}}}]}}
    told = compare(kubesimd, [pod("500m", name="a", affinity=friend), pod("500m", name="b")], "?algorithm=kube")["kube"]
    assert (told["placed"], told["pending"]) == (2, 0)


@pytest.mark.parametrize("path, body, status, words", [
    ("/explain", "", 400, "the body is empty"),
    ("/explain", "a: [", 400, "yaml: line"),
    ("/explain", "--- 3\n", 400, "must be an object"),
    ("/explain", {"kind": "Service", "apiVersion": "v1"}, 422, "it must be a Pod"),
    ("/explain", [pod(), pod()], 400, "more than one object"),
    ("/explain", pod("-1"), 422, "spec.containers[0].resources.requests"),
    ("/explain", pod(nodeName="big"), 422, "spec.nodeName"),
    ("/explain", {**pod(), "metadata": {"name": "x", "namespace": "none"}}, 404, 'namespaces "none" not found'),
    ("/explain?algorithm=none", pod(), 400, 'there is no algorithm "none"; there are: first-fit'),
    ("/explain?limit=0", pod(), 400, "limit= must be"),
    ("/capacity", deployment("a", 1), 422, "it must be a Pod"),
    ("/capacity?limit=x", pod(), 400, "limit= must be"),
    ("/capacity?algorithm=kube,", pod(), 400, "there is no algorithm"),
    ("/compare", [], 400, "there is no object"),
    ("/compare", [pod(), {**pod(), "spec": {"containers": []}}], 422, "object 2: Pod \"web\" is invalid: spec.containers: Required value"),
    ("/compare", {**pod(), "count": 0}, 422, "count: it must be"),
    ("/compare", {**pod(), "spec": {"containers": [{"name": "a", "image": "b", "cpu": 1}]}}, 400, 'unknown field "spec.containers[0].cpu"'),
    ("/compare", deployment("a", 2000000), 413, "more than 1000000 pods"),
    ("/compare", [[[pod()]]], 400, "lists may not be in lists"),
    ("/compare?seed=x", pod(), 400, "seed= must be"),
])
def test_bad_questions(cluster, path, body, status, words):
    before = revision(cluster)
    reply = cluster.ask("POST", path, body)
    assert reply.status == status and words in reply.json["detail"], reply.text
    assert revision(cluster) == before


def test_there_is_no_such_pod(cluster):
    assert cluster.ask("GET", "/pods/none/explain").status == 404


def test_viewers_may_ask(start, tmp_path):
    tokens = tmp_path / "tokens"
    tokens.write_text("seen-by-all-of-us viewer\n")
    kubesimd = start(tokens=str(tokens))
    kubesimd.post("/nodes", {"cpuCores": 1, "nodeId": "n"}, 201)
    for path in ("/explain", "/capacity", "/compare"):
        assert kubesimd.ask("POST", path, pod(), tcp=True).status == 401
        assert kubesimd.ask("POST", path, pod(), tcp=True, headers={"Authorization": "Bearer seen-by-all-of-us"}).status == 200


# --- kubesimctl ---

@pytest.fixture
def manifest(tmp_path):
    path = tmp_path / "workload.yaml"
    path.write_text("---\n" + json.dumps(deployment("a", 3)) + "\n---\n" + json.dumps({**pod("1", "2Gi"), "count": 2}))
    return str(path)


def test_ctl_explain(cluster, tmp_path):
    create(cluster, pod("2", "1Gi"))
    shown = cluster.ctl("explain", "we").stdout
    assert shown.startswith("web, by kube: 3 of 5 nodes fit, it would go to big\nIt is on big; this is as if it were to be placed now")
    lines = [line.split() for line in shown.splitlines()]
    assert ["*", "big", "1", "474", "-", "it", "would", "go", "here"] in lines
    assert ["NodeResourcesBalancedAllocation", "90", "90", "1", "90"] in lines
    assert ["gpu", "1", "-", "TaintToleration", "node(s)", "had", "untolerated", "taint", "{gpu:", "yes}"] in lines
    assert "\033" not in shown
    assert cluster.ctl("explain", "default/web").stdout == shown
    told = json.loads(cluster.ctl("--json=short", "explain", "--what-if", "--cpu=1", "--memory=3Gi", "--algorithm=first-fit").stdout)
    assert (told["algorithm"], told["feasible"]) == ("first-fit", 3)
    (tmp_path / "pod.json").write_text(json.dumps(pod("20")))
    assert "0/5 nodes are available" in cluster.ctl("explain", "--what-if", "-f", str(tmp_path / "pod.json")).stdout
    assert len(cluster.ctl("explain", "--what-if", "--cpu=20", "--all-nodes", "--no-legend").stdout.strip().splitlines()) == 2 + 5
    assert cluster.ctl("explain").returncode == 2 and cluster.ctl("explain", "--what-if").returncode == 2
    assert cluster.ctl("explain", "none").returncode == 3


def test_ctl_capacity(cluster, tmp_path):
    lines = [line.split()[:2] for line in cluster.ctl("capacity", "--cpu=2", "--memory=4Gi").stdout.splitlines()]
    assert lines[0] == ["ALGORITHM", "FITS"] and len(lines) == 13 and {n for _, n in lines[1:]} == {"6"}
    few = cluster.ctl("capacity", "--cpu=1", "--limit=2", "--algorithm=kube", "--algorithm=best-fit", "--no-legend").stdout
    assert [line.split()[:2] for line in few.splitlines()] == [["kube", "2"], ["best-fit", "2"]]
    (tmp_path / "pod.json").write_text(json.dumps(pod("2")))
    assert json.loads(cluster.ctl("--json=short", "capacity", "-f", str(tmp_path / "pod.json")).stdout)["algorithms"][0]["fits"] == 6
    assert cluster.ctl("capacity").returncode == 2
    assert cluster.ctl("capacity", "-f", "/none").returncode == 1
    assert "quantities must match" in cluster.ctl("capacity", "--cpu=x").stderr


def test_ctl_compare(cluster, manifest, tmp_path):
    svg = tmp_path / "c.svg"
    shown = cluster.ctl("compare", "-f", manifest, "--algorithms=kube,best-fit", f"--svg={svg}").stdout.splitlines()
    assert shown[0].split()[:4] == ["ALGORITHM", "PLACED", "PENDING", "PREEMPTED"]
    assert [line.split()[:3] for line in shown[1:]] == [["kube", "5", "0"], ["best-fit", "5", "0"]]
    root = xml.etree.ElementTree.parse(svg).getroot()
    texts = [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")]
    assert root.tag.endswith("svg") and "Pods placed" in texts and texts.count("kube") == 8 and texts.count("best-fit") == 8
    assert len(list(root.iter("{http://www.w3.org/2000/svg}rect"))) == 1 + 8 * 2
    assert json.loads(cluster.ctl("--json=short", "compare", f"--file={manifest}").stdout)["pods"] == 5
    assert cluster.ctl("compare").returncode == 2
    (tmp_path / "unsaid.json").write_text(json.dumps({k: v for k, v in deployment("web", 1, "1", "1Gi").items() if k != "apiVersion"}))
    assert '"apiVersion" is missing: a Deployment is of apps/v1' in cluster.ctl("compare", "-f", str(tmp_path / "unsaid.json")).stderr
    r = cluster.ctl("compare", "-f", manifest, "--svg=/none/x")
    assert r.returncode == 1 and "Failed to write /none/x" in r.stderr and not r.stdout
    (tmp_path / "big.json").write_text(json.dumps(deployment("big", 2, "999", "1Gi")))
    told = json.loads(cluster.ctl("--json=short", "compare", "-f", str(tmp_path / "big.json"), "--algorithms=kube").stdout)["algorithms"][0]
    assert told["pending"] == 2 and f"kube: {told['firstPending']} waits: {told['reason']}\n" in cluster.ctl("compare", "-f", str(tmp_path / "big.json"), "--algorithms=kube").stdout


def test_ctl_scheduler_says_what_each_does(cluster):
    lines = cluster.ctl("scheduler").stdout.splitlines()
    assert len(lines) == 12 and any(line.startswith("* kube  ") and "kube-scheduler's default profile" in line for line in lines)


def test_completion_knows_the_algorithms(cluster, tmp_path):
    """bash itself completes, with the program of this build in the path."""
    source = os.path.join(os.path.dirname(__file__), "../../src/kubesimctl/completion.bash")
    script = f"""source {source}
        COMP_WORDS=(kubesimctl --socket={cluster.socket} "$@"); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); compopt() {{ :; }}
        _kubesimctl; printf '%s\\n' "${{COMPREPLY[@]}}" """

    def complete(*words):
        return subprocess.run(["bash", "-c", script, "bash", *words], capture_output=True, text=True,
                              env={"PATH": os.path.abspath(BUILD) + ":" + os.environ["PATH"]}).stdout.split()

    assert complete("scheduler", "f") == ["first-fit", "fragmentation-gradient-descent"]
    assert complete("scheduler", "ku") == ["kube"]
    assert complete("compare", "--algorithms=kube,best") == ["kube,best-fit"]


# --- Gangs and preemption ---

def gang(name, minimum, cpu="1", group="g", **spec):
    return {**pod(cpu, name=name, **spec), "metadata": {"name": name, "annotations": {
        "kubesim.io/pod-group": group, "kubesim.io/pod-group-min-member": str(minimum)}}}


def test_compare_places_gangs_all_or_none(kubesimd):
    """With those of the gang that are there already; tests/unit/core/test-what-if.c holds it against the live scheduler."""
    for name in "ab":
        node(kubesimd, name, "2", "8Gi")
    few = [{**gang("few", 5), "count": 5}, pod("1", name="single")]
    told = compare(kubesimd, few, "?algorithm=kube")["kube"]
    assert (told["placed"], told["pending"], told["firstPending"]) == (1, 5, "Pod default/few")
    enough = [{**gang("some", 4), "count": 2}, {**gang("others", 4, "500m"), "count": 3}]
    assert compare(kubesimd, enough, "?algorithm=kube,best-fit,random")["best-fit"]["placed"] == 5
    told = compare(kubesimd, [{**gang("alone", 3), "count": 2}], "?algorithm=kube")["kube"]
    assert (told["placed"], told["pending"]) == (0, 2)  # they wait for a third
    assert fits(kubesimd, gang("x", 4), "?algorithm=kube")["kube"] == 4
    assert fits(kubesimd, gang("x", 5), "?algorithm=kube")["kube"] == 0
    for i in range(2):
        create(kubesimd, gang(f"live-{i}", 2))
    eventually(lambda: all(p["spec"].get("nodeName") for p in kubesimd.get("/api/v1/pods")["items"]))
    assert compare(kubesimd, [{**gang("alone", 3), "count": 1}], "?algorithm=kube")["kube"]["placed"] == 1  # two are there already


def priority(cluster, name, value, **more):
    cluster.post("/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": name}, "value": value, **more}, 201)


def placed_pods(cluster):
    return {p["metadata"]["name"]: p["spec"]["nodeName"] for p in cluster.get("/api/v1/pods")["items"]
            if "nodeName" in p["spec"] and "deletionTimestamp" not in p["metadata"]}


def test_compare_sends_away_whom_the_scheduler_does(kubesimd):
    """The least harm, heeding budgets, and no more than have to go; then the scheduler does it."""
    for name, value in (("low", 10), ("middle", 50), ("high", 1000)):
        priority(kubesimd, name, value)
    for name in "abc":
        node(kubesimd, name, "2", "8Gi")
    for name, where, labels, cls in (("a1", "a", "kept", "low"), ("a2", "a", "kept", "low"), ("b1", "b", "free", "low"), ("b2", "b", "free", "middle"),
                                     ("c1", "c", "c", "high"), ("c2", "c", "c", "high")):
        manifest = pod("1", name=name, nodeName=where, priorityClassName=cls)
        manifest["metadata"]["labels"] = {"app": labels}
        create(kubesimd, manifest)
    kubesimd.post("/apis/policy/v1/namespaces/default/poddisruptionbudgets", {
        "metadata": {"name": "kept"}, "spec": {"selector": {"matchLabels": {"app": "kept"}}, "minAvailable": 2}}, 201)
    eventually(lambda: all(p["status"]["phase"] == "Running" for p in kubesimd.get("/api/v1/pods")["items"]))
    eventually(lambda: kubesimd.get("/apis/policy/v1/namespaces/default/poddisruptionbudgets/kept")["status"].get("currentHealthy") == 2)
    before = revision(kubesimd)
    for count, gone in ((1, {"b1"}), (2, {"b1", "b2"}), (4, {"b1", "b2", "a1", "a2"}), (5, {"b1", "b2", "a1", "a2"})):
        work = {**pod("1", name="x", priorityClassName="high"), "count": count}
        for algorithm, told in compare(kubesimd, work, "?algorithm=kube,first-fit,random").items():
            assert (told["placed"], told["preempted"], told["pending"]) == (min(count, 4), len(gone), max(count - 4, 0)), algorithm
    told = compare(kubesimd, [{**pod("1", name="x", priorityClassName="high"), "count": 2}, {**pod("1", name="y", priorityClassName="middle"), "count": 3}],
                   "?algorithm=kube")["kube"]
    assert (told["placed"], told["preempted"], told["pending"]) == (4, 4, 1)  # a1 and a2 go for y
    assert "No preemption victims" not in told["reason"] and told["firstPending"] == "Pod default/y"
    assert revision(kubesimd) == before
    for i, gone in enumerate(({"b1"}, {"b1", "b2"})):
        create(kubesimd, pod("1", name=f"x{i}", priorityClassName="high"))
        eventually(lambda: f"x{i}" in placed_pods(kubesimd))
        assert {"a1", "a2", "b1", "b2"} - set(placed_pods(kubesimd)) == gone


def test_compare_sends_away_what_it_has_placed(kubesimd):
    """A pod that is tried again later takes the room of one of the workload with a lower priority; native pods stay."""
    priority(kubesimd, "high", 1000)
    node(kubesimd, "a", "2", "8Gi", {"disk": "ssd"})
    kubesimd.post("/nodes", {"nodeId": "native", "cpuCores": 1}, 201)
    kubesimd.ask("PATCH", "/api/v1/nodes/a", {"spec": {"unschedulable": True}}, headers={"Content-Type": "application/merge-patch+json"})
    kubesimd.post("/pods", {"podId": "own", "cpuRequired": 1}, 201)
    kubesimd.ask("PATCH", "/api/v1/nodes/a", {"spec": {"unschedulable": False}}, headers={"Content-Type": "application/merge-patch+json"})
    friend = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "friend"}}}]}}
    told = compare(kubesimd, [pod("1", name="high", priorityClassName="high", affinity=friend), pod("1", name="friend", priorityClassName="high"),
                              pod("1", name="low")], "?algorithm=kube")["kube"]
    assert (told["placed"], told["pending"], told["preempted"], told["firstPending"]) == (2, 1, 0, "Pod default/low")


def test_what_is_worked_out_of_preemption(kubesimd, tmp_path):
    node(kubesimd, "a", "2", "8Gi")
    kubesimd.post("/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": "high"}, "value": 1000}, 201)
    kubesimd.post("/apis/scheduling.k8s.io/v1/priorityclasses", {"metadata": {"name": "meek"}, "value": 1000, "preemptionPolicy": "Never"}, 201)
    create(kubesimd, pod("2", name="low"))
    eventually(lambda: kubesimd.get("/api/v1/namespaces/default/pods/low")["spec"].get("nodeName"))
    work = [{**pod("1", name="high", priorityClassName="high"), "count": 3}, {**pod("1", name="meek", priorityClassName="meek"), "count": 5}, pod("1")]
    told = compare(kubesimd, work, "?algorithm=kube")["kube"]
    assert (told["placed"], told["pending"], told["preempted"]) == (2, 7, 1)
    path = tmp_path / "w.json"
    path.write_text(json.dumps(work))
    assert kubesimd.ctl("compare", "-f", str(path), "--algorithms=kube").stdout.splitlines()[1].split()[:4] == ["kube", "2", "7", "1"]
    notes = kubesimd.post("/explain", gang("x", 2, priorityClassName="high"))["notes"]
    assert len(notes) == 2 and "pod group" in notes[0] and "lower priority" in notes[1]
    path.write_text(json.dumps(pod("1", priorityClassName="high")))
    assert "Note: pods of a lower priority" in kubesimd.ctl("explain", "--what-if", "-f", str(path)).stdout
    assert kubesimd.post("/explain", pod("1", priorityClassName="meek"))["notes"] == []
