/* dp_tun: userspace ESP on one thread. Two paths, each from a batch to a batch:
 *
 *   out  TUN read (up to 64 KB of one flow) -> segments -> seal in place ->
 * trains of equal length (UDP GSO) in   recvmmsg (UDP GRO) -> replay check,
 * open in place -> joined segments -> one TUN write each
 *
 * No allocation and no copy between a socket and the cipher but the
 * segmentation itself. Which SA, which number, whether now: dp_core. Events
 * about SAs are raised at the end of a batch. RFC 4303, RFC 3948 2.1-2.3
 * (marker, keepalive), RFC 6040 4.2 (ECN on decapsulation). */
#include "node/dataplane/dp_tun.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <uv.h>

#include "node/dataplane/coalesce.h"
#include "node/dataplane/dp_core.h"
#include "node/dataplane/segment.h"
#include "node/dataplane/ts_match.h"
#include "node/dataplane/tun_dev.h"
#include "node/dataplane/tun_route.h"
#include "node/dataplane/udp_batch.h"

enum {
  POOL = 4 * 1024 * 1024, /* sealed packets of one batch */
  TUN_READS = 32,         /* per turn of the loop */
  UDP_BATCHES = 8,
  RECV_MSGS = 32,
  TICK_MS = 250,
  SOCKS = 4,
  MARKER = 4 /* RFC 3948 2.2: four zero octets in front of IKE on port 4500 */
};

struct dp_sock {
  struct dp_tun *t;
  struct udp_sock s;
  uv_poll_t poll;
  bool open;
};

struct dp_tun {
  struct dp_core core; /* first */
  struct dp_tun_config cfg;
  struct tun_dev tun;
  uv_poll_t tun_poll;
  uv_timer_t tick;
  struct dp_sock sock[SOCKS]; /* UDP v4, UDP v6, raw v4, raw v6 */
  struct udp_recv *recv;
  struct udp_send *send;
  struct coalesce join;
  uint8_t *pool;
  size_t pool_len;
  uint8_t *super; /* one packet from the TUN device */
  struct dp_tun_stats stats;
  unsigned closing;
  unsigned depth; /* inputs from within an event handler do not flush */
  void (*on_closed)(void *ctx);
  void *closed_ctx;
};

static struct dp_tun *tun_of(struct dataplane *dp) {
  return (struct dp_tun *)dp;
}

static struct dp_sock *sock_for(struct dp_tun *t, uint8_t family, bool udp) {
  struct dp_sock *s = &t->sock[(udp ? 0 : 2) + (family == 6 ? 1 : 0)];

  return s->open ? s : NULL;
}

/* ---- out ---- */

static void flush_out(struct dp_tun *t) {
  udp_send_flush(t->send);
  t->pool_len = 0;
}

static void raise_packet(struct dp_tun *t, enum dp_event_kind kind,
                         uint32_t spi, const struct endpoint *local,
                         const struct endpoint *remote, struct span packet,
                         bool forwarded) {
  struct dp_event ev = {
      .kind = kind, .spi_in = spi, .packet = packet, .forwarded = forwarded};

  if (local != NULL) {
    ev.local = *local;
    ev.remote = *remote;
  }
  if (t->core.dp.on_event != NULL)
    t->core.dp.on_event(t->core.dp.ctx, &ev);
}

static enum err ready_cipher(struct dp_tun *t, struct dp_sa *sa, bool seal) {
  struct esp_cipher **c = seal ? &sa->seal : &sa->open;
  struct secret *k = seal ? &sa->encr_out : &sa->encr_in,
                *i = seal ? &sa->integ_out : &sa->integ_in;

  if (*c != NULL)
    return OK;
  TRY(esp_cipher_new(sa->suite, sa->esn, seal, k, i, t->cfg.env, c));
  secret_wipe(k);
  secret_wipe(i);
  return OK;
}

