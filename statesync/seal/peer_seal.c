/* peer_seal: cluster datagrams. The bytes are docs/formats/cluster-datagram.md:
 *
 *   format:8 = 1 | type:8 | sender:16 | boot:32 | salt:32 | counter:64 | destination:16 |
 *   ciphertext | tag:128
 *
 * The head is additional data; IV = salt | counter; key = HKDF(cluster key, sender, boot). Kept per
 * sender: the cipher context, the highest counter with a window, the last heartbeat's counter. A
 * sender gets its place only with an authentic datagram, so noise costs a key derivation and
 * nothing else. */
#include "statesync/seal/peer_seal.h"

#include <assert.h>
#include <stdlib.h>

#include "statesync/base/rd.h"
#include "statesync/base/wr.h"
#include "statesync/seal/gcm.h"
#include "statesync/seal/keyring_use.h"

enum { PEER_FORMAT = 1, HEAD = 22, WINDOW = 64, RING_ID = 1 };

static_assert(HEAD + GCM_TAG == PEER_OVERHEAD, "docs/formats/cluster-datagram.md");

struct sender {
    uint16_t node;          /* 0: free */
    uint32_t floor;         /* lowest boot second that is taken */
    uint32_t boot;          /* 0: nothing authentic yet */
    EVP_CIPHER_CTX *cipher; /* of boot */
    uint64_t top;           /* highest counter seen */
    uint64_t seen;          /* bit n: top - n was seen */
    uint64_t heartbeat;     /* highest counter of a heartbeat */
};

struct peer_seal {
    struct keyring *keys;
    uint16_t node;
    uint32_t boot, salt;
    uint64_t counter; /* last one used */
    EVP_CIPHER_CTX *cipher;
    struct sender senders[LIMIT_NODES];
};

struct head {
    uint8_t type;
    uint16_t node, dest;
    uint32_t boot, salt;
    uint64_t counter;
};

static enum err sender_key(struct peer_seal *p, uint16_t node, uint32_t boot,
                           uint8_t ret[KEYRING_KEY])
{
    uint8_t context[6];
    struct wr w = wr_of(context, sizeof context);

    wr_u16(&w, node);
    wr_u32(&w, boot);
    return keyring_derive(p->keys, RING_ID, "peer", wr_span(&w), ret);
}

static enum err context_for(struct peer_seal *p, bool encrypt, uint16_t node, uint32_t boot,
                            EVP_CIPHER_CTX **ret)
{
    uint8_t key[KEYRING_KEY];
    EVP_CIPHER_CTX *c;

    TRY(sender_key(p, node, boot, key));
    c = gcm_context(encrypt, key);
    wipe(key, sizeof key);
    if (c == NULL)
        return E_NOMEM;
    *ret = c;
    return OK;
}

enum err peer_seal_new(struct span cluster_key, uint16_t node, uint32_t boot, const struct env *env,
                       struct peer_seal **ret)
{
    struct peer_seal *p = calloc(1, sizeof *p);
    uint8_t salt[4] = { 0 };
    struct rd r = rd_of(span_of(salt, sizeof salt));
    enum err e;

    if (p == NULL)
        return E_NOMEM;
    p->node = node;
    p->boot = boot;
    env_random(env, salt, sizeof salt);
    e = rd_u32(&r, &p->salt);
    if (e == OK)
        e = keyring_new(&p->keys);
    if (e == OK)
        e = keyring_add(p->keys, RING_ID, KEY_ACTIVE, cluster_key);
    if (e == OK)
        e = context_for(p, true, node, boot, &p->cipher);
    if (e != OK) {
        peer_seal_free(p);
        return e;
    }
    *ret = p;
    return OK;
}

struct peer_seal *peer_seal_free(struct peer_seal *p)
{
    if (p == NULL)
        return NULL;
    for (size_t i = 0; i < LIMIT_NODES; i++)
        EVP_CIPHER_CTX_free(p->senders[i].cipher);
    EVP_CIPHER_CTX_free(p->cipher);
    keyring_free(p->keys);
    free(p);
    return NULL;
}

static void write_iv(uint32_t salt, uint64_t counter, uint8_t iv[GCM_IV])
{
    struct wr w = wr_of(iv, GCM_IV);

    wr_u32(&w, salt);
    wr_u64(&w, counter);
}

enum err peer_seal_make(struct peer_seal *p, enum peer_type type, uint16_t dest, struct span body,
                        uint8_t *out, size_t cap, size_t *ret_len)
{
    uint8_t iv[GCM_IV];
    struct wr w = wr_of(out, cap);
    struct span aad;
    uint8_t *sealed;

    if (type < PEER_HEARTBEAT || type >= PEER_TYPE_END)
        return E_BAD_VALUE;
    if (body.len > PEER_BODY)
        return E_LIMIT;
    /* Spent whatever happens below. */
    p->counter++;
    wr_u8(&w, PEER_FORMAT);
    wr_u8(&w, (uint8_t)type);
    wr_u16(&w, p->node);
    wr_u32(&w, p->boot);
    wr_u32(&w, p->salt);
    wr_u64(&w, p->counter);
    wr_u16(&w, dest);
    sealed = wr_room(&w, body.len + GCM_TAG);
    TRY(wr_ok(&w));
    write_iv(p->salt, p->counter, iv);
    aad = span_of(out, HEAD);
    TRY(gcm_encrypt(p->cipher, NULL, iv, &aad, 1, body, sealed));
    *ret_len = w.len;
    return OK;
}

