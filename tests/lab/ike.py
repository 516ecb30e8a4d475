"""The clear part of IKE messages, read from captures: never through the product's own parser."""
import struct

from . import capture

EXCHANGES = {34: "IKE_SA_INIT", 35: "IKE_AUTH", 36: "CREATE_CHILD_SA", 37: "INFORMATIONAL"}
SK, SKF = 46, 53


class Message:
    __slots__ = ("t", "src", "dst", "spi_i", "spi_r", "exchange", "mid", "response", "initiator", "first",
                 "fragment", "fragments", "data", "packet")

    def key(self):
        """One request or one response of one IKE SA, whatever its fragment."""
        return self.spi_i, self.spi_r, self.mid, self.response, self.initiator


def parse_udp(data):
    """A Message, or None for what is not IKE. On port 4500 behind the non-ESP marker."""
    u = capture.udp(data)
    if u is None:
        return None
    src, sport, dst, dport, body = u
    if 4500 in (sport, dport):
        if body[:4] != b"\0\0\0\0":
            return None
        body = body[4:]
    elif 500 not in (sport, dport):
        # Behind a NAT the ports are others: the marker decides.
        if body[:4] == b"\0\0\0\0":
            body = body[4:]
    if len(body) < 28 or body[17] >> 4 != 2 or body[18] not in EXCHANGES:
        return None
    length = struct.unpack_from("!I", body, 24)[0]
    if length != len(body):
        return None
    m = Message()
    m.t = 0.0
    m.src, m.dst = (src, sport), (dst, dport)
    m.spi_i, m.spi_r = body[0:8].hex(), body[8:16].hex()
    m.first = body[16]
    m.exchange = EXCHANGES[body[18]]
    m.response = bool(body[19] & 0x20)
    m.initiator = bool(body[19] & 0x08)
    m.mid = struct.unpack_from("!I", body, 20)[0]
    m.fragment, m.fragments = 1, 1
    if m.first == SKF and len(body) >= 36:
        m.fragment, m.fragments = struct.unpack_from("!HH", body, 32)
    m.data = body
    return m


def esp_in_udp(data):
    """(SPI, sequence number) of ESP in UDP, or None."""
    u = capture.udp(data)
    if u is None or len(u[4]) < 16 or u[4][:4] == b"\0\0\0\0" or 4500 not in (u[1], u[3]):
        return None
    return struct.unpack_from("!II", u[4])


def messages(packets):
    out = []
    for p in packets:
        m = parse_udp(p.data)
        if m:
            m.t = p.t
            m.packet = p
            out.append(m)
    return out
