# SPDX-License-Identifier: Apache-2.0
"""What many pods rest on: documents that are shared, in memory and on disk, and lists that are sent in pieces."""
import gzip
import json
import os
import signal
import sqlite3
import subprocess
import threading

import pytest
import yaml

from conftest import UnixConnection, eventually

PODS = "/api/v1/namespaces/default/pods"
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"}
SPEC = {"containers": [{"name": "c", "image": "x", "env": [{"name": "A", "value": "ä\n\"b\""}], "resources": {"requests": {"cpu": "1m"}}}]}


def pod(name, **labels):
    return {"metadata": {"name": name, "labels": labels}, "spec": SPEC}


@pytest.fixture
def cluster(start):
    """Nodes of an agent that does not beat again: pods stay as they are."""
    daemon = start("Access.Anonymous=admin", "Cluster.NodeTimeoutSec=1h", "Limits.PodsPerNode=100000", fast=False)
    daemon.beat("n1", cpuCores=1000)
    return daemon


def ask_disk(daemon, sql):
    with sqlite3.connect(f"{daemon.tmp}/kubesimd.db") as db:
        return db.execute(sql).fetchall()


def n_documents(daemon):
    return ask_disk(daemon, "SELECT count(*) FROM documents")[0][0]


def everything(daemon):
    return {p["metadata"]["name"]: p for p in daemon.get(PODS)["items"]}


def patch(daemon, name, change):
    reply = daemon.ask("PATCH", f"{PODS}/{name}", change, headers={"Content-Type": "application/merge-patch+json"})
    assert reply.status == 200, reply.text


def test_documents_are_shared_and_survive(cluster):
    for i in range(6):
        cluster.post(PODS, pod(f"p{i}", app="web"), 201)
    cluster.post(PODS, pod("other", app="db"), 201)
    cluster.post("/pods", {"cpuRequired": 0.5, "podId": "plain"}, 201)
    assert n_documents(cluster) == 2
    before = everything(cluster)
    assert ask_disk(cluster, "SELECT count(document) FROM objects")[0][0] == 7

    cluster.restart(signal.SIGKILL)
    assert everything(cluster) == before

    # One changes; its siblings do not.
    patch(cluster, "p1", {"metadata": {"labels": {"app": "changed"}}, "spec": {"activeDeadlineSeconds": 7}})
    after = everything(cluster)
    assert after["p1"]["metadata"]["labels"] == {"app": "changed"} and after["p1"]["spec"]["activeDeadlineSeconds"] == 7
    assert {k: v for k, v in after.items() if k != "p1"} == {k: v for k, v in before.items() if k != "p1"}
    assert len(cluster.get(PODS + "?labelSelector=app%3Dweb")["items"]) == 5
    cluster.restart(signal.SIGKILL)
    assert everything(cluster) == after

    assert n_documents(cluster) == 3
    assert cluster.ask("DELETE", f"{PODS}/p1?gracePeriodSeconds=0").status == 200
    assert n_documents(cluster) == 2
    assert cluster.ask("DELETE", PODS + "?gracePeriodSeconds=0").status == 200
    assert n_documents(cluster) == 0


def test_documents_of_many_changes_at_once(cluster):
    """Several changes of one pod in one transaction, of several documents."""
    def work(t):
        connection = UnixConnection(cluster.socket)

        def ask(method, path, body=None, kind="application/json"):
            connection.request(method, path, json.dumps(body) if body else None, {"Content-Type": kind} if body else {})
            reply = connection.getresponse()
            reply.read()
            assert reply.status in (200, 201), reply.status
        for i in range(60):
            name = f"p{t}-{i}"
            ask("POST", PODS, pod(name, n=str(i % 7)))
            if i % 2:
                ask("PATCH", f"{PODS}/{name}", {"metadata": {"labels": {"n": str((i + t) % 5)}}}, "application/merge-patch+json")
            if i % 3 == 0:
                ask("DELETE", f"{PODS}/{name}?gracePeriodSeconds=0")

    threads = [threading.Thread(target=work, args=(t,)) for t in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    before = everything(cluster)
    assert len(before) == 8 * 40
    assert ask_disk(cluster, "SELECT count(*), count(DISTINCT document) FROM objects WHERE kind = 1")[0][1] == n_documents(cluster)
    cluster.restart(signal.SIGKILL)
    assert everything(cluster) == before
    assert cluster.ask("DELETE", PODS + "?gracePeriodSeconds=0").status == 200
    assert n_documents(cluster) == 0


def test_a_replica_set_has_one_document(start):
    daemon = start("Access.Anonymous=admin", "Cluster.NodeTimeoutSec=1h", fast=False)
    daemon.beat("n1", cpuCores=100)
    daemon.post("/apis/apps/v1/namespaces/default/replicasets", {"metadata": {"name": "rs"}, "spec": {
        "replicas": 30, "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": SPEC}}}, 201)
    eventually(lambda: len(daemon.get(PODS)["items"]) == 30)
    assert n_documents(daemon) == 1
    before = everything(daemon)
    daemon.restart(signal.SIGKILL)
    assert everything(daemon) == before


