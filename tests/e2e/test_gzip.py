# SPDX-License-Identifier: Apache-2.0
"""Long answers are compressed for those who accept it; nothing else changes."""
import gzip
import json
import re
import socket

import pytest

from conftest import UnixConnection, eventually

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
CMS = "/api/v1/namespaces/default/configmaps"
OBJECTS = 700  # more than are sent as one reply with a length


@pytest.fixture
def full(kubesimd):
    connection = UnixConnection(kubesimd.socket, 20)
    for i in range(OBJECTS):
        connection.request("POST", CMS, json.dumps({"metadata": {"name": f"c{i}", "labels": {"half": str(i % 2)}}, "data": {"text": f"{i} lines of text " * 20}}),
                           {"Content-Type": "application/json"})
        reply = connection.getresponse()
        assert reply.status == 201, reply.read()
        reply.read()
    connection.close()
    return kubesimd


def fetch(daemon, path, encoding=None, accept=None, method="GET"):
    """The answer and its body as it was sent."""
    connection = UnixConnection(daemon.socket, 20)
    connection.putrequest(method, path, skip_accept_encoding=True)
    for name, value in (("Accept-Encoding", encoding), ("Accept", accept)):
        if value is not None:
            connection.putheader(name, value)
    connection.endheaders()
    reply = connection.getresponse()
    body = reply.read()
    connection.close()
    return reply, body


def test_the_same_bytes(full):
    for path, accept in (
            (CMS, None),                          # a stream
            (CMS, TABLE),
            (CMS + "?labelSelector=half%3D1", None),
            (CMS + "?limit=450", None),           # a reply with a length
            (CMS + "?limit=450", TABLE)):
        plain, expected = fetch(full, path, None, accept)
        assert plain.headers["Content-Encoding"] is None and plain.headers["Vary"] is None and len(expected) > 128 << 10
        packed, body = fetch(full, path, "gzip", accept)
        assert packed.status == 200 and packed.headers["Content-Encoding"] == "gzip" and packed.headers["Vary"] == "Accept-Encoding"
        assert packed.headers["Content-Type"] == plain.headers["Content-Type"]
        without_ages = lambda text: re.sub(rb'"[0-9]+[ms][0-9s]*"', b"", text)  # tables show how old things are now
        assert without_ages(gzip.decompress(body)) == without_ages(expected) and len(body) < len(expected) / 3


def test_negotiation(full):
    for encoding, is_packed in (
            ("gzip", True), ("deflate, gzip;q=0.5", True), ("*", True), ("gzip;q=0", False), ("*;q=0", False), ("identity", False), ("deflate, br", False),
            ("", False), ("identity;q=1, gzip;q=0.5", False), ("gzip;q=0, *", False)):
        for path in (CMS, CMS + "?limit=450"):
            reply, body = fetch(full, path, encoding)
            assert reply.headers["Content-Encoding"] == ("gzip" if is_packed else None), encoding
            assert len(json.loads(gzip.decompress(body) if is_packed else body)["items"]) >= 450


def test_an_object_of_a_megabyte_in_a_stream(full):
    text = "much " * 200000
    assert full.ask("POST", CMS, {"metadata": {"name": "big"}, "data": {"text": text}}).status == 201
    for encoding in (None, "gzip"):
        body = fetch(full, CMS, encoding)[1]
        items = json.loads(gzip.decompress(body) if encoding else body)["items"]
        assert len(items) == OBJECTS + 1 and any(i["data"]["text"] == text for i in items)


def test_small_answers_and_errors_are_not_compressed(full):
    for path in (CMS + "?limit=10", CMS + "/c1", CMS + "/nosuch", "/api", "/openapi/v3", "/healthz"):
        reply, body = fetch(full, path, "gzip")
        assert reply.headers["Content-Encoding"] is None and reply.headers["Content-Length"] == str(len(body))