/* One inner packet that stands at pool + headroom already. */
static void seal_and_send(struct dp_tun *t, struct dp_sa *sa, uint8_t *buf,
                          size_t inner_len, const struct ip_packet *ip) {
  struct dp_sock *s = sock_for(t, sa->remote.addr.family, sa->udp_encap);
  size_t wire, cap = POOL - (size_t)(buf - t->pool);

  if (s == NULL || ready_cipher(t, sa, true) != OK) {
    t->core.drops[DROP_SEND]++;
    return;
  }
  if (esp_seal(sa->seal, sa->spi_out, &sa->block, buf, cap, inner_len,
               ip->version == 4 ? ESP_NEXT_IPV4 : ESP_NEXT_IPV6, 0,
               &wire) != OK) {
    t->core.drops[DROP_BLOCK]++;
    dp_sa_sent(&t->core, sa, 0);
    return;
  }
  dp_sa_sent(&t->core, sa, inner_len);
  t->stats.packets_out++;
  t->stats.bytes_out += inner_len;
  udp_send_add(t->send, &s->s, &sa->local, &sa->remote, ip->tos, sa->spi_in,
               span_of(buf, wire));
  t->pool_len = (size_t)(buf - t->pool) + ((wire + 63) & ~(size_t)63);
}

/* Room for one sealed packet; flushes when the pool is used up. */
static uint8_t *take_room(struct dp_tun *t, size_t inner_len) {
  if (POOL - t->pool_len < inner_len + ESP_HEADROOM_MAX + ESP_TAILROOM_MAX)
    flush_out(t);
  return t->pool + t->pool_len;
}

static void out_packet(struct dp_tun *t, struct span packet,
                       const struct tun_offload *off, bool forwarded) {
  struct segments seg;
  struct dp_sa *sa;
  enum dp_drop why;

  if (segments_init(&seg, packet, off) != OK) {
    t->core.drops[DROP_MALFORMED]++;
    return;
  }
  sa = dp_core_find_out(&t->core, &seg.ip);
  if (sa == NULL) {
    t->core.drops[DROP_NO_SA]++;
    /* Taken apart first: what travels to another node is a plain packet. */
    for (size_t i = 0; i < seg.count; i++) {
      size_t len = segments_len(&seg, i);
      uint8_t *buf = take_room(t, len);

      segments_write(&seg, i, buf);
      raise_packet(t, DPE_NO_SA_OUT, 0, NULL, NULL, span_of(buf, len),
                   forwarded);
    }
    return;
  }
  for (size_t i = 0; i < seg.count; i++) {
    size_t len = segments_len(&seg, i), head = esp_headroom(sa->suite);
    uint8_t *buf;

    if (dp_sa_may_send(&t->core, sa, &why) != OK) {
      t->core.drops[why]++;
      continue;
    }
    buf = take_room(t, len);
    segments_write(&seg, i, buf + head);
    if (t->cfg.mss_clamp > 0)
      mss_clamp(buf + head, &seg.ip,
                (uint16_t)(t->cfg.mss_clamp - (seg.ip.version == 6 ? 20 : 0)));
    seal_and_send(t, sa, buf, len, &seg.ip);
  }
}

static void on_tun(uv_poll_t *h, int status, int events) {
  struct dp_tun *t = h->data;
  struct tun_offload off;
  struct span packet;

  (void)status;
  (void)events;
  t->core.now_ms = uv_now(h->loop);
  for (unsigned i = 0; i < TUN_READS; i++) {
    enum err e = tun_dev_read(&t->tun, t->super, &packet, &off);

    if (e == E_NOT_FOUND || e == E_IO)
      break;
    t->stats.tun_reads++;
    if (e == OK)
      out_packet(t, packet, &off, false);
    else
      t->core.drops[DROP_MALFORMED]++;
  }
  flush_out(t);
  dp_core_raise(&t->core);
}

/* ---- in ---- */

