# SPDX-License-Identifier: Apache-2.0
"""What an informer may rely on: lists and watches of a server that is killed again and again, and of every revision that it remembers."""
import concurrent.futures
import http.client
import json
import os
import random
import signal
import threading
import time

import pytest

from conftest import UnixConnection, eventually

# How often the server is killed, and how many writes are replayed: fewer where the build is slow.
ROUNDS = int(os.environ.get("KUBESIM_ROUNDS", "6"))
PATHS = {"configmaps": "/api/v1/namespaces/default/configmaps", "pods": "/api/v1/namespaces/default/pods",
         "deployments": "/apis/apps/v1/namespaces/default/deployments"}
CONTAINERS = [{"name": "c", "image": "x", "resources": {"requests": {"cpu": "10m"}}}]
GONE = (OSError, EOFError, http.client.HTTPException)  # what a connection says of a server that is killed
MERGE = {"Content-Type": "application/merge-patch+json"}


def body_of(kind, name, labels):
    body = {"metadata": {"name": name, "labels": labels}}
    if kind == "pods":
        body["spec"] = {"containers": CONTAINERS}
    elif kind == "deployments":
        body["spec"] = {"replicas": 1, "selector": {"matchLabels": {"d": name}},
                        "template": {"metadata": {"labels": {"d": name}}, "spec": {"containers": CONTAINERS}}}
    return body


def bare(o):
    """Items of lists lack what events say of their type."""
    return {k: v for k, v in o.items() if k not in ("kind", "apiVersion")}


def key(o):
    return o["metadata"]["name"]


def version(o):
    return int(o["metadata"]["resourceVersion"])


class Rules:
    """A cache that holds its source to the rules."""

    def __init__(self):
        self.objects, self.last = {}, 0

    def list(self, answer):
        assert version(answer) >= self.last, f"the list is of {version(answer)}, and {self.last} has been told"
        self.objects = {key(o): bare(o) for o in answer["items"]}
        self.last = version(answer)

    def event(self, event):
        o, type = event["object"], event["type"]
        if type == "BOOKMARK":
            assert version(o) >= self.last
            self.last = version(o)
            return
        assert version(o) > self.last, f"{type} of {version(o)} after {self.last}"
        self.last = version(o)
        assert (type == "ADDED") == (key(o) not in self.objects), f"{type} {key(o)}, and there is {self.objects.get(key(o))}"
        if type == "DELETED":
            del self.objects[key(o)]
        else:
            assert type in ("ADDED", "MODIFIED")
            self.objects[key(o)] = bare(o)


class Informer(threading.Thread):
    """Lists, watches, goes on where a watch ended, and lists again at 410."""

    def __init__(self, daemon, path):
        super().__init__(daemon=True)
        self.server, self.path, self.rules, self.events, self.expired = daemon, path, Rules(), 0, True
        self.stopping, self.error = False, None
        self.start()

    def run(self):
        try:
            while not self.stopping:
                try:
                    self.follow()
                except GONE:  # the server has gone, perhaps in the middle of a line
                    time.sleep(0.02)
        except Exception as e:  # told by check()
            self.error = e

    def follow(self):
        if self.expired:
            reply = self.server.ask("GET", self.path)
            if reply.status != 200:
                raise OSError(reply.text)
            self.rules.list(reply.json)
            self.expired = False
        connection = UnixConnection(self.server.socket)
        connection.request("GET", f"{self.path}?watch=1&allowWatchBookmarks=1&timeoutSeconds=1&resourceVersion={self.rules.last}")
        for line in connection.getresponse():
            if not line.endswith(b"\n"):
                raise EOFError
            event = json.loads(line)
            if event.get("code") == 410 or event.get("type") == "ERROR":
                assert event.get("object", event)["code"] == 410, event
                self.expired = True
                return
            self.rules.event(event)
            self.events += 1

    def check(self):
        if self.error:
            raise self.error
        assert self.is_alive()


