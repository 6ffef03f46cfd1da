# SPDX-License-Identifier: Apache-2.0
"""What the fields that are alive (support.tsv) do, where no other test shows it."""
import re

import pytest

from conftest import eventually

CORE, APPS, BATCH, POLICY = "/api/v1", "/apis/apps/v1", "/apis/batch/v1", "/apis/policy/v1"
NS = "/namespaces/default"
PODS = CORE + NS + "/pods"
CONTAINERS = [{"name": "c", "image": "x"}]
LABELS = {"app": "x"}


@pytest.fixture
def cluster(kubesimd):
    for name in ("n1", "n2"):
        kubesimd.post(CORE + "/nodes", {"metadata": {"name": name}, "status": {"capacity": {"cpu": "4"}}}, 201)
    return kubesimd


def create(cluster, path, name, status=201, **more):
    return cluster.post(path, {"metadata": {"name": name, **more.pop("metadata", {})}, **more}, status)


def pod(cluster, name, status=201, metadata=None, **spec):
    return create(cluster, PODS, name, status, metadata=metadata or {}, spec={"containers": CONTAINERS, **spec})


def patch(cluster, path, body, status=200):
    reply = cluster.ask("PATCH", path, body, headers={"Content-Type": "application/merge-patch+json"})
    assert reply.status == status, reply.text
    return reply.json


def names(cluster, path):
    return {item["metadata"]["name"] for item in cluster.get(path)["items"]}


def runs(cluster, name):
    return lambda: cluster.get(f"{PODS}/{name}")["status"]["phase"] == "Running"


def template(**annotations):
    return {"metadata": {"labels": LABELS, "annotations": {"a": "b", **annotations}}, "spec": {"containers": CONTAINERS}}


def test_metadata(cluster):
    maps = CORE + NS + "/configmaps"
    assert cluster.ask("POST", CORE + "/namespaces/none/configmaps", {"metadata": {"name": "m", "namespace": "none"}}).status == 404
    assert cluster.ask("POST", maps, {"metadata": {"name": "m", "namespace": "other"}}).status == 400
    owner = create(cluster, maps, "owner", metadata={"selfLink": "/x"})
    assert "selfLink" not in owner["metadata"]
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["metadata"]["uid"], "controller": True}
    create(cluster, maps, "owned", metadata={"ownerReferences": [reference]})
    create(cluster, maps, "stray", metadata={"ownerReferences": [{**reference, "uid": "x"}]})
    create(cluster, maps, "held", metadata={"ownerReferences": [reference], "finalizers": ["example.com/hold"]})
    create(cluster, maps, "two", 422, metadata={"ownerReferences": [reference, {**reference, "name": "second"}]})
    eventually(lambda: "stray" not in names(cluster, maps))
    cluster.ask("DELETE", maps + "/owner")
    eventually(lambda: not {"owner", "owned"} & names(cluster, maps))
    held = cluster.get(maps + "/held")["metadata"]
    assert held["deletionTimestamp"] and held["deletionGracePeriodSeconds"] == 0
    pod(cluster, "p", metadata={"finalizers": ["example.com/hold"]})
    cluster.ask("DELETE", PODS + "/p?gracePeriodSeconds=0")
    eventually(lambda: cluster.get(PODS + "/p")["metadata"].get("deletionTimestamp"))
    for path in (maps + "/held", PODS + "/p"):
        patch(cluster, path, {"metadata": {"finalizers": None}})
        eventually(lambda: cluster.ask("GET", path).status == 404)


def test_pods(cluster):
    pod(cluster, "p", containers=[{"name": "first", "image": "a"}, {"name": "second", "image": "b"}], initContainers=[{"name": "init", "image": "i"}])
    eventually(runs(cluster, "p"))
    status = cluster.get(PODS + "/p")["status"]
    assert [(c["name"], c["image"], c["ready"]) for c in status["containerStatuses"]] == [("first", "a", True), ("second", "b", True)]
    assert [(c["name"], "terminated" in c["state"]) for c in status["initContainerStatuses"]] == [("init", True)]
    ids = [c["containerID"] for c in status["containerStatuses"] + status["initContainerStatuses"]]
    assert len(set(ids)) == 3 and all(re.fullmatch("kubesim://[0-9a-f]{64}", i) for i in ids)
    assert ids[0] == cluster.get(PODS + "/p")["status"]["containerStatuses"][0]["containerID"]


