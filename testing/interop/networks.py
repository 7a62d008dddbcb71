#!/usr/bin/env python3
"""A router that brings its own networks, at an independent gateway (RFC 7148).

usage: networks.py --local A --anchor L --echo4 C --echo6 D --network4 N --network6 M [--key SPI:SECRET]
                   [--home4 H --home6 P] [--stay] [--patience S]

The anchor takes mobile network prefixes as they are sent. The router registers N and M, and hosts
in them talk with the echoing correspondent; what overlaps with them or cannot be routed is refused
to another router. H and P are the router's own home address and home network prefix, where the
anchor has no pool. At the end the router leaves, unless it is to stay.
An answer is waited for S seconds.
"""

import argparse
import ipaddress
import sys

import mobility as mh
import speaker
from inner import udp_packet
from speaker import ECHO_PORT, NODE_PORT, SILENCE, Gateway, Node, check, key, round_trip
from transport import Tunnel

DELEGATED, IPV4 = 55, 0x80
IN_USE, PARAMETERS = 178, ("local", "anchor", "echo4", "echo6", "network4", "network6")


def delegated(network):
    flags = IPV4 if network.version == 4 else 0
    return mh.option(DELEGATED, bytes([flags, network.prefixlen]) + network.network_address.packed)


def answered(acknowledgement):
    return [tuple(body) for body in acknowledgement.all(DELEGATED)]


def host(network):
    return str(network.network_address + 9)


def node(name, args, number):
    router = Node(name)
    if args.home6:
        router.prefix = str(ipaddress.ip_address(args.home6) + (number << 64))
        router.prefix_length = 64
        router.home4 = (str(ipaddress.ip_address(args.home4) + number), 24)
    return router


def main():
    parser = argparse.ArgumentParser()
    for name in PARAMETERS:
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--home4")
    parser.add_argument("--home6")
    parser.add_argument("--key", type=key)
    parser.add_argument("--stay", action="store_true")
    parser.add_argument("--patience", type=float, default=speaker.ANSWER)
    args = parser.parse_args()
    speaker.ANSWER = args.patience
    networks = [ipaddress.ip_network(text) for text in (args.network4, args.network6)]
    options = [delegated(network) for network in networks]
    gateway, router = Gateway(args.local, args.anchor, args.key), node("router", args, 0)

    ack = router.register(gateway, extra=options)
    check(ack.status == 0, f"a router with {networks} registers: {ack.status}")
    check(answered(ack) == [tuple(body[2:]) for body in options], "both networks are confirmed")
    tunnel = Tunnel("ipip", args.local, args.anchor)
    for network, echo in zip(networks, (args.echo4, args.echo6)):
        round_trip(tunnel, host(network), echo, b"from behind")
        check(True, f"{host(network)} behind the router and {echo} talk, both ways")

    other = node("other", args, 1)
    for network in networks:
        for wanted in (network, network.supernet(), list(network.subnets())[1]):
            ack = other.register(gateway, extra=[delegated(wanted)])
            check(ack.status == IN_USE, f"{wanted} is not for another router: {ack.status}")
    for martian in ("224.0.0.0/24", "127.0.0.0/16", "ff02::/64", "2000::/3"):
        ack = other.register(gateway, extra=[delegated(ipaddress.ip_network(martian))])
        check(ack.status == IN_USE, f"{martian} is nobody's network: {ack.status}")
    if args.stay:
        return
    check(gateway.exchange(router.farewell(gateway)).status == 0, "the router leaves")
    tunnel.send(udp_packet(host(networks[0]), args.echo4, NODE_PORT, ECHO_PORT, b"gone"))
    check(tunnel.receive(SILENCE) is None, "and nothing is forwarded for its networks")


if __name__ == "__main__":
    try:
        main()
    except (mh.Malformed, AssertionError) as broken:
        sys.exit(f"NOT TRUE: {broken}")
