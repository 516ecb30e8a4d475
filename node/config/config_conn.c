/* config_conn: one element of "connections". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/config/config_read.h"
#include "node/crypto/ident.h"

enum { IKE_PORT = 500 };

static const char *const default_ike[] = {
    "aes128gcm16-prfsha256-x25519",
    "aes256gcm16-prfsha384-x25519",
    "chacha20poly1305-prfsha256-x25519",
    "aes128gcm16-prfsha256-ecp256",
    "aes256gcm16-prfsha384-ecp384",
    "aes256-sha256-ecp256",
    "aes256-sha384-modp3072",
    "aes256-sha256-modp2048",
    "aes128-sha256-modp2048",
};

static enum err read_ike(const struct jat *at, struct policy_conn *c)
{
    struct jat m, el;
    const char *s;
    size_t n;

    if (!jmember(at, "ike", &m)) {
        for (n = 0; n < sizeof default_ike / sizeof default_ike[0]; n++)
            if (ike_suite_parse(default_ike[n], &c->suites[n]) != OK)
                return jfail(at, "ike: default suite %s is not built in", default_ike[n]);
        c->n_suites = (uint8_t)n;
        return OK;
    }
    TRY(jarray(&m, sizeof c->suites / sizeof c->suites[0], &n));
    if (n == 0)
        return jfail(&m, "empty; leave it out for the defaults, or try aes128gcm16-prfsha256-"
                         "x25519");
    for (size_t i = 0; i < n; i++) {
        el = jelement(&m, i);
        TRY(jstring(&el, &s));
        if (ike_suite_parse(s, &c->suites[i]) != OK)
            return jfail(&el, "unknown suite \"%.60s\"; try aes128gcm16-prfsha256-x25519", s);
    }
    c->n_suites = (uint8_t)n;
    return OK;
}

/* "%any": type 0. "*.example.org", "*@example.org": what ends so. */
static enum err read_id(const struct jat *at, bool pattern, struct policy_id *ret)
{
    struct ident id;
    const char *s;

    TRY(jstring(at, &s));
    if (pattern && (strcmp(s, "%any") == 0 || strcmp(s, "*") == 0))
        return OK;
    if (strchr(s, '*') != NULL) {
        if (!pattern || s[0] != '*' || (s[1] != '.' && s[1] != '@') || s[2] == '\0' ||
            strchr(s + 1, '*') != NULL)
            return jfail(at,
                         "\"%.80s\": a pattern is %%any, *.example.org or *@example.org, and "
                         "only the remote side has one",
                         s);
        ret->type = s[1] == '.' ? IDENT_FQDN : IDENT_RFC822;
        ret->wildcard = true;
        return bytes_copy(span_str(s + 1), &ret->data);
    }
    if (ident_parse(s, &id) != OK)
        return jfail(at,
                     "\"%.80s\" is no identity; write a host name, user@host, an address, "
                     "\"CN=..., O=...\" or keyid:...",
                     s);
    ret->type = id.type;
    return bytes_copy(ident_span(&id), &ret->data);
}

static enum err read_auth(const struct jat *side, uint8_t *ret)
{
    struct jat m;
    const char *s;

    TRY(jneed(side, "auth", "write \"psk\" or \"cert\"", &m));
    TRY(jstring(&m, &s));
    if (strcmp(s, "psk") == 0)
        *ret = AUTH_PSK;
    else if (strcmp(s, "cert") == 0)
        *ret = AUTH_CERT;
    else
        return jfail(&m, "unknown method \"%.40s\"; write \"psk\" or \"cert\"", s);
    return OK;
}

static enum err refuse_inline(const struct jat *at)
{
    struct jat m;

    if (jmember(at, "psk", &m))
        return jfail(&m, "a secret does not stand here; put it in a file (chmod 600) and name it "
                         "in \"psk_file\"");
    if (jmember(at, "key", &m))
        return jfail(&m, "a private key does not stand here; put it in a file (chmod 600) and name "
                         "it in \"key_file\"");
    return OK;
}

static enum err read_chain(const struct jat *side, struct policy_conn *c)
{
    struct bytes file;
    struct jat m;
    enum err e;

    TRY(jneed(side, "cert_file", "name the file with our certificate (and its intermediates)", &m));
    TRY(config_file_read(&m, "our certificate (PEM)", false, &file));
    e = x509_chain_load(span_bytes(file), &c->chain);
    bytes_free(&file);
    if (e != OK)
        return jfail(&m, "no certificate that can be used (PEM, RSA from 2048 bits, P-256/384/521, "
                         "Ed25519, Ed448)");
    TRY(jneed(side, "key_file", "name the file with our certificate's private key", &m));
    TRY(config_file_read(&m, "the private key (PEM)", true, &file));
    e = sign_key_load(span_bytes(file), &c->key);
    bytes_wipe_free(&file);
    if (e != OK)
        return jfail(&m, "no private key that can be used (PEM, not encrypted; RSA from 2048 bits, "
                         "P-256/384/521, Ed25519, Ed448)");
    if (!sign_key_matches(c->key, x509_chain_key(c->chain)))
        return jfail(&m, "this private key does not belong to the certificate in cert_file");
    return OK;
}

