"""ikestrad in a namespace, and questions to its control socket (docs/cli.md)."""
import json
import os
import socket

from .cluster import ANYCAST, CLUSTER_NET, INSIDE_NET, POOL, REDIS_ADDR
from .proc import kill9, start, stop, wait_for, LabError


class ControlError(Exception):
    """The daemon refused; .code is its stable word."""

    def __init__(self, code, message):
        super().__init__(f"{code}: {message}")
        self.code = code


def ask(path, cmd, timeout=35, **members):
    """One request, one answer, over the control socket."""
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(timeout)
    try:
        s.connect(path)
        s.sendall(json.dumps(dict(members, cmd=cmd)).encode() + b"\n")
        line = s.makefile("rb").readline()
    finally:
        s.close()
    if not line:
        raise OSError("the daemon closed the control socket")
    answer = json.loads(line)
    if not answer.get("ok"):
        raise ControlError(answer.get("error"), answer.get("message"))
    return answer


class Ikestrad:
    """One daemon with the given configuration (a dict); files of the base directory by name."""

    def __init__(self, base, name, ns, config, binary, env=None):
        self.dir = os.path.join(base, name)
        self.name, self.ns, self.binary = name, ns, binary
        self.env = env
        self.control = f"{self.dir}/control.sock"
        self.config = dict(config)
        self.config.setdefault("control", {"socket": self.control})
        self.proc = None
        os.makedirs(self.dir, exist_ok=True)

    @property
    def log_path(self):
        return f"{self.dir}/log"

    def write_config(self):
        path = f"{self.dir}/ikestra.json"
        with open(path, "w") as f:
            json.dump(self.config, f, indent=2)
        return path

    def start(self, wait=True, timeout=15):
        env = dict(os.environ, **self.env) if self.env else None
        self.proc = start([self.binary, "--config", self.write_config()], self.log_path, ns=self.ns, env=env)
        if wait:
            self.wait_ready(timeout)
        return self

    def wait_ready(self, timeout=15):
        try:
            wait_for(f"{self.name} ready", self._ready_or_dead, timeout)
        except LabError as e:
            raise LabError(f"{e}; its log ends: {self.tail()}") from None

    def _ready_or_dead(self):
        if self.proc.poll() is not None:
            raise LabError(f"{self.name} ended with status {self.proc.returncode}")
        return self.ready()

    def alive(self):
        return self.proc is not None and self.proc.poll() is None

    def ready(self):
        if not self.alive():
            return False
        try:
            return ask(self.control, "ready", timeout=3).get("ready") is True
        except (OSError, ControlError, ValueError):
            return False

    def ask(self, cmd, **members):
        return ask(self.control, cmd, **members)

    def sessions(self):
        """Sessions that this node holds; [] when it does not answer."""
        if not self.alive():
            return []
        try:
            return ask(self.control, "list", timeout=3).get("sessions", [])
        except (OSError, ControlError, ValueError):
            return []

    def tail(self, lines=12):
        try:
            with open(self.log_path, errors="replace") as f:
                return "".join(f.readlines()[-lines:])
        except OSError:
            return ""

    def kill9(self):
        kill9(self.proc)

    def stop(self, grace=6):
        stop(self.proc, grace)


class ClusterNode(Ikestrad):
    """Node i of a cluster.Cluster."""

    def __init__(self, cluster, i, binary, connections=None, **overrides):
        self.i = i
        ids = range(1, cluster.count + 1)
        key = f"{cluster.base}/cluster.key"
        if not os.path.exists(key):
            with open(os.open(key, os.O_WRONLY | os.O_CREAT, 0o600), "w") as f:
                f.write(f"1 {os.urandom(32).hex()} active\n")
        config = {
            "node": {"id": i, "name": f"node{i}", "state_file": f"{cluster.base}/node{i}.state"},
            "cluster": {"listen": f"{CLUSTER_NET}.{i}:4600", "key_file": key,
                        "peers": [{"id": j, "name": f"node{j}", "address": f"{CLUSTER_NET}.{j}:4600"}
                                  for j in ids if j != i]},
            "store": {"redis": {"host": REDIS_ADDR, "port": 6379}},
            "pools": [{"name": "v4", "prefix": POOL}],
            "connections": connections or [roadwarrior(cluster.ca)],
        }
        for k, v in overrides.items():
            config[k] = dict(config.get(k, {}), **v) if isinstance(v, dict) else v
        super().__init__(cluster.base, f"node{i}", cluster.node_ns[i], config, binary)

    def sessions(self):
        return [s for s in super().sessions() if s.get("owner", self.i) == self.i]


def roadwarrior(ca):
    return {
        "name": "rw",
        "local": {"auth": "cert", "id": "gw.test", "cert_file": ca.path("gw.test.crt"),
                  "key_file": ca.path("gw.test.key")},
        "remote": {"auth": "cert", "id": "%any", "ca_files": [ca.cert]},
        "pools": ["v4"],
        "children": [{"name": "net", "local_ts": [INSIDE_NET]}],
    }
