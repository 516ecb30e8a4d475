"""Network namespaces of one test run. Names carry the process id, so runs do not meet."""
import atexit
import ctypes
import os
import socket
import threading
from contextlib import contextmanager

from .proc import run

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNET = 0x40000000

SYSCTLS = {
    "net.ipv4.conf.all.rp_filter": 0,
    "net.ipv4.conf.default.rp_filter": 0,
    "net.ipv4.conf.all.send_redirects": 0,
    "net.ipv4.conf.default.send_redirects": 0,
    "net.ipv4.conf.all.accept_redirects": 0,
    "net.ipv6.conf.all.accept_dad": 0,
    "net.ipv6.conf.default.accept_dad": 0,
    "net.ipv6.conf.all.accept_redirects": 0,
}


class Net:
    """Owns namespaces; close() (or the end of the process) removes them and all that is in them."""

    made = 0

    def __init__(self, tag="ik"):
        Net.made += 1
        self.prefix = f"{tag}{os.getpid()}n{Net.made}-"
        self.names = []
        atexit.register(self.close)

    def ns(self, name, forward=False, **sysctls):
        full = self.prefix + name
        run("ip", "netns", "add", full)
        self.names.append(full)
        run("ip", "-n", full, "link", "set", "lo", "up")
        wanted = dict(SYSCTLS)
        wanted["net.ipv4.ip_forward"] = int(forward)
        wanted["net.ipv6.conf.all.forwarding"] = int(forward)
        for k, v in sysctls.items():
            wanted[k.replace("__", ".")] = v
        run("ip", "netns", "exec", full, "sysctl", "-q", "-w", *[f"{k}={v}" for k, v in wanted.items()])
        return full

    def link(self, a, a_dev, b, b_dev, mtu=1500):
        run("ip", "link", "add", a_dev, "mtu", str(mtu), "netns", a, "type", "veth",
            "peer", "name", b_dev, "mtu", str(mtu), "netns", b)
        for n, d in ((a, a_dev), (b, b_dev)):
            # Whole packets at every hop: captures then show what a wire would carry.
            run("ip", "-n", n, "link", "set", d, "up")

    def bridge(self, ns, dev="br0"):
        run("ip", "-n", ns, "link", "add", dev, "type", "bridge", "mcast_snooping", "0")
        run("ip", "-n", ns, "link", "set", dev, "up")

    def enslave(self, ns, dev, bridge="br0"):
        run("ip", "-n", ns, "link", "set", dev, "master", bridge)

    def addr(self, ns, dev, *addrs):
        for a in addrs:
            run("ip", "-n", ns, "addr", "add", a, "dev", dev, *(["nodad"] if ":" in a else []))

    def route(self, ns, *words):
        family = ["-6"] if any(":" in w for w in words) else []
        run("ip", *family, "-n", ns, "route", "replace", *words)

    def exec(self, ns, *argv, check=True, timeout=30):
        return run("ip", "netns", "exec", ns, *argv, check=check, timeout=timeout)

    def close(self):
        for n in self.names:
            run("ip", "netns", "del", n, check=False)
        self.names = []


@contextmanager
def entered(ns):
    """This thread is inside the namespace; sockets made here stay there."""
    back = os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{ns}", os.O_RDONLY)
    try:
        if _LIBC.setns(there, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), f"setns {ns}")
        yield
    finally:
        _LIBC.setns(back, _CLONE_NEWNET)
        os.close(there)
        os.close(back)


def socket_in(ns, *args):
    with entered(ns):
        return socket.socket(*args)
