# SPDX-License-Identifier: Apache-2.0
"""Real kubesimd and kubesim-agent processes on temporary sockets, with a receiver of sd_notify messages."""
import collections
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

BUILD = os.environ.get("KUBESIM_BUILD", os.path.join(os.path.dirname(__file__), "../../build"))
FAST = ["Cluster.HeartbeatIntervalSec=200ms", "Cluster.NodeTimeoutSec=700ms", "Cluster.RemoveAfterSec=900ms",
        "Cluster.StopGraceSec=300ms"]


def eventually(check, seconds=5.0):
    """Calls check until it gives something true; that is the result."""
    until = time.monotonic() + seconds
    while True:
        result = check()
        if result or time.monotonic() > until:
            assert result, f"not within {seconds}s: {check}"
            return result
        time.sleep(0.02)


RESERVED = collections.deque(maxlen=64)


def free_port():
    """A port that nobody else gets meanwhile: it is bound, but not listened on, and may so be bound a second time by who says SO_REUSEADDR."""
    probe = socket.socket()
    probe.bind(("127.0.0.1", 0))
    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    RESERVED.append(probe)
    return probe.getsockname()[1]


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=10):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Reply:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.text = response.read().decode()

    @property
    def json(self):
        return json.loads(self.text)


class Process:
    """A program with its stderr in a file and its sd_notify messages in a list."""
    variant = ""  # the folder of the build directory that it is in

    def __init__(self, tmp, name, args, env=None):
        self.log_path = os.path.join(tmp, name + ".log")
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notify_path = os.path.join(tmp, name + ".notify")
        if os.path.exists(notify_path):
            os.unlink(notify_path)
        self.notify.bind(notify_path)
        self.messages = []
        threading.Thread(target=self.listen, daemon=True).start()
        self.env = {"PATH": os.environ["PATH"], "NOTIFY_SOCKET": notify_path,
                    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0", **(env or {})}
        self.process = subprocess.Popen([os.path.join(BUILD, self.variant, args[0])] + args[1:], stderr=open(self.log_path, "a"), env=self.env)

    def listen(self):
        """Reads all the time, as systemd does."""
        while True:
            lines = self.notify.recv(65536).decode().split("\n")
            self.messages += lines  # only now: restart() has another list by then

    def received(self, text):
        return [m for m in self.messages if text in m]

    @property
    def log(self):
        return open(self.log_path).read()

    def stop(self, sig=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(sig)
        return self.process.wait(20)

    def check_clean(self, status):
        assert "Sanitizer" not in self.log and "runtime error" not in self.log, self.log
        assert status == 0, self.log


class Daemon(Process):
    def __init__(self, tmp, *settings, tokens=None, fast=True, state=None, env=None, listen=()):
        self.tmp, self.settings = tmp, settings
        self.socket = os.path.join(tmp, "kubesimd.sock")
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        args = ["kubesimd", f"--listen=unix:{self.socket}", f"--listen=127.0.0.1:{self.port}",
                f"--state={state or tmp}", f"--agents-dir={tmp}", f"--config={os.path.join(tmp, 'conf')}"]
        open(os.path.join(tmp, "conf"), "a").close()
        args += [f"--listen={a}" for a in listen]
        args += [f"--set={s}" for s in (FAST if fast else []) + list(settings)]
        if tokens:
            args.append(f"--tokens={tokens}")
        super().__init__(tmp, "kubesimd", args, env)
        eventually(lambda: self.process.poll() is not None or self.received("READY=1"), 20)
        assert self.process.poll() is None, self.log

    def restart(self, sig=signal.SIGTERM):
        """Another process on the same state and sockets."""
        self.stop(sig)
        self.messages = []
        self.process = subprocess.Popen(self.process.args, stderr=open(self.log_path, "a"), env=self.env)
        eventually(lambda: self.process.poll() is not None or self.received("READY=1"), 20)
        assert self.process.poll() is None, self.log

    def ask(self, method, path, body=None, headers=None, tcp=False, timeout=10):
        connection = (http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout) if tcp
                      else UnixConnection(self.socket, timeout))
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (str, bytes)):
            body = json.dumps(body)
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        connection.request(method, path, body, headers)
        reply = Reply(connection.getresponse())
        connection.close()
        return reply

    def get(self, path, **kw):
        reply = self.ask("GET", path, **kw)
        assert reply.status == 200, reply.text
        return reply.json

    def post(self, path, body=None, status=200, **kw):
        reply = self.ask("POST", path, body, **kw)
        assert reply.status == status, reply.text
        return reply.json

    def beat(self, node, pods=(), status="Healthy", headers=None, **more):
        return self.post("/heartbeat", {"nodeID": node, "status": status, "pods": list(pods), **more}, headers=headers)

    def stream(self, path, timeout=10):
        connection = UnixConnection(self.socket, timeout)
        connection.request("GET", path)
        response = connection.getresponse()
        assert response.status == 200, response.read()
        for line in response:
            if line.strip():
                yield json.loads(line)

    def ctl(self, *args, check=False, **kw):
        return subprocess.run([os.path.join(BUILD, "kubesimctl"), f"--socket={self.socket}", f"--agents-dir={self.tmp}",
                               *args], capture_output=True, text=True, check=check, timeout=60, **kw)


@pytest.fixture
def start(tmp_path):
    """Starts daemons; each is stopped at the end and must have ended cleanly."""
    daemons = []

    def start(*settings, kind=Daemon, **kw):
        daemons.append(kind(str(tmp_path), *settings, **kw))
        return daemons[-1]

    yield start
    for daemon in daemons:
        if daemon.process.returncode is None:
            daemon.check_clean(daemon.stop())


@pytest.fixture
def kubesimd(start):
    return start("Access.Anonymous=admin")


@pytest.fixture
def agent(tmp_path):
    agents = []

    def run(node, server, *args, **kw):
        agents.append(Process(str(tmp_path), "agent-" + node,
                              ["kubesim-agent", f"--node={node}", f"--server={server}", "--network=none",
                               f"--status-socket={tmp_path}/{node}.sock", *args], **kw))
        return agents[-1]

    yield run
    for a in agents:
        if a.process.returncode is None:
            a.check_clean(a.stop())


def pytest_collection_modifyitems(items):
    """Sessions of kubectl take long, and neighbours are handed to one worker: they are spread among the others, the end left free."""
    sessions = [i for i in items if i.module.__name__ == "test_kubectl"]
    others = [i for i in items if i.module.__name__ != "test_kubectl"]
    step = max(1, len(others) * 4 // 5 // max(1, len(sessions)))
    items[:] = [i for n, other in enumerate(others) for i in (sessions[n // step:n // step + 1] if n % step == 0 else []) + [other]]
    items += sessions[-(-len(others) // step):]