static void write_joined(struct dp_tun *t) {
  for (size_t i = 0; i < t->join.n; i++) {
    struct coalesce_item *it = &t->join.item[i];
    struct tun_offload off = {0};
    struct iovec iov[COALESCE_PARTS + 2];
    unsigned n = 1;

    coalesce_finish(it, &off);
    iov[n++] = (struct iovec){it->head, it->head_len};
    for (unsigned k = 0; k < it->n_more; k++)
      iov[n++] =
          (struct iovec){(void *)(uintptr_t)it->more[k].p, it->more[k].len};
    t->stats.tun_writes++;
    if (tun_dev_write(&t->tun, &off, it->header_len, it->ip.version, iov,
                      n - 1) != OK)
      t->core.drops[DROP_TUN]++;
  }
  t->join.n = 0;
}

static void deliver(struct dp_tun *t, struct dp_sa *sa, struct span inner,
                    uint8_t next, const struct endpoint *from, bool newest) {
  struct ip_packet ip;

  if (next == ESP_NEXT_DUMMY) {
    dp_sa_received(&t->core, sa, 0, from, newest);
    t->stats.dummies_in++;
    return;
  }
  if (ip_packet_parse(inner, &ip) != OK ||
      (next == ESP_NEXT_IPV4) != (ip.version == 4)) {
    dp_sa_received(&t->core, sa, 0, from, newest);
    t->core.drops[DROP_MALFORMED]++;
    return;
  }
  dp_sa_received(&t->core, sa, ip.total_len, from, newest);
  /* INV-VIP: an authentic peer still speaks only from what was negotiated (RFC
   * 4301 5.2 step 4). */
  if (!ts_match_in(sa->ts, sa->n_local, dp_sa_remote_ts(sa), sa->n_remote,
                   &ip)) {
    t->core.drops[DROP_SELECTOR]++;
    return;
  }
  t->stats.packets_in++;
  t->stats.bytes_in += ip.total_len;
  if (t->cfg.mss_clamp > 0)
    mss_clamp((uint8_t *)(uintptr_t)inner.p, &ip,
              (uint16_t)(t->cfg.mss_clamp - (ip.version == 6 ? 20 : 0)));
  if (!coalesce_add(&t->join, (uint8_t *)(uintptr_t)inner.p, &ip)) {
    write_joined(t);
    if (!coalesce_add(&t->join, (uint8_t *)(uintptr_t)inner.p, &ip))
      t->core.drops[DROP_TUN]++;
  }
}

static void in_packet(struct dp_tun *t, const struct endpoint *local,
                      const struct endpoint *remote, uint8_t *esp, size_t len,
                      bool forwarded) {
  uint32_t spi, low;
  uint64_t seq, top;
  struct dp_sa *sa;
  struct span inner;
  uint8_t next;
  enum dp_drop why;

  if (esp_peek(span_of(esp, len), &spi, &low) != OK) {
    t->core.drops[DROP_MALFORMED]++;
    return;
  }
  sa = dp_core_find(&t->core, spi);
  if (sa == NULL) {
    t->core.drops[DROP_UNKNOWN_SPI]++;
    raise_packet(t, DPE_UNKNOWN_SPI, spi, local, remote, span_of(esp, len),
                 forwarded);
    return;
  }
  if (dp_sa_may_receive(&t->core, sa, &why) != OK) {
    t->core.drops[why]++;
    return;
  }
  top = sa->win.top;
  if (replay_check(&sa->win, low, &seq) != OK) {
    sa->replay_drops++;
    t->core.drops[DROP_REPLAY]++;
    return;
  }
  if (ready_cipher(t, sa, false) != OK ||
      esp_open(sa->open, seq, esp, len, &inner, &next) != OK) {
    sa->auth_drops++;
    t->core.drops[DROP_AUTH]++;
    return;
  }
  if (replay_update(&sa->win, seq) != OK) {
    sa->replay_drops++;
    t->core.drops[DROP_REPLAY]++;
    return;
  }
  deliver(t, sa, inner, next, remote, seq > top);
}

