#!/usr/bin/env python3
# Clients in the middle of handshakes, rekeys and deletes while the owners of their sessions are killed.
"""200 clients, all strongSwan (20 charons of 10 connections), three nodes, one Redis. In each round the
clients all do something at once, and the node that owns many of their sessions is killed (-9) while
they do. An exchange counts as in flight when its request passed the router before the kill, no answer
had passed by then, its session's slot was the victim's, and another node gave the answer.

Judged from the capture at the router: every such exchange is answered by another node; all answers to
one request are byte-identical (finished requests are also sent again on purpose, to nodes that never
saw them); and no client begins anew: there are as many initiator SPIs as initiations.

Options: --rounds N, --seed N."""
import collections
import os
import random
import shutil
import socket
import struct
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
from lab import ike, proc, report                                      # noqa: E402
from lab.capture import Capture                                        # noqa: E402
from lab.charon import Charon                                          # noqa: E402
from lab.cluster import ANYCAST, INSIDE_NET, Cluster                    # noqa: E402
from lab.ikestra import ClusterNode                                    # noqa: E402
from lab.net import socket_in                                          # noqa: E402

CHARONS, PER_CHARON = 20, 10
PSK = "a key that two hundred clients share"
KINDS = ("IKE_AUTH", "rekey Child", "rekey IKE", "DELETE")
SETTLE_S = 25.0


class Client:
    """One connection of one charon."""

    def __init__(self, host, name):
        self.host, self.name = host, name
        self.op = None              # what it was told to do in this round
        self.initiations = 0
        self.before = None          # (ike SPIs, child SPIs) at the start of the round

    def state(self, sas):
        """(IKE SPI pairs, child SPI pairs) from a listing; only what is up."""
        mine = [s for s in sas if s["name"] == self.name]
        up = [s for s in mine if s["state"] == "ESTABLISHED"]
        children = [(c["spi-in"], c["spi-out"]) for s in up for c in s.get("child-sas", {}).values() if c["state"] == "INSTALLED"]
        return [(s["initiator-spi"], s["responder-spi"]) for s in up], children, len(mine)


class Host:
    """One charon in its own namespace, on its own link to the router."""

    def __init__(self, cluster, number):
        n = cluster.net
        self.number, self.dev = number, f"cl{number}"
        self.ns = n.ns(f"c{number}")
        n.link(self.ns, "eth0", cluster.router, self.dev)
        n.addr(self.ns, "eth0", f"10.12.{number}.2/24")
        n.addr(cluster.router, self.dev, f"10.12.{number}.1/24")
        n.route(self.ns, "default", "via", f"10.12.{number}.1")
        # Patient: retransmits often and long, so that nobody has to begin anew.
        self.charon = Charon(cluster.base, f"charon{number}", self.ns, settings={
            "retransmit_timeout": "0.5", "retransmit_base": "1.1", "retransmit_tries": "25",
            "retransmit_jitter": "20", "close_ike_on_child_failure": "no"}).start()
        self.charon.load_psk(PSK)
        self.clients = []
        for i in range(PER_CHARON):
            name = f"c{number}-{i}"
            self.charon.load_conn(name, {
                "version": 2, "local_addrs": ["%any"], "remote_addrs": [ANYCAST], "encap": "yes", "mobike": "no",
                "proposals": ["aes128gcm16-prfsha256-x25519"], "vips": ["0.0.0.0"], "keyingtries": 1,
                "rekey_time": "0", "reauth_time": "0", "unique": "never", "dpd_delay": "0",
                "local": {"auth": "psk", "id": f"{name}.test"}, "remote": {"auth": "psk", "id": "gw.test"},
                "children": {name: {"remote_ts": [INSIDE_NET], "esp_proposals": ["aes128gcm16"], "rekey_time": "0",
                                    "dpd_action": "none", "close_action": "none"}}})
            self.clients.append(Client(self, name))

    def sas(self):
        return self.charon.sas()


