"""Processes of the lab: started, bounded, and ended by their id even when a test fails."""
import atexit
import ctypes
import os
import signal
import subprocess
import time

_LIBC = ctypes.CDLL(None, use_errno=True)
_started = []


class LabError(Exception):
    """Something of the lab itself failed (not of what is tested)."""


def run(*argv, check=True, timeout=30, env=None, stdin=None):
    """Runs a program to its end. Returns what it printed (both streams)."""
    try:
        r = subprocess.run(argv, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           timeout=timeout, env=env, input=stdin)
    except subprocess.TimeoutExpired as e:
        raise LabError(f"{' '.join(argv)}: not done after {timeout} s") from e
    if check and r.returncode != 0:
        raise LabError(f"{' '.join(argv)}: status {r.returncode}: {r.stdout.strip()[-1500:]}")
    return r.stdout


def _child_setup():
    os.setpgid(0, 0)
    _LIBC.prctl(1, signal.SIGKILL)      # PR_SET_PDEATHSIG: no orphan outlives a killed test


def start(argv, log, env=None, ns=None, stdin=subprocess.DEVNULL):
    """Starts a daemon; its output goes to the file log. Every wrapper execs, so the id is its own."""
    if ns:
        argv = ["ip", "netns", "exec", ns] + list(argv)
    with open(log, "ab") as f:
        p = subprocess.Popen(argv, stdout=f, stderr=subprocess.STDOUT, stdin=stdin, env=env,
                             preexec_fn=_child_setup)
    _started.append(p)
    return p


def stop(p, grace=3.0):
    """TERM, then KILL after the grace. Nothing if it has ended."""
    if p is None or p.poll() is not None:
        return
    p.terminate()
    try:
        p.wait(grace)
    except subprocess.TimeoutExpired:
        p.kill()
        p.wait(5)


def kill9(p):
    p.send_signal(signal.SIGKILL)
    p.wait(5)


def stop_all():
    alive = [p for p in _started if p.poll() is None]
    for p in alive:
        p.terminate()
    end = time.monotonic() + 2.0
    while time.monotonic() < end and any(p.poll() is None for p in alive):
        time.sleep(0.02)
    for p in alive:
        if p.poll() is None:
            p.kill()
            p.wait(5)
    _started.clear()


def wait_for(what, fn, timeout, step=0.02):
    """Polls fn until it returns something true, and returns that. LabError after timeout seconds."""
    end = time.monotonic() + timeout
    while True:
        v = fn()
        if v:
            return v
        if time.monotonic() > end:
            raise LabError(f"{what}: not within {timeout} s")
        time.sleep(step)


def cpu_seconds(pid):
    """User and system time of a process so far."""
    with open(f"/proc/{pid}/stat") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def rss_bytes(pid):
    with open(f"/proc/{pid}/statm") as f:
        return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")


atexit.register(stop_all)
