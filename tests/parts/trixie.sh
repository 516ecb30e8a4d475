#!/bin/bash
# Debian 13: builds in a root made by debootstrap, runs unit, exchange and a few simulator seeds there.
set -u
. "$(dirname "$0")/../support/part.sh"

[ "$(id -u)" = 0 ] || { not_ok "needs root for debootstrap and chroot"; exit 1; }
command -v debootstrap >/dev/null || { not_ok "debootstrap is missing: apt-get install debootstrap"; exit 1; }
root=$IK_BUILD/trixie-root

# The mirror that this host already uses: deb822 or one-line sources.
mirror=$({ sed -n 's/^URIs:[[:space:]]*\([^[:space:]]*\).*/\1/p' /etc/apt/sources.list.d/*.sources 2>/dev/null
    sed -n 's/^deb[[:space:]]\(\[[^]]*\][[:space:]]*\)\{0,1\}\([^[:space:]]*\).*/\2/p' /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null
} | grep -v security | head -n 1)
[ -n "$mirror" ] || { not_ok "no Debian mirror in /etc/apt"; exit 1; }

mounts() {
    mount -t proc proc "$root/proc" && mount -t tmpfs tmpfs "$root/dev/shm" && mount --bind "$IK_ROOT" "$root/src" \
        && mount -o remount,ro,bind "$root/src"
}
unmounts() {
    for m in src dev/shm proc; do
        umount -l "$root/$m" 2>/dev/null
    done
    return 0
}
trap 'unmounts; ik_finish' EXIT
inside() { chroot "$root" /usr/bin/env -i HOME=/root LC_ALL=C DEBIAN_FRONTEND=noninteractive \
    PATH=/usr/sbin:/usr/bin:/sbin:/bin ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} "$@"; }

if [ ! -f "$root/.made" ]; then
    unmounts
    rm -rf --one-file-system "$root"
    mkdir -p "$root"
    script=/usr/share/debootstrap/scripts/trixie
    [ -e $script ] || script=/usr/share/debootstrap/scripts/sid
    if ! timeout 900 debootstrap --variant=minbase trixie "$root" "$mirror" $script >"$IK_LOGS/debootstrap.log" 2>&1; then
        not_ok "debootstrap trixie from $mirror"
        ik_tail "$IK_LOGS/debootstrap.log"
        exit 1
    fi
    cp -a /etc/apt/apt.conf.d/*prox* "$root/etc/apt/apt.conf.d/" 2>/dev/null
    cp /etc/resolv.conf "$root/etc/resolv.conf"
    touch "$root/.made"
fi
mkdir -p "$root/src" "$root/build" "$root/dev/shm"
unmounts
mounts || { not_ok "cannot mount into $root"; exit 1; }
ok "a Debian $(cat "$root/etc/debian_version") root"

if ! timeout 1500 chroot "$root" /usr/bin/env -i HOME=/root LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    ${http_proxy:+http_proxy="$http_proxy"} ${https_proxy:+https_proxy="$https_proxy"} \
    /src/deploy/install-packages.sh build test >"$IK_LOGS/packages.log" 2>&1; then
    not_ok "packages in the root"
    ik_tail "$IK_LOGS/packages.log"
    exit 1
fi
targets="ikestrad ikestra ikestra-lb unit_tests"
[ -d "$IK_ROOT/tests/exchange" ] && targets+=" exchange_tests"
inside cmake --preset release -S /src -B /build >"$IK_LOGS/build.log" 2>&1
# shellcheck disable=SC2086
if ! timeout 1800 chroot "$root" /usr/bin/env -i HOME=/root LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    ninja -C /build $targets >>"$IK_LOGS/build.log" 2>&1; then
    not_ok "build on Debian 13"
    grep -E -m 20 'error|FAILED|undefined' "$IK_LOGS/build.log" | sed 's/^/    /'
    exit 1
fi
warnings=$(grep -c 'warning:' "$IK_LOGS/build.log")
ok "builds with OpenSSL $(inside pkg-config --modversion libcrypto), hiredis $(inside pkg-config --modversion hiredis), $(inside gcc -dumpfullversion) ($warnings warnings)"

# Criterion programs, counted as elsewhere, run inside.
run_inside() {
    local prog=$1 tap rc p f
    tap=/build/$(basename "$prog").tap
    timeout 400 chroot "$root" /usr/bin/env -i HOME=/root LC_ALL=C PATH=/usr/bin:/bin "$prog" --tap="$tap" >"$IK_LOGS/$(basename "$prog").log" 2>&1
    rc=$?
    p=$(grep -Ec '^ok ' "$root$tap" 2>/dev/null || true)
    f=$(grep -Ec '^not ok ' "$root$tap" 2>/dev/null || true)
    if [ $rc -ne 0 ] && [ "${f:-0}" -eq 0 ]; then f=1; fi
    if [ "${f:-0}" -gt 0 ]; then
        echo "not ok - $(basename "$prog") on Debian 13"
        ik_tail "$IK_LOGS/$(basename "$prog").log"
    fi
    ik_passed=$((ik_passed + ${p:-0}))
    ik_failed=$((ik_failed + ${f:-0}))
}
for prog in "$root"/build/tests/unit/unit_* "$root"/build/tests/exchange/exchange_*; do
    [ -f "$prog" ] && [ -x "$prog" ] && run_inside "${prog#"$root"}"
done
if [ -f "$IK_ROOT/tests/parts/sim.sh" ]; then
    # The part's own way of running, inside, with few seeds.
    if timeout 900 chroot "$root" /usr/bin/env -i HOME=/root LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin \
        IK_ROOT=/src IK_BUILD=/build/parts IK_MODE=quick IK_LOGS=/build/logs IK_RESULT=/build/sim.result \
        /src/tests/parts/sim.sh >"$IK_LOGS/sim.log" 2>&1; then
        ok "simulator seeds on Debian 13"
    else
        not_ok "simulator seeds on Debian 13"
        ik_tail "$IK_LOGS/sim.log"
    fi
fi
exit 0
