#!/usr/bin/env python3
"""An independent gateway: it speaks Proxy Mobile IPv6 to an anchor and checks every answer.

usage: speaker.py lifecycle --local A --other B --anchor L [--key SPI:SECRET]
       speaker.py refusals  --local A --anchor L --key SPI:SECRET
       speaker.py traffic   --local A --anchor L --encapsulation E --echo4 C --echo6 D [--key ..]
       speaker.py mutate    --local A --anchor L --count N --seed S [--key ..]
       speaker.py echo
       speaker.py balance BEFORE AFTER RECEIVED

A and B are care-of addresses of this host, L the anchor's, both of one family: IPv6 means
protocol 135, IPv4 means UDP port 5436. Every check that holds is printed; the first that does not
ends the program with status 1 and says what was expected.
"""

import argparse
import json
import os
import select
import socket
import sys
import time

import mobility as mh
from inner import Datagram, udp_packet
from mutate import mutated
from transport import Tunnel, signalling

REALM = "example.net"
MAC = bytes.fromhex("02005e100009")
LIFETIME = 75  # in units of four seconds
# An answer comes at once from a machine that has time for it, and in a while from one that has none.
ANSWER, SILENCE = 60.0, 0.7
ECHO_PORT, NODE_PORT = 9007, 4007


def check(condition, fact):
    if not condition:
        sys.exit(f"NOT TRUE: {fact}")
    print(f"ok: {fact}", flush=True)


class Gateway:
    """One care-of address and its sequence numbers."""

    def __init__(self, local, anchor, key):
        self.local, self.key = local, key
        self.transport = signalling(local, anchor)
        self.sequence = int.from_bytes(os.urandom(2), "big")
        self.acknowledgements = 0

    def update(self, options, lifetime=LIFETIME, flags=mh.FLAG_A | mh.FLAG_P, key="own"):
        self.sequence = (self.sequence + 1) & 0xFFFF
        key = self.key if key == "own" else key
        return mh.binding_update(self.sequence, flags, lifetime, options, key, self.local)

    def exchange(self, packet):
        """Sends an update and returns the acknowledgement of its sequence number, judged."""
        self.transport.send(packet)
        deadline = time.monotonic() + ANSWER
        while (left := deadline - time.monotonic()) > 0:
            answer = self.transport.receive(left)
            if answer and answer[2] == mh.BINDING_ACKNOWLEDGEMENT:
                self.acknowledgements += 1
                acknowledgement = self.judged(answer)
                if acknowledgement.sequence == self.sequence:
                    return acknowledgement
        return sys.exit(f"NOT TRUE: update {self.sequence} from {self.local} is answered")

    def judged(self, answer):
        acknowledgement = mh.Acknowledgement(answer)
        self.transport.judge(acknowledgement)
        if self.key:
            acknowledgement.check_authenticator(self.key, self.local)
        return acknowledgement

    def silent(self, packet, checksum=True):
        """Whether nothing comes back. A revocation is no answer: the anchor sends one of its own
        accord to a gateway whose node has moved on (RFC 5846 8.1)."""
        self.transport.send(packet, checksum)
        deadline = time.monotonic() + SILENCE
        while (left := deadline - time.monotonic()) > 0:
            answer = self.transport.receive(left)
            if answer and answer[2] != mh.BINDING_REVOCATION:
                return False
        return True