def test_watches_are_not_compressed(full):
    connection = UnixConnection(full.socket, 20)
    connection.request("GET", CMS + "?watch=1", headers={"Accept-Encoding": "gzip"})
    reply = connection.getresponse()
    assert reply.headers["Content-Encoding"] is None
    for _ in range(OBJECTS):
        assert json.loads(reply.readline())["type"] == "ADDED"
    full.ask("DELETE", CMS + "/c1")
    assert json.loads(reply.readline())["type"] == "DELETED"
    connection.close()


def test_head(full):
    for path in (CMS, CMS + "?limit=450"):
        for encoding in ("gzip", "identity"):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(20)
                s.connect(full.socket)
                s.sendall(f"HEAD {path} HTTP/1.1\r\nHost: x\r\nAccept-Encoding: {encoding}\r\n\r\n".encode())
                head = b""
                while b"\r\n\r\n" not in head:
                    head += s.recv(65536)
            assert head.startswith(b"HTTP/1.1 200") and (b"Content-Encoding: gzip" in head) == (encoding == "gzip")
            assert (b"Connection: close" in head) == (b"Transfer-Encoding: chunked" in head)
    connection = UnixConnection(full.socket, 20)  # one after the other: the client opens another one when it has to
    for method in ("HEAD", "GET", "HEAD", "GET"):
        connection.request(method, CMS + "?limit=450", headers={"Accept-Encoding": "gzip"})
        reply = connection.getresponse()
        body = reply.read()
        assert reply.status == 200 and (method == "HEAD" or len(json.loads(gzip.decompress(body))["items"]) == 450)
    connection.close()


def test_http_1_0(full):
    with socket.create_connection(("127.0.0.1", full.port), 20) as s:
        s.sendall(f"GET {CMS} HTTP/1.0\r\nAccept-Encoding: gzip\r\n\r\n".encode())
        head, body = b"".join(iter(lambda: s.recv(65536), b"")).split(b"\r\n\r\n", 1)
    assert b"Content-Encoding: gzip" in head and len(json.loads(gzip.decompress(body))["items"]) == OBJECTS


def test_clients_that_leave_and_too_many_at_once(full):
    """What a client does not take is given up with it; beyond 64 at a time answers are sent as they are."""
    waiting = []
    for i in range(70):
        connection = UnixConnection(full.socket, 20)
        connection.request("GET", CMS + ("" if i % 2 else "?limit=450"), headers={"Accept-Encoding": "gzip"})
        waiting.append(connection)
    for i, connection in enumerate(waiting):
        if i % 3 == 0:
            connection.close()
            continue
        reply = connection.getresponse()
        body = reply.read()
        if reply.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        assert len(json.loads(body)["items"]) == (OBJECTS if i % 2 else 450)
        connection.close()
    eventually(lambda: fetch(full, CMS, "gzip")[0].headers["Content-Encoding"] == "gzip")


def test_the_writes_of_a_moment_ago(start):
    """A long reply that waits for the disk is compressed when its turn comes."""
    daemon = start("Access.Anonymous=admin")
    text = "much " * 100000
    reply = daemon.ask("POST", CMS, {"metadata": {"name": "big"}, "data": {"text": text}})
    assert reply.status == 201 and reply.json["data"]["text"] == text
    packed, body = fetch(daemon, CMS + "/big", "gzip")
    assert packed.headers["Content-Encoding"] == "gzip" and json.loads(gzip.decompress(body))["data"]["text"] == text
    connection = UnixConnection(daemon.socket, 20)
    connection.request("PUT", CMS + "/big", json.dumps({"metadata": {"name": "big"}, "data": {"text": text + "!"}}),
                       {"Accept-Encoding": "gzip", "Content-Type": "application/json"})
    reply = connection.getresponse()
    assert reply.headers["Content-Encoding"] == "gzip" and json.loads(gzip.decompress(reply.read()))["data"]["text"] == text + "!"
    connection.close()
