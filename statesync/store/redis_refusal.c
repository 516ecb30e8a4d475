/* redis_refusal: error replies -> reasons. Declared in redis_reply.h. */
#include <string.h>

#include "statesync/store/redis_reply.h"

struct refusal_info {
    const char *name;
    bool clean, reset;
    const char *advice;
};

static const struct refusal_info infos[REFUSED_COUNT] = {
    [REFUSED_NOT] = { "none", false, false, "not refused" },
    [REFUSED_NOSCRIPT] = { "noscript", true, false, "scripts were flushed: loaded again" },
    [REFUSED_READONLY] = { "readonly", true, true,
                           "is a replica: point store.redis at the primary" },
    [REFUSED_LOADING] = { "loading", true, true, "is loading its data set: wait" },
    [REFUSED_OOM] = { "oom", true, false, "is full: raise maxmemory, keep noeviction" },
    [REFUSED_NOPERM] = { "noperm", true, false,
                         "denies a command or key: give the ACL user ~ikestra:* and the commands "
                         "of deploy/redis" },
    [REFUSED_NOAUTH] = { "noauth", true, true, "wants a password: set store.redis.password_file" },
    [REFUSED_WRONGPASS] = { "wrongpass", true, true,
                            "refuses user or password: correct store.redis" },
    [REFUSED_MISCONF] = { "misconf", true, false,
                          "cannot save to disk: free its disk, see its log" },
    [REFUSED_NOREPLICAS] = { "noreplicas", true, false,
                             "has too few replicas to write: check min-replicas-to-write" },
    [REFUSED_BUSY] = { "busy", true, false, "is held by a script: SCRIPT KILL it" },
    [REFUSED_CLUSTER] = { "cluster", true, true,
                          "is part of a Redis Cluster: use a standalone server" },
    [REFUSED_WRONGTYPE] = { "wrongtype", true, false,
                            "holds foreign data under ikestra: keys: give ikestra its own db" },
    [REFUSED_OTHER] = { "other", false, false, "answered with an unexpected error" },
};

static const struct {
    const char *prefix;
    enum redis_refusal refusal;
} prefixes[] = {
    { "NOSCRIPT", REFUSED_NOSCRIPT },
    { "READONLY", REFUSED_READONLY },
    { "MASTERDOWN", REFUSED_READONLY },
    { "LOADING", REFUSED_LOADING },
    { "OOM", REFUSED_OOM },
    { "NOPERM", REFUSED_NOPERM },
    { "NOAUTH", REFUSED_NOAUTH },
    { "WRONGPASS", REFUSED_WRONGPASS },
    { "MISCONF", REFUSED_MISCONF },
    { "NOREPLICAS", REFUSED_NOREPLICAS },
    { "BUSY", REFUSED_BUSY },
    { "MOVED", REFUSED_CLUSTER },
    { "ASK", REFUSED_CLUSTER },
    { "TRYAGAIN", REFUSED_CLUSTER },
    { "CROSSSLOT", REFUSED_CLUSTER },
    { "CLUSTERDOWN", REFUSED_CLUSTER },
    { "WRONGTYPE", REFUSED_WRONGTYPE },
};

static bool starts_with(struct span s, const char *word)
{
    size_t len = strlen(word);

    return s.len >= len && span_eq((struct span){ s.p, len }, span_of(word, len)) &&
           (s.len == len || s.p[len] == ' ');
}

static enum redis_refusal by_prefix(struct span text)
{
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (starts_with(text, prefixes[i].prefix))
            return prefixes[i].refusal;
    }
    return REFUSED_OTHER;
}

enum redis_refusal redis_refusal_of(struct span text)
{
    static const char denied[] = "ERR The user executing the script can't";
    static const char wrapped[] = "ERR Error running script";
    enum redis_refusal r = by_prefix(text);

    if (r != REFUSED_OTHER)
        return r;
    if (text.len >= sizeof denied - 1 &&
        span_eq((struct span){ text.p, sizeof denied - 1 }, span_str(denied)))
        return REFUSED_NOPERM;
    if (text.len < sizeof wrapped - 1 ||
        !span_eq((struct span){ text.p, sizeof wrapped - 1 }, span_str(wrapped)))
        return REFUSED_OTHER;
    /* Redis 6 wraps what a script met: "ERR Error running script (...): @user_script:1: -OOM ..."
     */
    for (size_t i = 0; i + 1 < text.len; i++) {
        if (text.p[i] != ' ' && text.p[i] != '-')
            continue;
        r = by_prefix((struct span){ text.p + i + 1, text.len - i - 1 });
        if (r != REFUSED_OTHER)
            return r;
    }
    return REFUSED_OTHER;
}

static const struct refusal_info *info_of(enum redis_refusal r)
{
    return &infos[(unsigned)r < REFUSED_COUNT ? r : REFUSED_OTHER];
}

bool redis_refusal_clean(enum redis_refusal r)
{
    return info_of(r)->clean;
}

bool redis_refusal_reset(enum redis_refusal r)
{
    return info_of(r)->reset;
}

const char *redis_refusal_name(enum redis_refusal r)
{
    return info_of(r)->name;
}

const char *redis_refusal_advice(enum redis_refusal r)
{
    return info_of(r)->advice;
}
