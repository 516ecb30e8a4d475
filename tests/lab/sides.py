"""Two ends of one IKE connection from one description, each played by charon or by ikestrad.

A case is a dict; what is not given has the default of DEFAULTS. Suites are written in the words that
both programs share. The initiator's end is a, the responder's b."""
import json
import os

from .charon import Charon, PLUGINS
from .ikestra import ControlError, Ikestrad, ask
from .net import Net
from .pki import Ca
from .proc import LabError, run, wait_for

DEFAULTS = {
    "auth": "psk",                  # psk, or an algorithm of pki.ALGORITHMS
    "ike": ["aes128gcm16-prfsha256-x25519"],
    "ike_b": None,                  # the responder's suites, where they differ
    "esp": ["aes128gcm16"],
    "vip": [],                      # of "ipv4", "ipv6"
    "dns": [],
    "outer": 4,
    "nat": "none",                  # none, initiator, responder
    "encap": True,                  # charon's libipsec has no ESP without UDP
    "classic": False,               # charon without RFC 7427 signatures
    "filler": 0,                    # octets that make certificates large
    "charon": {},                   # settings of charon
    "child_charon": {},             # of charon's child
    "child_ikestra": {},            # of ikestrad's child
    "conn_charon": {},
    "conn_ikestra": {},
    "timers": {},                   # of ikestrad
}

INNER = {"a": {4: "10.30.0.1", 6: "fd30::1"}, "b": {4: "10.20.0.1", 6: "fd20::1"}}
INNER_NET = {"a": {4: "10.30.0.0/24", 6: "fd30::/64"}, "b": {4: "10.20.0.0/24", 6: "fd20::/64"}}
POOL = {4: "10.77.0.0/16", 6: "fd77::/64"}
OUTER = {"a": {4: "10.1.1.2", 6: "fd01:1::2"}, "b": {4: "10.2.2.2", 6: "fd01:2::2"}}
PSK = "a shared secret of the lab, 37 octets"


class Site:
    """a -- nat_a -- nat_b -- b, with a NAT where the case wants one. Captures are made on the middle."""

    def __init__(self, nat):
        n = self.net = Net("is")
        self.nat = nat
        self.a, self.b = n.ns("a"), n.ns("b")
        self.nat_a, self.nat_b = n.ns("nat-a", forward=True), n.ns("nat-b", forward=True)
        n.link(self.a, "eth0", self.nat_a, "lan")
        n.link(self.nat_a, "wan", self.nat_b, "wan")
        n.link(self.nat_b, "lan", self.b, "eth0")
        n.addr(self.a, "eth0", "10.1.1.2/24", "fd01:1::2/64")
        n.addr(self.nat_a, "lan", "10.1.1.1/24", "fd01:1::1/64")
        n.addr(self.nat_a, "wan", "198.51.100.1/24", "fd01:9::1/64")
        n.addr(self.nat_b, "wan", "198.51.100.2/24", "fd01:9::2/64")
        n.addr(self.nat_b, "lan", "10.2.2.1/24", "fd01:2::1/64")
        n.addr(self.b, "eth0", "10.2.2.2/24", "fd01:2::2/64")
        for end in (self.a, self.b):
            gw4, gw6 = ("10.1.1.1", "fd01:1::1") if end == self.a else ("10.2.2.1", "fd01:2::1")
            n.route(end, "default", "via", gw4)
            n.route(end, "default", "via", gw6)
        n.addr(self.a, "lo", "10.30.0.1/32", "fd30::1/128")
        n.addr(self.b, "lo", "10.20.0.1/32", "fd20::1/128")
        n.route(self.nat_a, "10.2.2.0/24", "via", "198.51.100.2")
        n.route(self.nat_a, "fd01:2::/64", "via", "fd01:9::2")
        if nat == "initiator":
            n.exec(self.nat_a, "iptables", "-t", "nat", "-A", "POSTROUTING", "-o", "wan", "-j", "MASQUERADE")
        else:
            n.route(self.nat_b, "10.1.1.0/24", "via", "198.51.100.1")
        n.route(self.nat_b, "fd01:1::/64", "via", "fd01:9::1")
        if nat == "responder":
            for port in ("500", "4500"):
                n.exec(self.nat_b, "iptables", "-t", "nat", "-A", "PREROUTING", "-i", "wan", "-p", "udp",
                       "-d", "198.51.100.2", "--dport", port, "-j", "DNAT", "--to-destination", "10.2.2.2")

    def target(self, family):
        """Where the initiator sends to."""
        return "198.51.100.2" if self.nat == "responder" and family == 4 else OUTER["b"][family]

    def close(self):
        self.net.close()