static enum err read_head(struct rd *r, struct head *ret)
{
    struct head h;
    uint8_t format;

    TRY(rd_u8(r, &format));
    if (format != PEER_FORMAT)
        return E_BAD_VERSION;
    TRY(rd_u8(r, &h.type));
    TRY(rd_u16(r, &h.node));
    TRY(rd_u32(r, &h.boot));
    TRY(rd_u32(r, &h.salt));
    TRY(rd_u64(r, &h.counter));
    TRY(rd_u16(r, &h.dest));
    if (rd_left(r) < GCM_TAG)
        return E_TRUNCATED;
    if (h.type < PEER_HEARTBEAT || h.type >= PEER_TYPE_END || h.node == 0 || h.node > 0xfff ||
        h.boot == 0 || h.counter == 0)
        return E_BAD_VALUE;
    *ret = h;
    return OK;
}

static struct sender *find_sender(struct peer_seal *p, uint16_t node)
{
    for (size_t i = 0; i < LIMIT_NODES; i++)
        if (p->senders[i].node == node)
            return &p->senders[i];
    return NULL;
}

/* With node's place, a new one if there was none. NULL: full. */
static struct sender *place_sender(struct peer_seal *p, uint16_t node)
{
    struct sender *s = find_sender(p, node);

    if (s == NULL) {
        s = find_sender(p, 0);
        if (s != NULL)
            s->node = node;
    }
    return s;
}

/* Would this counter be news? Changes nothing: the datagram is not authentic yet. */
static enum err check_fresh(const struct sender *s, const struct head *h)
{
    if (h->boot < s->floor || h->boot < s->boot)
        return E_REPLAY;
    if (h->boot > s->boot)
        return OK;
    if (h->type == PEER_HEARTBEAT && h->counter <= s->heartbeat)
        return E_REPLAY;
    if (h->counter > s->top)
        return OK;
    if (s->top - h->counter >= WINDOW || (s->seen >> (s->top - h->counter) & 1) != 0)
        return E_REPLAY;
    return OK;
}

static void mark_seen(struct sender *s, const struct head *h)
{
    uint64_t ahead;

    if (h->counter > s->top) {
        ahead = h->counter - s->top;
        s->seen = ahead >= WINDOW ? 1 : s->seen << ahead | 1;
        s->top = h->counter;
    } else {
        s->seen |= (uint64_t)1 << (s->top - h->counter);
    }
    if (h->type == PEER_HEARTBEAT)
        s->heartbeat = h->counter;
}

/* The newer process of a node replaces everything of the former one. */
static void adopt_boot(struct sender *s, uint32_t boot, EVP_CIPHER_CTX *cipher)
{
    EVP_CIPHER_CTX_free(s->cipher);
    s->cipher = cipher;
    s->boot = boot;
    s->top = s->seen = s->heartbeat = 0;
}

static enum err open_sealed(struct peer_seal *p, const struct head *h, struct span datagram,
                            uint8_t *out)
{
    struct sender *s = find_sender(p, h->node);
    EVP_CIPHER_CTX *c = NULL, *fresh = NULL;
    struct span aad = { datagram.p, HEAD };
    struct span sealed = { datagram.p + HEAD, datagram.len - HEAD };
    uint8_t iv[GCM_IV];
    enum err e;

    if (s != NULL)
        TRY(check_fresh(s, h));
    if (s != NULL && s->boot == h->boot)
        c = s->cipher;
    if (c == NULL) {
        TRY(context_for(p, false, h->node, h->boot, &fresh));
        c = fresh;
    }
    write_iv(h->salt, h->counter, iv);
    e = gcm_decrypt(c, NULL, iv, &aad, 1, sealed, out);
    if (e == OK && fresh != NULL) {
        s = place_sender(p, h->node);
        if (s == NULL)
            e = E_LIMIT;
        else
            adopt_boot(s, h->boot, fresh);
    }
    if (e != OK) {
        EVP_CIPHER_CTX_free(fresh);
        return e;
    }
    mark_seen(s, h);
    return OK;
}

enum err peer_seal_open(struct peer_seal *p, struct span datagram, uint8_t *scratch, size_t cap,
                        struct peer_message *ret)
{
    struct rd r = rd_of(datagram);
    struct head h;

    if (datagram.len > PEER_DATAGRAM || datagram.len > cap + PEER_OVERHEAD)
        return E_LIMIT;
    TRY(read_head(&r, &h));
    if (h.node == p->node || (h.dest != PEER_ANY && h.dest != p->node))
        return E_NOT_ALLOWED;
    TRY(open_sealed(p, &h, datagram, scratch));
    *ret = (struct peer_message){
        .type = (enum peer_type)h.type,
        .node = h.node,
        .boot = h.boot,
        .counter = h.counter,
        .body = { scratch, datagram.len - PEER_OVERHEAD },
    };
    return OK;
}

void peer_seal_floor(struct peer_seal *p, uint16_t node, uint32_t boot)
{
    struct sender *s = node == 0 ? NULL : place_sender(p, node);

    if (s == NULL || boot <= s->floor)
        return;
    s->floor = boot;
}
