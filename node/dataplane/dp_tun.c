/* dp_tun: life of the userspace data plane: device, sockets, loop handles.
 *
 * The way out is dp_tun_out.c (TUN -> segments -> ESP -> trains of UDP), the way in dp_tun_in.c
 * (UDP -> ESP -> joined segments -> TUN). What may pass is decided in dp_core. One thread: no
 * locks, no queues between threads, no allocation per packet. */
#include "node/dataplane/dp_tun.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "node/dataplane/dp_tun_priv.h"
#include "node/dataplane/tun_route.h"

enum { MTU_DEFAULT = 1400, MTU_MIN = 576 };

static void op_install(struct dataplane *dp, const struct dp_child *child)
{
    dp_core_install(&tun_of(dp)->core, child);
}

static void op_extend(struct dataplane *dp, uint32_t spi_in, uint64_t seq_end)
{
    dp_core_extend(&tun_of(dp)->core, spi_in, seq_end);
}

static void op_move(struct dataplane *dp, uint32_t spi_in, const struct endpoint *local,
                    const struct endpoint *remote, bool udp_encap)
{
    dp_core_move(&tun_of(dp)->core, spi_in, local, remote, udp_encap);
}

static void op_remove(struct dataplane *dp, uint32_t spi_in)
{
    dp_core_remove(&tun_of(dp)->core, spi_in);
}

static void op_query(struct dataplane *dp, uint32_t spi_in)
{
    dp_core_query(&tun_of(dp)->core, spi_in);
}

static void op_slot_deadline(struct dataplane *dp, uint16_t slot, uint64_t deadline_ms)
{
    dp_core_slot_deadline(&tun_of(dp)->core, slot, deadline_ms);
}

static const struct dataplane_ops tun_ops = {
    .install = op_install,
    .extend = op_extend,
    .move = op_move,
    .remove = op_remove,
    .query = op_query,
    .slot_deadline = op_slot_deadline,
};

struct dp_tun_config dp_tun_defaults(void)
{
    return (struct dp_tun_config){ .mtu = MTU_DEFAULT, .udp4_fd = -1, .udp6_fd = -1 };
}

void dp_tun_begin(struct dp_tun *t)
{
    t->core.now_ms = uv_hrtime() / 1000000;
}

static void on_timer(uv_timer_t *h)
{
    struct dp_tun *t = h->data;

    dp_tun_begin(t);
    dp_core_tick(&t->core);
    dp_tun_end(t);
}

void dp_tun_end(struct dp_tun *t)
{
    if (!t->closing)
        dp_core_raise(&t->core);
    if (t->core.dp.window_ms == 0 || t->core.dirty.next == &t->core.dirty || t->closing)
        return;
    if (!uv_is_active((uv_handle_t *)&t->timer))
        uv_timer_start(&t->timer, on_timer, t->core.dp.window_ms / 2 + 1, 0);
}

static void on_readable(uv_poll_t *h, int status, int events)
{
    struct dp_tun_poll *p = h->data;

    (void)status; /* the read that follows meets the same error, and counts it */
    (void)events;
    dp_tun_begin(p->t);
    if (p->sock == NULL)
        dp_tun_on_tun(p->t);
    else
        dp_tun_on_sock(p->t, p->sock);
    dp_tun_end(p->t);
}

void dp_tun_device_lost(struct dp_tun *t)
{
    uv_poll_stop(&t->poll[SOCK_COUNT].poll); /* it would be readable for ever */
    LOG(t->config.env, LOG_ERROR, "tun-device-lost", F_STR("device", t->dev.name));
}

static enum err watch(struct dp_tun *t, struct dp_tun_poll *p, int fd, const struct udp_sock *s)
{
    int r = uv_poll_init(t->config.loop, &p->poll, fd);

    if (r == 0) {
        p->t = t;
        p->sock = s;
        p->open = true;
        t->handles++;
        p->poll.data = p;
        r = uv_poll_start(&p->poll, UV_READABLE, on_readable);
    }
    if (r == 0)
        return OK;
    errno = -r;
    return E_IO;
}

static enum err open_udp(struct udp_sock *s, int fd, const struct endpoint *bind_to,
                         bool reuse_port)
{
    if (fd >= 0)
        return udp_sock_adopt(fd, s);
    if (bind_to->addr.family != 0)
        return udp_sock_open(bind_to, reuse_port, s);
    return OK;
}

static enum err open_sockets(struct dp_tun *t)
{
    const struct dp_tun_config *c = &t->config;

    TRY(open_udp(&t->sock[SOCK_UDP4], c->udp4_fd, &c->bind4, c->reuse_port));
    TRY(open_udp(&t->sock[SOCK_UDP6], c->udp6_fd, &c->bind6, c->reuse_port));
    if (c->raw_esp) {
        TRY(udp_sock_open_raw_esp(4, &t->sock[SOCK_RAW4]));
        /* A host without IPv6 still has raw IPv4 ESP. */
        if (udp_sock_open_raw_esp(6, &t->sock[SOCK_RAW6]) != OK)
            t->sock[SOCK_RAW6].fd = -1;
    }
    for (unsigned i = 0; c->no_offload && i < SOCK_COUNT; i++)
        t->sock[i].gso = false;
    return OK;
}

static enum err open_all(struct dp_tun *t)
{
    uint16_t mtu = t->config.mtu;

