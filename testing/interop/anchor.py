#!/usr/bin/env python3
"""An independent anchor for one mobile router: it accepts every update, delegates a prefix where
one is asked for, and answers pings that come out of the tunnel.

usage: anchor.py --local L --home P --network D --lifetime SECONDS

L is this host's IPv6 address towards the gateways, P the home network prefix, D the delegated
mobile network prefix with its length (RFC 7148). Updates are not authenticated; packets travel as
IPv6 in IPv6. What an update asked for is printed, one line an update.
"""

import argparse
import select
import socket
import struct

import mobility as mh

DELEGATED = 55
ECHO_REQUEST, ECHO_REPLY = 128, 129
ICMPV6 = 58


def acknowledgement(update, asked, args):
    """RFC 5213 5.3.6: what is repeated, then what is granted (RFC 7148 5.2.2)."""
    sequence, _, lifetime = struct.unpack("!HHH", update[6:12])
    granted = [mh.option(kind, body) for kind, body in asked
               if kind in (mh.MN_ID, mh.HANDOFF_INDICATOR, mh.ACCESS_TECHNOLOGY,
                           mh.LINK_LAYER_ID, mh.TIMESTAMP)]
    if any(kind == mh.HOME_NETWORK_PREFIX for kind, _ in asked):
        granted.append(mh.home_network_prefix(args.home, 64))
    if any(kind == DELEGATED for kind, _ in asked):
        prefix, length = args.network.split("/")
        body = bytes([0, int(length)]) + socket.inet_pton(socket.AF_INET6, prefix)
        granted.append(mh.option(DELEGATED, body))
    units = args.lifetime // 4 if lifetime else 0
    packet = struct.pack("!BBBBHBBHH", mh.NO_NEXT_HEADER, 0, mh.BINDING_ACKNOWLEDGEMENT, 0, 0,
                         0, mh.ACK_P, sequence, units)
    for encoded in granted:
        packet = mh.pad_to(packet, *mh.ALIGNMENT.get(encoded[0], (1, 0))) + encoded
    return mh.with_length(mh.pad_to(packet, 8, 0))


def said(asked):
    """The delegated prefixes that an update names."""
    bodies = [body for kind, body in asked if kind == DELEGATED]
    return " ".join(f"{socket.inet_ntop(socket.AF_INET6, b[2:])}/{b[1]}" for b in bodies) or "none"


def echoed(packet):
    """The answer to a ping in a tunnel; nothing for anything else."""
    if len(packet) < 48 or packet[6] != ICMPV6 or packet[40] != ECHO_REQUEST:
        return None
    source, destination = packet[8:24], packet[24:40]
    reply = bytes([ECHO_REPLY, 0, 0, 0]) + packet[44:]
    pseudo = destination + source + struct.pack("!IxxxB", len(reply), ICMPV6)
    checksum = 0xFFFF - mh.internet_sum(pseudo + reply)
    reply = reply[:2] + struct.pack("!H", checksum) + reply[4:]
    return packet[:7] + b"\x40" + destination + source + reply


def main():
    words = argparse.ArgumentParser()
    for word in ("--local", "--home", "--network"):
        words.add_argument(word, required=True)
    words.add_argument("--lifetime", type=int, required=True)
    args = words.parse_args()
    signalling = socket.socket(socket.AF_INET6, socket.SOCK_RAW, mh.MH_PROTOCOL)
    tunnel = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_IPV6)
    for sock in (signalling, tunnel):
        sock.bind((args.local, 0))
    print("ready", flush=True)
    while True:
        for sock in select.select([signalling, tunnel], [], [])[0]:
            packet, peer = sock.recvfrom(4096)
            if sock is tunnel:
                if reply := echoed(packet):
                    tunnel.sendto(reply, (peer[0], 0))
                continue
            if packet[2] != mh.BINDING_UPDATE:
                continue
            asked = [(kind, body) for _, kind, body in mh.options(packet, 12)]
            lifetime = struct.unpack("!H", packet[10:12])[0]
            print(f"{peer[0]} lifetime {lifetime * 4} delegated {said(asked)}", flush=True)
            answer = acknowledgement(packet, asked, args)
            signalling.sendto(mh.with_checksum(answer, args.local, peer[0]), (peer[0], 0))


if __name__ == "__main__":
    main()
