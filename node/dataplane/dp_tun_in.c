/* dp_tun_in: ESP to inner packets.
 *
 * Datagrams of one receive call are opened where they lie; consecutive segments of a flow are
 * joined and go into the TUN device as one packet. Nothing changes (window, counters, addresses)
 * before the integrity check has passed. */
#include "node/dataplane/dp_tun_priv.h"

#include <string.h>

#include <sys/uio.h>

static enum err ensure_cipher(struct dp_tun *t, struct dp_sa *sa)
{
    if (sa->open != NULL)
        return OK;
    TRY(esp_cipher_new(sa->suite, sa->esn, false, &sa->encr_in, &sa->integ_in, t->core.env,
                       &sa->open));
    secret_wipe(&sa->encr_in);
    secret_wipe(&sa->integ_in);
    return OK;
}

static void write_item(struct dp_tun *t, struct coalesce_item *it)
{
    struct iovec iov[COALESCE_PARTS + 1];
    struct tun_offload offload;
    unsigned n = 1;

    coalesce_finish(it, &offload);
    iov[n++] = (struct iovec){ it->head, it->head_len };
    for (unsigned i = 0; i < it->n_more; i++)
        iov[n++] = (struct iovec){ (void *)(uintptr_t)it->more[i].p, it->more[i].len };
    t->stats.tun_writes++;
    if (tun_dev_write(&t->dev, &offload, it->header_len, it->ip.version, iov, n - 1) != OK)
        t->core.drops[DROP_TUN] += it->n_more + 1U;
}

static void write_all(struct dp_tun *t)
{
    for (size_t i = 0; i < t->co->n; i++)
        write_item(t, &t->co->item[i]);
    t->co->n = 0;
}

static void write_alone(struct dp_tun *t, uint8_t *packet, const struct ip_packet *ip)
{
    static const struct tun_offload none;
    struct iovec iov[2] = { { NULL, 0 }, { packet, ip->total_len } };

    t->stats.tun_writes++;
    if (tun_dev_write(&t->dev, &none, 0, ip->version, iov, 1) != OK)
        dp_tun_drop(t, DROP_TUN);
}

/* RFC 6040 4.2, figure 4: the outer congestion mark goes inside; where the inner transport cannot
 * understand it, the packet is dropped as the network would have. */
static bool merge_ecn(uint8_t *packet, struct ip_packet *ip, uint8_t outer)
{
    uint8_t in = ip->tos & 3, out = outer & 3;

    if (out == 3 && in == 0)
        return false;
    if ((out == 3 && in != 3) || (out == 1 && in == 2)) {
        ip_set_ecn(packet, ip->version, out);
        ip->tos = (uint8_t)((ip->tos & 0xfc) | out);
    }
    return true;
}

/* Is this a packet that the SA may carry? What stands behind it (traffic padding) is left out by
 * ip->total_len. */
static enum err check_inner(struct dp_tun *t, const struct dp_sa *sa, struct span inner,
                            uint8_t next_header, struct ip_packet *ip)
{
    if (ip_packet_parse(inner, ip) != OK ||
        next_header != (ip->version == 4 ? ESP_NEXT_IPV4 : ESP_NEXT_IPV6)) {
        dp_tun_drop(t, DROP_MALFORMED);
        return E_BAD_VALUE;
    }
    /* RFC 4301 5.2 step 4: the selectors of the SA that it came in on (INV-VIP). */
    if (!ts_match_in(sa->ts, sa->n_local, dp_sa_remote_ts(sa), sa->n_remote, ip)) {
        dp_tun_drop(t, DROP_SELECTOR);
        return E_TS_UNACCEPTABLE;
    }
    return OK;
}

static enum err open_packet(struct dp_tun *t, struct dp_sa *sa, struct udp_packet *p, uint32_t low,
                            struct span *ret_inner, uint8_t *ret_next_header)
{
    struct endpoint from = p->remote;
    uint64_t seq, top = sa->win.top;
    enum dp_drop why;
    enum err e = dp_sa_may_receive(&t->core, sa, &why);

    if (e != OK) {
        dp_tun_drop(t, why);
        return e;
    }
    e = replay_check(&sa->win, low, &seq);
    if (e != OK) {
        sa->replay_drops++;
        dp_tun_drop(t, DROP_REPLAY);
        return e;
    }
    e = ensure_cipher(t, sa);
    if (e == OK)
        e = esp_open(sa->open, seq, p->data, p->len, ret_inner, ret_next_header);
    if (e != OK) {
        sa->auth_drops += e == E_INTEGRITY;
        dp_tun_drop(t, e == E_INTEGRITY ? DROP_AUTH : DROP_MALFORMED);
        return e;
    }
    TRY(replay_update(&sa->win, seq));
    if (from.port == 0)
        from.port = sa->remote.port; /* raw ESP has none */
    dp_sa_received(&t->core, sa, ret_inner->len, &from, seq > top);
    return OK;
}

