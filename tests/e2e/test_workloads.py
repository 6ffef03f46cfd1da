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
    kubesimd.post("/api/v1/namespaces/default/serviceaccounts", {"metadata": {"name": "builder"}}, 201)
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


def job_with_policy(name, duration, *rules, **spec):
    made = template({"app": name}, duration)
    made["spec"].update(restartPolicy="Never", containers=[{"name": "c", "image": "x", "resources": {"requests": {"cpu": "1"}}}])
    return {"metadata": {"name": name}, "spec": {"backoffLimit": 0, "podFailurePolicy": {"rules": list(rules)}, "template": made, **spec}}


def test_jobs_heed_that_their_pods_were_sent_away(kubesimd):
    """The example of Kubernetes' page about podFailurePolicy: a disruption does not count, even where no failure is allowed."""
    kubesimd.post("/api/v1/nodes", {"metadata": {"name": "n1"}, "status": {"capacity": {"cpu": "2"}}}, 201)
    disrupted = [{"type": "DisruptionTarget"}]
    kubesimd.post(JOBS, job_with_policy("ignores", "10min", {"action": "Ignore", "onPodConditions": disrupted}), 201)
    kubesimd.post(JOBS, job_with_policy("fails", "10min", {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "False"}]},
                                        {"action": "FailJob", "onPodConditions": disrupted}), 201)
    assert kubesimd.get(JOBS + "/ignores")["spec"]["podFailurePolicy"]["rules"][0]["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
    first = {}
    for job in ("ignores", "fails"):
        first[job] = eventually(lambda: [p for p in pods_of(kubesimd, job) if p["status"]["phase"] == "Running"])[0]["metadata"]["name"]
    for name in first.values():
        kubesimd.post(f"{PODS}/{name}/eviction", {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}, 201)
    failed = eventually(lambda: conditions(kubesimd.get(JOBS + "/fails")).get("Failed"))
    assert (failed["reason"], failed["message"]) == ("PodFailurePolicy", f"Pod default/{first['fails']} has condition DisruptionTarget matching FailJob rule at index 1")
    eventually(lambda: [p for p in pods_of(kubesimd, "ignores") if p["status"]["phase"] == "Running" and p["metadata"]["name"] != first["ignores"]])
    status = kubesimd.get(JOBS + "/ignores")["status"]
    assert status.get("failed", 0) == 0 and "Failed" not in conditions(kubesimd.get(JOBS + "/ignores"))


def test_jobs_heed_conditions_that_clients_write(kubesimd):
    """One that is deleted by hand is no disruption; what a client has written into its status is a condition like others."""
    kubesimd.post("/api/v1/nodes", {"metadata": {"name": "n1"}, "status": {"capacity": {"cpu": "2"}}}, 201)
    rules = [{"action": "FailJob", "onPodConditions": [{"type": "DisruptionTarget"}]}, {"action": "FailJob", "onPodConditions": [{"type": "ConfigIssue"}]}]
    kubesimd.post(JOBS, job_with_policy("j", "10min", *rules, backoffLimit=3), 201)
    for written in (False, True):
        name = eventually(lambda: [p for p in pods_of(kubesimd, "j") if p["status"]["phase"] == "Running" and "deletionTimestamp" not in p["metadata"]], 30)[0]
        name = name["metadata"]["name"]
        if written:
            kubesimd.ask("PATCH", f"{PODS}/{name}/status", {"status": {"conditions": [{"type": "ConfigIssue", "status": "True"}]}},
                         headers={"Content-Type": "application/strategic-merge-patch+json"})
        kubesimd.ask("DELETE", f"{PODS}/{name}")
        eventually(lambda: kubesimd.ask("GET", f"{PODS}/{name}").status == 404, 20)
    failed = eventually(lambda: conditions(kubesimd.get(JOBS + "/j")).get("Failed"))
    assert failed["message"] == f"Pod default/{name} has condition ConfigIssue matching FailJob rule at index 1"


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


# --- DaemonSets ---

DAEMONS = "/apis/apps/v1/namespaces/default/daemonsets"


def add_node(kubesimd, name, cpu="2", **more):
    kubesimd.post("/api/v1/nodes", {"metadata": {"name": name}, "status": {"capacity": {"cpu": cpu}}, **more}, 201)


def daemon_set(name, cpu="1", metadata=None, **spec):
    labels = {"app": name}
    containers = [{"name": "c", "image": "x:1", "resources": {"requests": {"cpu": cpu}}}]
    return {"metadata": {"name": name}, "spec": {"selector": {"matchLabels": labels}, "template": {
        "metadata": {"labels": labels, **(metadata or {})}, "spec": {"containers": containers}}, **spec}}


def where(kubesimd, name):
    return sorted(p["spec"]["nodeName"] for p in pods_of(kubesimd, name) if p["status"]["phase"] == "Running")


def test_daemon_sets_wait_for_room(kubesimd):
    for name in ("n1", "n2"):
        add_node(kubesimd, name)
    kubesimd.post(PODS, {"metadata": {"name": "big"}, "spec": {"nodeName": "n2", "containers": [
        {"name": "c", "image": "x", "resources": {"requests": {"cpu": "2"}}}]}}, 201)
    kubesimd.post(DAEMONS, daemon_set("agent"), 201)
    eventually(lambda: where(kubesimd, "agent") == ["n1"])
    status = kubesimd.get(DAEMONS + "/agent")["status"]
    assert (status["desiredNumberScheduled"], status["currentNumberScheduled"], status["numberUnavailable"]) == (2, 1, 1)
    event = eventually(lambda: [e for e in kubesimd.get(EVENTS)["items"] if e["reason"] == "FailedPlacement"])[0]
    assert event["message"] == 'failed to place pod on "n2": Node didn\'t have enough resource' and event["count"] == 1
    kubesimd.ask("DELETE", PODS + "/big")
    eventually(lambda: where(kubesimd, "agent") == ["n1", "n2"], 20)
    kubesimd.restart()
    assert where(kubesimd, "agent") == ["n1", "n2"]
    eventually(lambda: kubesimd.get(DAEMONS + "/agent")["status"]["numberAvailable"] == 2)


def test_daemons_stay_on_their_nodes(kubesimd):
    """A lost node's pods move; those of a DaemonSet go with it and come back with it. So do those of a node that is removed."""
    for name in ("n1", "n2"):
        add_node(kubesimd, name)
    kubesimd.post(DAEMONS, daemon_set("agent", "500m"), 201)
    eventually(lambda: where(kubesimd, "agent") == ["n1", "n2"])
    kubesimd.post("/nodes/n1/stop")
    eventually(lambda: where(kubesimd, "agent") == ["n2"])
    assert kubesimd.get(DAEMONS + "/agent")["status"]["desiredNumberScheduled"] == 2
    kubesimd.post("/nodes/n1/restart")
    eventually(lambda: where(kubesimd, "agent") == ["n1", "n2"])
    kubesimd.ask("DELETE", "/api/v1/nodes/n2")
    eventually(lambda: where(kubesimd, "agent") == ["n1"])
    eventually(lambda: kubesimd.get(DAEMONS + "/agent")["status"]["desiredNumberScheduled"] == 1)
    add_node(kubesimd, "n3")
    eventually(lambda: where(kubesimd, "agent") == ["n1", "n3"])


def test_daemon_sets_are_updated_in_steps(kubesimd):
    """maxUnavailable, minReadySeconds, revisionHistoryLimit; pods whose containers end stay."""
    for i in range(6):
        add_node(kubesimd, f"n{i}")
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "50%"}}
    kubesimd.post(DAEMONS, daemon_set("agent", "100m", minReadySeconds=1, revisionHistoryLimit=1, updateStrategy=rolling), 201)
    eventually(lambda: kubesimd.get(DAEMONS + "/agent")["status"].get("numberAvailable") == 6)
    revision = kubesimd.get(DAEMONS)["metadata"]["resourceVersion"]
    merge = {"Content-Type": "application/strategic-merge-patch+json"}
    for image in ("x:2", "x:3"):
        kubesimd.ask("PATCH", DAEMONS + "/agent", {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}}, headers=merge)
        eventually(lambda: kubesimd.get(DAEMONS + "/agent")["status"].get("updatedNumberScheduled") == 6, 20)
        eventually(lambda: kubesimd.get(DAEMONS + "/agent")["status"].get("numberAvailable") == 6, 20)
        assert {p["spec"]["containers"][0]["image"] for p in pods_of(kubesimd, "agent")} == {image}
    seen = [e["object"]["status"] for e in kubesimd.stream(f"{DAEMONS}?watch=1&resourceVersion={revision}&timeoutSeconds=1")]
    assert min(s.get("numberAvailable", 0) for s in seen) == 3
    revisions = eventually(lambda: (lambda all: len(all) == 2 and all)(kubesimd.get("/apis/apps/v1/namespaces/default/controllerrevisions")["items"]))
    assert sorted(r["revision"] for r in revisions) == [2, 3]
    newest = max(revisions, key=lambda r: r["revision"])
    assert newest["metadata"]["labels"]["controller-revision-hash"] == pods_of(kubesimd, "agent")[0]["metadata"]["labels"]["controller-revision-hash"]
    kubesimd.post(DAEMONS, daemon_set("short", "100m", {"annotations": {"kubesim.io/duration": "1s"}}), 201)
    first = eventually(lambda: (lambda uids: len(uids) == 6 and uids)({p["metadata"]["uid"] for p in pods_of(kubesimd, "short")}))
    eventually(lambda: all(p["status"].get("containerStatuses", [{"restartCount": 0}])[0]["restartCount"] > 0 for p in pods_of(kubesimd, "short")), 20)
    assert {p["metadata"]["uid"] for p in pods_of(kubesimd, "short")} == first  # they begin again where they are


