# SPDX-License-Identifier: Apache-2.0
"""Who may do what at the Kubernetes door, over HTTPS: refusals, service accounts' tokens, acting as others, reviews."""
import base64
import json
import os
import re
import ssl
import subprocess
import http.client

import pytest

from conftest import free_port
from test_kube import KUBECTLS
from test_kubectl import version_of

TOKENS = {"admin": "admin-0123456789abcdef", "viewer": "viewer-0123456789abcdef", "node:n1": "node-0123456789abcdef"}
POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}, "spec": {"containers": [{"name": "c", "image": "x"}]}}
ACCOUNTS = "/api/v1/namespaces/default/serviceaccounts"
MODERN = [k for k in KUBECTLS if version_of(k) >= (1, 27)]


class Secure:
    """The daemon by its HTTPS socket, with a token."""

    def __init__(self, start, tmp_path):
        self.port = free_port()
        (tmp_path / "tokens").write_text("".join(f"{t} {role}\n" for role, t in TOKENS.items()))
        self.daemon = start(listen=[f"https:127.0.0.1:{self.port}"], tokens=str(tmp_path / "tokens"))
        self.tmp = str(tmp_path)
        self.context = ssl.create_default_context(cafile=f"{self.tmp}/tls/ca.crt")

    def ask(self, method, path, body=None, token=None, **headers):
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, context=self.context, timeout=10)
        headers = {k.replace("_", "-"): v for k, v in headers.items()}
        if token:
            headers["Authorization"] = "Bearer " + TOKENS.get(token, token)
        connection.request(method, path, json.dumps(body) if body is not None else None, {"Content-Type": "application/json", **headers})
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        return response.status, json.loads(text) if text.startswith("{") else text

    def token(self, name="default", namespace="default", **spec):
        status, body = self.ask("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token", {"spec": spec}, "admin")
        assert status == 201, body
        return body["status"]["token"]

    def review(self, token, *audiences):
        status, body = self.ask("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {"spec": {"token": token, "audiences": list(audiences)}}, "admin")
        assert status == 201, body
        return body["status"]

    def whoami(self, token, **headers):
        status, body = self.ask("POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews", {}, token, **headers)
        assert status == 201, body
        return body["status"]["userInfo"]

    def kubectl(self, program, who, *args):
        config = os.path.join(self.tmp, "config-" + who)
        if not os.path.exists(config):
            open(config, "w").write(self.daemon.ask("GET", f"/kubeconfig?role={who}&server=https://127.0.0.1:{self.port}").text)
        done = subprocess.run([program, f"--kubeconfig={config}", f"--cache-dir={self.tmp}/c", *args], capture_output=True, text=True, timeout=60,
                              env={"PATH": os.environ["PATH"], "HOME": self.tmp})
        return done.stdout + done.stderr


@pytest.fixture
def secure(start, tmp_path):
    return Secure(start, tmp_path)


REFUSALS = [
    ("POST", "/api/v1/namespaces/default/pods", 'pods is forbidden: User "viewer" cannot create resource "pods" in API group "" in the namespace "default"',
     {"kind": "pods"}),
    ("DELETE", "/api/v1/namespaces/team/pods/web", 'pods "web" is forbidden: User "viewer" cannot delete resource "pods" in API group "" in the namespace "team"',
     {"name": "web", "kind": "pods"}),
    ("POST", "/api/v1/namespaces/default/pods/web/eviction", 'pods "web" is forbidden: User "viewer" cannot create resource "pods/eviction" in API group "" '
     'in the namespace "default"', {"name": "web", "kind": "pods"}),
    ("PATCH", "/apis/apps/v1/namespaces/default/deployments/d/scale", 'deployments.apps "d" is forbidden: User "viewer" cannot patch resource '
     '"deployments/scale" in API group "apps" in the namespace "default"', {"name": "d", "group": "apps", "kind": "deployments"}),
    ("DELETE", "/apis/apps/v1/namespaces/default/deployments", 'deployments.apps is forbidden: User "viewer" cannot deletecollection resource '
     '"deployments" in API group "apps" in the namespace "default"', {"group": "apps", "kind": "deployments"}),
    ("PUT", "/api/v1/nodes/n1/status", 'nodes "n1" is forbidden: User "viewer" cannot update resource "nodes/status" in API group "" at the cluster scope',
     {"name": "n1", "kind": "nodes"}),
    ("DELETE", "/api/v1/namespaces/team", 'namespaces "team" is forbidden: User "viewer" cannot delete resource "namespaces" in API group "" in the '
     'namespace "team"', {"name": "team", "kind": "namespaces"}),
    ("POST", "/apis/authentication.k8s.io/v1/tokenreviews", 'tokenreviews.authentication.k8s.io is forbidden: User "viewer" cannot create resource '
     '"tokenreviews" in API group "authentication.k8s.io" at the cluster scope', {"group": "authentication.k8s.io", "kind": "tokenreviews"}),
]


def test_refusals_have_kubernetes_words(secure):
    for method, path, message, details in REFUSALS:
        status, body = secure.ask(method, path, {}, "viewer")
        assert (status, body["message"], body["details"], body["reason"], body["code"]) == (403, message, details, "Forbidden", 403)
    status, body = secure.ask("GET", "/api/v1/namespaces/default/pods?watch=1", token="node:n1")
    assert body["message"] == 'pods is forbidden: User "system:node:n1" cannot watch resource "pods" in API group "" in the namespace "default"'
    for token in (None, "nobody-knows-this-one", ""):
        status, body = secure.ask("GET", "/api/v1/pods", token=token)
        assert (status, body) == (401, {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": "Unauthorized",
                                        "reason": "Unauthorized", "details": {}, "code": 401})


@pytest.mark.parametrize("kubectl", KUBECTLS, ids=os.path.basename)
def test_kubectl_prints_refusals(secure, kubectl):
    assert secure.kubectl(kubectl, "viewer", "run", "web", "--image=x") == (
        'Error from server (Forbidden): pods is forbidden: User "viewer" cannot create resource "pods" in API group "" in the namespace "default"\n')
    assert secure.kubectl(kubectl, "viewer", "delete", "node", "n1") == (
        'Error from server (Forbidden): nodes "n1" is forbidden: User "viewer" cannot delete resource "nodes" in API group "" at the cluster scope\n')
    assert secure.kubectl(kubectl, "viewer", "get", "pods", "--as=bob") == (
        'Error from server (Forbidden): users "bob" is forbidden: User "viewer" cannot impersonate resource "users" in API group "" at the cluster scope\n')


@pytest.mark.parametrize("kubectl", MODERN, ids=os.path.basename)
def test_kubectl_and_tokens(secure, kubectl):
    token = secure.kubectl(kubectl, "admin", "create", "token", "default", "--duration=20m").strip()
    with_token = lambda *args: secure.kubectl(kubectl, "nobody", *args)
    open(os.path.join(secure.tmp, "config-nobody"), "w").write(json.dumps({
        "apiVersion": "v1", "kind": "Config", "current-context": "c", "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": f"https://127.0.0.1:{secure.port}", "certificate-authority": f"{secure.tmp}/tls/ca.crt"}}],
        "users": [{"name": "u", "user": {"token": token}}]}))
    assert re.search(r"Username +system:serviceaccount:default:default\n", with_token("auth", "whoami"))
    assert with_token("get", "ns", "default", "-o", "name") == "namespace/default\n"
    assert 'User "system:serviceaccount:default:default" cannot create' in with_token("create", "configmap", "a")
    secure.kubectl(kubectl, "admin", "annotate", "sa", "default", "kubesim.io/role=admin")
    assert with_token("create", "configmap", "a") == "configmap/a created\n"
    assert "may not specify a duration less than 10 minutes" in secure.kubectl(kubectl, "admin", "create", "token", "default", "--duration=1m")
    assert 'serviceaccounts "nosuch" not found' in secure.kubectl(kubectl, "admin", "create", "token", "nosuch")
    assert secure.kubectl(kubectl, "admin", "auth", "can-i", "create", "pods", "--as=system:serviceaccount:default:default") == "yes\n"
    assert secure.kubectl(kubectl, "admin", "auth", "can-i", "create", "pods", "--as=bob").startswith("no")
    assert secure.kubectl(kubectl, "admin", "auth", "can-i", "create", "pods", "--as=bob", "--as-group=system:masters") == "yes\n"


