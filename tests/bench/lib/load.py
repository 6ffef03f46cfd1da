# SPDX-License-Identifier: Apache-2.0
"""The loads, which are C programs."""
import json
import os
import subprocess
import time

from lib import server


def start(program, *flags, **options):
    args = [f"{server.BUILD}/bench/{program}", *flags] + [f"--{k}={v}" for k, v in options.items()]
    return subprocess.Popen(args, stdout=subprocess.PIPE, text=True)


def finish(process):
    text, _ = process.communicate()
    assert process.returncode == 0, process.args
    result = json.loads(text)
    assert result["failed"] == 0, (process.args, result)
    return result


def load(address, kind, **options):
    return finish(start("load", address=address, kind=kind, **options))


def register(address, count, connections=64, first=0):
    load(address, "register", connections=connections, count=count, first=first, nodes=first + count)


def watch(address, **options):
    return finish(start("watch", address=address, **options))


def watch_limit(**options):
    return finish(start("watch", "--limit", **options))


def longest_wait_while(address, condition):
    """What a client with a request each 2 ms waits at most while something goes on, in ms."""
    longest = 0
    while condition():
        longest = max(longest, load(address, "heartbeat", connections=1, nodes=1, every=2, seconds=1)["max_us"])
    return longest / 1000


def append_latency(path, rate, seconds):
    """What single appends of 4 KiB with fdatasync take, so many a second: the median and the 99th percentile, in ms."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    block, took, begun = b"x" * 4096, [], time.monotonic()
    for i in range(rate * seconds):
        time.sleep(max(begun + i / rate - time.monotonic(), 0))
        at = time.monotonic()
        os.write(fd, block)
        os.fdatasync(fd)
        took.append((time.monotonic() - at) * 1000)
    os.close(fd)
    os.unlink(path)
    took.sort()
    return took[len(took) // 2], took[len(took) * 99 // 100]


def append_rate(path, seconds=1.5):
    """Appends of 4 KiB a second, each with its fdatasync."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    block, n, begun = b"x" * 4096, 0, time.monotonic()
    while time.monotonic() - begun < seconds:
        os.write(fd, block)
        os.fdatasync(fd)
        n += 1
    os.close(fd)
    os.unlink(path)
    return n / (time.monotonic() - begun)
