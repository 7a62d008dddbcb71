"""A plain access router's announcements: router advertisements and one DHCPv4 lease.

usage: access.py INTERFACE PREFIX6 ROUTER4 LEASE4

For the lab's own tests, so that they need neither Kedge nor a server package. It answers every
router solicitation with PREFIX6/64 (RFC 4861 section 4.2) and every DHCPv4 request with LEASE4/24
(RFC 2131).
"""

import select
import socket
import struct
import sys

interface, prefix, router, lease = sys.argv[1:]


def option(code, body):
    return bytes([code, len(body)]) + body


def advertisement():
    fixed = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
    information = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 3600, 3600, 0)
    return fixed + information + socket.inet_pton(socket.AF_INET6, prefix)


def reply(request):
    xid, flags, mac = request[4:8], request[10:12], request[28:44]
    asked = request[request.index(b"\x35\x01") + 2]
    answer = {1: 2, 3: 5}.get(asked)  # DISCOVER gets OFFER, REQUEST gets ACK
    if answer is None:
        return None
    own = socket.inet_aton(router)
    head = b"\x02\x01\x06\x00" + xid + b"\0\0" + flags + bytes(4)
    head += socket.inet_aton(lease) + own + bytes(4) + mac + bytes(192)
    options = option(53, bytes([answer])) + option(54, own) + option(51, struct.pack("!I", 3600))
    options += option(1, b"\xff\xff\xff\0") + option(3, own)
    return head + b"\x63\x82\x53\x63" + options + b"\xff"


index = socket.if_nametoindex(interface)
icmp = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
icmp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
icmp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
member = socket.inet_pton(socket.AF_INET6, "ff02::2") + struct.pack("@I", index)
icmp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, member)

dhcp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
dhcp.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
dhcp.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
dhcp.bind(("", 67))
print("ready", flush=True)

while True:
    for ready in select.select([icmp, dhcp], [], [])[0]:
        packet, sender = ready.recvfrom(2048)
        if ready is icmp and packet[0] == 133:
            icmp.sendto(advertisement(), ("ff02::1", 0, 0, index))
        elif ready is dhcp and (answer := reply(packet)):
            dhcp.sendto(answer, ("255.255.255.255", 68))