def test_tokens(secure):
    status, body = secure.ask("POST", ACCOUNTS + "/default/token", {}, "admin")
    assert status == 201 and body["kind"] == "TokenRequest" and body["spec"]["expirationSeconds"] == 3600
    assert body["metadata"]["name"] == "default" and re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", body["status"]["expirationTimestamp"])
    token = body["status"]["token"]
    part = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert claims["sub"] == "system:serviceaccount:default:default" and claims["exp"] - claims["iat"] == 3600
    assert claims["kubernetes.io"]["serviceaccount"]["name"] == "default" and claims["aud"] == [claims["iss"]]
    assert secure.whoami(token) == {"username": "system:serviceaccount:default:default", "uid": claims["kubernetes.io"]["serviceaccount"]["uid"],
                                    "groups": ["system:serviceaccounts", "system:serviceaccounts:default", "system:authenticated"]}
    assert secure.ask("GET", "/nodes", token=token)[0] == 200  # at the other door, too
    assert secure.ask("POST", "/nodes", {"cpuCores": 1}, token)[0] == 403
    # another header with the same signature, no signature, a signature of nothing
    head, payload, signature = token.split(".")
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    for forged in (f"{none}.{payload}.{signature}", f"{none}.{payload}.", f"{head}.{payload}.", f"{head}.{payload[:-2]}.{signature}", token[:-1], token + "A"):
        assert secure.ask("GET", "/api/v1/pods", token=forged)[0] == 401
    for spec, field, detail in (
            ({"expirationSeconds": 599}, "spec.expirationSeconds", "may not specify a duration less than 10 minutes"),
            ({"expirationSeconds": 2 ** 32 + 1}, "spec.expirationSeconds", "may not specify a duration larger than 2^32 seconds")):
        status, body = secure.ask("POST", ACCOUNTS + "/default/token", {"spec": spec}, "admin")
        assert status == 422 and body["details"]["causes"][0]["field"] == field and body["message"].endswith(detail)
    assert secure.ask("POST", ACCOUNTS + "/default/token", {"spec": {"expirationSeconds": 2 ** 32}}, "admin")[0] == 201
    assert secure.ask("POST", ACCOUNTS + "/default/token", {"metadata": {"name": "other"}}, "admin")[0] == 422
    assert secure.ask("POST", ACCOUNTS + "/default/token", {"spec": {"boundObjectRef": {"kind": "Job", "apiVersion": "batch/v1", "name": "x"}}}, "admin")[0] == 400
    assert secure.ask("POST", ACCOUNTS + "/default/token", {}, token)[0] == 403
    assert oct(os.stat(f"{secure.tmp}/service-accounts.key").st_mode & 0o777) == "0o600"
    secure.daemon.restart()
    assert secure.whoami(token)["username"] == "system:serviceaccount:default:default"