class Node:
    """What a gateway says about one mobile node, and what it was given."""

    def __init__(self, name):
        self.nai = f"{name}@{REALM}"
        self.prefix, self.prefix_length, self.home4 = "::", 0, ("0.0.0.0", 0)
        self.key_up = None

    def options(self, handoff, extra=(), without=(), stamp=None):
        """The options of an update in an order the RFCs allow: MN-ID first."""
        self.stamp = time.time() if stamp is None else stamp
        everything = [
            mh.mn_id(self.nai),
            mh.home_network_prefix(self.prefix, self.prefix_length),
            mh.handoff_indicator(handoff),
            mh.access_technology(mh.WLAN),
            mh.link_layer_id(MAC),
            mh.timestamp(self.stamp),
            mh.ipv4_request(*self.home4),
            *extra,
        ]
        return [encoded for encoded in everything if encoded[0] not in without]

    def learn(self, acknowledgement):
        """Takes addresses from an acceptance, after checking what RFC 5213 5.3.6 asks of it."""
        require = mh.require
        sent = {body[0]: body[2:] for body in self.sent}
        for kind in (mh.MN_ID, mh.HANDOFF_INDICATOR, mh.ACCESS_TECHNOLOGY, mh.LINK_LAYER_ID,
                     mh.TIMESTAMP):
            require(acknowledgement.one(kind) == sent.get(kind), f"option {kind} is not echoed")
        prefixes = acknowledgement.prefixes()
        require(len(prefixes) == 1 and prefixes[0][1] == 64, f"one /64, not {prefixes}")
        self.prefix, self.prefix_length = prefixes[0]
        reply = acknowledgement.ipv4_home_address()
        require(reply and reply[0] == 0, f"IPv4 home address reply {reply}")
        self.home4 = reply[1:]
        require(acknowledgement.one(mh.IPV4_ROUTER), "no IPv4 Default-Router Address option")
        body = acknowledgement.one(mh.GRE_KEY)
        if body and len(body) == 6:
            self.key_up = int.from_bytes(body[2:], "big")

    def register(self, gateway, handoff=mh.NEW_ATTACHMENT, flags=0, extra=()):
        self.sent = self.options(handoff, extra)
        acknowledgement = gateway.exchange(gateway.update(self.sent, flags=mh.FLAG_A | mh.FLAG_P | flags))
        if acknowledgement.status < 128:
            self.learn(acknowledgement)
        return acknowledgement

    def farewell(self, gateway):
        return gateway.update(self.options(mh.UNKNOWN), lifetime=0)

    def addresses(self):
        return self.home4[0], self.prefix + "1"


def lifecycle(args):
    first, second = (Gateway(a, args.anchor, args.key) for a in (args.local, args.other))
    node = Node("roamer")
    ack = node.register(first)
    check(ack.status == 0, f"the initial registration is accepted: {ack.status}")
    check(0 < ack.lifetime <= LIFETIME, f"a lifetime is granted, not more than asked: {ack.lifetime}")
    given = (node.prefix, node.home4)
    print(f"    {node.prefix}/64 and {node.home4[0]}/{node.home4[1]}")

    ack = node.register(first, mh.REFRESH)
    check(ack.status == 0 and (node.prefix, node.home4) == given, "a refresh keeps the addresses")

    # The new gateway does not know what the old one was told.
    node.prefix, node.prefix_length, node.home4 = "::", 0, ("0.0.0.0", 0)
    ack = node.register(second, mh.HANDOFF_SAME_INTERFACE)
    check(ack.status == 0, f"a handover from another care-of address is accepted: {ack.status}")
    check((node.prefix, node.home4) == given, "a handover keeps the addresses")

    check(first.silent(node.farewell(first)),
          "a de-registration from the old care-of address is ignored (RFC 5213 5.3.5)")
    ack = node.register(second, mh.REFRESH)
    check(ack.status == 0 and (node.prefix, node.home4) == given, "the binding has survived it")

    ack = second.exchange(node.farewell(second))
    check((ack.status, ack.lifetime) == (0, 0), "a de-registration is acknowledged, lifetime 0")
    node.prefix, node.prefix_length, node.home4 = "::", 0, ("0.0.0.0", 0)
    ack = node.register(first)
    check(ack.status == 0 and (node.prefix, node.home4) == given,
          "a return within the delete-wait time finds the same addresses")
    ack = first.exchange(node.farewell(first))
    check((ack.status, ack.lifetime) == (0, 0), "and can leave again")