static void in_datagram(struct dp_tun *t, const struct dp_sock *s,
                        struct udp_packet *p) {
  static const uint8_t zero[MARKER];

  t->stats.udp_packets_in++;
  if (s->s.raw) {
    in_packet(t, &p->local, &p->remote, p->data, p->len, false);
    return;
  }
  if (p->len == 1 && p->data[0] == 0xff) {
    t->stats.keepalives_in++;
    return;
  }
  if (p->len > MARKER &&
      span_eq(span_of(p->data, MARKER), span_of(zero, MARKER))) {
    t->stats.ike_in++;
    if (t->cfg.on_ike != NULL)
      t->cfg.on_ike(t->cfg.ike_ctx, &p->local, &p->remote,
                    span_of(p->data + MARKER, p->len - MARKER));
    return;
  }
  in_packet(t, &p->local, &p->remote, p->data, p->len, false);
}

static void on_sock(uv_poll_t *h, int status, int events) {
  struct dp_sock *s = h->data;
  struct dp_tun *t = s->t;
  struct udp_packet *p;

  (void)events;
  t->core.now_ms = uv_now(h->loop);
  for (unsigned b = 0; b < UDP_BATCHES && s->open; b++) {
    size_t n = udp_recv_batch(t->recv, &s->s, &p);

    for (size_t i = 0; i < n; i++)
      in_datagram(t, s, &p[i]);
    write_joined(t); /* before the next batch overwrites the packets */
    if (n == 0 || !udp_recv_full(t->recv))
      break;
  }
  if (t->depth == 0)
    flush_out(t);
  dp_core_raise(&t->core);
  if (status < 0 && s->open)
    uv_poll_start(h, UV_READABLE, on_sock);
}

/* ---- the interface ---- */

static void op_install(struct dataplane *dp, const struct dp_child *child) {
  dp_core_install(&tun_of(dp)->core, child);
}

static void op_extend(struct dataplane *dp, uint32_t spi_in, uint64_t seq_end) {
  dp_core_extend(&tun_of(dp)->core, spi_in, seq_end);
}

static void op_move(struct dataplane *dp, uint32_t spi_in,
                    const struct endpoint *local, const struct endpoint *remote,
                    bool udp_encap) {
  dp_core_move(&tun_of(dp)->core, spi_in, local, remote, udp_encap);
}

static void op_remove(struct dataplane *dp, uint32_t spi_in) {
  dp_core_remove(&tun_of(dp)->core, spi_in);
}

static void op_query(struct dataplane *dp, uint32_t spi_in) {
  dp_core_query(&tun_of(dp)->core, spi_in);
}

static void op_deadline(struct dataplane *dp, uint16_t slot,
                        uint64_t deadline_ms) {
  dp_core_slot_deadline(&tun_of(dp)->core, slot, deadline_ms);
}

static const struct dataplane_ops ops = {op_install, op_extend, op_move,
                                         op_remove,  op_query,  op_deadline};

static void on_tick(uv_timer_t *h) {
  struct dp_tun *t = h->data;

  t->core.now_ms = uv_now(h->loop);
  dp_core_tick(&t->core);
}

struct dp_tun_config dp_tun_defaults(void) {
  return (struct dp_tun_config){.udp4_fd = -1, .udp6_fd = -1};
}

static enum err open_sock(struct dp_tun *t, unsigned i, int fd,
                          const struct endpoint *at, bool raw) {
  struct dp_sock *s = &t->sock[i];

  if (raw)
    TRY(udp_sock_open_raw_esp(i % 2 == 0 ? 4 : 6, &s->s));
  else if (fd >= 0)
    TRY(udp_sock_adopt(fd, &s->s));
  else if (at->addr.family != 0)
    TRY(udp_sock_open(at, t->cfg.reuse_port, &s->s));
  else
    return OK;
  s->t = t;
  s->open = true;
  if (uv_poll_init(t->cfg.loop, &s->poll, s->s.fd) != 0)
    return E_IO;
  s->poll.data = s;
  return uv_poll_start(&s->poll, UV_READABLE, on_sock) == 0 ? OK : E_IO;
}

