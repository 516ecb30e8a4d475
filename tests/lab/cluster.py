"""The cluster of the quickstart, in namespaces of one host.

    client -- nat == (several possible) -- router == 3 x node == inside
    10.11.0.2      198.51.100.2    .1       |  |  |    10.1.0.1
                                            anycast     host that the client wants
                                         192.0.2.100
                                            |  |  |
                                       cluster link, Redis
                                         10.99.0.0/24

Router and inside host run BIRD and spread over all nodes that announce (layer-4 hash outside); each
node runs BIRD and ikestra-lb beside its daemon. Nothing here moves a route by hand."""
import json
import os
import re

from .bird import Bird, node_conf, router_conf
from .capture import Capture, icmp_echo
from .charon import Charon
from .net import Net
from .pki import Ca
from .proc import kill9, run, start, stop, wait_for, LabError
from .redis import Redis

ANYCAST = "192.0.2.100"
INSIDE = "10.1.0.1"
INSIDE_NET = "10.1.0.0/24"
POOL = "10.77.0.0/16"
CLUSTER_NET = "10.99.0"
REDIS_ADDR = f"{CLUSTER_NET}.100"
ROUTER_AS, INSIDE_AS, NODE_AS = 65000, 65002, 65001


class Cluster:
    """The network, its routers, Redis and certificates. Daemons come as Node objects."""

    def __init__(self, base, nodes=3, lb_binary=None, net=None):
        self.base, self.count, self.lb_binary = base, nodes, lb_binary
        self.net = net or Net()
        self.ca = Ca(f"{base}/pki")
        self.ca.issue("gw.test")
        self.ca.issue("client.test")
        self.birds, self.lbs = {}, {}
        self._namespaces()
        self.redis = Redis(base, self.backbone, bind=REDIS_ADDR)

    def _namespaces(self):
        n = self.net
        self.client = n.ns("client")
        self.nat = n.ns("nat", forward=True)
        # A flow is one address and port pair, as at real edges: another port may reach another node.
        self.router = n.ns("router", forward=True, net__ipv4__fib_multipath_hash_policy=1)
        self.inside = n.ns("inside", net__ipv4__fib_multipath_hash_policy=1)
        self.backbone = n.ns("backbone")
        n.link(self.client, "eth0", self.nat, "lan")
        n.addr(self.client, "eth0", "10.11.0.2/24")
        n.addr(self.nat, "lan", "10.11.0.1/24")
        n.route(self.client, "default", "via", "10.11.0.1")
        n.link(self.nat, "wan", self.router, "nat")
        n.addr(self.nat, "wan", "198.51.100.2/30")
        n.addr(self.router, "nat", "198.51.100.1/30")
        n.route(self.nat, "default", "via", "198.51.100.1")
        n.exec(self.nat, "iptables", "-t", "nat", "-A", "POSTROUTING", "-o", "wan", "-j", "MASQUERADE",
               "--random")
        n.bridge(self.inside)
        n.addr(self.inside, "br0", f"{INSIDE}/24")
        n.bridge(self.backbone)
        n.addr(self.backbone, "br0", f"{REDIS_ADDR}/24")
        self.node_ns = {}
        for i in range(1, self.count + 1):
            ns = self.node_ns[i] = n.ns(f"node{i}", forward=True)
            n.link(ns, "out", self.router, f"node{i}")
            n.addr(ns, "out", f"203.0.113.{4 * i + 2}/30")
            n.addr(self.router, f"node{i}", f"203.0.113.{4 * i + 1}/30")
            n.route(ns, "default", "via", f"203.0.113.{4 * i + 1}")
            n.addr(ns, "lo", f"{ANYCAST}/32")
            n.link(ns, "in", self.inside, f"node{i}")
            n.enslave(self.inside, f"node{i}")
            n.addr(ns, "in", f"10.1.0.{10 + i}/24")
            n.link(ns, "cluster", self.backbone, f"node{i}")
            n.enslave(self.backbone, f"node{i}")
            n.addr(ns, "cluster", f"{CLUSTER_NET}.{i}/24")

    def start_routing(self):
        ids = range(1, self.count + 1)
        self.birds["router"] = Bird(self.base, "bird-router", self.router, router_conf(
            "203.0.113.1", ROUTER_AS, [(f"node{i}", f"203.0.113.{4 * i + 2}", NODE_AS) for i in ids]))
        self.birds["inside"] = Bird(self.base, "bird-inside", self.inside, router_conf(
            INSIDE, INSIDE_AS, [(f"node{i}", f"10.1.0.{10 + i}", NODE_AS) for i in ids]))
        for i in ids:
            self.birds[i] = Bird(self.base, f"bird-node{i}", self.node_ns[i], node_conf(
                f"203.0.113.{4 * i + 2}", NODE_AS, (f"203.0.113.{4 * i + 1}", ROUTER_AS),
                (INSIDE, INSIDE_AS), ANYCAST, [POOL]))
        for b in self.birds.values():
            b.start()

    def wait_routing(self):
        for name in ("router", "inside"):
            b = self.birds[name]
            wait_for(f"BGP of {name}", lambda: len(b.established()) == self.count, 25, step=0.1)

    def start_lb(self, i, control):
        """The watcher beside node i's daemon; it outlives the daemon."""
        self.lbs[i] = start([self.lb_binary, "--control", control, "--bird", self.birds[i].socket,
                             "--protocol", "anycast4,pools4"], f"{self.base}/lb-node{i}.log",
                            ns=self.node_ns[i])

    def announcing(self):
        """Numbers of the nodes that the outside router has a route to the anycast address by."""
        out = run("ip", "-n", self.router, "route", "show", f"{ANYCAST}/32", check=False)
        return sorted((int(m) - 2) // 4 for m in re.findall(r"via 203\.0\.113\.(\d+)", out))

    def announcing_inside(self):
        out = run("ip", "-n", self.inside, "route", "show", POOL, check=False)
        return sorted(int(m) - 10 for m in re.findall(r"via 10\.1\.0\.(\d+)", out))

    def client_charon(self, name="client", **settings):
        c = Charon(self.base, name, self.client, settings=settings).start()
        c.load_cert(self.ca.cert, ca=True)
        c.load_key("ecdsa", self.ca.path("client.test.key"))
        with open(self.ca.path("client.test.crt"), "rb") as f:
            cert = f.read()
        c.load_conn("vpn", {
            "version": 2, "local_addrs": ["%any"], "remote_addrs": [ANYCAST], "encap": "yes",
            "proposals": ["aes128gcm16-prfsha256-x25519"], "vips": ["0.0.0.0"], "mobike": "no",
            "dpd_delay": "10s", "keyingtries": 0,
            "local": {"auth": "pubkey", "certs": [cert], "id": "client.test"},
            "remote": {"auth": "pubkey", "id": "gw.test"},
            "children": {"net": {"remote_ts": [INSIDE_NET], "esp_proposals": ["aes128gcm16"],
                                 "dpd_action": "restart"}},
        })
        return c

    def close(self):
        for p in self.lbs.values():
            stop(p, grace=1.5)
        for b in self.birds.values():
            b.stop()
        self.redis.stop()
        self.net.close()


class Pinger:
    """Echo requests through the tunnel; times are those of the packets at the client's tunnel device."""

    def __init__(self, cluster, source, device="ipsec0", target=INSIDE, interval=0.01):
        self.capture = Capture(cluster.client, device, keep=lambda d: icmp_echo(d) is not None)
        self.source, self.target, self.interval = source, target, interval
        self.proc = start(["ping", "-n", "-q", "-i", str(interval), "-I", source, target],
                          f"{cluster.base}/ping.log", ns=cluster.client)

    def echoes(self, since=0.0, until=float("inf")):
        """(requests, replies): lists of (time, identifier, sequence)."""
        requests, replies = [], []
        for p in list(self.capture.packets):
            if since <= p.t <= until:
                kind, ident, seq, src, _ = icmp_echo(p.data)
                if kind == "request" and src == self.source:
                    requests.append((p.t, ident, seq))
                elif kind == "reply" and src == self.target:
                    replies.append((p.t, ident, seq))
        return requests, replies

    def replies_after(self, t):
        n = 0
        for p in reversed(self.capture.packets):
            if p.t <= t:
                break
            n += icmp_echo(p.data)[0] == "reply"
        return n

    def outage(self, kill_time, until):
        """(longest gap between two replies that touches the time after the kill, in ms, requests of that
        time that were never answered). No reply at all after the kill: the gap lasts to the end."""
        requests, _ = self.echoes(kill_time - 0.5, until)
        _, replies = self.echoes(kill_time - 0.5)
        answered = {(i, s) for _, i, s in replies}
        times = sorted(t for t, _, _ in replies if t <= until)
        times.append(until) if not times or times[-1] <= kill_time else None
        gaps = [b - a for a, b in zip(times, times[1:]) if b > kill_time]
        lost = sum(1 for t, i, s in requests if t >= kill_time - 0.05 and t <= until - 0.3 and (i, s) not in answered)
        return (max(gaps) * 1000.0 if gaps else (until - kill_time) * 1000.0), lost

    def stop(self):
        stop(self.proc)
        return self.capture.stop()


class CharonNode:
    """Stand-in for a node: a single charon without any state elsewhere. Proves the lab itself: routes,
    watcher, measuring; a kill loses the session, as it must."""

    FAKE_CONTROL = """
import os, socket, sys, threading
path = sys.argv[1]
if os.path.exists(path): os.unlink(path)
s = socket.socket(socket.AF_UNIX); s.bind(path); s.listen(8)
def serve(c):
    f = c.makefile("rb")
    for _ in f: c.sendall(b'{"ok":true,"ready":true}\\n')
while True:
    c, _ = s.accept(); threading.Thread(target=serve, args=(c,), daemon=True).start()
"""

    def __init__(self, cluster, i):
        self.cluster, self.i = cluster, i
        self.control = f"{cluster.base}/node{i}.sock"
        self.charon = self.fake = None

    def start(self):
        c = self.charon = Charon(self.cluster.base, f"node{self.i}-charon", self.cluster.node_ns[self.i]).start()
        ca = self.cluster.ca
        c.load_cert(ca.cert, ca=True)
        c.load_key("ecdsa", ca.path("gw.test.key"))
        with open(ca.path("gw.test.crt"), "rb") as f:
            cert = f.read()
        c.load_pool("rw", f"10.77.{self.i}.0/24")
        c.load_conn("rw", {"version": 2, "local_addrs": [ANYCAST], "encap": "yes", "pools": ["rw"],
                           "proposals": ["aes128gcm16-prfsha256-x25519"],
                           "local": {"auth": "pubkey", "certs": [cert], "id": "gw.test"},
                           "remote": {"auth": "pubkey"},
                           "children": {"net": {"local_ts": [INSIDE_NET], "esp_proposals": ["aes128gcm16"]}}})
        self.fake = start(["python3", "-c", self.FAKE_CONTROL, self.control], f"{self.cluster.base}/fake{self.i}.log")

    def alive(self):
        return self.charon is not None and self.charon.proc.poll() is None

    def ready(self):
        return self.alive()

    def sessions(self):
        return self.charon.sas() if self.alive() else []

    def kill9(self):
        kill9(self.fake)
        self.charon.kill9()

    def stop(self):
        stop(self.fake)
        if self.charon:
            self.charon.stop()
