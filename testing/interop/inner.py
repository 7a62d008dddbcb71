"""A mobile node's packets: IPv4 or IPv6 with UDP, built and taken apart octet by octet."""

import socket
import struct

from mobility import internet_sum, packed, pseudo_header

UDP = 17


def udp_packet(source, destination, source_port, destination_port, payload, hops=64):
    length = 8 + len(payload)
    datagram = struct.pack("!HHHH", source_port, destination_port, length, 0) + payload
    total = internet_sum(pseudo(source, destination, length) + datagram)
    datagram = datagram[:6] + struct.pack("!H", (~total & 0xFFFF) or 0xFFFF) + datagram[8:]
    if ":" in source:
        header = struct.pack("!IHBB", 6 << 28, length, UDP, hops)
        return header + packed(source) + packed(destination) + datagram
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + length, 7, 0x4000, hops, UDP, 0)
    header += socket.inet_aton(source) + socket.inet_aton(destination)
    checksum = ~internet_sum(header) & 0xFFFF
    return header[:10] + struct.pack("!H", checksum) + header[12:] + datagram


def pseudo(source, destination, length):
    if ":" in source:
        return pseudo_header(source, destination, length, UDP)
    ends = socket.inet_aton(source) + socket.inet_aton(destination)
    return ends + struct.pack("!BBH", 0, UDP, length)


class Datagram:
    """A UDP datagram inside an IP packet, all checksums verified."""

    def __init__(self, packet):
        if packet[0] >> 4 == 6:
            length, protocol, self.hops = struct.unpack("!HBB", packet[4:8])
            self.source = socket.inet_ntop(socket.AF_INET6, packet[8:24])
            self.destination = socket.inet_ntop(socket.AF_INET6, packet[24:40])
            datagram = packet[40:]
        else:
            size = (packet[0] & 15) * 4
            assert internet_sum(packet[:size]) == 0xFFFF, "inner IPv4 header checksum"
            self.hops, protocol = packet[8], packet[9]
            self.source, self.destination = map(socket.inet_ntoa, (packet[12:16], packet[16:20]))
            length = struct.unpack("!H", packet[2:4])[0] - size
            datagram = packet[size:]
        assert protocol == UDP, f"inner protocol {protocol}"
        assert len(datagram) == length, f"inner length {length}, {len(datagram)} octets"
        total = internet_sum(pseudo(self.source, self.destination, length) + datagram)
        assert total == 0xFFFF, "inner UDP checksum"
        self.source_port, self.destination_port = struct.unpack("!HH", datagram[:4])
        self.payload = datagram[8:]
