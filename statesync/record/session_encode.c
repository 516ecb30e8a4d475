/* session_encode: struct session_record -> protobuf bytes.
 *
 * On the path of every handshake: the messages are built on the stack, point into the record, and
 * are packed once; the only allocation is the result. */
#include <stdlib.h>

#include "proto/ike_sa.pb-c.h"
#include "statesync/record/pb_field.h"
#include "statesync/record/session_check.h"

/* Scratch for the parts of one child. Not zeroed as a whole: only what is used is initialised. */
struct child_parts {
    Ikestra__ChildRecord child;
    Ikestra__Suite suite;
    Ikestra__ReplayWindow window;
    Ikestra__TrafficSelector *local_ts[LIMIT_SELECTORS];
    Ikestra__TrafficSelector *remote_ts[LIMIT_SELECTORS];
    Ikestra__TrafficSelector ts[2 * LIMIT_SELECTORS];
};

static ProtobufCBinaryData of_bytes(struct bytes b)
{
    return pb_of(span_bytes(b));
}

static ProtobufCBinaryData of_secret(const struct secret *s)
{
    return pb_of(secret_expose(s));
}

static Ikestra__Suite of_suite(const struct rec_suite *s)
{
    Ikestra__Suite m = IKESTRA__SUITE__INIT;

    m.encr = s->encr;
    m.encr_key_bits = s->encr_key_bits;
    m.integ = s->integ;
    m.prf = s->prf;
    m.dh = s->dh;
    return m;
}

static void of_selector(const struct rec_ts *ts, Ikestra__TrafficSelector *m)
{
    ikestra__traffic_selector__init(m);
    m->protocol = ts->protocol;
    m->port_first = ts->port_first;
    m->port_last = ts->port_last;
    m->first = pb_of(ip_span(&ts->first));
    m->last = pb_of(ip_span(&ts->last));
}

static void of_selectors(const struct child_record *c, struct child_parts *p)
{
    Ikestra__TrafficSelector *next = p->ts;

    for (size_t i = 0; i < c->n_local; i++) {
        of_selector(&c->local_ts[i], next);
        p->local_ts[i] = next++;
    }
    for (size_t i = 0; i < c->n_remote; i++) {
        of_selector(&c->remote_ts[i], next);
        p->remote_ts[i] = next++;
    }
    p->child.n_local_ts = c->n_local;
    p->child.local_ts = p->local_ts;
    p->child.n_remote_ts = c->n_remote;
    p->child.remote_ts = p->remote_ts;
}

static void of_window(const struct rec_window *w, struct child_parts *p)
{
    if (w->top == 0 && !w->bitmap_valid && w->wall_ms == 0)
        return;
    ikestra__replay_window__init(&p->window);
    p->window.top = w->top;
    if (w->bitmap_valid)
        p->window.bitmap = pb_of(span_of(w->bitmap, sizeof w->bitmap));
    p->window.wall_ms = w->wall_ms;
    p->child.window = &p->window;
}

static void of_child(const struct child_record *c, struct child_parts *p)
{
    Ikestra__ChildRecord *m = &p->child;

    ikestra__child_record__init(m);
    m->state = c->state;
    m->spi_in = c->spi_in;
    m->spi_out = c->spi_out;
    p->suite = of_suite(&c->suite);
    m->suite = &p->suite;
    m->esn = c->esn;
    m->udp_encap = c->udp_encap;
    m->initiator = c->initiator;
    m->name = pb_of_name(c->name);
    m->encr_in = of_secret(&c->encr_in);
    m->encr_out = of_secret(&c->encr_out);
    m->integ_in = of_secret(&c->integ_in);
    m->integ_out = of_secret(&c->integ_out);
    of_selectors(c, p);
    m->seq_next = c->seq_next;
    m->reserved_end = c->reserved_end;
    m->exact = c->exact;
    if (incarnation_known(&c->reserved_in))
        m->reserved_in = pb_of(span_of(c->reserved_in.id, sizeof c->reserved_in.id));
    m->blocks = c->blocks;
    of_window(&c->window, p);
    m->strict_in = c->strict_in;
    m->created_ms = c->created_ms;
    m->rekey_at_ms = c->rekey_at_ms;
    m->expire_at_ms = c->expire_at_ms;
    m->bytes = c->bytes;
    m->packets = c->packets;
    m->rekey_bytes = c->rekey_bytes;
    m->rekey_packets = c->rekey_packets;
    m->max_bytes = c->max_bytes;
    m->max_packets = c->max_packets;
}

