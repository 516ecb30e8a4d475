/* policy: what the configuration says about connections, as the engine reads it.
 *
 * Built by node/config, owned by struct policy, read-only afterwards. Passwords and PSKs live in
 * struct secret_text; certificates and private keys behind the crypto library's types. */
#pragma once

#include "node/crypto/sign.h"
#include "node/crypto/suite.h"
#include "node/crypto/x509_check.h"
#include "node/wire/pl_ts.h"
#include "statesync/base/addr.h"
#include "statesync/base/limits.h"

enum auth_kind { AUTH_NONE = 0, AUTH_PSK, AUTH_CERT };

/* "auto", or why a connection starts. */
enum start_kind { START_NONE = 0, START_AUTO };

struct policy_id {
    uint8_t type;      /* IANA ID_*; 0: any (remote), from the certificate (local) */
    struct bytes data; /* binary form as on the wire */
    bool wildcard;     /* remote: data is a suffix, as ".example.org" of "*.example.org" */
};

struct policy_pool {
    char name[LIMIT_NAME];
    struct ip_prefix prefix; /* addresses to give out; network and broadcast address left out */
};

struct policy_child {
    char name[LIMIT_NAME];
    struct esp_suite suites[16];
    uint8_t n_suites;
    struct ts local_ts[LIMIT_SELECTORS], remote_ts[LIMIT_SELECTORS];
    uint8_t n_local, n_remote;
    bool remote_dynamic, local_dynamic; /* the virtual address stands for that side's selectors */
    uint32_t rekey_s, life_s;           /* seconds; 0: never */
    uint64_t rekey_bytes, life_bytes, rekey_packets, life_packets;
    uint16_t replay_window; /* 32..1024 */
    uint8_t start;          /* enum start_kind: initiator */
};

struct policy_conn {
    char name[LIMIT_NAME];
    struct endpoint local, remote; /* remote.addr.family 0: any (responder) */
    struct ike_suite suites[16];
    uint8_t n_suites;
    uint8_t local_auth, remote_auth; /* enum auth_kind */
    struct policy_id local_id, remote_id;
    struct bytes psk;             /* wiped on free */
    struct x509_chain *chain;     /* our certificate and its intermediates; NULL: none; owned */
    struct sign_key *key;         /* the private key of chain; NULL: none; owned */
    struct x509_anchors *anchors; /* trusted CAs for the peer; NULL: none; owned */
    bool send_cert, send_certreq;
    struct policy_pool pools[4]; /* responder: inner addresses for CP */
    uint8_t n_pools;
    struct ip_addr dns[4];
    uint8_t n_dns;
    bool request_vip4, request_vip6; /* initiator: ask for an inner address */
    struct policy_child children[8];
    uint8_t n_children;
    uint32_t rekey_s, life_s; /* IKE SA; rekey_s minus up to jitter_pct */
    uint8_t jitter_pct;       /* 0..50 of the rekey time, drawn per SA */
    uint32_t dpd_s;           /* silence before a probe; 0: off */
    bool force_encap;         /* pretend a NAT: UDP encapsulation always */
    bool fragmentation;
    uint16_t fragment_size; /* IP datagram octets */
    bool unique;            /* a new session of an identity replaces the older one */
};

struct policy {
    struct policy_conn *conns;
    size_t n_conns;
    /* protocol timing, milliseconds */
    uint32_t retransmit_ms; /* first; then x1.8 */
    uint8_t retransmit_tries;
    uint32_t half_open_ms;     /* a half-open session's life */
    uint32_t reply_keep_ms;    /* retransmission horizon: how long a reply is kept */
    uint32_t cookie_threshold; /* half-open sessions of this node above which cookies are asked; 0:
                                  always */
    uint32_t half_open_per_prefix;
    uint32_t keepalive_s;      /* NAT keepalive when we are behind a NAT; 0: off */
    uint32_t outage_s;         /* reservations cover a store outage of this long (600) */
    uint32_t rekey_pace_per_s; /* rekeys a second after takeovers */
};

/* Wipes and frees everything it owns. */
void policy_done(struct policy *p);
