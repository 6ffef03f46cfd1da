# SPDX-License-Identifier: Apache-2.0
"""The Kubernetes front door, as kubectl sees it, and by itself where kubectl does not look."""
import glob
import itertools
import json
import os
import re
import shutil
import subprocess
import threading
import time

import pytest

from conftest import BUILD, UnixConnection, eventually, free_port

# Every kubectl at hand: Debian's, and versioned ones beside it.
KUBECTL = shutil.which("kubectl") or "kubectl"
KUBECTLS = sorted({KUBECTL, *glob.glob(os.path.realpath(KUBECTL) + ".1.*")})
if int(os.environ.get("KUBESIM_ROUNDS", "6")) < 6:  # the sanitizers look at the daemon: the unversioned one and the newest will do
    KUBECTLS = sorted({KUBECTLS[0], KUBECTLS[-1]})
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}


@pytest.fixture
def cluster(kubesimd):
    for n in ("n1", "n2"):
        kubesimd.post("/nodes", {"cpuCores": 4, "nodeId": n}, 201)
    kubesimd.post("/scheduler", {"algorithm": "first-fit"})  # both on n1
    for p, cpu in (("web", 2), ("db", 0.5)):
        kubesimd.post("/pods", {"cpuRequired": cpu, "podId": p}, 201)
    eventually(lambda: all(p["Status"] == "Running" for p in kubesimd.get("/pods").values()))
    return kubesimd


