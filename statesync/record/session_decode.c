/* session_decode: protobuf bytes -> struct session_record.
 *
 * A record is read in full once: every field is brought into its range here, then session_check.c
 * judges the whole; what comes out is trusted. protobuf-c's copies live in an arena that is wiped.
 */
#include <stdlib.h>

#include "proto/ike_sa.pb-c.h"
#include "statesync/record/pb_arena.h"
#include "statesync/record/pb_field.h"
#include "statesync/record/session_check.h"

static void to_suite(const Ikestra__Suite *m, struct rec_suite *ret, enum err *e)
{
    if (m == NULL)
        return;
    pb_known(&m->base, e);
    ret->encr = pb_u16(m->encr, e);
    ret->encr_key_bits = pb_u16(m->encr_key_bits, e);
    ret->integ = pb_u16(m->integ, e);
    ret->prf = pb_u16(m->prf, e);
    ret->dh = pb_u16(m->dh, e);
}

static void to_id(const Ikestra__Identity *m, struct rec_id *ret, enum err *e)
{
    if (m == NULL)
        return;
    pb_known(&m->base, e);
    ret->type = pb_u8(m->type, e);
    /* Type 0 means that there is none, which is said by leaving the field out. */
    if (ret->type == 0 && *e == OK)
        *e = E_BAD_VALUE;
    pb_bytes(m->data, LIMIT_ID, &ret->data, e);
}

static void to_selectors(Ikestra__TrafficSelector *const *m, size_t n, struct rec_ts **ret,
                         uint8_t *ret_n, enum err *e)
{
    struct rec_ts *ts;

    if (n > LIMIT_SELECTORS && *e == OK)
        *e = E_LIMIT;
    if (*e != OK || n == 0)
        return;
    ts = calloc(n, sizeof *ts);
    if (ts == NULL) {
        *e = E_NOMEM;
        return;
    }
    for (size_t i = 0; i < n; i++) {
        pb_known(&m[i]->base, e);
        ts[i].protocol = pb_u8(m[i]->protocol, e);
        ts[i].port_first = pb_u16(m[i]->port_first, e);
        ts[i].port_last = pb_u16(m[i]->port_last, e);
        ts[i].first = pb_ip(m[i]->first, e);
        ts[i].last = pb_ip(m[i]->last, e);
    }
    *ret = ts;
    *ret_n = (uint8_t)n;
}

static void to_window(const Ikestra__ReplayWindow *m, struct rec_window *ret, enum err *e)
{
    if (m == NULL)
        return;
    pb_known(&m->base, e);
    ret->top = m->top;
    ret->bitmap_valid = pb_fixed(m->bitmap, ret->bitmap, sizeof ret->bitmap, e);
    ret->wall_ms = m->wall_ms;
}

static void to_child(const Ikestra__ChildRecord *m, struct child_record *ret, enum err *e)
{
    pb_known(&m->base, e);
    ret->state = pb_u8(m->state, e);
    ret->spi_in = m->spi_in;
    ret->spi_out = m->spi_out;
    to_suite(m->suite, &ret->suite, e);
    ret->esn = m->esn;
    ret->udp_encap = m->udp_encap;
    ret->initiator = m->initiator;
    pb_name(m->name, ret->name, e);
    pb_secret(m->encr_in, &ret->encr_in, e);
    pb_secret(m->encr_out, &ret->encr_out, e);
    pb_secret(m->integ_in, &ret->integ_in, e);
    pb_secret(m->integ_out, &ret->integ_out, e);
    to_selectors(m->local_ts, m->n_local_ts, &ret->local_ts, &ret->n_local, e);
    to_selectors(m->remote_ts, m->n_remote_ts, &ret->remote_ts, &ret->n_remote, e);
    ret->seq_next = m->seq_next;
    ret->reserved_end = m->reserved_end;
    ret->exact = m->exact;
    pb_fixed(m->reserved_in, ret->reserved_in.id, sizeof ret->reserved_in.id, e);
    ret->blocks = pb_u16(m->blocks, e);
    to_window(m->window, &ret->window, e);
    ret->strict_in = m->strict_in;
    ret->created_ms = m->created_ms;
    ret->rekey_at_ms = m->rekey_at_ms;
    ret->expire_at_ms = m->expire_at_ms;
    ret->bytes = m->bytes;
    ret->packets = m->packets;
    ret->rekey_bytes = m->rekey_bytes;
    ret->rekey_packets = m->rekey_packets;
    ret->max_bytes = m->max_bytes;
    ret->max_packets = m->max_packets;
}

static void to_children(const Ikestra__SessionRecord *m, struct session_record *ret, enum err *e)
{
    if (m->n_children > LIMIT_CHILDREN && *e == OK)
        *e = E_LIMIT;
    if (*e != OK || m->n_children == 0)
        return;
    ret->children = calloc(m->n_children, sizeof *ret->children);
    if (ret->children == NULL) {
        *e = E_NOMEM;
        return;
    }
    ret->n_children = ret->cap_children = (uint8_t)m->n_children;
    for (size_t i = 0; i < m->n_children; i++)
        to_child(m->children[i], &ret->children[i], e);
}