def cells(cluster, name):
    table = cluster.ask("GET", PODS + "/" + name, headers={"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}).json
    return dict(zip([c["name"] for c in table["columnDefinitions"]], table["rows"][0]["cells"]))


def test_crash_loops(cluster):
    """Kubernetes documentation, "Pod Lifecycle": restartPolicy, and what clients see of a container that ends again and again; restartCount, lastState."""
    ends = {"annotations": {"kubesim.io/duration": "500ms", "kubesim.io/exit-code": "3"}}
    side = [{"name": "s", "image": "x", "restartPolicy": "Always"}]
    pod(cluster, "loop", metadata=ends, initContainers=side)
    pod(cluster, "done", restartPolicy="OnFailure", metadata={"annotations": {"kubesim.io/duration": "500ms"}})
    of = lambda name: cluster.get(PODS + "/" + name)["status"]
    eventually(lambda: of("loop")["containerStatuses"][0]["state"].get("waiting", {}).get("reason") == "CrashLoopBackOff")
    for restarted in (False, True):  # it is there after a restart of kubesimd as well
        status, row = of("loop"), cells(cluster, "loop")
        main, sidecar = status["containerStatuses"][0], status["initContainerStatuses"][0]
        assert status["phase"] == "Running" and "message" not in status
        assert (main["ready"], main["started"], main["restartCount"]) == (False, False, 1)
        assert main["state"]["waiting"]["message"] == "back-off 10s restarting failed container"
        assert main["lastState"]["terminated"]["exitCode"] == 3 and main["lastState"]["terminated"]["reason"] == "Error"
        assert sidecar["ready"] and "running" in sidecar["state"] and sidecar["restartCount"] == 0
        assert {c["type"]: c["status"] for c in status["conditions"]}["Ready"] == "False"
        assert next(c for c in status["conditions"] if c["type"] == "Ready")["message"] == "containers with unready status: [c]"
        assert (row["Ready"], row["Status"]) == ("1/2", "CrashLoopBackOff") and re.fullmatch(r"1 \(\d+s ago\)", row["Restarts"])
        if not restarted:
            event = next(e for e in cluster.get(CORE + NS + "/events")["items"] if e["reason"] == "BackOff")
            assert (event["type"], event["message"]) == ("Warning", "Back-off restarting failed container c in pod loop_default")
            assert cluster.get("/pods/loop")["Status"] == "CrashLoopBackOff"
            cluster.restart()
    eventually(lambda: of("loop")["containerStatuses"][0]["restartCount"] == 2, 20)
    assert of("done")["phase"] == "Succeeded" and of("done")["containerStatuses"][0]["restartCount"] == 0


def test_restarts_of_a_jobs_pod_count(cluster):
    """Kubernetes documentation, "Jobs", pod backoff failure policy: restartPolicy OnFailure, backoffLimit."""
    made = {**template(**{"kubesim.io/duration": "200ms", "kubesim.io/exit-code": "1"}), "spec": {"containers": CONTAINERS, "restartPolicy": "OnFailure"}}
    create(cluster, BATCH + NS + "/jobs", "j", spec={"template": made, "backoffLimit": 1})
    condition = lambda: [c for c in cluster.get(BATCH + NS + "/jobs/j")["status"].get("conditions", []) if c["type"] == "Failed"]
    assert eventually(condition)[0]["reason"] == "BackoffLimitExceeded"


def test_a_pod_runs_for_too_long(cluster):
    pod(cluster, "late", activeDeadlineSeconds=1)
    eventually(lambda: cluster.get(PODS + "/late")["status"]["phase"] == "Failed")
    status = cluster.get(PODS + "/late")["status"]
    assert (status["reason"], status["message"]) == ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137


def test_sidecars(cluster):
    """Kubernetes documentation, "Sidecar Containers": they are ready and counted while the pod runs, and end with it."""
    init = [{"name": "i", "image": "x"}, {"name": "s", "image": "x", "restartPolicy": "Always"}]
    held = pod(cluster, "held", nodeName="n1", initContainers=init)  # nobody has said yet that it runs
    assert [next(iter(c["state"])) for c in held["status"]["initContainerStatuses"]] == ["waiting", "waiting"]
    initialized = next(c for c in held["status"]["conditions"] if c["type"] == "Initialized")
    assert (initialized["status"], initialized["reason"]) == ("False", "ContainersNotInitialized")
    assert initialized["message"] == "containers with incomplete status: [i s]"
    pod(cluster, "side", initContainers=init, restartPolicy="Never", metadata={"annotations": {"kubesim.io/duration": "3s"}})
    eventually(runs(cluster, "side"))
    assert (cells(cluster, "side")["Ready"], cells(cluster, "side")["Status"]) == ("2/2", "Running")
    done, side = cluster.get(PODS + "/side")["status"]["initContainerStatuses"]
    assert done["state"]["terminated"]["reason"] == "Completed" and done["ready"] and not done["started"]
    assert "running" in side["state"] and side["ready"] and side["started"]
    eventually(lambda: cluster.get(PODS + "/side")["status"]["phase"] == "Succeeded")
    side = cluster.get(PODS + "/side")["status"]["initContainerStatuses"][1]
    assert side["state"]["terminated"]["exitCode"] == 0 and not side["ready"] and not side["started"]
    assert (cells(cluster, "side")["Ready"], cells(cluster, "side")["Status"]) == ("0/2", "Completed")


def test_placement(cluster):
    """Which node a pod comes to: nodeName, schedulingGates, unschedulable, taints, capacity."""
    everything = [{"operator": "Exists"}]
    assert pod(cluster, "bound", nodeName="n2", tolerations=everything)["spec"]["nodeName"] == "n2"
    assert "nodeName" not in pod(cluster, "gated", schedulingGates=[{"name": "g"}], tolerations=everything)["spec"]
    patch(cluster, PODS + "/gated", {"spec": {"schedulingGates": None}})
    eventually(runs(cluster, "gated"))
    patch(cluster, CORE + "/nodes/n1", {"spec": {"unschedulable": True}})
    for effect in ("NoSchedule", "NoExecute"):
        patch(cluster, CORE + "/nodes/n2", {"spec": {"taints": [{"key": "k", "effect": effect}]}})
        name = "for-" + effect.lower()
        assert "nodeName" not in pod(cluster, name)["spec"]
        assert cluster.get(PODS + "/bound")["status"]["phase"] == "Running"  # it tolerates everything
        patch(cluster, CORE + "/nodes/n2", {"spec": {"taints": [{"key": "k", "effect": "PreferNoSchedule"}]}})
        eventually(runs(cluster, name))
    big = [{"name": "c", "image": "x", "resources": {"requests": {"cpu": "6"}}}]
    assert "nodeName" not in pod(cluster, "big", containers=big)["spec"]
    patch(cluster, CORE + "/nodes/n2/status", {"status": {"capacity": {"cpu": "8"}}})
    eventually(runs(cluster, "big"))


def test_priority(cluster):
    create(cluster, "/apis/scheduling.k8s.io/v1/priorityclasses", "high", value=1000, preemptionPolicy="Never")
    spec = pod(cluster, "p", priorityClassName="high", priority=1000)["spec"]
    assert (spec["priority"], spec["preemptionPolicy"]) == (1000, "Never")
    assert pod(cluster, "node", priorityClassName="system-node-critical")["spec"]["priority"] == 2000001000
    patch(cluster, "/apis/scheduling.k8s.io/v1/priorityclasses/high", {"value": 1}, 422)
    for wanted, why in (
            ({"priorityClassName": "none"}, "no PriorityClass with name none was found"),
            ({"priorityClassName": "high", "priority": 5}, "the integer value of priority (5) must not be provided in pod spec; priority admission "
             "controller computed 1000 from the given PriorityClass name"),
            ({"priorityClassName": "high", "preemptionPolicy": "PreemptLowerPriority"}, "the string value of PreemptionPolicy (PreemptLowerPriority) "
             "must not be provided in pod spec; priority admission controller computed Never from the given PriorityClass name")):
        refused = pod(cluster, "q", 403, **wanted)
        assert (refused["reason"], refused["message"]) == ("Forbidden", f'pods "q" is forbidden: {why}')
        assert refused["details"] == {"name": "q", "kind": "pods"}


def test_classes_of_the_system(cluster):
    """They are there from the start and stay; names that begin as theirs are nobody's else."""
    path = "/apis/scheduling.k8s.io/v1/priorityclasses"
    classes = {c["metadata"]["name"]: c for c in cluster.get(path)["items"]}
    assert {name: c["value"] for name, c in classes.items()} == {"system-cluster-critical": 2000000000, "system-node-critical": 2000001000}
    assert classes["system-node-critical"]["description"] == "Used for system critical pods that must not be moved from their current node."
    reply = cluster.ask("DELETE", path + "/system-node-critical")
    assert reply.status == 403 and reply.json["reason"] == "Forbidden" and reply.json["details"]["name"] == "system-node-critical"
    assert reply.json["message"] == ('priorityclasses.scheduling.k8s.io "system-node-critical" is forbidden: this is a system priority class and cannot be '
                                     'deleted')
    refused = create(cluster, path, "system-mine", 422, value=1)
    assert refused["message"] == ('PriorityClass.scheduling.k8s.io "system-mine" is invalid: metadata.name: Forbidden: priority class names with \'system-\' '
                                  'prefix are reserved for system use only. error: system-mine is not a known system priority class')
    assert create(cluster, path, "system-node-critical", 409, value=2000001000)["reason"] == "AlreadyExists"
    patch(cluster, path + "/system-node-critical", {"metadata": {"labels": {"a": "b"}}})
    patch(cluster, path + "/system-node-critical", {"value": 5}, 422)
    patch(cluster, path + "/system-node-critical", {"preemptionPolicy": "Never"}, 422)
    assert pod(cluster, "vital", priorityClassName="system-node-critical")["spec"]["priority"] == 2000001000


def test_accounts_of_pods(cluster):
    """serviceAccountName, and serviceAccount, which it was called once; kubernetes, plugin/pkg/admission/serviceaccount"""
    assert pod(cluster, "plain")["spec"]["serviceAccountName"] == "default"
    refused = pod(cluster, "x", 403, serviceAccountName="x")
    assert refused["reason"] == "Forbidden" and refused["details"] == {"name": "x", "kind": "pods"}
    assert refused["message"] == 'pods "x" is forbidden: error looking up service account default/x: serviceaccount "x" not found'
    create(cluster, CORE + NS + "/serviceaccounts", "robot")
    for given in ({"serviceAccountName": "robot"}, {"serviceAccount": "robot"}, {"serviceAccountName": "robot", "serviceAccount": "other"}):
        name = "p" + str(len(given)) + "-".join(given).lower()
        spec = pod(cluster, name, **given)["spec"]
        assert spec["serviceAccountName"] == spec["serviceAccount"] == "robot"
    # its namespace comes first, and a new one has its account at once
    containers = {"containers": [{"name": "c", "image": "x"}]}
    missing = cluster.ask("POST", CORE + "/namespaces/none/pods", {"metadata": {"name": "p"}, "spec": containers})
    assert missing.status == 404 and missing.json["message"] == 'namespaces "none" not found'
    for i in range(20):
        cluster.post(CORE + "/namespaces", {"metadata": {"name": f"new{i}"}}, 201)
        cluster.post(CORE + f"/namespaces/new{i}/pods", {"metadata": {"name": "p"}, "spec": containers}, 201)
    # it comes again; what controllers make says why it cannot
    assert cluster.ask("DELETE", CORE + "/namespaces/new0/serviceaccounts/default").status == 200
    eventually(lambda: cluster.ask("GET", CORE + "/namespaces/new0/serviceaccounts/default").status == 200)
    template = {"metadata": {"labels": LABELS}, "spec": {**containers, "serviceAccountName": "late"}}
    create(cluster, "/apis/apps/v1" + NS + "/replicasets", "rs", spec={"replicas": 1, "selector": {"matchLabels": LABELS}, "template": template})
    failed = lambda: [e["message"] for e in cluster.get(CORE + NS + "/events?fieldSelector=reason%3DFailedCreate")["items"]]
    eventually(failed)
    assert failed()[0] == ('Error creating: pods "rs-" is forbidden: error looking up service account default/late: serviceaccount "late" not found')
    create(cluster, CORE + NS + "/serviceaccounts", "late")
    eventually(lambda: [p for p in cluster.get(CORE + NS + "/pods")["items"] if p["metadata"]["name"].startswith("rs-")], 20)


def test_global_default(cluster):
    """globalDefault: the class of pods that name none; there is one at most."""
    classes = "/apis/scheduling.k8s.io/v1/priorityclasses"
    create(cluster, classes, "usual", value=7, globalDefault=True, description='"globalDefault":true')
    create(cluster, classes, "other", value=9, description='"globalDefault":true')
    for refused in (create(cluster, classes, "second", 403, value=8, globalDefault=True), patch(cluster, classes + "/other", {"globalDefault": True}, 403)):
        assert "PriorityClass usual is already marked as default. Only one default can exist" in refused["message"]
    spec = pod(cluster, "p")["spec"]
    assert (spec["priorityClassName"], spec["priority"], spec["preemptionPolicy"]) == ("usual", 7, "PreemptLowerPriority")
    patch(cluster, classes + "/usual", {"description": "still the default"})
    cluster.restart()
    assert pod(cluster, "q")["spec"]["priority"] == 7
    patch(cluster, classes + "/usual", {"globalDefault": False})
    spec = pod(cluster, "r")["spec"]
    assert spec["priority"] == 0 and "priorityClassName" not in spec
    patch(cluster, classes + "/other", {"globalDefault": True})
    assert pod(cluster, "s")["spec"]["priority"] == 9
    cluster.ask("DELETE", classes + "/other")
    assert pod(cluster, "t")["spec"]["priority"] == 0


def test_grace(cluster):
    pod(cluster, "p", terminationGracePeriodSeconds=7)
    eventually(runs(cluster, "p"))
    assert cluster.ask("DELETE", PODS + "/p").json["metadata"]["deletionGracePeriodSeconds"] == 7
    pod(cluster, "q", terminationGracePeriodSeconds=-1)
    eventually(runs(cluster, "q"))
    assert cluster.ask("DELETE", PODS + "/q").json["metadata"]["deletionGracePeriodSeconds"] == 1


def test_wrong_tolerations(cluster):
    pod(cluster, "p", 422, tolerations=[{"key": "k", "operator": "Exists", "value": "v"}])
    pod(cluster, "p", 422, tolerations=[{"key": "k", "operator": "Some"}])
    pod(cluster, "p", 422, tolerations=[{"key": "", "operator": "Equal"}])


def test_replica_sets(cluster):
    """replicas of the template; selector decides who is adopted and who is let go of."""
    sets = APPS + NS + "/replicasets"
    pod(cluster, "lone", metadata={"labels": LABELS})
    create(cluster, sets, "s", 422, spec={"replicas": 1, "selector": {"matchLabels": {"app": "y"}}, "template": template()})
    create(cluster, sets, "s", spec={"replicas": 3, "selector": {"matchLabels": LABELS}, "template": template()})
    eventually(lambda: cluster.get(sets + "/s")["status"].get("readyReplicas") == 3)
    items = {p["metadata"]["name"]: p["metadata"] for p in cluster.get(PODS)["items"]}
    assert len(items) == 3 and all(p["ownerReferences"][0]["name"] == "s" for p in items.values())
    made = next(name for name in items if name != "lone")
    assert items[made]["labels"] == LABELS and items[made]["annotations"] == {"a": "b"}
    patch(cluster, f"{PODS}/{made}", {"metadata": {"labels": None}})
    eventually(lambda: len(names(cluster, PODS)) == 4 and "ownerReferences" not in cluster.get(f"{PODS}/{made}")["metadata"])
    patch(cluster, sets + "/s", {"spec": {"replicas": 0}})
    eventually(lambda: names(cluster, PODS) == {made})


def test_deployments(cluster):
    path, sets = APPS + NS + "/deployments", APPS + NS + "/replicasets"
    rolling = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}}
    create(cluster, path, "d", spec={"replicas": 4, "revisionHistoryLimit": 1, "strategy": rolling, "selector": {"matchLabels": LABELS},
                                     "template": template()})

    def settled():
        d = cluster.get(path + "/d")
        return (d["status"].get("observedGeneration") == d["metadata"]["generation"] and d["status"].get("updatedReplicas") == 4 and
                d["status"].get("readyReplicas") == 4 and d["status"]["replicas"] == 4)

    eventually(settled)
    since = cluster.get(sets)["metadata"]["resourceVersion"]
    most = [{"maxSurge": 0, "maxUnavailable": 1}, {"maxSurge": "50%", "maxUnavailable": 0}]
    for i, limits in enumerate(most):
        image = {"spec": {"containers": [{"name": "c", "image": f"v{i}"}]}}
        patch(cluster, path + "/d", {"spec": {"strategy": {"rollingUpdate": limits}, "template": image}})
        eventually(settled, 15)
        wanted, sums = {s["metadata"]["name"]: 0 for s in cluster.get(sets)["items"]}, set()
        for event in changes(cluster, sets, since):
            wanted[event["object"]["metadata"]["name"]] = event["object"]["spec"]["replicas"] if event["type"] != "DELETED" else 0
            sums.add(sum(wanted.values()))
        since = cluster.get(sets)["metadata"]["resourceVersion"]
        assert max(sums) == 4 + (2 if i == 1 else 0), sums
    eventually(lambda: len(names(cluster, sets)) == 2)  # the present one, and one for revisionHistoryLimit
    patch(cluster, path + "/d", {"spec": {"paused": True, "template": {"spec": {"containers": [{"name": "c", "image": "v9"}]}}}})
    eventually(lambda: cluster.get(path + "/d")["status"]["observedGeneration"] == cluster.get(path + "/d")["metadata"]["generation"])
    assert "v9" not in str(cluster.get(sets)["items"])
    patch(cluster, path + "/d", {"spec": {"strategy": {"rollingUpdate": {"maxSurge": "some"}}}}, 422)


