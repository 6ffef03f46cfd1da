# SPDX-License-Identifier: Apache-2.0
"""Services beside their endpoints: ports on the nodes, what is filled in, what is refused (kubernetes documentation, "Service")."""

import pytest

from conftest import eventually, free_port

SERVICES = "/api/v1/namespaces/default/services"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
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


def pod(daemon, name, *containers, **spec):
    containers = [{"name": f"c{i}", "image": "x", "ports": ports} for i, ports in enumerate(containers)]
    body = {"metadata": {"name": name, "labels": {"app": "x"}}, "spec": {"containers": containers, **spec}}
    return daemon.post("/api/v1/namespaces/default/pods", body, 201)


def slices_of(daemon, service):
    """The numbers of its ports, by name, and the pods that have them, of each slice."""
    items = daemon.get(f"{SLICES}?labelSelector=kubernetes.io/service-name%3D{service}")["items"]
    return sorted(([{p["name"]: p["port"] for p in s["ports"]}, sorted(e["targetRef"]["name"] for e in s["endpoints"])] for s in items), key=str)


def subsets_of(daemon, service):
    subsets = daemon.get(f"/api/v1/namespaces/default/endpoints/{service}").get("subsets", [])
    return sorted(([{p.get("name", ""): p["port"] for p in s["ports"]}, sorted(a["targetRef"]["name"] for a in s["addresses"])] for s in subsets), key=str)


def test_named_ports(kubesimd):
    """targetPort may be the name of a containerPort: each pod has its own numbers for it, and is with those that have the same."""
    kubesimd.post("/api/v1/nodes", {"metadata": {"name": "n"}}, 201)
    create(kubesimd, "s", ports=[{"name": "web", "port": 80, "targetPort": "http"}, {"name": "more", "port": 81, "targetPort": "metrics"}])
    is_right = lambda *expected: eventually(lambda: slices_of(kubesimd, "s") == subsets_of(kubesimd, "s") == sorted(map(list, expected), key=str), 10)
    web = lambda number: {"name": "http", "containerPort": number}
    eventually(lambda: slices_of(kubesimd, "s") == [[{}, []]] and subsets_of(kubesimd, "s") == [])
    pod(kubesimd, "a", [], [web(8080)])
    is_right(({"web": 8080}, ["a"]))
    pod(kubesimd, "b", [web(9090)])
    pod(kubesimd, "c", [], [web(8080)])
    is_right(({"web": 8080}, ["a", "c"]), ({"web": 9090}, ["b"]))
    sidecar = {"name": "side", "image": "x", "restartPolicy": "Always", "ports": [{"name": "metrics", "containerPort": 9100}]}
    pod(kubesimd, "d", [web(8080)], initContainers=[sidecar])
    pod(kubesimd, "e", [{"name": "metrics", "containerPort": 1, "protocol": "UDP"}, web(8080)])  # another protocol, another port
    is_right(({"web": 8080}, ["a", "c", "e"]), ({"web": 9090}, ["b"]), ({"web": 8080, "more": 9100}, ["d"]))
    for name in ("a", "c", "d"):
        kubesimd.ask("DELETE", f"/api/v1/namespaces/default/pods/{name}?gracePeriodSeconds=0")
    is_right(({"web": 8080}, ["e"]), ({"web": 9090}, ["b"]))
    pod(kubesimd, "none", [])
    eventually(lambda: [{}, ["none"]] in slices_of(kubesimd, "s") and len(subsets_of(kubesimd, "s")) == 2)


