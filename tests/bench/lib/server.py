# SPDX-License-Identifier: Apache-2.0
"""A daemon (or the empty server) with a state of its own, and what can be asked of it from outside."""
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../..")
PORT = int(os.environ.get("BENCH_PORT", 18099))
BUILD = None  # where the programs are; run sets it


def cpu_of(pid):
    """Seconds of CPU that a process has used."""
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_of(pid, which="VmRSS"):
    """In MB."""
    return int(open(f"/proc/{pid}/status").read().split(which + ":")[1].split()[0]) / 1024


class Server:
    """kubesimd by default; ends with its `with`."""

    def __init__(self, *args, memory=False, settings=()):
        self.dir = tempfile.mkdtemp(prefix="kubesim-bench.", dir=os.environ.get("BENCH_DIR", BUILD))
        self.path = self.dir + "/s"
        self.unix, self.tcp = f"unix:{self.path}", f"127.0.0.1:{PORT}"
        self.args = [a.replace("@UNIX@", self.unix).replace("@TCP@", self.tcp) for a in args] or [
            f"{BUILD}/kubesimd", f"--listen={self.unix}", f"--listen={self.tcp}", f"--state={':memory:' if memory else self.dir}",
            "--config=/dev/null", "--set=Access.Anonymous=admin", "--set=Cluster.NodeTimeoutSec=1h", "--set=Limits.PodsPerNode=1000000",
            "--set=Log.Level=warning"] + [f"--set={s}" for s in settings]
        try:
            self.start()
        except BaseException:  # nobody else would clean up: the `with` has not begun
            self.__exit__()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.dir, ignore_errors=True)

    def start(self):
        begun = time.monotonic()
        self.process = subprocess.Popen(self.args, stderr=subprocess.DEVNULL)
        while True:
            assert self.process.poll() is None, f"{self.args} has ended"
            try:
                s = socket.socket(socket.AF_UNIX)
                s.connect(self.path)
                s.sendall(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
                if s.recv(100).startswith(b"HTTP/1.1 200"):
                    break
            except OSError:
                pass
            time.sleep(0.0005)
        self.served_after = time.monotonic() - begun

    def kill(self):
        self.process.kill()
        self.process.wait()

    def memory(self):
        return memory_of(self.process.pid)

    def cpu(self):
        return cpu_of(self.process.pid)

    def wakeups(self):
        pid = self.process.pid
        return int(open(f"/proc/{pid}/task/{pid}/status").read().split("voluntary_ctxt_switches:")[1].split()[0])

    def ask(self, request, keep=1 << 20):
        """The size of the answer, and its beginning: `keep` bytes at least, if there are so many."""
        s = socket.socket(socket.AF_UNIX)
        s.connect(self.path)
        s.sendall(request)
        size, text = 0, bytearray()
        while chunk := s.recv(1 << 20):
            size += len(chunk)
            if len(text) < keep:
                text += chunk
        return size, bytes(text)

    def get(self, path, accept="application/json"):
        """The size of an answer and how long it took, headers and all."""
        begun = time.monotonic()
        size, text = self.ask(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAccept: {accept}\r\nConnection: close\r\n\r\n".encode())
        assert text.startswith(b"HTTP/1.1 200"), text[:500]
        return size, time.monotonic() - begun

    def post(self, path, body):
        body = json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        _, text = self.ask(head.encode() + body)
        assert text.startswith(b"HTTP/1.1 20"), text[:500]

    def metrics(self):
        """All of them by their names with labels."""
        _, text = self.ask(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        lines = (line.rsplit(" ", 1) for line in text.decode().splitlines() if line.startswith("kubesim_"))
        return {name: float(value) for name, value in lines}

    def wait_for(self, condition, seconds, every=0.002):
        """How long it took until the metrics met it."""
        begun = time.monotonic()
        while not condition(self.metrics()):
            assert time.monotonic() - begun < seconds, f"waited {seconds} s in vain"
            time.sleep(every)
        return time.monotonic() - begun

    def add_virtual_nodes(self, count, prefix="sim-", zone="a"):
        node = {"metadata": {"labels": {"zone": zone}}, "status": {"capacity": {"cpu": "64", "memory": "256Gi"}}}
        for first in range(0, count, 2000):
            self.post("/nodes/batch", {"prefix": prefix, "first": first, "count": min(2000, count - first), "node": node})


def is_durable(m):
    return m["kubesim_revision"] == m["kubesim_durable_revision"]


def empty_server():
    """What HTTP itself costs: a handler that does nothing."""
    return Server(f"{BUILD}/bench/empty-server", "@UNIX@", "@TCP@")