def test_tokens_end(secure):
    """With the account, with what they are bound to; a new account of the same name is another one."""
    secure.ask("POST", ACCOUNTS, {"metadata": {"name": "robot"}}, "admin")
    assert secure.ask("POST", "/api/v1/namespaces/default/pods", {**POD, "spec": {**POD["spec"], "serviceAccountName": "robot"}}, "admin")[0] == 201
    token, bound = secure.token("robot"), secure.token("robot", boundObjectRef={"kind": "Pod", "apiVersion": "v1", "name": "web"})
    status, body = secure.ask("POST", ACCOUNTS + "/default/token", {"spec": {"boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": "web"}}}, "admin")
    assert status == 400 and "different serviceaccount name" in body["message"]
    assert secure.review(bound)["authenticated"]
    assert secure.ask("DELETE", "/api/v1/namespaces/default/pods/web?gracePeriodSeconds=0", token="admin")[0] == 200
    assert not secure.review(bound).get("authenticated") and secure.ask("GET", "/api/v1/pods", token=bound)[0] == 401
    assert secure.ask("GET", "/api/v1/pods", token=token)[0] == 200
    secure.ask("DELETE", ACCOUNTS + "/robot", token="admin")
    assert secure.ask("GET", "/api/v1/pods", token=token)[0] == 401
    secure.ask("POST", ACCOUNTS, {"metadata": {"name": "robot"}}, "admin")
    assert secure.ask("GET", "/api/v1/pods", token=token)[0] == 401
    # for somebody else
    vault = secure.token("robot", audiences=["vault"])
    assert secure.ask("GET", "/api/v1/pods", token=vault)[0] == 401
    assert secure.review(vault) == {"user": {}, "error": secure.review("junk")["error"]}
    assert secure.review(vault, "x", "vault")["audiences"] == ["vault"]
    assert secure.review(TOKENS["viewer"])["user"] == {"username": "viewer", "groups": ["kubesim:viewers", "system:authenticated"]}


