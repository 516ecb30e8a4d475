/* config_child: one element of a connection's "children": selectors, suites, lifetimes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/config/config_read.h"

static const char *const default_esp[] = {
    "aes128gcm16-esn", "aes128gcm16",      "aes256gcm16-esn", "aes256gcm16",
    "aes256-sha256",   "chacha20poly1305", "aes128-sha256",
};

static enum err read_esp(const struct jat *at, struct policy_child *c)
{
    struct jat m, el;
    const char *s;
    size_t n;

    if (!jmember(at, "esp", &m)) {
        for (n = 0; n < sizeof default_esp / sizeof default_esp[0]; n++)
            if (esp_suite_parse(default_esp[n], &c->suites[n]) != OK)
                return jfail(at, "esp: default suite %s is not built in", default_esp[n]);
        c->n_suites = (uint8_t)n;
        return OK;
    }
    TRY(jarray(&m, sizeof c->suites / sizeof c->suites[0], &n));
    if (n == 0)
        return jfail(&m, "empty; leave it out for the defaults, or try aes128gcm16-x25519");
    for (size_t i = 0; i < n; i++) {
        el = jelement(&m, i);
        TRY(jstring(&el, &s));
        if (esp_suite_parse(s, &c->suites[i]) != OK)
            return jfail(&el, "unknown suite \"%.60s\"; try aes128gcm16-x25519", s);
    }
    c->n_suites = (uint8_t)n;
    return OK;
}

static bool number_to(const char *s, const char *end, uint32_t max, uint32_t *ret)
{
    uint32_t n = 0;

    if (s == end || end - s > 5)
        return false;
    for (; s < end; s++) {
        if (*s < '0' || *s > '9')
            return false;
        n = n * 10 + (uint32_t)(*s - '0');
    }
    if (n > max)
        return false;
    *ret = n;
    return true;
}

static bool protocol(const char *s, const char *end, uint8_t *ret)
{
    static const struct {
        const char *name;
        uint8_t number;
    } names[] = { { "any", 0 },  { "icmp", 1 },    { "tcp", 6 },   { "udp", 17 },
                  { "gre", 47 }, { "icmpv6", 58 }, { "sctp", 132 } };
    uint32_t n;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strlen(names[i].name) == (size_t)(end - s) &&
            strncmp(s, names[i].name, (size_t)(end - s)) == 0) {
            *ret = names[i].number;
            return true;
        }
    if (!number_to(s, end, 255, &n))
        return false;
    *ret = (uint8_t)n;
    return true;
}

/* "[tcp/443]", "[udp/1000-2000]", "[icmp]"; nothing: everything. */
static bool protocol_and_ports(const char *s, struct ts *t)
{
    const char *end = s + strlen(s), *slash, *dash;
    uint32_t a, b;

    t->port_first = 0;
    t->port_last = 65535;
    if (*s == '\0')
        return true;
    if (*s != '[' || end[-1] != ']')
        return false;
    s++;
    end--;
    slash = memchr(s, '/', (size_t)(end - s));
    if (slash == NULL)
        return protocol(s, end, &t->protocol);
    if (!protocol(s, slash, &t->protocol))
        return false;
    dash = memchr(slash, '-', (size_t)(end - slash));
    if (!number_to(slash + 1, dash == NULL ? end : dash, 65535, &a))
        return false;
    b = a;
    if (dash != NULL && !number_to(dash + 1, end, 65535, &b))
        return false;
    t->port_first = (uint16_t)a;
    t->port_last = (uint16_t)b;
    return a <= b;
}

static bool prefix_range(const char *s, struct ts *t)
{
    struct ip_prefix p;
    size_t len;

    if (prefix_parse(s, &p) != OK)
        return false;
    t->first = t->last = p.addr;
    len = ip_len(&p.addr);
    for (size_t bit = p.bits; bit < len * 8; bit++) {
        uint8_t mask = (uint8_t)(0x80 >> (bit % 8));

        /* Host bits set in a prefix are a typing error more often than a wish. */
        if ((p.addr.ip[bit / 8] & mask) != 0)
            return false;
        t->last.ip[bit / 8] |= mask;
    }
    return true;
}

static bool selector(const char *text, struct ts *ret)
{
    char addr[2 * IP_TEXT_MAX], *dash;
    const char *bracket = strchr(text, '[');
    size_t n = bracket == NULL ? strlen(text) : (size_t)(bracket - text);
    struct ts t = { 0 };

    if (n >= sizeof addr || !protocol_and_ports(text + n, &t))
        return false;
    snprintf(addr, sizeof addr, "%.*s", (int)n, text);
    dash = strchr(addr, '-');
    if (dash != NULL) {
        *dash = '\0';
        if (ip_parse(addr, &t.first) != OK || ip_parse(dash + 1, &t.last) != OK ||
            t.first.family != t.last.family || ip_cmp(&t.first, &t.last) > 0)
            return false;
    } else if (!prefix_range(addr, &t)) {
        return false;
    }
    *ret = t;
    return true;
}