def test_pods_of_one_document_in_two_namespaces_wait_after_a_restart(start):
    """What the scheduler makes of a document is not taken from one namespace to another, nor lost."""
    daemon = start("Access.Anonymous=admin", "Cluster.NodeTimeoutSec=1h", fast=False)
    daemon.beat("n1", cpuCores=2)
    daemon.post("/api/v1/namespaces", {"metadata": {"name": "other"}}, 201)
    spec = {"containers": [{"name": "c", "image": "x", "resources": {"requests": {"cpu": "2"}}}], "affinity": {"podAntiAffinity": {
        "requiredDuringSchedulingIgnoredDuringExecution": [{"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"a": "b"}}}]}}}
    for namespace in ("default", "other"):
        for i in range(3):
            daemon.post(f"/api/v1/namespaces/{namespace}/pods", {"metadata": {"name": f"p{i}", "labels": {"a": "b"}}, "spec": spec}, 201)
    assert n_documents(daemon) == 1
    daemon.restart(signal.SIGKILL)

    def nodes(namespace):
        return [p["spec"].get("nodeName") for p in daemon.get(f"/api/v1/namespaces/{namespace}/pods")["items"]]
    daemon.beat("n2", cpuCores=4)
    daemon.beat("n3", cpuCores=4)
    # They keep apart from those of their own namespace, and not from the others.
    eventually(lambda: set(nodes("default")) == {"n1", "n2", "n3"} and set(nodes("other")) == {"n2", "n3", None})


def test_nodes_of_one_template_share_it_after_a_restart(cluster):
    nodes = "/api/v1/nodes"
    template = {"metadata": {"labels": {"zone": "a"}}, "spec": {"taints": [{"key": "k", "value": "v", "effect": "PreferNoSchedule"}]}}
    cluster.post("/nodes/batch", {"prefix": "s-", "first": 0, "count": 2000, "node": template}, 201)
    assert n_documents(cluster) == 1

    def label(name, zone):
        reply = cluster.ask("PATCH", f"{nodes}/{name}", {"metadata": {"labels": {"zone": zone}}}, headers={"Content-Type": "application/merge-patch+json"})
        assert reply.status == 200, reply.text
    label("s-7", "b")
    label("s-8", "b")
    def zones():
        return {n["metadata"]["name"]: n["metadata"]["labels"].get("zone") for n in cluster.get(nodes)["items"]}
    before = zones()
    cluster.restart(signal.SIGKILL)
    assert zones() == before
    assert before["s-7"] == "b" and before["s-9"] == "a"
    label("s-7", "a")
    assert 1 < n_documents(cluster) <= 3  # who manages their fields is in those that were changed
    assert ask_disk(cluster, "SELECT count(*) FROM objects WHERE kind = 0 AND document IS NULL")[0][0] == 1  # n1


def downgrade(daemon):
    """Makes of the database one as the version before wrote it: each row with its document."""
    with sqlite3.connect(f"{daemon.tmp}/kubesimd.db") as db:
        db.executescript("""
            UPDATE objects SET body = CAST(substr(CAST(body AS TEXT), 1, length(CAST(body AS TEXT)) - 1) || ',"document":' ||
                (SELECT CAST(d.body AS TEXT) FROM documents d WHERE d.id = document) || '}' AS BLOB) WHERE document IS NOT NULL;
            ALTER TABLE objects DROP COLUMN document; DROP TABLE documents; PRAGMA user_version = 1;""")


def test_a_database_of_the_version_before(cluster):
    for i in range(20):
        cluster.post(PODS, pod(f"p{i}", app="web"), 201)
    cluster.post("/pods", {"cpuRequired": 0.5, "podId": "plain"}, 201)
    cluster.post("/api/v1/namespaces/default/configmaps", {"metadata": {"name": "c"}, "data": {"a": "b"}}, 201)
    before, config = everything(cluster), cluster.get("/api/v1/namespaces/default/configmaps/c")
    assert n_documents(cluster) == 1
    cluster.stop()
    downgrade(cluster)
    cluster.restart()
    assert everything(cluster) == before
    assert cluster.get("/api/v1/namespaces/default/configmaps/c") == config
    assert n_documents(cluster) == 1
    assert ask_disk(cluster, "PRAGMA user_version")[0][0] == 3
    patch(cluster, "p3", {"metadata": {"labels": {"app": "changed"}}})
    assert cluster.ask("DELETE", f"{PODS}/p4?gracePeriodSeconds=0").status == 200
    after = everything(cluster)
    cluster.restart(signal.SIGKILL)
    assert everything(cluster) == after and "p4" not in after


# --- Long lists ---

N = 2500


@pytest.fixture
def many(cluster):
    connection = UnixConnection(cluster.socket)
    for i in range(N):
        connection.request("POST", PODS, json.dumps(pod(f"p{i:05}", third=str(i % 3), padding="x" * 60)), {"Content-Type": "application/json"})
        reply = connection.getresponse()
        reply.read()
        assert reply.status == 201
    return cluster


def names(items):
    return [i["metadata"]["name"] for i in items]


class Slow:
    """Reads a little of an answer, and the rest when asked to."""

    def __init__(self, daemon, path, headers=None):
        self.connection = UnixConnection(daemon.socket)
        self.connection.request("GET", path, headers=headers or {})
        self.response = self.connection.getresponse()
        assert self.response.status == 200
        self.text = self.response.read(1000)

    def rest(self):
        return json.loads(self.text + self.response.read())


def change_much(daemon):
    for i in range(0, N, 5):
        patch(daemon, f"p{i:05}", {"metadata": {"labels": {"third": "9"}}})
    for i in range(1, N, 50):
        assert daemon.ask("DELETE", f"{PODS}/p{i:05}?gracePeriodSeconds=0").status == 200
        daemon.post(PODS, pod(f"p{i:05}-new"), 201)


def test_a_slow_reader_gets_a_list_of_one_revision(many):
    before = many.get(PODS)
    native = many.get("/pods")
    table = many.ask("GET", PODS, headers=TABLE).json
    kube, old, rows = Slow(many, PODS), Slow(many, "/pods"), Slow(many, PODS, TABLE)
    change_much(many)
    assert kube.rest() == before
    assert old.rest() == native
    got = rows.rest()
    assert [r["object"] for r in got["rows"]] == [r["object"] for r in table["rows"]]
    assert got["metadata"] == table["metadata"]
    now = many.get(PODS)
    assert len(now["items"]) == N and now != before


def test_a_slow_watcher_gets_what_there_was_and_what_came(many):
    before = many.get(PODS)
    connection = UnixConnection(many.socket)
    connection.request("GET", PODS + "?watch=1&sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan")
    response = connection.getresponse()
    first = response.readline()
    change_much(many)
    events = [json.loads(first)]
    while events[-1]["type"] != "BOOKMARK":
        events.append(json.loads(response.readline()))
    initial = [e["object"] for e in events[:-1]]
    assert all(e["type"] == "ADDED" for e in events[:-1])
    assert names(initial) == names(before["items"])
    assert [o["metadata"]["resourceVersion"] for o in initial] == [o["metadata"]["resourceVersion"] for o in before["items"]]
    assert events[-1]["object"]["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
    state = {o["metadata"]["name"]: o["metadata"]["resourceVersion"] for o in initial}
    now = {i["metadata"]["name"]: i["metadata"]["resourceVersion"] for i in many.get(PODS)["items"]}
    while state != now:
        event = json.loads(response.readline())
        o = event["object"]["metadata"]
        if event["type"] == "DELETED":
            del state[o["name"]]
        else:
            state[o["name"]] = o["resourceVersion"]


@pytest.mark.parametrize("limit", [7, 400, 700])
def test_pages_while_things_change(many, limit):
    path = f"{PODS}?labelSelector=third%3D1&limit={limit}"
    wanted = [f"p{i:05}" for i in range(N) if i % 3 == 1]
    seen, token, revisions = [], "", set()
    while token is not None:
        page = many.get(path + (f"&continue={token}" if token else ""))
        assert len(page["items"]) <= limit
        seen += names(page["items"])
        revisions.add(page["metadata"]["resourceVersion"])
        if not token:
            change_much(many)
        token = page["metadata"].get("continue")
    assert seen == wanted
    assert len(revisions) == 1


def test_pages_of_the_native_door(many):
    for query in ("limit=1000", "limit=600&prefix=p000", "limit=3&prefix=p0249"):
        prefix = query.partition("prefix=")[2]
        seen, token = [], ""
        while token is not None:
            reply = many.ask("GET", f"/pods?{query}{token}")
            seen += list(reply.json)
            token = "&continue=" + reply.headers["X-Continue"] if "X-Continue" in reply.headers else None
        assert seen == [f"p{i:05}" for i in range(N) if f"p{i:05}".startswith(prefix)]


def test_a_list_in_yaml_is_the_one_in_json(many):
    """Also of long pages, which tell at their end whether more follow, and of such that nothing matches."""
    for query in ("", "?limit=700", "?limit=700&labelSelector=third%3D1", f"?limit={N}", "?limit=700&labelSelector=third%3D7"):
        wanted = many.get(PODS + query)
        reply = many.ask("GET", PODS + query, headers={"Accept": "application/yaml"})
        assert reply.headers["Content-Type"] == "application/yaml"
        got = yaml.load(reply.text, Loader=yaml.CBaseLoader)  # every scalar is a string
        assert names(got["items"]) == names(wanted["items"])
        assert got["metadata"] == {k: str(v) for k, v in wanted["metadata"].items()}
        assert ("remainingItemCount" in got["metadata"]) == (query == "?limit=700") and ("continue" in got["metadata"]) == (query in ("?limit=700", "?limit=700&labelSelector=third%3D1"))


def test_a_compressed_list_that_little_matches(many):
    """The source says that it has looked at enough for this turn; what compresses it passes that on."""
    for selector in ("third%3D7", "third%3D1", "third%3D1&limit=600"):
        wanted = many.get(f"{PODS}?labelSelector={selector}")
        reply = Slow(many, f"{PODS}?labelSelector={selector}", {"Accept-Encoding": "gzip"})
        assert reply.response.headers["Content-Encoding"] == "gzip"
        assert json.loads(gzip.decompress(reply.text + reply.response.read())) == wanted


def test_a_list_that_nothing_matches(many):
    assert many.get(PODS + "?labelSelector=third%3D7")["items"] == []
    page = many.get(PODS + "?labelSelector=third%3D7&limit=10")
    assert page["items"] == [] and "continue" not in page["metadata"]
    assert many.get("/pods?prefix=q") == {}


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small file system")
def test_lists_while_the_disk_refuses(start, tmp_path):
    """A list that waits to be sent for what is not yet durable is refused with it; all others are whole."""
    state, stop, answers = tmp_path / "small", threading.Event(), []
    state.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", state], check=True)
    try:
        daemon = start("Access.Anonymous=admin", "Cluster.NodeTimeoutSec=1h", "Limits.PodsPerNode=100000", fast=False, state=state)
        daemon.beat("n1", cpuCores=1000)

        def ask_for_lists(path, find):
            while not stop.is_set():
                reply = daemon.ask("GET", path)
                answers.append(reply.status)
                if reply.status == 200:
                    assert find(reply.json) is not None
                else:
                    assert reply.status == 507, reply.text

        threads = [threading.Thread(target=ask_for_lists, args=a) for a in [("/pods", lambda j: j), (PODS, lambda j: j["items"])] * 2]
        for t in threads:
            t.start()
        connection, status, i = UnixConnection(daemon.socket), 201, 0
        while status == 201:
            connection.request("POST", PODS, json.dumps(pod(f"p{i}", unique=f"x{i}")), {"Content-Type": "application/json"})
            reply = connection.getresponse()
            reply.read()
            status, i = reply.status, i + 1
        stop.set()
        for t in threads:
            t.join()
        assert status == 507 and answers.count(200) > 10
        assert len(daemon.get(PODS)["items"]) == i - 1
        daemon.check_clean(daemon.stop())
    finally:
        subprocess.run(["umount", "-l", state])


def test_those_who_leave_early_leave_nothing(many):
    for path in (PODS, "/pods", PODS + "?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"):
        slow = Slow(many, path)
        change_much(many) if path == "/pods" else None
        slow.connection.close()
        slow.response.close()
    eventually(lambda: "kubesim_watchers 0\n" in many.ask("GET", "/metrics").text, 15)
    assert len(many.get(PODS)["items"]) == N


# --- Turns of the loop ---

def metric(daemon, name):
    return next(float(line.split()[1]) for line in daemon.ask("GET", "/metrics").text.splitlines() if line.startswith(name + " "))


def test_others_are_answered_while_much_is_placed(start):
    """A step places a few hundred pods, and leaves the others to the next one."""
    sets, each = 16, 1000
    daemon = start("Access.Anonymous=admin", "Cluster.NodeTimeoutSec=1h", "Limits.PodsPerNode=100000", "Limits.MaxNodeCPU=1000", fast=False)
    for i in range(sets):
        daemon.post("/apis/apps/v1/namespaces/default/replicasets", {"metadata": {"name": f"rs{i}"}, "spec": {
            "replicas": each, "selector": {"matchLabels": {"rs": f"{i}"}}, "template": {"metadata": {"labels": {"rs": f"{i}"}}, "spec": SPEC}}}, 201)
    eventually(lambda: metric(daemon, "kubesim_pending_pods") == sets * each, 60)
    daemon.beat("n1", cpuCores=1000)
    seen = [sets * each]
    while seen[-1] > 0:
        seen.append(metric(daemon, "kubesim_pending_pods"))
    assert len(set(seen)) > 3, seen
    assert seen == sorted(seen, reverse=True)