def test_names_that_are_taken(cluster):
    """The ReplicaSet's name is that of somebody else's: collisionCount makes another."""
    path, sets = APPS + NS + "/deployments", APPS + NS + "/replicasets"
    spec = {"replicas": 0, "selector": {"matchLabels": LABELS}, "template": template()}
    create(cluster, path, "d", spec=spec)
    name = eventually(lambda: names(cluster, sets)).pop()
    cluster.ask("DELETE", path + "/d")
    eventually(lambda: not names(cluster, sets))
    uid = cluster.get(CORE + "/namespaces/default")["metadata"]["uid"]
    other = {"apiVersion": "v1", "kind": "Namespace", "name": "default", "uid": uid, "controller": True}
    create(cluster, sets, name, spec=spec, metadata={"ownerReferences": [other]})
    create(cluster, path, "d", spec=spec)
    eventually(lambda: cluster.get(path + "/d")["status"].get("collisionCount") == 1)
    eventually(lambda: len(names(cluster, sets)) == 2)


def changes(cluster, path, since):
    """What has happened there since that version, as watch events."""
    now = cluster.get(path)["metadata"]["resourceVersion"]
    for event in cluster.stream(f"{path}?watch=true&resourceVersion={since}&allowWatchBookmarks=true&timeoutSeconds=2"):
        if event["type"] == "BOOKMARK" or int(event["object"]["metadata"]["resourceVersion"]) > int(now):
            return
        yield event