    t->rx = udp_recv_new(RECV_MSGS);
    t->tx = udp_send_new();
    t->co = calloc(1, sizeof(*t->co));
    t->tun_buf = malloc(TUN_PACKET_MAX);
    t->arena = malloc(ARENA);
    t->esp_buf = malloc(TUN_PACKET_MAX);
    if (t->rx == NULL || t->tx == NULL || t->co == NULL || t->tun_buf == NULL || t->arena == NULL ||
        t->esp_buf == NULL)
        return E_NOMEM;
    TRY(dp_core_init(&t->core, &tun_ops));
    TRY(open_sockets(t));
    TRY(tun_dev_open(t->config.tun_name, !t->config.no_offload, &t->dev));
    TRY(tun_link_up(t->dev.ifindex, mtu));
    t->co->tcp = t->dev.vnet_hdr;
    t->co->udp = t->dev.uso;
    t->mss4 = t->config.mss_clamp != 0 ? t->config.mss_clamp : (uint16_t)(mtu - 40);
    t->mss6 =
        t->config.mss_clamp > 20 ? (uint16_t)(t->config.mss_clamp - 20) : (uint16_t)(mtu - 60);
    if (uv_timer_init(t->config.loop, &t->timer) != 0)
        return E_IO;
    t->timer.data = t;
    t->handles++;
    for (unsigned i = 0; i < SOCK_COUNT; i++)
        if (t->sock[i].fd >= 0)
            TRY(watch(t, &t->poll[i], t->sock[i].fd, &t->sock[i]));
    return watch(t, &t->poll[SOCK_COUNT], t->dev.fd, NULL);
}

enum err dp_tun_new(const struct dp_tun_config *config, struct dataplane **ret_dp)
{
    struct dp_tun *t = calloc(1, sizeof(*t));
    int saved;
    enum err e;

    if (t == NULL)
        return E_NOMEM;
    t->config = *config;
    if (t->config.mtu == 0)
        t->config.mtu = MTU_DEFAULT;
    if (t->config.mtu < MTU_MIN) {
        free(t);
        return E_BAD_VALUE;
    }
    t->core.env = config->env;
    t->dev.fd = -1;
    for (unsigned i = 0; i < SOCK_COUNT; i++)
        t->sock[i].fd = -1;
    e = open_all(t);
    if (e == OK) {
        *ret_dp = &t->core.dp;
        return OK;
    }
    saved = errno;
    dp_tun_close(&t->core.dp, NULL, NULL);
    errno = saved;
    return e;
}

static void free_all(struct dp_tun *t)
{
    void (*on_closed)(void *ctx) = t->on_closed;
    void *ctx = t->closed_ctx;

    udp_recv_free(t->rx);
    udp_send_free(t->tx);
    free(t->co);
    if (t->tun_buf != NULL)
        wipe(t->tun_buf, TUN_PACKET_MAX);
    free(t->tun_buf);
    free(t->arena);
    free(t->esp_buf);
    free(t);
    if (on_closed != NULL)
        on_closed(ctx);
}

static void on_handle_closed(uv_handle_t *h)
{
    struct dp_tun *t = h->type == UV_TIMER ? h->data : ((struct dp_tun_poll *)h->data)->t;

    if (--t->handles == 0)
        free_all(t);
}

void dp_tun_close(struct dataplane *dp, void (*on_closed)(void *ctx), void *ctx)
{
    struct dp_tun *t = tun_of(dp);

    if (t->closing)
        return;
    t->closing = true;
    t->on_closed = on_closed;
    t->closed_ctx = ctx;
    dp_core_done(&t->core);
    for (unsigned i = 0; i <= SOCK_COUNT; i++)
        if (t->poll[i].open)
            uv_close((uv_handle_t *)&t->poll[i].poll, on_handle_closed);
    if (t->timer.data != NULL)
        uv_close((uv_handle_t *)&t->timer, on_handle_closed);
    /* libuv wants a polled descriptor open until uv_close was called: now it may go. */
    for (unsigned i = 0; i < SOCK_COUNT; i++)
        udp_sock_close(&t->sock[i]);
    tun_dev_close(&t->dev);
    if (t->handles == 0)
        free_all(t);
}

const char *dp_tun_name(const struct dataplane *dp)
{
    return ((const struct dp_tun *)dp)->dev.name;
}

unsigned dp_tun_ifindex(const struct dataplane *dp)
{
    return ((const struct dp_tun *)dp)->dev.ifindex;
}

enum err dp_tun_send_ike(struct dataplane *dp, const struct endpoint *local,
                         const struct endpoint *remote, struct span message)
{
    static const uint8_t marker[4]; /* RFC 3948 2.2: four zero octets where an SPI would be */
    struct dp_tun *t = tun_of(dp);
    const struct udp_sock *s = &t->sock[remote->addr.family == 6 ? SOCK_UDP6 : SOCK_UDP4];

    if (s->fd < 0)
        return E_NOT_FOUND;
    return udp_send_one(s, local, remote, span_of(marker, sizeof(marker)), message);
}

void dp_tun_get_stats(const struct dataplane *dp, struct dp_tun_stats *ret)
{
    const struct dp_tun *t = (const struct dp_tun *)dp;
    const uint64_t *d = t->core.drops;
    struct dp_tun_stats s = t->stats;

    s.drop_replay = d[DROP_REPLAY];
    s.drop_auth = d[DROP_AUTH];
    s.drop_unknown_spi = d[DROP_UNKNOWN_SPI];
    s.drop_no_sa = d[DROP_NO_SA];
    s.drop_block = d[DROP_BLOCK];
    s.drop_slot_closed = d[DROP_SLOT];
    s.drop_hold = d[DROP_HOLD];
    s.drop_strict = d[DROP_STRICT];
    s.drop_lifetime = d[DROP_LIFETIME];
    s.drop_selector = d[DROP_SELECTOR];
    s.drop_malformed = d[DROP_MALFORMED];
    s.drop_send = d[DROP_SEND] + udp_send_dropped(t->tx);
    s.drop_tun = d[DROP_TUN];
    s.drop_too_big = d[DROP_TOO_BIG];
    *ret = s;
}
