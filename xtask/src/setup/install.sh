# Installs Debian packages and keeps their services from starting. Runs as root; "$@": packages.
set -eu
policy=/usr/sbin/policy-rc.d
mark='# Written by cargo xtask setup; may be removed.'
export DEBIAN_FRONTEND=noninteractive

# Left behind by an earlier run that was killed.
if [ -e "$policy" ] && grep -qxF "$mark" "$policy"; then
    rm -f "$policy"
fi

if [ ! -e "$policy" ]; then
    echo "setup: $policy says for the time of the installation that no service may start"
    trap 'rm -f "$policy"' EXIT
    trap 'exit 1' HUP INT TERM
    printf '#!/bin/sh\n%s\nexit 101\n' "$mark" >"$policy"
    chmod 755 "$policy"
else
    for service in ejabberd epmd haproxy nginx prosody squid tinyproxy; do
        answer=0
        "$policy" "$service" start </dev/null >/dev/null 2>&1 || answer=$?
        [ "$answer" -eq 101 ] || exit 3
    done
    echo "setup: $policy, which is not ours, lets no service start already"
fi

install_packages() {
    apt-get install -y --no-install-recommends "$@" </dev/null
}

if apt-get install --simulate --no-install-recommends "$@" </dev/null >/dev/null 2>&1; then
    echo "setup: apt-get install"
    install_packages "$@" && exit 0
fi
echo "setup: apt-get update, then install"
apt-get update </dev/null
install_packages "$@"
