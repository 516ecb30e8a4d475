/* sample: session records with fixed content, for tests and golden bytes. */
#pragma once

#include <string.h>

#include "statesync/record/session_record.h"

/* len octets first, first + 1, ... */
static inline struct bytes sample_bytes(uint8_t first, size_t len)
{
    uint8_t tmp[1024];
    struct bytes b;

    for (size_t i = 0; i < len; i++)
        tmp[i] = (uint8_t)(first + i);
    if (bytes_copy(span_of(tmp, len), &b) != OK)
        abort();
    return b;
}

static inline void sample_secret(struct secret *s, uint8_t first, size_t len)
{
    struct bytes b = sample_bytes(first, len);

    if (secret_set(s, span_bytes(b)) != OK)
        abort();
    bytes_free(&b);
}

/* Datagrams of the lengths given, each with its 16-bit length. */
static inline struct bytes sample_datagrams(uint8_t first, uint8_t len1, uint8_t len2)
{
    struct bytes b = sample_bytes(first, (size_t)len1 + len2 + (len2 != 0 ? 4 : 2));

    b.p[0] = 0;
    b.p[1] = len1;
    if (len2 != 0) {
        b.p[2 + len1] = 0;
        b.p[3 + len1] = len2;
    }
    return b;
}

static inline struct endpoint sample_endpoint(const char *text)
{
    struct endpoint e;

    if (endpoint_parse(text, &e) != OK)
        abort();
    return e;
}

static inline struct ip_addr sample_ip(const char *text)
{
    struct ip_addr a;

    if (ip_parse(text, &a) != OK)
        abort();
    return a;
}

static inline struct rec_ts *sample_ts(const char *first, const char *last)
{
    struct rec_ts *ts = calloc(1, sizeof *ts);

    if (ts == NULL)
        abort();
    ts->port_last = 65535;
    ts->first = sample_ip(first);
    ts->last = sample_ip(last);
    return ts;
}

static inline void sample_name(char name[LIMIT_NAME], const char *text)
{
    memset(name, 0, LIMIT_NAME);
    memcpy(name, text, strlen(text));
}

static inline void sample_child(struct child_record *c, uint32_t spi_in, bool esn)
{
    c->state = CS_INSTALLED;
    c->spi_in = spi_in;
    c->spi_out = 0xc0ffee01;
    c->suite = (struct rec_suite){ .encr = 20, .encr_key_bits = 256, .dh = 31 };
    c->esn = esn;
    c->udp_encap = true;
    sample_name(c->name, "net");
    sample_secret(&c->encr_in, 0x10, 36);
    sample_secret(&c->encr_out, 0x40, 36);
    c->local_ts = sample_ts("0.0.0.0", "255.255.255.255");
    c->n_local = 1;
    c->remote_ts = sample_ts("10.1.0.9", "10.1.0.9");
    c->n_remote = 1;
    c->seq_next = 4711;
    c->reserved_end = 65537;
    memset(c->reserved_in.id, 0xab, sizeof c->reserved_in.id);
    c->blocks = 1;
    c->window.top = 815;
    c->window.bitmap_valid = true;
    memset(c->window.bitmap, 0xff, 64);
    c->window.wall_ms = 1700000000500;
    c->created_ms = 1700000000000;
    c->rekey_at_ms = 1700003000000;
    c->expire_at_ms = 1700003600000;
    c->bytes = 123456;
    c->packets = 321;
    c->rekey_bytes = 1000000000;
    c->max_bytes = 2000000000;
}

/* An established responder's session with two children, ours being rekeyed by us. Every field is
 * set. */
static inline struct session_record sample_full(void)
{
    struct session_record r = { 0 };

    r.state = SS_ESTABLISHED;
    r.role = ROLE_RESPONDER;
    r.spi_i = 0x1122334455667788;
    r.spi_r = ike_spi_make(1, 77, 0x123456789ab);
    r.local = sample_endpoint("192.0.2.1:4500");
    r.remote = sample_endpoint("[2001:db8::7]:61234");
    r.nat_local = true;
    r.nat_remote = true;
    r.udp_encap = true;
    sample_name(r.conn, "road warriors");
    r.suite = (struct rec_suite){ 12, 256, 13, 6, 19 };
    sample_secret(&r.sk_d, 1, 48);
    sample_secret(&r.sk_ai, 2, 48);
    sample_secret(&r.sk_ar, 3, 48);
    sample_secret(&r.sk_ei, 4, 32);
    sample_secret(&r.sk_er, 5, 32);
    sample_secret(&r.sk_pi, 6, 48);
    sample_secret(&r.sk_pr, 7, 48);
    r.ni = sample_bytes(0x20, 32);
    r.nr = sample_bytes(0x60, 16);
    r.init_request = sample_bytes(0x70, 40);
    r.init_response = sample_bytes(0x80, 41);
    r.recv_next = 7;
    r.send_next = 3;
    r.reply_msgid = 6;
    r.reply = sample_datagrams(0x90, 30, 9);
    r.reply_ms = 1700000001000;
    r.request = (struct rec_request){ .kind = RQ_REKEY_CHILD,
                                      .msgid = 2,
                                      .sent_ms = 1700000002000,
                                      .child_spi_in = 0x04534001,
                                      .new_spi_in = 0x04534003,
                                      .new_ike_spi = 0x0102030405060708,
                                      .dh = 31 };
    r.request.datagrams = sample_datagrams(0xa0, 50, 0);
    r.request.dh_private = sample_bytes(0xb0, 32);
    r.request.nonce = sample_bytes(0xc0, 32);
    sample_name(r.request.child_name, "net");
    r.request.ts = sample_bytes(0xd0, 24);
    r.id_local = (struct rec_id){ 2, sample_bytes('a', 11) };
    r.id_remote = (struct rec_id){ 3, sample_bytes('A', 20) };
    r.n_vips = 2;
    r.vips[0] = sample_ip("10.1.0.9");
    r.vips[1] = sample_ip("2001:db8:1::9");
    r.vip_leased[1] = true;
    r.peer_frag = true;
    r.peer_hashes = 0x1e;
    r.peer_mobike = true;
    r.suspect = true;
    r.suspect_probe = 4;
    r.created_ms = 1700000000000;
    r.established_ms = 1700000000100;
    r.rekey_at_ms = 1700010000000;
    r.expire_at_ms = 1700014400000;
    r.replaced_by = 0x0807060504030201;
    sample_child(session_record_add_child(&r), 0x04534001, true);
    sample_child(session_record_add_child(&r), 0x04534002, false);
    r.children[1].state = CS_REKEYED;
    r.children[1].initiator = true;
    r.children[1].exact = true;
    r.children[1].strict_in = true;
    r.children[1].suite = (struct rec_suite){ 12, 128, 12, 0, 0 };
    sample_secret(&r.children[1].integ_in, 0x11, 32);
    sample_secret(&r.children[1].integ_out, 0x22, 32);
    r.children[1].rekey_packets = 1000;
    r.children[1].max_packets = 2000;
    r.children[1].window.bitmap_valid = false;
    memset(r.children[1].window.bitmap, 0, sizeof r.children[1].window.bitmap);
    r.ext = sample_bytes(0xe0, 5);
    return r;
}

/* What a delete leaves. */
static inline struct session_record sample_tombstone(void)
{
    struct session_record r = { 0 };

    r.state = SS_DELETED;
    r.role = ROLE_RESPONDER;
    r.spi_i = 0x1122334455667788;
    r.spi_r = ike_spi_make(1, 77, 0x123456789ab);
    r.expire_at_ms = 1700014400000;
    return r;
}
