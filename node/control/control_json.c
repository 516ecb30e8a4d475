#include "node/control/control_json.h"

#include <stdio.h>

#include "node/crypto/ident.h"
#include "node/crypto/suite.h"

void cj_put(json_t *o, const char *key, json_t *v)
{
    (void)json_object_set_new(o, key, v);
}

json_t *cj_text(const char *s)
{
    json_t *v = json_string(s == NULL ? "" : s);

    return v != NULL ? v : json_string("?");
}

json_t *cj_hex(uint64_t v, int digits)
{
    char text[24];

    snprintf(text, sizeof text, "%0*llx", digits, (unsigned long long)v);
    return json_string(text);
}

static json_t *number(uint64_t v)
{
    return json_integer((json_int_t)v);
}

static const char *state_name(uint8_t state)
{
    static const char *const names[SS_COUNT] = {
        "none",        "init-sent", "half-open", "auth-sent", "authenticating",
        "established", "rekeyed",   "deleting",  "deleted",
    };

    return state < SS_COUNT ? names[state] : "unknown";
}

static const char *child_state_name(uint8_t state)
{
    static const char *const names[CS_COUNT] = { "none", "installed", "rekeyed", "deleting" };

    return state < CS_COUNT ? names[state] : "unknown";
}

static json_t *endpoint(const struct endpoint *e)
{
    char text[ENDPOINT_TEXT_MAX];

    return cj_text(endpoint_text(e, text));
}

static json_t *identity(const struct rec_id *id)
{
    char text[IDENT_TEXT_MAX];

    return id->type == 0 ? json_null() : cj_text(ident_text(id->type, span_bytes(id->data), text));
}

static json_t *selector(const struct rec_ts *t)
{
    char a[IP_TEXT_MAX], b[IP_TEXT_MAX], text[2 * IP_TEXT_MAX + 40];
    int n = snprintf(text, sizeof text, "%s-%s", ip_text(&t->first, a), ip_text(&t->last, b));

    if (t->protocol != 0 || t->port_first != 0 || t->port_last != 65535)
        snprintf(text + n, sizeof text - (size_t)n, "[%u/%u-%u]", t->protocol, t->port_first,
                 t->port_last);
    return cj_text(text);
}

static json_t *selectors(const struct rec_ts *t, size_t n)
{
    json_t *list = json_array();

    for (size_t i = 0; i < n; i++)
        (void)json_array_append_new(list, selector(&t[i]));
    return list;
}

/* Seconds from now until a wall-clock time; null: never. */
static json_t *in_seconds(uint64_t at_ms, struct now now)
{
    if (at_ms == 0)
        return json_null();
    return json_integer(((json_int_t)at_ms - (json_int_t)now.wall_ms) / 1000);
}

static json_t *esp_suite(const struct child_record *c)
{
    struct esp_suite s = { c->suite.encr, c->suite.encr_key_bits, c->suite.integ, c->suite.dh,
                           c->esn };
    char text[SUITE_TEXT_MAX];

    return cj_text(esp_suite_text(&s, text));
}

static json_t *ike_suite(const struct session_record *r)
{
    struct ike_suite s = { r->suite.encr, r->suite.encr_key_bits, r->suite.integ, r->suite.prf,
                           r->suite.dh };
    char text[SUITE_TEXT_MAX];

    return cj_text(ike_suite_text(&s, text));
}

static json_t *child(const struct child_record *c, struct now now, bool detail)
{
    json_t *o = json_object();

    cj_put(o, "name", cj_text(c->name));
    cj_put(o, "state", json_string(child_state_name(c->state)));
    cj_put(o, "spi_in", cj_hex(c->spi_in, 8));
    cj_put(o, "spi_out", cj_hex(c->spi_out, 8));
    cj_put(o, "bytes", number(c->bytes));
    cj_put(o, "packets", number(c->packets));
    cj_put(o, "reservation_left",
           number(c->reserved_end > c->seq_next ? c->reserved_end - c->seq_next : 0));
    if (!detail)
        return o;
    cj_put(o, "suite", esp_suite(c));
    cj_put(o, "udp_encap", json_boolean(c->udp_encap));
    cj_put(o, "local_ts", selectors(c->local_ts, c->n_local));
    cj_put(o, "remote_ts", selectors(c->remote_ts, c->n_remote));
    cj_put(o, "seq_next", number(c->seq_next));
    cj_put(o, "reserved_end", number(c->reserved_end));
    cj_put(o, "window_top", number(c->window.top));
    cj_put(o, "strict_in", json_boolean(c->strict_in));
    cj_put(o, "rekey_in_s", in_seconds(c->rekey_at_ms, now));
    cj_put(o, "expire_in_s", in_seconds(c->expire_at_ms, now));
    return o;
}

static void session_detail(json_t *o, const struct session_record *s, struct now now)
{
    cj_put(o, "suite", s->suite.encr == 0 ? json_null() : ike_suite(s));
    cj_put(o, "version", number(s->version));
    cj_put(o, "nat_local", json_boolean(s->nat_local));
    cj_put(o, "nat_remote", json_boolean(s->nat_remote));
    cj_put(o, "udp_encap", json_boolean(s->udp_encap));
    cj_put(o, "fragmentation", json_boolean(s->peer_frag));
    cj_put(o, "recv_next", number(s->recv_next));
    cj_put(o, "send_next", number(s->send_next));
    cj_put(o, "request_in_flight", json_boolean(s->request.kind != RQ_NONE));
    cj_put(o, "established_ms", number(s->established_ms));
    cj_put(o, "rekey_in_s", in_seconds(s->rekey_at_ms, now));
    cj_put(o, "expire_in_s", in_seconds(s->expire_at_ms, now));
}

