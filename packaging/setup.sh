#!/bin/sh
# Installs the Debian packages that the demo, the tests and the benchmark use: only those that are
# missing, as root or through sudo. Nothing is started or configured by it.
set -eu

packages='build-essential ethtool freeradius freeradius-utils iperf3 iproute2 iputils-ping isc-dhcp-client less nftables openssl
procps python3 qemu-system-x86 tcpdump tmux tshark util-linux'

if ! command -v cargo >/dev/null; then
    echo "setup: cargo is missing: install Rust with rustup (see https://rustup.rs), then try again" >&2
    exit 1
fi

missing=
for package in $packages; do
    state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done

if [ -n "$missing" ]; then
    echo "setup: installing$missing"
    as_root=
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || {
            echo "setup: run as root, or install sudo: packages are missing:$missing" >&2
            exit 1
        }
        as_root=sudo
    fi
    command -v apt-get >/dev/null || {
        echo "setup: not a Debian system: install by hand what these packages hold:$missing" >&2
        exit 1
    }
    $as_root apt-get update --quiet
    # tshark asks whether others than root may capture; its default, no, is right here.
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install --quiet --yes --no-install-recommends $missing
fi

# Tests start a FreeRADIUS of their own; that of the package has no business here.
case $missing in
*freeradius*)
    if command -v systemctl >/dev/null && [ -d /run/systemd/system ]; then
        $as_root systemctl disable --now --quiet freeradius
    fi
    ;;
esac

if [ ! -c /dev/net/tun ]; then
    echo "setup: there is no /dev/net/tun: load the module (modprobe tun) before a demo or a test" >&2
fi
