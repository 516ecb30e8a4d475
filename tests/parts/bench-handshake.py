#!/usr/bin/env python3
# responder CPU and memory per handshake: ours with its Redis commits, the crypto floor, charon
"""Options: --handshakes N (2500 per run), --rounds N (2), --only ours|charon, --auth psk|ecdsa-p256,
--bins BUILD-TREE, --load 'WORD...' (more for ike-load).

Responders run one after the other in one namespace, ike-load in another, alternating; each figure is
the median over the rounds. charon has no HA, a tuned table, and a kernel that only says yes
(tests/bench/xfrm_shim.c), as in its own load tester. Memory is the growth of the resident set over
all sessions of a run."""
import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from bench import redis_commits                                        # noqa: E402
from lab import proc, report                                           # noqa: E402
from lab.charon import Charon                                          # noqa: E402
from lab.ikestra import Ikestrad                                       # noqa: E402
from lab.net import Net                                                # noqa: E402
from lab.pki import Ca                                                 # noqa: E402
from lab.redis import Redis                                            # noqa: E402

GW, CLIENT, SUITE = "10.66.0.2", "10.66.0.1", "aes128gcm16-prfsha256-x25519"
PSK = "3b1fd0d0c53e7be3a3e6a5a8f9c2bc1e8c7f3a77"
CHARON_PLUGINS = ("random nonce openssl kdf pem pkcs1 pkcs8 pubkey x509 constraints kernel-netlink "
                  "socket-default vici")
RATIO, BYTES = 0.7, 6144


def build():
    d = os.path.join(report.BUILD, "release")
    proc.run("cmake", "--preset", "release", "-B", d, "-S", report.ROOT, "-DIKESTRA_TESTS=ON", timeout=120)
    proc.run("ninja", "-C", d, "ikestrad", "ike-load", "floor_hs", "xfrm_shim", timeout=900)
    return d