def test_roles_of_accounts(secure):
    token = secure.token()
    for role, read, write in (("admin", 200, 201), ("none", 403, 403), ("king", 403, 403), ("viewer", 200, 403)):
        secure.ask("PATCH", ACCOUNTS + "/default", {"metadata": {"annotations": {"kubesim.io/role": role}}}, "admin",
                   Content_Type="application/merge-patch+json")
        assert secure.ask("GET", "/api/v1/pods", token=token)[0] == read
        assert secure.ask("POST", "/api/v1/namespaces/default/configmaps", {"metadata": {"name": role}}, token)[0] == write
        assert secure.whoami(token)["username"].endswith(":default")


def test_acting_as_others(secure):
    ask = lambda method, path, token="admin", **headers: secure.ask(method, path, {"metadata": {"name": "a"}} if method == "POST" else None, token, **headers)
    maps, pods = "/api/v1/namespaces/default/configmaps", "/api/v1/pods"
    assert ask("GET", pods, Impersonate_User="bob")[0] == 403
    assert ask("GET", pods, Impersonate_User="viewer")[0] == 200
    assert ask("POST", maps, Impersonate_User="viewer")[0] == 403
    assert ask("POST", maps, Impersonate_User="system:serviceaccount:default:default")[0] == 403
    assert ask("POST", maps, Impersonate_User="bob", Impersonate_Group="system:masters")[0] == 201
    assert ask("GET", "/nodes", Impersonate_User="bob")[0] == 403
    assert ask("GET", "/nodes", "viewer", Impersonate_User="admin")[0] == 403
    assert ask("GET", pods, Impersonate_Group="system:masters")[0] == 400
    assert ask("GET", pods, Impersonate_Uid="x")[0] == 400
    assert ask("GET", pods, "no-such-token-at-all", Impersonate_User="admin")[0] == 401
    assert ask("GET", pods, None, Impersonate_User="admin")[0] == 401
    status, body = ask("GET", pods, "viewer", Impersonate_User="system:serviceaccount:team:robot")
    assert status == 403 and body["details"] == {"name": "robot", "kind": "serviceaccounts"}
    assert body["message"] == ('serviceaccounts "robot" is forbidden: User "viewer" cannot impersonate resource "serviceaccounts" in API group "" '
                               'in the namespace "team"')
    assert secure.whoami("admin", Impersonate_User="bob", Impersonate_Group="devs") == {"username": "bob", "groups": ["devs", "system:authenticated"]}
    reply = secure.daemon.ask("GET", pods, headers={"Impersonate-User": "bob"})  # the local socket is an admin like others
    assert reply.status == 403 and 'User "bob" cannot list' in reply.json["message"]