static enum err read_local(const struct jat *at, struct policy_conn *c)
{
    static const char *const known[] = { "address",  "auth",      "id", "cert_file",
                                         "key_file", "send_cert", NULL };
    struct jat m;

    TRY(refuse_inline(at));
    TRY(jobject(at, known));
    if (jmember(at, "address", &m))
        TRY(config_read_address(&m, &c->local));
    TRY(read_auth(at, &c->local_auth));
    TRY(jget_bool(at, "send_cert", &c->send_cert));
    if (c->local_auth == AUTH_CERT)
        TRY(read_chain(at, c));
    else if (jmember(at, "cert_file", &m) || jmember(at, "key_file", &m))
        return jfail(&m, "of no use with auth \"psk\"; write \"auth\": \"cert\", or leave it out");
    if (!jmember(at, "id", &m))
        return OK;
    TRY(read_id(&m, false, &c->local_id));
    if (c->chain != NULL &&
        !x509_chain_is_id(c->chain, c->local_id.type, span_bytes(c->local_id.data)))
        return jfail(&m, "the certificate in cert_file does not carry this identity; peers would "
                         "refuse it");
    return OK;
}

static enum err add_ca(const struct jat *at, struct x509_anchors *a)
{
    struct bytes file;
    enum err e;

    TRY(config_file_read(at, "the CA's certificate (PEM)", false, &file));
    e = x509_anchors_add(a, span_bytes(file));
    bytes_free(&file);
    return e == OK ? OK : jfail(at, "no CA certificate in this file; PEM or DER is read");
}

static enum err read_anchors(const struct jat *side, struct policy_conn *c)
{
    struct jat m;
    size_t n;

    TRY(jneed(side, "ca_files",
              "list the files with the CAs that the peer's certificate is "
              "checked against",
              &m));
    TRY(jarray(&m, 32, &n));
    if (n == 0)
        return jfail(&m, "empty; without a CA no certificate can be checked");
    TRY(x509_anchors_new(&c->anchors));
    for (size_t i = 0; i < n; i++) {
        struct jat el = jelement(&m, i);

        TRY(add_ca(&el, c->anchors));
    }
    return OK;
}

static enum err read_remote(const struct jat *at, struct policy_conn *c)
{
    static const char *const known[] = {
        "address", "auth", "id", "ca_files", "send_certreq", NULL
    };
    struct jat m;
    const char *s;

    TRY(refuse_inline(at));
    TRY(jobject(at, known));
    if (jmember(at, "address", &m)) {
        TRY(jstring(&m, &s));
        if (strcmp(s, "%any") != 0)
            TRY(config_read_address(&m, &c->remote));
    }
    TRY(read_auth(at, &c->remote_auth));
    TRY(jget_bool(at, "send_certreq", &c->send_certreq));
    if (c->remote_auth == AUTH_CERT)
        TRY(read_anchors(at, c));
    else if (jmember(at, "ca_files", &m))
        return jfail(&m, "of no use with auth \"psk\"; write \"auth\": \"cert\", or leave it out");
    if (jmember(at, "id", &m))
        TRY(read_id(&m, true, &c->remote_id));
    return OK;
}

static enum err read_psk(const struct jat *at, struct policy_conn *c)
{
    struct jat m;
    bool used = c->local_auth == AUTH_PSK || c->remote_auth == AUTH_PSK;

    if (!used) {
        if (jmember(at, "psk_file", &m))
            return jfail(&m, "no side of this connection has auth \"psk\"; leave it out");
        return OK;
    }
    TRY(jneed(at, "psk_file", "name the file whose first line is the pre-shared key (chmod 600)",
              &m));
    TRY(config_file_line(&m, "the pre-shared key", &c->psk));
    if (c->psk.len < 16)
        jwarn(&m, "the key has only %zu characters and can be guessed; openssl rand -base64 32",
              c->psk.len);
    return OK;
}

static enum err use_pool(const struct jat *at, const struct policy_pool *pools, size_t n_pools,
                         struct policy_pool *ret)
{
    const char *s;

    TRY(jstring(at, &s));
    for (size_t i = 0; i < n_pools; i++)
        if (strcmp(pools[i].name, s) == 0) {
            *ret = pools[i];
            return OK;
        }
    return jfail(at, "no pool \"%.60s\"; define it under \"pools\"", s);
}

static enum err read_inner(const struct jat *at, const struct policy_pool *pools, size_t n_pools,
                           struct policy_conn *c)
{
    struct jat m;
    const char *s;
    size_t n;

