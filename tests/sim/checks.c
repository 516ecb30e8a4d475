/* checks: the invariants, judged from outside: from what is sent, delivered and stored.
 *
 * They remember plain facts (which nonce covered which octets, which number was emitted under which
 * key) and share no judgement with the code they watch. */
#include "tests/sim/sim.h"

#include <openssl/sha.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "node/core/slots.h"
#include "node/sa/protect.h"
#include "node/wire/payload_chain.h"
#include "statesync/record/store_key.h"
#include "statesync/seal/seal.h"

/* A growing set of 32-octet keys with a 64-bit value each. */
struct fact {
    uint8_t key[32];
    uint64_t value;
    bool used;
};

struct facts {
    struct fact *v;
    size_t n, cap;
};

enum { CAPTURED = 256, REPLAY_BOUND_US = 4000000 };

struct captured {
    struct dp_packet packet;
    uint64_t at_us;
};

struct deleted {
    uint32_t spi_in;
    uint64_t at_us;
};

struct checks {
    struct facts esp_nonce;       /* key + number -> emitting host and life */
    struct facts esp_highest;     /* install -> highest number */
    struct facts delivered;       /* SPI + number + receiver side -> times */
    struct facts sk_nonce;        /* IKE SA, sender's role, IV -> digest of the message */
    struct facts first_delivered; /* as delivered -> time */
    struct facts reserved;        /* inbound SPI -> highest reserved end that was ever stored */
    struct facts ended;           /* IKE SA whose tombstone was stored */
    struct captured captured[CAPTURED];
    size_t n_captured;
    struct facts stored;  /* digest of a datagram that was committed */
    struct facts content; /* IKE SA, direction, message ID, fragment -> digest of the plaintext */
    struct deleted *deleted;
    size_t n_deleted, cap_deleted;
};

struct checks *checks_new(void)
{
    struct checks *c = calloc(1, sizeof *c);

    if (c == NULL)
        abort();
    return c;
}

void checks_free(struct checks *c)
{
    free(c->esp_nonce.v);
    free(c->esp_highest.v);
    free(c->delivered.v);
    free(c->sk_nonce.v);
    free(c->first_delivered.v);
    free(c->reserved.v);
    free(c->ended.v);
    free(c->stored.v);
    free(c->content.v);
    free(c->deleted);
    free(c);
}

static struct fact *slot_of(struct facts *f, const uint8_t key[32])
{
    size_t i;

    memcpy(&i, key, sizeof i);
    for (i &= f->cap - 1; f->v[i].used && memcmp(f->v[i].key, key, 32) != 0;
         i = (i + 1) & (f->cap - 1))
        ;
    return &f->v[i];
}

/* The fact under this key; *ret_new when it was not there (value 0 then). */
static struct fact *fact(struct facts *f, const uint8_t key[32], bool *ret_new)
{
    struct fact *e;

    if (f->n * 2 >= f->cap) {
        struct facts bigger = { NULL, f->n, f->cap == 0 ? 4096 : f->cap * 2 };

        bigger.v = calloc(bigger.cap, sizeof *bigger.v);
        if (bigger.v == NULL)
            abort();
        for (size_t i = 0; i < f->cap; i++)
            if (f->v[i].used)
                *slot_of(&bigger, f->v[i].key) = f->v[i];
        free(f->v);
        *f = bigger;
    }
    e = slot_of(f, key);
    *ret_new = !e->used;
    if (!e->used) {
        e->used = true;
        memcpy(e->key, key, 32);
        e->value = 0;
        f->n++;
    }
    return e;
}

/* INV-NONCE and INV-SEQ for ESP: under one key a number is emitted once, whoever emits it, and
 * within one install numbers rise. */