static enum err open_all(struct dp_tun *t) {
  const struct dp_tun_config *c = &t->cfg;

  TRY(tun_dev_open(c->tun_name, !c->no_offload, &t->tun));
  TRY(tun_link_up(t->tun.ifindex, c->mtu == 0 ? 1400 : c->mtu));
  TRY(open_sock(t, 0, c->udp4_fd, &c->bind4, false));
  TRY(open_sock(t, 1, c->udp6_fd, &c->bind6, false));
  if (c->raw_esp) {
    TRY(open_sock(t, 2, -1, NULL, true));
    TRY(open_sock(t, 3, -1, NULL, true));
  }
  t->join.tcp = t->tun.vnet_hdr;
  t->join.udp = t->tun.vnet_hdr && t->tun.uso;
  if (uv_poll_init(c->loop, &t->tun_poll, t->tun.fd) != 0)
    return E_IO;
  t->tun_poll.data = t;
  uv_poll_start(&t->tun_poll, UV_READABLE, on_tun);
  uv_timer_init(c->loop, &t->tick);
  t->tick.data = t;
  uv_timer_start(&t->tick, on_tick, TICK_MS, TICK_MS);
  uv_unref((uv_handle_t *)&t->tick);
  return OK;
}

static void free_memory(struct dp_tun *t) {
  udp_recv_free(t->recv);
  udp_send_free(t->send);
  if (t->pool != NULL)
    wipe(t->pool, POOL);
  free(t->pool);
  free(t->super);
  dp_core_done(&t->core);
  free(t);
}

enum err dp_tun_new(const struct dp_tun_config *config,
                    struct dataplane **ret_dp) {
  struct dp_tun *t = calloc(1, sizeof *t);
  enum err e;
  int why;

  if (t == NULL)
    return E_NOMEM;
  t->cfg = *config;
  t->tun.fd = -1;
  for (unsigned i = 0; i < SOCKS; i++)
    t->sock[i].s.fd = -1;
  e = dp_core_init(&t->core, &ops);
  if (e != OK) {
    free(t);
    return e;
  }
  t->core.env = config->env;
  t->recv = udp_recv_new(RECV_MSGS);
  t->send = udp_send_new();
  t->pool = malloc(POOL);
  t->super = malloc(TUN_PACKET_MAX);
  if (t->recv == NULL || t->send == NULL || t->pool == NULL || t->super == NULL)
    e = E_NOMEM;
  if (e == OK)
    e = open_all(t);
  if (e == OK) {
    *ret_dp = &t->core.dp;
    return OK;
  }
  why = errno;
  /* Handles that were initialised must be closed by the loop before their
   * memory goes. */
  dp_tun_close(&t->core.dp, NULL, NULL);
  errno = why;
  return e;
}

static void one_closed(struct dp_tun *t) {
  if (--t->closing > 0)
    return;
  if (t->on_closed != NULL)
    t->on_closed(t->closed_ctx);
  free_memory(t);
}

static void on_handle_closed(uv_handle_t *h) { one_closed(h->data); }

static void close_handle(struct dp_tun *t, uv_handle_t *h) {
  if (h->loop == NULL || uv_is_closing(h))
    return;
  t->closing++;
  uv_close(h, on_handle_closed);
}

static void on_sock_closed(uv_handle_t *h) {
  one_closed(((struct dp_sock *)h->data)->t);
}

