/* The engine with known keys. An input is a state to begin in and a list of steps:
 *
 *   state:8, then per step  op:8 | length:16 | length octets
 *
 * What a step carries is a raw datagram, or the plaintext of a protected message, sealed here with
 * the session's real keys, message ID and SPIs, so that the fuzzer gets behind the integrity check;
 * or a timer, what the store answers, a command, an event of the data plane.
 *
 * The states are records of a handshake made once at start: half-open, established in both roles,
 * each kind of our own requests in flight. After each step every session's record must survive
 * encoding and decoding.
 *
 * With FUZZ_ENGINE_SEEDS=DIR in the environment the messages of that handshake are written there as
 * seeds, and nothing is fuzzed. */
#include "node/sa/protect.h"
#include "node/wire/payload_chain.h"
#include "tests/fuzz/engine_world.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);

enum op {
    OP_RAW,
    OP_HEADER,   /* session:8, then a datagram whose SPIs and length are set right */
    OP_REQUEST,  /* session:8 exchange:8 first:8 content; upper bits of exchange: see ahead_of */
    OP_RESPONSE, /* the same, for our request in flight */
    OP_FRAGMENT, /* session:8 exchange:8 first:8 number:8 total:8 content */
    OP_TICK,     /* seconds:16 */
    OP_FATES,    /* each:8: what the store does with its next operations */
    OP_COMMAND,  /* command:8 session:8 */
    OP_EVENT,    /* kind:8 session:8 child:8 */
    OP_ADDRESS,  /* low octet of the peer's address:8 */
    OP_COUNT
};

enum {
    ST_EMPTY_R,
    ST_EMPTY_I,
    ST_INIT_SENT,
    ST_HALF_OPEN,
    ST_AUTH_SENT,
    ST_UP_R,
    ST_UP_I,
    ST_CHILD_REKEY_R,
    ST_CHILD_REKEY_I,
    ST_IKE_REKEY_R,
    ST_IKE_REKEY_I,
    ST_DELETE_R,
    ST_DELETE_CHILD_R,
    ST_REKEYED_I,
    ST_COUNT
};

static struct memstore *states[ST_COUNT];
static bool state_initiator[ST_COUNT];
static struct policy policies[2]; /* responder, initiator */
static struct policy_conn conns[2];
static const struct endpoint ep_r = { { 4, { 192, 0, 2, 1 } }, 500 },
                             ep_i = { { 4, { 198, 51, 100, 7 } }, 500 };

static void make_policy(int initiator)
{
    static uint8_t psk[] = "fuzz", id_i[] = "i.test", id_r[] = "r.test";
    struct policy_conn *c = &conns[initiator];

    snprintf(c->name, sizeof c->name, "fuzz");
    MUST(ike_suite_parse("aes128gcm16-prfsha256-x25519", &c->suites[0]) == OK);
    MUST(ike_suite_parse("aes256-sha256-ecp256", &c->suites[1]) == OK);
    c->n_suites = 2;
    c->local_auth = c->remote_auth = AUTH_PSK;
    c->psk = (struct bytes){ psk, 4 };
    c->local_id = (struct policy_id){ ID_FQDN, { initiator ? id_i : id_r, 6 }, false };
    c->remote_id = (struct policy_id){ ID_FQDN, { initiator ? id_r : id_i, 6 }, false };
    c->local = initiator ? ep_i : ep_r;
    c->remote = initiator ? ep_r : (struct endpoint){ 0 };
    c->rekey_s = 14400;
    c->life_s = 15000;
    c->dpd_s = 30;
    c->fragmentation = true;
    c->fragment_size = 1280;
    c->n_children = 1;
    snprintf(c->children[0].name, sizeof c->children[0].name, "net");
    MUST(esp_suite_parse("aes128gcm16-x25519-esn", &c->children[0].suites[0]) == OK);
    MUST(esp_suite_parse("aes256-sha256", &c->children[0].suites[1]) == OK);
    c->children[0].n_suites = 2;
    c->children[0].rekey_s = 3600;
    c->children[0].life_s = 4000;
    c->children[0].replay_window = 64;
    struct ts net = { 0, 0, 65535, { 4, { 10, 1, 0, 0 } }, { 4, { 10, 1, 255, 255 } } };
    if (initiator) {
        c->request_vip4 = c->children[0].local_dynamic = true;
        c->children[0].remote_ts[0] = net;
        c->children[0].n_remote = 1;
    } else {
        c->pools[0].prefix = (struct ip_prefix){ { 4, { 10, 77, 0, 0 } }, 24 };
        c->n_pools = 1;
        c->children[0].remote_dynamic = true;
        c->children[0].local_ts[0] = net;
        c->children[0].n_local = 1;
    }
    policies[initiator] = (struct policy){ .conns = c,
                                           .n_conns = 1,
                                           .retransmit_ms = 500,
                                           .retransmit_tries = 3,
                                           .half_open_ms = 30000,
                                           .reply_keep_ms = 60000,
                                           .cookie_threshold = 3,
                                           .half_open_per_prefix = 6,
                                           .keepalive_s = 20,
                                           .outage_s = 600,
                                           .rekey_pace_per_s = 20 };
}