@pytest.fixture(params=KUBECTLS, ids=os.path.basename)
def kubectl(request, cluster, tmp_path):
    def run(*args, code=0):
        done = subprocess.run([request.param, f"--server={cluster.url}", f"--cache-dir={tmp_path}/cache", *args], capture_output=True, text=True,
                              timeout=60, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": "/dev/null"})
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    run.path = request.param
    return run


def rows(text):
    return [line.split() for line in text.splitlines()]


def test_get(kubectl):
    assert rows(kubectl("get", "nodes"))[0] == ["NAME", "STATUS", "ROLES", "AGE", "VERSION"]
    assert [r[:3] for r in rows(kubectl("get", "no", "--no-headers"))] == [["n1", "Ready", "<none>"], ["n2", "Ready", "<none>"]]
    assert rows(kubectl("get", "nodes", "-o", "wide"))[0][-2:] == ["KERNEL-VERSION", "CONTAINER-RUNTIME"]
    assert [r[:4] for r in rows(kubectl("get", "pods"))] == [["NAME", "READY", "STATUS", "RESTARTS"], ["db", "1/1", "Running", "0"],
                                                             ["web", "1/1", "Running", "0"]]
    wide = rows(kubectl("get", "po", "-A", "-o", "wide", "--no-headers"))
    assert wide[0][0] == "default" and wide[0][7] == "n1"
    assert kubectl("get", "pods", "-o", "name").split() == ["pod/db", "pod/web"]
    assert kubectl("get", "pod", "web", "-o", "jsonpath={.spec.nodeName} {.status.phase} {.spec.containers[0].resources.requests.cpu}") == "n1 Running 2"
    assert json.loads(kubectl("get", "pod", "db", "-o", "json"))["spec"]["containers"][0]["resources"]["requests"]["cpu"] == "500m"
    assert "No resources found" in kubectl("-n", "other", "get", "pods")
    assert "pod/web" in kubectl("get", "all", "-o", "name")
    assert kubectl("get", "pods", "--sort-by=.metadata.name", "-o", "name").split() == ["pod/db", "pod/web"]


def test_selectors(kubectl):
    assert kubectl("get", "nodes", "-o", "name", "-l", "kubernetes.io/hostname=n2").split() == ["node/n2"]
    assert kubectl("get", "nodes", "-o", "name", "-l", "kubernetes.io/hostname in (n1, n2),kubernetes.io/os").split() == ["node/n1", "node/n2"]
    assert kubectl("get", "nodes", "-o", "name", "-l", "kubernetes.io/hostname notin (n1),!gpu").split() == ["node/n2"]
    assert kubectl("get", "nodes", "-o", "name", "-l", "kubernetes.io/hostname!=n1").split() == ["node/n2"]
    assert kubectl("get", "pods", "-o", "name", "--field-selector", "metadata.name=db,status.phase!=Pending").split() == ["pod/db"]
    assert "field label not supported: foo" in kubectl("get", "pods", "--field-selector", "foo=1", code=1)
    assert "unable to parse requirement" in kubectl("get", "pods", "-l", "a b", code=1)


def test_describe(kubectl):
    node = kubectl("describe", "node", "n1")
    assert re.search(r"Ready +True .*the node sends its heartbeats", node) and re.search(r"default +web +2 \(50%\)", node)
    assert re.search(r"HolderIdentity: +n1\n", node) and re.search(r"RenewTime: +\w{3}, ", node)
    pod = kubectl("describe", "pod", "web")
    assert re.search(r"Node: +n1", pod) and re.search(r"Ready +True", pod)


    assert re.search(r"Scheduled +.*Successfully assigned default/web to n1", pod)


def test_events(kubectl):
    assert rows(kubectl("get", "events"))[0] == ["LAST", "SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
    web = kubectl("get", "events", "--field-selector", "involvedObject.kind=Pod,involvedObject.name=web,type=Normal", "--no-headers")
    assert [r[2:4] for r in rows(web)] == [["Scheduled", "pod/web"], ["Started", "pod/web"]]
    assert "pod/db" not in web
    assert rows(kubectl("get", "ns", "--no-headers"))[0][:2] == ["default", "Active"]
    assert kubectl("get", "namespace", "default", "-o", "jsonpath={.status.phase}") == "Active"


def test_discovery(kubectl):
    text = kubectl("api-resources")
    assert re.search(r"nodes +no .*false +Node", text) and re.search(r"pods +po .*true +Pod", text)
    assert re.search(r"leases +coordination.k8s.io/v1 +true +Lease", text)
    assert [r[:2] for r in rows(kubectl("get", "leases", "-A", "--no-headers"))] == [["kube-node-lease", "n1"], ["kube-node-lease", "n2"]]
    assert "kubesim" in kubectl("version")


def test_refusals(kubectl):
    assert 'Error from server (NotFound): pods "nosuch" not found' in kubectl("get", "pod", "nosuch", code=1)
    assert "doesn't have a resource type" in kubectl("get", "nonsense", code=1)
    assert "not found" in kubectl("delete", "pod", "nosuch", code=1)
    assert "(MethodNotAllowed)" in kubectl("create", "--raw", "/api/v1/nodes/n1", "-f", "/dev/null", code=1)


def test_delete(kubectl, cluster):
    assert 'pod "db" deleted' in kubectl("delete", "pod", "db")  # waits, by a watch, until it is gone
    assert "db" not in cluster.get("/pods")


def test_wait_and_watch(kubectl, cluster):
    kubectl("wait", "--for=condition=Ready", "pod/web", "node/n1", "--timeout=20s")
    watch = subprocess.Popen([kubectl.path, f"--server={cluster.url}", "get", "pods", "-w", "--no-headers"], stdout=subprocess.PIPE, text=True,
                             env={"PATH": os.environ["PATH"], "HOME": cluster.tmp, "KUBECONFIG": "/dev/null"})
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(line.split() for line in watch.stdout))
    reader.start()
    eventually(lambda: len(lines) >= 2, 20)
    cluster.post("/pods", {"cpuRequired": 1, "podId": "late"}, 201)
    eventually(lambda: ["late", "1/1", "Running"] in [line[:3] for line in lines], 20)
    cluster.ask("DELETE", "/pods/late")
    eventually(lambda: ["late", "0/1", "Terminating"] in [line[:3] for line in lines], 20)
    watch.terminate()
    reader.join()


def test_a_lost_node(kubectl, cluster):
    cluster.post("/nodes/n1/stop")
    assert rows(kubectl("get", "node", "n1", "--no-headers"))[0][1] == "NotReady,SchedulingDisabled"
    eventually(lambda: cluster.get("/pods/web")["NodeID"] == "n2")
    assert kubectl("get", "pods", "-o", "name", "--field-selector", "spec.nodeName=n2").split() == ["pod/db", "pod/web"]


def test_the_proxy(cluster):
    proxy = subprocess.Popen([os.path.join(BUILD, "kubesimctl"), f"--socket={cluster.socket}", "proxy", "0"], stdout=subprocess.PIPE, text=True)
    port = int(re.search(r"http://127\.0\.0\.1:(\d+)", proxy.stdout.readline())[1])
    ask = lambda *args: subprocess.run(["curl", "-sS", "-w", "%{http_code}", f"http://127.0.0.1:{port}/api/v1/nodes/n1", *args],
                                       capture_output=True, text=True).stdout
    assert ask().endswith("200")
    assert ask("-H", f"Host: evil.example:{port}").endswith("421")  # a name that was made to point here
    assert ask("-H", "Host: evil.example").endswith("421")  # as a browser does for port 80
    assert ask("-H", "Origin: http://evil.example").endswith("403")
    kubectl = subprocess.run([KUBECTLS[0], f"--server=http://127.0.0.1:{port}", "get", "nodes", "-o", "name"], capture_output=True, text=True,
                             env={"PATH": os.environ["PATH"], "HOME": cluster.tmp, "KUBECONFIG": "/dev/null"})
    assert kubectl.stdout.split() == ["node/n1", "node/n2"], kubectl.stderr
    proxy.terminate()
    proxy.wait()


def watch(daemon, path):
    return daemon.stream("/api/v1/" + path)


def test_watch_tells_each_change_once(cluster):
    revision = cluster.get("/api/v1/pods")["metadata"]["resourceVersion"]
    for i in range(5):
        cluster.post("/pods", {"cpuRequired": 0.1, "podId": f"w{i}"}, 201)
    eventually(lambda: cluster.get("/pods/w4")["Status"] == "Running")
    seen, last = {}, int(revision)
    for event in watch(cluster, f"namespaces/default/pods?watch=true&resourceVersion={revision}"):
        meta = event["object"]["metadata"]
        assert int(meta["resourceVersion"]) > last
        last = int(meta["resourceVersion"])
        assert (event["type"] == "ADDED") == (meta["name"] not in seen)
        seen[meta["name"]] = event["object"]["status"]["phase"]
        if seen.get("w4") == "Running":
            break
    now = {p["metadata"]["name"]: p["status"]["phase"] for p in cluster.get("/api/v1/pods")["items"]}
    assert {n: now[n] for n in seen} == seen and set(now) - set(seen) == {"web", "db"}


def test_watch_by_selector_is_about_what_matches(cluster):
    revision = cluster.get("/api/v1/pods")["metadata"]["resourceVersion"]
    cluster.post("/nodes/n1/stop")  # web and db move to n2
    events = watch(cluster, f"pods?watch=1&fieldSelector=spec.nodeName%3Dn2&resourceVersion={revision}")
    first = next(events)
    assert first["type"] == "ADDED" and first["object"]["spec"]["nodeName"] == "n2"
    events = watch(cluster, f"pods?watch=1&fieldSelector=spec.nodeName%3Dn1&resourceVersion={revision}")
    gone = next(events)
    assert (gone["type"], gone["object"]["spec"]["nodeName"]) == ("DELETED", "n1")
    assert gone["object"]["metadata"]["resourceVersion"] == first["object"]["metadata"]["resourceVersion"]


def test_what_leaves_a_selector_is_shown_as_it_was(cluster):
    """With the revision of the change, so that the watch can go on from there."""
    path = "/api/v1/namespaces/default/configmaps"
    before = cluster.post(path, {"metadata": {"name": "m", "labels": {"app": "a"}}, "data": {"v": "1"}}, 201)["metadata"]["resourceVersion"]
    after = cluster.ask("PATCH", path + "/m", {"metadata": {"labels": {"app": "b"}}, "data": {"v": "2"}},
                        headers={"Content-Type": "application/merge-patch+json"}).json["metadata"]["resourceVersion"]
    for as_table in (False, True):
        for app, type, shown in (("a", "DELETED", {"app": "a"}), ("b", "ADDED", {"app": "b"})):
            connection = UnixConnection(cluster.socket, 10)
            connection.request("GET", f"{path}?watch=1&labelSelector=app%3D{app}&resourceVersion={before}&includeObject=Object", headers={
                "Accept": "application/json;as=Table;v=v1;g=meta.k8s.io" if as_table else "application/json"})
            event = json.loads(connection.getresponse().readline())
            thing = event["object"]["rows"][0]["object"] if as_table else event["object"]
            assert (event["type"], thing["metadata"]["labels"], thing["metadata"]["resourceVersion"]) == (type, shown, after)
            assert thing["data"] == {"v": "1" if app == "a" else "2"}


def test_each_watch_of_a_change_sees_it_in_its_own_words(cluster):
    """Lines are made once for watches that are alike, and only for them: whichever was there first, and however long the line is."""
    cron = {"spec": {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": {
        "template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}}}}}
    base, plain = "/apis/batch/{}/namespaces/default/cronjobs", "application/json"
    revision = cluster.get("/api/v1/pods")["metadata"]["resourceVersion"]
    made = [cluster.post(base.format("v1"), {**cron, "metadata": {"name": f"tick{i}", "annotations": {"a": "x" * (40000 if i % 20 == 7 else 10)}}}, 201)
            for i in range(40)]

    def told(version, accept):
        connection = UnixConnection(cluster.socket, 10)
        connection.request("GET", base.format(version) + f"?watch=1&resourceVersion={revision}", headers={"Accept": accept})
        added = (e["object"] for e in map(json.loads, connection.getresponse()) if e["type"] == "ADDED")
        return list(itertools.islice(added, len(made)))

    def names(objects):
        return [o["metadata"]["name"] for o in objects]

    for _ in range(2):
        v1, v1beta1 = told("v1", plain), told("v1beta1", plain)
        assert v1 == made and {o["apiVersion"] for o in v1} == {"batch/v1"}
        assert names(v1beta1) == names(made) and {o["apiVersion"] for o in v1beta1} == {"batch/v1beta1"}
        meta = told("v1", "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io")
        assert names(meta) == names(made) and {o["kind"] for o in meta} == {"PartialObjectMetadata"} and not any("spec" in o for o in meta)
        rows = [o["rows"][0] for o in told("v1", TABLE["Accept"])]
        assert [r["cells"][0] for r in rows] == names(made)


def test_watch_paths_of_old(cluster):
    """/watch in the path is what ?watch=true asks for; a name stands for a field selector."""
    cluster.post("/api/v1/namespaces", {"metadata": {"name": "other"}}, 201)
    for path in ("namespaces/default/configmaps", "namespaces/other/configmaps"):
        for name in ("a", "b"):
            cluster.post("/api/v1/" + path, {"metadata": {"name": name, "labels": {"l": name}}}, 201)
    cluster.post("/apis/batch/v1/namespaces/default/cronjobs", {"metadata": {"name": "tick"}, "spec": {"schedule": "0 0 1 1 *", "jobTemplate": {
        "spec": {"template": {"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "x"}]}}}}}}, 201)

    def told(path):
        return [f'{e["object"]["metadata"].get("namespace", "")}/{e["object"]["metadata"]["name"]}' for e in cluster.stream(path) if e["type"] == "ADDED"]

    for path, wanted in (
            ("/api/v1/watch/configmaps?", ["default/a", "default/b", "other/a", "other/b"]),
            ("/api/v1/watch/configmaps?labelSelector=l%3Da&", ["default/a", "other/a"]),
            ("/api/v1/watch/namespaces/other/configmaps?", ["other/a", "other/b"]),
            ("/api/v1/watch/namespaces/other/configmaps/b?", ["other/b"]),
            ("/api/v1/watch/namespaces/other/configmaps/b?labelSelector=l%3Da&", []),
            ("/api/v1/watch/namespaces/other?", ["/other"]),
            ("/api/v1/watch/nodes/n2?", ["/n2"]),
            ("/apis/batch/v1/watch/cronjobs?", ["default/tick"]),
            ("/apis/batch/v1/watch/namespaces/default/cronjobs/tick?", ["default/tick"]),
            ("/apis/batch/v1/watch/namespaces/other/cronjobs?", [])):
        assert sorted(told(path + "timeoutSeconds=1")) == wanted, path
    for method, path, status in (("GET", "configmaps/a", 404), ("GET", "namespaces/default/nodes", 404), ("GET", "namespaces/default/pods/p/status", 404),
                                 ("GET", "nonsense", 404), ("GET", "namespaces/other/status", 404), ("POST", "configmaps", 405),
                                 ("DELETE", "nodes/n2", 405), ("PUT", "namespaces/default/configmaps/a", 405)):
        assert cluster.ask(method, "/api/v1/watch/" + path, {} if method != "GET" else None).status == status, path
    assert not any("watch" in r["name"] for r in cluster.get("/api/v1")["resources"])


def test_watch_list(cluster):
    got = []
    for event in watch(cluster, "nodes?watch=true&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"):
        got.append(event["type"])
        if event["type"] == "BOOKMARK":
            assert event["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
            break
    assert got == ["ADDED", "ADDED", "BOOKMARK"]


def test_a_watch_ends_in_time(kubesimd):
    """The only one, in a cluster where nothing happens that would wake it."""
    begun = time.monotonic()
    for seconds in (1, 2):
        assert list(kubesimd.stream(f"/api/v1/pods?watch=true&timeoutSeconds={seconds}&resourceVersion=1")) == []
    assert 2.9 < time.monotonic() - begun < 5


def test_watch_of_what_is_forgotten(start):
    daemon = start("Limits.WatchLogEntries=100")
    daemon.post("/nodes", {"cpuCores": 64, "nodeId": "n"}, 201)
    for i in range(120):
        daemon.post("/pods", {"cpuRequired": 0.01, "podId": f"p{i}"}, 201)
    for path in ("pods", "namespaces/default/pods", "watch/pods"):  # as kube-apiserver has it: not the watch fails, but it ends at once
        reply = daemon.ask("GET", f"/api/v1/{path}?watch=1&resourceVersion=1")
        assert reply.status == 200 and reply.text.endswith("\n")
        assert reply.json["type"] == "ERROR" and (reply.json["object"]["code"], reply.json["object"]["reason"]) == (410, "Expired")


def test_tables(cluster):
    table = cluster.get("/api/v1/pods", headers=TABLE)
    assert table["kind"] == "Table" and [c["name"] for c in table["columnDefinitions"]][:3] == ["Name", "Ready", "Status"]
    assert all(len(r["cells"]) == len(table["columnDefinitions"]) for r in table["rows"])
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
    assert cluster.get("/api/v1/pods?includeObject=Object", headers=TABLE)["rows"][0]["object"]["kind"] == "Pod"
    assert cluster.get("/api/v1/pods?includeObject=None", headers=TABLE)["rows"][0]["object"] is None
    assert cluster.get("/api/v1/nodes/n1", headers=TABLE)["rows"][0]["cells"][0] == "n1"
    lines = watch(cluster, "nodes?watch=1")
    assert next(lines)["object"]["kind"] == "Node"


@pytest.mark.parametrize("path, code, reason", [
    ("/api/v1/pods/web", 404, "NotFound"),
    ("/api/v1/nonsense", 404, "NotFound"),
    ("/api/v1/namespaces/other/pods/web", 404, "NotFound"),
    ("/api/v1/namespaces/default/nodes", 404, "NotFound"),
    ("/apis/apps/v2/deployments", 404, "NotFound"),
    ("/api/v1/pods?resourceVersion=abc", 400, "BadRequest"),
    ("/api/v1/pods?resourceVersion=99999999", 504, "Timeout"),
    ("/api/v1/pods?resourceVersion=0&resourceVersionMatch=Exact", 422, "Invalid"),
    ("/api/v1/pods?resourceVersionMatch=Exact", 422, "Invalid"),
    ("/api/v1/pods?limit=some", 400, "BadRequest"),
    ("/api/v1/pods?continue=nonsense", 400, "BadRequest"),
    ("/api/v1/pods?labelSelector=a%20in%20b", 400, "BadRequest"),
    ("/api/v1/pods?labelSelector=a%20in%20(b", 400, "BadRequest"),
    ("/api/v1/pods?labelSelector=%3D", 400, "BadRequest"),
    ("/api/v1/pods?fieldSelector=spec.nodeName", 400, "BadRequest"),
    ("/api/v1/pods?watch=1&timeoutSeconds=soon", 400, "BadRequest"),
])
def test_status_objects(cluster, path, code, reason):
    reply = cluster.ask("GET", path)
    assert reply.status == code, reply.text
    status = reply.json
    assert status["kind"] == "Status" and status["code"] == code and status["reason"] == reason and status["message"]


def test_delete_options(cluster):
    pod = "/api/v1/namespaces/default/pods/db"
    assert cluster.ask("DELETE", pod, {"preconditions": {"uid": "00000000-0000-4000-8000-000000000000"}}).status == 409
    assert cluster.ask("DELETE", pod, {"dryRun": ["All"]}).status == 200
    assert cluster.ask("DELETE", pod + "?dryRun=Some").status == 422
    assert cluster.ask("DELETE", pod, "{").status == 400
    assert "db" in cluster.get("/pods")
    uid = cluster.get(pod)["metadata"]["uid"]
    assert cluster.ask("DELETE", pod, {"kind": "DeleteOptions", "apiVersion": "v1", "preconditions": {"uid": uid}}).json["kind"] == "Pod"
    eventually(lambda: "db" not in cluster.get("/pods"))


def test_a_viewer_may_look_only(start, tmp_path):
    path = tmp_path / "tokens"
    path.write_text("v" * 32 + " viewer\n")
    daemon = start(tokens=path)
    viewer = {"Authorization": "Bearer " + "v" * 32}
    assert daemon.ask("GET", "/api/v1/nodes", tcp=True).status == 401
    assert daemon.ask("GET", "/api/v1/nodes", headers=viewer, tcp=True).status == 200
    assert daemon.ask("DELETE", "/api/v1/namespaces/default/pods/x", headers=viewer, tcp=True).json["reason"] == "Forbidden"


POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"},
       "spec": {"containers": [{"name": "c", "image": "x"}],
                "tolerations": [{"key": "node.kubernetes.io/unreachable", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 1}]}}


def told_by_taint_manager(daemon, pod):
    """What kubectl describe pod shows of it: pkg/controller/tainteviction/taint_eviction.go."""
    selector = f"involvedObject.name%3D{pod['metadata']['name']},involvedObject.uid%3D{pod['metadata']['uid']},reason%3DTaintManagerEviction"
    events = daemon.get(f"/api/v1/namespaces/default/events?fieldSelector={selector}")["items"]
    assert {(e["type"], e["source"]["component"]) for e in events} <= {("Normal", "taint-eviction-controller")}
    return [e["message"] for e in events]


def test_a_lost_node_the_way_of_kubernetes(start):
    """The node stays; its pods go once their tolerationSeconds are over, and their owner makes others."""
    daemon = start("Cluster.NodeLossPolicy=kubernetes", "Cluster.NodeTimeoutSec=1s", "Cluster.HeartbeatIntervalSec=200ms", "Cluster.RemoveAfterSec=1s")
    daemon.post("/heartbeat", {"nodeID": "a1", "status": "Healthy", "cpu": 4, "instance": "k/1", "sequence": 1}, 200)
    daemon.post("/api/v1/namespaces/default/pods", POD, 201)
    assert daemon.get("/api/v1/namespaces/default/pods/p")["spec"]["nodeName"] == "a1"
    node = eventually(lambda: [n for n in [daemon.get("/api/v1/nodes/a1")] if n["status"]["conditions"][-1]["status"] == "Unknown"], 20)[0]
    assert {t["key"] for t in node["spec"]["taints"]} == {"node.kubernetes.io/unreachable"}
    eventually(lambda: "deletionTimestamp" in daemon.get("/api/v1/namespaces/default/pods/p")["metadata"], 20)
    condition = daemon.get("/api/v1/namespaces/default/pods/p")["status"]["conditions"][0]
    assert (condition["type"], condition["status"], condition["reason"]) == ("DisruptionTarget", "True", "DeletionByTaintManager")
    assert told_by_taint_manager(daemon, daemon.get("/api/v1/namespaces/default/pods/p")) == ["Marking for deletion Pod default/p"]
    assert "Pod p is evicted from a1" in [e["message"] for e in daemon.get("/events?pod=p")["events"]]
    daemon.restart()
    again = daemon.get("/api/v1/namespaces/default/pods/p")
    assert again["status"]["conditions"][0] == condition and condition["lastTransitionTime"] < again["metadata"]["deletionTimestamp"]
    assert daemon.get("/api/v1/nodes/a1")  # it is not removed
    daemon.post("/heartbeat", {"nodeID": "a1", "status": "Healthy", "cpu": 4, "instance": "k/1", "sequence": 2, "pods": []}, 200)
    eventually(lambda: daemon.ask("GET", "/api/v1/namespaces/default/pods/p").status == 404)


WEB = {"metadata": {"name": "web"}, "spec": {"replicas": 2, "selector": {"matchLabels": {"a": "b"}}, "template": {
    "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}}}


def ready_of(pod):
    return {c["type"]: c["status"] for c in pod["status"]["conditions"]}


def test_pods_of_a_lost_node_are_not_ready(start):
    """As the node lifecycle controller marks them, at once, and whoever looks at pods sees; no longer when the node is back."""
    daemon = start("Cluster.NodeLossPolicy=kubernetes", "Cluster.NodeTimeoutSec=1s", "Cluster.HeartbeatIntervalSec=200ms")
    base, sequence = "/api/v1/namespaces/default", iter(range(1, 100))

    def beat(**more):
        return daemon.post("/heartbeat", {"nodeID": "a1", "status": "Healthy", "cpu": 4, "instance": "k/1", "sequence": next(sequence), **more}, 200)

    def counts():
        web = daemon.get("/apis/apps/v1/namespaces/default/deployments/web")["status"]
        budget = daemon.get("/apis/policy/v1/namespaces/default/poddisruptionbudgets/web")["status"]
        subset = daemon.get(f"{base}/endpoints/web").get("subsets", [{}])[0]
        slices = daemon.get("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name%3Dweb")["items"]
        return (web.get("readyReplicas", 0), web.get("availableReplicas", 0), budget["currentHealthy"], len(subset.get("addresses", [])),
                len(subset.get("notReadyAddresses", [])), [(e["conditions"]["ready"], e["conditions"]["serving"]) for e in slices[0]["endpoints"]])

    beat()
    daemon.post("/apis/apps/v1/namespaces/default/deployments", WEB, 201)
    daemon.post(f"{base}/services", {"metadata": {"name": "web"}, "spec": {"selector": {"a": "b"}, "ports": [{"port": 80}]}}, 201)
    daemon.post("/apis/policy/v1/namespaces/default/poddisruptionbudgets",
                {"metadata": {"name": "web"}, "spec": {"minAvailable": 1, "selector": {"matchLabels": {"a": "b"}}}}, 201)
    eventually(lambda: len(daemon.get(f"{base}/pods")["items"]) == 2)
    names = [p["metadata"]["name"] for p in daemon.get(f"{base}/pods")["items"]]
    eventually(lambda: beat(pods=names) and counts() == (2, 2, 2, 2, 0, [(True, True)] * 2))

    eventually(lambda: counts() == (0, 0, 0, 0, 2, [(False, False)] * 2), 10)
    pod = daemon.get(f"{base}/pods/{names[0]}")
    assert ready_of(pod) == {"PodReadyToStartContainers": "True", "Initialized": "True", "Ready": "False", "ContainersReady": "True", "PodScheduled": "True"}
    assert pod["status"]["phase"] == "Running" and "deletionTimestamp" not in pod["metadata"]
    events = daemon.get(f"{base}/events?fieldSelector=reason%3DNodeNotReady,involvedObject.kind%3DPod")["items"]
    assert {e["involvedObject"]["name"] for e in events} == set(names)
    assert {(e["message"], e["type"]) for e in events} == {("Node is not ready", "Warning")}
    daemon.restart()
    assert ready_of(daemon.get(f"{base}/pods/{names[0]}"))["Ready"] == "False"

    # Who deletes one waits for the node, unless by force.
    lost = [daemon.ask("DELETE", f"{base}/pods/{name}", {"gracePeriodSeconds": grace}).status for name, grace in ((names[0], 30), (names[1], 0))]
    assert lost == [200, 200]
    assert "deletionTimestamp" in daemon.get(f"{base}/pods/{names[0]}")["metadata"]
    assert daemon.ask("GET", f"{base}/pods/{names[1]}").status == 404
    daemon.post(f"{base}/pods", {"metadata": {"name": "stays"}, "spec": {"nodeName": "a1", "containers": [{"name": "c", "image": "x"}]}}, 201)
    beat(pods=[names[0], "stays"])
    eventually(lambda: ready_of(daemon.get(f"{base}/pods/stays"))["Ready"] == "True")
    assert daemon.get(f"{base}/pods/{names[0]}")
    beat(pods=["stays"])
    assert daemon.ask("GET", f"{base}/pods/{names[0]}").status == 404
    eventually(lambda: ready_of(daemon.get(f"{base}/pods/stays"))["Ready"] == "False", 10)
    eventually(lambda: beat(pods=["stays"]) and ready_of(daemon.get(f"{base}/pods/stays"))["Ready"] == "True")
    assert set(told_by_taint_manager(daemon, daemon.get(f"{base}/pods/stays"))) == {"Cancelling deletion of Pod default/stays"}


def test_what_holds_a_namespace(cluster):
    """The conditions of one that is Terminating: pkg/controller/namespace/deletion/status_condition_utils.go."""
    cluster.post("/api/v1/namespaces", {"metadata": {"name": "full", "finalizers": ["x.io/last"]}}, 201)
    assert "conditions" not in cluster.get("/api/v1/namespaces/full")["status"]
    for kind, name, finalizers in (("/api/v1/namespaces/full/configmaps", "c1", ["x.io/y", "x.io/a"]), ("/api/v1/namespaces/full/configmaps", "c2", ["x.io/y"]),
                                   ("/api/v1/namespaces/full/configmaps", "c3", []), ("/apis/networking.k8s.io/v1/namespaces/full/ingresses", "i", ["x.io/y"])):
        body = {"metadata": {"name": name, "finalizers": finalizers}}
        if name == "i":
            body["spec"] = {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}}
        cluster.post(kind, body, 201)
    assert cluster.ask("DELETE", "/api/v1/namespaces/full").status == 200

    def conditions():
        namespace = cluster.get("/api/v1/namespaces/full")
        assert namespace["status"]["phase"] == "Terminating" and "deletionGracePeriodSeconds" not in namespace["metadata"]
        return {c["type"]: (c["status"], c["reason"], c["message"]) for c in namespace["status"].get("conditions", [])}

    def free(path):
        assert cluster.ask("PATCH", path, {"metadata": {"finalizers": None}}, headers={"Content-Type": "application/merge-patch+json"}).status == 200

    fine = {"NamespaceDeletionDiscoveryFailure": ("False", "ResourcesDiscovered", "All resources successfully discovered"),
            "NamespaceDeletionGroupVersionParsingFailure": ("False", "ParsedGroupVersions", "All legacy kube types successfully parsed"),
            "NamespaceDeletionContentFailure": ("False", "ContentDeleted", "All content successfully deleted, may be waiting on finalization")}
    eventually(lambda: conditions() == fine | {
        "NamespaceContentRemaining": ("True", "SomeResourcesRemain", "Some resources are remaining: configmaps. has 2 resource instances, "
                                      "ingresses.networking.k8s.io has 1 resource instances"),
        "NamespaceFinalizersRemaining": ("True", "SomeFinalizersRemain", "Some content in the namespace has finalizers remaining: "
                                         "x.io/a in 1 resource instances, x.io/y in 3 resource instances")})
    times = {c["type"]: c["lastTransitionTime"] for c in cluster.get("/api/v1/namespaces/full")["status"]["conditions"]}
    assert list(times) == list(fine) + ["NamespaceContentRemaining", "NamespaceFinalizersRemaining"]
    for path in ("/api/v1/namespaces/full/configmaps/c1", "/apis/networking.k8s.io/v1/namespaces/full/ingresses/i", "/api/v1/namespaces/full/configmaps/c2"):
        free(path)
    eventually(lambda: conditions() == fine | {
        "NamespaceContentRemaining": ("False", "ContentRemoved", "All content successfully removed"),
        "NamespaceFinalizersRemaining": ("False", "ContentHasNoFinalizers", "All content-preserving finalizers finished")})
    free("/api/v1/namespaces/full")
    eventually(lambda: cluster.ask("GET", "/api/v1/namespaces/full").status == 404)


def test_two_doors_one_truth(cluster):
    """What is done at one door is read at the other."""
    cluster.ask("POST", "/api/v1/namespaces/default/pods", {"metadata": {"name": "k"}, "spec": {"containers": [
        {"name": "a", "image": "x", "resources": {"requests": {"cpu": "250m"}}}, {"name": "b", "image": "x", "resources": {"requests": {"cpu": "0.5"}}}]}})
    assert cluster.get("/pods/k")["CPURequired"] == 0.75
    eventually(lambda: cluster.get("/api/v1/namespaces/default/pods/k")["status"]["phase"] == "Running")
    assert "k" in cluster.get("/nodes/" + cluster.get("/pods/k")["NodeID"])["Pods"]
    cluster.post("/pods/k/restart", None, 200)
    eventually(lambda: cluster.get("/api/v1/namespaces/default/pods/k")["status"]["containerStatuses"][0]["restartCount"] == 1)
    cluster.ask("DELETE", "/pods/k")
    eventually(lambda: cluster.ask("GET", "/api/v1/namespaces/default/pods/k").status == 404)
    cluster.ask("POST", "/api/v1/nodes", {"metadata": {"name": "kn"}, "status": {"capacity": {"cpu": "1500m"}}})
    assert cluster.get("/nodes/kn")["CPUCores"] == 1.5
    cluster.ask("PATCH", "/api/v1/nodes/kn", {"spec": {"unschedulable": True}}, headers={"Content-Type": "application/merge-patch+json"})
    cluster.ask("DELETE", "/nodes/kn")
    assert cluster.ask("GET", "/api/v1/nodes/kn").status == 404
    cluster.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "other"}})
    cluster.ask("POST", "/api/v1/namespaces/other/pods", {"metadata": {"name": "q"}, "spec": {"containers": [{"name": "a", "image": "x"}]}})
    assert cluster.get("/pods")["other/q"]["Name"] == "other/q"
    assert cluster.get("/pods/other%2Fq")["ID"] == "other/q"
    cluster.ask("DELETE", "/pods/other%2Fq")
    eventually(lambda: cluster.ask("GET", "/api/v1/namespaces/other/pods/q").status == 404)


def pages(daemon, path, limit):
    token = ""
    while True:
        page = daemon.get(f"{path}?limit={limit}" + (f"&continue={token}" if token else ""))
        yield page
        token = page["metadata"].get("continue", "")
        if not token:
            return


def test_pages_are_of_one_revision(cluster):
    for i in range(23):
        cluster.ask("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": f"c{i:02}"}, "data": {"v": "1"}})
    seen, revisions = [], set()
    for n, page in enumerate(pages(cluster, "/api/v1/namespaces/default/configmaps", 5)):
        seen += [(c["metadata"]["name"], c["data"]["v"]) for c in page["items"]]
        revisions.add(page["metadata"]["resourceVersion"])
        assert page["metadata"].get("remainingItemCount", 0) == 23 - len(seen)
        # What happens between two pages is in none of them.
        cluster.ask("DELETE", f"/api/v1/namespaces/default/configmaps/c{20 - n:02}")
        cluster.ask("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": f"b{n}"}})
        cluster.ask("PATCH", "/api/v1/namespaces/default/configmaps/c22", {"data": {"v": str(n + 2)}},
                    headers={"Content-Type": "application/merge-patch+json"})
    assert seen == [(f"c{i:02}", "1") for i in range(23)] and len(revisions) == 1


def test_remaining_items_are_counted(cluster):
    """remainingItemCount: of the namespace or of all, in every form of an answer, but not with a selector."""
    cluster.post("/api/v1/namespaces", {"metadata": {"name": "defaul"}}, 201)
    cluster.post("/api/v1/namespaces", {"metadata": {"name": "default-2"}}, 201)
    for namespace, count in (("defaul", 3), ("default", 7), ("default-2", 1)):
        for i in range(count):
            cluster.post(f"/api/v1/namespaces/{namespace}/configmaps", {"metadata": {"name": f"c{i}", "labels": {"a": "b"}}}, 201)

    def counts(path, limit, **headers):
        told, token = [], ""
        while token is not None:
            metadata = cluster.ask("GET", f"{path}{limit}&continue={token}", headers=headers).json["metadata"]
            told.append(metadata.get("remainingItemCount"))
            token = metadata.get("continue")
        return told

    table = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    for headers in ({}, table):
        assert counts("/api/v1/namespaces/default/configmaps?limit=", 3, **headers) == [4, 1, None]
        assert counts("/api/v1/namespaces/defaul/configmaps?limit=", 2, **headers) == [1, None]
        assert counts("/api/v1/configmaps?limit=", 5, **headers) == [6, 1, None]
        assert counts("/api/v1/configmaps?labelSelector=a%3Db&limit=", 5, **headers) == [None] * 3
        assert counts("/api/v1/configmaps?fieldSelector=metadata.namespace%3Ddefault&limit=", 5, **headers) == [None] * 2
    assert "remainingItemCount" not in cluster.get("/api/v1/configmaps")["metadata"]
    old = cluster.get("/api/v1/configmaps")["metadata"]["resourceVersion"]
    cluster.ask("DELETE", "/api/v1/namespaces/default/configmaps/c1")
    assert counts(f"/api/v1/namespaces/default/configmaps?resourceVersion={old}&resourceVersionMatch=Exact&limit=", 10) == [None]


def test_an_old_page_has_expired(start):
    daemon = start("Limits.WatchLogEntries=100")
    for i in range(10):
        daemon.ask("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": f"c{i}"}})
    token = daemon.get("/api/v1/configmaps?limit=3")["metadata"]["continue"]
    for i in range(150):
        daemon.ask("POST", "/api/v1/namespaces/default/secrets", {"metadata": {"name": f"s{i}"}})
    reply = daemon.ask("GET", f"/api/v1/configmaps?limit=3&continue={token}")
    assert reply.status == 410 and reply.json["reason"] == "Expired"


def test_the_last_finalizer_is_the_end(cluster):
    """An update that takes it away is answered with what the object was, by every verb that can."""
    maps = "/api/v1/namespaces/default/configmaps"
    for method, body, media in (("PUT", {}, "application/json"), ("PATCH", {"metadata": {"finalizers": None}}, "application/merge-patch+json")):
        cluster.post(maps, {"metadata": {"name": "c", "finalizers": ["example.com/hold"]}}, 201)
        held = cluster.ask("DELETE", maps + "/c").json
        assert held["metadata"]["deletionTimestamp"]
        del held["metadata"]["finalizers"]
        reply = cluster.ask(method, maps + "/c", body or held, headers={"Content-Type": media})
        assert reply.status == 200 and reply.json["metadata"]["resourceVersion"] == held["metadata"]["resourceVersion"]
        assert cluster.ask("GET", maps + "/c").status == 404


def test_writes_that_change_nothing(cluster):
    cluster.ask("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": "c"}, "data": {"a": "1", "b": "2"}})
    path = "/api/v1/namespaces/default/configmaps/c"
    before = cluster.get(path)
    assert cluster.ask("PUT", path, dict(reversed(before.items()))).json["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    for kind in ("merge-patch", "strategic-merge-patch"):
        assert cluster.ask("PATCH", path, {"data": {"a": "1"}}, headers={"Content-Type": f"application/{kind}+json"}).status == 200
    assert cluster.get(path)["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    assert cluster.ask("PUT", path, {**before, "data": {"a": "2"}}).status == 200
    reply = cluster.ask("PUT", path, {**before, "data": {"a": "3"}})  # of a version that is gone
    assert reply.status == 409 and reply.json["reason"] == "Conflict"


def test_what_survives_a_restart(cluster):
    cluster.ask("POST", "/apis/apps/v1/namespaces/default/deployments", {"metadata": {"name": "d"}, "spec": {
        "replicas": 3, "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}}})
    ready = lambda: cluster.get("/apis/apps/v1/namespaces/default/deployments/d")["status"].get("readyReplicas") == 3
    eventually(ready)
    keep = lambda: {p["metadata"]["name"]: (p["metadata"]["uid"], p["spec"].get("nodeName"), p["status"].get("podIP"))
                    for p in cluster.get("/api/v1/pods?labelSelector=a%3Db")["items"]}
    before = keep()
    cluster.restart()
    eventually(ready)
    assert keep() == before
    cluster.ask("DELETE", "/apis/apps/v1/namespaces/default/deployments/d")
    eventually(lambda: not keep())


WRONG_PATHS = {
    "kubernetes": ["/api/v1/namespaces/default/pods", "/api/v1/namespaces/default/pods/web", "/api/v1/namespaces/nowhere/configmaps", "/apis/apps/v1/deployments/x",
                   "/api/v1/nodes/n1/status", "/apis/x/v9/y", "/api/v1/namespaces//pods", "/apis/apps/v1/namespaces/default/deployments/x/scale"],
    "native": ["/pods", "/pods/web", "/nodes", "/nodes/n1/twist", "/heartbeat", "/faults", "/scheduler", "/explain", "/capacity", "/compare"],
}


@pytest.mark.parametrize("door", WRONG_PATHS)
def test_ten_thousand_wrong_requests(cluster, door):
    """Bodies cut off, words exchanged, paths that lead nowhere: each is answered, none changes anything, the process lives."""
    import random
    r = random.Random(7)
    bodies = [json.dumps(POD), json.dumps({"spec": {"replicas": -1}}), "[{\"op\":\"add\",\"path\":\"/x/y\"}]", "{\"metadata\":{\"name\":\"A_B\"}}", "\x00\xff", "{" * 200]
    types = ["application/json", "application/merge-patch+json", "application/strategic-merge-patch+json", "application/json-patch+json",
             "application/apply-patch+yaml", "application/vnd.kubernetes.protobuf", "text/plain"]
    revision = cluster.get("/api/v1/pods")["metadata"]["resourceVersion"]
    for _ in range(10000 // 50):
        connection = UnixConnection(cluster.socket, 20)
        for _ in range(50):
            body = r.choice(bodies)
            body = body[:r.randrange(2, max(3, len(body) - 1))] + r.choice("}]\"{,")
            connection.request(r.choice(["POST", "PUT", "PATCH"]), r.choice(WRONG_PATHS[door]) + r.choice(["", "?dryRun=All", "?watch=1", "?fieldManager=x", "?limit=-1"]),
                               body.encode("latin-1"), {"Content-Type": r.choice(types)})
            reply = connection.getresponse()
            reply.read()
            assert 400 <= reply.status < 500, (reply.status, body)
        connection.close()
    assert cluster.get("/api/v1/pods")["metadata"]["resourceVersion"] == revision


def test_tls(start, tmp_path):
    """Certificates of our own: curl and kubectl believe them, a client's role is in its certificate."""
    port = free_port()
    daemon = start(listen=[f"https:127.0.0.1:{port}"])
    url = f"https://127.0.0.1:{port}"
    config = lambda role: daemon.ask("GET", f"/kubeconfig?role={role}").text
    (tmp_path / "admin").write_text(config("admin"))
    (tmp_path / "viewer").write_text(config("viewer"))
    run = lambda who, *args: subprocess.run([KUBECTLS[-1], f"--kubeconfig={tmp_path}/{who}", f"--cache-dir={tmp_path}/c", *args], capture_output=True, text=True,
                                            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)})
    assert f"server: \"{url}\"\n" in config("admin")  # where it listens, unless somebody knows better
    assert "server: \"https://kubesim.example:1\"\n" in daemon.ask("GET", "/kubeconfig?server=https://kubesim.example:1").text
    assert run("admin", "create", "configmap", "a").returncode == 0
    assert run("viewer", "get", "configmap", "a", "-o", "name").stdout == "configmap/a\n"
    assert "Forbidden" in run("viewer", "delete", "configmap", "a").stderr
    assert run("viewer", "auth", "can-i", "delete", "configmaps").stdout.startswith("no")
    curl = lambda *args: subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", *args, url + "/api/v1/nodes"], capture_output=True, text=True)
    assert curl("--cacert", f"{daemon.tmp}/tls/ca.crt").stdout == "401"  # nobody in particular
    assert curl().returncode == 60  # nobody else vouches for it
    assert daemon.ask("GET", "/kubeconfig?role=king").status == 400
    assert daemon.ask("GET", "/kubeconfig?server=http://x").status == 400
    before = open(f"{daemon.tmp}/tls/ca.crt").read()
    daemon.restart()
    assert open(f"{daemon.tmp}/tls/ca.crt").read() == before and run("admin", "get", "ns").returncode == 0


def test_large_bodies_do_not_hold_the_loop(cluster):
    """What would be compared each with each has a maximum; what is large and harmless is taken."""
    path = "/api/v1/namespaces/default/configmaps"
    begun = time.monotonic()
    assert cluster.ask("POST", path, {"metadata": {"name": "many"}, "data": {f"k{i}": "v" for i in range(20000)}}).status == 413
    assert cluster.ask("POST", path, {"metadata": {"name": "large"}, "data": {"k": "v" * 1000000}}).status == 201
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": f"c{i}", "image": "x"} for i in range(3000)]}}
    reply = cluster.ask("POST", "/api/v1/namespaces/default/pods", pod)
    assert reply.status == 400 and "spec.containers has 3000 items" in reply.json["message"]
    assert cluster.ask("PATCH", "/api/v1/namespaces/default/pods/web", pod, headers={"Content-Type": "application/strategic-merge-patch+json"}).status == 400
    nested = "[" * 100000
    assert cluster.ask("POST", path, nested).status == 400
    assert cluster.ask("POST", path, "[" + "{}," * 900000 + "{}]").status in (400, 413)
    assert time.monotonic() - begun < 60
