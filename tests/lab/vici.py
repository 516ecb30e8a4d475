"""strongSwan's control protocol (vici), as much as the tests need.

Packets: 32-bit length, type octet, then (for named types) length octet and name, then a message of
sections (1..2), lists (4..6) with items (5) and key/values (3)."""
import queue
import socket
import struct
import threading


def encode(d):
    o = b""
    for k, v in d.items():
        key = bytes([len(k)]) + k.encode()
        if isinstance(v, dict):
            o += b"\1" + key + encode(v) + b"\2"
        elif isinstance(v, (list, tuple)):
            o += b"\4" + key
            for i in v:
                i = i if isinstance(i, bytes) else str(i).encode()
                o += b"\5" + struct.pack("!H", len(i)) + i
            o += b"\6"
        else:
            v = v if isinstance(v, bytes) else str(v).encode()
            o += b"\3" + key + struct.pack("!H", len(v)) + v
    return o


def decode(b, p=0):
    """Returns (dict, position behind it)."""
    d, items = {}, None
    while p < len(b):
        t = b[p]
        p += 1
        if t == 2:
            break
        if t == 6:
            items = None
            continue
        if t == 5:
            n = struct.unpack_from("!H", b, p)[0]
            items.append(b[p + 2:p + 2 + n].decode(errors="replace"))
            p += 2 + n
            continue
        n = b[p]
        k = b[p + 1:p + 1 + n].decode()
        p += 1 + n
        if t == 1:
            d[k], p = decode(b, p)
        elif t == 4:
            items = d[k] = []
        elif t == 3:
            n = struct.unpack_from("!H", b, p)[0]
            d[k] = b[p + 2:p + 2 + n].decode(errors="replace")
            p += 2 + n
    return d, p


class ViciError(Exception):
    pass


class Vici:
    """One connection: commands, one at a time."""

    def __init__(self, path, timeout=20):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(timeout)
        self.sock.connect(path)
        self.lock = threading.Lock()

    def _send(self, kind, name, body=b""):
        m = bytes([kind, len(name)]) + name.encode() + body
        self.sock.sendall(struct.pack("!I", len(m)) + m)

    def _exactly(self, n):
        b = b""
        while len(b) < n:
            c = self.sock.recv(n - len(b))
            if not c:
                raise EOFError("vici closed")
            b += c
        return b

    def _recv(self):
        return self._exactly(struct.unpack("!I", self._exactly(4))[0])

    def call(self, command, args=None, stream=None):
        """The answer; with stream (an event name) the list of events that came with it."""
        with self.lock:
            events = []
            if stream:
                self._send(3, stream)
                self._recv()
            self._send(0, command, encode(args or {}))
            while True:
                r = self._recv()
                if r[0] != 7:
                    break
                events.append(decode(r, 2 + r[1])[0])
            if stream:
                self._send(4, stream)
                self._recv()
            if r[0] == 2:
                raise ViciError(f"charon does not know {command}")
            answer = decode(r, 1)[0]
        if answer.get("success") == "no":
            raise ViciError(f"{command}: {answer.get('errmsg', 'refused')}")
        return events if stream else answer

    def close(self):
        self.sock.close()


class Events(threading.Thread):
    """A second connection that only listens. Events land in .queue as (name, message), and .log."""

    def __init__(self, path, *names):
        super().__init__(daemon=True)
        self.v = Vici(path, timeout=None)
        self.queue = queue.Queue()
        self.log = []
        for n in names:
            self.v._send(3, n)
            if self.v._recv()[0] != 5:
                raise ViciError(f"no such event: {n}")
        self.start()

    def run(self):
        try:
            while True:
                r = self.v._recv()
                if r[0] == 7:
                    n = r[1]
                    item = (r[2:2 + n].decode(), decode(r, 2 + n)[0])
                    self.log.append(item)
                    self.queue.put(item)
        except (EOFError, OSError):
            pass

    def close(self):
        try:
            self.v.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.v.close()