static void world_begin(struct world *w, bool initiator)
{
    *w = (struct world){ .random = 88172645463325252u + initiator,
                         .policy = &policies[initiator],
                         .initiator = initiator,
                         .now_ms = 10000 };
}

/* ---- sessions and messages ---- */

struct nth {
    unsigned n;
    const struct session_record *r;
};

static bool nth_one(void *ctx, const struct session_record *r)
{
    struct nth *f = ctx;

    f->r = r;
    return f->n-- > 0;
}

/* The n-th session, or the last; NULL: none. */
static const struct session_record *nth_session(struct world *w, unsigned n)
{
    struct nth f = { n, NULL };

    engine_each_session(w->engine, nth_one, &f);
    return f.r;
}

static void receive(struct world *w, uint8_t low, struct span m)
{
    struct endpoint remote = w->initiator ? ep_r : ep_i;
    const struct endpoint *local = w->initiator ? &ep_i : &ep_r;

    if (low != 0)
        remote.addr.ip[3] = low;
    engine_packet(w->engine, world_now(w), local, &remote, m, &w->acts);
    world_run(w);
}

static void put_u64(uint8_t *p, uint64_t v)
{
    for (int i = 7; i >= 0; i--, v >>= 8)
        p[i] = (uint8_t)v;
}

/* A repeat, the next, one ahead, far away: 2^32 - 1 is one back. */
static const uint32_t ahead_of[4] = { 0, 1, UINT32_MAX, 1000 };

/* What the peer would send: sealed with its keys. */
static void receive_sealed(struct world *w, uint8_t low, enum op op, const uint8_t *p, size_t len)
{
    static uint8_t out[LIMIT_MESSAGE];
    static uint64_t counter = 1;
    const struct session_record *r = len < 3 ? NULL : nth_session(w, p[0] % 4);
    bool response = op == OP_RESPONSE, from_i;
    struct protect_iv iv = { (uint64_t)77 << 52 | counter++, &w->env };
    struct protect_keys k;
    struct ike_suite suite;
    struct ike_header h;
    struct span m;
    enum err e;

    if (r == NULL || r->sk_ei.len == 0)
        return;
    from_i = r->role == ROLE_RESPONDER;
    suite = (struct ike_suite){ r->suite.encr, r->suite.encr_key_bits, r->suite.integ, r->suite.prf,
                                r->suite.dh };
    k = (struct protect_keys){ &suite, from_i ? &r->sk_ei : &r->sk_er,
                               from_i ? &r->sk_ai : &r->sk_ar };
    h = ike_header_make(r->spi_i, r->spi_r, p[1] & 0x3f, from_i, response,
                        (response ? r->request.msgid : r->recv_next) + ahead_of[p[1] >> 6]);
    if (op == OP_FRAGMENT) {
        if (len < 5)
            return;
        e = protect_seal_fragment(&k, &iv, &h, p[3], p[4], p[2], span_of(p + 5, len - 5), out,
                                  sizeof out, &m);
    } else {
        e = protect_seal(&k, &iv, &h, p[2], span_of(p + 3, len - 3), out, sizeof out, &m);
    }
    if (e == OK)
        receive(w, low, m);
}

static void receive_patched(struct world *w, uint8_t low, const uint8_t *p, size_t len)
{
    const struct session_record *r = len < 29 ? NULL : nth_session(w, p[0] % 4);
    uint8_t *m;

    if (r == NULL)
        return;
    m = malloc(len - 1);
    MUST(m != NULL);
    memcpy(m, p + 1, len - 1);
    put_u64(m, r->spi_i);
    if (r->spi_r != 0)
        put_u64(m + 8, r->spi_r);
    m[24] = m[25] = 0;
    m[26] = (uint8_t)((len - 1) >> 8);
    m[27] = (uint8_t)(len - 1);
    receive(w, low, span_of(m, len - 1));
    free(m);
}

static void pass(struct world *w, uint64_t ms)
{
    uint64_t end = w->now_ms + ms;

    for (unsigned i = 0; i < 40; i++) {
        uint64_t t = engine_next_deadline(w->engine);

        if (t > end)
            break;
        w->now_ms = t > w->now_ms ? t : w->now_ms + 1;
        engine_tick(w->engine, world_now(w), &w->acts);
        world_run(w);
    }
    if (w->now_ms < end)
        w->now_ms = end;
}

