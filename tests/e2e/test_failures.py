# SPDX-License-Identifier: Apache-2.0
"""The daemon when memory runs out or its disk fails at a moment that is chosen (tests/lib/faulty.c)."""
import http.client
import json
import mmap
import random
import struct
import threading

import pytest

from conftest import Daemon, UnixConnection, eventually
from test_api import problem

WORDS = ("submit", "reply", "reply_error", "disk", "undone", "memory", "failed", "seed")


class Faulty(Daemon):
    variant = "faulty"

    def __init__(self, tmp, *settings, **kw):
        path = f"{tmp}/faults"
        with open(path, "w+b") as f:
            f.write(bytes(4 * len(WORDS)))
            f.flush()
            self.words = mmap.mmap(f.fileno(), 4 * len(WORDS))
        super().__init__(tmp, "Access.Anonymous=admin", *settings, env={"KUBESIM_FAULTS": path}, **kw)

    def fail(self, **what):
        for name, value in what.items():
            struct.pack_into("=I", self.words, 4 * WORDS.index(name), value)

    def left(self, name):
        return struct.unpack_from("=I", self.words, 4 * WORDS.index(name))[0]


@pytest.fixture
def faulty(start):
    """Starts such daemons; nothing fails any more when they are to end cleanly."""
    daemons = []

    def faulty(*settings, **kw):
        daemons.append(start(*settings, kind=Faulty, **kw))
        return daemons[-1]

    yield faulty
    for daemon in daemons:
        daemon.fail(**{name: 0 for name in WORDS})


def test_changes_that_cannot_be_queued_for_the_disk_are_tried_again(faulty):
    """Nothing else happens in this daemon that would have it look at them once more."""
    kubesimd = faulty(fast=False)
    kubesimd.fail(submit=20)
    assert kubesimd.post("/pods", {"cpuRequired": 1, "podId": "a"}, 201)
    assert kubesimd.left("submit") == 0
    assert kubesimd.log.count("Failed to queue changes for the disk") == 1
    kubesimd.fail(submit=1)
    kubesimd.post("/pods", {"cpuRequired": 1, "podId": "b"}, 201)
    assert kubesimd.log.count("Failed to queue changes for the disk") == 2
    kubesimd.restart()
    assert sorted(kubesimd.get("/pods")) == ["a", "b"]


def test_what_was_never_queued_for_the_disk_was_not_answered(faulty):
    kubesimd = faulty(fast=False)
    kubesimd.fail(submit=1000)
    with pytest.raises(TimeoutError):
        kubesimd.ask("POST", "/pods", {"cpuRequired": 1, "podId": "a"}, timeout=1)
    kubesimd.check_clean(kubesimd.stop())
    kubesimd.fail(submit=0)
    kubesimd.restart()
    assert kubesimd.get("/pods") == {}


def test_a_held_beat_that_cannot_be_answered_is_hung_up(faulty):
    kubesimd = faulty(fast=False)
    revision = kubesimd.beat("n1", cpuCores=4)["revision"]
    held = UnixConnection(kubesimd.socket)
    held.request("POST", "/heartbeat", json.dumps({"nodeID": "n1", "status": "Healthy", "revision": revision}),
                 {"Content-Type": "application/json", "Prefer": "wait=1"})
    kubesimd.fail(reply=1)
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        held.getresponse()
    assert "kubesim_held_heartbeats 0" in kubesimd.ask("GET", "/metrics").text
    assert kubesimd.beat("n1", headers={"Prefer": "wait=1"}, revision=revision)["pods"] == []


def test_an_order_that_cannot_be_answered_is_hung_up(faulty):
    """Faults for very many nodes are held while these are being found."""
    kubesimd = faulty()
    for first in range(0, 24000, 2000):
        kubesimd.post("/nodes/batch", {"prefix": "v", "count": 2000, "first": first, "cpuCores": 1}, 201)
    kubesimd.fail(reply=1, reply_error=1)
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        kubesimd.ask("POST", "/faults", {"kind": "slow", "all": True})
    assert (kubesimd.left("reply"), kubesimd.left("reply_error")) == (0, 0)
    assert kubesimd.post("/faults/recover", {"all": True})["nodes"] == 24000


