"""What strangers on an access link say, as fast as they can.

usage: stranger.py WHAT COUNT [name=value ...]

  rs ns na arp dhcpv4 dhcpv6 packet4 packet6   from COUNT MAC and IP addresses
  malformed     COUNT frames of all those kinds with octets changed, cut and added
  router        the claim to be the gateway: advertisements, ARP answers, its addresses as sources
  spoof         packets from the addresses v4= and v6= of somebody else
  claim         all kinds from the MAC address mac= of somebody else

mac= is the sender's, otherwise each frame has another; seed= makes a run repeatable.
"""

import random
import socket
import struct
import sys

GATEWAY = bytes.fromhex("00005e005213")
LINK_LOCAL = socket.inet_pton(socket.AF_INET6, "fe80::200:5eff:fe00:5213")
ALL_NODES = socket.inet_pton(socket.AF_INET6, "ff02::1")
ALL_ROUTERS = socket.inet_pton(socket.AF_INET6, "ff02::2")
ALL_SERVERS = socket.inet_pton(socket.AF_INET6, "ff02::1:2")
ROUTER = socket.inet_aton("203.0.113.1")
CORRESPONDENT4 = socket.inet_aton("198.51.100.10")
CORRESPONDENT6 = socket.inet_pton(socket.AF_INET6, "2001:db8:c::10")

what, count = sys.argv[1], int(sys.argv[2])
given = dict(word.split("=", 1) for word in sys.argv[3:])
chance = random.Random(int(given.get("seed", "1")))
octets = lambda n: chance.randbytes(n)


def mac():
    if "mac" in given:
        return bytes.fromhex(given["mac"].replace(":", ""))
    return b"\x06" + octets(5)


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ethernet(to, source, kind, payload):
    return to + source + struct.pack("!H", kind) + payload


def group(address):
    return b"\x33\x33" + address[12:]


def ipv6(source, to, header, body, at, hops=255):
    total = checksum(source + to + struct.pack("!II", len(body), header) + body)
    body = body[:at] + struct.pack("!H", total) + body[at + 2:]
    return struct.pack("!IHBB", 6 << 28, len(body), header, hops) + source + to + body


def ipv4(source, to, protocol, body, fragment=0):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 1, fragment, 64, protocol, 0, source, to)
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + body


def udp(source, to, body):
    return struct.pack("!HHHH", source, to, 8 + len(body), 0) + body


def local():
    return b"\xfe\x80" + b"\0" * 6 + octets(8)


def rs(m):
    message = struct.pack("!BBHI", 133, 0, 0, 0) + b"\x01\x01" + m
    return ethernet(group(ALL_ROUTERS), m, 0x86DD, ipv6(local(), ALL_ROUTERS, 58, message, 2))


def ns(m):
    message = struct.pack("!BBHI", 135, 0, 0, 0) + LINK_LOCAL + b"\x01\x01" + m
    return ethernet(GATEWAY, m, 0x86DD, ipv6(local(), LINK_LOCAL, 58, message, 2))


def na(m):
    target = given.get("target")
    target = socket.inet_pton(socket.AF_INET6, target) if target else local()
    message = struct.pack("!BBHI", 136, 0, 0, 0x20000000) + target + b"\x02\x01" + m
    return ethernet(group(ALL_NODES), m, 0x86DD, ipv6(target, ALL_NODES, 58, message, 2))


def arp(m):
    # Nobody's address: what the nodes of a link make each other believe is no gateway's to prevent.
    sender = b"\xcb\x00\x71" + bytes([chance.randrange(128, 255)])
    body = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1) + m + sender
    return ethernet(b"\xff" * 6, m, 0x0806, body + b"\0" * 6 + ROUTER)


def bootp(m, options, giaddr=b"\0" * 4):
    head = struct.pack("!BBBBIHH", 1, 1, 6, 0, chance.getrandbits(32), 0, 0x8000)
    body = head + b"\0" * 12 + giaddr + m + b"\0" * 10 + b"\0" * 192 + b"\x63\x82\x53\x63" + options
    packet = ipv4(b"\0" * 4, b"\xff" * 4, 17, udp(68, 67, body))
    return ethernet(b"\xff" * 6, m, 0x0800, packet)


