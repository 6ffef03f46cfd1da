# SPDX-License-Identifier: Apache-2.0
# A Debian with systemd as PID 1 in a container, for tests: sourced, not run.
#
#   container_prepare DEB    debootstraps the base system once (KUBESIM_TEST_CACHE keeps it), with what DEB depends on
#                            downloaded: the container has a network of its own, without a way out
#   container_start DIR      boots a copy of it in DIR
#   in_container COMMAND...  runs a command in it, as root
#   container_stop

set -u
CACHE=${KUBESIM_TEST_CACHE:-/var/cache/kubesim-tests}
PACKAGES=systemd,systemd-sysv,dbus,curl,ca-certificates,iproute2,procps
BASE=
ROOT=
NSPAWN=
LEADER=

# Where this machine gets Debian 12 from, by its own configuration.
debian_mirror() {
    apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 2>/dev/null |
        awk '$2 == "bookworm" && /debian/ { print $1; exit }'
}

container_prepare() {
    local mirror depends
    depends=$(dpkg-deb -f "$1" Depends | sed 's/([^)]*)//g; s/|[^,]*//g; s/,/ /g')
    BASE=$CACHE/base-$(printf %s "$PACKAGES $depends" | cksum | cut -d ' ' -f 1)
    [ -e "$BASE/.complete" ] && return 0
    mirror=$(debian_mirror)
    echo "debootstrap of Debian 12 into $BASE, once"
    rm -rf "$BASE"
    mkdir -p "$CACHE"
    debootstrap --variant=minbase --include="$PACKAGES" bookworm "$BASE" ${mirror:+"$mirror"} >"$CACHE/debootstrap.log" 2>&1 ||
        { tail -n 20 "$CACHE/debootstrap.log"; return 1; }
    # Packages come from where this machine's come from.
    cp -a /etc/apt/apt.conf.d/. "$BASE/etc/apt/apt.conf.d/" 2>/dev/null
    rm -f "$BASE/etc/apt/apt.conf.d/docker-clean"
    cp -L /etc/ssl/certs/ca-certificates.crt "$BASE/etc/ssl/certs/ca-certificates.crt" 2>/dev/null
    # shellcheck disable=SC2086 # a list of packages
    chroot "$BASE" sh -c 'apt-get update && apt-get install --download-only -y "$@"' sh $depends >>"$CACHE/debootstrap.log" 2>&1 ||
        { tail -n 20 "$CACHE/debootstrap.log"; return 1; }
    touch "$BASE/.complete"
}

container_start() {
    ROOT=$1
    mkdir -p "$ROOT"
    cp -a "$BASE/." "$ROOT/"
    rm -f "$ROOT/etc/machine-id" "$ROOT/.complete"
    systemd-nspawn --quiet --boot --register=no --keep-unit --directory="$ROOT" --machine="kubesim-test-$$" \
        --private-network --link-journal=no >"$ROOT.console" 2>&1 &
    NSPAWN=$!
    local i
    for i in $(seq 300); do
        LEADER=$(pgrep -P "$NSPAWN" | head -n 1)
        [ -n "$LEADER" ] && in_container systemctl is-system-running --wait 2>/dev/null | grep -qE 'running|degraded' && return 0
        kill -0 "$NSPAWN" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 20 "$ROOT.console"
    return 1
}

in_container() {
    nsenter --target "$LEADER" --mount --uts --ipc --net --pid --cgroup --root --wd -- \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb SYSTEMD_PAGER= SYSTEMD_COLORS=0 "$@"
}

container_stop() {
    [ -n "$NSPAWN" ] || return 0
    kill -s RTMIN+4 "$LEADER" 2>/dev/null # poweroff
    local i
    for i in $(seq 100); do
        kill -0 "$NSPAWN" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL "$NSPAWN" 2>/dev/null
    wait "$NSPAWN" 2>/dev/null
    NSPAWN=
    [ -n "$ROOT" ] && rm -rf "$ROOT" "$ROOT.console"
}