class Bench:
    def __init__(self, bins, handshakes):
        self.bins, self.n = bins, handshakes
        self.base = tempfile.mkdtemp(prefix="ikb")
        self.net = Net("bh")
        self.gw, self.client = self.net.ns("gw"), self.net.ns("cl")
        self.net.link(self.gw, "eth0", self.client, "eth0")
        self.net.addr(self.gw, "eth0", f"{GW}/24")
        self.net.addr(self.client, "eth0", f"{CLIENT}/24")
        self.ca = Ca(f"{self.base}/pki")
        for name in ("gw.test", "c0.test"):
            self.ca.issue(name)
        self.psk = f"{self.base}/psk"
        with open(os.open(self.psk, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(PSK + "\n")
        self.key = f"{self.base}/cluster.key"
        with open(os.open(self.key, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
            f.write(f"1 {os.urandom(32).hex()} active\n")
        self.count = 0
        self.extra = []

    def load(self, auth, pid):
        args = (["--auth", "psk", "--psk-file", self.psk, "--id-template", "c%d.test"] if auth == "psk" else
                ["--auth", "cert", "--cert", self.ca.path("c0.test.crt"), "--key", self.ca.path("c0.test.key"),
                 "--ca", self.ca.cert, "--id-template", "c0.test", "--identities", "1"])
        out = self.net.exec(self.client, "taskset", "-c", "1", f"{self.bins}/tests/load/ike-load",
                            "--responder", GW, "--local", CLIENT, "--remote-id", "gw.test", "--vip", "--sessions",
                            str(self.n), "--concurrency", "64", "--limit", "120", "--suite", SUITE, "--pid", str(pid), "--json", *args, *self.extra,
                            check=False, timeout=180)
        try:
            return json.loads(out.strip().splitlines()[-1])
        except (ValueError, IndexError):
            raise proc.LabError(f"ike-load: {out[-800:]}") from None

    def pin(self, pid):
        proc.run("taskset", "-a", "-p", "-c", "0", str(pid))

    def ours(self, auth):
        self.count += 1
        redis = Redis(self.base, self.gw, name=f"redis{self.count}").start()
        local = {"auth": "psk", "id": "gw.test"}
        remote = {"auth": "psk", "id": "%any"}
        conn = {"name": "rw", "local": local, "remote": remote, "pools": ["v4"], "ike": [SUITE],
                "children": [{"name": "net", "local_ts": ["0.0.0.0/0"], "esp": ["aes128gcm16"]}]}
        if auth == "psk":
            conn["psk_file"] = self.psk
        else:
            local.update(auth="cert", cert_file=self.ca.path("gw.test.crt"), key_file=self.ca.path("gw.test.key"))
            remote.update(auth="cert", ca_files=[self.ca.cert])
        config = {"node": {"id": 1, "name": "n1", "state_file": f"{self.base}/state{self.count}"},
                  "cluster": {"listen": "127.0.0.1:4600", "peers": [], "key_file": self.key},
                  "store": {"redis": {"unix": redis.unix}}, "listen": ["0.0.0.0"],
                  "log": {"level": "error"},
                  "timers": {"cookie_threshold": 100000, "half_open_per_prefix": 100000},
                  "pools": [{"name": "v4", "prefix": "10.96.0.0/12"}], "connections": [conn]}
        d = Ikestrad(self.base, f"ours{self.count}", self.gw, config, f"{self.bins}/node/ikestrad")
        try:
            d.start(timeout=30)
            self.pin(d.proc.pid)
            before = redis_commits.counts(redis)
            r = self.load(auth, d.proc.pid)
            r["commits"] = redis_commits.per(redis_commits.counts(redis), before, r["up"])
            return r
        except proc.LabError as e:
            raise proc.LabError(f"{e}; log: {d.tail()}") from None
        finally:
            d.stop()
            redis.stop()

    def charon(self, auth):
        self.count += 1
        c = Charon(self.base, f"charon{self.count}", self.gw, load=CHARON_PLUGINS, level=-1,
                   settings={"threads": 16, "journal": {"default": -1}, "ikesa_table_size": 65536, "ikesa_table_segments": 64,
                             "install_routes": "no", "reuse_ikesa": "no", "install_virtual_ip": "no"},
                   env={"LD_PRELOAD": f"{self.bins}/tests/bench/libxfrm_shim.so"})
        try:
            c.start()
            c.load_pool("v4", "10.96.0.0/12")
            side = {"auth": "psk", "id": "gw.test"}
            peer = {"auth": "psk", "id": "%any"}
            if auth == "psk":
                c.load_psk(PSK)
            else:
                c.load_cert(self.ca.cert, ca=True)
                c.load_key("ecdsa", self.ca.path("gw.test.key"))
                with open(self.ca.path("gw.test.crt"), "rb") as f:
                    side = {"auth": "pubkey", "id": "gw.test", "certs": [f.read()]}
                peer = {"auth": "pubkey", "id": "%any"}
            c.load_conn("rw", {"version": "2", "proposals": [SUITE], "local_addrs": [GW], "unique": "never",
                               "pools": ["v4"], "rekey_time": "0", "local": side, "remote": peer,
                               "children": {"net": {"esp_proposals": ["aes128gcm16"], "rekey_time": "0",
                                                    "local_ts": ["0.0.0.0/0"], "policies": "yes"}}})
            self.pin(c.proc.pid)
            return self.load(auth, c.proc.pid)
        except proc.LabError as e:
            raise proc.LabError(f"{e}; log: {c.tail()}") from None
        finally:
            c.stop()

    def floor(self, auth):
        # All sessions of a run show the same certificate, and both responders remember its chain.
        auth += "-cached" if auth == "ecdsa-p256" else ""
        out = proc.run("taskset", "-c", "0", f"{self.bins}/tests/bench/floor_hs", auth, str(self.n), timeout=120)
        return json.loads(out.strip().splitlines()[-1])["us_per_handshake"]

    def close(self):
        self.net.close()
        shutil.rmtree(self.base, ignore_errors=True)


def median(rows, key):
    return round(statistics.median(r[key] for r in rows), 1) if rows else None


def one_case(b, auth, rounds, only):
    ours, charon, floor = [], [], []
    for _ in range(rounds):
        if only != "charon":
            ours.append(b.ours(auth))
            floor.append(b.floor(auth))
        if only != "ours":
            charon.append(b.charon(auth))
    for name, rows in (("ours", ours), ("charon", charon)):
        for r in rows:
            report.say(f"{auth} {name}: {r['up']} up, {r['failed']} failed, {r['retransmits']} retransmitted, "
                       f"{r['per_s']} a second, p50 {r['p50_ms']} ms, p99 {r['p99_ms']} ms, "
                       f"{r['responder_us']} us, {r['responder_bytes_per_session']} octets; then {r['dpd']} probes, "
                       f"rekeys {r['rekeys_ike']} IKE {r['rekeys_child']} Child, {r['down']} ended")
    line = {"auth": auth, "handshakes": sum(r["up"] for r in ours) or sum(r["up"] for r in charon),
            "redis_commits_per_handshake": round(min((r["commits"] for r in ours), default=0), 3),
            "ours_us": median(ours, "responder_us"), "floor_us": round(statistics.median(floor), 1) if floor else None,
            "charon_us": median(charon, "responder_us"),
            "ours_bytes_per_session": median(ours, "responder_bytes_per_session"),
            "charon_bytes_per_session": median(charon, "responder_bytes_per_session")}
    print(json.dumps(line), flush=True)
    if only:
        report.skip(f"{auth}: one side only, nothing is compared")
        return
    report.check(line["handshakes"] >= 2000 and all(r["failed"] == 0 for r in ours + charon),
                 f"{auth}: {line['handshakes']} handshakes, none failed on either side")
    report.check(line["redis_commits_per_handshake"] >= 2, f"{auth}: at least two commits each")
    report.check(line["ours_us"] <= RATIO * line["charon_us"],
                 f"{auth}: CPU {line['ours_us'] / line['charon_us']:.2f} of charon's (at most {RATIO}), "
                 f"{line['ours_us'] / line['floor_us']:.2f} x the floor")
    report.check(line["ours_bytes_per_session"] <= BYTES,
                 f"{auth}: {line['ours_bytes_per_session']:.0f} octets a session (at most {BYTES})")


def bench():
    p = argparse.ArgumentParser()
    p.add_argument("--handshakes", type=int, default=2500)
    p.add_argument("--rounds", type=int, default=2)
    p.add_argument("--only", choices=["ours", "charon"])
    p.add_argument("--auth", choices=["psk", "ecdsa-p256"])
    p.add_argument("--bins")
    p.add_argument("--load", default="", help="more words for ike-load")
    a = p.parse_args()
    b = Bench(a.bins or build(), a.handshakes)
    b.extra = a.load.split()
    try:
        for auth in [a.auth] if a.auth else ["psk", "ecdsa-p256"]:
            one_case(b, auth, a.rounds, a.only)
    finally:
        b.close()


report.main(bench)
