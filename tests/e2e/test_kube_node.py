# SPDX-License-Identifier: Apache-2.0
"""The Kubernetes API by its JavaScript client and its informer (npm's @kubernetes/client-node), over HTTPS with the kubeconfig that
kubesimctl writes. tests/e2e/node/client.js obeys; what is right is said here."""
import fcntl
import filecmp
import json
import os
import queue
import shutil
import signal
import subprocess
import threading

import pytest

from conftest import BUILD, eventually, free_port

SOURCE = os.path.join(os.path.dirname(__file__), "node")
HOME = os.path.abspath(os.path.join(BUILD, "node"))
MANIFESTS = ("package.json", "package-lock.json", ".npmrc")


@pytest.fixture(scope="session")
def program():
    """The client, installed once beside the build, by one of the tests that run side by side."""
    os.makedirs(HOME, exist_ok=True)
    with open(os.path.join(HOME, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        install()
    return os.path.join(HOME, "client.js")


def install():
    """Again only when what is wanted has changed."""
    done = os.path.join(HOME, "installed")
    if not os.path.exists(done) or filecmp.cmpfiles(SOURCE, HOME, MANIFESTS, shallow=False)[0] != list(MANIFESTS):
        for name in MANIFESTS:
            shutil.copy(os.path.join(SOURCE, name), HOME)
        npm = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=HOME, capture_output=True, text=True, timeout=300)
        if npm.returncode:
            pytest.fail(f"npm could not install the Kubernetes client for JavaScript; it needs its registry:\n{npm.stdout}{npm.stderr}", pytrace=False)
        open(done, "w").close()
    shutil.copy(os.path.join(SOURCE, "client.js"), HOME)


class Client:
    def __init__(self, program, kubeconfig):
        self.process = subprocess.Popen(["node", program, kubeconfig], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.answers, self.told, self.n = queue.Queue(), [], 0
        threading.Thread(target=self.read, daemon=True).start()

    def read(self):
        for line in self.process.stdout:
            said = json.loads(line)
            if "informer" in said:
                self.told.append(said)
            else:
                self.answers.put(said)

    def ask(self, command, **args):
        self.n += 1
        self.process.stdin.write(json.dumps({"n": self.n, "command": command, **args}) + "\n")
        self.process.stdin.flush()
        answer = self.answers.get(timeout=30)
        assert answer["n"] == self.n
        return answer

    def do(self, command, **args):
        answer = self.ask(command, **args)
        assert "result" in answer, answer
        return answer["result"]

    def create(self, name, labels=None, **more):
        return self.do("create", object={"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default",
                                                                                             "labels": labels or {}}, **more})

    def delete(self, name):
        return self.do("delete", object={"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}})

    def events(self, informer):
        return [(t["event"], t["name"]) for t in self.told if t["informer"] == informer and "name" in t]

    def count(self, informer, event):
        return sum(t["informer"] == informer and t["event"] == event for t in self.told)


@pytest.fixture
def front(start, program, tmp_path):
    """Starts a daemon with an HTTPS door, and the client with the kubeconfig for it."""
    clients = []

    def front(*settings):
        port = free_port()
        daemon = start("Access.Anonymous=no", *settings, listen=[f"https:127.0.0.1:{port}"])
        config = tmp_path / "kubeconfig"
        config.write_text(daemon.ctl("kubeconfig", "admin", f"https://127.0.0.1:{port}", check=True).stdout)
        clients.append(Client(program, str(config)))
        return daemon, clients[-1]

    yield front
    for c in clients:
        c.process.stdin.close()
        c.process.wait(20)


def listed(daemon, path="/api/v1/namespaces/default/configmaps"):
    return sorted([o["metadata"]["name"], o["metadata"]["resourceVersion"]] for o in daemon.get(path)["items"])


def is_right(daemon, client, informer="i"):
    return sorted(client.do("cache", id=informer)) == listed(daemon)


def test_objects(front):
    daemon, client = front()
    client.create("a", {"x": "1"}, data={"k": "v"})
    client.create("b")
    assert client.ask("create", object={"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}})["code"] == 409
    assert [o["metadata"]["name"] for o in client.do("list", kind="configmaps")["items"]] == ["a", "b"]
    assert [o["metadata"]["name"] for o in client.do("list", kind="configmaps", labelSelector="x=1")["items"]] == ["a"]
    assert [o["metadata"]["name"] for o in client.do("list", kind="configmaps", fieldSelector="metadata.name=b")["items"]] == ["b"]
    page = client.do("list", kind="configmaps", limit=1)
    assert len(page["items"]) == 1 and page["metadata"]["_continue"]
    a = client.do("read", object={"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}})
    assert a["data"] == {"k": "v"} and a["metadata"]["creationTimestamp"]
    meta = {m: a["metadata"][m] for m in ("name", "namespace", "resourceVersion")}
    assert client.do("replace", object={**a, "metadata": meta, "data": {"k": "w"}})["data"] == {"k": "w"}
    assert client.ask("replace", object={**a, "metadata": meta, "data": {"k": "x"}})["code"] == 409  # of a version that is gone
    assert client.delete("a")["status"] == "Success"
    missing = client.ask("delete", object={"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a", "namespace": "default"}})
    assert missing["code"] == 404 and json.loads(missing["error"])["reason"] == "NotFound"
    assert [name for name, _ in listed(daemon)] == ["b"]


def test_patches(front):
    _, client = front()
    client.create("m", data={"a": "1", "b": "2"})
    assert client.do("patch", name="m", how="json", body=[{"op": "replace", "path": "/data/a", "value": "9"}])["data"] == {"a": "9", "b": "2"}
    assert client.ask("patch", name="m", how="json", body=[{"op": "test", "path": "/data/a", "value": "8"}])["code"] == 422
    assert client.do("patch", name="m", how="merge", body={"data": {"b": None, "c": "3"}})["data"] == {"a": "9", "c": "3"}
    assert client.do("patch", name="m", how="strategic", body={"data": {"$patch": "replace", "d": "4"}})["data"] == {"d": "4"}
    applied = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"e": "5"}}
    assert client.do("patch", name="m", how="apply", body=applied, fieldManager="js")["data"] == {"d": "4", "e": "5"}
    container = {"name": "c", "image": "x"}
    client.do("create", object={"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "default"}, "spec": {
        "replicas": 0, "selector": {"matchLabels": {"a": "b"}}, "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}}}})
    more = {"spec": {"template": {"spec": {"containers": [{"name": "e", "image": "y"}]}}}}
    of = lambda d: [c["name"] for c in d["spec"]["template"]["spec"]["containers"]]
    assert sorted(of(client.do("patchDeployment", name="d", how="strategic", body=more))) == ["c", "e"]
    assert of(client.do("patchDeployment", name="d", how="merge", body=more)) == ["e"]


def test_informer(front):
    daemon, client = front()
    client.create("before")
    client.do("inform", id="i", kind="configmaps")
    client.do("inform", id="x", kind="configmaps", labelSelector="x=1")
    eventually(lambda: client.count("i", "connect") and client.count("x", "connect"))
    client.create("a", {"x": "1"})
    client.create("b")
    client.do("patch", name="a", how="merge", body={"data": {"k": "v"}})
    client.do("patch", name="a", how="merge", body={"metadata": {"labels": {"x": "2"}}})  # leaves the selector
    client.do("patch", name="b", how="merge", body={"metadata": {"labels": {"x": "1"}}})  # comes into it
    client.delete("before")
    client.delete("b")
    eventually(lambda: ("delete", "b") in client.events("i") and ("delete", "b") in client.events("x"))
    assert client.events("i") == [("add", "before"), ("add", "a"), ("add", "b"), ("update", "a"), ("update", "a"), ("update", "b"),
                                  ("delete", "before"), ("delete", "b")]
    assert client.events("x") == [("add", "a"), ("update", "a"), ("delete", "a"), ("add", "b"), ("delete", "b")]
    assert is_right(daemon, client) and client.do("cache", id="x") == []
    assert client.count("i", "list") == 1 and client.count("i", "error") == 0


def test_informer_of_what_lives(front):
    """Pods and Deployments as the controllers move them."""
    daemon, client = front()
    daemon.post("/nodes", {"cpuCores": 8, "nodeId": "n1"}, 201)
    for kind in ("pods", "deployments"):
        client.do("inform", id=kind, kind=kind)
    client.do("create", object={"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d", "namespace": "default"}, "spec": {
        "replicas": 3, "selector": {"matchLabels": {"a": "b"}}, "template": {
            "metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}}})
    path = "/apis/apps/v1/namespaces/default/deployments"
    eventually(lambda: daemon.get(path)["items"][0]["status"].get("readyReplicas") == 3, 20)
    pods = "/api/v1/namespaces/default/pods"
    for kind, where in (("pods", pods), ("deployments", path)):
        eventually(lambda: sorted(client.do("cache", id=kind)) == listed(daemon, where))
    assert client.count("pods", "add") == 3 and client.count("pods", "update") >= 3
    client.do("patchDeployment", name="d", how="merge", body={"spec": {"replicas": 0}})
    eventually(lambda: client.count("pods", "delete") == 3, 20)


def test_informer_resumes(front):
    """The server ends the watch: it goes on where it was, without another list."""
    daemon, client = front()
    client.do("inform", id="i", kind="configmaps", query="?timeoutSeconds=1")
    for i in range(12):
        client.create(f"c{i}")
        if i % 4 == 3:
            eventually(lambda: client.count("i", "connect") >= i // 4 + 2, 10)
    eventually(lambda: is_right(daemon, client))
    assert client.events("i") == [("add", f"c{i}") for i in range(12)]
    assert client.count("i", "list") == 1 and client.count("i", "error") == 0


def test_informer_lists_again(front):
    """While it was away the log has passed its revision: 410, and a new list says what has changed."""
    daemon, client = front("Limits.WatchLogEntries=100")
    for name in ("goes", "stays", "changes"):
        client.create(name)
    client.do("inform", id="i", kind="configmaps")
    eventually(lambda: client.count("i", "add") == 3)
    client.do("stop", id="i")
    client.delete("goes")
    client.create("comes")
    client.do("patch", name="changes", how="merge", body={"data": {"k": "v"}})
    for i in range(150):
        daemon.post("/api/v1/namespaces/default/secrets", {"metadata": {"name": f"s{i}"}}, 201)
    client.do("inform", id="fresh", kind="configmaps")
    client.do("start", id="i")
    eventually(lambda: is_right(daemon, client), 10)
    assert sorted(client.events("i")[3:]) == [("add", "comes"), ("delete", "goes"), ("update", "changes")]
    assert client.count("i", "list") == 2
    client.create("later")
    eventually(lambda: ("add", "later") in client.events("i"))


def test_informer_and_a_server_that_is_killed(front):
    daemon, client = front()
    client.do("inform", id="i", kind="configmaps")
    for kill in range(3):
        for i in range(5):
            client.create(f"c{kill}{i}")
        client.delete(f"c{kill}0")
        daemon.restart(signal.SIGKILL)
        eventually(lambda: is_right(daemon, client), 20)
    assert client.count("i", "error") >= 1
    client.create("last")
    eventually(lambda: is_right(daemon, client), 20)
    events = client.events("i")
    assert [e for e in events if events.count(e) > 1] == []  # each told once; what came and went meanwhile, perhaps never
    assert {name for event, name in events if event == "add"} >= {f"c{k}{i}" for k in range(3) for i in range(1, 5)} | {"last"}
    assert [e for e in events if e[0] == "update"] == [] and {name for event, name in events if event == "delete"} <= {f"c{k}0" for k in range(3)}