class Writer(threading.Thread):
    """Creates, labels and deletes objects of its own, and remembers what it was told."""

    def __init__(self, daemon, kind, seed):
        super().__init__(daemon=True)
        self.server, self.kind, self.path, self.random, self.n = daemon, kind, PATHS[kind], random.Random(seed), 0
        self.known = {}  # name -> the label n, None: it is not there; missing: nobody knows
        self.names = [f"{kind[0]}{seed}-{i}" for i in range(4)]
        self.stopping, self.error, self.told = False, None, 0
        self.start()

    def run(self):
        try:
            while not self.stopping:
                name = self.random.choice(self.names)
                try:
                    self.step(name)
                except GONE:
                    time.sleep(0.02)
        except Exception as e:  # told by check()
            self.error = e

    def read(self, name):
        reply = self.server.ask("GET", f"{self.path}/{name}")
        assert reply.status in (200, 404), reply.text
        return reply.json["metadata"]["labels"]["n"] if reply.status == 200 else None

    def step(self, name):
        value = self.read(name)
        assert self.known.get(name, value) == value, f"{name} was said to be {self.known[name]}, and is {value}"
        self.n += 1
        self.known.pop(name, None)  # until the answer has come
        labels = {"n": str(self.n), "odd": str(self.n % 2)}
        if value is None:
            reply = self.server.ask("POST", self.path, body_of(self.kind, name, labels))
        elif self.random.random() < 0.3:
            reply = self.server.ask("DELETE", f"{self.path}/{name}", {"gracePeriodSeconds": 0})
            labels = None
        else:
            reply = self.server.ask("PATCH", f"{self.path}/{name}", {"metadata": {"labels": labels}}, headers=MERGE)
        if reply.status in (200, 201):
            self.known[name] = labels and labels["n"]
            self.told += 1
        else:
            assert reply.status == 503, reply.text  # it is being stopped

    def check(self):
        if self.error:
            raise self.error
        assert self.is_alive()


def settled(daemon):
    """Waits until the controllers have nothing more to do; the revision then."""
    revision = lambda: daemon.get("/api/v1/nodes?limit=1")["metadata"]["resourceVersion"]

    def quiet():
        before = revision()
        time.sleep(0.3)
        return revision() == before

    eventually(quiet, 20)
    return int(revision())


def read_events(daemon, path, since, n=None):
    """What a watch tells from there: n events, or what there is within a second."""
    stream = daemon.stream(f"{path}{'&' if '?' in path else '?'}watch=1&resourceVersion={since}" + ("&timeoutSeconds=1" if n is None else ""))
    if n is None:
        return list(stream)
    return [next(stream) for _ in range(n)]


def histories(daemon, paths, since):
    """What watches of each path tell from there, asked at the same time."""
    with concurrent.futures.ThreadPoolExecutor(len(paths)) as pool:
        return dict(zip(paths, pool.map(lambda path: read_events(daemon, path, since), paths)))


def check_replay(daemon, path, history, first, last, revisions):
    """From any revision: the list as of then, and the changes since, end at the list of now."""
    both = "&" if "?" in path else "?"
    final = {key(o): bare(o) for o in daemon.get(path)["items"]}
    assert all(first < version(e["object"]) <= last for e in history)
    for r in revisions:
        rest = [e for e in history if version(e["object"]) > r]
        if r != first:
            assert read_events(daemon, path, r, len(rest)) == rest, f"a watch from {r} and one from {first} tell different things"
        at = daemon.get(f"{path}{both}resourceVersion={r}&resourceVersionMatch=Exact")
        assert version(at) == r
        rules = Rules()
        rules.list(at)
        for e in rest:
            rules.event(e)
        assert rules.objects == final, f"{path} from {r}"


