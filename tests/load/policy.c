/* policy: one connection per identity; all share certificate, key and trusted CAs. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/crypto/ident.h"
#include "node/crypto/pem_file.h"
#include "tests/load/load.h"

static bool refuse(const char *what, const char *why)
{
    fprintf(stderr, "ike-load: %s: %s\n", what, why);
    return false;
}

static bool read_file(const char *path, struct bytes *ret)
{
    enum err e = pem_file_read(path, ret);

    return e == OK || refuse(path, e == E_IO ? strerror(errno) : err_name(e));
}

static bool read_psk(const char *path, struct bytes *ret)
{
    if (!read_file(path, ret))
        return false;
    while (ret->len > 0 && (ret->p[ret->len - 1] == '\n' || ret->p[ret->len - 1] == '\r'))
        ret->len--;
    return ret->len > 0 || refuse(path, "the key is empty");
}

static bool read_certs(const struct load_options *o, struct policy_conn *c)
{
    struct bytes cert, key, ca;
    enum err e;

    if (!read_file(o->cert_file, &cert) || !read_file(o->key_file, &key) ||
        !read_file(o->ca_file, &ca))
        return false;
    e = x509_chain_load(span_bytes(cert), &c->chain);
    if (e == OK)
        e = sign_key_load(span_bytes(key), &c->key);
    if (e == OK)
        e = x509_anchors_new(&c->anchors);
    if (e == OK)
        e = x509_anchors_add(c->anchors, span_bytes(ca));
    bytes_free(&cert);
    bytes_wipe_free(&key);
    bytes_free(&ca);
    return e == OK || refuse("certificate, key or CA", err_name(e));
}

static bool identity(const char *text, struct policy_id *ret)
{
    struct ident id;

    if (ident_parse(text, &id) != OK)
        return refuse(text, "is no identity");
    ret->type = id.type;
    return bytes_copy(ident_span(&id), &ret->data) == OK;
}

static bool selectors(const struct load_options *o, struct policy_child *c)
{
    struct ip_prefix p;
    struct ts *t = &c->remote_ts[0];

    if (prefix_parse(o->remote_ts, &p) != OK)
        return refuse(o->remote_ts, "is no prefix");
    *t = (struct ts){ .port_last = 65535, .first = p.addr, .last = p.addr };
    for (unsigned bit = p.bits; bit < 8 * ip_len(&p.addr); bit++)
        t->last.ip[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    c->n_remote = 1;
    c->local_dynamic = true;
    return true;
}

static bool common(const struct load_options *o, struct policy_conn *c)
{
    struct policy_child *ch = &c->children[0];

    if (ike_suite_parse(o->suite, &c->suites[0]) != OK)
        return refuse(o->suite, "is no suite");
    if (esp_suite_parse(o->esp, &ch->suites[0]) != OK)
        return refuse(o->esp, "is no ESP suite");
    c->n_suites = ch->n_suites = 1;
    c->local = (struct endpoint){ o->local, 500 };
    c->remote = (struct endpoint){ o->responder, 500 };
    c->local_auth = c->remote_auth = o->cert ? AUTH_CERT : AUTH_PSK;
    c->send_cert = c->send_certreq = c->fragmentation = true;
    c->fragment_size = LIMIT_FRAGMENT_MTU;
    c->request_vip4 = o->vip;
    c->rekey_s = o->rekey_ike_s;
    c->life_s = 0;
    c->jitter_pct = 50;
    c->dpd_s = o->dpd_s;
    c->force_encap = o->encap;
    c->n_children = 1;
    snprintf(ch->name, sizeof ch->name, "net");
    ch->rekey_s = o->rekey_child_s;
    ch->replay_window = 64;
    return selectors(o, ch) && (o->cert ? read_certs(o, c) : read_psk(o->psk_file, &c->psk));
}

bool load_policy_make(const struct load_options *o, struct policy *ret)
{
    struct policy_conn first = { 0 };
    char text[256];

    *ret = (struct policy){ .retransmit_ms = 1000,
                            .retransmit_tries = 8,
                            .half_open_ms = 60000,
                            .reply_keep_ms = 60000,
                            .cookie_threshold = 1000000,
                            .half_open_per_prefix = 1000000,
                            .keepalive_s = 0,
                            .outage_s = 600,
                            .rekey_pace_per_s = 10000 };
    ret->conns = calloc(o->identities, sizeof *ret->conns);
    if (ret->conns == NULL || !common(o, &first))
        return false;
    for (uint32_t i = 0; i < o->identities; i++) {
        struct policy_conn *c = &ret->conns[i];

        *c = first;
        if (i > 0 && first.psk.len > 0 && bytes_copy(span_bytes(first.psk), &c->psk) != OK)
            return false;
        snprintf(c->name, sizeof c->name, "c%u", i);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(text, sizeof text, o->id_template, (int)i); /* checked by load_options_read */
#pragma GCC diagnostic pop
        if (!identity(text, &c->local_id) || !identity(o->remote_id, &c->remote_id))
            return false;
        ret->n_conns++;
    }
    return true;
}

/* policy_done frees what each connection owns: the shared parts belong to the first. */
void load_policy_done(struct policy *p)
{
    for (size_t i = 1; i < p->n_conns; i++) {
        p->conns[i].chain = NULL;
        p->conns[i].key = NULL;
        p->conns[i].anchors = NULL;
    }
    policy_done(p);
}