def dhcpv4(m):
    strange = [
        b"",  # a plain message
        b"\x34\x01\x03",  # options in the names too
        b"\x34\x01\x03" * 20,
        b"\x32\x00",
        b"\x37\xff" + octets(40),
        b"\x00" * 200,
        b"\x52\x06\x01\x04\x01\x02\x03\x04",  # relay agent information
    ]
    giaddr = chance.choice([b"\0" * 4, octets(4)])
    kind = bytes([53, 1, chance.choice([1, 3, 4, 7, 8, 13])])
    return bootp(m, kind + chance.choice(strange) + b"\xff", giaddr)


def dhcpv6(m):
    client = b"\x00\x01\x00\x0a\x00\x03\x00\x01" + m
    association = struct.pack("!HHIII", 25, 12, 1, 0, 0)
    message = bytes([chance.choice([1, 3, 5, 6, 8, 11])]) + octets(3) + client + association
    if chance.random() < 0.3:  # a relay's: Relay-forward around it
        message = b"\x0c\x00" + local() * 2 + struct.pack("!HH", 9, len(message)) + message
    packet = ipv6(local(), ALL_SERVERS, 17, udp(546, 547, message), 6)
    return ethernet(group(ALL_SERVERS), m, 0x86DD, packet)


def packet4(m):
    source = socket.inet_aton(given["v4"]) if "v4" in given else octets(4)
    echo = b"\x08\x00\0\0\0\0\0\0"
    echo = echo[:2] + struct.pack("!H", checksum(echo)) + echo[4:]
    to = chance.choice([CORRESPONDENT4, ROUTER])
    return ethernet(GATEWAY, m, 0x0800, ipv4(source, to, 1, echo, chance.choice([0, 0x2000])))


def packet6(m):
    source = socket.inet_pton(socket.AF_INET6, given["v6"]) if "v6" in given else local()
    to = chance.choice([CORRESPONDENT6, LINK_LOCAL])
    return ethernet(GATEWAY, m, 0x86DD, ipv6(source, to, 58, b"\x80\0\0\0\0\0\0\0", 2, 64))


def claim_router(m):
    options = b"\x01\x01" + m + b"\x05\x01\0\0\0\0\x05\xdc"
    ra = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0) + options
    ra = ipv6(LINK_LOCAL, ALL_NODES, 58, ra, 2)
    na = struct.pack("!BBHI", 136, 0, 0, 0xA0000000) + LINK_LOCAL + b"\x02\x01" + m
    na = ipv6(LINK_LOCAL, ALL_NODES, 58, na, 2)
    answer = struct.pack("!HHBBH", 1, 0x0800, 6, 4, 2) + m + ROUTER + GATEWAY + ROUTER
    # Not to the nodes, which a gateway cannot keep it from.
    return chance.choice([
        ethernet(GATEWAY, m, 0x86DD, ra),
        ethernet(GATEWAY, m, 0x86DD, na),
        ethernet(GATEWAY, m, 0x0806, answer),
        ethernet(GATEWAY, m, 0x86DD, ipv6(LINK_LOCAL, CORRESPONDENT6, 58, b"\x80" + b"\0" * 7, 2, 64)),
    ])


KINDS = [rs, ns, na, arp, dhcpv4, dhcpv6, packet4, packet6]


def malformed(m):
    frame = bytearray(chance.choice(KINDS)(m))
    for _ in range(chance.randrange(4)):
        frame[chance.randrange(12, len(frame))] = chance.getrandbits(8)
    match chance.randrange(5):
        case 0:
            frame = frame[:chance.randrange(14, len(frame) + 1)]
        case 1:
            frame += octets(chance.randrange(60))
        case 2:  # VLAN tags, once or twice
            tag = struct.pack("!HH", 0x8100, chance.choice([0, 42, 0xE000]))
            frame[12:12] = tag * chance.choice([1, 2])
    return bytes(frame)


def any_kind(m):
    return chance.choice(KINDS)(m)


BY_NAME = {kind.__name__: kind for kind in KINDS} | {
    "malformed": malformed,
    "router": claim_router,
    "claim": any_kind,
    "spoof": lambda m: chance.choice([packet4, packet6])(m),
}

link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
link.bind((given.get("device", "eth0"), 0))
make = BY_NAME[what]
for _ in range(count):
    try:
        link.send(make(mac()))
    except OSError as error:
        if error.errno != 105:  # No buffer space: the link is full
            raise
print(f"{count} {what}")
