# SPDX-License-Identifier: Apache-2.0
"""A genuine kube-scheduler in front of a kubesimd: how it is configured, started, waited for, and what it logs."""
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../e2e"))
from conftest import BUILD, Daemon, eventually, free_port  # noqa: E402

PROGRAM = os.environ.get("KUBE_SCHEDULER", os.path.join(BUILD, "peers/kube-scheduler"))
CORE = "/api/v1"
PODS = CORE + "/namespaces/default/pods"

# Its name for pods that are left to it, and one more profile without the score whose formula has changed since 1.20.
NAME, UNBALANCED = "real", "real-unbalanced"

# The weights of Kubernetes 1.22 and later, which ours has; 1.20 itself counts each plugin once but for PodTopologySpread.
WEIGHTS = {"NodeResourcesBalancedAllocation": 1, "ImageLocality": 1, "InterPodAffinity": 2, "NodeResourcesLeastAllocated": 1, "NodeAffinity": 2,
           "PodTopologySpread": 2, "TaintToleration": 3}

CONFIG = """apiVersion: kubescheduler.config.k8s.io/v1beta1
kind: KubeSchedulerConfiguration
leaderElection: {{leaderElect: true}}
healthzBindAddress: 127.0.0.1:{port}
metricsBindAddress: 127.0.0.1:{port}
clientConnection: {{kubeconfig: {kubeconfig}, qps: 5000, burst: 5000}}
podInitialBackoffSeconds: 1
podMaxBackoffSeconds: 1
"""
ALL_NODES = "percentageOfNodesToScore: 100\nprofiles:\n"


def profile(name, without=()):
    enabled = ", ".join(f"{{name: {n}, weight: {w}}}" for n, w in WEIGHTS.items() if n not in without)
    return f"- {{schedulerName: {name}, plugins: {{score: {{disabled: [{{name: '*'}}], enabled: [{enabled}]}}}}}}\n"


class KubeScheduler:
    """The process. Its log is a file that is read on as it grows."""

    def __init__(self, daemon, https_port, verbosity=0, profiles=None):
        self.daemon = daemon
        kubeconfig, config, self.log_path = (os.path.join(daemon.tmp, f"scheduler-{id(self)}.{n}") for n in ("kubeconfig", "yaml", "log"))
        with open(kubeconfig, "w") as f:
            f.write(daemon.ctl("kubeconfig", "admin", f"https://127.0.0.1:{https_port}", check=True).stdout)
        with open(config, "w") as f:
            f.write(CONFIG.format(kubeconfig=kubeconfig, port=free_port()) + (profiles or ALL_NODES + profile(NAME) + profile(UNBALANCED, ["NodeResourcesBalancedAllocation"])))
        self.read_to = 0
        with open(self.log_path, "w") as log:
            self.process = subprocess.Popen([PROGRAM, f"--config={config}", f"-v={verbosity}", "--secure-port=0"], stdout=log, stderr=log)
        try:
            eventually(self.leads, 30)
        except BaseException:
            self.process.kill()
            raise

    def leads(self):
        assert self.process.poll() is None, self.log()
        leases = self.daemon.get("/apis/coordination.k8s.io/v1/namespaces/kube-system/leases")["items"]
        return [lease["spec"]["holderIdentity"] for lease in leases if lease["metadata"]["name"] == "kube-scheduler" and lease["spec"].get("holderIdentity")]

    def log(self):
        with open(self.log_path) as f:
            f.seek(self.read_to)
            return f.read()

    def forget_log(self):
        self.read_to = os.path.getsize(self.log_path)

    def scores(self, namespace, name):
        """With verbosity 10: {plugin: {node: score times weight}} of the last attempt."""
        out = {}
        for plugin, listed in re.findall(rf"Plugin (\w+) scores on {namespace}/{name} => \[(.*)\]", self.log()):
            out[plugin] = {n: int(v) for n, v in re.findall(r"\{(\S+) (-?\d+)\}", listed)}
        return out

    def totals(self, namespace, name):
        """What its plugins gave each node together; empty when it scored none, because one alone or none fits."""
        sums = {}
        for of in self.scores(namespace, name).values():
            for node, score in of.items():
                sums[node] = sums.get(node, 0) + score
        return sums

    def stop(self):
        self.process.terminate()
        return self.process.wait(20)


def start(tmp, *settings, verbosity=0, profiles=None, alone=False, **kw):
    """A kubesimd with an HTTPS door, and the scheduler at it, unless it is to be alone."""
    port = free_port()
    daemon = Daemon(tmp, "Access.Anonymous=admin", *settings, listen=[f"https:127.0.0.1:{port}"], **kw)
    try:
        return daemon, None if alone else KubeScheduler(daemon, port, verbosity, profiles)
    except BaseException:
        daemon.stop()
        raise


def condition(pod):
    return next((c for c in pod["status"].get("conditions", []) if c["type"] == "PodScheduled"), None)


def outcome(daemon, path, seconds=10):
    """Waits until the scheduler has said something of the pod: (node, None) or (None, message)."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        pod = daemon.get(path)
        said = condition(pod)
        if pod["spec"].get("nodeName"):
            return pod["spec"]["nodeName"], None
        if said and said["status"] == "False":
            return None, said.get("message")
        time.sleep(0.005)
    raise AssertionError(f"the scheduler has said nothing of {path} within {seconds} s")
