#!/usr/bin/env python3
"""Two dp_tun ends with fixed keys between two namespaces: does every kind of tunnel carry data unharmed?

    function_esp.py --esp-end PROGRAM [--only WORD]

Each case: small, full-size and fragmented pings, 2 MiB of TCP in both directions compared octet by
octet, UDP datagrams of many lengths, inside IPv4 and IPv6; then both ends' counters must show no drop
that has no reason. Prints "ok - case" or "not ok - case: why"; ends 1 when one failed."""
import argparse
import hashlib
import json
import os
import random
import select
import shutil
import socket
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", ".."))
from lab import net, proc  # noqa: E402

INNER = {4: ("10.77.1.1", "10.77.2.1"), 6: ("fd77:1::1", "fd77:2::1")}
TOTAL = 2 * 1024 * 1024
CLEAN = ("drop_auth", "drop_unknown_spi", "drop_block", "drop_slot", "drop_selector", "drop_malformed", "drop_tun")


class Failed(Exception):
    pass


def check(cond, text):
    if not cond:
        raise Failed(text)


class Relay:
    """A NAT of sorts in b's namespace: takes a's packets on 10.66.0.2:4500 and passes them to b on port
    4501 from a port of its own; loses, swaps and doubles them on demand."""

    def __init__(self, ns):
        self.ns = ns
        self.loss = self.swap = 0.0
        self.twice = False
        self.lost = self.swapped = 0
        self.rng = random.Random(1)
        self.front = self._socket(4500)
        self.back = self._socket(0)
        self.old = []
        self.a_addr = None
        self.held = {}
        self.stop = False
        self.thread = threading.Thread(target=self._run)

    def _socket(self, port):
        s = net.socket_in(self.ns, socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        s.bind(("10.66.0.2", port))
        return s

    @property
    def towards_b(self):
        return "10.66.0.2:%d" % self.back.getsockname()[1]

    def rebind(self):
        self.old.append(self.back)
        self.back = self._socket(0)
        time.sleep(0.1)                 # until the loop uses it

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *exc):
        self.stop = True
        self.thread.join()
        for s in self.old + [self.front, self.back]:
            s.close()

    def _pass(self, way, packet, send):
        if self.rng.random() < self.loss:
            self.lost += 1
            return
        if way not in self.held and self.rng.random() < self.swap:
            self.held[way] = packet
            return
        send(packet)
        if self.twice:
            send(packet)
        if way in self.held:
            self.swapped += 1
            send(self.held.pop(way))

    def _run(self):
        while not self.stop:
            back = self.back
            for s in select.select([self.front, back], [], [], 0.05)[0]:
                packet, addr = s.recvfrom(65536)
                if s is self.front:
                    self.a_addr = addr
                    self._pass("ab", packet, lambda p: back.sendto(p, ("10.66.0.2", 4501)))
                elif self.a_addr:
                    self._pass("ba", packet, lambda p: self.front.sendto(p, self.a_addr))


