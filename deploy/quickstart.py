"""The scenario of quickstart.sh. Started by it; needs root and a finished build.

The killing is told to nobody. The outside router and the inside host lose the dead node's routes
because ikestra-lb, beside each daemon, sees its daemon's socket close and has BIRD withdraw them.
SPIs and re-authentications are read from the client, outages from packets at the client."""
import argparse
import json
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tests"))
from lab import proc                                        # noqa: E402
from lab.cluster import ANYCAST, INSIDE, Cluster, Pinger     # noqa: E402
from lab.ikestra import ClusterNode                          # noqa: E402

LIMIT_MS = 500

PICTURE = r"""
  strongSwan                                     +--> node1 --+
  client ------ NAT ------ router ---------------+--> node2 --+---- inside host
  {vip:<16}       (ECMP) {anycast:<14} +--> node3 --+     {inside}
                                                        |
                                                      Redis
"""


def step(text):
    print(text, flush=True)


def owner_of(nodes):
    """The one living node that serves the client's session; None while that is not so."""
    holders = [n for n in nodes if any(s.get("state") == "established" for s in n.sessions())]
    return holders[0] if len(holders) == 1 else None


def wait_owner(nodes, limit=20.0):
    """The owner, once it has been the same one for a moment (a handover may be under way)."""
    end = time.monotonic() + limit
    last, since = None, 0.0
    while time.monotonic() < end:
        now = owner_of(nodes)
        if now is None or now is not last:
            last, since = now, time.monotonic()
        elif time.monotonic() - since >= 0.4:
            return now
        time.sleep(0.05)
    raise proc.LabError("no node, or more than one, says that it serves the session")


def kill_once(cluster, nodes, client, pinger, number, down):
    owner = wait_owner(nodes)
    before, ups = client.known          # as of the kill before: what changes in between counts too
    killed_at = time.time()
    owner.kill9()
    # Long enough to see it settle; at most ten seconds where it does not come back.
    end = time.monotonic() + 10.0
    while time.monotonic() < end and not (time.time() - killed_at > 1.2 and
                                          pinger.replies_after(time.time() - 0.3) >= 10):
        time.sleep(0.05)
    until = time.time()
    after = client.spis("vpn")
    outage, lost = pinger.outage(killed_at, until)
    kill = {
        "outage_ms": round(outage, 1),
        "lost_packets": lost,
        "ike_spi_changed": after[0] != before[0],
        "child_spi_changed": after[1] != before[1],
        "reauthentications": client.reload_events()["ike_up"] - ups,
    }
    client.known = after, client.reload_events()["ike_up"]
    try:
        now = f"now served by {wait_owner(nodes).name}"
    except proc.LabError:
        now = "now served by nobody"
    bar = "#" * min(40, max(1, int(outage / 12.5)))
    verdict = "same SPIs, no new login" if unharmed(kill) else "THE SESSION WAS HARMED"
    step(f"  {number:>2}. kill -9 {owner.name}  outage {outage:6.0f} ms  {lost:3d} packets  {bar}\n"
         f"      {verdict}, {now}")
    if not unharmed(kill):
        step(f"      before {before} after {after}")
    # The one that died before it comes back, not this one: the next kill takes the next owner.
    if down is not None:
        down.start()
        proc.wait_for(f"routes by {down.name}", lambda: down.i in cluster.announcing(), 15, step=0.1)
    return kill, owner


def unharmed(kill):
    return not (kill["ike_spi_changed"] or kill["child_spi_changed"] or kill["reauthentications"])


