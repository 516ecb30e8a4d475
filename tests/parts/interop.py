#!/usr/bin/env python3
# ikestrad with strongSwan's charon, both ways round; ESN and raw ESP between two ikestrad.
"""Options: --self (charon with charon: proves the harness), --case SUBSTRING, --list, --keep.

Each case starts both ends afresh, connects, sends data, does its steps, sends data again. What went
over the wire is judged from a capture in the middle of the path."""
import os
import shutil
import struct
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from lab import ike, proc, report                                      # noqa: E402
from lab.capture import Capture                                        # noqa: E402
from lab.net import socket_in                                          # noqa: E402
from lab.sides import DEFAULTS, INNER, CharonSide, IkestraSide, Keys, Site  # noqa: E402

COOKIE, INVALID_KE = 16390, 17
GCM = "aes128gcm16-prfsha256-x25519"


def case(name, *steps, short=False, **fields):
    unknown = set(fields) - set(DEFAULTS) - {"only", "refused"}
    assert not unknown, unknown
    return dict(fields, name=name, steps=steps, short=short)


def all_cases():
    yield case("psk", "delete_a", short=True)
    yield case("rsa", "delete_b", auth="rsa", short=True)
    yield case("ecdsa", auth="ecdsa", short=True)
    yield case("ecdsa-p384", auth="ecdsa384")
    yield case("ecdsa-p521", auth="ecdsa521")
    yield case("ed25519", auth="ed25519", short=True)
    # Method 1 of RFC 7296 is RSA over SHA-1, which is refused: no session, and both ends know it.
    yield case("rsa-sha1-refused", auth="rsa", classic=True, refused=True)
    yield case("ecdsa-classic", auth="ecdsa", classic=True)
    for cipher in ("aes256gcm16", "chacha20poly1305", "aes128-sha256", "aes256-sha384", "aes256-sha512", "aes256-sha256"):
        yield case(f"ike-{cipher}", ike=[f"{cipher}-prfsha256-x25519"], short=cipher == "chacha20poly1305")
        yield case(f"esp-{cipher}", esp=[cipher], short=cipher in ("chacha20poly1305", "aes128-sha256"))
    for prf in ("prfsha384", "prfsha512"):
        yield case(f"ike-{prf}", ike=[f"aes256gcm16-{prf}-x25519"])
    for group in ("x448", "ecp256", "ecp384", "ecp521", "modp2048", "modp3072", "modp4096"):
        yield case(f"group-{group}", "rekey_ike_a", ike=[f"aes128gcm16-prfsha256-{group}"], short=group == "ecp256")
    for group in ("x25519", "ecp384", "modp2048"):
        yield case(f"pfs-{group}", "rekey_child_a", "rekey_child_b", esp=[f"aes128gcm16-{group}"])
    yield case("cookie", "saw_cookie", short=True, timers={"cookie_threshold": 0}, charon={"cookie_threshold": 1, "dos_protection": "yes"})
    yield case("invalid-ke", "saw_invalid_ke", short=True,
               ike=["aes128gcm16-prfsha256-x25519", "aes128gcm16-prfsha256-ecp384"], ike_b=["aes128gcm16-prfsha256-ecp384"])
    yield case("nat-initiator", "rekey_ike_a", "rekey_child_b", nat="initiator", short=True)
    yield case("nat-responder", "rekey_ike_b", "rekey_child_a", nat="responder", short=True)
    yield case("nat-initiator-cert", nat="initiator", auth="ecdsa")
    yield case("cp-ipv4", "vips", vip=["ipv4"], short=True)
    yield case("cp-ipv4-nat", "vips", vip=["ipv4"], nat="initiator", auth="ecdsa")
    yield case("cp-ipv6", "vips", vip=["ipv6"], short=True)
    yield case("cp-both", "vips", vip=["ipv4", "ipv6"])
    yield case("cp-dns", "vips", "dns", vip=["ipv4"], dns=["10.20.0.53", "10.20.0.54"], short=True)
    yield case("cp-dns6", "vips", "dns", vip=["ipv6"], dns=["fd20::53"])
    yield case("fragmentation", "saw_fragments", auth="rsa", filler=3000, short=True)
    yield case("rekey-child-initiator", "rekey_child_a", "rekey_child_a", short=True)
    yield case("rekey-child-responder", "rekey_child_b", "rekey_child_b", short=True)
    yield case("rekey-ike-initiator", "rekey_ike_a", "rekey_ike_a", short=True)
    yield case("rekey-ike-responder", "rekey_ike_b", "rekey_ike_b", short=True)
    limits = {"life_bytes": 200000, "rekey_bytes": 30000, "rand_bytes": 0}
    yield case("rekey-bytes-charon", "rekeyed_by_traffic", child_charon=limits, short=True, only="charon")
    limits = {"life_packets": 2000, "rekey_packets": 60, "rand_packets": 0}
    yield case("rekey-packets-charon", "rekeyed_by_traffic", child_charon=limits, only="charon")
    yield case("rekey-bytes-ikestrad", "rekeyed_by_traffic", child_ikestra={"rekey_bytes": 30000}, short=True, only="ikestrad")
    yield case("rekey-packets-ikestrad", "rekeyed_by_traffic", child_ikestra={"rekey_packets": 60}, only="ikestrad")
    yield case("dpd", "dpd_alive", conn_charon={"dpd_delay": "1s"}, conn_ikestra={"dpd": 1}, short=True)
    yield case("delete-initiator", "delete_a")
    yield case("delete-responder", "delete_b")
    yield case("ipv6-outside", "rekey_ike_a", "rekey_child_b", outer=6, short=True)
    yield case("ipv6-outside-cert-cp", "vips", outer=6, auth="ecdsa", vip=["ipv4"])
    yield case("ipv6-both", "vips", outer=6, vip=["ipv6"])