/* OK: ret_packet is an inner packet for the TUN device. */
static enum err inbound(struct dp_tun *t, struct dp_sa *sa, struct udp_packet *p, uint32_t low,
                        uint8_t **ret_packet, struct ip_packet *ret_ip)
{
    struct span inner;
    uint8_t next_header, *packet;

    TRY(open_packet(t, sa, p, low, &inner, &next_header));
    t->stats.packets_in++;
    t->stats.bytes_in += inner.len;
    if (next_header == ESP_NEXT_DUMMY) {
        t->stats.dummies_in++;
        return E_NOT_FOUND;
    }
    TRY(check_inner(t, sa, inner, next_header, ret_ip));
    packet = p->data + (inner.p - p->data);
    if (!merge_ecn(packet, ret_ip, p->tos)) {
        dp_tun_drop(t, DROP_MALFORMED);
        return E_BAD_VALUE;
    }
    mss_clamp(packet, ret_ip, ret_ip->version == 4 ? t->mss4 : t->mss6);
    *ret_packet = packet;
    return OK;
}

static void tell_unknown(struct dp_tun *t, const struct endpoint *local,
                         const struct endpoint *remote, uint32_t spi, struct span esp,
                         bool forwarded)
{
    struct dp_event ev = { .kind = DPE_UNKNOWN_SPI,
                           .spi_in = spi,
                           .local = *local,
                           .remote = *remote,
                           .packet = esp,
                           .forwarded = forwarded };

    dp_tun_drop(t, DROP_UNKNOWN_SPI);
    if (t->core.dp.on_event != NULL)
        t->core.dp.on_event(t->core.dp.ctx, &ev);
}

static void esp_arrived(struct dp_tun *t, struct udp_packet *p)
{
    struct ip_packet ip;
    uint8_t *packet;
    uint32_t spi, low;
    struct dp_sa *sa;

    if (esp_peek(span_of(p->data, p->len), &spi, &low) != OK) {
        dp_tun_drop(t, DROP_MALFORMED);
        return;
    }
    sa = dp_core_find(&t->core, spi);
    if (sa == NULL) {
        tell_unknown(t, &p->local, &p->remote, spi, span_of(p->data, p->len), false);
        return;
    }
    if (inbound(t, sa, p, low, &packet, &ip) != OK)
        return;
    if (!coalesce_add(t->co, packet, &ip)) {
        write_all(t);
        if (!coalesce_add(t->co, packet, &ip)) /* empty now */
            dp_tun_drop(t, DROP_TUN);
    }
}

/* RFC 3948 2: a zero SPI marks IKE, one octet 0xff a keepalive, the rest is ESP. */
static void datagram(struct dp_tun *t, struct udp_packet *p, bool raw)
{
    t->stats.udp_packets_in++;
    if (!raw && p->len == 1 && p->data[0] == 0xff) {
        t->stats.keepalives_in++;
        return;
    }
    if (!raw && p->len > 4 && be32_at(p->data) == 0) {
        t->stats.ike_in++;
        if (t->config.on_ike != NULL)
            t->config.on_ike(t->config.ike_ctx, &p->local, &p->remote,
                             span_of(p->data + 4, p->len - 4));
        return;
    }
    esp_arrived(t, p);
}

void dp_tun_on_sock(struct dp_tun *t, const struct udp_sock *s)
{
    struct udp_packet *packets;

    for (unsigned turn = 0; turn < RECVS_PER_TURN && !t->closing; turn++) {
        size_t n = udp_recv_batch(t->rx, s, &packets);

        for (size_t i = 0; i < n && !t->closing; i++)
            datagram(t, &packets[i], s->raw);
        if (t->closing)
            return;
        write_all(t);
        if (!udp_recv_full(t->rx))
            break;
    }
}

void dp_tun_input_esp(struct dataplane *dp, const struct endpoint *local,
                      const struct endpoint *remote, struct span esp, bool forwarded)
{
    struct dp_tun *t = tun_of(dp);
    struct udp_packet p = {
        .local = *local, .remote = *remote, .data = t->esp_buf, .len = esp.len
    };
    struct ip_packet ip;
    uint8_t *packet;
    uint32_t spi, low;
    struct dp_sa *sa;

    if (t->closing)
        return;
    if (esp.len > TUN_PACKET_MAX || esp_peek(esp, &spi, &low) != OK) {
        dp_tun_drop(t, DROP_MALFORMED);
        return;
    }
    dp_tun_begin(t);
    sa = dp_core_find(&t->core, spi);
    if (sa == NULL) {
        tell_unknown(t, local, remote, spi, esp, forwarded);
    } else {
        memmove(t->esp_buf, esp.p, esp.len);
        if (inbound(t, sa, &p, low, &packet, &ip) == OK)
            write_alone(t, packet, &ip);
    }
    if (!t->closing)
        dp_tun_end(t);
}