void check_esp_sent(struct sim *s, struct host *h, const struct dp_packet *p)
{
    struct {
        uint64_t key;
        uint8_t iv[8];
    } id = { p->key, { 0 } };
    uint8_t k[32];
    bool fresh;
    struct fact *f;

    memcpy(id.iv, p->iv, 8);
    SHA256((const uint8_t *)&id, sizeof id, k);
    f = fact(&s->checks->esp_nonce, k, &fresh);
    if (!fresh)
        violate(s, "INV-NONCE: number %llu of SPI %08x emitted by host %d, before by host %llu",
                (unsigned long long)p->seq, p->spi, h->index, (unsigned long long)f->value);
    f->value = (uint64_t)h->index;
    struct {
        uint64_t key, life, index;
    } install = { p->key, h->life, (uint64_t)h->index };
    SHA256((const uint8_t *)&install, sizeof install, k);
    f = fact(&s->checks->esp_highest, k, &fresh);
    if (!fresh && p->seq <= f->value)
        violate(s, "INV-SEQ: number %llu of SPI %08x after %llu on host %d",
                (unsigned long long)p->seq, p->spi, (unsigned long long)f->value, h->index);
    f->value = p->seq;
    if (h->client)
        return;
    /* Reserve before use: whatever leaves is below an end that the store has seen. */
    SHA256((const uint8_t *)&p->spi, sizeof p->spi, k);
    f = fact(&s->checks->reserved, k, &fresh);
    if (p->seq >= f->value)
        violate(s, "INV-SEQ: host %d emits number %llu of SPI %08x, reserved is only up to %llu",
                h->index, (unsigned long long)p->seq, p->spi, (unsigned long long)f->value);
}

/* Whether windows may not have been stored between this moment and the published bound after it. */
static bool loss_near(const struct sim *s, uint64_t at_us)
{
    for (unsigned i = 0; i < s->n_losses; i++)
        if (s->loss_us[i] + 8000000 >= at_us && s->loss_us[i] <= at_us + REPLAY_BOUND_US)
            return true;
    return s->n_losses == 256 || s->store_lost_writes;
}

bool checks_captured(struct sim *s, struct dp_packet *ret)
{
    struct checks *c = s->checks;
    const struct captured *k;

    if (c->n_captured == 0)
        return false;
    k = &c->captured[rng_below(&s->rng, c->n_captured < CAPTURED ? c->n_captured : CAPTURED)];
    *ret = k->packet;
    return s->now_us - k->at_us > REPLAY_BOUND_US;
}

/* INV-REPLAY: delivered once per cluster; once more only what an owner accepted shortly before it
 * was lost (the published bound), never what is older. */
void check_esp_delivered(struct sim *s, struct host *h, const struct dp_packet *p)
{
    struct {
        uint64_t key, seq, client;
    } id = { p->key, p->seq, h->client ? (uint64_t)h->index : 0 };
    struct checks *c = s->checks;
    uint8_t k[32];
    bool fresh;
    struct fact *f, *first;

    SHA256((const uint8_t *)&id, sizeof id, k);
    f = fact(&c->delivered, k, &fresh);
    first = fact(&c->first_delivered, k, &fresh);
    if (fresh) {
        first->value = s->now_us;
        if (!h->client)
            c->captured[c->n_captured++ % CAPTURED] = (struct captured){ *p, s->now_us };
    }
    f->value++;
    if (f->value > 1 && (h->client || !loss_near(s, first->value)))
        violate(s, "INV-REPLAY: number %llu of SPI %08x delivered %llu times, first at %.3f s",
                (unsigned long long)p->seq, p->spi, (unsigned long long)f->value,
                (double)first->value / 1e6);
    for (size_t i = 0; !h->client && i < c->n_deleted; i++)
        if (c->deleted[i].spi_in == p->spi && s->now_us > c->deleted[i].at_us + 10000000)
            violate(s, "INV-REVOKE: SPI %08x delivered %.1f s after its Delete", p->spi,
                    (double)(s->now_us - c->deleted[i].at_us) / 1e6);
}

