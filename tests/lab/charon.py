"""strongSwan's charon in a namespace, several side by side, with userspace ESP (kernel-libipsec).

Each has a directory that becomes its /run in a private mount namespace: pid file and vici socket
live there and are reachable from outside. kernel-libipsec does ESP in UDP only, and hangs without a
word when charon.threads is too small (8)."""
import os

from . import vici
from .proc import kill9, run, start, stop, wait_for, LabError

PLUGINS = ("random nonce drbg aes aesni sha1 sha2 hmac kdf gcm ctr ccm cmac chapoly curve25519 gmp openssl "
           "mgf1 pem pkcs1 pkcs8 pubkey x509 constraints revocation kernel-libipsec kernel-netlink "
           "socket-default vici")


def _text(d, depth=0):
    """strongswan.conf and swanctl.conf from nested dicts, one setting per line."""
    pad = "  " * depth
    out = ""
    for k, v in d.items():
        if isinstance(v, dict):
            out += f"{pad}{k} {{\n{_text(v, depth + 1)}{pad}}}\n"
        elif v is not None:
            out += f"{pad}{k} = {v}\n"
    return out


class Charon:
    def __init__(self, base, name, ns, settings=None, plugins=None, load=PLUGINS, env=None, level=1):
        self.name, self.ns, self.level = name, ns, level
        self.dir = os.path.join(base, name)
        self.settings = settings or {}
        self.plugins = plugins or {}
        self.load = load
        self.env = env or {}
        self.proc = None
        self.vici = None
        self.events = None

    @property
    def log_path(self):
        return f"{self.dir}/log"

    @property
    def socket(self):
        return f"{self.dir}/run/charon.vici"

    def start(self):
        os.makedirs(f"{self.dir}/run", exist_ok=True)
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        conf = {"charon": {
            "load": self.load,
            "threads": 24,
            "install_virtual_ip": "yes",
            # Half-open limits would bring cookies and drops when hundreds connect at once.
            "dos_protection": "no",
            "block_threshold": 0,
            "filelog": {"f": {"path": self.log_path, "default": self.level, "time_format": "%H:%M:%S",
                              "time_add_ms": "yes", "flush_line": "yes", "append": "yes"}},
            "plugins": self.plugins,
        }}
        conf["charon"].update(self.settings)
        with open(f"{self.dir}/strongswan.conf", "w") as f:
            f.write(_text(conf))
        env = dict(os.environ, STRONGSWAN_CONF=f"{self.dir}/strongswan.conf", **self.env)
        self.proc = start(["ip", "netns", "exec", self.ns, "unshare", "-m", "sh", "-c",
                           f"mount --bind {self.dir}/run /run && exec charon-systemd"],
                          f"{self.dir}/out", env=env)
        self.vici = wait_for(f"{self.name}: vici", self._connect, 20)
        self.events = vici.Events(self.socket, "ike-updown", "child-updown", "ike-rekey", "child-rekey")
        return self

    def _connect(self):
        if self.proc.poll() is not None:
            raise LabError(f"{self.name}: charon ended: {self.tail()}")
        try:
            return vici.Vici(self.socket)
        except OSError:
            return None

    def tail(self, lines=15):
        text = ""
        for f in (f"{self.dir}/out", self.log_path):
            if os.path.exists(f):
                text += run("tail", "-n", str(lines), f)
        return text

    def load_key(self, kind, path):
        with open(path, "rb") as f:
            self.vici.call("load-key", {"type": kind, "data": f.read()})

    def load_cert(self, path, ca=False):
        with open(path, "rb") as f:
            self.vici.call("load-cert", {"type": "X509", "flag": "CA" if ca else "NONE", "data": f.read()})

    def load_psk(self, secret, *owners):
        self.vici.call("load-shared", {"type": "IKE", "data": secret, "owners": list(owners)})

    def load_pool(self, name, addrs, **attributes):
        self.vici.call("load-pool", {name: dict({"addrs": addrs}, **attributes)})

    def load_conn(self, name, conn):
        self.vici.call("load-conn", {name: conn})

    def initiate(self, child, ike=None, timeout_ms=10000):
        args = {"child": child, "timeout": timeout_ms, "init-limits": "no"}
        if ike:
            args["ike"] = ike
        self.vici.call("initiate", args, stream="control-log")

    def initiate_nowait(self, child, ike=None):
        args = {"child": child, "timeout": -1, "init-limits": "no"}
        if ike:
            args["ike"] = ike
        self.vici.call("initiate", args)

    def sas(self, name=None):
        """List of IKE SAs as dicts ("name" added); child-sas inside."""
        out = []
        for e in self.vici.call("list-sas", {}, stream="list-sa"):
            for k, v in e.items():
                if name is None or k == name:
                    out.append(dict(v, name=k))
        return out

    def spis(self, name=None):
        """(sorted IKE SPI pairs, sorted installed Child SPI pairs)."""
        ike, child = [], []
        for sa in self.sas(name):
            ike.append((sa["initiator-spi"], sa["responder-spi"]))
            for c in sa.get("child-sas", {}).values():
                if c.get("state") in ("INSTALLED", "REKEYING", "REKEYED"):
                    child.append((c.get("spi-in"), c.get("spi-out")))
        return sorted(ike), sorted(child)

    def reload_events(self):
        """Events so far, counted: how often an IKE SA came up, and so on."""
        up = sum(1 for n, m in self.events.log if n == "ike-updown" and m.get("up") == "yes")
        down = sum(1 for n, m in self.events.log if n == "ike-updown" and m.get("up") != "yes")
        return {"ike_up": up, "ike_down": down,
                "child_rekey": sum(1 for n, _ in self.events.log if n == "child-rekey"),
                "ike_rekey": sum(1 for n, _ in self.events.log if n == "ike-rekey")}

    def log(self):
        try:
            with open(self.log_path, errors="replace") as f:
                return f.read()
        except OSError:
            return ""

    def kill9(self):
        kill9(self.proc)

    def stop(self):
        if self.events:
            self.events.close()
        stop(self.proc)
