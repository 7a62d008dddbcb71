"""The two ways signalling travels, and the ways user packets do.

Signalling: Mobility Header over IPv6 (protocol 135), or in UDP port 5436 over IPv4 (RFC 5844 4).
User packets: UDP port 5437, GRE with or without key (RFC 2784, 2890), IP in IP (RFC 2003, 2473,
4213), each over both families. All with plain sockets: the test kernel need not know tunnels.
"""

import select
import socket
import struct
import time

from mobility import MH_PROTOCOL, SIGNALLING_PORT, with_checksum

DATA_PORT = 5437
IPPROTO_IPIP, IPPROTO_GRE = 4, 47
ETHERTYPE = {4: 0x0800, 6: 0x86DD}
IPV6_CHECKSUM = 7
# More than an unprivileged socket may have (socket(7)): answers wait while we get no time.
SO_RCVBUFFORCE = 33


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


class Native:
    """Mobility Header straight over IPv6. The checksum is ours, not the kernel's."""

    def __init__(self, local, anchor):
        self.local, self.anchor = local, anchor
        self.socket = socket.socket(socket.AF_INET6, socket.SOCK_RAW, MH_PROTOCOL)
        self.socket.setsockopt(socket.IPPROTO_IPV6, IPV6_CHECKSUM, -1)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
        self.socket.bind((local, 0))

    def send(self, packet, checksum=True):
        if checksum:
            packet = with_checksum(packet, self.local, self.anchor)
        self.socket.sendto(packet, (self.anchor, 0))

    def receive(self, timeout):
        packet, source = receive(self.socket, timeout)
        return packet if packet and source[0] == self.anchor else None

    def judge(self, acknowledgement):
        acknowledgement.check_checksum(self.anchor, self.local)


class Udp:
    """Mobility Header in UDP over IPv4; its own checksum field is zero (RFC 5844 4.1.3.1)."""

    def __init__(self, local, anchor):
        self.local, self.anchor = local, anchor
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 24)
        self.socket.bind((local, SIGNALLING_PORT))

    def send(self, packet, checksum=True):
        self.socket.sendto(packet, (self.anchor, SIGNALLING_PORT))

    def receive(self, timeout):
        packet, source = receive(self.socket, timeout)
        return packet if packet and source == (self.anchor, SIGNALLING_PORT) else None

    def judge(self, acknowledgement):
        if acknowledgement.checksum != 0:
            raise AssertionError("the checksum field over UDP is not zero")


def signalling(local, anchor):
    return Native(local, anchor) if ":" in local else Udp(local, anchor)


def receive(sock, timeout):
    ready, _, _ = select.select([sock], [], [], timeout)
    if not ready:
        return None, None
    packet, source = sock.recvfrom(65535)
    return packet, source[:2]


class Tunnel:
    """One encapsulation between our care-of address and the anchor.

    `kind` is udp, gre or ipip. For GRE `up` is the key the anchor wants to see, `down` the one we
    want to see; both None means GRE without keys.
    """

    def __init__(self, kind, local, anchor, up=None, down=None):
        self.kind, self.anchor, self.up, self.down = kind, anchor, up, down
        self.v4_outer = ":" not in local
        family = family_of(local)
        protocols = {"udp": [None], "gre": [IPPROTO_GRE], "ipip": [IPPROTO_IPIP, socket.IPPROTO_IPV6]}
        self.sockets = {}
        for protocol in protocols[kind]:
            if protocol is None:
                sock = socket.socket(family, socket.SOCK_DGRAM)
                sock.bind((local, DATA_PORT))
            else:
                sock = socket.socket(family, socket.SOCK_RAW, protocol)
                sock.bind((local, 0))
            self.sockets[protocol] = sock

    def send(self, inner):
        version = inner[0] >> 4
        if self.kind == "udp":
            self.sockets[None].sendto(inner, (self.anchor, DATA_PORT))
        elif self.kind == "gre":
            flags = 0 if self.up is None else 0x2000
            header = struct.pack("!HH", flags, ETHERTYPE[version])
            header += b"" if self.up is None else struct.pack("!I", self.up)
            self.sockets[IPPROTO_GRE].sendto(header + inner, (self.anchor, 0))
        else:
            protocol = IPPROTO_IPIP if version == 4 else socket.IPPROTO_IPV6
            self.sockets[protocol].sendto(inner, (self.anchor, 0))

    def receive(self, timeout):
        """The next inner packet from the anchor, or None. What is not right is an error."""
        deadline = time.monotonic() + timeout
        while (left := deadline - time.monotonic()) > 0:
            ready, _, _ = select.select(list(self.sockets.values()), [], [], left)
            for sock in ready:
                packet, source = sock.recvfrom(65535)
                if source[0] == self.anchor:
                    return self.decapsulate(packet, sock)
        return None

    def decapsulate(self, packet, sock):
        if self.v4_outer and self.kind != "udp":
            packet = packet[(packet[0] & 15) * 4 :]  # a raw IPv4 socket shows its header
        if self.kind == "gre":
            flags, ethertype = struct.unpack("!HH", packet[:4])
            assert flags == (0 if self.down is None else 0x2000), f"GRE flags {flags:#06x}"
            packet = packet[4:]
            if self.down is not None:
                key = struct.unpack("!I", packet[:4])[0]
                assert key == self.down, f"GRE key {key}, not {self.down}"
                packet = packet[4:]
            assert ETHERTYPE.get(packet[0] >> 4) == ethertype, f"GRE protocol {ethertype:#06x}"
        if self.kind == "ipip":
            protocol = IPPROTO_IPIP if packet[0] >> 4 == 4 else socket.IPPROTO_IPV6
            assert sock is self.sockets[protocol], "the outer protocol is not the inner version's"
        return packet