/* A session that both ends know is gone: its inbound SPIs must stay silent. */
void check_deleted(struct sim *s, const struct session_record *r)
{
    struct checks *c = s->checks;

    for (unsigned i = 0; i < r->n_children; i++) {
        if (c->n_deleted == c->cap_deleted) {
            c->cap_deleted = c->cap_deleted == 0 ? 64 : c->cap_deleted * 2;
            c->deleted = realloc(c->deleted, c->cap_deleted * sizeof *c->deleted);
            if (c->deleted == NULL)
                abort();
        }
        c->deleted[c->n_deleted++] = (struct deleted){ r->children[i].spi_out, s->now_us };
    }
}

struct find_session {
    uint64_t spi_i, spi_r;
    const struct session_record *r;
};

static bool match_session(void *ctx, const struct session_record *r)
{
    struct find_session *f = ctx;

    if (r->spi_i != f->spi_i || (f->spi_r != 0 && r->spi_r != f->spi_r))
        return true;
    f->r = r;
    return false;
}

struct sent {
    struct ike_header h;
    struct payload_list list;
    const struct payload *sk;
    bool fragment;
    uint16_t number;
};

static bool parse_sent(struct span m, struct sent *ret)
{
    struct rd r = rd_of(m);
    uint8_t critical;

    if (ike_header_parse(&r, &ret->h) != OK ||
        payload_chain_clear(ret->h.next_payload, rd_rest(&r), &ret->list, &critical) != OK)
        return false;
    ret->sk = payload_first(&ret->list, PL_SK);
    ret->fragment = ret->sk == NULL;
    if (ret->fragment)
        ret->sk = payload_first(&ret->list, PL_SKF);
    return true;
}

/* INV-NONCE for IKE: with an AEAD one IV under one key covers one message. */
static void check_sk_nonce(struct sim *s, struct host *h, const struct sent *m, struct span data)
{
    struct {
        uint64_t spi_i, spi_r, from_initiator;
        uint8_t iv[8];
    } id = { m->h.spi_i, m->h.spi_r, ike_from_initiator(&m->h), { 0 } };
    uint8_t k[32], d[32];
    uint64_t content;
    struct fact *f;
    bool fresh;

    memcpy(id.iv, m->sk->body.p + (m->fragment ? 4 : 0), 8);
    SHA256((const uint8_t *)&id, sizeof id, k);
    SHA256(data.p, data.len, d);
    memcpy(&content, d, sizeof content);
    f = fact(&s->checks->sk_nonce, k, &fresh);
    if (!fresh && f->value != content)
        violate(s, "INV-NONCE: IKE SA %016llx: one IV for two messages, host %d, message ID %u",
                (unsigned long long)m->h.spi_r, h->index, m->h.msgid);
    f->value = content;
}

/* The plaintext of a message, with the sender's own keys. */
static bool open_sent(const struct session_record *r, const struct sent *m, struct span data,
                      uint8_t *room, size_t cap, struct span *ret)
{
    struct ike_suite suite = { r->suite.encr, r->suite.encr_key_bits, r->suite.integ, r->suite.prf,
                               r->suite.dh };
    bool i = ike_from_initiator(&m->h);
    struct protect_keys k = { &suite, i ? &r->sk_ei : &r->sk_er, i ? &r->sk_ai : &r->sk_ar };
    uint16_t number, total;

    return m->fragment
               ? protect_open_fragment(&k, data, m->sk, room, cap, &number, &total, ret) == OK
               : protect_open(&k, data, m->sk, room, cap, ret) == OK;
}

/* What needs no commit: an empty INFORMATIONAL, or a refusal that changes nothing. */
static bool stateless(const struct sent *m, struct span plain)
{
    struct payload_list in;
    uint8_t critical;
    struct rd r;
    uint8_t protocol, spi_len;
    uint16_t type;

    if (plain.len == 0)
        return true;
    if (payload_chain_inner(m->list.inner_first, plain, &in, &critical) != OK || in.n != 1 ||
        in.p[0].type != PL_NOTIFY)
        return false;
    r = rd_of(in.p[0].body);
    if (rd_u8(&r, &protocol) != OK || rd_u8(&r, &spi_len) != OK || rd_u16(&r, &type) != OK)
        return false;
    return type < 16384; /* error notifications, RFC 7296 3.10.1 */
}