def test_reviews_say_what_the_server_does(secure):
    """Each is asked for, and then tried."""
    cases = [("list", "", "pods", "", "GET", "/api/v1/pods"), ("get", "", "pods", "log", "GET", "/api/v1/namespaces/default/pods/a/log"),
             ("create", "", "pods", "", "POST", "/api/v1/namespaces/default/pods"), ("patch", "apps", "deployments", "scale", "PATCH",
              "/apis/apps/v1/namespaces/default/deployments/a/scale"), ("delete", "", "nodes", "", "DELETE", "/api/v1/nodes/a"),
             ("deletecollection", "", "secrets", "", "DELETE", "/api/v1/namespaces/none/secrets"),
             ("create", "authorization.k8s.io", "selfsubjectaccessreviews", "", "POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
             ("create", "authorization.k8s.io", "subjectaccessreviews", "", "POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews"),
             ("create", "authorization.k8s.io", "selfsubjectaccessreviews", "", "POST", "/apis/authorization.k8s.io/v0/selfsubjectaccessreviews")]
    paths = [("get", "/metrics"), ("get", "/version"), ("get", "/apis"), ("get", "/kubeconfig"), ("post", "/heartbeat"), ("get", "/healthz")]
    for user in ("admin", "viewer", "bob", "system:node:n1", "system:serviceaccount:default:default"):
        for verb, group, resource, subresource, method, path in cases:
            version = "v0" if "/v0/" in path else ""
            spec = {"user": user, "resourceAttributes": {"verb": verb, "group": group, "version": version, "resource": resource, "subresource": subresource}}
            _, review = secure.ask("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": spec}, "admin")
            assert review["status"]["allowed"] == (secure.ask(method, path, {}, "admin", Impersonate_User=user)[0] != 403), (user, verb, resource)
            _, own = secure.ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {"spec": {k: v for k, v in spec.items() if k != "user"}},
                                "admin", Impersonate_User=user)
            assert own["status"]["allowed"] == review["status"]["allowed"]
        for verb, path in paths:
            spec = {"user": user, "nonResourceAttributes": {"verb": verb, "path": path}}
            _, review = secure.ask("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": spec}, "admin")
            body = {"nodeID": "n1", "status": "Healthy", "pods": []} if verb == "post" else None
            assert review["status"]["allowed"] == (secure.ask(verb.upper(), path, body, "admin", Impersonate_User=user)[0] != 403), (user, path)
    local = "/apis/authorization.k8s.io/v1/namespaces/team/localsubjectaccessreviews"
    attributes = {"verb": "get", "resource": "pods", "namespace": "team"}
    assert secure.ask("POST", local, {"spec": {"groups": ["kubesim:viewers"], "resourceAttributes": attributes}}, "admin")[1]["status"]["allowed"]
    assert secure.ask("POST", local, {"spec": {"user": "x", "resourceAttributes": {**attributes, "namespace": "other"}}}, "admin")[0] == 400
    for spec in ({}, {"user": "x"}, {"resourceAttributes": attributes}, {"user": "x", "resourceAttributes": attributes, "nonResourceAttributes": {}}):
        status, body = secure.ask("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", {"spec": spec}, "admin")
        assert status == 422 and body["details"]["kind"] == "SubjectAccessReview"
    assert secure.ask("GET", "/apis/authorization.k8s.io/v1/subjectaccessreviews", token="admin")[0] == 405
    assert secure.ask("POST", "/apis/authentication.k8s.io/v1/tokenreviews", {"spec": {}}, "admin")[0] == 400


def test_rules(secure):
    rules = {"admin": [["*"]], "viewer": [["get", "list", "watch"]], "bob": []}
    for user, expected in rules.items():
        for namespace in ("default", "team"):
            status, review = secure.ask("POST", "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {"spec": {"namespace": namespace}}, "admin",
                                        Impersonate_User=user)
            assert status == 201 and review["spec"] == {"namespace": namespace} and not review["status"]["incomplete"]
            assert [r["verbs"] for r in review["status"]["resourceRules"] if r["resources"] == ["*"]] == expected
            everywhere = [r["verbs"] for r in review["status"]["nonResourceRules"] if r["nonResourceURLs"] == ["*"]]
            assert everywhere == [["get"] if user == "viewer" else verbs for verbs in expected]