def test_jobs(cluster):
    jobs = BATCH + NS + "/jobs"

    def job(name, duration, code="0", **spec):
        made = {**template(**{"kubesim.io/duration": duration, "kubesim.io/exit-code": code})}
        made["spec"] = {"containers": CONTAINERS, "restartPolicy": "Never"}
        return create(cluster, jobs, name, spec={**spec, "template": made})

    def active(name):
        return cluster.get(f"{jobs}/{name}")["status"].get("active", 0)

    job("many", "300ms", completions=3, parallelism=2)
    since = []
    eventually(lambda: since.append(active("many")) or cluster.get(jobs + "/many")["status"].get("succeeded") == 3, 10)
    assert max(since) == 2
    job("failing", "200ms", "1", backoffLimit=1)
    eventually(lambda: [c for c in cluster.get(jobs + "/failing")["status"].get("conditions", []) if c["type"] == "Failed"], 25)  # the second one comes after ten seconds
    assert cluster.get(jobs + "/failing")["status"]["failed"] == 2
    job("later", "1h", suspend=True)
    assert active("later") == 0
    patch(cluster, jobs + "/later", {"spec": {"suspend": False}})
    eventually(lambda: active("later") == 1)
    eventually(lambda: all(p["status"]["phase"] != "Pending" for p in cluster.get(PODS)["items"]))
    patch(cluster, jobs + "/later", {"spec": {"suspend": True}})
    eventually(lambda: active("later") == 0)
    patch(cluster, jobs + "/many", {"spec": {"completions": 9}}, 422)
    patch(cluster, jobs + "/many", {"spec": {"template": {"spec": {"containers": [{"name": "c", "image": "other"}]}}}}, 422)
    # A pod that its node has not let go of yet is terminating.
    cluster.beat("slow", cpu=64)
    for name in ("n1", "n2"):
        patch(cluster, CORE + "/nodes/" + name, {"spec": {"unschedulable": True}})
    job("ending", "1h")
    own = eventually(lambda: [p["metadata"]["name"] for p in cluster.get(PODS)["items"] if p["spec"].get("nodeName") == "slow"])
    cluster.beat("slow", [own[0]], cpu=64)
    patch(cluster, jobs + "/ending", {"spec": {"suspend": True}})
    eventually(lambda: cluster.get(jobs + "/ending")["status"].get("terminating") == 1)