def own_cases():
    """What charon's libipsec cannot: between two of our own."""
    yield case("esn", "rekey_child_a", esp=["aes128gcm16-esn"], short=True)
    yield case("esn-cbc", esp=["aes256-sha256-esn"])
    yield case("raw-esp", "saw_raw_esp", encap=False, short=True)
    yield case("raw-esp-ipv6", "saw_raw_esp", encap=False, outer=6)
    yield case("raw-esp-esn", "saw_raw_esp", encap=False, esp=["chacha20poly1305-esn"])


class Failed(Exception):
    pass


class Run:
    """One case with two given sides."""

    def __init__(self, base, site, spec, a_class, b_class, keys):
        os.makedirs(base, exist_ok=True)
        self.spec = spec
        fields = {k: v for k, v in spec.items() if k in DEFAULTS}
        self.a = a_class(base, site, fields, "a", keys)
        self.b = b_class(base, site, fields, "b", keys)
        self.site, self.base = site, base
        self.capture = None

    def need(self, condition, text):
        if not condition:
            raise Failed(text)

    def eventually(self, text, fn, seconds=5.0):
        try:
            return proc.wait_for(text, fn, seconds)
        except proc.LabError:
            raise Failed(text) from None

    def run(self):
        self.capture = Capture(self.site.nat_b, "wan")
        try:
            self.b.start()
            self.a.start()
            if "saw_cookie" in self.spec["steps"]:
                self.fill_half_open()
            if self.spec.get("refused"):
                self.refused()
                return
            self.a.up()
            self.eventually("one established session at both ends", self.settled)
            self.data()
            for step in self.spec["steps"]:
                getattr(self, step)()
        finally:
            self.a.stop()
            self.b.stop()
            self.capture.stop()
            self.capture.write_pcap(f"{self.base}/wire.pcap")

    def refused(self):
        try:
            self.a.up()
        except Exception:                               # noqa: BLE001: either side's word for it
            pass
        else:
            raise Failed("the session came up, it must be refused")
        self.need(not any(s["established"] for s in self.a.sas() + self.b.sas()), "an end holds a session")
        self.need(not any(s["children"] for s in self.a.sas() + self.b.sas()), "an end holds a Child SA")

    def settled(self):
        """Both ends agree on one IKE SA with one Child SA."""
        a, b = self.a.sas(), self.b.sas()
        if len(a) != 1 or len(b) != 1 or not (a[0]["established"] and b[0]["established"]):
            return False
        same = a[0]["spis"] == b[0]["spis"]
        crossed = sorted((o, i) for i, o in b[0]["children"]) == a[0]["children"]
        return same and crossed and len(a[0]["children"]) == 1 and (a[0]["spis"], a[0]["children"])

    def source(self, family):
        for v in self.a.vips():
            v = v.split("/")[0]
            if (":" in v) == (family == 6):
                return v
        return INNER["a"][family]

    def ping(self, count=6, size=56, interval="0.02", family=None):
        """Replies got."""
        family = family or self.a.families[0]
        out = self.site.net.exec(self.a.ns, "ping", "-n", "-c", str(count), "-i", interval, "-s", str(size), "-W", "1",
                                 "-I", self.source(family), INNER["b"][family], check=False, timeout=60)
        for line in out.splitlines():
            if "received" in line:
                return int(line.split(" received")[0].split()[-1])
        raise Failed(f"ping: {out.strip()[-200:]}")

    def data(self):
        for family in self.a.families:
            # Routes, neighbours, and charon's address on its device may take a moment.
            self.eventually(f"a first IPv{family} echo through the tunnel", lambda: self.ping(2, family=family) == 2, 4)
            for count, size in ((6, 56), (3, 1200)):
                # charon's userspace ESP drops a packet now and then on a busy host (with charon at
                # both ends too): some more rounds, one of which must be whole.
                for _ in range(5):
                    got = self.ping(count, size=size, family=family)
                    if got == count:
                        break
                self.need(got == count, f"IPv{family} data of {size} octets: {got} of {count} echoes came back")

    # --- steps: named in the cases ---

    def _rekeyed(self, do, what, index):
        before = self.settled()
        do()

        def changed():
            now = self.settled()
            return now and now[index] != before[index] and now
        after = self.eventually(f"{what}: both ends agree on new SPIs", changed, 8)
        if what == "child rekey":
            self.need(after[0] == before[0], "the IKE SA changed at a child rekey")
        else:
            self.need(after[1] == before[1], "the Child SA changed at an IKE rekey")
        self.data()

    def rekey_child_a(self):
        self._rekeyed(self.a.rekey_child, "child rekey", 1)

    def rekey_child_b(self):
        self._rekeyed(self.b.rekey_child, "child rekey", 1)

    def rekey_ike_a(self):
        self._rekeyed(self.a.rekey_ike, "IKE rekey", 0)

    def rekey_ike_b(self):
        self._rekeyed(self.b.rekey_ike, "IKE rekey", 0)

    def rekeyed_by_traffic(self):
        def traffic():
            got = self.ping(150, size=400, interval="0.01")
            self.need(got >= 149, f"{got} of 150 echoes during a rekey by volume")
        self._rekeyed(traffic, "child rekey", 1)

    def delete_a(self):
        self.a.terminate()
        self.gone()

    def delete_b(self):
        self.b.terminate()
        self.gone()

    def gone(self):
        self.eventually("no session left at either end", lambda: not self.a.sas() and not self.b.sas())

    def vips(self):
        vips = [v.split("/")[0] for v in self.a.vips()]
        for family in self.a.families:
            self.need(any((":" in v) == (family == 6) for v in vips), f"no inner IPv{family} address: {vips}")
        self.need(all(v.startswith("10.77.") or v.startswith("fd77:") for v in vips), f"not from the pool: {vips}")

    def dns(self):
        want = self.a.case["dns"]
        got = self.a.dns()
        self.need(all(d in got for d in want), f"DNS servers {got}, wanted {want}")

    def dpd_alive(self):
        start = len(self.capture.packets)
        time.sleep(4.5)
        seen = [m for m in ike.messages(self.capture.packets[start:]) if m.exchange == "INFORMATIONAL"]
        requests = {m.key()[:3] for m in seen if not m.response}
        answers = {m.key()[:3] for m in seen if m.response}
        self.need(len(requests) >= 2, f"{len(requests)} probes in 4.5 s")
        self.need(requests <= answers, "a probe was not answered")
        self.need(bool(self.settled()), "the session did not live through its probes")

    def clear_notifies(self, response=True):
        """Notify types in IKE_SA_INIT messages of the capture."""
        found = []
        for m in ike.messages(self.capture.packets):
            if m.exchange != "IKE_SA_INIT" or m.response != response:
                continue
            kind, p = m.first, 28
            while kind and p + 4 <= len(m.data):
                nxt, length = m.data[p], struct.unpack_from("!H", m.data, p + 2)[0]
                if kind == 41:
                    found.append(struct.unpack_from("!H", m.data, p + 6)[0])
                if length < 4:
                    break
                kind, p = nxt, p + length
        return found

    def fill_half_open(self):
        """charon asks for cookies only above a number of half-open SAs: leave some. ikestrad is told."""
        if self.b.kind != "charon":
            return
        # An IKE_SA_INIT that nobody goes on with: one proposal (AES-GCM-16/128, PRF SHA-256, x25519).
        def tr(last, kind, number, attr=b""):
            return struct.pack("!BBHBBH", last, 0, 8 + len(attr), kind, 0, number) + attr
        transforms = tr(3, 1, 20, struct.pack("!HH", 0x800E, 128)) + tr(3, 2, 5) + tr(0, 4, 31)
        proposal = struct.pack("!BBHBBBB", 0, 0, 8 + len(transforms), 1, 1, 0, 3) + transforms
        s = socket_in(self.a.ns, 10 if self.a.case["outer"] == 6 else 2, 2)
        for _ in range(3):
            body = struct.pack("!BBH", 34, 0, 4 + len(proposal)) + proposal
            body += struct.pack("!BBHHH", 40, 0, 8 + 32, 31, 0) + os.urandom(31) + b"\x40"
            body += struct.pack("!BBH", 0, 0, 4 + 32) + os.urandom(32)
            head = os.urandom(8) + bytes(8) + struct.pack("!BBBBII", 33, 0x20, 34, 8, 0, 28 + len(body))
            s.sendto(head + body, (self.site.target(self.a.case["outer"]), 500))
            time.sleep(0.05)
        s.close()

    def saw_cookie(self):
        self.need(COOKIE in self.clear_notifies(), "no COOKIE was asked for")
        self.need(COOKIE in self.clear_notifies(response=False), "no COOKIE came back")

    def saw_invalid_ke(self):
        self.need(INVALID_KE in self.clear_notifies(), "no INVALID_KE_PAYLOAD was sent")

    def saw_fragments(self):
        split = {m.response for m in ike.messages(self.capture.packets) if m.exchange == "IKE_AUTH" and m.fragments > 1}
        self.need(split == {False, True}, f"fragments of IKE_AUTH seen: request {False in split}, response {True in split}")

    def saw_raw_esp(self):
        kinds = [p.data[9] if p.data[0] >> 4 == 4 else p.data[6] for p in self.capture.packets if len(p.data) > 20]
        self.need(kinds.count(50) >= 6, "no ESP packets (protocol 50) on the wire")


