/* config_daemon: everything in the file that is not a connection. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/config/config_read.h"

enum { IKE_CLUSTER_PORT = 4600, REDIS_PORT = 6379 };

enum err config_read_name(const struct jat *at, char ret[LIMIT_NAME])
{
    char name[LIMIT_NAME];

    TRY(jtext(at, name, sizeof name));
    for (const char *s = name; *s != '\0'; s++)
        if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_", *s) == NULL)
            return jfail(at, "\"%s\": a name has letters, digits, '.', '-' and '_' only", name);
    snprintf(ret, LIMIT_NAME, "%s", name);
    return OK;
}

enum err config_read_address(const struct jat *at, struct endpoint *ret)
{
    struct endpoint e = { 0 };
    const char *s;

    TRY(jstring(at, &s));
    if (ip_parse(s, &e.addr) != OK && endpoint_parse(s, &e) != OK)
        return jfail(at,
                     "\"%.60s\" is no address; write for example 192.0.2.1, 192.0.2.1:500 or "
                     "[2001:db8::1]:500",
                     s);
    *ret = e;
    return OK;
}

static enum err read_node(const struct jat *at, struct config *c)
{
    static const char *const known[] = { "id", "name", "pop", "state_file", NULL };
    struct jat m;

    TRY(jobject(at, known));
    TRY(jget_u16(at, "id", 1, 4095, &c->node_id));
    TRY(jget_u8(at, "pop", 1, 63, &c->pop));
    if (jmember(at, "name", &m))
        TRY(config_read_name(&m, c->node_name));
    if (jmember(at, "state_file", &m))
        TRY(config_path(&m, c->state_file, sizeof c->state_file));
    return OK;
}

static enum err read_endpoint(const struct jat *at, struct endpoint *ret)
{
    TRY(config_read_address(at, ret));
    if (ret->port == 0)
        ret->port = IKE_CLUSTER_PORT;
    return OK;
}

static enum err read_peer(const struct jat *at, const struct config *c, struct config_peer *p)
{
    static const char *const known[] = { "id", "name", "address", NULL };
    struct jat m;
    uint64_t id;

    TRY(jobject(at, known));
    TRY(jneed(at, "id", "say the other node's node.id (1 to 4095)", &m));
    TRY(jnumber(&m, 1, 4095, &id));
    p->node = (uint16_t)id;
    if (p->node == c->node_id)
        return jfail(&m, "%u is this node's own id; list only the other nodes", p->node);
    for (size_t i = 0; i < c->cluster.n_peers; i++)
        if (c->cluster.peers[i].node == p->node)
            return jfail(&m, "node %u is listed twice", p->node);
    snprintf(p->name, sizeof p->name, "node%u", p->node);
    if (jmember(at, "name", &m))
        TRY(config_read_name(&m, p->name));
    TRY(jneed(at, "address", "say where its cluster.listen is, for example 10.0.0.2:4600", &m));
    return read_endpoint(&m, &p->address);
}

static enum err read_peers(const struct jat *at, struct config *c)
{
    size_t n;

    TRY(jarray(at, LIMIT_NODES - 1, &n));
    for (size_t i = 0; i < n; i++) {
        struct jat m = jelement(at, i);

        TRY(read_peer(&m, c, &c->cluster.peers[i]));
        c->cluster.n_peers++;
    }
    return OK;
}

static enum err read_slots(const struct jat *at, uint16_t *ret)
{
    struct jat m;
    uint16_t n = *ret;

    if (!jmember(at, "slots", &m))
        return OK;
    TRY(jget_u16(at, "slots", 1, LIMIT_SLOTS, &n));
    if ((n & (n - 1)) != 0)
        return jfail(&m, "%u is not a power of two; 4096 is right unless you test", n);
    *ret = n;
    return OK;
}

static enum err read_cluster(const struct jat *at, struct config *c)
{
    static const char *const known[] = { "listen",      "peers",        "slots",
                                         "key_file",    "heartbeat_ms", "suspect_missed",
                                         "deadline_ms", "lease_ms",     "holddown_ms",
                                         NULL };
    struct config_cluster *k = &c->cluster;
    struct jat m;

    TRY(jobject(at, known));
    if (jmember(at, "listen", &m)) {
        TRY(read_endpoint(&m, &k->listen));
        k->enabled = true;
    }
    if (jmember(at, "peers", &m)) {
        if (!k->enabled)
            return jneed(at, "listen", "say at which address the other nodes reach this one", &m);
        TRY(read_peers(&m, c));
    }
    TRY(read_slots(at, &k->slots));
    TRY(jget_u32(at, "heartbeat_ms", 10, 10000, &k->heartbeat_ms));
    TRY(jget_u8(at, "suspect_missed", 2, 100, &k->suspect_missed));
    TRY(jget_u32(at, "deadline_ms", 200, 60000, &k->deadline_ms));
    TRY(jget_u32(at, "lease_ms", 500, 120000, &k->lease_ms));
    TRY(jget_u32(at, "holddown_ms", 0, 60000, &k->holddown_ms));
    if (jmember(at, "key_file", &m))
        TRY(config_ring_keys(&m, k));
    return OK;
}

static enum err read_redis(const struct jat *at, struct config_redis *r)
{
    static const char *const known[] = { "host",          "port", "unix",       "user",
                                         "password_file", "db",   "timeout_ms", NULL };
    struct jat m;

    if (jis_object(at) && jmember(at, "password", &m))
        return jfail(&m, "a password does not stand here; put it in a file and name it in "
                         "\"password_file\"");
    TRY(jobject(at, known));
    if (jmember(at, "unix", &m)) {
        TRY(config_path(&m, r->unix_path, sizeof r->unix_path));
        if (jmember(at, "host", &m) || jmember(at, "port", &m))
            return jfail(&m, "not together with \"unix\"; give one of the two");
    }
    TRY(jget_text(at, "host", r->host, sizeof r->host));
    TRY(jget_u16(at, "port", 1, 65535, &r->port));
    TRY(jget_text(at, "user", r->user, sizeof r->user));
    TRY(jget_u32(at, "db", 0, 1000000, &r->db));
    TRY(jget_u32(at, "timeout_ms", 10, 60000, &r->timeout_ms));
    if (jmember(at, "password_file", &m)) {
        TRY(config_path(&m, r->password_file, sizeof r->password_file));
        TRY(config_file_line(&m, "the Redis password", &r->password));
    }
    return OK;
}

static enum err read_store(const struct jat *at, struct config *c)
{
    static const char *const known[] = { "redis", NULL };
    static const char words[] = "write \"memory\" or {\"redis\": {\"host\": ...}}";
    const char *s;
    struct jat m;

    if (jis_string(at)) {
        TRY(jstring(at, &s));
        if (strcmp(s, "memory") != 0)
            return jfail(at, "unknown store \"%.40s\"; %s", s, words);
        return OK;
    }
    if (!jis_object(at))
        return jfail(at, "%s", words);
    TRY(jobject(at, known));
    TRY(jneed(at, "redis", words, &m));
    c->store = CONFIG_STORE_REDIS;
    return read_redis(&m, &c->redis);
}

static enum err read_dataplane(const struct jat *at, struct config *c)
{
    static const char *const outer[] = { "tun", NULL };
    static const char *const known[] = { "name", "mtu", "raw_esp", "offload", NULL };
    const char *s;
    struct jat m;

    if (jis_string(at)) {
        TRY(jstring(at, &s));
        if (strcmp(s, "xfrm") == 0)
            return jfail(at, "the kernel data plane is not built yet; write \"auto\" or \"tun\"");
        if (strcmp(s, "auto") != 0 && strcmp(s, "tun") != 0)
            return jfail(at, "unknown data plane \"%.40s\"; write \"auto\" or \"tun\"", s);
        return OK;
    }
    TRY(jobject(at, outer));
    TRY(jneed(at, "tun", "write \"auto\", \"tun\" or {\"tun\": {\"name\": ..., \"mtu\": ...}}",
              &m));
    TRY(jobject(&m, known));
    TRY(jget_text(&m, "name", c->tun.name, sizeof c->tun.name));
    TRY(jget_u16(&m, "mtu", 576, 9000, &c->tun.mtu));
    TRY(jget_bool(&m, "raw_esp", &c->tun.raw_esp));
    return jget_bool(&m, "offload", &c->tun.offload);
}

static enum err read_listen(const struct jat *at, struct config *c)
{
    size_t n;

    TRY(jarray(at, 2, &n));
    if (n == 0)
        return jfail(at, "empty; write [\"0.0.0.0\"] for every IPv4 address of this host");
    c->listen4.family = c->listen6.family = 0;
    for (size_t i = 0; i < n; i++) {
        struct jat m = jelement(at, i);
        struct ip_addr a, *to;
        const char *s;

        TRY(jstring(&m, &s));
        if (ip_parse(s, &a) != OK)
            return jfail(&m,
                         "\"%.60s\" is no address; write for example 192.0.2.1, 0.0.0.0 or ::", s);
        to = a.family == 4 ? &c->listen4 : &c->listen6;
        if (to->family != 0)
            return jfail(&m,
                         "a second IPv%u address; at most one of each family: 0.0.0.0 and :: "
                         "take all of them",
                         a.family);
        *to = a;
    }
    return OK;
}

static enum err read_log(const struct jat *at, struct config *c)
{
    static const char *const known[] = { "level", "file", NULL };
    struct jat m;
    const char *s;

    TRY(jobject(at, known));
    if (jmember(at, "level", &m)) {
        enum log_level l = LOG_DEBUG;

        TRY(jstring(&m, &s));
        while (l <= LOG_ERROR && strcmp(s, log_level_name(l)) != 0)
            l++;
        if (l > LOG_ERROR)
            return jfail(&m, "unknown level \"%.40s\"; one of debug, info, warning, error", s);
        c->log_level = l;
    }
    if (jmember(at, "file", &m)) {
        TRY(jstring(&m, &s));
        if (strcmp(s, "-") != 0)
            TRY(config_path(&m, c->log_file, sizeof c->log_file));
    }
    return OK;
}

static enum err read_control(const struct jat *at, struct config *c)
{
    static const char *const known[] = { "socket", NULL };
    struct jat m;

    TRY(jobject(at, known));
    if (jmember(at, "socket", &m))
        TRY(config_path(&m, c->control_socket, sizeof c->control_socket));
    if (strlen(c->control_socket) > 100)
        return jfail(&m, "longer than the 100 characters that the name of a socket may have");
    return OK;
}

enum err config_read_timers(const struct jat *at, struct policy *p)
{
    static const char *const known[] = { "retransmit_ms",     "retransmit_tries",
                                         "half_open",         "reply_keep",
                                         "cookie_threshold",  "half_open_per_prefix",
                                         "keepalive",         "store_outage",
                                         "rekeys_per_second", NULL };
    uint32_t half_open = p->half_open_ms / 1000, keep = p->reply_keep_ms / 1000;

    TRY(jobject(at, known));
    TRY(jget_u32(at, "retransmit_ms", 50, 60000, &p->retransmit_ms));
    TRY(jget_u8(at, "retransmit_tries", 1, 20, &p->retransmit_tries));
    TRY(jget_seconds(at, "half_open", 1, 600, &half_open));
    TRY(jget_seconds(at, "reply_keep", 1, 3600, &keep));
    p->half_open_ms = half_open * 1000;
    p->reply_keep_ms = keep * 1000;
    TRY(jget_u32(at, "cookie_threshold", 0, 10000000, &p->cookie_threshold));
    TRY(jget_u32(at, "half_open_per_prefix", 1, 10000000, &p->half_open_per_prefix));
    TRY(jget_seconds(at, "keepalive", 0, 600, &p->keepalive_s));
    TRY(jget_seconds(at, "store_outage", 1, 86400, &p->outage_s));
    return jget_u32(at, "rekeys_per_second", 1, 100000, &p->rekey_pace_per_s);
}

/* What only shows when all parts are known. */
static enum err check_together(const struct jat *root, struct config *c)
{
    struct jat m, cluster = *root;
    bool stays = c->store == CONFIG_STORE_REDIS;