def test_secrets(cluster):
    path = CORE + NS + "/secrets"
    secret = create(cluster, path, "s", stringData={"a": "abc"})
    assert secret["data"] == {"a": "YWJj"} and secret["type"] == "Opaque" and "stringData" not in secret
    patch(cluster, path + "/s", {"type": "other"}, 422)


def test_services(cluster):
    """type, selector and ports (name, protocol, port, targetPort), as they are found in EndpointSlices and Endpoints."""
    path = CORE + NS + "/services"
    pod(cluster, "p", metadata={"labels": LABELS})
    ports = [{"name": "web", "protocol": "TCP", "port": 80, "targetPort": 8080},
             {"name": "dns", "protocol": "UDP", "port": 53}]
    assert create(cluster, path, "s", spec={"selector": LABELS, "ports": ports})["spec"]["type"] == "ClusterIP"
    assert "clusterIP" not in create(cluster, path, "outside", spec={"type": "ExternalName", "externalName": "example.com"})["spec"]
    assert create(cluster, path, "bare", spec={"ports": ports})["spec"]["clusterIP"].startswith("172.")
    slices = "/apis/discovery.k8s.io/v1" + NS + "/endpointslices?labelSelector=kubernetes.io/service-name%3Ds"
    expected = [{"name": "web", "protocol": "TCP", "port": 8080}, {"name": "dns", "protocol": "UDP", "port": 53}]
    eventually(lambda: [e for s in cluster.get(slices)["items"] for e in s["endpoints"] if e["conditions"]["ready"]])
    assert [s["ports"] for s in cluster.get(slices)["items"]] == [expected]
    assert [p["port"] for p in cluster.get(CORE + NS + "/endpoints/s")["subsets"][0]["ports"]] == [8080, 53]
    cluster.beat("slow", cpu=1)  # which does not say that it runs the pod
    pod(cluster, "q", metadata={"labels": LABELS}, nodeName="slow")
    unready = lambda: [a for s in cluster.get(CORE + NS + "/endpoints/s")["subsets"] for a in s.get("notReadyAddresses", [])]
    eventually(lambda: [a["targetRef"]["name"] for a in unready()] == ["q"])
    patch(cluster, path + "/s", {"spec": {"selector": {"app": "none"}}})
    eventually(lambda: not cluster.get(slices)["items"][0]["endpoints"])
    patch(cluster, path + "/s", {"spec": {"clusterIP": "172.16.9.9"}}, 422)


