/* dp_tun_out: inner packets to ESP.
 *
 * A super-packet of the TUN device is looked up once, cut into segments, each sealed in the arena
 * right behind the one before, so that the whole train leaves as one message. */
#include "node/dataplane/dp_tun_priv.h"

#include <string.h>

static enum err ensure_cipher(struct dp_tun *t, struct dp_sa *sa)
{
    if (sa->seal != NULL)
        return OK;
    TRY(esp_cipher_new(sa->suite, sa->esn, true, &sa->encr_out, &sa->integ_out, t->core.env,
                       &sa->seal));
    secret_wipe(&sa->encr_out);
    secret_wipe(&sa->integ_out);
    return OK;
}

static const struct udp_sock *sock_for(struct dp_tun *t, const struct dp_sa *sa)
{
    bool v6 = sa->remote.addr.family == 6;
    const struct udp_sock *s =
        sa->udp_encap ? &t->sock[v6 ? SOCK_UDP6 : SOCK_UDP4] : &t->sock[v6 ? SOCK_RAW6 : SOCK_RAW4];

    return s->fd >= 0 ? s : NULL;
}

static void flush(struct dp_tun *t)
{
    if (t->arena_used == t->arena_base)
        return;
    /* The deadline was checked at the beginning of the batch. A process that was stopped in between
     * must not send now: its slot may have another owner (INV-REVOKE). The numbers are spent. */
    if (uv_hrtime() / 1000000 - t->core.now_ms > BATCH_STALE_MS)
        udp_send_discard(t->tx);
    else
        udp_send_flush(t->tx);
    t->arena_used = t->arena_base;
}

/* Inner ECN and DSCP go outside as they are: RFC 6040 4.1 normal mode, RFC 2983 2 uniform. */
static void seal_one(struct dp_tun *t, struct dp_sa *sa, const struct udp_sock *sock,
                     const struct segments *s, size_t i)
{
    size_t len = segments_len(s, i), head = esp_headroom(sa->suite), wire;
    uint8_t *buf = t->arena + t->arena_used;
    uint16_t mss = s->ip.version == 4 ? t->mss4 : t->mss6;
    struct ip_packet ip = s->ip;
    enum err e;

    segments_write(s, i, buf + head);
    ip.total_len = len;
    mss_clamp(buf + head, &ip, mss);
    e = esp_seal(sa->seal, sa->spi_out, &sa->block, buf, ARENA - t->arena_used, len,
                 s->ip.version == 4 ? ESP_NEXT_IPV4 : ESP_NEXT_IPV6, 0, &wire);
    dp_sa_sent(&t->core, sa, e == OK ? len : 0);
    if (e != OK) {
        dp_tun_drop(t, e == E_LIMIT ? DROP_BLOCK : DROP_SEND);
        return;
    }
    udp_send_add(t->tx, sock, &sa->local, &sa->remote, s->ip.tos, sa->spi_in, span_of(buf, wire));
    t->arena_used += wire;
    t->stats.packets_out++;
    t->stats.bytes_out += len;
}

static void seal_all(struct dp_tun *t, struct dp_sa *sa, const struct segments *s)
{
    const struct udp_sock *sock = sock_for(t, sa);
    enum dp_drop why;

    if (dp_sa_may_send(&t->core, sa, &why) != OK) {
        t->core.drops[why] += s->count;
        return;
    }
    if (sock == NULL || ensure_cipher(t, sa) != OK) {
        t->core.drops[DROP_SEND] += s->count;
        return;
    }
    for (size_t i = 0; i < s->count; i++) {
        size_t need = ESP_HEADROOM_MAX + segments_len(s, i) + ESP_TAILROOM_MAX;

        if (t->arena_used + need > ARENA)
            flush(t);
        if (sa->hard_reached) {
            t->core.drops[DROP_LIFETIME] += s->count - i;
            return;
        }
        seal_one(t, sa, sock, s, i);
    }
}

static bool is_multicast(const struct ip_addr *a)
{
    return a->family == 4 ? a->ip[0] >= 224
                          : a->ip[0] == 0xff || (a->ip[0] == 0xfe && a->ip[1] >= 0x80);
}

/* The engine hears of whole packets that could go on a wire, never of super-packets. Each is
 * written into the arena, after what waits there. */
static void tell_no_sa(struct dp_tun *t, const struct segments *s, bool forwarded)
{
    size_t base = t->arena_base;

    t->core.drops[DROP_NO_SA] += s->count;
    /* Neighbour discovery and the like of the device itself has no business in a tunnel. */
    if (t->core.dp.on_event == NULL || is_multicast(&s->ip.dst))
        return;
    flush(t);
    if (base > ARENA / 4)
        return; /* handlers inside handlers inside handlers */
    for (size_t i = 0; i < s->count && !t->closing; i++) {
        struct dp_event ev = { .kind = DPE_NO_SA_OUT, .forwarded = forwarded };
        size_t len = segments_len(s, i);

        segments_write(s, i, t->arena + base);
        ev.packet = span_of(t->arena + base, len);
        t->arena_base = t->arena_used = base + len;
        t->core.dp.on_event(t->core.dp.ctx, &ev);
        t->arena_base = t->arena_used = base;
    }
}

static void handle(struct dp_tun *t, struct span packet, const struct tun_offload *offload,
                   bool forwarded)
{
    struct segments s;
    struct dp_sa *sa;

    if (segments_init(&s, packet, offload) != OK) {
        dp_tun_drop(t, DROP_MALFORMED);
        return;
    }
    sa = dp_core_find_out(&t->core, &s.ip);
    if (sa == NULL)
        tell_no_sa(t, &s, forwarded);
    else
        seal_all(t, sa, &s);
}

void dp_tun_on_tun(struct dp_tun *t)
{
    struct tun_offload offload;
    struct span packet;

    for (unsigned i = 0; i < READS_PER_TURN && !t->closing; i++) {
        enum err e = tun_dev_read(&t->dev, t->tun_buf, &packet, &offload);

        if (e == E_NOT_FOUND)
            break;
        if (e == E_IO) {
            dp_tun_device_lost(t);
            break;
        }
        t->stats.tun_reads++;
        if (e != OK) {
            dp_tun_drop(t, DROP_MALFORMED);
            continue;
        }
        handle(t, packet, &offload, false);
        if (t->closing)
            return;
        if (t->arena_used >= ARENA_FLUSH)
            flush(t);
    }
    if (!t->closing)
        flush(t);
}

void dp_tun_input_inner(struct dataplane *dp, struct span ip_packet, bool forwarded)
{
    static const struct tun_offload none;
    struct dp_tun *t = tun_of(dp);

    if (t->closing)
        return;
    if (ip_packet.len > TUN_PACKET_MAX) {
        dp_tun_drop(t, DROP_TOO_BIG);
        return;
    }
    /* May be called from an event handler in the middle of a batch: what waits in the arena stays
     * in front and leaves first. */
    dp_tun_begin(t);
    handle(t, ip_packet, &none, forwarded);
    if (t->closing)
        return;
    flush(t);
    dp_tun_end(t);
}
