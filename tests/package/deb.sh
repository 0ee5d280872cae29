#!/bin/sh
# tools/package makes a package that lintian finds no error in, and that installs and trains on a fresh Debian: a minimal
# system by debootstrap, from the mirror and the release that this machine's apt uses. No build tool is in it. Where no
# such system can be made, the second half is skipped: a mirror that is away says nothing of the package.
. "$(dirname "$0")/common.sh"
command -v lintian >/dev/null || fail "lintian is missing"
deb=$NNC_SOURCE/$("$NNC_SOURCE/tools/package")
fresh deb
lintian --allow-root --fail-on error "$deb" >said || fail "$(cat said)"
cat said
grep -v '^$\|^#' "$NNC_SOURCE/packaging/debian/lintian-overrides" | grep -v 'embedded-library' && fail "another tag is overridden"

[ "$(id -u)" = 0 ] || skip "only root can make a fresh system; the package has been made and linted"
command -v debootstrap >/dev/null || fail "debootstrap is missing"
# Where base-files came from is where Debian comes from.
policy=$(apt-cache policy base-files | sed -n 's/^ *[0-9]* \(https\?:[^ ]*\) \([a-z]*\)\/main .*/\1 \2/p' | head -1)
mirror=${policy% *} release=${policy#* }
[ -n "$mirror" ] || skip "apt knows no mirror of Debian on this machine"
root=$work/root
# A mirror may be away for a moment.
debootstrap --variant=minbase "$release" "$root" "$mirror" >debootstrap.log 2>&1 || {
  rm -rf "$root"
  debootstrap --variant=minbase "$release" "$root" "$mirror" >debootstrap.log 2>&1 ||
    skip "no fresh system can be had here: debootstrap: $(tail -5 debootstrap.log)"
}
trap 'rm -rf "$root"' EXIT
cp "$deb" "$root/"
cp "$NNC_SOURCE/examples/softmax.nn" "$root/root/"
# How the machine reaches the mirror, proxies and names of hosts, holds for the fresh system, too.
cp /etc/resolv.conf "$root/etc/resolv.conf" 2>/dev/null || true
apt-config dump | grep -i '^Acquire::https\?::' >"$root/etc/apt/apt.conf.d/90machine" || true
inside() { chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 ${http_proxy:+http_proxy=$http_proxy} \
  ${https_proxy:+https_proxy=$https_proxy} DEBIAN_FRONTEND=noninteractive "$@"; }
inside apt-get update -qq >apt.log 2>&1 || skip "the fresh system reaches no mirror: $(tail -5 apt.log)"
inside sh -c 'apt-get install -y -qq ./nnc_*.deb' >apt.log 2>&1 || fail "apt-get install: $(tail -20 apt.log)"
for tool in gcc g++ cc ld as make cmake clang; do
  inside sh -c "command -v $tool" && fail "the fresh system has $tool"
done
says 'test accuracy' inside nnc /root/softmax.nn --train mnist
echo "$said" | tail -3
says 'libnnc.so.1' inside ldconfig -p
says 'fetch-data' inside nnc-fetch-data --help
inside apt-get remove -y -qq nnc >apt.log 2>&1 || fail "apt-get remove: $(cat apt.log)"
inside ldconfig -p | grep libnnc && fail "the library is still there"
exit 0
