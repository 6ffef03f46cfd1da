# SPDX-License-Identifier: Apache-2.0
"""What people ask of the scheduler: explain, capacity, compare; by the native API and by kubesimctl."""
import json
import os
import subprocess
import xml.etree.ElementTree

import pytest

from conftest import BUILD, eventually

GI = 2**30


def pod(cpu="1", memory="1Gi", name="web", **spec):
    requests = {k: v for k, v in {"cpu": cpu, "memory": memory}.items() if v}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "labels": {"app": name}},
            "spec": {"containers": [{"name": "c", "image": "nginx", "resources": {"requests": requests}}], **spec}}


def deployment(name, replicas, cpu="1", memory="1Gi", **spec):
    template = pod(cpu, memory, name, **spec)
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
                     "template": {"metadata": {"labels": {"app": name}}, "spec": template["spec"]}}}


def node(cluster, name, cpu, memory, labels=None, taints=(), unschedulable=False):
    cluster.post("/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels or {}},
                                   "spec": {"taints": list(taints), "unschedulable": unschedulable},
                                   "status": {"allocatable": {"cpu": cpu, "memory": memory, "pods": "110"},
                                              "capacity": {"cpu": cpu, "memory": memory, "pods": "110"}}}, 201)


def create(cluster, manifest):
    return cluster.post("/api/v1/namespaces/default/pods", manifest, 201)


@pytest.fixture
def cluster(kubesimd):
    """big: 8 CPUs and 16 Gi; two alike small ones: 2 CPUs, 4 Gi; one that is tainted, one that is cordoned."""
    node(kubesimd, "big", "8", "16Gi", {"size": "big"})
    node(kubesimd, "small1", "2", "4Gi", {"size": "small"})
    node(kubesimd, "small2", "2", "4Gi", {"size": "small"})
    node(kubesimd, "gpu", "8", "16Gi", taints=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}])
    node(kubesimd, "shut", "8", "16Gi", unschedulable=True)
    kubesimd.post("/scheduler", {"algorithm": "kube"})
    eventually(lambda: all(n["HealthStatus"] == "Healthy" for n in kubesimd.get("/nodes").values()))
    return kubesimd


def revision(cluster):
    return cluster.get("/api/v1/pods")["metadata"]["resourceVersion"], cluster.get("/scheduler"), cluster.get("/pods")