def test_what_is_filled_in(kubesimd):
    spec = create(kubesimd, "s", type="LoadBalancer")["spec"]
    assert spec["ipFamilies"] == ["IPv4"] and spec["ipFamilyPolicy"] == "SingleStack" and spec["externalTrafficPolicy"] == "Cluster"
    assert spec["allocateLoadBalancerNodePorts"] is True and spec["clusterIPs"] == [spec["clusterIP"]] and spec["internalTrafficPolicy"] == "Cluster"
    assert create(kubesimd, "bare", clusterIP="None")["spec"]["clusterIPs"] == ["None"]
    spec = create(kubesimd, "outside", type="ExternalName", externalName="example.com.")["spec"]
    assert not {"clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy", "externalTrafficPolicy"} & set(spec)
    spec = create(kubesimd, "name", clusterIP="None", selector=None)["spec"]
    assert spec["ipFamilies"] == ["IPv4", "IPv6"] and spec["ipFamilyPolicy"] == "RequireDualStack"
    assert patch(kubesimd, "name", ipFamilyPolicy="SingleStack")["ipFamilies"] == ["IPv4"]
    assert create(kubesimd, "both", ipFamilyPolicy="PreferDualStack")["spec"]["ipFamilies"] == ["IPv4"]
    assert create(kubesimd, "external", externalIPs=["192.0.2.1"])["spec"]["externalTrafficPolicy"] == "Cluster"
    sticky = create(kubesimd, "sticky", sessionAffinity="ClientIP")["spec"]
    assert sticky["sessionAffinityConfig"] == {"clientIP": {"timeoutSeconds": 10800}}
    assert "sessionAffinityConfig" not in patch(kubesimd, "sticky", sessionAffinity="None")


def test_addresses(kubesimd):
    """Each Service has its own, which stays until it goes or becomes an ExternalName."""
    given = [create(kubesimd, f"s{i}")["spec"]["clusterIP"] for i in range(20)]
    assert len(set(given)) == 20 and all(ip.startswith("172.16.") for ip in given)
    create(kubesimd, "asked", clusterIP="172.20.1.1")
    refused = create(kubesimd, "late", 422, clusterIP="172.20.1.1")
    assert refused["message"] == ('Service "late" is invalid: spec.clusterIPs: Invalid value: ["172.20.1.1"]: failed to allocate IP 172.20.1.1: '
                                  'provided IP is already allocated')
    assert refused["reason"] == "Invalid" and refused["details"]["causes"][0]["field"] == "spec.clusterIPs"
    for ip in ("10.0.0.1", "172.16.0.0", "172.31.255.255", "172.32.0.1"):
        assert create(kubesimd, "far", 422, clusterIP=ip)["message"] == (
            f'Service "far" is invalid: spec.clusterIPs: Invalid value: ["{ip}"]: failed to allocate IP {ip}: the provided IP ({ip}) is not in the valid '
            'range. The range of valid IPs is 172.16.0.0/12')
    kubesimd.restart()
    create(kubesimd, "late", 422, clusterIP="172.20.1.1")
    create(kubesimd, "late", 422, clusterIP=given[3])
    reply = kubesimd.ask("PATCH", SERVICES + "/s0", {"spec": {"clusterIP": "172.20.1.2"}}, MERGE)
    assert reply.status == 422 and reply.json["message"].endswith('spec.clusterIPs[0]: Invalid value: ["172.20.1.2"]: may not change once set')
    assert patch(kubesimd, "s0", clusterIP="")["clusterIP"] == given[0]
    assert "clusterIP" not in patch(kubesimd, "asked", type="ExternalName", externalName="example.com")
    create(kubesimd, "late", clusterIP="172.20.1.1")
    assert patch(kubesimd, "asked", type="ClusterIP", externalName=None)["clusterIP"] not in given + ["172.20.1.1", None]
    kubesimd.ask("DELETE", SERVICES + "/late")
    create(kubesimd, "next", clusterIP="172.20.1.1")
    dry = kubesimd.ask("POST", SERVICES + "?dryRun=All", {"metadata": {"name": "dry"}, "spec": {"ports": [{"port": 80}], "clusterIP": "172.20.1.9"}})
    assert dry.status == 201 and create(kubesimd, "dry", clusterIP="172.20.1.9")


