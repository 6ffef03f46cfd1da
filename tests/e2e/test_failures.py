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
def faulty(tmp_path):
    daemons = []

    def start(*settings, **kw):
        daemons.append(Faulty(str(tmp_path), *settings, **kw))
        return daemons[-1]

    yield start
    for daemon in daemons:
        daemon.fail(**{name: 0 for name in WORDS})
        daemon.check_clean(daemon.stop())


def test_changes_that_cannot_be_queued_for_the_disk_are_tried_again(faulty):
    """Nothing else happens in this daemon that would have it look at them once more."""
    kubesimd = faulty(fast=False)
    kubesimd.fail(submit=5)
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