static Ikestra__RequestRecord of_request(const struct rec_request *q)
{
    Ikestra__RequestRecord m = IKESTRA__REQUEST_RECORD__INIT;

    m.kind = q->kind;
    m.msgid = q->msgid;
    m.datagrams = of_bytes(q->datagrams);
    m.sent_ms = q->sent_ms;
    m.child_spi_in = q->child_spi_in;
    m.new_spi_in = q->new_spi_in;
    m.new_ike_spi = q->new_ike_spi;
    m.dh = q->dh;
    m.dh_private = of_bytes(q->dh_private);
    m.nonce = of_bytes(q->nonce);
    m.child_name = pb_of_name(q->child_name);
    m.ts = of_bytes(q->ts);
    return m;
}

static Ikestra__Identity of_id(const struct rec_id *id)
{
    Ikestra__Identity m = IKESTRA__IDENTITY__INIT;

    m.type = id->type;
    m.data = of_bytes(id->data);
    return m;
}

/* The fields that need no part of their own. */
static void of_plain_fields(const struct session_record *r, Ikestra__SessionRecord *m)
{
    m->format = SESSION_FORMAT;
    m->state = r->state;
    m->role = r->role;
    m->spi_i = r->spi_i;
    m->spi_r = r->spi_r;
    m->nat_local = r->nat_local;
    m->nat_remote = r->nat_remote;
    m->udp_encap = r->udp_encap;
    m->conn = pb_of_name(r->conn);
    m->sk_d = of_secret(&r->sk_d);
    m->sk_ai = of_secret(&r->sk_ai);
    m->sk_ar = of_secret(&r->sk_ar);
    m->sk_ei = of_secret(&r->sk_ei);
    m->sk_er = of_secret(&r->sk_er);
    m->sk_pi = of_secret(&r->sk_pi);
    m->sk_pr = of_secret(&r->sk_pr);
    m->ni = of_bytes(r->ni);
    m->nr = of_bytes(r->nr);
    m->init_request = of_bytes(r->init_request);
    m->init_response = of_bytes(r->init_response);
    m->recv_next = r->recv_next;
    m->send_next = r->send_next;
    m->reply_msgid = r->reply_msgid;
    m->reply = of_bytes(r->reply);
    m->reply_ms = r->reply_ms;
    m->peer_frag = r->peer_frag;
    m->peer_hashes = r->peer_hashes;
    m->peer_mobike = r->peer_mobike;
    m->suspect = r->suspect;
    m->suspect_probe = r->suspect_probe;
    m->created_ms = r->created_ms;
    m->established_ms = r->established_ms;
    m->rekey_at_ms = r->rekey_at_ms;
    m->expire_at_ms = r->expire_at_ms;
    m->replaced_by = r->replaced_by;
    m->ext = of_bytes(r->ext);
}

static enum err pack(const Ikestra__SessionRecord *m, struct bytes *ret)
{
    size_t len = ikestra__session_record__get_packed_size(m);
    uint8_t *p;

    if (len > SESSION_PLAIN_MAX)
        return E_LIMIT;
    p = malloc(len);
    if (p == NULL)
        return E_NOMEM;
    ikestra__session_record__pack(m, p);
    *ret = (struct bytes){ p, len };
    return OK;
}

enum err session_record_encode(const struct session_record *r, struct bytes *ret)
{
    Ikestra__SessionRecord m = IKESTRA__SESSION_RECORD__INIT;
    struct child_parts parts[LIMIT_CHILDREN];
    Ikestra__ChildRecord *children[LIMIT_CHILDREN];
    Ikestra__VirtualAddress vip[LIMIT_VIPS], *vips[LIMIT_VIPS];
    Ikestra__Endpoint local, remote;
    Ikestra__Suite suite;
    Ikestra__RequestRecord request;
    Ikestra__Identity id_local, id_remote;

    TRY(session_record_check(r));
    of_plain_fields(r, &m);
    local = pb_of_endpoint(&r->local);
    m.local = &local;
    remote = pb_of_endpoint(&r->remote);
    m.remote = &remote;
    suite = of_suite(&r->suite);
    m.suite = &suite;
    if (r->request.kind != RQ_NONE) {
        request = of_request(&r->request);
        m.request = &request;
    }
    if (r->id_local.type != 0) {
        id_local = of_id(&r->id_local);
        m.id_local = &id_local;
    }
    if (r->id_remote.type != 0) {
        id_remote = of_id(&r->id_remote);
        m.id_remote = &id_remote;
    }
    for (size_t i = 0; i < r->n_vips; i++) {
        ikestra__virtual_address__init(&vip[i]);
        vip[i].ip = pb_of(ip_span(&r->vips[i]));
        vip[i].leased = r->vip_leased[i];
        vips[i] = &vip[i];
    }
    m.n_vips = r->n_vips;
    m.vips = vips;
    for (size_t i = 0; i < r->n_children; i++) {
        of_child(&r->children[i], &parts[i]);
        children[i] = &parts[i].child;
    }
    m.n_children = r->n_children;
    m.children = children;
    return pack(&m, ret);
}
