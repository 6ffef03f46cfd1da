# SPDX-License-Identifier: Apache-2.0
say "a fleet"

fleet_has() { [ "$(ctl list-nodes --no-legend --no-pager | grep -cE "^sim-[0-9]+ +$1 ")" = "$2" ]; }
fleet_status() { in_container systemctl show -P StatusText kubesim-agent-fleet@sim | has "$1"; }

check "without its file a fleet does not start" in_container sh -c '! systemctl start kubesim-agent-fleet@none'
check "and says what is missing" in_container sh -c 'journalctl -u kubesim-agent-fleet@none | grep -q "KUBESIM_FLEET=PREFIX:COUNT into /etc/kubesim/fleet.d/none.conf"'
check "a fleet is configured" in_container sh -c 'printf "KUBESIM_FLEET=sim-:300\nCPU_CORES=2\n" >/etc/kubesim/fleet.d/sim.conf'
check "it starts" in_container systemctl start kubesim-agent-fleet@sim
check "all its nodes are healthy" fleet_has Healthy 300
check "systemctl status tells the numbers" eventually 3 fleet_status "300 nodes, 300 beating"
check "a reload takes another number over" in_container sh -c 'sed -i s/300/350/ /etc/kubesim/fleet.d/sim.conf && systemctl reload kubesim-agent-fleet@sim'
check "so many are there" eventually 5 fleet_has Healthy 350
check "its power fails" in_container systemctl kill -s KILL kubesim-agent-fleet@sim
check "its nodes are unhealthy after NodeTimeoutSec" eventually 25 fleet_has Unhealthy 350
check "power is back" in_container systemctl start kubesim-agent-fleet@sim
check "and so are its nodes" eventually 5 fleet_has Healthy 350
check "it stops" in_container systemctl stop kubesim-agent-fleet@sim
check "its nodes have said goodbye" eventually 2 fleet_has Stopped 350
check "kubesim-agent-fleet@.service is exposed at most 0.8" in_container systemd-analyze security --offline=yes --threshold=8 /lib/systemd/system/kubesim-agent-fleet@.service
check "its nodes can be removed" in_container sh -c "kubesimctl list-nodes --no-legend --no-pager | grep -o '^sim-[0-9]*' | xargs kubesimctl --quiet remove-node"
