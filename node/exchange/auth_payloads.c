#include "node/exchange/auth_payloads.h"

#include "node/crypto/auth.h"
#include "node/crypto/ident.h"

enum err auth_local_id(const struct policy_conn *c, const struct endpoint *local, struct pl_id *ret,
                       struct ip_addr *room)
{
    if (c->local_id.type != 0) {
        *ret = (struct pl_id){ c->local_id.type, span_bytes(c->local_id.data) };
        return OK;
    }
    if (c->local_auth == AUTH_CERT && c->chain != NULL) {
        *ret = (struct pl_id){ ID_DER_ASN1_DN, x509_chain_subject(c->chain) };
        return ret->data.len > 0 ? OK : E_CONFIG;
    }
    if (local->addr.family == 0)
        return E_CONFIG;
    *room = local->addr;
    *ret = (struct pl_id){ room->family == 4 ? ID_IPV4_ADDR : ID_IPV6_ADDR, ip_span(room) };
    return OK;
}

static bool is_name(uint8_t type)
{
    return type == ID_FQDN || type == ID_RFC822_ADDR;
}

bool auth_id_matches(const struct policy_id *pattern, const struct pl_id *id)
{
    struct span want = span_bytes(pattern->data), got = id->data;

    if (pattern->type == 0)
        return true;
    if (pattern->type != id->type)
        return false;
    if (pattern->wildcard) {
        if (got.len <= want.len)
            return false;
        got = span_of(got.p + (got.len - want.len), want.len);
    }
    return is_name(id->type) ? ident_name_eq(want, got) : span_eq(want, got);
}

/* What AUTH of the given side covers. initiator: the side that signs. */
static enum err octets_of(const struct session_record *r, bool initiator, struct span id_body,
                          struct auth_octets *ret)
{
    return auth_octets_init(ret, r->suite.prf, initiator ? &r->sk_pi : &r->sk_pr,
                            span_bytes(initiator ? r->init_request : r->init_response),
                            span_bytes(initiator ? r->nr : r->ni), id_body);
}

static enum err add_auth(struct exchange *x, struct msg *m, const struct policy_conn *c,
                         struct span id_body)
{
    const struct session_record *r = &x->sa->r;
    struct auth_octets o;
    uint8_t auth[SIGN_MAX], method = AUTH_METHOD_PSK;
    size_t len;

    TRY(octets_of(r, r->role == ROLE_INITIATOR, id_body, &o));
    if (c->local_auth == AUTH_PSK) {
        TRY(auth_psk_make(r->suite.prf, span_bytes(c->psk), &o, auth, &len));
    } else {
        if (c->key == NULL)
            return E_CONFIG;
        TRY(sign_choose(c->key, r->peer_hashes, &method));
        TRY(auth_sign(c->key, method, r->peer_hashes, false, &o, auth, &len));
    }
    msg_add_auth(m, method, span_of(auth, len));
    return OK;
}

enum err auth_add(struct exchange *x, struct msg *m, const struct policy_conn *c, uint8_t id_type,
                  const struct pl_id *id)
{
    uint8_t body[4 + LIMIT_ID];
    struct wr w = wr_of(body, sizeof body);

    pl_id_write(&w, id);
    TRY(wr_ok(&w));
    msg_add_id(m, id_type, id);
    if (c->local_auth == AUTH_CERT && c->send_cert && c->chain != NULL)
        for (size_t i = 0; x509_chain_der(c->chain, i).len > 0; i++)
            msg_add_cert(m, CERT_X509_SIGNATURE, x509_chain_der(c->chain, i));
    if (x->sa->r.role == ROLE_INITIATOR && c->remote_auth == AUTH_CERT && c->send_certreq &&
        c->anchors != NULL)
        msg_add_certreq(m, CERT_X509_SIGNATURE, x509_anchors_certreq(c->anchors));
    return add_auth(x, m, c, wr_span(&w));
}

static enum err check_cert(struct exchange *x, const struct policy_conn *c, const struct pl_id *id,
                           const struct pl_auth *auth, const struct auth_octets *o,
                           const char **ret_why)
{
    struct span certs[LIMIT_CERTS];
    struct x509_peer *peer = NULL;
    struct pl_cert cert;
    size_t n = 0;
    enum err e;

    for (size_t i = 0; i < payload_count(x->inner, PL_CERT); i++) {
        TRY(pl_cert_parse(rd_of(payload_nth(x->inner, PL_CERT, i)->body), &cert));
        if (cert.encoding != CERT_X509_SIGNATURE)
            continue;
        if (n == LIMIT_CERTS)
            return E_LIMIT;
        certs[n++] = cert.data;
    }
    *ret_why = "no certificate, or no trust anchor configured";
    if (n == 0 || c->anchors == NULL)
        return E_AUTH_FAILED;
    TRY(x509_verify(c->anchors, x->wall_ms / 1000, certs, n, &peer, ret_why));
    *ret_why = "certificate does not carry the identity";
    e = x509_peer_is_id(peer, id->type, id->data) ? OK : E_AUTH_FAILED;
    if (e == OK) {
        *ret_why = "signature";
        e = auth_verify(x509_peer_key(peer), auth->method, SIGN_HASH_ALL, auth->data, o);
    }
    x509_peer_free(peer);
    return e;
}

enum err auth_check(struct exchange *x, const struct policy_conn *c, const struct payload *id_pl,
                    const char **ret_why)
{
    const struct session_record *r = &x->sa->r;
    struct pl_auth auth;
    struct auth_octets o;
    struct pl_id id;

    *ret_why = "malformed";
    TRY(pl_id_parse(rd_of(id_pl->body), &id));
    TRY(pl_auth_parse(rd_of(payload_first(x->inner, PL_AUTH)->body), &auth));
    TRY(octets_of(r, r->role == ROLE_RESPONDER, id_pl->body, &o));
    *ret_why = "method";
    if ((auth.method == AUTH_METHOD_PSK) != (c->remote_auth == AUTH_PSK))
        return E_AUTH_FAILED;
    if (auth.method != AUTH_METHOD_PSK)
        return check_cert(x, c, &id, &auth, &o, ret_why);
    *ret_why = "pre-shared key";
    return auth_psk_verify(r->suite.prf, span_bytes(c->psk), &o, auth.data);
}
