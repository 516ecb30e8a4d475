/* engine_send: content becomes datagrams. The only place where SK IVs are drawn: each sealed
 * message or fragment takes the next value of this process's counter, whatever SA it is for
 * (INV-NONCE). */
#include <stdlib.h>
#include <string.h>

#include "node/core/engine_state.h"
#include "node/sa/frag.h"
#include "node/sa/protect.h"
#include "statesync/base/breaks.h"
#include "statesync/base/wr.h"

static struct protect_iv next_iv(struct engine *e, const struct ike_header *h)
{
    struct protect_iv iv = { e->iv++, e->env };

    if (BREAK(e->env, IV_FROM_MESSAGE_ID))
        iv.counter = (uint64_t)h->msgid << 1 | ike_is_response(h);
    return iv;
}

static enum err add_datagram(struct wr *w, struct span message)
{
    wr_u16(w, (uint16_t)message.len);
    wr_bytes(w, message);
    return wr_ok(w);
}

enum err one_datagram(struct span message, struct bytes *ret)
{
    uint8_t *p = malloc(message.len + 2);
    struct wr w = wr_of(p, message.len + 2);
    enum err e;

    if (p == NULL)
        return E_NOMEM;
    e = add_datagram(&w, message);
    if (e != OK) {
        free(p);
        return e;
    }
    *ret = (struct bytes){ p, w.len };
    return OK;
}

static enum err seal_fragments(struct engine *e, const struct protect_keys *k,
                               const struct ike_header *h, uint8_t first, struct span content,
                               size_t message_max, struct wr *w)
{
    size_t each = protect_fragment_content(k->suite, message_max);
    uint16_t total;

    if (each == 0)
        return E_LIMIT;
    total = (uint16_t)((content.len + each - 1) / each);
    if (total > LIMIT_FRAGMENTS)
        return E_LIMIT;
    for (uint16_t i = 1; i <= total; i++) {
        struct protect_iv iv = next_iv(e, h);
        struct span message;

        TRY(protect_seal_fragment(k, &iv, h, i, total, first, frag_slice(content, each, i), e->wire,
                                  LIMIT_MESSAGE, &message));
        TRY(add_datagram(w, message));
    }
    return OK;
}

static size_t fragment_size(const struct engine *e, const struct ike_sa *sa)
{
    for (size_t i = 0; i < e->policy->n_conns; i++)
        if (strcmp(e->policy->conns[i].name, sa->r.conn) == 0 &&
            e->policy->conns[i].fragment_size > 0)
            return e->policy->conns[i].fragment_size;
    return LIMIT_FRAGMENT_MTU;
}

enum err seal_content(struct engine *e, const struct ike_sa *sa, const struct ike_header *h,
                      uint8_t first, struct span content, struct bytes *ret)
{
    const struct session_record *r = &sa->r;
    struct ike_suite suite = ike_sa_suite(r);
    bool from_i = ike_from_initiator(h);
    struct protect_keys k = { &suite, from_i ? &r->sk_ei : &r->sk_er,
                              from_i ? &r->sk_ai : &r->sk_ar };
    struct wr w = wr_of(e->datagrams, DATAGRAMS_MAX);
    size_t max = frag_message_max(fragment_size(e, sa), r->remote.addr.family, r->udp_encap);

    if (r->peer_frag && max > 0 && protect_message_len(&suite, content.len) > max) {
        TRY(seal_fragments(e, &k, h, first, content, max, &w));
    } else {
        struct protect_iv iv = next_iv(e, h);
        struct span message;

        TRY(protect_seal(&k, &iv, h, first, content, e->wire, LIMIT_MESSAGE, &message));
        TRY(add_datagram(&w, message));
    }
    return bytes_copy(wr_span(&w), ret);
}

void send_datagrams_to(struct engine *e, const struct endpoint *local,
                       const struct endpoint *remote, struct span datagrams, struct actions *out)
{
    struct rd r = rd_of(datagrams);
    uint16_t len;
    struct span d;

    while (rd_left(&r) > 0 && rd_u16(&r, &len) == OK && rd_span(&r, len, &d) == OK) {
        struct span copy = actions_copy(out, d);
        struct action *a = actions_add(out, ACT_SEND);

        a->local = *local;
        a->remote = *remote;
        a->encap = local->port == 4500;
        a->data = copy;
        e->stats.packets_out++;
    }
}

void send_datagrams(struct engine *e, struct ike_sa *sa, struct span datagrams, struct actions *out)
{
    send_datagrams_to(e, &sa->r.local, &sa->r.remote, datagrams, out);
}