def test_address_that_comes_again(kubesimd):
    """Ids lead to addresses; one that a client has taken before is passed over."""
    number = lambda ip: sum(int(n) << 8 * (3 - i) for i, n in enumerate(ip.split(".")))
    text = lambda n: ".".join(str(n >> 8 * i & 255) for i in (3, 2, 1, 0))
    first = number(create(kubesimd, "first")["spec"]["clusterIP"])
    ahead = [text(first + i) for i in range(1, 30)]
    for i, ip in enumerate(ahead):
        kubesimd.ask("POST", SERVICES, {"metadata": {"name": f"a{i}"}, "spec": {"ports": [{"port": 80}], "clusterIP": ip}})
    assert create(kubesimd, "last")["spec"]["clusterIP"] not in ahead + [text(first)]


def test_health_port(kubesimd):
    """healthCheckNodePort, of load balancers with externalTrafficPolicy Local"""
    local = {"type": "LoadBalancer", "externalTrafficPolicy": "Local"}
    port = create(kubesimd, "s", **local)["spec"]["healthCheckNodePort"]
    assert 30000 <= port <= 32767
    assert create(kubesimd, "asked", healthCheckNodePort=30090, **local)["spec"]["healthCheckNodePort"] == 30090
    create(kubesimd, "late", 500, healthCheckNodePort=30090, **local)
    create(kubesimd, "low", 500, healthCheckNodePort=80, **local)
    create(kubesimd, "late", 422, type="NodePort", ports=[{"port": 80, "nodePort": 30090}])
    reply = kubesimd.ask("PATCH", SERVICES + "/s", {"spec": {"healthCheckNodePort": 30091}}, MERGE)
    assert reply.status == 422 and reply.json["message"].endswith("spec.healthCheckNodePort: Forbidden: field is immutable")
    assert patch(kubesimd, "s", ports=[{"port": 81}])["healthCheckNodePort"] == port
    assert "healthCheckNodePort" not in patch(kubesimd, "s", externalTrafficPolicy="Cluster")
    spec = patch(kubesimd, "asked", type="ClusterIP")
    assert not {"healthCheckNodePort", "externalTrafficPolicy", "allocateLoadBalancerNodePorts"} & set(spec)
    create(kubesimd, "late", healthCheckNodePort=30090, **local)