def most_beside_others(kubesimd, before, revision):
    """How many nodes had two pods at most that were not being removed, since then."""
    on, most = {p["metadata"]["name"]: p["spec"]["nodeName"] for p in before}, 0
    for e in kubesimd.stream(f"{PODS}?watch=1&resourceVersion={revision}&labelSelector=app%3Dagent&timeoutSeconds=1"):
        metadata = e["object"]["metadata"]
        on[metadata["name"]] = None if e["type"] == "DELETED" or "deletionTimestamp" in metadata else e["object"]["spec"]["nodeName"]
        nodes = [n for n in on.values() if n]
        most = max(most, len(nodes) - len(set(nodes)))
    return most


def test_daemon_sets_surge(kubesimd):
    """maxSurge: a new pod beside the old one, which goes once that one is available; of two that are not ready the new one stays."""
    for i in range(4):
        add_node(kubesimd, f"n{i}")
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": "50%", "maxUnavailable": 0}}
    kubesimd.post(DAEMONS, daemon_set("agent", "500m", minReadySeconds=1, updateStrategy=rolling), 201)
    status = lambda: kubesimd.get(DAEMONS + "/agent")["status"]
    eventually(lambda: status().get("numberAvailable") == 4)
    before, revision = pods_of(kubesimd, "agent"), kubesimd.get(DAEMONS)["metadata"]["resourceVersion"]
    merge = {"Content-Type": "application/strategic-merge-patch+json"}
    image = lambda image: kubesimd.ask("PATCH", DAEMONS + "/agent", {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": image}]}}}}, headers=merge)
    image("x:2")
    eventually(lambda: status().get("updatedNumberScheduled") == 4 and len(pods_of(kubesimd, "agent")) == 4, 20)
    seen = [e["object"]["status"] for e in kubesimd.stream(f"{DAEMONS}?watch=1&resourceVersion={revision}&timeoutSeconds=1")]
    assert {(s.get("numberAvailable", 0), s["currentNumberScheduled"]) for s in seen} == {(4, 4)}
    assert most_beside_others(kubesimd, before, revision) == 2
    assert where(kubesimd, "agent") == ["n0", "n1", "n2", "n3"]
    kubesimd.post(PODS, {"metadata": {"name": "big"}, "spec": {"nodeName": "n2", "containers": [{"name": "c", "image": "x", "resources": {"requests": {"cpu": "1200m"}}}]}}, 201)
    image("x:3")  # there is no room for a second one on n2: its old one stays, and holds up nobody
    eventually(lambda: status().get("updatedNumberScheduled") == 3 and len(pods_of(kubesimd, "agent")) == 4, 20)
    assert [p["spec"]["nodeName"] for p in pods_of(kubesimd, "agent") if p["spec"]["containers"][0]["image"] == "x:2"] == ["n2"]
    assert status()["numberAvailable"] == 4
    kubesimd.ask("DELETE", PODS + "/big")
    eventually(lambda: status().get("updatedNumberScheduled") == 4 and len(pods_of(kubesimd, "agent")) == 4, 20)


def test_daemon_sets_name_their_nodes(kubesimd):
    """nodeName of the template, or its affinity to the name of a node (matchFields)."""
    for i in range(3):
        add_node(kubesimd, f"n{i}")
    named = lambda operator, *names: {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [
        {"matchFields": [{"key": "metadata.name", "operator": operator, "values": [name]}]} for name in names]}}}
    for name, spec in (("one", {"affinity": named("In", "n1")}), ("others", {"affinity": named("NotIn", "n1")}), ("fixed", {"nodeName": "n2"})):
        ds = daemon_set(name, "100m")
        ds["spec"]["template"]["spec"].update(spec)
        kubesimd.post(DAEMONS, ds, 201)
    for name, nodes in (("one", ["n1"]), ("others", ["n0", "n2"]), ("fixed", ["n2"])):
        eventually(lambda: where(kubesimd, name) == nodes)
        eventually(lambda: kubesimd.get(f"{DAEMONS}/{name}")["status"].get("numberReady") == len(nodes))
        status = kubesimd.get(f"{DAEMONS}/{name}")["status"]
        assert (status["desiredNumberScheduled"], status["currentNumberScheduled"], status["numberMisscheduled"]) == (len(nodes), len(nodes), 0)
    affinity = {"spec": {"template": {"spec": {"affinity": named("In", "n0", "n2")}}}}
    kubesimd.ask("PATCH", DAEMONS + "/one", affinity, headers={"Content-Type": "application/merge-patch+json"})
    eventually(lambda: where(kubesimd, "one") == ["n0", "n2"], 20)


