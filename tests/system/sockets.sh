# SPDX-License-Identifier: Apache-2.0
say "activation, reload, with shorter intervals from here on"

in_container sh -c 'printf "[Cluster]\nHeartbeatIntervalSec=1s\nNodeTimeoutSec=6s\nRemoveAfterSec=4s\nStopGraceSec=2s\n" >/etc/kubesim/kubesimd.conf.d/50-fast.conf'
before=$(main_pid kubesimd)
check "systemctl reload works" in_container systemctl reload kubesimd
check "the process is the same" [ "$(main_pid kubesimd)" = "$before" ]
check "the new interval is asked for" eventually 3 asks_for_interval 1
in_container sh -c 'printf "[Cluster]\nNodeTimeoutSec=never\n" >/etc/kubesim/kubesimd.conf.d/60-wrong.conf'
check "a wrong file is refused by reload" in_container sh -c '! systemctl reload kubesimd'
check "and named with file and line" in_container sh -c 'kubesimd --check-config 2>&1 | grep -q "60-wrong.conf:2: NodeTimeoutSec=never"'
check "the daemon runs on" unit_is kubesimd.service active
in_container rm /etc/kubesim/kubesimd.conf.d/60-wrong.conf

check "kubesimd stops" in_container systemctl stop kubesimd.service
check "a connection starts it again" ctl list-nodes
check "with its pods" eventually 3 pod_is web Running node2
check "stop-node has an agent leave" ctl stop-node --wait=10s node2
check "its unit ends cleanly" eventually 5 unit_is kubesim-agent@node2.service inactive
check "web moved" eventually 5 pod_is web Running node1
check "restart-node has systemd start it" ctl restart-node --wait=10s node2
check "its unit runs" unit_is kubesim-agent@node2.service active
check "systemctl stop keeps an agent stopped" in_container sh -c 'systemctl stop kubesim-agent@node2; sleep 0.5; ! systemctl is-active -q kubesim-agent@node2.socket'
check "its node is stopped" eventually 3 node_is node2 Stopped
check "systemctl start brings it back" in_container systemctl start kubesim-agent@node2
check "its node is healthy" eventually 5 node_is node2 Healthy
check "the status API answers" in_container sh -c 'curl -sS --unix-socket /run/kubesim/agents/node1.sock http://x/pods | grep -q web'
check "a removed node's agent leaves and does not come back" in_container sh -c 'kubesimctl remove-node node2 && sleep 3 && ! kubesimctl list-nodes | grep -q "^node2 "'
check "until it is started" in_container sh -c 'systemctl restart kubesim-agent@node2 && sleep 1 && kubesimctl list-nodes | grep -q "^node2 *Healthy"'
