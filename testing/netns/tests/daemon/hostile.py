"""A gateway that misbehaves, made of the independent speaker's parts.

usage: hostile.py SCENARIO --local A --anchor L [--key SPI:SECRET] [WORD..]

    one         registers a node, refreshes it, leaves
    fragments   the same in messages that do not fit into one packet
    abuse       sends what is malformed, unauthenticated, replayed, oversized, truncated
    headers     sends a wrong Payload Proto and a wrong Header Len, each 20 times
    fill        registers nodes until one is refused, then frees a place for it
    vanish      registers the node of the first WORD for the second WORD's seconds, no more
"""

import argparse
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../../../interop"))

import mobility as mh
from speaker import ANSWER, Gateway, Node, check, key

VENDOR = 19
SCENARIOS = ["one", "fragments", "abuse", "headers", "fill", "vanish"]


def vendor(octets):
    """A Vendor Specific option (RFC 5094) that nobody knows."""
    return mh.option(VENDOR, b"\0\0\x7f\xff\x01" + bytes(octets - 5))


def one(args, extra=()):
    gateway, node = Gateway(args.local, args.anchor, args.key), Node("alone")
    ack = node.register(gateway, extra=extra)
    check(ack.status == 0, f"a registration is accepted: {ack.status}")
    given = node.addresses()
    ack = node.register(gateway, mh.REFRESH, extra=extra)
    check(ack.status == 0 and node.addresses() == given, f"and a refresh: {ack.status}")
    ack = gateway.exchange(gateway.update(node.options(mh.UNKNOWN, extra), lifetime=0))
    check((ack.status, ack.lifetime) == (0, 0), f"and a de-registration: {ack.status}")


def fragments(args):
    one(args, [vendor(250)] * 7)


def abuse(args):
    gateway, node = Gateway(args.local, args.anchor, args.key), Node("honest")
    native = ":" in args.local
    ack = node.register(gateway)
    check(ack.status == 0, f"an honest node is registered: {ack.status}")
    sent, silent, denied = 1, 0, 0

    def update(extra=(), **words):
        return gateway.update(node.options(mh.REFRESH, extra), **words)

    def dropped(packet, checksum=True):
        nonlocal sent, silent
        gateway.transport.send(packet, checksum)
        sent, silent = sent + 1, silent + 1

    whole = update()
    for octets in (8, 11, 16, len(whole) - 8, len(whole) - 1):
        dropped(whole[:octets])
    dropped(update(key=None))
    longest = update([vendor(250)] * 7)
    dropped(longest[:1] + b"\xff" + longest[2:] + bytes(3000 - len(longest)))
    # A whole message, and octets behind it that are more than any message has.
    dropped(whole + bytes(2049 - len(whole)))
    if native:
        broken = update()
        dropped(broken[:4] + b"\x12\x34" + broken[6:], checksum=False)
    check(gateway.transport.receive(0.7) is None, f"to {silent} messages that are none: silence")
    wrong = gateway.update(node.options(mh.REFRESH), key=(args.key[0], bytes(16)))
    ack = gateway.exchange(wrong)
    check(ack.status == 146, f"a wrong key is refused with 146: {ack.status}")
    again = update()
    ack = gateway.exchange(again)
    check(ack.status == 0, f"a refresh is accepted: {ack.status}")
    ack = gateway.exchange(again)
    check(ack.status == 157, f"a replay of it is refused with 157: {ack.status}")
    sent, denied = sent + 3, denied + 2
    ack = gateway.exchange(node.farewell(gateway))
    check(ack.status == 0, "the honest node can leave")
    print(json.dumps({"sent": sent + 1, "silent": silent, "denied": denied}))


def headers(args):
    gateway, node = Gateway(args.local, args.anchor, args.key), Node("headless")
    whole = gateway.update(node.options(mh.NEW_ATTACHMENT))
    for wrong in (b"\x3c" + whole[1:], whole[:1] + b"\x00" + whole[2:]):
        for _ in range(20):
            gateway.transport.send(wrong)
        check(gateway.transport.receive(1.2) is None, "what is no message gets no message")


def fill(args):
    gateway, nodes = Gateway(args.local, args.anchor, args.key), []
    for number in range(8):
        node = Node(f"filler{number}")
        ack = node.register(gateway)
        nodes.append(node)
        if ack.status >= 128:
            break
    check(ack.status == 130, f"node {len(nodes)} is refused with 130: {ack.status}")
    print(f"held {len(nodes) - 1}")
    ack = nodes[0].register(gateway, mh.REFRESH)
    check(ack.status == 0, f"those that are there are refreshed: {ack.status}")
    ack = gateway.exchange(nodes[0].farewell(gateway))
    check(ack.status == 0, "one of them leaves")
    # Its place is kept for the delete-wait time.
    deadline = time.monotonic() + ANSWER
    while (ack := nodes[-1].register(gateway)).status == 130 and time.monotonic() < deadline:
        time.sleep(0.1)
    check(ack.status == 0, f"and the one that was refused gets in: {ack.status}")


def vanish(args):
    gateway, node = Gateway(args.local, args.anchor, args.key), Node(args.words[0])
    node.sent = node.options(mh.NEW_ATTACHMENT)
    ack = gateway.exchange(gateway.update(node.sent, lifetime=int(args.words[1]) // 4))
    check(ack.status == 0, f"registered: {ack.status}")
    print(f"lifetime {ack.lifetime * 4}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("scenario", choices=SCENARIOS)
    for name in ("local", "anchor"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--key", type=key)
    parser.add_argument("words", nargs="*")
    args = parser.parse_intermixed_args()
    try:
        globals()[args.scenario](args)
    except (mh.Malformed, AssertionError) as broken:
        sys.exit(f"NOT TRUE: {broken}")


if __name__ == "__main__":
    main()