@pytest.mark.parametrize("seed", [1, 2])
def test_a_server_that_is_killed(start, seed):
    daemon = start("Access.Anonymous=admin", "Limits.WatchLogEntries=20000")
    for n in ("n1", "n2"):
        daemon.post("/nodes", {"cpuCores": 16, "nodeId": n}, 201)
    r = random.Random(seed)
    informers = {kind: Informer(daemon, path) for kind, path in PATHS.items()}
    writers = [Writer(daemon, kind, seed * 10 + i) for i, kind in enumerate(("configmaps", "configmaps", "pods", "deployments"))]
    for _ in range(max(2, ROUNDS // 2)):
        time.sleep(r.uniform(0.1, 0.8))
        daemon.restart(signal.SIGKILL)
        for thread in [*informers.values(), *writers]:
            thread.check()
    begun = int(daemon.get("/api/v1/nodes")["metadata"]["resourceVersion"])
    time.sleep(0.3)
    for writer in writers:
        writer.stopping = True
        writer.join(20)
        assert not writer.error and writer.told > 20, (writer.error, writer.told)
        for name, value in writer.known.items():
            assert writer.read(name) == value
    last = settled(daemon)
    for kind, informer in informers.items():
        now = {key(o): bare(o) for o in daemon.get(PATHS[kind])["items"]}
        eventually(lambda: informer.check() or informer.rules.objects == now)
        informer.stopping = True
        assert informer.events > 20
    for path, history in histories(daemon, PATHS.values(), begun).items():
        check_replay(daemon, path, history, begun, last, [begun, *sorted(r.sample(range(begun, last + 1), min(3, last - begun)))])


SELECTIONS = {
    "configmaps": ["", "?labelSelector=odd%3D1", "?labelSelector=odd!%3D1", "?labelSelector=odd", "?fieldSelector=metadata.name%3Dc2",
                   "?labelSelector=odd%20in%20(0,1)&fieldSelector=metadata.name!%3Dc1"],
    "pods": ["", "?labelSelector=odd%3D0", "?fieldSelector=status.phase%3DRunning", "?fieldSelector=spec.nodeName%3Dn1",
             "?fieldSelector=spec.nodeName!%3Dn1,status.phase!%3DPending&labelSelector=!d"],
    "deployments": ["", "?labelSelector=odd%20notin%20(1)"],
}


def test_replay_from_every_revision(start):
    """Changes of all kinds, also those that come into a selection and leave it, and what nodes and controllers do."""
    daemon = start("Access.Anonymous=admin")
    r = random.Random(11)
    for n in ("n1", "n2"):
        daemon.post("/nodes", {"cpuCores": 16, "nodeId": n}, 201)
    first = settled(daemon)
    there = set()
    for i in range(10 * ROUNDS):
        kind = r.choice(["configmaps", "configmaps", "pods", "pods", "deployments"])
        name = f"{kind[0]}{r.randrange(4)}"
        labels = {"n": str(i), "odd": r.choice(["0", "1", None])}
        path = f"{PATHS[kind]}/{name}"
        if i % 20 == 15:
            daemon.post(f"/nodes/n1/{r.choice(['stop', 'restart'])}")
        elif name not in there:
            labels = {k: v for k, v in labels.items() if v}
            assert daemon.ask("POST", PATHS[kind], body_of(kind, name, labels)).status == 201
            there.add(name)
        elif r.random() < 0.3:
            assert daemon.ask("DELETE", path, {"gracePeriodSeconds": 0}).status == 200
            there.discard(name)
        else:
            assert daemon.ask("PATCH", path, {"metadata": {"labels": labels}}, headers=MERGE).status == 200
    last = settled(daemon)
    paths = [PATHS[kind] + selection for kind, selections in SELECTIONS.items() for selection in selections]
    for path, history in histories(daemon, paths, first).items():
        assert history, f"{path} has seen nothing"
        every = range(first, last + 1) if "?" not in path else r.sample(range(first, last + 1), min(5 * ROUNDS, last - first))
        check_replay(daemon, path, history, first, last, every)