    if (c->cluster.n_peers > 0 && !stays)
        return jfail(root, "store: a cluster needs one store for all nodes; write "
                           "{\"redis\": {\"host\": ...}}");
    if (stays && c->cluster.n_keys == 0) {
        if (!jmember(root, "cluster", &cluster))
            return jfail(root, "cluster.key_file: missing; what is in Redis outlives the daemon, "
                               "so its key must too: echo \"1 $(openssl rand -hex 32) active\"");
        return jneed(&cluster, "key_file",
                     "name the file with the cluster's keys, the same on "
                     "every node",
                     &m);
    }
    if (c->cluster.enabled && c->cluster.lease_ms < c->cluster.deadline_ms)
        return jfail(root, "cluster.lease_ms: must not be below cluster.deadline_ms");
    if (stays && c->state_file[0] == '\0' && c->n_warnings < CONFIG_WARNINGS)
        snprintf(c->warnings[c->n_warnings++], CONFIG_ERROR,
                 "node.state_file: missing; without it a clock that went back is only found out by "
                 "the store");
    return OK;
}

enum err config_read_daemon(const struct jat *root, struct config *c)
{
    struct jat m;

    if (jmember(root, "node", &m))
        TRY(read_node(&m, c));
    if (jmember(root, "cluster", &m))
        TRY(read_cluster(&m, c));
    if (jmember(root, "store", &m))
        TRY(read_store(&m, c));
    if (jmember(root, "dataplane", &m))
        TRY(read_dataplane(&m, c));
    if (jmember(root, "listen", &m))
        TRY(read_listen(&m, c));
    if (jmember(root, "control", &m))
        TRY(read_control(&m, c));
    if (jmember(root, "log", &m))
        TRY(read_log(&m, c));
    if (jmember(root, "timers", &m))
        TRY(config_read_timers(&m, &c->policy));
    return check_together(root, c);
}
