#!/usr/bin/env python3
# What the daemon says when it is given something wrong: one line that says what to do.
"""The words of each configuration error are in tests/unit/config; every parser with all truncations
is in the unit tests, which run here too. This part shows the program: its exit status, its one line,
and that it goes on where it must."""
import json
import os
import shutil
import socket
import stat
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
from lab import proc, report                        # noqa: E402
from lab.ikestra import Ikestrad                    # noqa: E402
from lab.net import Net, entered, socket_in         # noqa: E402
from lab.redis import Redis                         # noqa: E402

BIN = f"{report.BUILD}/release/node/ikestrad"
CLI = f"{report.BUILD}/release/node/cli/ikestra"
PARSER_TESTS = ["unit_wire", "unit_record", "unit_seal", "unit_config", "unit_control", "unit_store", "unit_lb"]


def build():
    log = os.path.join(report.logs(), "build.log")
    d = f"{report.BUILD}/release"
    with open(log, "w") as f:
        f.write(proc.run("cmake", "--preset", "release", "-S", report.ROOT, "-B", d, timeout=120))
        f.write(proc.run("ninja", "-C", d, "ikestrad", "ikestra", "unit_tests", timeout=1500))


class Case:
    def __init__(self):
        self.base = tempfile.mkdtemp(prefix="ik-bad-")
        self.net = Net("bad")
        self.ns = self.net.ns("a")
        self.write("psk", "correct horse battery staple\n", 0o600)
        self.write("keys", f"1 {os.urandom(32).hex()} active\n", 0o600)

    def close(self):
        proc.stop_all()
        self.net.close()
        shutil.rmtree(self.base)

    def path(self, name):
        return os.path.join(self.base, name)

    def write(self, name, text, mode=0o644):
        with open(os.open(self.path(name), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as f:
            f.write(text)
        os.chmod(self.path(name), mode)

    def config(self, **changes):
        c = {
            "control": {"socket": self.path("control.sock")},
            "connections": [{
                "name": "c", "psk_file": "psk",
                "local": {"auth": "psk", "id": "gw.test"}, "remote": {"auth": "psk"},
                "children": [{"name": "n"}],
            }],
        }
        c.update(changes)
        return c

    def run(self, config, *more):
        """(status, lines) of a daemon that ends by itself."""
        text = config if isinstance(config, str) else json.dumps(config)
        self.write("ikestra.json", text)
        if os.path.exists(self.path("out")):
            os.unlink(self.path("out"))
        p = proc.start([BIN, "--config", self.path("ikestra.json"), *more], self.path("out"), ns=self.ns)
        try:
            status = p.wait(10)
        except Exception:
            proc.stop(p)
            status = None
        with open(self.path("out")) as f:
            lines = f.read().splitlines()
        os.unlink(self.path("out"))
        return status, lines


def refused(c, what, config, *words, more=()):
    status, lines = c.run(config, *more)
    said = [x for x in lines if not x.startswith("{")]      # log lines are JSON
    good = status == 1 and len(said) == 1 and said[0].startswith("ikestrad: ") and all(w in said[0] for w in words)
    report.check(good, f"{what}: {said[0] if said else f'status {status}, {lines}'}")


def configuration(c):
    missing = c.config()
    missing["connections"][0]["psk_file"] = "gone"
    suite = c.config()
    suite["connections"][0]["children"].append({"name": "m", "esp": ["aes128gcm16", "x"]})
    typo = c.config(nodes={})
    refused(c, "unknown key", typo, "unknown key \"nodes\"", "known here: node, cluster")
    refused(c, "wrong type", c.config(node={"id": "1"}), "node.id: must be a whole number")
    refused(c, "bad value", suite, "connections[0].children[1].esp[1]: unknown suite \"x\"; try aes128gcm16-x25519")
    refused(c, "not JSON", "{\"node\": ", "line 1, column ")
    refused(c, "missing key file", missing, "connections[0].psk_file: cannot open", "put the pre-shared key there")
    refused(c, "missing key file, only checked", missing, "connections[0].psk_file", more=["--check"])
    refused(c, "state file of something else", c.config(node={"state_file": "psk"}), "node.state_file", "not a state file")
    refused(c, "state file nowhere", c.config(node={"state_file": "gone/boot"}), "node.state_file", "its directory must exist")
    status, lines = c.run(c.config(), "--check")
    report.check(status == 0 and len(lines) == 1, f"a good file, only checked: {lines}")
    os.chmod(c.path("psk"), 0o644)
    status, lines = c.run(c.config(), "--check")
    os.chmod(c.path("psk"), 0o600)
    report.check(status == 0 and any("warning" in x and "chmod 600" in x for x in lines),
                 f"a secret that everybody can read: {lines[0] if lines else lines}")


def arguments(c):
    for argv, status in (([], 2), (["--config"], 2), (["--nonsense"], 2), (["--help"], 0), (["--version"], 0),
                         (["--config", "/nowhere/x.json"], 1)):
        p = proc.start([BIN, *argv], c.path("out"), ns=c.ns)
        report.check(p.wait(10) == status, f"ikestrad {' '.join(argv)}: status {status}")


def daemon(c, name, config):
    d = Ikestrad(c.base, name, c.ns, config, BIN)
    d.control = config["control"]["socket"]
    return d


def taken(c):
    for port in (500, 4500):
        s = socket_in(c.ns, socket.AF_INET, socket.SOCK_DGRAM)
        with entered(c.ns):
            s.bind(("0.0.0.0", port))
        refused(c, f"port {port} taken", c.config(), f"cannot bind UDP port {port} of 0.0.0.0: Address already in use",
                "stop the other IKE daemon")
        s.close()
    refused(c, "an address that is not here", c.config(listen=["192.0.2.1"]), "cannot bind UDP port", "of 192.0.2.1",
            "listen must name an address of this host")
    refused(c, "control socket in no directory", c.config(control={"socket": "/nowhere/at/all.sock"}),
            "control socket /nowhere/at/all.sock", "a directory that the daemon may write")
    first = daemon(c, "first", c.config())
    shutil.copy(c.path("psk"), c.path("first/psk"))
    first.start()
    second = c.net.ns("b")
    was, c.ns = c.ns, second
    refused(c, "another daemon on the control socket", c.config(), "another ikestrad listens there")
    c.ns = was
    mode = stat.S_IMODE(os.stat(first.control).st_mode)
    report.check(first.ready() and mode == 0o660, f"and the first one goes on (socket mode {mode:o})")
    # Lines that are no requests cost their sender an answer or the connection, nobody else anything.
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(5)
    s.connect(first.control)
    s.sendall(b"not json\n{\"cmd\":\"halt\"}\n")
    f = s.makefile("rb")
    a, b = f.readline(), f.readline()
    report.check(b'"ok":false' in a and b'"ok":false' in b, f"nonsense at the control socket: {b.decode().strip()}")
    try:
        s.sendall(b"x" * 200000)
        cut = f.read(1) == b""
    except OSError:
        cut = True
    report.check(cut and first.ready(), "a line without an end is cut off, the daemon goes on")
    s.close()
    for argv, status in ((["status"], 0), (["list", "--json"], 0), (["show", "nobody"], 1), (["nonsense"], 2)):
        p = proc.start([CLI, "--socket", first.control, *argv], c.path("out"))
        report.check(p.wait(10) == status, f"ikestra {' '.join(argv)}: status {status}")
    first.stop()
    report.check(first.proc.returncode == 0 and not os.path.exists(first.control), "SIGTERM: status 0, no socket left")
    p = proc.start([CLI, "--socket", first.control, "status"], c.path("out2"))
    with open(c.path("out2")) as f:
        status = p.wait(10)
        report.check(status == 3 and "no ikestrad answers here" in f.read(), "ikestra without a daemon: status 3")


def store_lines(d):
    out = []
    try:
        with open(d.log_path) as f:
            for line in f:
                if line.startswith("{"):
                    e = json.loads(line)
                    if e.get("event") in ("store-down", "store-up"):
                        out.append(e)
    except (OSError, ValueError):
        pass
    return out


def redis(c):
    # Bound to this namespace's loopback: nobody else has it.
    conf = c.config(store={"redis": {"host": "127.0.0.1", "password_file": c.path("redis.pw")}},
                    cluster={"key_file": c.path("keys"), "slots": 64},
                    node={"state_file": c.path("boot")})
    conf["connections"][0]["psk_file"] = c.path("psk")
    c.write("redis.pw", "wrong\n", 0o600)
    d = daemon(c, "r", conf).start(wait=False)
    down = proc.wait_for("a line about Redis", lambda: store_lines(d), 10)[0]
    report.check(down["event"] == "store-down" and "127.0.0.1" in down["reason"] and d.alive() and not d.ready(),
                 f"Redis away at start: {down['reason']}")
    r = Redis(c.base, c.ns, password="right").start()
    words = proc.wait_for("a line about the password",
                          lambda: [e for e in store_lines(d) if "password" in e.get("reason", "")], 20)
    report.check(d.alive() and not d.ready(), f"wrong Redis password: {words[0]['reason']}")
    report.check(all("wrong" not in e["reason"].split() for e in words), "and the password is in no log line")
    d.stop()
    report.check(d.proc.returncode == 0, "SIGTERM without a store: status 0")
    c.write("redis.pw", "right\n", 0o600)
    d = daemon(c, "r2", conf).start(timeout=20)
    report.ok("the right password: ready")
    r.stop()
    proc.wait_for("a line about the loss", lambda: store_lines(d)[-1]["event"] == "store-down", 10)
    time.sleep(0.5)
    report.check(d.alive(), f"Redis dies later: {store_lines(d)[-1]['reason']}")
    d.stop()


def parsers():
    """Every parser with all truncations and one octet too many: their unit tests, counted."""
    d = f"{report.BUILD}/release/tests/unit"
    for name in sorted(os.listdir(d)):
        if not name.startswith(tuple(PARSER_TESTS)) or not os.access(f"{d}/{name}", os.X_OK) or os.path.isdir(f"{d}/{name}"):
            continue
        p = proc.start([f"{d}/{name}"], os.path.join(report.logs(), name))
        try:
            status = p.wait(120)
        except Exception:
            proc.stop(p)
            status = "too long"
        report.check(status == 0, f"{name}: status {status}")


def part():
    build()
    c = Case()
    try:
        arguments(c)
        configuration(c)
        taken(c)
        redis(c)
    finally:
        c.close()
    parsers()


report.main(part)
