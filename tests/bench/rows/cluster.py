# SPDX-License-Identifier: Apache-2.0
"""From creation to Running, and from loss to running again."""
import statistics
import time

from lib import results
from lib.load import finish, load, register, start
from lib.server import Server, is_durable

RUNNING, UNHEALTHY = 'kubesim_pods{status="Running"}', 'kubesim_nodes{health="Unhealthy"}'
POD = {"containers": [{"name": "web", "image": "registry.example/team/web:1.2.3", "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}}}]}


def create_deployment(server, pods):
    server.post("/apis/apps/v1/namespaces/default/deployments", {"metadata": {"name": "web"}, "spec": {
        "replicas": pods, "selector": {"matchLabels": {"app": "web"}}, "template": {"metadata": {"labels": {"app": "web"}}, "spec": POD}}})


def end_to_end(pods=10000, nodes=5000):
    for what, kind, goal in (("the native API", "pod", 20000), ("the Kubernetes API, 2 KB each", "kube-pod", 20000), ("one Deployment", None, 20000)):
        rates = []
        for _ in range(results.ROUNDS):
            with Server(settings=("Cluster.SchedulerAlgorithm=kube",)) as server:
                server.add_virtual_nodes(nodes)
                time.sleep(1)
                begun = time.monotonic()
                driver = start("load", address=server.unix, kind=kind, connections=64, count=pods) if kind else create_deployment(server, pods)
                server.wait_for(lambda m: m[RUNNING] >= pods and is_durable(m), 60, every=0.005)
                rates.append(pods / (time.monotonic() - begun))
                if driver:
                    finish(driver)
        rate = statistics.median(rates)
        results.row(f"{pods:,} pods on {nodes:,} virtual nodes, kube's profile, durable, from the first creation to the last Running, by {what}",
                    f"{rate:,.0f}/s ({min(rates):,.0f}-{max(rates):,.0f})", f"{goal:,}/s", rate >= goal)


def lost_nodes():
    times = []
    for _ in range(results.ROUNDS):
        with Server(settings=("Cluster.NodeTimeoutSec=4s", "Cluster.HeartbeatIntervalSec=1s", "Cluster.SchedulerAlgorithm=worst-fit")) as server:
            register(server.unix, 1000, connections=16)
            load(server.unix, "pod", connections=64, count=10000)
            register(server.unix, 200, connections=16, first=1000)
            server.wait_for(lambda m: m[UNHEALTHY] > 0, 20)
            times.append(server.wait_for(lambda m: m["kubesim_pending_pods"] == 0 and is_durable(m) and m[UNHEALTHY] >= 1000, 20))
    t = statistics.median(times)
    results.row("1,000 nodes with 10,000 pods lost at once: all placed again and durable", f"{t * 1000:.0f} ms", "200 ms", t <= 0.2)


def lost_zone(nodes=10000, pods=100000):
    """Their heartbeats are spread over a second, and so is what is noticed of them."""
    with Server(settings=("Cluster.NodeTimeoutSec=3s", "Cluster.HeartbeatIntervalSec=1s", "Cluster.SchedulerAlgorithm=kube")) as server:
        server.add_virtual_nodes(nodes, prefix="a-", zone="a")
        load(server.unix, "pod", connections=64, count=pods)
        server.wait_for(lambda m: m[RUNNING] >= pods, 60)
        server.add_virtual_nodes(nodes, prefix="b-", zone="b")
        time.sleep(2)
        server.post("/faults", {"kind": "hang", "selector": "zone=a"})
        server.wait_for(lambda m: m[UNHEALTHY] > 0, 20)
        took = server.wait_for(lambda m: m["kubesim_pending_pods"] == 0 and is_durable(m) and m[UNHEALTHY] >= nodes, 60)
        turn = server.metrics()["kubesim_loop_turn_max_seconds"] * 1000
        results.row(f"a zone of {nodes:,} nodes with {pods:,} pods lost at once, which is noticed within a second: all placed again and durable",
                    f"{took:.2f} s", "2 s", took <= 2)
        results.row("the longest turn of the loop since the daemon started, with that", f"{turn:.0f} ms")
