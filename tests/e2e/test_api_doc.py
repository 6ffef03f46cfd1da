# SPDX-License-Identifier: Apache-2.0
"""docs/API.md: every example in it is run, and answers with the status and the fields that it shows."""
import json
import os
import re
import shlex
import subprocess

DOC = os.path.join(os.path.dirname(__file__), "../../docs/API.md")


def examples():
    for block in re.findall(r"```console\n(.*?)```", open(DOC).read(), re.S):
        yield from re.findall(r"^\$ curl (.*)\n(\d+) (.*)$", block, re.M)


def test_every_example(start):
    kubesimd = start(fast=False)
    n = 0
    for command, status, shown in examples():
        # As it stands there, but for the socket: what the reader types is what is tried.
        curl = subprocess.run(["curl", "-s", "--unix-socket", kubesimd.socket, "-w", "\n%{http_code}", *shlex.split(command)], capture_output=True, text=True,
                              check=True, timeout=30)
        text, _, code = curl.stdout.rpartition("\n")
        assert code == status, (command, text)
        n += 1
        if not shown.startswith("{"):
            assert text.startswith(shown), (command, text)
            continue
        expected, reply = json.loads(shown), json.loads(text)
        assert set(expected) == set(reply), (command, text)
        for key, value in expected.items():
            if isinstance(value, (str, list)) and value and key != "detail":
                assert reply[key] == value, (command, key, text)
    assert n >= 14


def test_every_route_has_an_example():
    """A route is a row of the table; its pattern must fit the path of an example with its method."""
    table = open(os.path.join(os.path.dirname(__file__), "../../src/kubesimd/api/native/routes.c")).read()
    shown = set()
    for command, _, _ in examples():
        words = shlex.split(command)
        path = next(w for w in words if w.startswith("http://localhost"))[len("http://localhost"):]
        shown.add((words[words.index("-X") + 1] if "-X" in words else "POST" if "--json" in words else "GET", path.split("?")[0]))
    routes = re.findall(r'\{ HTTP_(\w+), "([^"]+)"', table)
    assert len(routes) > 15
    for method, pattern in routes:
        fits = re.compile("[^/]+".join(re.escape(p) for p in re.split(r"\{\w+\}", pattern)))
        assert any(m == method and fits.fullmatch(p) for m, p in shown), f"docs/API.md has no example of {method} {pattern}"