    if (jmember(at, "pools", &m)) {
        TRY(jarray(&m, sizeof c->pools / sizeof c->pools[0], &n));
        for (size_t i = 0; i < n; i++) {
            struct jat el = jelement(&m, i);

            TRY(use_pool(&el, pools, n_pools, &c->pools[i]));
            c->n_pools++;
        }
    }
    if (jmember(at, "dns", &m)) {
        TRY(jarray(&m, sizeof c->dns / sizeof c->dns[0], &n));
        for (size_t i = 0; i < n; i++) {
            struct jat el = jelement(&m, i);

            TRY(jstring(&el, &s));
            if (ip_parse(s, &c->dns[i]) != OK)
                return jfail(&el, "\"%.60s\" is no address of a DNS server", s);
            c->n_dns++;
        }
    }
    if (!jmember(at, "request", &m))
        return OK;
    TRY(jarray(&m, 2, &n));
    for (size_t i = 0; i < n; i++) {
        struct jat el = jelement(&m, i);

        TRY(jstring(&el, &s));
        if (strcmp(s, "ipv4") != 0 && strcmp(s, "ipv6") != 0)
            return jfail(&el, "\"%.40s\": ask for \"ipv4\" or \"ipv6\"", s);
        c->request_vip4 |= s[3] == '4';
        c->request_vip6 |= s[3] == '6';
    }
    if (c->n_pools > 0 && n > 0)
        return jfail(&m, "a connection gives addresses (pools) or asks for them (request), not "
                         "both");
    return OK;
}

static enum err read_numbers(const struct jat *at, struct policy_conn *c)
{
    TRY(jget_seconds(at, "rekey", 0, 30 * 86400, &c->rekey_s));
    c->life_s = c->rekey_s == 0 ? 0 : c->rekey_s + c->rekey_s / 10 + 60;
    TRY(jget_seconds(at, "lifetime", 0, 30 * 86400, &c->life_s));
    if (c->rekey_s > 0 && c->life_s > 0 && c->life_s <= c->rekey_s)
        return jfail(at, "lifetime: %u s must be longer than rekey, %u s", c->life_s, c->rekey_s);
    TRY(jget_u8(at, "jitter_percent", 0, 50, &c->jitter_pct));
    TRY(jget_seconds(at, "dpd", 0, 86400, &c->dpd_s));
    TRY(jget_bool(at, "force_encap", &c->force_encap));
    TRY(jget_bool(at, "fragmentation", &c->fragmentation));
    TRY(jget_u16(at, "fragment_size", 576, 65000, &c->fragment_size));
    return jget_bool(at, "unique", &c->unique);
}

static enum err read_children(const struct jat *at, struct policy_conn *c)
{
    struct jat m;
    size_t n;

    TRY(jneed(at, "children", "list at least one: {\"name\": ..., \"local_ts\": [...], ...}", &m));
    TRY(jarray(&m, sizeof c->children / sizeof c->children[0], &n));
    if (n == 0)
        return jfail(&m, "empty; list at least one: {\"name\": ..., \"local_ts\": [...], ...}");
    for (size_t i = 0; i < n; i++) {
        struct jat el = jelement(&m, i), name;

        TRY(config_read_child(&el, c, &c->children[i]));
        for (size_t k = 0; k < i; k++)
            if (strcmp(c->children[k].name, c->children[i].name) == 0 &&
                jmember(&el, "name", &name))
                return jfail(&name, "\"%s\" is the name of two children", c->children[i].name);
        c->n_children++;
        if (c->children[i].start != START_NONE && c->remote.addr.family == 0)
            return jfail(&el, "start: \"auto\" needs an address to go to; give remote.address");
    }
    return OK;
}

enum err config_read_conn(const struct jat *at, const struct policy_pool *pools, size_t n_pools,
                          struct policy_conn *c)
{
    static const char *const known[] = {
        "name",    "local",       "remote",        "psk_file",      "pools",          "dns",
        "request", "ike",         "children",      "rekey",         "lifetime",       "dpd",
        "unique",  "force_encap", "fragmentation", "fragment_size", "jitter_percent", NULL
    };
    struct jat m;

    TRY(refuse_inline(at));
    TRY(jobject(at, known));
    c->send_cert = c->send_certreq = c->fragmentation = true;
    c->rekey_s = 4 * 3600;
    c->jitter_pct = 10;
    c->dpd_s = 30;
    c->fragment_size = LIMIT_FRAGMENT_MTU;
    TRY(jneed(at, "name", "every connection has one", &m));
    TRY(config_read_name(&m, c->name));
    TRY(jneed(at, "local", "say how we authenticate: {\"auth\": \"psk\" or \"cert\", ...}", &m));
    TRY(read_local(&m, c));
    TRY(jneed(at, "remote", "say how the peer authenticates: {\"auth\": \"psk\" or \"cert\", ...}",
              &m));
    TRY(read_remote(&m, c));
    if (c->local.port == 0)
        c->local.port = IKE_PORT;
    if (c->remote.port == 0)
        c->remote.port = IKE_PORT;
    if (c->local.addr.family != 0 && c->remote.addr.family != 0 &&
        c->local.addr.family != c->remote.addr.family)
        return jfail(at, "local.address and remote.address must both be IPv4 or both IPv6");
    TRY(read_psk(at, c));
    TRY(read_inner(at, pools, n_pools, c));
    TRY(read_ike(at, c));
    TRY(read_numbers(at, c));
    return read_children(at, c);
}