/* INV-MID: one message ID, one content per direction. */
static void check_content(struct sim *s, struct host *h, const struct sent *m, struct span plain,
                          struct span data)
{
    struct {
        uint64_t spi_i, spi_r, from_initiator, response, msgid, part;
    } id = { m->h.spi_i, m->h.spi_r, ike_from_initiator(&m->h), ike_is_response(&m->h),
             m->h.msgid, 0 };
    uint8_t k[32], d[32];
    uint64_t content;
    struct fact *f;
    bool fresh;

    if (m->fragment)
        memcpy(&id.part, m->sk->body.p, 2);
    SHA256((const uint8_t *)&id, sizeof id, k);
    /* A refusal may be followed by the real answer when the same request comes again only if it was
     * never executed; the exchange is then the peer's to judge: refusals are left out. */
    if (ike_is_response(&m->h) && plain.len > 0 && stateless(m, plain))
        return;
    if (stateless(m, plain) && plain.len == 0)
        SHA256((const uint8_t *)"empty", 5, d);
    else
        SHA256(data.p, data.len, d); /* byte for byte, IV included */
    memcpy(&content, d, sizeof content);
    f = fact(&s->checks->content, k, &fresh);
    if (!fresh && f->value != content && !s->store_lost_writes)
        violate(s, "INV-MID: IKE SA %016llx message ID %u %s: two contents, now from host %d",
                (unsigned long long)m->h.spi_r, m->h.msgid,
                ike_is_response(&m->h) ? "response" : "request", h->index);
    f->value = content;
}

static bool contains(struct span hay, struct span needle)
{
    return needle.len > 0 && hay.len > 0 && memmem(hay.p, hay.len, needle.p, needle.len) != NULL;
}

/* Every datagram of a list (16-bit lengths) that was ever stored. */
static void remember_stored(struct sim *s, struct span datagrams)
{
    struct rd r = rd_of(datagrams);
    uint16_t len;
    struct span d;
    uint8_t k[32];
    bool fresh;

    while (rd_left(&r) > 0 && rd_u16(&r, &len) == OK && rd_span(&r, len, &d) == OK) {
        SHA256(d.p, d.len, k);
        fact(&s->checks->stored, k, &fresh)->value = 1;
    }
}

static void remember_reserved(struct sim *s, const struct child_record *c)
{
    uint8_t k[32];
    bool fresh;
    struct fact *f;

    SHA256((const uint8_t *)&c->spi_out, sizeof c->spi_out, k);
    f = fact(&s->checks->reserved, k, &fresh);
    if (c->reserved_end > f->value)
        f->value = c->reserved_end;
}

static void remember_ended(struct sim *s, const struct session_record *r)
{
    uint64_t id[2] = { r->spi_i, r->spi_r };
    uint8_t k[32];
    bool fresh;

    SHA256((const uint8_t *)id, sizeof id, k);
    fact(&s->checks->ended, k, &fresh)->value = 1;
}

/* INV-REVOKE: of a session that ended nobody begins anything again. */
static void check_ended(struct sim *s, struct host *h, const struct sent *m)
{
    uint64_t id[2] = { m->h.spi_i, m->h.spi_r };
    uint8_t k[32];
    bool fresh;

    SHA256((const uint8_t *)id, sizeof id, k);
    if (fact(&s->checks->ended, k, &fresh)->value == 1 && !s->store_lost_writes)
        violate(s, "INV-REVOKE: host %d begins exchange %u on %016llx, which was deleted", h->index,
                m->h.exchange, (unsigned long long)m->h.spi_r);
}