def refusals(args):
    gateway = Gateway(args.local, args.anchor, args.key)
    spi, secret = args.key

    def status_of(name, **options):
        return gateway.exchange(gateway.update(Node(name).options(mh.NEW_ATTACHMENT, **options))).status

    node = Node("refused")
    options = node.options(mh.NEW_ATTACHMENT)
    check(gateway.silent(gateway.update(options, key=None)), "no authentication option: silence")
    # The association exists, its number is wrong: a refusal, as operators know it from the deny
    # reason "Invalid MN-HA Option SPI" under "Admin Prohibited".
    ack = gateway.exchange(gateway.update(options, key=(spi + 1, secret)))
    check(ack.status == 129, f"an unknown SPI is refused with 129: {ack.status}")
    ack = gateway.exchange(gateway.update(options, key=(spi, bytes(16))))
    check(ack.status == 146, f"a wrong key is refused with 146: {ack.status}")

    for kind, status in ((mh.MN_ID, 160), (mh.HANDOFF_INDICATOR, 161), (mh.ACCESS_TECHNOLOGY, 162)):
        got = status_of("refused", without=[kind])
        check(got == status, f"without option {kind} the status is {status}: {got}")
    got = status_of("refused", without=[mh.HOME_NETWORK_PREFIX, mh.IPV4_REQUEST])
    check(got == 158, f"without prefix and IPv4 request the status is 158: {got}")
    for offset in (-3600, 3600):
        got = status_of("refused", stamp=time.time() + offset)
        check(got == 156, f"a timestamp {offset} s off is refused with 156: {got}")

    ack = node.register(gateway)
    check(ack.status == 0, f"the same gateway is accepted when all is right: {ack.status}")
    ack = gateway.exchange(gateway.update(node.options(mh.REFRESH, stamp=node.stamp - 1)))
    check(ack.status == 157, f"an earlier timestamp is refused with 157: {ack.status}")
    repeated = gateway.update(node.options(mh.REFRESH, stamp=node.stamp - 1))
    check(gateway.exchange(repeated).status == 157, "and a replay of it, too")

    if ":" in args.local:
        broken = bytearray(gateway.update(node.options(mh.REFRESH)))
        broken[4:6] = b"\x12\x34"
        check(gateway.silent(bytes(broken), checksum=False), "a wrong checksum: silence")
    ack = gateway.exchange(node.farewell(gateway))
    check(ack.status == 0, "the binding has survived all that")


def traffic(args):
    kind, _, variant = args.encapsulation.partition("-")
    down = 0x0A0B0C0D if kind == "gre" and variant != "nokey" else None
    extra = [mh.gre_key(down)] if kind == "gre" else []
    over_ipv4 = ":" not in args.local
    flags = mh.FLAG_F if kind == "udp" and over_ipv4 else 0
    gateway, node = Gateway(args.local, args.anchor, args.key), Node(f"user-{args.encapsulation}")
    ack = node.register(gateway, flags=flags, extra=extra)
    check(ack.status == 0, f"registered with {args.encapsulation} from {args.local}: {ack.status}")
    if flags:
        body = ack.one(mh.NAT_DETECTION)
        check(body and body[0] & 0x80, "the anchor confirms forced UDP (RFC 5844 4.1.3.2)")
    if down is not None:
        check(node.key_up is not None, "the anchor names the key it wants to see (RFC 5845)")
    tunnel = Tunnel(kind, args.local, args.anchor, up=node.key_up if down is not None else None,
                    down=down)
    home4, home6 = node.addresses()
    for source, echo in ((home4, args.echo4), (home6, args.echo6)):
        for size in (0, 1, 64, 1200):
            round_trip(tunnel, source, echo, os.urandom(size))
        check(True, f"{source} and {echo} talk through {args.encapsulation}, both ways")

    for source, echo in (("203.0.113.250", args.echo4), ("2001:db8:100:ff::1", args.echo6)):
        tunnel.send(udp_packet(source, echo, NODE_PORT, ECHO_PORT, b"spoofed"))
    check(tunnel.receive(SILENCE) is None, "an inner source of no binding gets no answer")
    if down is not None:
        tunnel.up ^= 1
        tunnel.send(udp_packet(home4, args.echo4, NODE_PORT, ECHO_PORT, b"wrong key"))
        check(tunnel.receive(SILENCE) is None, "a wrong GRE key gets no answer")
        tunnel.up ^= 1
    round_trip(tunnel, home4, args.echo4, b"still here")
    check(gateway.exchange(node.farewell(gateway)).status == 0, "de-registered")
    tunnel.send(udp_packet(home4, args.echo4, NODE_PORT, ECHO_PORT, b"gone"))
    check(tunnel.receive(SILENCE) is None, "after the de-registration nothing is forwarded")


