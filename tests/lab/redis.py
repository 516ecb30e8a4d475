"""redis-server in a namespace, and just enough of its protocol to ask for statistics."""
import os
import socket

from .net import entered
from .proc import start, stop, wait_for


class Redis:
    def __init__(self, base, ns, bind="127.0.0.1", port=6379, password=None, name="redis"):
        self.dir = os.path.join(base, name)
        self.ns, self.bind, self.port, self.password = ns, bind, port, password
        self.unix = f"{self.dir}/redis.sock"
        self.proc = None

    def start(self):
        os.makedirs(self.dir, exist_ok=True)
        argv = ["redis-server", "--bind", self.bind, "--port", str(self.port), "--unixsocket", self.unix,
                "--save", "", "--appendonly", "no", "--dir", self.dir, "--protected-mode", "no",
                "--maxmemory-policy", "noeviction", "--daemonize", "no"]
        if self.password:
            argv += ["--requirepass", self.password]
        self.proc = start(argv, f"{self.dir}/out", ns=self.ns)
        wait_for("redis", self._answers, 10)
        return self

    def _answers(self):
        try:
            return self.call("PING") == "PONG"
        except OSError:
            return False

    def call(self, *words):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(10)
        try:
            s.connect(self.unix)
            f = s.makefile("rb")
            if self.password:
                s.sendall(_command("AUTH", self.password))
                _reply(f)
            s.sendall(_command(*words))
            return _reply(f)
        finally:
            s.close()

    def info(self, section):
        out = {}
        for line in self.call("INFO", section).splitlines():
            if ":" in line:
                k, v = line.split(":", 1)
                out[k] = v
        return out

    def command_calls(self):
        """{command: calls} from Redis's own statistics."""
        return {k[len("cmdstat_"):]: int(v.split("calls=")[1].split(",")[0])
                for k, v in self.info("commandstats").items() if k.startswith("cmdstat_")}

    def stop(self):
        stop(self.proc)


def _command(*words):
    out = b"*%d\r\n" % len(words)
    for w in words:
        w = w if isinstance(w, bytes) else str(w).encode()
        out += b"$%d\r\n%s\r\n" % (len(w), w)
    return out


def _reply(f):
    line = f.readline()
    if not line:
        raise OSError("redis closed")
    kind, rest = line[:1], line[1:-2].decode()
    if kind == b"-":
        raise OSError(rest)
    if kind == b":":
        return int(rest)
    if kind == b"$":
        n = int(rest)
        return None if n < 0 else f.read(n + 2)[:-2].decode(errors="replace")
    if kind == b"*":
        return [_reply(f) for _ in range(int(rest))]
    return rest
