"""Mobility Headers as the RFCs draw them: RFC 6275, 5213, 5844, 5845, authenticated by RFC 4285.

Written from the RFC texts alone, to be an independent opinion on what Kedge sends and accepts.
Nothing here is lenient: `parse` raises `Malformed` where an RFC asks the sender for something.
"""

import hmac
import socket
import struct

MH_PROTOCOL = 135
SIGNALLING_PORT = 5436
NO_NEXT_HEADER = 59

BINDING_UPDATE, BINDING_ACKNOWLEDGEMENT, BINDING_REVOCATION = 5, 6, 16
FLAG_A, FLAG_P, FLAG_F = 0x8000, 0x0200, 0x0100  # of a Binding Update
ACK_P = 0x20  # of a Binding Acknowledgement

PAD1, PADN = 0, 1
MN_ID, AUTH = 8, 9
HOME_NETWORK_PREFIX, HANDOFF_INDICATOR, ACCESS_TECHNOLOGY, LINK_LAYER_ID = 22, 23, 24, 25
TIMESTAMP, NAT_DETECTION, GRE_KEY = 27, 31, 33
IPV4_REQUEST, IPV4_REPLY, IPV4_ROUTER, DHCP_MODE = 36, 37, 38, 39

NEW_ATTACHMENT, HANDOFF_SAME_INTERFACE, UNKNOWN, REFRESH = 1, 3, 4, 5
WLAN = 4

# Where an option's Type octet may stand, counted from the start of the Mobility Header: xn+y.
ALIGNMENT = {
    2: (2, 0), 3: (8, 6), 9: (4, 1), 10: (8, 2), 19: (4, 2), 22: (8, 4), 26: (8, 6), 27: (8, 2),
    28: (4, 2), 31: (4, 0), 33: (4, 0), 36: (4, 0), 37: (4, 0), 38: (4, 0),
}
# Options that may stand in one message only once (RFC 5213 8.1 with errata 3140 and 3141).
ONCE = {MN_ID, AUTH, HANDOFF_INDICATOR, ACCESS_TECHNOLOGY, LINK_LAYER_ID, TIMESTAMP, 26}


class Malformed(Exception):
    """The bytes break a rule; the text says which."""


# ---------------------------------------------------------------- sending


def option(kind, body):
    return bytes([kind, len(body)]) + body


def mn_id(nai):
    return option(MN_ID, b"\x01" + nai.encode())  # subtype 1, NAI (RFC 4283)


def home_network_prefix(prefix="::", length=0):
    return option(HOME_NETWORK_PREFIX, bytes([0, length]) + socket.inet_pton(socket.AF_INET6, prefix))


def handoff_indicator(value):
    return option(HANDOFF_INDICATOR, bytes([0, value]))


def access_technology(value):
    return option(ACCESS_TECHNOLOGY, bytes([0, value]))


def link_layer_id(mac):
    return option(LINK_LAYER_ID, bytes(2) + mac)


def timestamp(seconds):
    return option(TIMESTAMP, struct.pack("!Q", int(seconds * 65536)))


def gre_key(key=None):
    return option(GRE_KEY, bytes(2) + (b"" if key is None else struct.pack("!I", key)))


def ipv4_request(address="0.0.0.0", length=0):
    return option(IPV4_REQUEST, bytes([length << 2, 0]) + socket.inet_aton(address))


def dhcp_server_mode():
    return option(DHCP_MODE, b"\x00\x01")


def padding(length):
    if length == 0:
        return b""
    return b"\x00" if length == 1 else bytes([PADN, length - 2]) + bytes(length - 2)


def pad_to(packet, multiple, offset):
    return packet + padding((offset - len(packet)) % multiple)


def binding_update(sequence, flags, lifetime, options, key=None, address=None):
    """A whole update, checksum zero. `key` is (SPI, secret) and `address` the care-of address."""
    packet = struct.pack("!BBBBHHHH", NO_NEXT_HEADER, 0, BINDING_UPDATE, 0, 0, sequence, flags, lifetime)
    for encoded in options:
        packet = pad_to(packet, *ALIGNMENT.get(encoded[0], (1, 0))) + encoded
    if key is None:
        return with_length(pad_to(packet, 8, 0))
    # The option is the last and 19 octets long, so it starts at 8n+5 (4n+1 holds, too).
    packet = pad_to(packet, 8, 5)
    spi, secret = key
    packet += bytes([AUTH, 17, 1]) + struct.pack("!I", spi)
    packet = with_length(packet, 12)
    return packet + authenticator(secret, address, packet)