def round_trip(tunnel, source, echo, payload):
    tunnel.send(udp_packet(source, echo, NODE_PORT, ECHO_PORT, payload))
    packet = tunnel.receive(ANSWER)
    if packet is None:
        sys.exit(f"NOT TRUE: {len(payload)} octets from {source} come back from {echo}")
    back = Datagram(packet)
    mh.require((back.source, back.destination) == (echo, source), f"{back.source} -> {back.destination}")
    mh.require((back.source_port, back.destination_port) == (ECHO_PORT, NODE_PORT), "ports")
    mh.require(back.payload == payload, "the payload has changed")
    mh.require(back.hops == 63, f"the anchor forwards once, so 63 hops are left: {back.hops}")


def mutate(args):
    """Sends `count` mutations; prints how many acknowledgements came back, for `balance`."""
    gateway = Gateway(args.local, args.anchor, args.key)

    def drain(timeout):
        while (answer := gateway.transport.receive(timeout)) is not None:
            gateway.acknowledgements += answer[2] == mh.BINDING_ACKNOWLEDGEMENT

    # No mutation turns "victim" into this name, so what happens to it is the anchor's own doing.
    survivor = Node("survivor")
    ack = survivor.register(gateway)
    check(ack.status == 0, f"a valid update is accepted: {ack.status}")
    given = survivor.addresses()

    for packet, checksum in mutated(args.count, args.seed, gateway, Node):
        gateway.transport.send(packet, checksum)
        drain(0)
    # The last answers, also those that waited for a de-registration (MaxDelayBeforeNewBCEAssign,
    # 1.5 s).
    drain(2.0)
    ack = survivor.register(gateway, mh.REFRESH)
    check(ack.status == 0 and survivor.addresses() == given,
          f"after {args.count} mutations the binding is there and can be refreshed: {ack.status}")
    ack = gateway.exchange(survivor.farewell(gateway))
    check(ack.status == 0, "and de-registered")
    # An anchor that is behind has dealt with everything by now, but for what waits.
    drain(3.0)
    print(f"received {gateway.acknowledgements}")


def balance(before, after, received):
    """The anchor's counters moved by what was answered, and every update is in one class."""
    old, new = (json.loads(open(path).read()) for path in (before, after))

    def moved(key):
        return lookup(new, key) - lookup(old, key)

    updates = {k: moved(f"binding_updates_received.{k}") for k in
               ("total", "accepted", "denied", "discarded")}
    print(f"    {updates}")
    classes = updates["accepted"] + updates["denied"] + updates["discarded"]
    check(updates["total"] == classes, "total = accepted + denied + discarded")
    check(updates["total"] > 0 and updates["discarded"] > 0, "the mutations were seen")
    sent = moved("binding_acks_sent.total")
    check(sent == int(received), f"acknowledgements sent ({sent}) = received ({received})")


def lookup(tree, dotted):
    """`group.key`, nested or flat."""
    if dotted in tree:
        return int(tree[dotted])
    group, key = dotted.split(".")
    return int(tree[group][key])


def echo():
    """Sends every datagram on the echo port back, both families, until killed."""
    sockets = []
    for family, address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):
        sock = socket.socket(family, socket.SOCK_DGRAM)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind((address, ECHO_PORT))
        sockets.append(sock)
    print("listening", flush=True)
    while True:
        for sock in select.select(sockets, [], [])[0]:
            sock.sendto(*sock.recvfrom(65535))


def key(text):
    spi, _, secret = text.partition(":")
    return int(spi, 16), secret.encode()


def main():
    if sys.argv[1:2] == ["balance"]:
        return balance(*sys.argv[2:])
    if sys.argv[1:2] == ["echo"]:
        return echo()
    parser = argparse.ArgumentParser()
    parser.add_argument("scenario", choices=["lifecycle", "refusals", "traffic", "mutate"])
    for name in ("local", "other", "anchor", "encapsulation", "echo4", "echo6"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--key", type=key)
    args = parser.parse_args()
    try:
        globals()[args.scenario](args)
    except (mh.Malformed, AssertionError) as broken:
        sys.exit(f"NOT TRUE: {broken}")


if __name__ == "__main__":
    main()