def test_the_service_of_the_api(start):
    """`kubernetes` is there from the start, and again when somebody deletes it; pkg/controlplane of Kubernetes."""
    port = free_port()
    daemon = start("Access.Anonymous=admin", listen=(f"https:127.0.0.1:{port}",))
    service = daemon.get(SERVICES + "/kubernetes")
    spec = service["spec"]
    assert service["metadata"]["labels"] == {"component": "apiserver", "provider": "kubernetes"}
    assert spec["clusterIP"] == "172.16.0.1" and spec["type"] == "ClusterIP" and "selector" not in spec
    assert spec["ports"] == [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": port}]
    endpoints = "/api/v1/namespaces/default/endpoints/kubernetes"

    def leads_to(ip, port):
        subset = {"addresses": [{"ip": ip}], "ports": [{"name": "https", "port": port, "protocol": "TCP"}]}
        piece = daemon.get(SLICES + "/kubernetes")
        assert daemon.get(endpoints)["subsets"] == [subset]
        assert piece["endpoints"] == [{"addresses": [ip], "conditions": {"ready": True}}] and piece["ports"] == subset["ports"]
        assert piece["metadata"]["labels"] == {"kubernetes.io/service-name": "kubernetes"} and piece["addressType"] == "IPv4"

    leads_to("127.0.0.1", port)
    # clients may add to it; it stays the same one over a restart
    assert daemon.ask("PATCH", SERVICES + "/kubernetes", {"metadata": {"labels": {"a": "b"}}}, MERGE).status == 200
    daemon.restart()
    again = daemon.get(SERVICES + "/kubernetes")
    assert again["metadata"]["uid"] == service["metadata"]["uid"] and again["metadata"]["labels"]["a"] == "b"
    leads_to("127.0.0.1", port)
    # whoever changes where it leads to is set right
    daemon.ask("PATCH", endpoints, {"subsets": [{"addresses": [{"ip": "192.0.2.1"}]}]}, MERGE)
    eventually(lambda: daemon.get(endpoints)["subsets"][0]["addresses"] == [{"ip": "127.0.0.1"}])
    for path in (SERVICES + "/kubernetes", endpoints, SLICES + "/kubernetes"):
        before = daemon.get(path)["metadata"]["uid"]
        assert daemon.ask("DELETE", path).status == 200
        eventually(lambda: daemon.ask("GET", path).status == 200 and daemon.get(path)["metadata"]["uid"] != before)
    assert daemon.get(SERVICES + "/kubernetes")["spec"]["clusterIP"] == "172.16.0.1"
    create(daemon, "mine", 422, clusterIP="172.16.0.1")


def test_the_service_of_the_api_without_https(kubesimd):
    assert kubesimd.get(SERVICES + "/kubernetes")["spec"]["ports"][0]["targetPort"] == 6443
    assert kubesimd.get("/api/v1/namespaces/default/endpoints/kubernetes")["subsets"][0]["addresses"] == [{"ip": "127.0.0.1"}]


@pytest.mark.parametrize("spec,message", [
    ({"type": "ExternalName"}, "spec.externalName: Required value"),
    ({"type": "ExternalName", "externalName": "a b"}, 'spec.externalName: Invalid value: "a b": a lowercase RFC 1123 subdomain must*'),
    ({"type": "ExternalName", "externalName": "a", "clusterIPs": ["172.16.1.1"]}, "spec.clusterIPs: Forbidden: may not be set for ExternalName services"),
    ({"type": "Other"}, 'spec.type: Unsupported value: "Other": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"'),
    ({"clusterIP": "here"}, 'spec.clusterIPs[0]: Invalid value: "here": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'),
    ({"clusterIP": "None", "type": "NodePort"}, 'spec.clusterIPs[0]: Invalid value: "None": may not be set to \'None\' for NodePort services'),
    ({"clusterIPs": ["172.16.1.1"]}, 'spec.clusterIPs: Invalid value: ["172.16.1.1"]: must be empty when `clusterIP` is not specified'),
    ({"clusterIP": "172.16.1.2", "clusterIPs": ["172.16.1.1"]}, 'spec.clusterIPs: Invalid value: ["172.16.1.1"]: first value must match `clusterIP`'),
    ({"clusterIP": "None", "clusterIPs": ["None", "172.16.1.1"]},
     'spec.clusterIPs: Invalid value: ["None","172.16.1.1"]: \'None\' must be the first and only value'),
    ({"clusterIP": "172.16.1.1", "clusterIPs": ["172.16.1.1", "172.16.1.2"]},
     'spec.clusterIPs: Invalid value: ["172.16.1.1","172.16.1.2"]: may specify no more than one IP for each IP family'),
    ({"clusterIP": "172.16.1.1", "ipFamilies": ["IPv6"]},
     'spec.clusterIPs[0]: Invalid value: "172.16.1.1": expected an IPv6 value as indicated by `ipFamilies[0]`'),
    ({"clusterIP": "fd00::1"}, 'spec.clusterIPs[0]: Invalid value: ["fd00::1"]: IPv6 is not configured on this cluster'),
    ({"clusterIP": "172.16.1.1", "clusterIPs": ["172.16.1.1", "fd00::1"], "ipFamilies": ["IPv4", "IPv6"]},
     "[spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when multiple cluster IPs are specified, "
     "spec.ipFamilyPolicy: Invalid value: \"SingleStack\": must be 'RequireDualStack' or 'PreferDualStack' when multiple IP families are specified]"),
    ({"ipFamilies": ["IPv6"]}, 'spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster'),
    ({"ipFamilies": ["IPv5"]}, 'spec.ipFamilies[0]: Unsupported value: "IPv5": supported values: "IPv4", "IPv6"'),
    ({"ipFamilies": ["IPv4", "IPv4"], "ipFamilyPolicy": "PreferDualStack"}, 'spec.ipFamilies[1]: Duplicate value: "IPv4"'),
    ({"ipFamilyPolicy": "RequireDualStack"}, 'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services'),
    ({"ipFamilyPolicy": "Both"}, 'spec.ipFamilyPolicy: Unsupported value: "Both": supported values: "PreferDualStack", "RequireDualStack", "SingleStack"'),
    ({"externalIPs": ["x"]}, 'spec.externalIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'),
    ({"externalIPs": ["192.0.2.1", "127.0.0.1"]},
     'spec.externalIPs[1]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)'),
    ({"externalIPs": ["0.0.0.0"]}, 'spec.externalIPs[0]: Invalid value: "0.0.0.0": may not be unspecified (0.0.0.0)'),
    ({"externalTrafficPolicy": "Local"}, 'spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'),
    ({"externalTrafficPolicy": "Far", "type": "NodePort"}, 'spec.externalTrafficPolicy: Unsupported value: "Far": supported values: "Cluster", "Local"'),
    ({"internalTrafficPolicy": "Far"}, 'spec.internalTrafficPolicy: Unsupported value: "Far": supported values: "Cluster", "Local"'),
    ({"healthCheckNodePort": 30100},
     "spec.healthCheckNodePort: Invalid value: 30100: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"),
    ({"sessionAffinity": "ClientIP", "sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 86401}}},
     "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400"),
    ({"allocateLoadBalancerNodePorts": False}, "spec.allocateLoadBalancerNodePorts: Forbidden: may only be used when `type` is 'LoadBalancer'"),
    ({"ports": [{"port": 80, "nodePort": 30100}]}, "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"),
    ({"ports": [{"name": "a", "port": 80}, {"name": "b", "port": 80}]}, 'spec.ports[1]: Duplicate value: "80/TCP"'),
    ({"ports": [{"port": 80, "protocol": "HTTP"}]}, 'spec.ports[0].protocol: Unsupported value: "HTTP": supported values: "SCTP", "TCP", "UDP"'),
    ({"ports": [{"port": 80, "targetPort": 70000}]}, "spec.ports[0].targetPort: Invalid value: 70000: must be between 1 and 65535, inclusive"),
    ({"ports": [{"name": "a", "port": 80}, {"name": "a", "port": 81}]}, 'spec.ports[1].name: Duplicate value: "a"'),
    ({"sessionAffinity": "Always"}, 'spec.sessionAffinity: Unsupported value: "Always": supported values: "ClientIP", "None"'),
])
def test_what_is_refused(kubesimd, spec, message):
    """type, externalName, clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy, ports, sessionAffinity, sessionAffinityConfig, clientIP, timeoutSeconds,
    externalIPs, externalTrafficPolicy, internalTrafficPolicy, healthCheckNodePort"""
    told, expected = create(kubesimd, "s", 422, **spec)["message"], f'Service "s" is invalid: {message}'
    assert told == expected or expected.endswith("*") and told.startswith(expected[:-1])


def test_slices_of_a_headless_service_say_so(kubesimd):
    """Kubernetes documentation, "Well-Known Labels": service.kubernetes.io/headless."""
    create(kubesimd, "bare", clusterIP="None")
    create(kubesimd, "s")
    slices = lambda: {s["metadata"]["labels"]["kubernetes.io/service-name"]: s["metadata"]["labels"]  # noqa: E731
                      for s in kubesimd.get("/apis/discovery.k8s.io/v1/namespaces/default/endpointslices")["items"]
                      if s["metadata"]["labels"]["kubernetes.io/service-name"] in ("bare", "s")}
    labels = eventually(lambda: len(slices()) == 2 and slices())
    assert labels["bare"]["service.kubernetes.io/headless"] == "" and "service.kubernetes.io/headless" not in labels["s"]
