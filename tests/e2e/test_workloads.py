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


# --- Pods of controllers are pods like others ---

PRIORITIES = "/apis/scheduling.k8s.io/v1/priorityclasses"
EVENTS = "/api/v1/namespaces/default/events"
SPEC = {
    "priorityClassName": "high", "serviceAccount": "builder", "nodeSelector": {"kubernetes.io/hostname": "n1"}, "volumes": [{"name": "v"}],
    "tolerations": [{"key": "node.kubernetes.io/not-ready", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 5}],
    "containers": [{"name": "c", "image": "x", "ports": [{"containerPort": 80}], "resources": {"limits": {"cpu": "1"}}}],
}


def deployment(name, spec, replicas=1):
    return {"metadata": {"name": name}, "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}},
                                                 "template": {"metadata": {"labels": {"app": name}}, "spec": spec}}}


def pods_of(kubesimd, name):
    return kubesimd.get(f"{PODS}?labelSelector=app%3D{name}")["items"]


def test_pods_of_controllers_are_as_those_that_clients_write(kubesimd):
    kubesimd.post("/api/v1/nodes", {"metadata": {"name": "n1"}, "status": {"capacity": {"cpu": "8"}}}, 201)
    kubesimd.post(PRIORITIES, {"metadata": {"name": "high"}, "value": 1000, "preemptionPolicy": "Never"}, 201)
    kubesimd.post(PODS, {"metadata": {"name": "alone", "labels": {"app": "alone"}}, "spec": SPEC}, 201)
    kubesimd.post(DEPLOYMENTS, deployment("web", SPEC), 201)
    kubesimd.post(JOBS, {"metadata": {"name": "job"}, "spec": {"template": {"metadata": {"labels": {"app": "job"}}, "spec": {**SPEC, "restartPolicy": "Always"}}}}, 422)
    kubesimd.post(JOBS, {"metadata": {"name": "job"}, "spec": {"template": {"metadata": {"labels": {"app": "job"}}, "spec": {**SPEC, "restartPolicy": "Never"}}}}, 201)
    (alone,), (web,), (job,) = (eventually(lambda: [p for p in pods_of(kubesimd, name) if p["status"]["phase"] == "Running"]) for name in ("alone", "web", "job"))
    assert web["spec"] == alone["spec"] and job["spec"] == {**alone["spec"], "restartPolicy": "Never"}
    spec = web["spec"]
    assert (spec["priority"], spec["preemptionPolicy"], spec["serviceAccountName"], spec["enableServiceLinks"]) == (1000, "Never", "builder", True)
    assert spec["containers"][0]["resources"] == {"limits": {"cpu": "1"}, "requests": {"cpu": "1"}}
    assert [(t["key"], t["tolerationSeconds"]) for t in spec["tolerations"]] == [
        ("node.kubernetes.io/not-ready", 5), ("node.kubernetes.io/unreachable", 300)]
    assert web["status"]["qosClass"] == alone["status"]["qosClass"]
    template = kubesimd.get(DEPLOYMENTS + "/web")["spec"]["template"]["spec"]  # what is added to pods is not added to it
    assert not {"priority", "preemptionPolicy", "enableServiceLinks"} & set(template) and len(template["tolerations"]) == 1
    assert template["containers"][0]["resources"] == {"limits": {"cpu": "1"}} and template["serviceAccountName"] == "builder"


def test_pods_of_a_deployment_preempt(kubesimd):
    kubesimd.post("/api/v1/nodes", {"metadata": {"name": "n1"}, "status": {"capacity": {"cpu": "2"}}}, 201)
    kubesimd.post(PRIORITIES, {"metadata": {"name": "high"}, "value": 1000}, 201)
    kubesimd.post(PRIORITIES, {"metadata": {"name": "usual"}, "value": 10, "globalDefault": True}, 201)
    containers = [{"name": "c", "image": "x", "resources": {"requests": {"cpu": "2"}}}]
    kubesimd.post(DEPLOYMENTS, deployment("low", {"containers": containers}), 201)
    eventually(lambda: [p for p in pods_of(kubesimd, "low") if p["status"]["phase"] == "Running"])
    kubesimd.post(DEPLOYMENTS, deployment("high", {"containers": containers, "priorityClassName": "high"}), 201)
    eventually(lambda: [p for p in pods_of(kubesimd, "high") if p["status"]["phase"] == "Running"])
    waiting = eventually(lambda: [p for p in pods_of(kubesimd, "low") if "nodeName" not in p["spec"]])
    assert (waiting[0]["spec"]["priorityClassName"], waiting[0]["spec"]["priority"]) == ("usual", 10)
    assert any(e["reason"] == "Preempted" for e in kubesimd.get(EVENTS)["items"])


def test_pods_without_their_priority_class_are_not_created(kubesimd):
    kubesimd.post("/api/v1/nodes", {"metadata": {"name": "n1"}, "status": {"capacity": {"cpu": "2"}}}, 201)
    kubesimd.post(DEPLOYMENTS, deployment("web", {"containers": [{"name": "c", "image": "x"}], "priorityClassName": "none"}, 2), 201)
    failure = eventually(lambda: conditions(kubesimd.get(DEPLOYMENTS + "/web")).get("ReplicaFailure"))
    name = kubesimd.get("/apis/apps/v1/namespaces/default/replicasets")["items"][0]["metadata"]["name"]
    message = f'pods "{name}-" is forbidden: no PriorityClass with name none was found'
    assert (failure["status"], failure["reason"], failure["message"]) == ("True", "FailedCreate", message)
    event = eventually(lambda: [e for e in kubesimd.get(EVENTS)["items"] if e["reason"] == "FailedCreate"])[0]
    assert (event["type"], event["message"], event["involvedObject"]["kind"]) == ("Warning", "Error creating: " + message, "ReplicaSet")
    assert not kubesimd.get(PODS)["items"]
    kubesimd.post(PRIORITIES, {"metadata": {"name": "none"}, "value": 3}, 201)
    eventually(lambda: kubesimd.get(DEPLOYMENTS + "/web")["status"].get("readyReplicas") == 2, 20)
    eventually(lambda: "ReplicaFailure" not in conditions(kubesimd.get(DEPLOYMENTS + "/web")))
