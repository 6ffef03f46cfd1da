# SPDX-License-Identifier: Apache-2.0
say "upgrade"

# The same package with a higher version.
mkdir -p "$WORK/deb"
dpkg-deb -R "$DEB" "$WORK/deb"
sed -i 's/^Version: .*/&+upgrade/' "$WORK/deb/DEBIAN/control"
dpkg-deb --root-owner-group -b "$WORK/deb" "$ROOT/root/newer.deb" >/dev/null
n=$(ctl list-pods --no-legend --no-pager | wc -l)
before=$(main_pid kubesimd) agent_before=$(main_pid kubesim-agent@node1)
# Asks all the while; a refused connection is a failure.
in_container sh -c 'i=0; while [ ! -e /root/done ]; do curl -sS --max-time 20 --unix-socket /run/kubesim/kubesimd.sock http://x/health >/dev/null || echo refused; sleep 0.05; done >/root/refused 2>&1' &
asker=$!
check "apt upgrades" in_container sh -c 'apt-get install -y /root/newer.deb'
check "kubesimd was replaced" [ "$(main_pid kubesimd)" != "$before" ]
check "agents were replaced" eventually 5 pid_is_not kubesim-agent@node1 "$agent_before"
check "every pod is there" n_pods_is "$n"
check "the nodes are healthy" eventually 8 node_is node1 Healthy
touch "$ROOT/root/done"
in_container touch /root/done
wait $asker
check "no connection was refused" in_container sh -c '[ ! -s /root/refused ] || { cat /root/refused; false; }'
check "no node was lost" in_container sh -c '! journalctl -u kubesimd --since "-15s" KUBESIM_REASON=NodeRemoved -o cat | grep -q node1'