static void remember_record(struct sim *s, uint16_t slot, uint64_t id, uint64_t version,
                            struct span value)
{
    struct session_record r;
    struct bytes plain;
    char key[STORE_KEY_MAX];
    struct keyring *ring = NULL;

    for (int i = 0; i < s->n_nodes && ring == NULL; i++)
        ring = s->hosts[i].keyring;
    if (ring == NULL || seal_open(ring, SEAL_SESSION, store_key_record(SIM_POP, slot, id, key),
                                  version, value, &plain, NULL) != OK)
        return;
    if (session_record_decode(span_bytes(plain), &r) == OK) {
        for (unsigned i = 0; i < r.n_children; i++)
            remember_reserved(s, &r.children[i]);
        if (r.state == SS_DELETED)
            remember_ended(s, &r);
        remember_stored(s, span_bytes(r.reply));
        remember_stored(s, span_bytes(r.request.datagrams));
        session_record_done(&r);
    }
    bytes_wipe_free(&plain);
}

/* INV-COMMIT: what leaves a cluster node was in the store before. */
static void check_committed(struct sim *s, struct host *h, const struct sent *m, struct span data)
{
    uint64_t own = ike_from_initiator(&m->h) ? m->h.spi_i : m->h.spi_r;
    uint8_t k[32];
    bool fresh;

    SHA256(data.p, data.len, k);
    fact(&s->checks->stored, k, &fresh);
    if (fresh)
        violate(s, "INV-COMMIT: host %d sends exchange %u %s ID %u of %016llx that is not stored",
                h->index, m->h.exchange, ike_is_response(&m->h) ? "response" : "request",
                m->h.msgid, (unsigned long long)own);
}

void check_send(struct sim *s, struct host *h, const struct action *a)
{
    struct sent m;
    struct find_session f;
    uint8_t room[4096];
    struct span plain = SPAN_NONE;

    if (!parse_sent(a->data, &m) || a->data.len > sizeof room)
        return;
    trace(s, "host %d sends exchange %u %s ID %u, %zu octets", h->index, m.h.exchange,
          ike_is_response(&m.h) ? "response" : "request", m.h.msgid, a->data.len);
    if (m.sk == NULL) {
        if (!h->client && payload_first(&m.list, PL_SA) != NULL)
            check_committed(s, h, &m, a->data);
        return;
    }
    check_sk_nonce(s, h, &m, a->data);
    if (!h->client && !ike_is_response(&m.h))
        check_ended(s, h, &m);
    f = (struct find_session){ m.h.spi_i, m.h.spi_r, NULL };
    engine_each_session(node_engine(h->node), match_session, &f);
    if (f.r == NULL || !open_sent(f.r, &m, a->data, room, sizeof room, &plain)) {
        /* The last message of a session that is gone; its IV and commit are judged all the same. */
        if (!h->client && f.r != NULL)
            violate(s, "INV-MID: host %d sends what it cannot open", h->index);
        return;
    }
    check_content(s, h, &m, plain, a->data);
    if (!h->client && !stateless(&m, plain))
        check_committed(s, h, &m, a->data);
}

/* INV-OWNER at the store: a commit that went through carried the row's token. */
void check_commit(struct sim *s, const struct memop *op, const struct store_row *before)
{
    const struct store_op *o = memop_request(op);
    struct store_row row;

    if (memop_executed(op) && memop_outcome(op) == OK && o->kind == STORE_CLAIM &&
        !token_eq(&before->token, &o->expect_token))
        violate(s, "INV-OWNER: node %u claimed slot %u over another node's token", memop_node(op),
                o->slot);

    if (!memop_executed(op) || memop_outcome(op) != OK || o->kind != STORE_COMMIT)
        return;
    for (unsigned i = 0; i < o->n_writes; i++)
        if (!o->writes[i].remove)
            remember_record(s, o->slot, o->writes[i].id, o->writes[i].expect + 1,
                            o->writes[i].value);
    row = memstore_row(s->store, o->slot);
    if (!token_eq(&row.token, &o->token))
        violate(s, "INV-OWNER: node %u wrote slot %u under another token", memop_node(op), o->slot);
}

