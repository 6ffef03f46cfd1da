# SPDX-License-Identifier: Apache-2.0
"""What is refused of each kind, in the words of Kubernetes (cases/checks.txt)."""
import base64
import re

import yaml

from test_kube_cases import check_all, overlaid
from test_kube_support import LEAST, Support, collection, least

MERGE = {"Content-Type": "application/merge-patch+json"}


def without_none(v):
    return {k: without_none(x) for k, x in v.items() if x is not None} if isinstance(v, dict) else v


def kinds_of(support):
    """By the name that cases have for them: of those that are there in several versions the newest has the bare one."""
    newest = [k for k in support.kinds if not k.group_version.endswith("beta1")]
    kinds = {k.kind: k for k in newest}
    kinds["HorizontalPodAutoscaler"] = next(k for k in newest if k.message == "autoscaling.v2.HorizontalPodAutoscaler")
    kinds["HorizontalPodAutoscaler.v1"] = next(k for k in newest if k.message == "autoscaling.v1.HorizontalPodAutoscaler")
    kinds["Event"] = next(k for k in newest if k.message == "events.v1.Event")
    kinds["Event.core"] = next(k for k in newest if k.message == "core.v1.Event")
    return kinds


# What a case may be of beside objects: a part of a pod, as it stands in the template; paths of what is said begin there.
PARTS = {"Container": "containers", "Volume": "volumes"}


def told(reply):
    return [f"{c['field']}: {c['message']}" for c in reply.json["details"]["causes"]] if reply.status == 422 else []


def test_checks(kubesimd):
    """A case has the one cause that it tells of; with "->+" there are others beside it."""
    kubesimd.post("/api/v1/namespaces", {"metadata": {"name": "kept"}}, 201)
    kinds, n = kinds_of(Support(kubesimd)), 0

    def run(line):
        nonlocal n
        n += 1
        part = PARTS.get(line.split()[0])
        kind, name = kinds["Pod" if part else line.split()[0]], f"o{n}"
        case, arrow, words = re.fullmatch(r"\S+ (.*?)(?: (->\+?) (.*)| ok)", line).groups()
        first, _, patch = case.partition(" => ")
        body, more = least(kind, name), yaml.safe_load(first)
        if part:
            more = {"spec": {part: [overlaid(body["spec"][part][0], more)]}}
            words = words and f"spec.{part}[0]{words if words[0] == ':' else '.' + words}"
        body = without_none(overlaid(body, more))
        base = collection(kind)
        if patch:
            kubesimd.post(base, body, 201)
            reply = kubesimd.ask("PATCH", f"{base}/{name}?dryRun=All", yaml.safe_load(patch), headers=MERGE)
        else:
            reply = kubesimd.ask("POST", base + "?dryRun=All", body)
        if not arrow:
            assert reply.status == (200 if patch else 201), reply.text
            return
        assert reply.status == 422, f"taken: {reply.status} {reply.text[:200]}"
        pattern = ".*".join(re.escape(part) for part in words.split("..."))
        causes = told(reply)
        assert any(re.fullmatch(pattern, c) for c in causes) and (arrow == "->+") == (len(causes) > 1), causes

    check_all("checks.txt", 580, run)
    assert {k.message for k in kinds.values()} >= set(LEAST) - {"core.v1.Pod"}


MIB = 1024 * 1024
MESSAGES = {"core.v1.Event": "message", "events.v1.Event": "note"}


def test_too_long(kubesimd):
    """The data of a ConfigMap and of a Secret, what an event says, lists."""
    kubesimd.post("/api/v1/namespaces", {"metadata": {"name": "kept"}}, 201)
    kinds = {k.message: k for k in kinds_of(Support(kubesimd)).values()}

    def refused(of, **more):
        return told(kubesimd.ask("POST", collection(kinds[of]) + "?dryRun=All", {**least(kinds[of], "long"), **more}))

    maps, secrets = "core.v1.ConfigMap", "core.v1.Secret"
    data, binary = "x" * (MIB - 3), {"b": base64.b64encode(b"xxx").decode()}
    assert refused(maps, data={"a": data}, binaryData=binary) == []
    assert refused(maps, data={"a": data + "x"}, binaryData=binary) == ["[]: Too long: may not be more than 1048576 bytes"]
    assert refused(secrets, stringData={"b": data}, data={}) == []
    assert refused(secrets, stringData={"b": data + "xxxx"}, data={}) == ["data: Too long: may not be more than 1048576 bytes"]
    for message, field in MESSAGES.items():
        assert refused(message, **{field: "x" * 1024}) == []
        assert refused(message, **{field: "x" * 1025}) == [f'{field}: Invalid value: "{"x" * 1025}": can have at most 1024 characters']
        for name in ("reason", "action", "reportingInstance"):
            assert refused(message, **{name: "x" * 128}) == []
            assert refused(message, **{name: "x" * 129}) == [f'{name}: Invalid value: "{"x" * 129}": can have at most 128 characters']
    slices = "discovery.v1.EndpointSlice"
    some = [{"addresses": ["10.9.9.9"]}] * 1000
    assert refused(slices, endpoints=some) == []
    assert refused(slices, endpoints=some + some[:1]) == ["endpoints: Too many: 1001: must have at most 1000 items"]
    assert refused(slices, endpoints=[{"addresses": ["10.9.9.9"] * 101}]) == ["endpoints[0].addresses: Too many: 101: must have at most 100 items"]
    ports = [{"name": f"p{i}", "port": 1} for i in range(101)]
    assert refused(slices, ports=ports[:100]) == []
    assert refused(slices, ports=ports) == ["ports: Too many: 101: must have at most 100 items"]
    rule = {"action": "Count", "onExitCodes": {"operator": "In", "values": [1]}}
    job = least(kinds["batch.v1.Job"], "long")["spec"]
    assert refused("batch.v1.Job", spec={**job, "podFailurePolicy": {"rules": [rule] * 20}}) == []
    assert refused("batch.v1.Job", spec={**job, "podFailurePolicy": {"rules": [rule] * 21}}) == [
        "spec.podFailurePolicy.rules: Too many: 21: must have at most 20 items"]