class Trial:
    def __init__(self, base, seed, build):
        self.random = random.Random(seed)
        self.cluster = Cluster(base, lb_binary=f"{build}/lb-helper/ikestra-lb")
        self.build = build
        self.counts = collections.Counter()
        self.resent = 0
        self.problems = []
        self.packets_done = 0

    def problem(self, text):
        if len(self.problems) < 40:
            print(f"    problem: {text}", flush=True)
        self.problems.append(text)

    def start(self):
        c = self.cluster
        c.redis.start()
        c.start_routing()
        psk = f"{c.base}/psk"
        with open(os.open(psk, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(PSK + "\n")
        conn = {"name": "rw", "psk_file": psk, "local": {"auth": "psk", "id": "gw.test"},
                "remote": {"auth": "psk", "id": "%any"}, "pools": ["v4"],
                "children": [{"name": "net", "local_ts": [INSIDE_NET]}]}
        self.nodes = [ClusterNode(c, i, f"{self.build}/node/ikestrad", connections=[conn]) for i in (1, 2, 3)]
        for n in self.nodes:
            n.start(wait=False)
            c.start_lb(n.i, n.control)
        for n in self.nodes:
            n.wait_ready(20)
        c.wait_routing()
        proc.wait_for("all announce", lambda: len(c.announcing()) == 3, 20)
        self.capture = Capture(c.router, "", keep=lambda d: ike.parse_udp(d) is not None)
        self.hosts = [Host(c, k) for k in range(CHARONS)]
        self.clients = [cl for h in self.hosts for cl in h.clients]
        self.by_name = {cl.name: cl for cl in self.clients}

    def listing(self):
        out = {}
        for h in self.hosts:
            sas = h.sas()
            for cl in h.clients:
                out[cl.name] = cl.state(sas)
        return out

    # --- one round ---

    def plan(self, states):
        """What each client does: those that are down connect; the others rekey or leave."""
        weights = {k: 1.0 / (5 + self.counts[k]) for k in KINDS[1:]}
        # Who leaves now connects in the next round: handshakes need leavers.
        weights["DELETE"] = max(weights["DELETE"], 1.0 / (5 + self.counts["IKE_AUTH"]))
        for cl in self.clients:
            ikes, children, _ = states[cl.name]
            cl.before = (ikes, children)
            if not ikes:
                cl.op = "IKE_AUTH"
            else:
                cl.op = self.random.choices(list(weights), list(weights.values()))[0]

    def perform(self, host, delay):
        time.sleep(delay)
        order = list(host.clients)
        for cl in order:
            try:
                v = host.charon.vici
                if cl.op == "IKE_AUTH":
                    cl.initiations += 1
                    host.charon.initiate_nowait(cl.name, cl.name)
                elif cl.op == "rekey Child":
                    v.call("rekey", {"child": cl.name, "ike": cl.name})
                elif cl.op == "rekey IKE":
                    v.call("rekey", {"ike": cl.name})
                elif cl.op == "DELETE":
                    v.call("terminate", {"ike": cl.name, "timeout": -1})
            except Exception as e:                      # noqa: BLE001: counted, the round goes on
                self.problem(f"{cl.name}: cannot begin {cl.op}: {e}")

    def slot_owners(self):
        owners = {}
        for n in self.nodes:
            for s in n.sessions():
                owners[s["slot"]] = n.i
        return owners

    def round(self, number):
        states = self.listing()
        self.plan(states)
        owners = self.slot_owners()
        self.spi_kind = {}
        for cl in self.clients:
            for pair in cl.before[0]:
                self.spi_kind[pair] = (cl, cl.op)
        held = collections.Counter(owners.values())
        victim = self.random.choice([n for n in self.nodes if held[n.i] >= max(held.values() or [0]) * 0.5]
                                    or self.nodes)
        started = time.time()
        threads = [threading.Thread(target=self.perform, args=(h, self.random.uniform(0, 0.05))) for h in self.hosts]
        for t in threads:
            t.start()
        # A random moment of the burst; in two of three rounds Redis stands still then, so that commits
        # are under way and undecided.
        time.sleep(self.random.uniform(0.03, 0.25))
        if number % 3:
            self.cluster.redis.call("CLIENT", "PAUSE", "60", "WRITE")
            time.sleep(self.random.uniform(0.005, 0.055))
        killed_at = time.time()
        victim.kill9()
        for t in threads:
            t.join(20)
        self.settle(number)
        self.judge(number, started, killed_at, victim.i, owners)
        self.resend_finished(killed_at)
        self.packets_done = len(self.capture.packets)
        victim.start()
        proc.wait_for(f"routes by {victim.name}", lambda: victim.i in self.cluster.announcing(), 20, step=0.1)

    def settle(self, number):
        """Until every client is where its operation leads."""
        end = time.monotonic() + SETTLE_S
        waiting = set(cl.name for cl in self.clients)
        states = {}
        while waiting and time.monotonic() < end:
            time.sleep(0.3)
            states = self.listing()
            for name in list(waiting):
                cl = self.by_name[name]
                ikes, children, total = states[name]
                done = {"IKE_AUTH": len(ikes) == 1 and len(children) == 1,
                        "rekey Child": len(ikes) == 1 and len(children) == 1 and children != cl.before[1],
                        "rekey IKE": len(ikes) == 1 and ikes != cl.before[0] and len(children) == 1,
                        "DELETE": total == 0}[cl.op]
                if done:
                    waiting.discard(name)
        for name in sorted(waiting):
            cl = self.by_name[name]
            self.problem(f"round {number}: {name}: {cl.op} not done after {SETTLE_S:.0f} s: {cl.before} -> {states.get(name)}")

    def judge(self, number, started, killed_at, victim, owners):
        """Counts what was in flight; waits until another node ended it (what follows a rekey, such as the
        delete of the old SA, ends after the clients are where they wanted)."""
        end = time.monotonic() + SETTLE_S
        while True:
            in_flight, open_ones = self.in_flight(started, killed_at, victim, owners)
            if not open_ones or time.monotonic() > end:
                break
            time.sleep(0.2)
        for kind, key in open_ones:
            self.problem(f"round {number}: {kind} {key} in flight at the kill was never answered")
        self.counts.update(in_flight)
        self.counts["kills"] += 1
        total = sum(self.counts[k] for k in self.counts if k != "kills")
        report.say(f"kill {number}: node{victim}, in flight "
                   + (", ".join(f"{v} {k}" for k, v in sorted(in_flight.items())) or "nothing") + f"; {total} in all")

    def in_flight(self, started, killed_at, victim, owners):
        """(count per kind of those that another node answered, [(kind, key)] of those still open)."""
        requests, answers = {}, collections.defaultdict(list)
        slots = dict(owners)
        for m in self.new_messages(started):
            from_client = m.packet.dev.startswith("cl") and not m.packet.out
            from_node = m.packet.dev.startswith("node") and not m.packet.out
            if from_node and m.response and m.exchange == "IKE_SA_INIT" and m.t < killed_at:
                slots[slot_of(m.spi_r)] = int(m.packet.dev[4:])
            key = (m.spi_i, m.spi_r, m.mid)
            if from_client and not m.response:
                requests.setdefault(key, m)
            elif from_node and m.response:
                answers[key].append((m.t, int(m.packet.dev[4:])))
        done, open_ones = collections.Counter(), []
        for key, m in requests.items():
            if m.exchange == "IKE_SA_INIT" or m.t >= killed_at:
                continue
            ours = m.spi_r if m.initiator else m.spi_i
            if slots.get(slot_of(ours)) != victim:
                continue
            got = answers.get(key, [])
            if any(t < killed_at for t, _ in got) or (got and got[0][1] == victim):
                continue
            if got:
                done[self.kind_of(m)] += 1
            else:
                open_ones.append((self.kind_of(m), key))
        return done, open_ones

    def kind_of(self, m):
        if m.exchange == "IKE_AUTH":
            return "IKE_AUTH"
        _, op = self.spi_kind.get((m.spi_i, m.spi_r), (None, None))
        if m.exchange == "CREATE_CHILD_SA":
            return op if op in ("rekey Child", "rekey IKE") else "other CREATE_CHILD_SA"
        # An INFORMATIONAL of a client that rekeys deletes what the rekey replaced.
        return "DELETE" if op == "DELETE" else "DELETE after a rekey"

    def new_messages(self, since):
        return [m for m in ike.messages(self.capture.packets[self.packets_done:]) if m.t >= since]

    def resend_finished(self, killed_at):
        """Sends finished requests again as the client's own datagrams; the answers land in the capture."""
        last = {}
        for m in self.new_messages(0):
            if m.packet.dev.startswith("cl") and not m.packet.out and not m.response \
                    and m.exchange in ("IKE_AUTH", "CREATE_CHILD_SA") and m.t < killed_at + 5:
                last.setdefault((m.spi_i, m.spi_r), {}).setdefault(m.mid, []).append(m)
        chosen = [(spis, max(by_mid)) for spis, by_mid in last.items()]
        self.random.shuffle(chosen)
        for spis, mid in chosen[:40]:
            fragments = {m.fragment: m for m in last[spis][mid]}
            host = self.hosts[int(next(iter(fragments.values())).packet.dev[2:])]
            s = socket_in(host.ns, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
            for m in fragments.values():
                # Captured before the device would have filled in the UDP checksum: none, then.
                data = bytearray(m.packet.data)
                h = (data[0] & 15) * 4
                data[h + 6:h + 8] = b"\0\0"
                s.sendto(bytes(data), (m.dst[0], 0))
            s.close()
            self.resent += 1
        time.sleep(0.3)

    # --- the end ---

    def identical(self):
        """(requests answered more than once, those with differing answers)."""
        answers = collections.defaultdict(lambda: collections.defaultdict(list))
        for m in ike.messages(self.capture.packets):
            if m.packet.dev.startswith("node") and not m.packet.out and m.response and m.exchange != "IKE_SA_INIT":
                answers[(m.spi_i, m.spi_r, m.mid, m.exchange)][(m.fragment, m.fragments)].append(m.data)
        repeated = differing = 0
        for key, fragments in answers.items():
            if any(len(v) > 1 for v in fragments.values()):
                repeated += 1
            totals = {total for _, total in fragments}
            if any(len(set(v)) > 1 for v in fragments.values()) or len(totals) > 1:
                differing += 1
                self.problem(f"answers to {key} differ")
        return repeated, differing

    def started_over(self):
        spis = collections.Counter()
        for m in ike.messages(self.capture.packets):
            if m.packet.dev.startswith("cl") and not m.packet.out and not m.response and m.exchange == "IKE_SA_INIT":
                spis[m.spi_i] += 1
        return len(spis), sum(cl.initiations for cl in self.clients)

    def close(self):
        for n in self.nodes:
            n.proc.kill() if n.alive() else None
        proc.stop_all()
        self.cluster.close()


def slot_of(spi_hex):
    """docs/formats: pop in the top 6 bits, slot in the next 12."""
    return struct.unpack("!Q", bytes.fromhex(spi_hex))[0] >> 46 & 0xFFF


def enough(counts):
    total = sum(v for k, v in counts.items() if k != "kills")
    if report.MODE != "full":
        return counts["kills"] >= 6
    return total >= 300 and all(counts[k] >= 50 for k in KINDS)


def main():
    args = sys.argv[1:]
    seed = int(args[args.index("--seed") + 1]) if "--seed" in args else int(time.time())
    limit = int(args[args.index("--rounds") + 1]) if "--rounds" in args else 120
    build = os.environ.get("IK_PROGRAMS") or os.path.join(report.BUILD, "release")
    if not os.environ.get("IK_PROGRAMS"):
        with open(os.path.join(report.logs(), "build.log"), "w") as f:
            f.write(proc.run("cmake", "--preset", "release", "-S", report.ROOT, "-B", build, timeout=120))
            f.write(proc.run("ninja", "-C", build, "ikestrad", "ikestra-lb", timeout=1200))
    base = tempfile.mkdtemp(prefix="ikme-")
    report.say(f"seed {seed}: {CHARONS * PER_CHARON} clients of {CHARONS} charons")
    trial = Trial(base, seed, build)
    end = time.monotonic() + (1500 if report.MODE == "full" else 240)
    try:
        trial.start()
        number = 0
        while number < limit and not enough(trial.counts) and time.monotonic() < end:
            number += 1
            trial.round(number)
            if len(trial.problems) > 30:
                break
        time.sleep(0.5)
        trial.capture.stop()
        repeated, differing = trial.identical()
        spis, initiations = trial.started_over()
        for kind in KINDS + tuple(sorted(set(trial.counts) - set(KINDS) - {"kills"})):
            print(f"  {kind:<24} {trial.counts[kind]:>5} in flight at a kill of their owner")
        unanswered = [p for p in trial.problems if "never answered" in p]
        undone = [p for p in trial.problems if "not done" in p or "cannot begin" in p]
        total = sum(v for k, v in trial.counts.items() if k != "kills")
        if report.MODE == "full":
            report.check(total >= 300, f"{total} exchanges in flight at {trial.counts['kills']} kills (300 wanted)")
            for k in KINDS:
                report.check(trial.counts[k] >= 50, f"{trial.counts[k]} of kind {k} (50 wanted)")
        else:
            report.check(total >= 20, f"{total} exchanges in flight at {trial.counts['kills']} kills (20 wanted)")
        report.check(not unanswered, f"every exchange in flight was answered by another node ({len(unanswered)} were not)")
        report.check(not undone, f"every client got where it wanted ({len(undone)} did not)")
        report.check(repeated >= 10 and differing == 0,
                     f"{repeated} requests answered more than once ({trial.resent} sent again on purpose), {differing} with differing answers")
        report.check(spis <= initiations, f"nobody began anew: {spis} initiator SPIs for {initiations} initiations")
        if trial.problems:
            trial.capture.write_pcap(os.path.join(report.logs(), "router.pcap"))
    finally:
        trial.close()
        if report._counts["failed"] or trial.problems:
            for n in getattr(trial, "nodes", []):
                if os.path.exists(n.log_path):
                    shutil.copy(n.log_path, os.path.join(report.logs(), f"{n.name}.log"))
            for h in getattr(trial, "hosts", []):
                if os.path.exists(h.charon.log_path):
                    shutil.copy(h.charon.log_path, os.path.join(report.logs(), f"charon{h.number}.log"))
        shutil.rmtree(base, ignore_errors=True)


if __name__ == "__main__":
    report.main(main)
