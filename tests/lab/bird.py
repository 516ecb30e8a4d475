"""BIRD in a namespace, for nodes (announcing) and routers (multipath). Configurations as in deploy/bird."""
import os
import re

from .proc import run, start, stop, wait_for

BFD = """protocol bfd {
  interface "*" {
    interval 100 ms;
    idle tx interval 300 ms;
    multiplier 4;
  };
}
"""


class Bird:
    def __init__(self, base, name, ns, conf):
        self.dir = os.path.join(base, name)
        self.name, self.ns, self.conf = name, ns, conf
        self.socket = f"{self.dir}/bird.ctl"
        self.proc = None

    def start(self):
        os.makedirs(self.dir, exist_ok=True)
        with open(f"{self.dir}/bird.conf", "w") as f:
            f.write(self.conf)
        self.proc = start(["bird", "-f", "-c", f"{self.dir}/bird.conf", "-s", self.socket,
                           "-P", f"{self.dir}/bird.pid"], f"{self.dir}/out", ns=self.ns)
        wait_for(f"{self.name}: BIRD's socket", lambda: os.path.exists(self.socket), 10)
        return self

    def ask(self, *words):
        return run("birdc", "-r", "-s", self.socket, *words, check=False)

    def established(self):
        """Names of the BGP sessions that are up."""
        return re.findall(r"^(\S+)\s+BGP\s+\S+\s+up\s.*Established", self.ask("show", "protocols"), re.M)

    def stop(self):
        stop(self.proc)


def router_conf(router_id, local_as, neighbors, source=None):
    """Learns from every neighbor [(name, address, as)], installs equal paths together."""
    conf = f"""log stderr all;
router id {router_id};
protocol device {{ scan time 10; }}
{BFD}
protocol kernel kernel4 {{
  merge paths on limit 16;
  ipv4 {{ import none; export where source = RTS_BGP; }};
}}
protocol kernel kernel6 {{
  merge paths on limit 16;
  ipv6 {{ import none; export where source = RTS_BGP; }};
}}
"""
    for name, address, asn in neighbors:
        conf += f"""protocol bgp {name} {{
  local as {local_as};
  neighbor {address} as {asn};
  connect delay time 1;
  connect retry time 1;
  error wait time 1, 2;
  bfd on;
  ipv4 {{ import all; export none; }};
}}
"""
    return conf


def node_conf(router_id, asn, outside, inside, anycast, pools):
    """Two static protocols, off until ikestra-lb enables them: the anycast address towards the
    outside router (address, as), the pools towards the inside one."""
    conf = f"""log stderr all;
router id {router_id};
protocol device {{ scan time 10; }}
{BFD}
protocol static anycast4 {{
  disabled;
  ipv4;
  route {anycast}/32 blackhole;
}}
protocol static pools4 {{
  disabled;
  ipv4;
"""
    for p in pools:
        conf += f"  route {p} blackhole;\n"
    conf += "}\n"
    for name, (address, peer_as), what in (("outside", outside, "anycast4"), ("inside", inside, "pools4")):
        conf += f"""protocol bgp {name} {{
  local as {asn};
  neighbor {address} as {peer_as};
  connect delay time 1;
  connect retry time 1;
  error wait time 1, 2;
  bfd on;
  ipv4 {{ import none; export where proto = "{what}"; }};
}}
"""
    return conf