static void command(struct world *w, uint8_t what, uint8_t session)
{
    const struct session_record *r = nth_session(w, session % 4);
    uint64_t spi = r == NULL ? 0 : session_own_spi(r);
    uint32_t child = r == NULL || r->n_children == 0 ? 0 : r->children[0].spi_in;
    struct now now = world_now(w);

    switch (what % 6) {
    case 0:
        engine_initiate(w->engine, now, "fuzz", 1, &w->acts);
        break;
    case 1:
        engine_rekey(w->engine, now, spi, child, 2, &w->acts);
        break;
    case 2:
        engine_rekey(w->engine, now, spi, 0, 3, &w->acts);
        break;
    case 3:
        engine_terminate(w->engine, now, TERMINATE_IKE, "fuzz", spi, 0, 4, &w->acts);
        break;
    case 4:
        engine_terminate(w->engine, now, TERMINATE_CHILD, "fuzz", spi, child, 5, &w->acts);
        break;
    default:
        engine_slot_release(w->engine, now, 0, &w->acts);
        break;
    }
    world_run(w);
}

static void dp_event(struct world *w, const uint8_t *p)
{
    static const enum dp_event_kind kinds[] = { DPE_COUNTERS, DPE_RESERVE, DPE_SOFT_LIFETIME,
                                                DPE_HARD_LIFETIME, DPE_PEER_MOVED };
    const struct session_record *r = nth_session(w, p[1] % 4);
    struct dp_record_view v;
    struct dp_event ev = { .kind = kinds[p[0] % 5], .remote = ep_i };

    if (r == NULL || r->n_children == 0)
        return;
    ev.spi_in = r->children[p[2] % r->n_children].spi_in;
    if (dp_record_find(w->dp, ev.spi_in, &v) != OK)
        return;
    ev.counters = v.counters;
    ev.remote.port = p[2];
    engine_dp_event(w->engine, world_now(w), &ev, &w->acts);
    world_run(w);
}

/* ---- the states, made once ---- */

static void keep_state(int n, struct world *w)
{
    states[n] = memstore_snapshot(w->memory);
    MUST(states[n] != NULL);
    state_initiator[n] = w->initiator;
}

static void fresh(struct world *w, bool initiator)
{
    struct incarnation first = { { 1, initiator } };

    world_begin(w, initiator);
    MUST(memstore_new(&first, &w->memory) == OK);
    world_connect(w);
    world_claim(w);
    world_engine(w);
    world_open(w, false);
    w->keep = true;
}

static struct bytes take_out(struct world *w)
{
    struct bytes b;

    MUST(w->n_out > 0);
    b = w->out[0];
    w->n_out--;
    memmove(w->out, w->out + 1, w->n_out * sizeof w->out[0]);
    return b;
}

static unsigned n_seeds;

static void write_seed(int state, const uint8_t *head, size_t n_head, struct span body)
{
    const char *dir = getenv("FUZZ_ENGINE_SEEDS");
    size_t len = n_head - 1 + body.len;
    char name[512];
    FILE *f;

    if (dir == NULL)
        return;
    snprintf(name, sizeof name, "%s/handshake-%02u", dir, n_seeds++);
    f = fopen(name, "wb");
    MUST(f != NULL);
    fputc(state, f);
    fputc(head[0], f);
    fputc((int)(len >> 8), f);
    fputc((int)(len & 0xff), f);
    fwrite(head + 1, 1, n_head - 1, f);
    fwrite(body.p, 1, body.len, f);
    fclose(f);
}

/* A message on its way to w, as the seed of that state: in clear, or its plaintext. */
static void seed_of(struct world *w, int state, struct span m)
{
    static uint8_t plain[LIMIT_MESSAGE];
    const struct session_record *r = nth_session(w, 0);
    struct rd rd = rd_of(m);
    struct payload_list l;
    struct ike_header h;
    struct protect_keys k;
    struct ike_suite suite;
    struct span content;
    uint8_t critical;

    MUST(ike_header_parse(&rd, &h) == OK);
    MUST(payload_chain_clear(h.next_payload, rd_rest(&rd), &l, &critical) == OK);
    if (payload_first(&l, PL_SK) == NULL) {
        write_seed(state, (uint8_t[]){ OP_RAW }, 1, m);
        return;
    }
    MUST(r != NULL);
    suite = (struct ike_suite){ r->suite.encr, r->suite.encr_key_bits, r->suite.integ, r->suite.prf,
                                r->suite.dh };
    k = (struct protect_keys){ &suite, ike_from_initiator(&h) ? &r->sk_ei : &r->sk_er,
                               ike_from_initiator(&h) ? &r->sk_ai : &r->sk_ar };
    MUST(protect_open(&k, m, payload_first(&l, PL_SK), plain, sizeof plain, &content) == OK);
    write_seed(
        state,
        (uint8_t[]){ ike_is_response(&h) ? OP_RESPONSE : OP_REQUEST, 0, h.exchange, l.inner_first },
        4, content);
}

