# SPDX-License-Identifier: Apache-2.0
"""Services beside their endpoints: ports on the nodes, what is filled in, what is refused (kubernetes documentation, "Service")."""
import pytest

from conftest import eventually

SERVICES = "/api/v1/namespaces/default/services"
MERGE = {"Content-Type": "application/merge-patch+json"}


def create(daemon, name, status=201, **spec):
    return daemon.post(SERVICES, {"metadata": {"name": name}, "spec": {"selector": {"app": "x"}, "ports": [{"port": 80}], **spec}}, status)


def patch(daemon, name, **spec):
    reply = daemon.ask("PATCH", f"{SERVICES}/{name}", {"spec": spec}, MERGE)
    assert reply.status == 200, reply.text
    return reply.json["spec"]


def node_ports(spec):
    return [p.get("nodePort") for p in spec["ports"]]


def test_ports_on_the_nodes(kubesimd):
    two = [{"name": "a", "port": 80}, {"name": "b", "port": 443}]
    given = [p for i in range(20) for p in node_ports(create(kubesimd, f"s{i}", type="NodePort" if i % 2 else "LoadBalancer", ports=two)["spec"])]
    assert len(set(given)) == 40 and all(30000 <= p <= 32767 for p in given)
    asked = create(kubesimd, "asked", type="NodePort", ports=[{"port": 80, "nodePort": 30080}])
    assert node_ports(asked["spec"]) == [30080]
    refused = create(kubesimd, "late", 422, type="NodePort", ports=[{"port": 80, "nodePort": 30080}])
    assert refused["message"] == 'Service "late" is invalid: spec.ports[0].nodePort: Invalid value: 30080: provided port is already allocated'
    refused = create(kubesimd, "low", 422, type="NodePort", ports=[{"port": 80, "nodePort": 80}])
    assert refused["message"] == ('Service "low" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range '
                                  'of valid ports is 30000-32767')
    dns = [{"name": p, "port": 53, "protocol": p.upper(), "nodePort": 30053} for p in ("tcp", "udp")]
    assert node_ports(create(kubesimd, "dns", type="NodePort", ports=dns)["spec"]) == [30053, 30053]
    assert node_ports(create(kubesimd, "none", type="LoadBalancer", allocateLoadBalancerNodePorts=False)["spec"]) == [None]
    assert node_ports(create(kubesimd, "plain")["spec"]) == [None]


def test_ports_on_the_nodes_stay_and_go(kubesimd):
    port = node_ports(create(kubesimd, "s", type="NodePort")["spec"])[0]
    assert node_ports(patch(kubesimd, "s", ports=[{"port": 80, "targetPort": 8080}])) == [port]
    kubesimd.restart()
    create(kubesimd, "other", 422, type="NodePort", ports=[{"port": 80, "nodePort": port}])
    assert "nodePort" not in patch(kubesimd, "s", type="ClusterIP")["ports"][0]
    assert node_ports(create(kubesimd, "other", type="NodePort", ports=[{"port": 80, "nodePort": port}])["spec"]) == [port]
    kubesimd.ask("DELETE", SERVICES + "/other")
    assert node_ports(patch(kubesimd, "s", type="NodePort", ports=[{"port": 80, "nodePort": port}])) == [port]


def test_named_ports(kubesimd):
    """targetPort may be the name of a containerPort: pods change their numbers, and the Service follows."""
    kubesimd.post("/api/v1/nodes", {"metadata": {"name": "n"}}, 201)
    create(kubesimd, "s", ports=[{"name": "web", "port": 80, "targetPort": "http"}, {"name": "more", "port": 81, "targetPort": "none"}])
    slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
    numbers = lambda: [p["port"] for p in kubesimd.get(slices)["items"][0]["ports"]]
    older = lambda: [p["port"] for s in kubesimd.get("/api/v1/namespaces/default/endpoints/s")["subsets"] for p in s["ports"]]
    for number in (8080, 9090):
        containers = [{"name": "side", "image": "x"}, {"name": "c", "image": "x", "ports": [{"name": "http", "containerPort": number}]}]
        kubesimd.post("/api/v1/namespaces/default/pods", {"metadata": {"name": "p", "labels": {"app": "x"}}, "spec": {"containers": containers}}, 201)
        assert eventually(lambda: numbers() == [number, 81] and older() == [number, 81])
        kubesimd.ask("DELETE", "/api/v1/namespaces/default/pods/p?gracePeriodSeconds=0")


def test_what_is_filled_in(kubesimd):
    spec = create(kubesimd, "s", type="LoadBalancer")["spec"]
    assert spec["ipFamilies"] == ["IPv4"] and spec["ipFamilyPolicy"] == "SingleStack" and spec["externalTrafficPolicy"] == "Cluster"
    assert spec["allocateLoadBalancerNodePorts"] is True and spec["clusterIPs"] == [spec["clusterIP"]]
    assert create(kubesimd, "bare", clusterIP="None")["spec"]["clusterIPs"] == ["None"]
    spec = create(kubesimd, "outside", type="ExternalName", externalName="example.com")["spec"]
    assert not {"clusterIP", "ipFamilies", "internalTrafficPolicy", "externalTrafficPolicy"} & set(spec)


@pytest.mark.parametrize("spec,message", [
    ({"type": "ExternalName"}, "spec.externalName: Required value"),
    ({"clusterIP": "here"}, 'spec.clusterIP: Invalid value: "here": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'),
    ({"clusterIP": "None", "type": "NodePort"}, 'spec.clusterIP: Invalid value: "None": may not be set to \'None\' for NodePort or LoadBalancer services'),
    ({"ports": [{"port": 80, "protocol": "HTTP"}]}, 'spec.ports[0].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"'),
    ({"ports": [{"port": 80, "targetPort": 70000}]}, "spec.ports[0].targetPort: Invalid value: 70000: must be between 1 and 65535, inclusive"),
    ({"ports": [{"name": "a", "port": 80}, {"name": "a", "port": 81}]}, 'spec.ports[1].name: Duplicate value: "a"'),
    ({"sessionAffinity": "Always"}, 'spec.sessionAffinity: Unsupported value: "Always": supported values: "ClientIP", "None"'),
])
def test_what_is_refused(kubesimd, spec, message):
    """externalName, clusterIP, ports, sessionAffinity"""
    assert create(kubesimd, "s", 422, **spec)["message"] == f'Service "s" is invalid: {message}'


def test_slices_of_a_headless_service_say_so(kubesimd):
    """Kubernetes documentation, "Well-Known Labels": service.kubernetes.io/headless."""
    create(kubesimd, "bare", clusterIP="None")
    create(kubesimd, "s")
    slices = lambda: {s["metadata"]["labels"]["kubernetes.io/service-name"]: s["metadata"]["labels"]  # noqa: E731
                      for s in kubesimd.get("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices")["items"]}
    labels = eventually(lambda: len(slices()) == 2 and slices())
    assert labels["bare"]["service.kubernetes.io/headless"] == "" and "service.kubernetes.io/headless" not in labels["s"]