struct vips {
    struct sim *s;
    const struct host *h;
    struct ip_addr v[256];
    uint64_t spi[256];
    size_t n;
};

/* INV-VIP among the sessions of rightful owners: what a node keeps of a slot that is not its own
 * any more passes no packet. A session rekeyed from another shares nothing with it: addresses move
 * along. */
static bool collect_vip(void *ctx, const struct session_record *r)
{
    struct vips *v = ctx;
    struct store_row row = memstore_row(v->s->store, ike_spi_slot(r->spi_r));

    if (r->state != SS_ESTABLISHED || r->n_vips == 0 || v->n == 256 ||
        row.token.node != v->h->node_id || row.token.boot != node_boot(v->h->node))
        return true;
    for (size_t i = 0; i < v->n; i++)
        if (ip_eq(&v->v[i], &r->vips[0])) {
            char t[IP_TEXT_MAX];

            violate(v->s, "INV-VIP: %s belongs to %016llx and %016llx", ip_text(&r->vips[0], t),
                    (unsigned long long)v->spi[i], (unsigned long long)r->spi_r);
        }
    v->v[v->n] = r->vips[0];
    v->spi[v->n++] = r->spi_r;
    return true;
}

static bool check_auth(void *ctx, const struct session_record *r)
{
    struct sim *s = ctx;

    if (r->n_children > 0 && r->state < SS_ESTABLISHED && r->role == ROLE_RESPONDER)
        violate(s, "INV-AUTH: a Child SA in state %u", r->state);
    if (r->n_children > 0 && r->id_remote.type == 0 && r->state == SS_ESTABLISHED)
        violate(s, "INV-AUTH: a Child SA without an identity");
    return true;
}

/* INV-OWNER at the nodes: of two that serve a slot, at most one is inside its deadline with the
 * row's token; seen from the data plane as two open deadlines with SAs. */
static void check_owners(struct sim *s)
{
    for (uint16_t slot = 0; slot < SIM_SLOTS; slot++) {
        struct store_row row = memstore_row(s->store, slot);
        int n = 0;

        for (int i = 0; i < s->n_nodes; i++) {
            struct host *h = &s->hosts[i];

            n += h->up && row.token.epoch != 0 && row.token.node == h->node_id &&
                 row.token.boot == node_boot(h->node);
        }
        if (n > 1)
            violate(s, "INV-OWNER: slot %u has %d owners", slot, n);
    }
}

void check_event(struct sim *s)
{
    struct vips v = { .s = s };

    for (int i = 0; i < s->n_nodes + s->n_clients; i++) {
        struct host *h = &s->hosts[i];

        if (!h->up || node_engine(h->node) == NULL)
            continue;
        v.h = h;
        if (h->client)
            continue;
        /* Lost heartbeats make takeovers from living owners, too: unplanned, whatever the script
         * did. */
        if (node_slots_stats(h->node)->takeovers > h->takeovers_seen)
            sim_loss(s);
        h->takeovers_seen = node_slots_stats(h->node)->takeovers;
        engine_each_session(node_engine(h->node), collect_vip, &v);
        engine_each_session(node_engine(h->node), check_auth, s);
    }
    check_owners(s);
}

struct keys_in_store {
    struct sim *s;
    const struct session_record *r;
};

static bool look_secret(void *ctx, const struct store_entry *e)
{
    struct keys_in_store *k = ctx;

    if (contains(e->value, secret_expose(&k->r->sk_d)) ||
        contains(e->value, secret_expose(&k->r->sk_ei)))
        violate(k->s, "INV-SECRET: a key of %016llx stands unsealed in the store",
                (unsigned long long)k->r->spi_r);
    return true;
}