def scenario(args, base):
    started = time.monotonic()
    step("making a small internet: a client behind a NAT, a router, three nodes, an inside host")
    cluster = Cluster(base, lb_binary=f"{args.build}/lb-helper/ikestra-lb")
    try:
        cluster.redis.start()
        cluster.start_routing()
        nodes = [ClusterNode(cluster, i, f"{args.build}/node/ikestrad") for i in (1, 2, 3)]
        for n in nodes:
            n.start(wait=False)
            cluster.start_lb(n.i, n.control)
        for n in nodes:
            n.wait_ready(20)
        cluster.wait_routing()
        proc.wait_for("the anycast address announced by all nodes",
                      lambda: len(cluster.announcing()) == 3 and len(cluster.announcing_inside()) == 3, 20)
        client = cluster.client_charon()
        client.initiate("net")
        client.known = client.spis("vpn"), client.reload_events()["ike_up"]
        sa = client.sas("vpn")[0]
        vip = sa["local-vips"][0]
        step(PICTURE.format(vip=vip, anycast=ANYCAST, inside=INSIDE))
        step(f"the client logged in once, with an ECDSA certificate, and has the address {vip}")
        step(f"  IKE SPIs {sa['initiator-spi']} {sa['responder-spi']}")
        pinger = Pinger(cluster, vip)
        proc.wait_for("the first echo reply through the tunnel", lambda: pinger.replies_after(0) > 20, 10)
        step(f"it pings {INSIDE} every 10 ms; now the node that serves it dies, again and again\n")
        kills, down = [], None
        for number in range(1, args.kills + 1):
            time.sleep(0.3)
            kill, down = kill_once(cluster, nodes, client, pinger, number, down)
            kills.append(kill)
        final = client.sas("vpn")
        about = {"name": "strongSwan charon with kernel-libipsec", "version": client.vici.call("version").get("version"),
                 "authentication": "ecdsa-p256 certificate", "virtual_ip": vip, "nat": True,
                 "ping_interval_ms": 10, "ike_spis": [sa["initiator-spi"], sa["responder-spi"]],
                 "established_s": int(final[0]["established"]) if final else None,
                 "ike_updown_events": client.reload_events()}
        pinger.stop()
        if args.keep_logs:
            pinger.capture.write_pcap(f"{base}/ping.pcap")
        client.stop()
        for n in nodes:
            n.stop()
        return {"client": about, "kills": kills}, time.monotonic() - started
    finally:
        proc.stop_all()
        cluster.close()


def verdict(result, took):
    kills = result["kills"]
    median = statistics.median(k["outage_ms"] for k in kills)
    harmed = [i + 1 for i, k in enumerate(kills) if not unharmed(k)]
    step("")
    step(f"{len(kills)} kills in {took:.0f} s: median outage {median:.0f} ms "
         f"(best {min(k['outage_ms'] for k in kills):.0f}, worst {max(k['outage_ms'] for k in kills):.0f})")
    if harmed:
        step(f"the client noticed at kill {', '.join(map(str, harmed))}: this must not happen")
    else:
        step("the client never noticed: same IKE and Child SPIs, one login in all")
    if median >= LIMIT_MS:
        step(f"the median is not below {LIMIT_MS} ms")
    return not harmed and median < LIMIT_MS


def main():
    p = argparse.ArgumentParser(prog="deploy/quickstart.sh")
    p.add_argument("--json", metavar="FILE", help="write the figures there")
    p.add_argument("--kills", type=int, default=10)
    p.add_argument("--keep-logs", metavar="DIR", help="keep all logs there (they are kept on failure too)")
    p.add_argument("--build", required=True, help=argparse.SUPPRESS)
    args = p.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    base = args.keep_logs or tempfile.mkdtemp(prefix="ikestra-")
    os.makedirs(base, exist_ok=True)
    good = False
    try:
        result, took = scenario(args, os.path.abspath(base))
        if args.json:
            with open(args.json, "w") as f:
                json.dump(result, f, indent=2)
                f.write("\n")
        good = verdict(result, took)
    except (proc.LabError, OSError, RuntimeError, Exception) as e:      # noqa: BLE001: one line for people
        step(f"\nquickstart: {type(e).__name__}: {e}")
    finally:
        if good and not args.keep_logs:
            shutil.rmtree(base, ignore_errors=True)
        else:
            step(f"logs are in {base}")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
