"""Counting for parts written in Python; the counterpart of tests/support/part.sh."""
import os
import signal
import sys
import traceback

ROOT = os.environ.get("IK_ROOT") or os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("IK_BUILD") or os.path.join(ROOT, "build")
MODE = os.environ.get("IK_MODE", "full")
_counts = {"passed": 0, "failed": 0, "skipped": 0}


def logs():
    d = os.environ.get("IK_LOGS") or os.path.join(BUILD, "logs", os.path.splitext(os.path.basename(sys.argv[0]))[0])
    os.makedirs(d, exist_ok=True)
    return d


def ok(text):
    _counts["passed"] += 1
    print(f"ok - {text}", flush=True)


def not_ok(text):
    _counts["failed"] += 1
    print(f"not ok - {text}", flush=True)


def skip(text):
    _counts["skipped"] += 1
    print(f"skip - {text}", flush=True)


def check(condition, text):
    (ok if condition else not_ok)(text)
    return bool(condition)


def say(text):
    print(f"  {text}", flush=True)


def main(fn):
    """Runs fn, reports the counts whatever happens, exits 1 after any failure."""
    def ended(*_):
        raise SystemExit(143)
    signal.signal(signal.SIGTERM, ended)
    signal.signal(signal.SIGINT, ended)
    try:
        fn()
    except SystemExit as e:
        if e.code:
            not_ok(f"stopped early ({e.code})")
    except Exception as e:                      # the harness itself failed: one failure, with its place
        not_ok(f"{type(e).__name__}: {e}")
        traceback.print_exc(file=sys.stdout)
    finally:
        result = os.environ.get("IK_RESULT")
        if result:
            with open(result, "w") as f:
                f.write("{passed} {failed} {skipped}\n".format(**_counts))
        else:
            print("{passed} passed, {failed} failed, {skipped} skipped".format(**_counts))
    sys.exit(1 if _counts["failed"] else 0)