static void to_request(const Ikestra__RequestRecord *m, struct rec_request *ret, enum err *e)
{
    if (m == NULL)
        return;
    pb_known(&m->base, e);
    ret->kind = pb_u8(m->kind, e);
    if (ret->kind == RQ_NONE && *e == OK)
        *e = E_BAD_VALUE;
    ret->msgid = m->msgid;
    pb_bytes(m->datagrams, LIMIT_RECORD, &ret->datagrams, e);
    ret->sent_ms = m->sent_ms;
    ret->child_spi_in = m->child_spi_in;
    ret->new_spi_in = m->new_spi_in;
    ret->new_ike_spi = m->new_ike_spi;
    ret->dh = pb_u16(m->dh, e);
    pb_bytes(m->dh_private, SESSION_DH_MAX, &ret->dh_private, e);
    pb_bytes(m->nonce, LIMIT_NONCE_MAX, &ret->nonce, e);
    pb_name(m->child_name, ret->child_name, e);
    pb_bytes(m->ts, LIMIT_RECORD, &ret->ts, e);
}

static void to_vips(const Ikestra__SessionRecord *m, struct session_record *ret, enum err *e)
{
    if (m->n_vips > LIMIT_VIPS && *e == OK)
        *e = E_LIMIT;
    if (*e != OK)
        return;
    for (size_t i = 0; i < m->n_vips; i++) {
        pb_known(&m->vips[i]->base, e);
        ret->vips[i] = pb_ip(m->vips[i]->ip, e);
        ret->vip_leased[i] = m->vips[i]->leased;
    }
    ret->n_vips = (uint8_t)m->n_vips;
}

static void to_keys(const Ikestra__SessionRecord *m, struct session_record *ret, enum err *e)
{
    pb_secret(m->sk_d, &ret->sk_d, e);
    pb_secret(m->sk_ai, &ret->sk_ai, e);
    pb_secret(m->sk_ar, &ret->sk_ar, e);
    pb_secret(m->sk_ei, &ret->sk_ei, e);
    pb_secret(m->sk_er, &ret->sk_er, e);
    pb_secret(m->sk_pi, &ret->sk_pi, e);
    pb_secret(m->sk_pr, &ret->sk_pr, e);
    pb_bytes(m->ni, LIMIT_NONCE_MAX, &ret->ni, e);
    pb_bytes(m->nr, LIMIT_NONCE_MAX, &ret->nr, e);
    pb_bytes(m->init_request, LIMIT_MESSAGE, &ret->init_request, e);
    pb_bytes(m->init_response, LIMIT_MESSAGE, &ret->init_response, e);
}

/* ret zeroed before; what it owns afterwards is the caller's to free, whatever the error. */
static enum err to_session(const Ikestra__SessionRecord *m, struct session_record *ret)
{
    enum err e = OK;

    pb_known(&m->base, &e);
    ret->state = pb_u8(m->state, &e);
    ret->role = pb_u8(m->role, &e);
    ret->spi_i = m->spi_i;
    ret->spi_r = m->spi_r;
    ret->local = pb_endpoint(m->local, &e);
    ret->remote = pb_endpoint(m->remote, &e);
    ret->nat_local = m->nat_local;
    ret->nat_remote = m->nat_remote;
    ret->udp_encap = m->udp_encap;
    pb_name(m->conn, ret->conn, &e);
    to_suite(m->suite, &ret->suite, &e);
    to_keys(m, ret, &e);
    ret->recv_next = m->recv_next;
    ret->send_next = m->send_next;
    ret->reply_msgid = m->reply_msgid;
    pb_bytes(m->reply, LIMIT_RECORD, &ret->reply, &e);
    ret->reply_ms = m->reply_ms;
    to_request(m->request, &ret->request, &e);
    to_id(m->id_local, &ret->id_local, &e);
    to_id(m->id_remote, &ret->id_remote, &e);
    to_vips(m, ret, &e);
    ret->peer_frag = m->peer_frag;
    ret->peer_hashes = pb_u16(m->peer_hashes, &e);
    ret->peer_mobike = m->peer_mobike;
    ret->suspect = m->suspect;
    ret->suspect_probe = m->suspect_probe;
    ret->created_ms = m->created_ms;
    ret->established_ms = m->established_ms;
    ret->rekey_at_ms = m->rekey_at_ms;
    ret->expire_at_ms = m->expire_at_ms;
    ret->replaced_by = m->replaced_by;
    to_children(m, ret, &e);
    pb_bytes(m->ext, LIMIT_RECORD, &ret->ext, &e);
    return e == OK ? session_record_check(ret) : e;
}

enum err session_record_decode(struct span plain, struct session_record *ret)
{
    struct session_record r = { 0 };
    struct pb_arena arena;
    Ikestra__SessionRecord *m;
    enum err e;

    if (plain.len > SESSION_PLAIN_MAX)
        return E_LIMIT;
    pb_arena_init(&arena);
    m = ikestra__session_record__unpack(&arena.allocator, plain.len, plain.p);
    if (m == NULL)
        e = E_BAD_VALUE;
    else if (m->format != SESSION_FORMAT)
        e = E_BAD_VERSION;
    else
        e = to_session(m, &r);
    pb_arena_done(&arena);
    if (e != OK)
        session_record_done(&r);
    else
        *ret = r;
    /* Keys were in r; what ret owns is not touched by wiping the local copy. */
    wipe(&r, sizeof r);
    return e;
}