void dp_tun_close(struct dataplane *dp, void (*on_closed)(void *ctx),
                  void *ctx) {
  struct dp_tun *t = tun_of(dp);

  t->on_closed = on_closed;
  t->closed_ctx = ctx;
  dp_core_clear(&t->core);
  t->closing = 1; /* until all of them were asked to close */
  for (unsigned i = 0; i < SOCKS; i++)
    if (t->sock[i].open) {
      t->sock[i].open = false;
      if (t->sock[i].poll.loop != NULL &&
          !uv_is_closing((uv_handle_t *)&t->sock[i].poll)) {
        uv_poll_stop(&t->sock[i].poll);
        t->closing++;
        uv_close((uv_handle_t *)&t->sock[i].poll, on_sock_closed);
      }
      udp_sock_close(&t->sock[i].s);
    }
  if (t->tun_poll.loop != NULL)
    uv_poll_stop(&t->tun_poll);
  close_handle(t, (uv_handle_t *)&t->tun_poll);
  close_handle(t, (uv_handle_t *)&t->tick);
  if (t->tun.fd >= 0)
    tun_dev_close(&t->tun);
  one_closed(t);
}

const char *dp_tun_name(const struct dataplane *dp) {
  return ((const struct dp_tun *)dp)->tun.name;
}

unsigned dp_tun_ifindex(const struct dataplane *dp) {
  return ((const struct dp_tun *)dp)->tun.ifindex;
}

enum err dp_tun_send_ike(struct dataplane *dp, const struct endpoint *local,
                         const struct endpoint *remote, struct span message) {
  static const uint8_t zero[MARKER];
  struct dp_sock *s = sock_for(tun_of(dp), remote->addr.family, true);

  if (s == NULL)
    return E_IO;
  /* RFC 3948 2.3: a keepalive is one octet without the marker. */
  return udp_send_one(&s->s, local, remote,
                      message.len == 1 ? SPAN_NONE : span_of(zero, MARKER),
                      message);
}

void dp_tun_input_esp(struct dataplane *dp, const struct endpoint *local,
                      const struct endpoint *remote, struct span esp,
                      bool forwarded) {
  struct dp_tun *t = tun_of(dp);
  uint8_t *copy;

  if (esp.len > TUN_PACKET_MAX)
    return;
  copy = malloc(esp.len); /* opened in place, and joined packets point into it
                             until written */
  if (copy == NULL)
    return;
  memcpy(copy, esp.p, esp.len);
  t->core.now_ms = uv_now(t->cfg.loop);
  write_joined(t);
  in_packet(t, local, remote, copy, esp.len, forwarded);
  write_joined(t);
  free(copy);
  dp_core_raise(&t->core);
}

void dp_tun_input_inner(struct dataplane *dp, struct span ip_packet,
                        bool forwarded) {
  struct dp_tun *t = tun_of(dp);
  struct tun_offload off = {0};

  t->core.now_ms = uv_now(t->cfg.loop);
  out_packet(t, ip_packet, &off, forwarded);
  flush_out(t);
  dp_core_raise(&t->core);
}

void dp_tun_get_stats(const struct dataplane *dp, struct dp_tun_stats *ret) {
  const struct dp_tun *t = (const struct dp_tun *)dp;

  *ret = t->stats;
  ret->drop_replay = t->core.drops[DROP_REPLAY];
  ret->drop_auth = t->core.drops[DROP_AUTH];
  ret->drop_unknown_spi = t->core.drops[DROP_UNKNOWN_SPI];
  ret->drop_no_sa = t->core.drops[DROP_NO_SA];
  ret->drop_block = t->core.drops[DROP_BLOCK];
  ret->drop_slot_closed = t->core.drops[DROP_SLOT];
  ret->drop_hold = t->core.drops[DROP_HOLD];
  ret->drop_strict = t->core.drops[DROP_STRICT];
  ret->drop_lifetime = t->core.drops[DROP_LIFETIME];
  ret->drop_selector = t->core.drops[DROP_SELECTOR];
  ret->drop_malformed = t->core.drops[DROP_MALFORMED];
  ret->drop_send = t->core.drops[DROP_SEND] + udp_send_dropped(t->send);
  ret->drop_tun = t->core.drops[DROP_TUN];
  ret->drop_too_big = t->core.drops[DROP_TOO_BIG];
}
