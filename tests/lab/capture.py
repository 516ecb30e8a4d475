"""Packets with kernel timestamps: live from a device of a namespace, kept in memory, or as pcap."""
import socket
import struct
import threading

from .net import entered

_SO_TIMESTAMPNS = 35
_ETH_P_ALL = 3
_SO_RCVBUFFORCE = 33


class Packet:
    """t: seconds since the epoch, by the kernel; out: sent by this host; data: from the IP header;
    dev: the device where it was seen, if known."""
    __slots__ = ("t", "out", "data", "dev")

    def __init__(self, t, out, data, dev=""):
        self.t, self.out, self.data, self.dev = t, out, data, dev


class Capture(threading.Thread):
    """Everything on one device (any with "") of a namespace, link headers cut off. keep(data) decides
    what stays; on_packet(packet) is called for it, in the capture's own thread."""

    def __init__(self, ns, dev, keep=None, on_packet=None):
        super().__init__(daemon=True)
        self.packets = []
        self.keep, self.on_packet = keep, on_packet
        self.stopping = False
        with entered(ns):
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ETH_P_ALL))
            if dev:
                self.sock.bind((dev, _ETH_P_ALL))
        self.sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 16 << 20)
        self.sock.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self.sock.settimeout(0.2)
        self.start()

    def run(self):
        while not self.stopping:
            try:
                data, anc, _, addr = self.sock.recvmsg(65536, 128)
            except socket.timeout:
                continue
            except OSError:
                return
            if self.keep and not self.keep(data):
                continue
            t = 0.0
            for level, kind, value in anc:
                if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
                    sec, nsec = struct.unpack("qq", value[:16])
                    t = sec + nsec / 1e9
            p = Packet(t, addr[2] == socket.PACKET_OUTGOING, data, addr[0])
            self.packets.append(p)
            if self.on_packet:
                self.on_packet(p)

    def stop(self):
        self.stopping = True
        self.join(2)
        self.sock.close()
        return self.packets

    def write_pcap(self, path):
        write_pcap(path, self.packets)


def write_pcap(path, packets):
    """LINKTYPE_RAW, nanoseconds."""
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 65535, 101))
        for p in packets:
            sec = int(p.t)
            f.write(struct.pack("<IIII", sec, int((p.t - sec) * 1e9), len(p.data), len(p.data)) + p.data)


def read_pcap(path):
    """Packets of a pcap file: raw IP, Ethernet and Linux cooked captures."""
    with open(path, "rb") as f:
        b = f.read()
    magic = b[:4]
    order, scale = {b"\xd4\xc3\xb2\xa1": ("<", 1e6), b"\xa1\xb2\xc3\xd4": (">", 1e6),
                    b"\x4d\x3c\xb2\xa1": ("<", 1e9), b"\xa1\xb2\x3c\x4d": (">", 1e9)}[magic]
    link = struct.unpack_from(order + "I", b, 20)[0]
    skip = {101: 0, 12: 0, 1: 14, 113: 16, 276: 20}[link]
    p, out = 24, []
    while p + 16 <= len(b):
        sec, frac, n, _ = struct.unpack_from(order + "IIII", b, p)
        out.append(Packet(sec + frac / scale, False, b[p + 16 + skip:p + 16 + n]))
        p += 16 + n
    return out


def icmp_echo(data):
    """("request" or "reply", identifier, sequence, source, destination), or None. IPv4 and IPv6."""
    if len(data) < 28:
        return None
    if data[0] >> 4 == 4 and data[9] == 1:
        h = (data[0] & 15) * 4
        kind = {8: "request", 0: "reply"}.get(data[h])
        src, dst = socket.inet_ntop(socket.AF_INET, data[12:16]), socket.inet_ntop(socket.AF_INET, data[16:20])
    elif data[0] >> 4 == 6 and data[6] == 58 and len(data) >= 48:
        h = 40
        kind = {128: "request", 129: "reply"}.get(data[h])
        src, dst = socket.inet_ntop(socket.AF_INET6, data[8:24]), socket.inet_ntop(socket.AF_INET6, data[24:40])
    else:
        return None
    if kind is None or len(data) < h + 8:
        return None
    ident, seq = struct.unpack_from("!HH", data, h + 4)
    return kind, ident, seq, src, dst


def udp(data):
    """(source, sport, destination, dport, payload) of an unfragmented UDP packet, or None."""
    if len(data) < 28:
        return None
    if data[0] >> 4 == 4:
        if data[9] != 17 or struct.unpack_from("!H", data, 6)[0] & 0x3FFF:
            return None
        h, family, a, b, n = (data[0] & 15) * 4, socket.AF_INET, 12, 16, 4
    elif data[0] >> 4 == 6 and data[6] == 17:
        h, family, a, b, n = 40, socket.AF_INET6, 8, 24, 16
    else:
        return None
    if len(data) < h + 8:
        return None
    sport, dport, length = struct.unpack_from("!HHH", data, h)
    return (socket.inet_ntop(family, data[a:a + n]), sport, socket.inet_ntop(family, data[b:b + n]), dport,
            data[h + 8:h + length])