def run_case(base, sites, spec, a_class, b_class, keys, keep):
    title = f"{spec['name']}: {a_class.kind} to {b_class.kind}"
    nat = spec.get("nat", "none")
    if nat not in sites:
        sites[nat] = Site(nat)
    directory = os.path.join(base, f"{spec['name']}-{a_class.kind}-{b_class.kind}")
    shutil.rmtree(directory, ignore_errors=True)
    started = time.monotonic()
    r = Run(directory, sites[nat], spec, a_class, b_class, keys)
    try:
        r.run()
    except Exception as e:                              # noqa: BLE001: any failure belongs to the case
        report.not_ok(f"{title}: {e}")
        for side in (r.a, r.b):
            try:
                for line in side.tail().strip().splitlines()[-12:]:
                    print(f"    {side.kind}-{side.end}: {line[:220]}")
            except Exception:                           # noqa: BLE001: not even started
                pass
        print(f"    logs: {directory}")
        return
    report.ok(f"{title} ({time.monotonic() - started:.1f} s)")
    if not keep:
        shutil.rmtree(directory, ignore_errors=True)


def main():
    args = sys.argv[1:]
    itself = "--self" in args
    pattern = args[args.index("--case") + 1] if "--case" in args else ""
    IkestraSide.binary = os.path.join(report.BUILD, "release", "node", "ikestrad")
    IkestraSide.binary = os.environ.get("IK_IKESTRAD", IkestraSide.binary)
    plan = []
    for spec in all_cases():
        only = spec.pop("only", None)
        if itself:
            if only != "ikestrad" and not spec.get("refused"):
                plan.append((spec, CharonSide, CharonSide))
        else:
            plan.append((spec, CharonSide, IkestraSide))
            plan.append((spec, IkestraSide, CharonSide))
    if not itself:
        plan += [(spec, IkestraSide, IkestraSide) for spec in own_cases()]
    plan = [p for p in plan if pattern in p[0]["name"] and (report.MODE == "full" or p[0]["short"])]
    if "--list" in args:
        for spec, a, b in plan:
            print(spec["name"], a.kind, "to", b.kind)
        return
    if not itself and not os.environ.get("IK_IKESTRAD"):
        log = os.path.join(report.logs(), "build.log")
        with open(log, "w") as f:
            f.write(proc.run("cmake", "--preset", "release", "-S", report.ROOT, "-B", f"{report.BUILD}/release", timeout=120))
            f.write(proc.run("ninja", "-C", f"{report.BUILD}/release", "ikestrad", timeout=1200))
    base = tempfile.mkdtemp(prefix="ikio-")             # short: paths of UNIX sockets are limited
    keys, sites = Keys(base), {}
    try:
        for spec, a, b in plan:
            run_case(base, sites, spec, a, b, keys, "--keep" in args)
    finally:
        for s in sites.values():
            s.close()
        left = [d for d in os.listdir(base) if not d.startswith("pki-")]
        if left:
            target = os.path.join(report.logs(), "cases")
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(base, target, ignore=shutil.ignore_patterns("*.sock", "charon.vici", "pki-*", "run"))
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    report.main(main)