class Keys:
    """Certificates, made once per algorithm and size."""

    def __init__(self, base):
        self.base, self.cas = base, {}

    def of(self, algorithm, filler):
        ca = self.cas.get((algorithm, filler))
        if ca is None:
            ca = Ca(f"{self.base}/pki-{algorithm}-{filler}", algorithm)
            ca.issue("a.test", algorithm, filler=filler)
            ca.issue("b.test", algorithm, filler=filler)
            self.cas[(algorithm, filler)] = ca
        return ca


class Side:
    def __init__(self, base, site, case, end, keys):
        self.base, self.site, self.end, self.keys = base, site, end, keys
        self.case = dict(DEFAULTS, **case)
        self.ns = site.a if end == "a" else site.b
        self.initiator = end == "a"
        self.id, self.peer_id = f"{end}.test", f"{'b' if end == 'a' else 'a'}.test"
        self.families = [4 if v == "ipv4" else 6 for v in self.case["vip"]] or [4]

    def suites(self):
        return self.case["ike"] if self.initiator else self.case["ike_b"] or self.case["ike"]

    def ca(self):
        return None if self.case["auth"] == "psk" else self.keys.of(self.case["auth"], self.case["filler"])

    def selectors(self):
        """(ours, the peer's)."""
        other = "b" if self.end == "a" else "a"
        ours = [INNER_NET[self.end][f] for f in self.families]
        theirs = [INNER_NET[other][f] for f in self.families]
        if self.case["vip"]:
            return (["dynamic"], theirs) if self.initiator else (ours, ["dynamic"])
        return ours, theirs


class CharonSide(Side):
    kind = "charon"

    def start(self):
        c = self.case
        settings = dict(c["charon"])
        if c["classic"]:
            settings["signature_authentication"] = "no"
        plugins = {"resolve": {"file": f"{self.base}/resolv-{self.end}.conf"}} if c["dns"] and self.initiator else {}
        load = PLUGINS + (" resolve" if plugins else "")
        self.charon = Charon(self.base, f"charon-{self.end}", self.ns, settings=settings, plugins=plugins, load=load)
        self.charon.start()
        local, remote = {"id": self.id}, {"id": self.peer_id}
        ca = self.ca()
        if ca is None:
            self.charon.load_psk(PSK, "a.test", "b.test")
            local["auth"] = remote["auth"] = "psk"
        else:
            self.charon.load_cert(ca.cert, ca=True)
            kind = "rsa" if c["auth"].startswith("rsa") else "ecdsa" if c["auth"].startswith("ecdsa") else "any"
            self.charon.load_key(kind, ca.path(f"{self.id}.key"))
            with open(ca.path(f"{self.id}.crt"), "rb") as f:
                local["certs"] = [f.read()]
            local["auth"] = remote["auth"] = "pubkey"
        ours, theirs = self.selectors()
        child = {"local_ts": ours, "remote_ts": theirs, "esp_proposals": c["esp"], "rekey_time": "1h"}
        child.update(c["child_charon"])
        f = c["outer"]
        conn = {"version": 2, "proposals": self.suites(), "encap": "yes" if c["encap"] else "no", "mobike": "no",
                "local_addrs": [OUTER[self.end][f]], "local": local, "remote": remote,
                "children": {"net": child}}
        if self.initiator:
            conn["remote_addrs"] = [self.site.target(f)]
            conn["vips"] = [{"ipv4": "0.0.0.0", "ipv6": "::"}[v] for v in c["vip"]]
        else:
            conn["remote_addrs"] = ["%any"]
            conn["pools"] = []
            for v in c["vip"]:
                family = 4 if v == "ipv4" else 6
                dns = [d for d in c["dns"] if (":" in d) == (family == 6)]
                self.charon.load_pool(v, {4: "10.77.0.0/24", 6: "fd77::/120"}[family], **({"dns": dns} if dns else {}))
                conn["pools"].append(v)
        conn = {k: v for k, v in conn.items() if v != []}
        conn.update(c["conn_charon"])
        self.charon.load_conn("t", conn)

    def up(self):
        self.charon.initiate("net", "t", timeout_ms=8000)

    def sas(self):
        out = []
        for sa in self.charon.sas("t"):
            children = [(k["spi-in"], k["spi-out"]) for k in sa.get("child-sas", {}).values() if k["state"] == "INSTALLED"]
            out.append({"spis": (sa["initiator-spi"], sa["responder-spi"]), "established": sa["state"] == "ESTABLISHED",
                        "children": sorted(children), "raw": sa})
        return out

    def vips(self):
        return [v for sa in self.charon.sas("t") for v in sa.get("local-vips", [])]

    def dns(self):
        try:
            with open(f"{self.base}/resolv-{self.end}.conf") as f:
                return [line.split()[1] for line in f if line.startswith("nameserver")]
        except OSError:
            return []

    def rekey_child(self):
        self.charon.vici.call("rekey", {"child": "net", "ike": "t"})

    def rekey_ike(self):
        self.charon.vici.call("rekey", {"ike": "t"})

    def terminate(self):
        self.charon.vici.call("terminate", {"ike": "t", "timeout": 5000}, stream="control-log")

    def tail(self):
        return self.charon.tail(25)

    def stop(self):
        if getattr(self, "charon", None):
            self.charon.stop()