/* Delivers the oldest message of from to to, which is in this state. */
static void carry(struct world *from, struct world *to, int state)
{
    struct bytes m = take_out(from);

    seed_of(to, state, span_bytes(m));
    receive(to, 0, span_bytes(m));
    bytes_free(&m);
}

static void drain(struct world *a, struct world *b)
{
    while (a->n_out > 0 || b->n_out > 0) {
        struct world *from = a->n_out > 0 ? a : b;
        struct bytes m = take_out(from);

        receive(from == a ? b : a, 0, span_bytes(m));
        bytes_free(&m);
    }
}

static void make_states(void)
{
    struct world i, r;

    fresh(&i, true);
    fresh(&r, false);
    keep_state(ST_EMPTY_I, &i);
    keep_state(ST_EMPTY_R, &r);
    command(&i, 0, 0);
    keep_state(ST_INIT_SENT, &i);
    carry(&i, &r, ST_EMPTY_R);
    keep_state(ST_HALF_OPEN, &r);
    carry(&r, &i, ST_INIT_SENT);
    keep_state(ST_AUTH_SENT, &i);
    carry(&i, &r, ST_HALF_OPEN);
    keep_state(ST_UP_R, &r);
    carry(&r, &i, ST_AUTH_SENT);
    keep_state(ST_UP_I, &i);
    /* Each of our own requests, answered by the peer; the peer's side is a seed too. */
    command(&r, 1, 0);
    keep_state(ST_CHILD_REKEY_R, &r);
    carry(&r, &i, ST_UP_I);
    carry(&i, &r, ST_CHILD_REKEY_R);
    drain(&i, &r);
    command(&i, 1, 0);
    keep_state(ST_CHILD_REKEY_I, &i);
    carry(&i, &r, ST_UP_R);
    carry(&r, &i, ST_CHILD_REKEY_I);
    drain(&i, &r);
    command(&r, 2, 0);
    keep_state(ST_IKE_REKEY_R, &r);
    carry(&r, &i, ST_UP_I);
    carry(&i, &r, ST_IKE_REKEY_R);
    drain(&i, &r);
    command(&i, 2, 0);
    keep_state(ST_IKE_REKEY_I, &i);
    drain(&i, &r);
    keep_state(ST_REKEYED_I, &i);
    command(&r, 4, 0);
    keep_state(ST_DELETE_CHILD_R, &r);
    drain(&i, &r);
    command(&r, 3, 0);
    keep_state(ST_DELETE_R, &r);
    drain(&i, &r);
    world_done(&i);
    world_done(&r);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    make_policy(0);
    make_policy(1);
    make_states();
    if (getenv("FUZZ_ENGINE_SEEDS") != NULL)
        exit(0);
    return 0;
}

static void step(struct world *w, uint8_t *low, enum op op, const uint8_t *p, size_t len)
{
    switch (op) {
    case OP_RAW:
        receive(w, *low, span_of(p, len));
        break;
    case OP_HEADER:
        receive_patched(w, *low, p, len);
        break;
    case OP_REQUEST:
    case OP_RESPONSE:
    case OP_FRAGMENT:
        receive_sealed(w, *low, op, p, len);
        break;
    case OP_TICK:
        if (len >= 2)
            pass(w, (uint64_t)(p[0] << 8 | p[1]) * 1000);
        break;
    case OP_FATES:
        w->n_fates = len < sizeof w->fates ? len : sizeof w->fates;
        memcpy(w->fates, p, w->n_fates);
        break;
    case OP_COMMAND:
        if (len >= 2)
            command(w, p[0], p[1]);
        break;
    case OP_EVENT:
        if (len >= 3)
            dp_event(w, p);
        break;
    default:
        if (len >= 1)
            *low = p[0];
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned state = fuzz_choice(&data, &size) % ST_COUNT;
    struct world w;
    uint8_t low = 0;

    world_begin(&w, state_initiator[state]);
    w.memory = memstore_snapshot(states[state]);
    MUST(w.memory != NULL);
    world_connect(&w);
    world_engine(&w);
    world_open(&w, true);
    for (unsigned n = 0; n < 24 && size >= 3; n++) {
        enum op op = data[0] % OP_COUNT;
        size_t len = (size_t)data[1] << 8 | data[2];

        data += 3;
        size -= 3;
        len = len < size ? len : size;
        step(&w, &low, op, data, len);
        data += len;
        size -= len;
    }
    engine_slot_close(w.engine, world_now(&w), 0, &w.acts);
    world_run(&w);
    world_done(&w);
    return 0;
}