static bool look_secrets(void *ctx, const struct session_record *r)
{
    struct keys_in_store k = { ctx, r };

    for (uint16_t slot = 0; slot < SIM_SLOTS; slot++)
        memstore_each(k.s->store, slot, look_secret, &k);
    return true;
}

struct both_ends {
    struct sim *s;
    struct host *client;
    unsigned matched, ours;
};

static bool look_cluster_end(void *ctx, const struct session_record *r)
{
    struct find_session *f = ctx;

    if (r->spi_i == f->spi_i && r->spi_r == f->spi_r &&
        (r->state == SS_ESTABLISHED || r->state == SS_REKEYED)) {
        f->r = r;
        return false;
    }
    return true;
}

static bool look_client_end(void *ctx, const struct session_record *r)
{
    struct both_ends *b = ctx;
    struct find_session f = { r->spi_i, r->spi_r, NULL };

    if (r->state != SS_ESTABLISHED)
        return true;
    b->ours++;
    for (int i = 0; i < b->s->n_nodes && f.r == NULL; i++)
        if (b->s->hosts[i].up && node_engine(b->s->hosts[i].node) != NULL)
            engine_each_session(node_engine(b->s->hosts[i].node), look_cluster_end, &f);
    if (f.r == NULL && b->s->store_lost_writes && b->s->kills > 0)
        return true; /* made after what the store still knows, and its owner died: nobody can know
                        it */
    if (f.r == NULL) {
        violate(b->s, "INV-LIVE: client %d holds %016llx, no node does", b->client->index,
                (unsigned long long)r->spi_r);
        return true;
    }
    for (unsigned i = 0; i < r->n_children; i++) {
        bool there = r->children[i].state != CS_INSTALLED;

        for (unsigned k = 0; k < f.r->n_children; k++)
            there |= f.r->children[k].spi_in == r->children[i].spi_out &&
                     f.r->children[k].spi_out == r->children[i].spi_in;
        if (!there)
            violate(b->s, "INV-LIVE: Child SA %08x of client %d is at one end only",
                    r->children[i].spi_in, b->client->index);
        b->matched += there;
    }
    return true;
}

/* What a person wants to know first when a run ends badly. */
static void dump(struct sim *s)
{
    struct node_member_view v[LIMIT_NODES];

    for (int i = 0; i < s->n_nodes; i++) {
        struct host *h = &s->hosts[i];
        size_t n;

        if (!h->up)
            continue;
        n = node_members(h->node, host_now(h), v, LIMIT_NODES);
        printf("host %d node %u ready %d owned %u drained %d:", i, h->node_id, node_ready(h->node),
               node_owned(h->node), node_drained(h->node));
        for (size_t k = 0; k < n; k++)
            printf(" [%u%s%s%s owns %u]", v[k].node, v[k].member ? " member" : "",
                   v[k].alive ? " alive" : "", v[k].leaving ? " leaving" : "", v[k].owned);
        printf("\n");
    }
    for (uint16_t slot = 0; slot < SIM_SLOTS; slot++) {
        struct store_row row = memstore_row(s->store, slot);

        printf("slot %u: epoch %u node %u boot %u\n", slot, row.token.epoch, row.token.node,
               row.token.boot);
    }
}

/* INV-LIVE: faults stopped long ago: up at both ends or gone at both; and no client had to start
 * over. */
void check_end(struct sim *s)
{
    check_event(s);
    for (int i = s->n_nodes; i < s->n_nodes + s->n_clients; i++) {
        struct host *h = &s->hosts[i];
        struct both_ends b = { s, h, 0, 0 };

        engine_each_session(node_engine(h->node), look_client_end, &b);
        engine_each_session(node_engine(h->node), look_secrets, s);
        if (h->wanted && b.matched == 0 && !s->store_lost_writes)
            violate(s,
                    "INV-LIVE: client %d wants a session and has none (%u up, %u down, %u failed)",
                    i, h->ups, h->downs, h->failures);
    }
    if (s->verbose && s->violation[0] != '\0')
        dump(s);
}