class Tunnel:
    def __init__(self, lab, program, base, outer=4, mtu=1500, both=(), a=(), b=(), b_local=None, b_remote=None):
        self.a, self.b = lab
        self.base = base
        self.procs = []
        o = {4: ("10.66.0.1", "10.66.0.2"), 6: ("[fd66::1]:4500", "[fd66::2]:4500")}[outer]
        for ns in lab:
            proc.run("ip", "-n", ns, "link", "set", "eth0", "mtu", str(mtu))
        for i, (side, ns, more) in enumerate((("a", self.a, a), ("b", self.b, b))):
            local, remote = o[i], o[1 - i]
            if side == "b":
                local, remote = b_local or local, b_remote or remote
            argv = [program, "--tun", "tun0", "--side", side, "--local", local, "--remote", remote, "--stats"]
            for v in (4, 6):
                bits = "32" if v == 4 else "128"
                argv += ["--inner-local", f"{INNER[v][i]}/{bits}", "--inner-remote", f"{INNER[v][1 - i]}/{bits}"]
            self.procs.append(proc.start(argv + list(both) + list(more), f"{base}/{side}.log", ns=ns))
        for side, p in zip("ab", self.procs):
            proc.wait_for(f"end {side}", lambda s=side: "ready" in self.log(s), 10)

    def log(self, side):
        with open(f"{self.base}/{side}.log") as f:
            return f.read()

    def down(self):
        """The counters of both ends."""
        for p in self.procs:
            proc.stop(p, 5)
            check(p.returncode == 0, f"an end ended with status {p.returncode}: {self.log('a')[-400:]}{self.log('b')[-400:]}")
        return [json.loads(self.log(s).splitlines()[-1]) for s in "ab"]

    def ping(self, v, size, count=3):
        out = net.run("ip", "netns", "exec", self.a, "ping", f"-{v}", "-c", str(count), "-i", "0.02", "-w", "5", "-s",
                      str(size), "-p", "5a", INNER[v][1], check=False)
        check(f" {count} received" in out, f"ping -{v} -s {size}: {out.splitlines()[-3:]}")

    def tcp(self, v, up):
        """TOTAL octets from one side to the other; MSS of the connection."""
        family = socket.AF_INET if v == 4 else socket.AF_INET6
        ears = net.socket_in(self.b, family, socket.SOCK_STREAM)
        ears.bind((INNER[v][1], 0))
        ears.listen(1)
        ears.settimeout(20)
        c = net.socket_in(self.a, family, socket.SOCK_STREAM)
        c.settimeout(20)
        c.connect((INNER[v][1], ears.getsockname()[1]))
        s, _ = ears.accept()
        s.settimeout(20)
        src, dst = (c, s) if up else (s, c)
        data = random.Random(v).randbytes(TOTAL)

        def feed():
            src.sendall(data)
            src.shutdown(socket.SHUT_WR)

        t = threading.Thread(target=feed)
        t.start()
        h, n = hashlib.sha256(), 0
        while True:
            d = dst.recv(65536)
            if not d:
                break
            h.update(d)
            n += len(d)
        t.join()
        check(n == TOTAL and h.digest() == hashlib.sha256(data).digest(), f"TCP v{v}: {n} octets arrived, or others")
        mss = c.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
        for x in (c, s, ears):
            x.close()
        return mss

    def udp(self, v, paced):
        """Datagrams of many lengths, also as UDP_SEGMENT super-packets; all must arrive whole."""
        family = socket.AF_INET if v == 4 else socket.AF_INET6
        r = net.socket_in(self.b, family, socket.SOCK_DGRAM)
        r.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        r.bind((INNER[v][1], 0))
        r.settimeout(3)
        s = net.socket_in(self.a, family, socket.SOCK_DGRAM)
        s.connect(r.getsockname()[:2])
        want = 0
        for n in [1, 2, 63, 64, 65, 1000, 1320, 1321, 1322, 2900, 9000]:
            s.send(n.to_bytes(2, "big") * (n // 2) + b"z" * (n % 2))
            want += 1
            if paced:
                time.sleep(0.002)
        try:
            s.setsockopt(socket.IPPROTO_UDP, 103, 500)
            s.send(b"".join(bytes([i]) * 500 for i in range(20)) + b"t" * 77)
            want += 21
        except OSError:
            pass
        got = []
        try:
            while len(got) < want:
                got.append(r.recv(65536))
        except socket.timeout:
            pass
        check(len(got) == want, f"UDP v{v}: {len(got)} of {want} datagrams")
        tail = [d for d in got if len(d) == 500]
        check([d[0] for d in tail] == list(range(20)) and all(len(set(d)) == 1 for d in tail), "a cut UDP super-packet")
        for x in (r, s):
            x.close()


def standard(t, lossless=True):
    for v in (4, 6):
        for size in (0, 56, 1000, 1300, 4000):
            t.ping(v, size)
        t.tcp(v, True)
        t.tcp(v, False)
        t.udp(v, True)
    stats = t.down()
    for side, s in zip("ab", stats):
        for k in CLEAN:
            check(s[k] == 0, f"{side}: {k} {s[k]}")
        check(s["packets_in"] > 100 and s["packets_out"] > 100, f"{side}: too few packets: {s}")
        check(not lossless or s["drop_replay"] == 0, f"{side}: replay drops {s['drop_replay']}")
    return stats


def cases():
    def run(**kw):
        return lambda lab, program, base: standard(Tunnel(lab, program, base, **kw))

    for suite in ("aes128gcm16", "aes256gcm16", "chacha20poly1305", "aes128-sha256", "aes256-sha384", "aes256-sha512"):
        yield f"{suite}, UDP, no ESN", run(both=["--suite", suite])
        yield f"{suite}, UDP, ESN", run(both=["--suite", suite, "--esn"])
    for outer in (4, 6):
        yield f"outer IPv{outer}, UDP", run(outer=outer, both=["--esn"])
        yield f"outer IPv{outer}, raw ESP", run(outer=outer, both=["--esn", "--raw"])
        yield f"outer IPv{outer}, raw ESP, CBC", run(outer=outer, both=["--raw", "--suite", "aes128-sha256"])
    yield "no offload", run(both=["--no-offload"])
    yield "offload on one side only", run(a=["--no-offload"])

    def wrap(lab, program, base):
        """The low half of the number wraps in the middle of the transfer."""
        standard(Tunnel(lab, program, base, both=["--esn", "--seq-start", "0xfffffc00"]))
    yield "ESN over the end of the low half", wrap

    def small_blocks(lab, program, base):
        """A burst longer than what is left of its block is cut short, never numbered beyond it."""
        t = Tunnel(lab, program, base, both=["--esn", "--block", "400"])
        for v in (4, 6):
            t.tcp(v, True)
            t.tcp(v, False)
        for side, s in zip("ab", t.down()):
            check(s["extensions"] > 5, f"{side}: {s['extensions']} extensions")
            check(s["drop_auth"] == s["drop_malformed"] == s["drop_replay"] == 0, f"{side}: {s}")
    yield "blocks of 400 numbers, extended while packets flow", small_blocks

    def narrow(lab, program, base):
        """Sealed packets do not fit: they leave as fragments, which the other kernel puts together."""
        stats = standard(Tunnel(lab, program, base, mtu=1300, both=["--esn"]))
        check(all(s["drop_send"] == 0 for s in stats), "send drops")
    yield "path MTU below the sealed packets", narrow

    def mss(lab, program, base):
        t = Tunnel(lab, program, base, both=["--esn", "--mtu", "1280"])
        m = [t.tcp(v, True) for v in (4, 6)]
        t.down()
        check(m[0] <= 1240 and m[1] <= 1220, f"MSS {m}")
    yield "MSS fits the device", mss

    def lossy(lab, program, base):
        with Relay(lab[1]) as relay:
            t = Tunnel(lab, program, base, both=["--esn"], b_local="10.66.0.2:4501", b_remote=relay.towards_b)
            relay.loss, relay.swap = 0.01, 0.05
            t.tcp(4, True)
            t.tcp(6, False)
            s = t.down()
        for side, x in zip("ab", s):
            check(x["drop_auth"] == 0 and x["drop_malformed"] == 0 and x["drop_replay"] == 0, f"{side}: {x}")
        check(relay.lost > 10 and relay.swapped > 10, f"the relay lost {relay.lost} and swapped {relay.swapped}")
    yield "loss and reordering", lossy

    def duplicated(lab, program, base):
        """Every packet comes twice: the second is dropped."""
        with Relay(lab[1]) as relay:
            t = Tunnel(lab, program, base, both=["--esn"], b_local="10.66.0.2:4501", b_remote=relay.towards_b)
            relay.twice = True
            t.ping(4, 100, count=20)
            s = t.down()
        check(all(x["drop_replay"] == x["packets_in"] >= 20 for x in s), f"{s}")
    yield "every packet twice", duplicated

    def rebound(lab, program, base):
        """The NAT in front of side a takes another port: b follows with the next authentic packet."""
        with Relay(lab[1]) as relay:
            t = Tunnel(lab, program, base, both=["--esn"], b_local="10.66.0.2:4501", b_remote=relay.towards_b)
            t.ping(4, 100)
            relay.rebind()
            t.ping(4, 100)
            t.tcp(6, False)
            s = t.down()
        check(s[1]["peer_moved"] == 1 and s[0]["peer_moved"] == 0, f"{s}")
    yield "NAT rebinding", rebound

    def no_clear(lab, program, base):
        """An address without an SA goes nowhere, and the engine is told."""
        t = Tunnel(lab, program, base)
        proc.run("ip", "-n", t.a, "route", "add", "10.99.0.0/16", "dev", "tun0")
        net.run("ip", "netns", "exec", t.a, "ping", "-c", "3", "-i", "0.02", "-W", "1", "10.99.1.1", check=False)
        s = t.down()
        check(s[0]["drop_no_sa"] == 3 and s[0]["no_sa_events"] == 3 and s[1]["packets_in"] == 0, f"{s}")
    yield "no SA, no packet", no_clear

    def foreign_source(lab, program, base):
        """A source outside the selectors is not sent (INV-VIP)."""
        t = Tunnel(lab, program, base)
        proc.run("ip", "-n", t.a, "addr", "add", "10.77.1.9/32", "dev", "tun0")
        net.run("ip", "netns", "exec", t.a, "ping", "-c", "2", "-i", "0.02", "-W", "1", "-I", "10.77.1.9", INNER[4][1],
                check=False)
        s = t.down()
        check(s[0]["drop_no_sa"] == 2 and s[1]["packets_in"] == 0, f"{s}")
    yield "a source that the SA does not carry", foreign_source


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--esp-end", required=True)
    ap.add_argument("--only", default="")
    args = ap.parse_args()
    base = tempfile.mkdtemp(prefix="function-esp-", dir=os.environ.get("TMPDIR", "/tmp"))
    failed = 0
    for k, (name, fn) in enumerate(cases()):
        if args.only not in name:
            continue
        d = f"{base}/{k}"
        os.makedirs(d)
        lab = net.Net("espf")           # new ones each time: no late segment of the case before
        ns = (lab.ns("a"), lab.ns("b"))
        lab.link(ns[0], "eth0", ns[1], "eth0")
        for i, n in enumerate(ns):
            lab.addr(n, "eth0", f"10.66.0.{i + 1}/24", f"fd66::{i + 1}/64")
        try:
            fn(ns, os.path.abspath(args.esp_end), d)
            print(f"ok - {name}", flush=True)
        except (Failed, proc.LabError, OSError, ValueError, IndexError) as e:
            failed += 1
            print(f"not ok - {name}: {e} (logs in {d})", flush=True)
        finally:
            proc.stop_all()
            lab.close()
    if not failed:
        shutil.rmtree(base, ignore_errors=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