def test_what_the_disk_refused_is_not_confirmed_without_memory_either(faulty):
    """An answer that cannot be exchanged for one that tells of the failure must not go out as it was."""
    kubesimd = faulty(fast=False)
    kubesimd.post("/pods", {"cpuRequired": 1, "podId": "a"}, 201)
    kubesimd.fail(disk=1, undone=1)
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        kubesimd.ask("POST", "/pods", {"cpuRequired": 1, "podId": "b"})
    kubesimd.fail(undone=0)
    problem(kubesimd.ask("POST", "/pods", {"cpuRequired": 1, "podId": "b"}), 507)
    assert list(kubesimd.get("/pods")) == ["a"]
    kubesimd.fail(disk=0)
    eventually(lambda: kubesimd.ask("GET", "/readyz").status == 200, 15)
    assert list(kubesimd.get("/pods")) == ["a"]


class Clients:
    """What people do all day, at once, some of it in vain; knows what they were told."""

    def __init__(self, kubesimd, seed):
        self.kubesimd, self.lot, self.stop = kubesimd, random.Random(seed), threading.Event()
        self.made, self.gone, self.odd, self.n = set(), set(), [], 0

    def ask(self, method, path, body=None, **headers):
        """The status, or 0 when the connection was closed."""
        connection = UnixConnection(self.kubesimd.socket)
        body = body if body is None or isinstance(body, str) else json.dumps(body)
        try:
            connection.request(method, path, body, {"Content-Type": "application/json"} | {k.replace("_", "-"): v for k, v in headers.items()})
            reply = connection.getresponse()
            text = reply.read()
        except (http.client.HTTPException, ConnectionError):
            return 0
        finally:
            connection.close()
        if reply.status >= 400 and "json" in reply.getheader("Content-Type"):
            said = json.loads(text)
            assert said.get("detail") or said.get("message"), text
            assert reply.status in (404, 405, 406, 409, 503, 507), text  # no request is wrong
        return reply.status

    def pod(self):
        self.n += 1
        name = f"p{self.n}"
        if self.ask("POST", "/pods", {"cpuRequired": 0.1, "podId": name}) != 201:
            return
        if self.lot.random() < 0.5:
            self.made.add(name)
        elif self.ask("DELETE", f"/pods/{name}") == 200:  # else it may be gone, too, and only the answer was not to be had
            self.gone.add(name)

    def deployment(self):
        name = f"d{self.lot.randrange(3)}"
        path = "/apis/apps/v1/namespaces/default/deployments"
        template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        self.ask("POST", path, {"metadata": {"name": name}, "spec": {"replicas": 3, "selector": {"matchLabels": {"app": name}}, "template": template}})
        self.ask("PATCH", f"{path}/{name}", {"spec": {"replicas": self.lot.randrange(9)}}, Content_Type="application/merge-patch+json")
        if self.lot.random() < 0.3:
            self.ask("DELETE", f"{path}/{name}")

    def apply(self):
        name = f"c{self.lot.randrange(9)}"
        self.ask("PATCH", f"/api/v1/namespaces/default/configmaps/{name}?fieldManager=f&force=true", f"""apiVersion: v1
kind: ConfigMap
metadata: {{name: {name}}}
data: {{k: "{self.lot.random()}"}}""", Content_Type="application/apply-patch+yaml")

    def definition(self):
        kind = f"k{self.lot.randrange(3)}"
        path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
        schema = {"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object", "properties": {"n": {"type": "integer"}, "s": {"type": "string", "pattern": "a+"}}}}}}
        self.ask("POST", path, {"metadata": {"name": f"{kind}s.example.org"}, "spec": {
            "group": "example.org", "scope": "Namespaced", "names": {"plural": f"{kind}s", "singular": kind, "kind": kind.upper()},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": schema}]}})
        self.ask("POST", f"/apis/example.org/v1/namespaces/default/{kind}s", {"apiVersion": "example.org/v1", "kind": kind.upper(),
                 "metadata": {"name": f"o{self.lot.randrange(9)}"}, "spec": {"n": 1, "s": "aa"}})
        if self.lot.random() < 0.3:
            self.ask("DELETE", f"{path}/{kind}s.example.org")

    def read(self):
        for path in self.lot.sample(("/pods", "/nodes", "/events", "/metrics", "/api/v1/pods?limit=3", "/openapi/v2", "/apis", "/api/v1/events", "/faults",
                                     "/api/v1/pods?watch=1&timeoutSeconds=1", "/pods?watch=1", "/kubeconfig", "/openapi/v3/api/v1", "/apis/apps/v1/replicasets", "/scheduler"), 4):
            if path == "/pods?watch=1":
                connection = UnixConnection(self.kubesimd.socket)
                connection.request("GET", path)
                connection.sock.settimeout(0.2)
                try:
                    connection.getresponse().read(1000)
                except (http.client.HTTPException, OSError):
                    pass
                connection.close()
            else:
                self.ask("GET", path, Accept_Encoding=self.lot.choice(("gzip", "")),
                         Accept=self.lot.choice(("application/json", "application/yaml", "application/vnd.kubernetes.protobuf", "application/json;as=Table;v=v1;g=meta.k8s.io")))

    def node(self):
        name = f"n{self.lot.randrange(9)}"
        self.ask("POST", "/heartbeat", {"nodeID": name, "status": "Healthy", "cpuCores": 4, "pods": ["p1", "p2"]}, Prefer=self.lot.choice(("wait=1", "")))
        self.ask("POST", "/nodes/batch", {"prefix": f"v{self.lot.randrange(3)}-", "count": 20, "cpuCores": 2})
        if self.lot.random() < 0.3:
            self.ask("DELETE", f"/nodes/{name}")
        self.ask("POST", f"/nodes/v1-{self.lot.randrange(20)}/stop")

    def fault(self):
        self.ask("POST", "/faults", {"kind": self.lot.choice(("hang", "slow", "flap", "stop")), "all": True, "count": 5, "for": 0.2})
        self.ask("POST", "/faults/recover", {"all": True})

    def question(self):
        spec = {"containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}}}]}
        self.ask("POST", "/capacity?algorithm=kube&limit=5", {"spec": spec})
        self.ask("POST", "/compare?algorithm=kube,best-fit", {"kind": "Pod", "count": 3, "spec": spec})
        self.ask("POST", "/explain", {"spec": spec})
        self.ask("GET", f"/pods/p{100000 * self.lot.randrange(4) + 1}/explain")

    def go_on(self):
        acts = (self.pod, self.pod, self.deployment, self.apply, self.definition, self.read, self.node, self.fault, self.question)
        while not self.stop.is_set():
            try:
                self.lot.choice(acts)()
            except Exception as e:  # told by the test, which goes on elsewhere
                self.odd.append(repr(e))
                return


def rest(kubesimd):
    return kubesimd.ask("GET", "/readyz").status == 200


@pytest.mark.parametrize("one_of", (20, 100, 1000))
def test_memory_that_runs_out(faulty, one_of):
    kubesimd = faulty()
    kubesimd.post("/nodes/batch", {"prefix": "v1-", "count": 20, "cpuCores": 8}, 201)
    kubesimd.fail(seed=one_of, memory=one_of)
    clients = [Clients(kubesimd, n) for n in range(4)]
    for n, c in enumerate(clients):
        c.n = 100000 * n
    threads = [threading.Thread(target=c.go_on) for c in clients]
    for t in threads:
        t.start()
    threads[0].join(2)
    for c in clients:
        c.stop.set()
    for t in threads:
        t.join()
    assert [c.odd for c in clients] == [[]] * 4
    assert kubesimd.left("failed") > 10
    kubesimd.fail(memory=0)
    eventually(lambda: rest(kubesimd))
    gone, made = set().union(*(c.gone for c in clients)), set().union(*(c.made for c in clients))
    assert made and gone
    eventually(lambda: not gone & set(kubesimd.get("/pods")))
    for _ in range(2):
        pods = set(kubesimd.get("/pods"))
        assert made <= pods and not gone & pods
        kubesimd.restart()