static enum err read_ts(const struct jat *at, const char *key, struct ts *ts, uint8_t *ret_n,
                        bool *ret_dynamic)
{
    struct jat m;
    const char *s;
    size_t n;

    if (!jmember(at, key, &m))
        return OK;
    TRY(jarray(&m, LIMIT_SELECTORS, &n));
    if (n == 0)
        return jfail(&m, "empty; write addresses like \"10.1.0.0/16\", or \"dynamic\"");
    *ret_n = 0;
    *ret_dynamic = false;
    for (size_t i = 0; i < n; i++) {
        struct jat el = jelement(&m, i);

        TRY(jstring(&el, &s));
        if (strcmp(s, "dynamic") == 0)
            *ret_dynamic = true;
        else if (!selector(s, &ts[(*ret_n)++]))
            return jfail(&el,
                         "cannot read \"%.60s\"; write \"10.1.0.0/16\" (no host bits), "
                         "\"10.1.0.5-10.1.0.9\", \"10.1.0.0/16[tcp/443]\" or \"dynamic\"",
                         s);
    }
    return OK;
}

static void everything(struct ts *ts, uint8_t *n)
{
    (void)selector("0.0.0.0/0", &ts[0]);
    (void)selector("::/0", &ts[1]);
    *n = 2;
}

static enum err read_selectors(const struct jat *at, const struct policy_conn *conn,
                               struct policy_child *c)
{
    /* Who gives out addresses serves everything behind it; who asks for one wants all of that. */
    c->local_dynamic = conn->n_pools == 0;
    c->remote_dynamic = !conn->request_vip4 && !conn->request_vip6;
    if (!c->local_dynamic)
        everything(c->local_ts, &c->n_local);
    if (!c->remote_dynamic)
        everything(c->remote_ts, &c->n_remote);
    TRY(read_ts(at, "local_ts", c->local_ts, &c->n_local, &c->local_dynamic));
    return read_ts(at, "remote_ts", c->remote_ts, &c->n_remote, &c->remote_dynamic);
}

static enum err longer(const struct jat *at, const char *life, uint64_t life_v, const char *rekey,
                       uint64_t rekey_v)
{
    if (life_v == 0 || rekey_v == 0 || life_v > rekey_v)
        return OK;
    return jfail(at, "%s: %llu must be more than %s, %llu", life, (unsigned long long)life_v, rekey,
                 (unsigned long long)rekey_v);
}

static enum err read_lifetimes(const struct jat *at, struct policy_child *c)
{
    c->rekey_s = 3600;
    TRY(jget_seconds(at, "rekey", 0, 30 * 86400, &c->rekey_s));
    c->life_s = c->rekey_s == 0 ? 0 : c->rekey_s + c->rekey_s / 10 + 30;
    TRY(jget_seconds(at, "lifetime", 0, 30 * 86400, &c->life_s));
    TRY(jget_size(at, "rekey_bytes", &c->rekey_bytes));
    c->life_bytes = c->rekey_bytes + c->rekey_bytes / 4;
    TRY(jget_size(at, "lifetime_bytes", &c->life_bytes));
    TRY(jget_size(at, "rekey_packets", &c->rekey_packets));
    c->life_packets = c->rekey_packets + c->rekey_packets / 4;
    TRY(jget_size(at, "lifetime_packets", &c->life_packets));
    TRY(longer(at, "lifetime", c->life_s, "rekey", c->rekey_s));
    TRY(longer(at, "lifetime_bytes", c->life_bytes, "rekey_bytes", c->rekey_bytes));
    return longer(at, "lifetime_packets", c->life_packets, "rekey_packets", c->rekey_packets);
}

enum err config_read_child(const struct jat *at, const struct policy_conn *conn,
                           struct policy_child *c)
{
    static const char *const known[] = { "name",
                                         "esp",
                                         "local_ts",
                                         "remote_ts",
                                         "rekey",
                                         "lifetime",
                                         "rekey_bytes",
                                         "lifetime_bytes",
                                         "rekey_packets",
                                         "lifetime_packets",
                                         "replay_window",
                                         "start",
                                         NULL };
    struct jat m;
    const char *s;

    TRY(jobject(at, known));
    TRY(jneed(at, "name", "every child has one", &m));
    TRY(config_read_name(&m, c->name));
    TRY(read_esp(at, c));
    TRY(read_selectors(at, conn, c));
    TRY(read_lifetimes(at, c));
    c->replay_window = 1024;
    TRY(jget_u16(at, "replay_window", 32, 1024, &c->replay_window));
    if (!jmember(at, "start", &m))
        return OK;
    TRY(jstring(&m, &s));
    if (strcmp(s, "auto") != 0 && strcmp(s, "none") != 0)
        return jfail(&m, "unknown \"%.40s\"; write \"auto\" (start with the daemon) or \"none\"",
                     s);
    c->start = strcmp(s, "auto") == 0 ? START_AUTO : START_NONE;
    return OK;
}