def test_budgets(cluster):
    """minAvailable and maxUnavailable of what the selector selects: evictions beyond them are refused."""
    budgets = POLICY + NS + "/poddisruptionbudgets"
    for i in range(3):
        pod(cluster, f"p{i}", metadata={"labels": LABELS})
        eventually(runs(cluster, f"p{i}"))
    pod(cluster, "other")
    evict = lambda name: cluster.ask("POST", f"{PODS}/{name}/eviction", {"metadata": {"name": name}}).status
    for limit, name in (({"minAvailable": 2}, "p0"), ({"maxUnavailable": "1%"}, "p1")):
        create(cluster, budgets, "b", spec={**limit, "selector": {"matchLabels": LABELS}})
        eventually(lambda: cluster.get(budgets + "/b")["status"].get("disruptionsAllowed") == 1)
        assert evict(name) == 201
        if "minAvailable" in limit:
            assert evict("p2") == 429
        cluster.ask("DELETE", budgets + "/b")
        eventually(lambda: name not in names(cluster, PODS))
    assert evict("other") == 201


def test_budgets_count_what_changes(cluster):
    """Pods that come, change their labels, end and go; and a selector that becomes another one, or selects all."""
    budgets = POLICY + NS + "/poddisruptionbudgets"
    counts = lambda n, healthy: eventually(lambda: tuple(cluster.get(budgets + "/b")["status"].get(k) for k in ("expectedPods", "currentHealthy")) == (n, healthy))
    pod(cluster, "before", metadata={"labels": LABELS})
    create(cluster, budgets, "b", spec={"minAvailable": "50%", "selector": {"matchLabels": LABELS}})
    counts(1, 1)
    pod(cluster, "p", metadata={"labels": LABELS})
    pod(cluster, "never", metadata={"labels": LABELS}, nodeSelector={"is": "nowhere"})
    pod(cluster, "bare")
    counts(3, 2)
    assert cluster.get(budgets + "/b")["status"]["desiredHealthy"] == 2
    patch(cluster, PODS + "/before", {"metadata": {"labels": {"app": "another"}}})
    counts(2, 1)
    patch(cluster, PODS + "/before", {"metadata": {"labels": LABELS}})
    counts(3, 2)
    cluster.ask("DELETE", PODS + "/p")
    counts(2, 1)
    patch(cluster, budgets + "/b", {"spec": {"selector": {"matchLabels": None}}})
    counts(3, 2)
    pod(cluster, "bare-too")
    counts(4, 3)
    patch(cluster, budgets + "/b", {"spec": {"selector": {"matchLabels": {"app": "none"}}}})
    counts(0, 0)


