# SPDX-License-Identifier: Apache-2.0
"""Controllers that wait for a time: for room, for a deadline, across a restart."""
import signal

from conftest import eventually

DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
JOBS = "/apis/batch/v1/namespaces/default/jobs"
PODS = "/api/v1/namespaces/default/pods"


def template(labels, duration=None):
    annotations = {"kubesim.io/duration": duration} if duration else {}
    return {"metadata": {"labels": labels, "annotations": annotations}, "spec": {"containers": [{"name": "c", "image": "x"}]}}


def conditions(thing):
    return {c["type"]: c for c in thing["status"].get("conditions", [])}


def test_pods_that_cannot_be_created_are_tried_again(start):
    kubesimd = start("Limits.MaxPods=3")
    kubesimd.post("/nodes", {"cpuCores": 4, "nodeId": "n1"}, 201)
    kubesimd.post("/pods", {"cpuRequired": 1, "podId": "other"}, 201)
    kubesimd.post(DEPLOYMENTS, {"metadata": {"name": "web"}, "spec": {"replicas": 3, "selector": {"matchLabels": {"app": "web"}},
                                                                     "template": template({"app": "web"})}}, 201)
    eventually(lambda: "ReplicaFailure" in conditions(kubesimd.get(DEPLOYMENTS + "/web")))
    failure = conditions(kubesimd.get(DEPLOYMENTS + "/web"))["ReplicaFailure"]
    assert (failure["status"], failure["reason"]) == ("True", "FailedCreate") and "MaxPods" in failure["message"]
    assert kubesimd.get(DEPLOYMENTS + "/web")["status"]["replicas"] == 2
    kubesimd.ask("DELETE", "/pods/other")
    eventually(lambda: kubesimd.get(DEPLOYMENTS + "/web")["status"].get("readyReplicas") == 3, 20)
    eventually(lambda: "ReplicaFailure" not in conditions(kubesimd.get(DEPLOYMENTS + "/web")))


def test_a_deadline_outlives_the_server(kubesimd):
    kubesimd.post("/nodes", {"cpuCores": 4, "nodeId": "n1"}, 201)
    spec = {"activeDeadlineSeconds": 4, "ttlSecondsAfterFinished": 2, "template": template({"app": "job"}, "10min")}
    spec["template"]["spec"]["restartPolicy"] = "Never"
    kubesimd.post(JOBS, {"metadata": {"name": "long"}, "spec": spec}, 201)
    eventually(lambda: kubesimd.get(JOBS + "/long")["status"].get("active") == 1)
    kubesimd.restart(signal.SIGKILL)
    assert "Failed" not in conditions(kubesimd.get(JOBS + "/long"))
    eventually(lambda: conditions(kubesimd.get(JOBS + "/long")).get("Failed", {}).get("reason") == "DeadlineExceeded", 20)
    eventually(lambda: not kubesimd.get(JOBS)["items"] and not kubesimd.get(PODS)["items"], 20)
