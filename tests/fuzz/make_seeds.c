/* make_seeds DIR: writes DIR/TARGET/SEED for the targets whose inputs our writers can make. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "node/wire/message_build.h"
#include "node/wire/pl_cp.h"
#include "node/wire/pl_eap.h"
#include "node/wire/pl_nonce.h"
#include "node/wire/pl_skf.h"

static const char *dir;
static uint8_t buf[8192];
static struct wr w;

/* Begins a seed; prefix: the octet in front by which a target chooses, or -1. */
static struct wr *seed(int prefix)
{
    w = wr_of(buf, sizeof buf);
    if (prefix >= 0)
        wr_u8(&w, (uint8_t)prefix);
    return &w;
}

static void save_span(const char *target, const char *name, struct span s)
{
    char path[1024];
    FILE *f;

    snprintf(path, sizeof path, "%s/%s", dir, target);
    mkdir(path, 0777);
    snprintf(path, sizeof path, "%s/%s/%s", dir, target, name);
    f = fopen(path, "wb");
    if (f == NULL || fwrite(s.p, 1, s.len, f) != s.len || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

static void save(const char *target, const char *name)
{
    if (wr_ok(&w) != OK) {
        fprintf(stderr, "seed %s/%s does not fit\n", target, name);
        exit(1);
    }
    save_span(target, name, wr_span(&w));
}

static void add(struct proposal *p, uint8_t type, uint16_t id, uint16_t bits)
{
    p->t[p->n++] = (struct transform){ .type = type, .id = id, .key_bits = bits };
}

static void sa_seeds(void)
{
    static struct pl_sa sa;

    sa.n = 2;
    sa.p[0] = (struct proposal){ .num = 1, .protocol = PROTO_IKE };
    add(&sa.p[0], TRANSFORM_ENCR, ENCR_AES_GCM_16, 128);
    add(&sa.p[0], TRANSFORM_PRF, PRF_HMAC_SHA2_256, 0);
    add(&sa.p[0], TRANSFORM_DH, DH_CURVE25519, 0);
    sa.p[1] = (struct proposal){ .num = 2, .protocol = PROTO_IKE };
    add(&sa.p[1], TRANSFORM_ENCR, ENCR_AES_CBC, 128);
    add(&sa.p[1], TRANSFORM_INTEG, AUTH_HMAC_SHA2_256_128, 0);
    add(&sa.p[1], TRANSFORM_PRF, PRF_HMAC_SHA2_256, 0);
    add(&sa.p[1], TRANSFORM_DH, DH_MODP_2048, 0);
    pl_sa_write(seed(-1), &sa);
    save("sa", "ike");
    pl_sa_write(seed(0), &sa);
    save("proposal", "ike");
    sa.p[0].spi = sa.p[1].spi = span_str("8 octets");
    pl_sa_write(seed(-1), &sa);
    save("sa", "rekey");
    pl_sa_write(seed(1), &sa);
    save("proposal", "rekey");
    sa.n = 1;
    pl_sa_write(seed(0), &sa);
    save("proposal", "one");
    sa.p[0] = (struct proposal){ .num = 1, .protocol = PROTO_ESP, .spi = span_str("spi!") };
    add(&sa.p[0], TRANSFORM_ENCR, ENCR_AES_GCM_16, 128);
    add(&sa.p[0], TRANSFORM_DH, DH_NONE, 0);
    add(&sa.p[0], TRANSFORM_ADDKE1, 0, 0);
    add(&sa.p[0], TRANSFORM_ESN, ESN_NO, 0);
    add(&sa.p[0], TRANSFORM_INTEG, INTEG_NONE, 0);
    pl_sa_write(seed(-1), &sa);
    save("sa", "esp");
    pl_sa_write(seed(2), &sa);
    save("proposal", "esp");
    pl_sa_write(seed(3), &sa);
    save("proposal", "esp-pfs");
    seed(0);
    save("proposal", "empty");
}

static void ts_seeds(void)
{
    struct ts ts[3] = {
        { .port_last = 65535, .first = { 4, { 10 } }, .last = { 4, { 10, 255, 255, 255 } } },
        { .protocol = 17,
          .port_first = 53,
          .port_last = 53,
          .first = { 4, { 10, 0, 0, 1 } },
          .last = { 4, { 10, 0, 0, 1 } } },
        { .port_first = 65535, .first = { 6, { 0x20, 1 } }, .last = { 6, { 0x20, 2 } } },
    };
    static const uint8_t label[] = { 1, 0, 0, 0, 10, 0, 0, 6, 'x', 'y' };

    for (uint8_t n = 1; n <= 3; n++) {
        char name[8];

        snprintf(name, sizeof name, "n%u", n);
        pl_ts_write(seed(-1), ts, n);
        save("ts", name);
        pl_ts_write(seed(1), ts, n);
        save("ts_narrow", name);
    }
    save_span("ts", "label", span_of(label, sizeof label));
}

static void cp_seeds(void)
{
    struct ip_addr v4 = { 4, { 10, 1, 2, 3 } }, v6 = { 6, { 0x20, 1, 0xd, 0xb8 } };

    pl_cp_write_type(seed(-1), CP_REQUEST);
    pl_cp_write_attr(&w, INTERNAL_IP4_ADDRESS, SPAN_NONE);
    pl_cp_write_attr(&w, SUPPORTED_ATTRIBUTES, span_str("abcd"));
    pl_cp_write_attr(&w, APPLICATION_VERSION, span_str("1"));
    save("cp", "request");
    pl_cp_write_type(seed(-1), CP_REPLY);
    pl_cp_write_ip(&w, INTERNAL_IP4_ADDRESS, &v4, 0);
    pl_cp_write_ip(&w, INTERNAL_IP4_NETMASK, &v4, 0);
    pl_cp_write_ip(&w, INTERNAL_IP4_SUBNET, &v4, 24);
    pl_cp_write_ip(&w, INTERNAL_IP6_ADDRESS, &v6, 64);
    pl_cp_write_ip(&w, INTERNAL_IP6_SUBNET, &v6, 48);
    pl_cp_write_ip(&w, INTERNAL_IP6_DNS, &v6, 0);
    save("cp", "reply");
}

static void small_seeds(void)
{
    pl_ke_write(seed(-1), &(struct pl_ke){ DH_CURVE25519, span_str("a public value") });
    save("ke", "x25519");
    pl_nonce_write(seed(-1), span_str("sixteen octets or more"));
    save("nonce", "nonce");
    pl_id_write(seed(-1), &(struct pl_id){ ID_FQDN, span_str("vpn.example.org") });
    save("id", "fqdn");
    pl_id_write(seed(-1), &(struct pl_id){ ID_IPV4_ADDR, span_str("4oct") });
    save("id", "ipv4");
    pl_id_write(seed(-1), &(struct pl_id){ ID_IPV6_ADDR, span_str("sixteen octets !") });
    save("id", "ipv6");
    pl_id_write(seed(-1), &(struct pl_id){ ID_NULL, SPAN_NONE });
    save("id", "null");
    pl_cert_write(seed(0), &(struct pl_cert){ CERT_X509_SIGNATURE, span_str("der") });
    save("cert", "cert");
    pl_certreq_write(seed(1),
                     &(struct pl_certreq){ CERT_X509_SIGNATURE,
                                           span_str("twenty octets of hshtwenty octets of has") });
    save("cert", "certreq");
    pl_certreq_write(seed(1), &(struct pl_certreq){ CERT_X509_SIGNATURE, SPAN_NONE });
    save("cert", "certreq-any");
    pl_auth_write(seed(-1), &(struct pl_auth){ AUTH_METHOD_PSK, span_str("\x03macsignature") });
    save("auth", "signature");
    pl_delete_write(seed(-1), &(struct pl_delete){ PROTO_ESP, 2, { 0x1000, 0x2000 } });
    save("delete", "esp");
    pl_delete_write(seed(-1), &(struct pl_delete){ .protocol = PROTO_IKE });
    save("delete", "ike");
    pl_eap_write(seed(-1),
                 &(struct pl_eap){ EAP_RESPONSE, 1, EAP_IDENTITY, span_str("me"), SPAN_NONE });
    save("eap", "identity");
    pl_eap_write(seed(-1), &(struct pl_eap){ .code = EAP_SUCCESS, .id = 2 });
    save("eap", "success");
}

static void notify_seeds(void)
{
    static const uint8_t redirect[] = { GW_IPV4, 4, 192, 0, 2, 1, 'n' };
    struct msg m;
    struct span s;

    pl_notify_write(seed(0),
                    &(struct pl_notify){ PROTO_ESP, span_str("spi."), N_REKEY_SA, SPAN_NONE });
    save("notify", "rekey");
    pl_notify_write(seed(0), &(struct pl_notify){ 0, SPAN_NONE, N_SIGNATURE_HASH_ALGORITHMS,
                                                  span_of("\0\2\0\3\0\4", 6) });
    save("notify", "hashes");
    pl_notify_write(seed(0), &(struct pl_notify){ 0, SPAN_NONE, N_REDIRECT,
                                                  span_of(redirect, sizeof redirect) });
    save("notify", "redirect");
    pl_notify_write(seed(0), &(struct pl_notify){ 0, SPAN_NONE, N_IKEV2_MESSAGE_ID_SYNC,
                                                  span_str("twelve octet") });
    save("notify", "sync");
    pl_notify_write(seed(0),
                    &(struct pl_notify){ 0, SPAN_NONE, N_INVALID_KE_PAYLOAD, span_of("\0\37", 2) });
    save("notify", "group");
    msg_begin_inner(&m, buf + 1, sizeof buf - 1);
    msg_add_notify(&m, N_INITIAL_CONTACT, SPAN_NONE);
    msg_add_invalid_ke(&m, DH_ECP_256);
    msg_add_raw(&m, PL_NOTIFY, span_str("x"));
    if (msg_finish(&m, &s) != OK)
        exit(1);
    buf[0] = 1;
    save_span("notify", "list", span_of(buf, s.len + 1));
}

static void message_seeds(void)
{
    struct ike_header h = ike_header_make(1, 0, EX_IKE_SA_INIT, true, false, 0);
    static const struct sk_shape shapes[] = { { 8, 1, 16 }, { 16, 16, 16 }, { 16, 16, 32 } };
    struct sk_room room;
    struct msg m;
    struct span s;

    msg_begin(&m, buf, sizeof buf, &h);
    msg_add_notify(&m, N_COOKIE, span_str("cookie"));
    msg_add_ke(&m, DH_CURVE25519, span_str("public"));
    msg_add_raw(&m, 200, span_str("unknown"));
    msg_add_nonce(&m, span_str("0123456789abcdef"));
    if (msg_finish(&m, &s) != OK)
        exit(1);
    save_span("header", "init", s);
    save_span("header", "empty", (struct span){ s.p, IKE_HEADER_LEN });
    /* The chain target wants the first type in front: it stands before the header's end anyway. */
    buf[IKE_HEADER_LEN - 1] = PL_NOTIFY;
    save_span("chain", "init",
              (struct span){ s.p + IKE_HEADER_LEN - 1, s.len - IKE_HEADER_LEN + 1 });
    h = ike_header_make(1, 2, EX_IKE_AUTH, true, false, 1);
    for (uint8_t i = 0; i < 3; i++) {
        char name[8];
        struct wr body = wr_of(buf + 1, sizeof buf - 1);

        snprintf(name, sizeof name, "s%u", i);
        buf[0] = i;
        if (pl_sk_layout(&body, &h, PL_IDI, span_str("some content of it"), &shapes[i], &room) !=
            OK)
            exit(1);
        save_span("sk", name, span_of(buf, body.len + 1));
        body = wr_of(buf + 1, sizeof buf - 1);
        if (pl_skf_layout(&body, &h, 2, 3, PL_IDI, span_str("a part"), &shapes[i], &room) != OK)
            exit(1);
        save_span("skf", name, span_of(buf, body.len + 1));
    }
    buf[IKE_HEADER_LEN] = PL_SK;
    struct wr body = wr_of(buf + 1, sizeof buf - 1);

    if (pl_sk_layout(&body, &h, PL_IDI, span_str("x"), &shapes[0], &room) != OK)
        exit(1);
    buf[IKE_HEADER_LEN] = PL_SK;
    save_span("chain", "sk", span_of(buf + IKE_HEADER_LEN, body.len + 1 - IKE_HEADER_LEN));
}

static void frag_seeds(void)
{
    static const uint8_t two[] = {
        1, 2, 2, 0, 0, 3, 't', 'w', 'o', 1, 1, 2, 35, 0, 3, 'o', 'n', 'e'
    };
    static const uint8_t grown[] = { 1, 1, 2, 35, 0, 1, 'a', 1, 2, 3, 0, 0, 1, 'b',
                                     1, 1, 2, 35, 0, 1, 'c', 2, 1, 1, 0, 0, 1, 'd' };
    static const uint8_t bad[] = { 1, 0, 2, 0, 0, 0, 1, 1, 65, 0, 0, 0, 1, 2, 2, 9, 0, 0 };

    save_span("frag", "two", span_of(two, sizeof two));
    save_span("frag", "grown", span_of(grown, sizeof grown));
    save_span("frag", "bad", span_of(bad, sizeof bad));
}

static void base_seeds(void)
{
    save_span("addr", "v4", span_str("192.0.2.1"));
    save_span("addr", "v6", span_str("2001:db8::1"));
    save_span("addr", "prefix", span_str("10.0.0.0/8"));
    save_span("addr", "prefix6", span_str("2001:db8::/33"));
    save_span("addr", "endpoint", span_str("192.0.2.1:500"));
    save_span("addr", "endpoint6", span_str("[2001:db8::1]:4500"));
    save_span("rd", "ops",
              span_of("\0\1\1\1\2\1\3\1\4\2\5\2\6\2\7\2\10\2aaaaaaaaaaaaaaaaaaaaaaaaa", 43));
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: %s DIR\n", argv[0]);
        return 2;
    }
    dir = argv[1];
    mkdir(dir, 0777);
    sa_seeds();
    ts_seeds();
    cp_seeds();
    small_seeds();
    notify_seeds();
    message_seeds();
    frag_seeds();
    base_seeds();
    return 0;
}