def test_new_events(cluster):
    """events.k8s.io/v1 shows the objects of v1, with its own names for their fields."""
    pod(cluster, "p")
    eventually(runs(cluster, "p"))
    old = {e["metadata"]["name"]: e for e in cluster.get(CORE + NS + "/events")["items"]}
    new = {e["metadata"]["name"]: e for e in cluster.get("/apis/events.k8s.io/v1" + NS + "/events")["items"]}
    assert old.keys() == new.keys() and old
    for name, event in old.items():
        assert (new[name]["regarding"], new[name]["note"], new[name]["reason"]) == (event["involvedObject"], event["message"], event["reason"])


def test_jobs_by_index(cluster):
    jobs = BATCH + NS + "/jobs"
    made = {**template(**{"kubesim.io/duration": "200ms", "kubesim.io/exit-code": "1"}), "spec": {"containers": CONTAINERS, "restartPolicy": "Never"}}
    create(cluster, jobs, "indexed", spec={"template": made, "completionMode": "Indexed", "completions": 3, "parallelism": 1, "backoffLimitPerIndex": 0,
                                           "maxFailedIndexes": 1, "podReplacementPolicy": "Failed"})
    failed = eventually(lambda: [c for c in cluster.get(jobs + "/indexed")["status"].get("conditions", []) if c["type"] == "Failed"], 15)
    assert failed[0]["reason"] == "MaxFailedIndexesExceeded"
    status = cluster.get(jobs + "/indexed")["status"]
    assert status["failedIndexes"] == "0,1" and not status.get("uncountedTerminatedPods")  # and the third was never tried
    spec = {"template": made, "podReplacementPolicy": "Never"}
    assert "spec.podReplacementPolicy" in create(cluster, jobs, "bad", 422, spec=spec)["message"]
    own = {"metadata": {"labels": {"mine": "yes"}}, "spec": made["spec"]}
    create(cluster, jobs, "manual", spec={"template": own, "manualSelector": True, "selector": {"matchLabels": {"mine": "yes"}}})
    assert cluster.get(jobs + "/manual")["spec"]["selector"] == {"matchLabels": {"mine": "yes"}}
    assert "spec" in create(cluster, jobs, "unlabelled", 422, spec={"template": made, "manualSelector": True, "selector": {"matchLabels": {"mine": "yes"}}})["message"]


def test_cron_jobs_keep_some_of_their_jobs(cluster):
    """A CronJob whose last time is long ago starts a Job at once, unless that was too long ago; of those that are over it keeps some."""
    path = BATCH + NS + "/cronjobs"
    made = {"template": {**template(**{"kubesim.io/duration": "100ms"}), "spec": {"containers": CONTAINERS, "restartPolicy": "Never"}}}
    create(cluster, path, "late", spec={"schedule": "@yearly", "startingDeadlineSeconds": 5, "jobTemplate": {"spec": made}})
    create(cluster, path, "brief", spec={"schedule": "@yearly", "successfulJobsHistoryLimit": 0, "failedJobsHistoryLimit": 0, "jobTemplate": {"spec": made}})
    for name in ("late", "brief"):
        patch(cluster, f"{path}/{name}/status", {"status": {"lastScheduleTime": "2020-01-01T00:00:00Z"}})
    eventually(lambda: cluster.get(path + "/brief")["status"].get("lastSuccessfulTime"), 10)
    eventually(lambda: not names(cluster, BATCH + NS + "/jobs"), 10)
    assert cluster.get(path + "/late")["status"].get("active") is None
    assert "spec.successfulJobsHistoryLimit" in create(cluster, path, "bad", 422, spec={
        "schedule": "@yearly", "successfulJobsHistoryLimit": -1, "jobTemplate": {"spec": made}})["message"]


