/* session_record: everything another node needs to continue a session. The runtime objects of
 * node/sa embed these structs, so what is stored is what is in here, and nothing else survives its
 * node.
 *
 * One record per IKE SA with its Child SAs, the last reply and our request in flight. Record id:
 * our own IKE SPI. Times are wall-clock milliseconds since 1970 (they cross nodes). Owned memory:
 * every struct bytes and the arrays; session_record_done frees and wipes. */
#pragma once

#include "statesync/base/addr.h"
#include "statesync/base/secret.h"
#include "statesync/record/token.h"

enum record_role { ROLE_INITIATOR = 1, ROLE_RESPONDER = 2 };

enum session_state {
    SS_NONE = 0,
    SS_INIT_SENT,      /* initiator: IKE_SA_INIT is out */
    SS_HALF_OPEN,      /* responder: IKE_SA_INIT answered */
    SS_AUTH_SENT,      /* initiator: IKE_AUTH is out */
    SS_AUTHENTICATING, /* responder: IKE_AUTH of several rounds under way (EAP) */
    SS_ESTABLISHED,
    SS_REKEYED,  /* replaced by an IKE rekey, waits for its Delete */
    SS_DELETING, /* our Delete is out */
    SS_DELETED,  /* tombstone: nothing but ids and times */
    SS_COUNT
};

enum child_state {
    CS_NONE = 0,
    CS_INSTALLED,
    CS_REKEYED,  /* a newer Child SA sends; this one still receives until its Delete */
    CS_DELETING, /* our Delete is out */
    CS_COUNT
};

struct rec_suite {
    uint16_t encr, encr_key_bits, integ, prf, dh; /* IANA numbers; integ 0 with an AEAD */
};

struct rec_ts {
    uint8_t protocol;
    uint16_t port_first, port_last;
    struct ip_addr first, last;
};

struct rec_id {
    uint8_t type; /* IANA ID_*; 0 none */
    struct bytes data;
};

struct rec_window {
    uint64_t top;
    bool bitmap_valid;
    uint8_t bitmap[128]; /* struct dp_window */
    uint64_t wall_ms;    /* when it was taken */
};

struct child_record {
    uint8_t state;
    uint32_t spi_in, spi_out;
    struct rec_suite suite; /* prf unused */
    bool esn, udp_encap;
    bool initiator; /* we started the exchange that made it: decides key direction and who loses */
    char name[LIMIT_NAME]; /* the configured child */
    struct secret encr_in, encr_out, integ_in, integ_out;
    struct rec_ts *local_ts, *remote_ts;
    uint8_t n_local, n_remote;

    /* Reservation: numbers below reserved_end may be on the wire. exact: they are not, seq_next is
     * the first unused one (planned handover). */
    uint64_t seq_next, reserved_end;
    bool exact;
    struct incarnation reserved_in; /* the incarnation that stored reserved_end */
    uint16_t blocks;                /* blocks reserved under this key */

    struct rec_window window;
    bool strict_in; /* window not to be trusted: drop inbound until replaced */

    uint64_t created_ms, rekey_at_ms, expire_at_ms;
    uint64_t bytes, packets;             /* used up to the last commit, both directions */
    uint64_t rekey_bytes, rekey_packets; /* rekey when reached; 0: none */
    uint64_t max_bytes, max_packets;
};

enum request_kind {
    RQ_NONE = 0,
    RQ_INIT,
    RQ_AUTH,
    RQ_CREATE_CHILD,
    RQ_REKEY_CHILD,
    RQ_REKEY_IKE,
    RQ_DELETE_CHILD,
    RQ_DELETE_IKE,
    RQ_DPD,
    RQ_INFORMATIONAL
};