class IkestraSide(Side):
    kind = "ikestrad"
    binary = None                   # set by the test

    def start(self):
        c = self.case
        local, remote = {"id": self.id}, {"id": self.peer_id}
        conn = {"name": "t", "ike": self.suites(), "force_encap": bool(c["encap"])}
        ca = self.ca()
        if ca is None:
            psk = f"{self.base}/psk"
            with open(os.open(psk, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as f:
                f.write(PSK + "\n")
            conn["psk_file"] = psk
            local["auth"] = remote["auth"] = "psk"
        else:
            local.update({"auth": "cert", "cert_file": ca.path(f"{self.id}.crt"), "key_file": ca.path(f"{self.id}.key")})
            remote.update({"auth": "cert", "ca_files": [ca.cert]})
        f = c["outer"]
        config = {"listen": [OUTER[self.end][f]], "connections": [conn]}
        if self.initiator:
            local["address"] = OUTER[self.end][f]
            remote["address"] = self.site.target(f)
            if c["vip"]:
                conn["request"] = c["vip"]
        elif c["vip"]:
            config["pools"] = [{"name": v, "prefix": POOL[4 if v == "ipv4" else 6]} for v in c["vip"]]
            conn["pools"] = list(c["vip"])
            if c["dns"]:
                conn["dns"] = c["dns"]
        ours, theirs = self.selectors()
        child = {"name": "net", "esp": c["esp"], "local_ts": ours, "remote_ts": theirs}
        child.update(c["child_ikestra"])
        conn.update({"local": local, "remote": remote, "children": [child]})
        conn.update(c["conn_ikestra"])
        if c["timers"]:
            config["timers"] = c["timers"]
        self.daemon = Ikestrad(self.base, f"ikestrad-{self.end}", self.ns, config, self.binary)
        self.daemon.start(timeout=8)

    def up(self):
        self.daemon.ask("initiate", conn="t", timeout=8)

    def _sessions(self):
        return self.daemon.ask("list")["sessions"]

    def sas(self):
        out = []
        for s in self._sessions():
            children = [(k["spi_in"], k["spi_out"]) for k in s["children"] if k["state"] in ("up", "installed", "established")]
            out.append({"spis": (s["spi_i"], s["spi_r"]), "established": s["state"] == "established",
                        "children": sorted(children), "raw": s})
        return out

    def vips(self):
        return [v for s in self._sessions() for v in s.get("vips", [])]

    def dns(self):
        """It names what it was given in its log, and installs nothing."""
        out = []
        with open(self.daemon.log_path) as f:
            for line in f:
                if '"event":"inner-dns"' in line:
                    out.append(json.loads(line)["server"])
        return out

    def rekey_child(self):
        s = self._sessions()[0]
        self.daemon.ask("rekey", ike=s["ike"], child=s["children"][0]["spi_in"])

    def rekey_ike(self):
        self.daemon.ask("rekey", ike=self._sessions()[0]["ike"])

    def terminate(self):
        self.daemon.ask("terminate", ike=self._sessions()[0]["ike"])

    def tail(self):
        return self.daemon.tail(25)

    def stop(self):
        if getattr(self, "daemon", None):
            self.daemon.stop(grace=2)