def test_ephemeral_containers(cluster):
    """kubernetes documentation, "Ephemeral Containers": added by their subresource alone, never changed; ephemeralContainerStatuses by name."""
    path, strategic = PODS + "/p/ephemeralcontainers", {"Content-Type": "application/strategic-merge-patch+json"}

    def add(status=200, **container):
        body = {"spec": {"ephemeralContainers": [{"image": "busybox", **container}], "nodeName": "nowhere"}, "metadata": {"labels": {"a": "b"}}}
        reply = cluster.ask("PATCH", path, body, headers=strategic)
        assert reply.status == status, reply.text
        return [c["field"] + ": " + c["message"] for c in reply.json["details"]["causes"]] if status == 422 else reply.json

    def state(name):
        statuses = cluster.get(PODS + "/p")["status"].get("ephemeralContainerStatuses", [])
        return next((list(c["state"].items())[0] for c in statuses if c["name"] == name), (None, None))

    pod(cluster, "p", metadata={"annotations": {"kubesim.io/duration": "3s"}}, restartPolicy="Never", schedulingGates=[{"name": "g"}], volumes=[{"name": "v"}])
    added = add(name="early")
    assert added["spec"]["schedulingGates"] and "labels" not in added["metadata"] and "nodeName" not in added["spec"]
    assert added["spec"]["ephemeralContainers"] == [{"name": "early", "image": "busybox", "imagePullPolicy": "Always", "resources": {},
                                                     "terminationMessagePath": "/dev/termination-log", "terminationMessagePolicy": "File"}]
    assert state("early")[0] == "waiting"
    patch(cluster, PODS + "/p", {"spec": {"schedulingGates": None}})
    eventually(runs(cluster, "p"))
    assert state("early")[0] == "running"
    add(name="late", targetContainerName="c", stdin=True, volumeMounts=[{"name": "v", "mountPath": "/v"}])
    began = state("late")[1]["startedAt"]
    assert began >= cluster.get(PODS + "/p")["status"]["startTime"]
    assert [c["name"] for c in cluster.get(path)["spec"]["ephemeralContainers"]] == ["early", "late"]
    where = "spec.ephemeralContainers"
    assert add(422, name="late", image="other")[0].startswith(where + ': Forbidden: existing ephemeral containers "late" may not be changed')
    reply = cluster.ask("PATCH", path, {"spec": {"ephemeralContainers": []}}, headers={"Content-Type": "application/merge-patch+json"})
    assert [c["message"] for c in reply.json["details"]["causes"]] == [
        f'Forbidden: existing ephemeral containers "{name}" may not be removed\n' for name in ("early", "late")]
    for more, message in (({"name": "c"}, '.name: Duplicate value: "c"'), ({"targetContainerName": "x"}, '.targetContainerName: Not found: "x"'),
                          ({"ports": [{"containerPort": 1}]}, ".ports: Forbidden: cannot be set for an Ephemeral Container"),
                          ({"resources": {"limits": {"cpu": "1"}}}, ".resources: Forbidden: cannot be set for an Ephemeral Container"),
                          ({"livenessProbe": {"exec": {"command": ["x"]}}}, ".livenessProbe: Forbidden: cannot be set for an Ephemeral Container"),
                          ({"volumeMounts": [{"name": "v", "mountPath": "/v", "subPath": "s"}]},
                           ".volumeMounts[0].subPath: Forbidden: cannot be set for an Ephemeral Container"), ({"image": ""}, ".image: Required value")):
        assert add(422, **{"name": "new", **more}) == [where + "[2]" + message]
    assert "may not change fields" in cluster.ask("PATCH", PODS + "/p", {"spec": {"ephemeralContainers": [{"name": "new", "image": "x"}]}},
                                                  headers=strategic).text
    assert "life of its pod" in cluster.ask("GET", PODS + "/p/log?container=late").text
    cluster.restart()
    assert state("late")[1]["startedAt"] == began
    eventually(lambda: state("late")[0] == "terminated")
    assert state("late")[1]["exitCode"] == 137 and state("early")[0] == "terminated"
    add(name="over")
    assert state("over")[0] is None


def test_a_gated_pod_says_more_of_where_it_may_go(cluster):
    """kubernetes documentation, "Pod Scheduling Readiness": nodeSelector and node affinity may be narrowed while schedulingGates hold it."""
    for name in ("n1", "n2"):
        patch(cluster, CORE + "/nodes/" + name, {"metadata": {"labels": {"name": name}}})
    for name, more in (("p", {"nodeSelector": {"name": "n2"}}), ("q", {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [{"key": "name", "operator": "In", "values": ["n2"]}]}]}}}})):
        pod(cluster, name, schedulingGates=[{"name": "g"}])
        patch(cluster, PODS + "/" + name, {"spec": more})
        patch(cluster, PODS + "/" + name, {"spec": {"schedulingGates": None}})
        eventually(runs(cluster, name))
        assert cluster.get(PODS + "/" + name)["spec"]["nodeName"] == "n2"


def test_nobody_has_looked_at_a_dry_run(cluster):
    """Nor does its status say that it could not be placed."""
    reply = cluster.ask("POST", PODS + "?dryRun=All", {"metadata": {"name": "p"}, "spec": {"containers": CONTAINERS}})
    assert reply.json["status"] == {"phase": "Pending", "qosClass": "BestEffort"}