def test_daemon_sets_need_their_priority_class(kubesimd):
    add_node(kubesimd, "n1")
    wrong = daemon_set("agent")
    wrong["spec"]["template"]["spec"]["priorityClassName"] = "none"
    kubesimd.post(DAEMONS, wrong, 201)
    event = eventually(lambda: [e for e in kubesimd.get(EVENTS)["items"] if e["reason"] == "FailedCreate"])[0]
    assert event["message"] == 'Error creating: pods "agent-" is forbidden: no PriorityClass with name none was found'
    kubesimd.post(PRIORITIES, {"metadata": {"name": "none"}, "value": 3}, 201)
    eventually(lambda: where(kubesimd, "agent") == ["n1"], 20)


# --- StatefulSets ---

STATEFUL = "/apis/apps/v1/namespaces/default/statefulsets"


def stateful_set(name, replicas, **more):
    labels = {"app": name}
    return {"metadata": {"name": name}, "spec": {"serviceName": name, "replicas": replicas, "selector": {"matchLabels": labels}, "template": {
        "metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "x:1", "resources": {"requests": {"cpu": "100m"}}}]}}, **more}}


def life(kubesimd, app, revision):
    """What happened to pods of that app: +NAME for one that came, NAME for one that is ready, -NAME for one that has gone."""
    told, ready = [], set()
    for e in kubesimd.stream(f"{PODS}?watch=1&resourceVersion={revision}&labelSelector=app%3D{app}&timeoutSeconds=1"):
        p, name = e["object"], e["object"]["metadata"]["name"]
        if e["type"] != "MODIFIED":
            told.append({"ADDED": "+", "DELETED": "-"}[e["type"]] + name)
            ready.discard(name)
        elif p["status"]["phase"] == "Running" and "deletionTimestamp" not in p["metadata"] and name not in ready:
            ready.add(name)
            told.append(name)
    return told


def test_stateful_sets_go_in_order(kubesimd):
    """podManagementPolicy, ordinals.start, minReadySeconds, revisionHistoryLimit."""
    add_node(kubesimd, "n1", "8")
    patch = lambda name, spec: kubesimd.ask("PATCH", f"{STATEFUL}/{name}", {"spec": spec}, headers={"Content-Type": "application/merge-patch+json"})
    status = lambda name: kubesimd.get(f"{STATEFUL}/{name}")["status"]
    newest = lambda: kubesimd.get(PODS)["metadata"]["resourceVersion"]
    revision = newest()
    kubesimd.post(STATEFUL, stateful_set("s", 3, ordinals={"start": 5}, minReadySeconds=1, revisionHistoryLimit=0), 201)
    eventually(lambda: status("s").get("availableReplicas") == 3, 20)
    assert life(kubesimd, "s", revision) == ["+s-5", "s-5", "+s-6", "s-6", "+s-7", "s-7"]
    times = [p["status"]["startTime"] for p in sorted(pods_of(kubesimd, "s"), key=lambda p: p["metadata"]["name"])]
    assert times == sorted(set(times)), "each waits a second for the one before"
    revision, template = newest(), stateful_set("s", 3)["spec"]["template"]
    template["spec"]["containers"][0]["image"] = "x:2"
    patch("s", {"template": template})
    eventually(lambda: status("s")["currentRevision"] == status("s")["updateRevision"] and status("s").get("updatedReplicas") == 3, 20)
    assert life(kubesimd, "s", revision) == ["-s-7", "+s-7", "s-7", "-s-6", "+s-6", "s-6", "-s-5", "+s-5", "s-5"]
    eventually(lambda: len(kubesimd.get("/apis/apps/v1/namespaces/default/controllerrevisions")["items"]) == 1)
    revision = newest()
    patch("s", {"replicas": 1})
    eventually(lambda: status("s")["replicas"] == 1)
    assert life(kubesimd, "s", revision) == ["-s-7", "-s-6"]
    revision = newest()
    kubesimd.post(STATEFUL, stateful_set("p", 3, podManagementPolicy="Parallel"), 201)
    eventually(lambda: status("p").get("readyReplicas") == 3)
    assert life(kubesimd, "p", revision)[:3] == ["+p-0", "+p-1", "+p-2"]
    kubesimd.restart()
    assert [p["metadata"]["name"] for p in pods_of(kubesimd, "p")] == ["p-0", "p-1", "p-2"]


def test_stateful_sets_that_are_replaced_by_hand(kubesimd):
    """updateStrategy OnDelete: a pod that is deleted comes back as the present template has it; the current revision stays what it was, and
    that revision is kept."""
    add_node(kubesimd, "n1", "8")
    status = lambda: kubesimd.get(STATEFUL + "/s")["status"]
    revisions = lambda: [r["metadata"]["name"] for r in kubesimd.get("/apis/apps/v1/namespaces/default/controllerrevisions")["items"]]
    kubesimd.post(STATEFUL, stateful_set("s", 2, updateStrategy={"type": "OnDelete"}, revisionHistoryLimit=0), 201)
    eventually(lambda: status().get("readyReplicas") == 2, 20)
    first = status()["currentRevision"]
    for image in ("x:2", "x:3"):
        template = stateful_set("s", 2)["spec"]["template"]
        template["spec"]["containers"][0]["image"] = image
        kubesimd.ask("PATCH", STATEFUL + "/s", {"spec": {"template": template}}, headers={"Content-Type": "application/merge-patch+json"})
        eventually(lambda: status()["updateRevision"] != first and status().get("updatedReplicas", 0) == 0)
        for name in ("s-0", "s-1"):
            kubesimd.ask("DELETE", f"{PODS}/{name}")
        eventually(lambda: status().get("updatedReplicas") == 2 and status().get("readyReplicas") == 2, 20)
        eventually(lambda: sorted(revisions()) == sorted([first, status()["updateRevision"]]))
    assert status()["currentRevision"] == first and "currentReplicas" not in status()


def test_stateful_sets_wait_for_names(kubesimd):
    add_node(kubesimd, "n1", "8")
    kubesimd.post(PODS, {"metadata": {"name": "s-1"}, "spec": {"containers": [{"name": "c", "image": "x"}]}}, 201)
    kubesimd.post(STATEFUL, stateful_set("s", 2), 201)
    event = eventually(lambda: [e for e in kubesimd.get(EVENTS)["items"] if e["reason"] == "FailedCreate"])[0]
    assert event["message"].startswith("create Pod s-1 in StatefulSet s failed error: ")
    assert [p["metadata"]["name"] for p in pods_of(kubesimd, "s")] == ["s-0"]
    kubesimd.ask("DELETE", PODS + "/s-1")
    eventually(lambda: kubesimd.get(STATEFUL + "/s")["status"].get("readyReplicas") == 2, 20)


# --- Services with many pods ---

def test_a_service_of_many_pods_is_looked_at_now_and_then(start):
    """Each pod is a change of a Service's endpoints; a thousand are not a thousand times the whole list."""
    kubesimd = start()
    for i in range(11):
        kubesimd.post("/nodes", {"cpuCores": 4, "nodeId": f"n{i}"}, 201)
    core = "/api/v1/namespaces/default"
    kubesimd.post(core + "/services", {"metadata": {"name": "web"}, "spec": {"selector": {"app": "web"}, "ports": [{"port": 80}]}}, 201)
    begun = int(kubesimd.get("/api/v1/endpoints")["metadata"]["resourceVersion"])
    kubesimd.post(DEPLOYMENTS, {"metadata": {"name": "web"}, "spec": {"replicas": 1100, "selector": {"matchLabels": {"app": "web"}},
                                                                     "template": template({"app": "web"})}}, 201)
    eventually(lambda: kubesimd.get(DEPLOYMENTS + "/web")["status"].get("readyReplicas") == 1100, 30)

    def endpoints():
        slices = kubesimd.get("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name%3Dweb")["items"]
        assert all(len(s["endpoints"]) <= 100 for s in slices)
        return sorted(e["targetRef"]["name"] for s in slices for e in s["endpoints"] if e["conditions"]["ready"])

    def pods():
        return sorted(p["metadata"]["name"] for p in kubesimd.get(PODS)["items"])

    eventually(lambda: endpoints() == pods() and len(pods()) == 1100, 20)
    older = kubesimd.get(core + "/endpoints/web")
    assert len(older["subsets"][0]["addresses"]) == 1000
    assert older["metadata"]["annotations"]["endpoints.kubernetes.io/over-capacity"] == "truncated"
    changes = kubesimd.ask("GET", f"{core}/endpoints?watch=1&resourceVersion={begun}&timeoutSeconds=1").text.splitlines()
    assert 1 <= len(changes) < 200
    kubesimd.ask("PATCH", DEPLOYMENTS + "/web", {"spec": {"replicas": 2}}, headers={"Content-Type": "application/merge-patch+json"})
    eventually(lambda: endpoints() == pods() and len(pods()) == 2, 20)
    eventually(lambda: "over-capacity" not in str(kubesimd.get(core + "/endpoints/web")), 20)


CLAIMS = "/api/v1/namespaces/default/persistentvolumeclaims"
STATEFUL = "/apis/apps/v1/namespaces/default/statefulsets"


def claims(kubesimd):
    """Who owns each claim, by the kind and the name."""
    return {c["metadata"]["name"]: [(o["kind"], o["name"]) for o in c["metadata"].get("ownerReferences", [])] for c in kubesimd.get(CLAIMS)["items"]}


def stateful(name, replicas, **spec):
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
    claim = {"metadata": {"name": "d"}, "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}}
    return {"metadata": {"name": name}, "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template,
                                                 "volumeClaimTemplates": [claim], "podManagementPolicy": "Parallel", **spec}}


def test_claims_that_go(kubesimd):
    """persistentVolumeClaimRetentionPolicy: whenDeleted, whenScaled (Kubernetes documentation, "StatefulSets")"""
    kubesimd.post("/api/v1/nodes", {"metadata": {"name": "n1"}, "status": {"capacity": {"cpu": "8"}}}, 201)
    patch = lambda spec: kubesimd.ask("PATCH", STATEFUL + "/s", {"spec": spec}, {"Content-Type": "application/merge-patch+json"})
    policy = lambda **p: patch({"persistentVolumeClaimRetentionPolicy": p}).status == 200
    made = kubesimd.post(STATEFUL, stateful("s", 3), 201)
    assert made["spec"]["persistentVolumeClaimRetentionPolicy"] == {"whenDeleted": "Retain", "whenScaled": "Retain"}
    eventually(lambda: claims(kubesimd) == {f"d-s-{i}": [] for i in range(3)})
    assert policy(whenDeleted="Delete")
    owned = [("StatefulSet", "s")]
    eventually(lambda: claims(kubesimd) == {f"d-s-{i}": owned for i in range(3)})
    patch({"replicas": 2})  # the claim stays, and is the StatefulSet's
    eventually(lambda: len(pods_of(kubesimd, "s")) == 2)
    assert claims(kubesimd)["d-s-2"] == owned
    assert policy(whenScaled="Delete")
    patch({"replicas": 1})
    eventually(lambda: set(claims(kubesimd)) == {"d-s-0", "d-s-2"}, 10)
    patch({"replicas": 2})
    eventually(lambda: claims(kubesimd).get("d-s-1") == owned, 10)
    assert policy(whenDeleted="Retain")
    eventually(lambda: claims(kubesimd) == {"d-s-0": [], "d-s-1": [], "d-s-2": owned})  # nobody looks after one that has no pod
    reply = patch({"persistentVolumeClaimRetentionPolicy": {"whenDeleted": "Later"}})
    assert reply.status == 422 and reply.json["message"] == (
        'StatefulSet.apps "s" is invalid: spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "Later": supported values: '
        '"Retain", "Delete"')
    assert policy(whenDeleted="Delete")
    eventually(lambda: claims(kubesimd)["d-s-0"] == owned)
    kubesimd.ask("DELETE", STATEFUL + "/s?propagationPolicy=Orphan")  # what is let go of stays
    eventually(lambda: claims(kubesimd) == {f"d-s-{i}": [] for i in range(3)})
    kubesimd.post(STATEFUL, stateful("t", 2, persistentVolumeClaimRetentionPolicy={"whenDeleted": "Delete"}), 201)
    eventually(lambda: claims(kubesimd).get("d-t-1") == [("StatefulSet", "t")])
    kubesimd.ask("DELETE", STATEFUL + "/t")
    eventually(lambda: set(claims(kubesimd)) == {f"d-s-{i}" for i in range(3)}, 10)


def test_success_policy(kubesimd):
    """successPolicy: rules with succeededIndexes and succeededCount (Kubernetes documentation, "Jobs", "Success policy")"""
    kubesimd.post("/api/v1/nodes", {"metadata": {"name": "n1"}, "status": {"capacity": {"cpu": "8"}}}, 201)

    def make(name, rules, status=201, **spec):
        template = {"spec": {"containers": [{"name": "c", "image": "x"}], "restartPolicy": "Never"}}
        return kubesimd.post(JOBS, {"metadata": {"name": name}, "spec": {"completions": 5, "parallelism": 5, "completionMode": "Indexed", "template": template,
                                                                        "successPolicy": {"rules": rules}, **spec}}, status)

    make("two", [{"succeededIndexes": "4"}, {"succeededIndexes": "0-1", "succeededCount": 2}], parallelism=2)
    make("any", [{"succeededCount": 1}], parallelism=1)
    make("late", [{"succeededIndexes": "4"}], parallelism=1, completions=6)
    expected = {"two": ("Matched rules at index 1", "0,1"), "any": ("Matched rules at index 0", "0"), "late": ("Matched rules at index 0", "0-4")}

    def is_over(name):
        status = kubesimd.get(f"{JOBS}/{name}")["status"]
        conditions = {c["type"]: c for c in status.get("conditions", [])}
        met = conditions.get("SuccessCriteriaMet")
        return "Complete" in conditions and (met["reason"], met["message"], status["completedIndexes"]) == ("SuccessPolicy", *expected[name])

    for name in expected:
        eventually(lambda: is_over(name), 30)
    for rules, message in [
        ([], "spec.successPolicy.rules: Required value: at least one rules must be specified when the successPolicy is specified"),
        ([{}], "spec.successPolicy.rules[0]: Required value: at least one of succeededCount or succeededIndexes must be specified"),
        ([{"succeededCount": 6}], "spec.successPolicy.rules[0].succeededCount: Invalid value: 6: must be less than or equal to 5 (the number of specified "
                                  "completions)"),
        ([{"succeededIndexes": "0,2", "succeededCount": 3}],
         "spec.successPolicy.rules[0].succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in the specified "
         "succeededIndexes field)"),
        ([{"succeededIndexes": "3-1"}], 'spec.successPolicy.rules[0].succeededIndexes: Invalid value: "3-1": error parsing succeededIndexes: *'),
    ]:
        told = make("bad", rules, 422)["message"]
        expected_text = f'Job.batch "bad" is invalid: {message}'
        assert told == expected_text or message.endswith("*") and told.startswith(expected_text[:-1]), told
    assert "requires indexed completion mode" in make("bad", [{"succeededCount": 1}], 422, completionMode="NonIndexed")["message"]