/* Our request in flight: enough to repeat it byte for byte and to take its answer on any node. */
struct rec_request {
    uint8_t kind; /* enum request_kind */
    uint32_t msgid;
    struct bytes datagrams; /* each: 16-bit length, octets; several when fragmented */
    uint64_t sent_ms;
    uint32_t child_spi_in; /* RQ_REKEY_CHILD, RQ_DELETE_CHILD: the child concerned */
    uint32_t new_spi_in;   /* RQ_CREATE_CHILD, RQ_REKEY_CHILD, RQ_AUTH: proposed inbound ESP SPI */
    uint64_t new_ike_spi;  /* RQ_REKEY_IKE */
    uint16_t dh;           /* group of dh_private; 0 none */
    struct bytes dh_private; /* wiped on free */
    struct bytes nonce;      /* our Ni */
    char child_name[LIMIT_NAME];
    struct bytes ts; /* RQ_CREATE_CHILD, RQ_REKEY_CHILD, RQ_AUTH: TSi and TSr bodies as sent */
};

struct session_record {
    uint64_t version; /* as stored; 0: never stored */
    uint8_t state;    /* enum session_state */
    uint8_t role;     /* enum record_role */
    uint64_t spi_i, spi_r;
    struct endpoint local, remote;
    bool nat_local, nat_remote; /* a NAT is in front of us / of the peer */
    bool udp_encap;             /* port 4500 in use */
    char conn[LIMIT_NAME];      /* the configured connection; "" before IKE_AUTH */

    struct rec_suite suite;
    struct secret sk_d, sk_ai, sk_ar, sk_ei, sk_er, sk_pi, sk_pr;
    /* Until AUTH is done. */
    struct bytes ni, nr, init_request, init_response;

    uint32_t recv_next; /* next request ID expected from the peer */
    uint32_t send_next; /* ID of our next request */
    uint32_t reply_msgid;
    struct bytes reply; /* datagrams of the last reply; empty: none kept */
    uint64_t reply_ms;
    struct rec_request request;

    struct rec_id id_local, id_remote;
    struct ip_addr vips[LIMIT_VIPS]; /* responder: given to the peer; initiator: got */
    uint8_t n_vips;
    bool vip_leased[LIMIT_VIPS]; /* from outside the slot's sub-pool: a lease stands in the store */

    bool peer_frag;       /* peer announced RFC 7383 */
    uint16_t peer_hashes; /* bit n: peer takes signature hash n (RFC 7427) */
    bool peer_mobike;
    bool suspect;           /* see DESIGN: careful start */
    uint32_t suspect_probe; /* next message ID to probe */

    uint64_t created_ms, established_ms, rekey_at_ms, expire_at_ms;
    uint64_t replaced_by; /* SS_REKEYED: our SPI of the new IKE SA */

    struct child_record *children;
    uint8_t n_children, cap_children;
    struct bytes ext; /* room for later features (EAP state): opaque here */
};

void session_record_done(struct session_record *r);

/* Deep copy; ret is overwritten without freeing. E_NOMEM: ret is zeroed. */
MUST_USE enum err session_record_copy(const struct session_record *r, struct session_record *ret);

/* A zeroed child at the end of the array; NULL: LIMIT_CHILDREN or no memory. Moves the array. */
struct child_record *session_record_add_child(struct session_record *r);
/* Wipes and removes; order of the others is kept. */
void session_record_remove_child(struct session_record *r, uint32_t spi_in);
void child_record_done(struct child_record *c);

/* Our own and the peer's IKE SPI. */
static inline uint64_t session_own_spi(const struct session_record *r)
{
    return r->role == ROLE_INITIATOR ? r->spi_i : r->spi_r;
}

/* Plain protobuf bytes (proto/ike_sa.proto), NOT sealed: the caller seals and wipes. */
MUST_USE enum err session_record_encode(const struct session_record *r, struct bytes *ret);
/* Every field is checked (ranges, counts, lengths): E_BAD_VALUE, E_LIMIT, E_BAD_VERSION; ret
 * untouched then. On OK ret is owned by the caller (session_record_done). */
MUST_USE enum err session_record_decode(struct span plain, struct session_record *ret);