def with_length(packet, still_to_come=0):
    return packet[:1] + bytes([((len(packet) + still_to_come) // 8 - 1) & 0xFF]) + packet[2:]


def authenticator(secret, address, up_to_spi):
    """RFC 4285 5.1: HMAC-SHA1 over care-of address, home address and the header to the SPI. Both
    addresses are the one of the packet that is not the anchor's (RFC 6275 9.5.1)."""
    octets = packed(address)
    covered = up_to_spi[:4] + b"\0\0" + up_to_spi[6:]
    return hmac.digest(secret, octets + octets + covered, "sha1")[:12]


def packed(address):
    """Sixteen octets; IPv4 as an IPv4-mapped address."""
    if ":" in address:
        return socket.inet_pton(socket.AF_INET6, address)
    return bytes(10) + b"\xff\xff" + socket.inet_aton(address)


def internet_sum(octets):
    octets += b"\0" * (len(octets) % 2)
    total = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def pseudo_header(source, destination, length, protocol):
    ends = packed(source) + packed(destination)
    return ends + struct.pack("!IxxxB", length, protocol)


def with_checksum(packet, source, destination):
    packet = packet[:4] + b"\0\0" + packet[6:]
    total = internet_sum(pseudo_header(source, destination, len(packet), MH_PROTOCOL) + packet)
    return packet[:4] + struct.pack("!H", (~total & 0xFFFF)) + packet[6:]


# ---------------------------------------------------------------- receiving


class Acknowledgement:
    """A Binding Acknowledgement, every rule for its sender checked."""

    def __init__(self, packet):
        require(len(packet) >= 12, "a Binding Acknowledgement has 12 octets at least")
        proto, length, kind, reserved, self.checksum = struct.unpack("!BBBBH", packet[:6])
        require(proto == NO_NEXT_HEADER, f"payload proto {proto}, not 59")
        require(kind == BINDING_ACKNOWLEDGEMENT, f"MH type {kind}, not 6")
        require((length + 1) * 8 == len(packet), f"header length {length} for {len(packet)} octets")
        require(reserved == 0, "reserved octet of the header is not zero")
        self.packet = packet
        self.status, flags, self.sequence, self.lifetime = struct.unpack("!BBHH", packet[6:12])
        require(flags & ACK_P, "the P flag is not set (RFC 5213 8.2)")
        require(flags & 0x07 == 0, f"reserved flags {flags:#x}")
        self.options = list(options(packet, 12))
        for kind in ONCE:
            require(len(self.all(kind)) <= 1, f"option {kind} stands twice")

    def all(self, kind):
        return [body for _, found, body in self.options if found == kind]

    def one(self, kind):
        found = self.all(kind)
        return found[0] if found else None

    def check_authenticator(self, key, address):
        """The MN-HA option is there, is the last, starts at 8n+5 and holds the right value."""
        spi, secret = key
        require(self.options and self.options[-1][1] == AUTH, "no authentication option at the end")
        at, _, body = self.options[-1]
        require(at % 8 == 5, f"authentication option at {at}, not 8n+5")
        require(at + 2 + len(body) == len(self.packet), "something follows the authentication option")
        require(len(body) == 17 and body[0] == 1, "not an MN-HA option with 96 bits")
        require(struct.unpack("!I", body[1:5])[0] == spi, "another SPI")
        right = authenticator(secret, address, self.packet[: at + 7])
        require(hmac.compare_digest(right, body[5:]), "the authenticator is wrong")

    def check_checksum(self, source, destination):
        pseudo = pseudo_header(source, destination, len(self.packet), MH_PROTOCOL)
        require(internet_sum(pseudo + self.packet) == 0xFFFF, "the checksum is wrong")

    def prefixes(self):
        found = self.all(HOME_NETWORK_PREFIX)
        return [(socket.inet_ntop(socket.AF_INET6, body[2:]), body[1]) for body in found]

    def ipv4_home_address(self):
        """Status, address and prefix length of the IPv4 Home Address Reply (RFC 5844 3.1.2)."""
        body = self.one(IPV4_REPLY)
        return body and (body[0], socket.inet_ntoa(body[2:]), body[1] >> 2)


def options(packet, at):
    """Every option but padding: (offset, type, body). Alignment and padding are checked."""
    while at < len(packet):
        kind = packet[at]
        if kind == PAD1:
            at += 1
            continue
        require(at + 2 <= len(packet), f"option {kind} at {at} has no length")
        length = packet[at + 1]
        body = packet[at + 2 : at + 2 + length]
        require(len(body) == length, f"option {kind} at {at} runs over the end")
        if kind == PADN:
            require(not any(body), "padding that is not zero")
        else:
            multiple, offset = ALIGNMENT.get(kind, (1, 0))
            require(at % multiple == offset, f"option {kind} at {at}, not {multiple}n+{offset}")
            yield at, kind, body
        at += 2 + length


def require(condition, broken):
    if not condition:
        raise Malformed(broken)