json_t *cj_session(const struct session_record *s, uint16_t owner, struct now now, bool detail)
{
    json_t *o = json_object(), *vips = json_array(), *children = json_array();
    char ip[IP_TEXT_MAX];

    for (size_t i = 0; i < s->n_vips; i++)
        (void)json_array_append_new(vips, cj_text(ip_text(&s->vips[i], ip)));
    for (size_t i = 0; i < s->n_children; i++)
        (void)json_array_append_new(children, child(&s->children[i], now, detail));
    cj_put(o, "ike", cj_hex(session_own_spi(s), 16));
    cj_put(o, "spi_i", cj_hex(s->spi_i, 16));
    cj_put(o, "spi_r", cj_hex(s->spi_r, 16));
    cj_put(o, "conn", cj_text(s->conn));
    cj_put(o, "role", json_string(s->role == ROLE_INITIATOR ? "initiator" : "responder"));
    cj_put(o, "state", json_string(state_name(s->state)));
    cj_put(o, "slot", json_integer(ike_spi_slot(session_own_spi(s))));
    cj_put(o, "owner", json_integer(owner));
    cj_put(o, "local", endpoint(&s->local));
    cj_put(o, "remote", endpoint(&s->remote));
    cj_put(o, "local_id", identity(&s->id_local));
    cj_put(o, "remote_id", identity(&s->id_remote));
    cj_put(o, "vips", vips);
    cj_put(o, "suspect", json_boolean(s->suspect));
    cj_put(o, "children", children);
    if (detail)
        session_detail(o, s, now);
    return o;
}

/* Only what is not zero, by the error's name. */
static json_t *drops(const uint64_t *by_err, size_t n)
{
    json_t *o = json_object();

    for (size_t i = 0; i < n; i++)
        if (by_err[i] != 0)
            cj_put(o, err_name((enum err)i), number(by_err[i]));
    return o;
}

json_t *cj_engine_stats(const struct engine_stats *st)
{
    json_t *o = json_object();

    cj_put(o, "packets_in", number(st->packets_in));
    cj_put(o, "packets_out", number(st->packets_out));
    cj_put(o, "dropped", drops(st->dropped, sizeof st->dropped / sizeof st->dropped[0]));
    cj_put(o, "commits", number(st->commits));
    cj_put(o, "commit_conflicts", number(st->commit_conflicts));
    cj_put(o, "commit_unknown", number(st->commit_unknown));
    cj_put(o, "retransmits_answered", number(st->retransmits_answered));
    cj_put(o, "retransmits_sent", number(st->retransmits_sent));
    cj_put(o, "cookies_sent", number(st->cookies_sent));
    cj_put(o, "half_open", number(st->half_open));
    cj_put(o, "established", number(st->established));
    cj_put(o, "sessions", number(st->sessions));
    cj_put(o, "children", number(st->children));
    cj_put(o, "ike_up", number(st->ike_up));
    cj_put(o, "ike_down", number(st->ike_down));
    cj_put(o, "auth_failed", number(st->auth_failed));
    cj_put(o, "rekeys_ike", number(st->rekeys_ike));
    cj_put(o, "rekeys_child", number(st->rekeys_child));
    cj_put(o, "takeovers", number(st->takeovers));
    cj_put(o, "suspects", number(st->suspects));
    cj_put(o, "dpd_sent", number(st->dpd_sent));
    cj_put(o, "reservations", number(st->reservations));
    cj_put(o, "records_refused", number(st->records_refused));
    return o;
}

json_t *cj_node_stats(const struct node_stats *st)
{
    json_t *o = json_object();

    cj_put(o, "forwarded_ike", number(st->forwarded_ike));
    cj_put(o, "forwarded_esp", number(st->forwarded_esp));
    cj_put(o, "forwarded_inner", number(st->forwarded_inner));
    cj_put(o, "from_others", number(st->from_others));
    cj_put(o, "held", number(st->held));
    cj_put(o, "hold_expired", number(st->hold_expired));
    cj_put(o, "dropped_no_owner", number(st->dropped_no_owner));
    cj_put(o, "dropped_twice", number(st->dropped_twice));
    cj_put(o, "cluster_refused", number(st->cluster_refused));
    return o;
}

json_t *cj_slots_stats(const struct slots_stats *st)
{
    json_t *o;

    if (st == NULL)
        return json_null();
    o = json_object();
    cj_put(o, "claims", number(st->claims));
    cj_put(o, "claims_lost", number(st->claims_lost));
    cj_put(o, "takeovers", number(st->takeovers));
    cj_put(o, "suspect", number(st->suspect));
    cj_put(o, "handed_over", number(st->handed_over));
    cj_put(o, "accepted", number(st->accepted));
    cj_put(o, "lost", number(st->lost));
    cj_put(o, "vouched", number(st->vouched));
    cj_put(o, "deadline_passed", number(st->deadline_passed));
    return o;
}
