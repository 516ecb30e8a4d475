"""How many commits a piece of work cost, from Redis's own command statistics.

The commit script is the only one that calls GETRANGE, once per commit; each record that it writes is one
HSET, each that it removes one HDEL (statesync/store/redis_script.c; tests/store checks the counting).
A commit without records only asks whether the slot still carries the token: it is not counted.

    before = counts(redis)                      # tests/lab/redis.py
    ... handshakes ...
    print(per(counts(redis), before, handshakes))
"""


def counts(redis):
    """{"checks", "records"}: runs of the commit script, records written or removed."""
    calls = redis.command_calls()
    return {"checks": calls.get("getrange", 0), "records": calls.get("hset", 0) + calls.get("hdel", 0)}


def commits(after, before):
    """Commits that wrote something, a lower bound: several records may share one commit, and runs
    of the script that found another token or version, or wrote nothing, are no commits."""
    return min(after["checks"] - before["checks"], after["records"] - before["records"])


def per(after, before, n):
    """Commits per handshake (or whatever n counts)."""
    return commits(after, before) / n if n else 0.0
