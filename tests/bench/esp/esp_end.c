/* esp-end: one end of a tunnel with fixed keys, to test and measure dp_tun without IKE.
 *
 *   esp-end --tun NAME --local IP[:PORT] --remote IP[:PORT] --side a|b --inner-local PFX
 *           --inner-remote PFX [--suite NAME] [--raw] [--esn] [--no-offload] [--mtu N]
 *           [--seq-start N] [--block N] [--stats]
 *
 * Side a sends with key A and receives with key B, side b the reverse; SPIs likewise. Keys are
 * derived from the letter: this program protects nothing. Prints "ready" when packets flow, and
 * with --stats one line of JSON at SIGTERM. A block is extended when the data plane asks, as a
 * daemon would. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uv.h>

#include "node/dataplane/dp_tun.h"
#include "node/dataplane/esp.h"
#include "node/dataplane/tun_route.h"

enum { PORT = 4500, SLOT = 7, INNER_MAX = 4 };

struct end {
    struct dp_tun_config config;
    struct dp_child child;
    struct dataplane *dp;
    struct ip_prefix inner_local[INNER_MAX], inner_remote[INNER_MAX];
    unsigned n_local, n_remote;
    uint64_t block, extensions, unknown, no_sa, moved, counters;
    bool stats;
    uv_signal_t term, interrupt;
};

static const struct suite_name {
    const char *name;
    uint16_t encr, bits, integ;
} suite_names[] = {
    { "aes128gcm16", ESP_ENCR_AES_GCM_16, 128, 0 },
    { "aes256gcm16", ESP_ENCR_AES_GCM_16, 256, 0 },
    { "chacha20poly1305", ESP_ENCR_CHACHA20_POLY1305, 256, 0 },
    { "aes128-sha256", ESP_ENCR_AES_CBC, 128, ESP_INTEG_HMAC_SHA2_256_128 },
    { "aes256-sha384", ESP_ENCR_AES_CBC, 256, ESP_INTEG_HMAC_SHA2_384_192 },
    { "aes256-sha512", ESP_ENCR_AES_CBC, 256, ESP_INTEG_HMAC_SHA2_512_256 },
};

_Noreturn static void die(const char *what, const char *detail)
{
    fprintf(stderr, "esp-end: %s: %s\n", what, detail);
    exit(2);
}

static void on_event(void *ctx, const struct dp_event *ev)
{
    struct end *e = ctx;

    switch (ev->kind) {
    case DPE_INSTALLED:
        if (ev->err != OK)
            die("install", err_name(ev->err));
        break;
    case DPE_RESERVE:
        e->extensions++;
        e->dp->ops->extend(e->dp, ev->spi_in, ev->counters.seq_used + 1 + e->block);
        break;
    case DPE_UNKNOWN_SPI:
        e->unknown++;
        break;
    case DPE_NO_SA_OUT:
        e->no_sa++;
        break;
    case DPE_PEER_MOVED:
        e->moved++;
        e->dp->ops->move(e->dp, ev->spi_in, &e->child.local, &ev->remote, e->child.udp_encap);
        break;
    case DPE_COUNTERS:
        e->counters++;
        break;
    default:
        break;
    }
}

static void print_stats(const struct end *e)
{
    struct dp_tun_stats s;

    dp_tun_get_stats(e->dp, &s);
    printf("{\"packets_in\":%" PRIu64 ",\"bytes_in\":%" PRIu64 ",\"packets_out\":%" PRIu64
           ",\"bytes_out\":%" PRIu64 ",\"tun_reads\":%" PRIu64 ",\"tun_writes\":%" PRIu64
           ",\"udp_packets_in\":%" PRIu64,
           s.packets_in, s.bytes_in, s.packets_out, s.bytes_out, s.tun_reads, s.tun_writes,
           s.udp_packets_in);
    printf(",\"drop_replay\":%" PRIu64 ",\"drop_auth\":%" PRIu64 ",\"drop_unknown_spi\":%" PRIu64
           ",\"drop_no_sa\":%" PRIu64 ",\"drop_block\":%" PRIu64 ",\"drop_slot\":%" PRIu64
           ",\"drop_selector\":%" PRIu64 ",\"drop_malformed\":%" PRIu64 ",\"drop_send\":%" PRIu64
           ",\"drop_tun\":%" PRIu64,
           s.drop_replay, s.drop_auth, s.drop_unknown_spi, s.drop_no_sa, s.drop_block,
           s.drop_slot_closed, s.drop_selector, s.drop_malformed, s.drop_send, s.drop_tun);
    printf(",\"extensions\":%" PRIu64 ",\"no_sa_events\":%" PRIu64 ",\"unknown_events\":%" PRIu64
           ",\"peer_moved\":%" PRIu64 ",\"counter_events\":%" PRIu64 "}\n",
           e->extensions, e->no_sa, e->unknown, e->moved, e->counters);
    fflush(stdout);
}

static void on_signal(uv_signal_t *h, int signum)
{
    struct end *e = h->data;

    (void)signum;
    if (e->stats)
        print_stats(e);
    dp_tun_close(e->dp, NULL, NULL);
    uv_close((uv_handle_t *)&e->term, NULL);
    uv_close((uv_handle_t *)&e->interrupt, NULL);
}

static void fill_key(struct secret *s, size_t len, char who, uint8_t what)
{
    s->len = (uint8_t)len;
    for (size_t i = 0; i < len; i++)
        s->data[i] = (uint8_t)(who * 31 + what * 7 + (int)i);
}

static void set_keys(struct dp_child *c, char side)
{
    const struct esp_suite *s = esp_suite_find(c->encr, c->encr_key_bits, c->integ);
    char other = side == 'a' ? 'b' : 'a';

    if (s == NULL)
        die("suite", "unknown");
    fill_key(&c->encr_out, s->key_len, side, 1);
    fill_key(&c->encr_in, s->key_len, other, 1);
    fill_key(&c->integ_out, s->integ_len, side, 2);
    fill_key(&c->integ_in, s->integ_len, other, 2);
    c->spi_in = side == 'a' ? 0x0a0a0a0a : 0x0b0b0b0b;
    c->spi_out = side == 'a' ? 0x0b0b0b0b : 0x0a0a0a0a;
}

static void set_suite(struct dp_child *c, const char *name)
{
    for (size_t i = 0; i < sizeof(suite_names) / sizeof(suite_names[0]); i++) {
        if (strcmp(suite_names[i].name, name) != 0)
            continue;
        c->encr = suite_names[i].encr;
        c->encr_key_bits = suite_names[i].bits;
        c->integ = suite_names[i].integ;
        return;
    }
    die("suite", name);
}

static void parse_outer(const char *text, struct endpoint *ret)
{
    if (endpoint_parse(text, ret) == OK)
        return;
    if (ip_parse(text, &ret->addr) != OK)
        die("address", text);
    ret->port = PORT;
}

static void add_inner(const char *text, struct ip_prefix *list, unsigned *n, struct dp_selector *ts,
                      uint8_t *n_ts)
{
    struct ip_prefix p;
    struct dp_selector s = { .port_last = UINT16_MAX };

    if (*n == INNER_MAX || prefix_parse(text, &p) != OK)
        die("prefix", text);
    list[(*n)++] = p;
    s.first = s.last = p.addr;
    for (unsigned bit = p.bits; bit < ip_len(&p.addr) * 8; bit++) {
        s.first.ip[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
        s.last.ip[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    }
    ts[(*n_ts)++] = s;
}

static char parse_args(struct end *e, int argc, char **argv)
{
    static const struct option options[] = {
        { "tun", 1, NULL, 't' },
        { "local", 1, NULL, 'l' },
        { "remote", 1, NULL, 'r' },
        { "side", 1, NULL, 's' },
        { "inner-local", 1, NULL, 'L' },
        { "inner-remote", 1, NULL, 'R' },
        { "suite", 1, NULL, 'u' },
        { "raw", 0, NULL, 'w' },
        { "esn", 0, NULL, 'e' },
        { "no-offload", 0, NULL, 'o' },
        { "mtu", 1, NULL, 'm' },
        { "seq-start", 1, NULL, 'q' },
        { "block", 1, NULL, 'b' },
        { "stats", 0, NULL, 'S' },
        { NULL, 0, NULL, 0 },
    };
    struct dp_child *c = &e->child;
    char side = 'a';
    int o;

    while ((o = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (o) {
        case 't':
            snprintf(e->config.tun_name, sizeof(e->config.tun_name), "%s", optarg);
            break;
        case 'l':
            parse_outer(optarg, &c->local);
            break;
        case 'r':
            parse_outer(optarg, &c->remote);
            break;
        case 's':
            side = optarg[0];
            break;
        case 'L':
            add_inner(optarg, e->inner_local, &e->n_local, c->local_ts, &c->n_local);
            break;
        case 'R':
            add_inner(optarg, e->inner_remote, &e->n_remote, c->remote_ts, &c->n_remote);
            break;
        case 'u':
            set_suite(c, optarg);
            break;
        case 'w':
            c->udp_encap = false;
            break;
        case 'e':
            c->esn = true;
            break;
        case 'o':
            e->config.no_offload = true;
            break;
        case 'm':
            e->config.mtu = (uint16_t)atoi(optarg);
            break;
        case 'q':
            c->seq_next = strtoull(optarg, NULL, 0);
            break;
        case 'b':
            e->block = strtoull(optarg, NULL, 0);
            break;
        case 'S':
            e->stats = true;
            break;
        default:
            die("usage", "see the head of esp_end.c");
        }
    }
    if (side != 'a' && side != 'b')
        die("side", "a or b");
    return side;
}

static void set_up_device(struct end *e)
{
    unsigned ifindex = dp_tun_ifindex(e->dp);

    for (unsigned i = 0; i < e->n_local; i++) {
        struct ip_prefix p = e->inner_local[i];

        p.bits = (uint8_t)(ip_len(&p.addr) * 8);
        if (tun_addr_add(ifindex, &p) != OK)
            die("address on the device", strerror(errno));
    }
    for (unsigned i = 0; i < e->n_remote; i++) {
        struct tun_route r = { .dst = e->inner_remote[i], .ifindex = ifindex };

        for (unsigned k = 0; k < e->n_local; k++)
            if (e->inner_local[k].addr.family == r.dst.addr.family)
                r.src = e->inner_local[k].addr;
        if (tun_route_add(&r) != OK)
            die("route to the device", strerror(errno));
    }
}

int main(int argc, char **argv)
{
    static const struct env env = { .random = env_os_random };
    static struct end e;
    uv_loop_t loop;
    char side;

    e.config = dp_tun_defaults();
    e.child = (struct dp_child){ .slot = SLOT, .udp_encap = true, .window_bits = DP_WINDOW_BITS };
    e.child.seq_next = 1;
    e.block = 1 << 20;
    set_suite(&e.child, "aes128gcm16");
    side = parse_args(&e, argc, argv);
    set_keys(&e.child, side);
    e.child.window.top = e.child.seq_next - 1;
    e.child.seq_end = e.child.seq_next + e.block;

    uv_loop_init(&loop);
    e.config.loop = &loop;
    e.config.env = &env;
    e.config.raw_esp = !e.child.udp_encap;
    if (e.child.local.addr.family == 6)
        e.config.bind6 = e.child.local;
    else
        e.config.bind4 = e.child.local;
    if (dp_tun_new(&e.config, &e.dp) != OK)
        die("cannot start", strerror(errno));
    e.dp->on_event = on_event;
    e.dp->ctx = &e;
    e.dp->window_packets = 1 << 14;
    e.dp->window_ms = 500;
    e.dp->ops->slot_deadline(e.dp, SLOT, UINT64_MAX);
    e.dp->ops->install(e.dp, &e.child);
    set_up_device(&e);

    uv_signal_init(&loop, &e.term);
    uv_signal_init(&loop, &e.interrupt);
    e.term.data = e.interrupt.data = &e;
    uv_signal_start(&e.term, on_signal, SIGTERM);
    uv_signal_start(&e.interrupt, on_signal, SIGINT);
    puts("ready");
    fflush(stdout);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return 0;
}
