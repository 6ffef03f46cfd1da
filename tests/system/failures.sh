# SPDX-License-Identifier: Apache-2.0
say "kill -9 and the watchdog"

# Creates 1,000 pods one after the other and writes down each that was acknowledged.
cat >"$ROOT/root/create" <<'SCRIPT'
#!/bin/sh
i=0
while [ $i -lt 1000 ]; do
    curl -sS --max-time 5 --unix-socket /run/kubesim/kubesimd.sock -H 'Content-Type: application/json' \
        -o /dev/null -w '%{http_code}' -d "{\"cpuRequired\":0.001,\"podId\":\"k$i\"}" http://x/pods 2>/dev/null |
        grep -q 201 && echo "k$i"
    i=$((i + 1))
done >/root/acknowledged
SCRIPT
chmod +x "$ROOT/root/create"
in_container sh -c 'printf "[Limits]\nPodsPerNode=5000\n" >/etc/kubesim/kubesimd.conf.d/55-pods.conf; systemctl reload kubesimd'
in_container /root/create &
creator=$!
for i in 1 2 3; do
    sleep 1.2
    in_container systemctl kill -s KILL kubesimd.service
done
wait $creator
check "kubesimd is back" eventually 10 unit_is kubesimd.service active
check "many pods were acknowledged" in_container sh -c '[ $(wc -l </root/acknowledged) -ge 500 ]'
check "each acknowledged pod is there" in_container sh -c 'kubesimctl list-pods --no-legend --no-pager | cut -d " " -f 1 | sort >/root/there; sort /root/acknowledged | comm -23 - /root/there >/root/lost; [ ! -s /root/lost ]'
check "no node failed for it" in_container sh -c '! journalctl -u kubesimd --since "-30s" KUBESIM_REASON=NodeUnhealthy -o cat | grep -q node1'

in_container sh -c 'mkdir -p /run/systemd/system/kubesimd.service.d; printf "[Service]\nWatchdogSec=4\nRestartSec=100ms\n" >/run/systemd/system/kubesimd.service.d/fast.conf; systemctl daemon-reload; systemctl restart kubesimd'
eventually 5 node_is node1 Healthy
before=$(main_pid kubesimd)
n=$(ctl list-pods --no-legend --no-pager | wc -l)
in_container kill -STOP "$before"
replaced() { local p; p=$(main_pid kubesimd); [ -n "$p" ] && [ "$p" != 0 ] && [ "$p" != "$before" ]; }
check "the watchdog replaces a hung kubesimd" eventually 20 replaced
check "nothing is lost" eventually 5 n_pods_is "$n"
check "no node failed" in_container sh -c '! journalctl -u kubesimd --since "-15s" KUBESIM_REASON=NodeUnhealthy -o cat | grep -q .'
check "systemd says why" in_container sh -c 'journalctl -u kubesimd | grep -qi "watchdog"'

check "an agent is killed" in_container systemctl kill -s KILL kubesim-agent@node1
check "its node is unhealthy after NodeTimeoutSec" eventually 15 node_is node1 Unhealthy
check "it stays down, as after a power failure" unit_is kubesim-agent@node1.service failed
check "and is back when it is started" in_container systemctl start kubesim-agent@node1
check "healthy" eventually 5 node_is node1 Healthy
check "an agent that crashes is started again" in_container sh -c 'systemctl kill -s SEGV kubesim-agent@node1; sleep 4; systemctl is-active -q kubesim-agent@node1'
eventually 5 node_is node1 Healthy
