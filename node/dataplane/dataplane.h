/* dataplane: what the engine may ask of whatever moves ESP, and what it hears back.
 *
 * Backends: dp_record (remembers calls, tests and simulator), dp_tun (userspace ESP over TUN and
 * UDP), dp_xfrm (kernel, later). All calls are asynchronous in form: the answer is an event, which
 * a backend may deliver before the call returns. Keys arrive by value; a backend wipes its copies.
 *
 * The unit is a Child SA, named by our inbound ESP SPI (unique in the cluster). Sequence numbers
 * are the 64-bit extended numbers of RFC 4303 2.2.1, also without ESN (then below 2^32).
 *
 * INV-SEQ, INV-NONCE: a backend never emits a number outside [seq_next, seq_end) of the last
 * install or extend, and never the same twice within one install. */
#pragma once

#include "statesync/base/addr.h"
#include "statesync/base/secret.h"
#include "statesync/base/limits.h"

/* One traffic selector, RFC 7296 3.13.1: an address range with protocol (0 any) and port range. */
struct dp_selector {
    uint8_t protocol;
    uint16_t port_first, port_last;
    struct ip_addr first, last;
};

enum { DP_SELECTORS = LIMIT_SELECTORS, DP_WINDOW_BITS = 1024 };

/* Everything up to top counts as seen but for the clear bits of the bitmap: bit (top - n) % 1024 of
 * the bitmap is set when number n was seen, for n in (top - 1024, top]. bitmap_valid false: all
 * below or equal top count as seen ("bounded" takeover). */
struct dp_window {
    uint64_t top;
    bool bitmap_valid;
    uint8_t bitmap[DP_WINDOW_BITS / 8];
};

struct dp_child {
    uint16_t slot;
    uint32_t spi_in;  /* chosen by us: the name of the pair */
    uint32_t spi_out; /* chosen by the peer */
    uint16_t encr;    /* IANA ENCR_*; node/wire/ike_numbers.h */
    uint16_t encr_key_bits;
    uint16_t integ; /* IANA AUTH_*; 0 with an AEAD */
    bool esn;
    bool udp_encap; /* ESP in UDP 4500, RFC 3948; else IP protocol 50 */
    bool strict_in; /* drop all inbound (suspect or stale window) until the SA is replaced */
    bool hold_out;  /* install without sending (numbers not vouched for) */
    struct endpoint local, remote;
    struct secret encr_in, encr_out;   /* cipher key, salt appended where the cipher has one */
    struct secret integ_in, integ_out; /* empty with an AEAD */
    uint64_t seq_next, seq_end;        /* outbound block: first usable, first not usable */
    uint16_t window_bits;              /* inbound window, 32..DP_WINDOW_BITS */
    struct dp_window window;
    uint8_t n_local, n_remote;
    struct dp_selector local_ts[DP_SELECTORS], remote_ts[DP_SELECTORS];
    uint64_t soft_bytes, soft_packets; /* both directions together; 0: none; event once */
    uint64_t hard_bytes, hard_packets; /* 0: none; past it nothing passes, event once */
};

struct dp_counters {
    uint64_t seq_used; /* highest outbound number emitted by this install; seq_next - 1 if none */
    struct dp_window window;
    uint64_t bytes_in, packets_in, bytes_out, packets_out; /* by this install */
    uint64_t replay_drops, auth_drops;
    uint64_t last_in_ms; /* monotonic time of the last authenticated inbound packet; 0 never */
};

enum dp_event_kind {
    DPE_INSTALLED, /* answer to install; err; on failure nothing is installed */
    DPE_REMOVED,   /* answer to remove; counters are final: no further number can be used */
    DPE_COUNTERS,  /* answer to query, or unasked after window_packets or window_ms (below) */
    DPE_RESERVE,   /* half of the outbound block is used: extend it; counters.seq_used is valid */
    DPE_SOFT_LIFETIME, /* soft_bytes or soft_packets reached */
    DPE_HARD_LIFETIME,
    DPE_UNKNOWN_SPI, /* ESP for an SPI not installed; packet is the ESP packet from its SPI on */
    DPE_NO_SA_OUT,   /* inner packet from TUN that no installed selector takes; packet is the IP
                        packet */
    DPE_PEER_MOVED,  /* authentic inbound packet from another endpoint (NAT rebinding); remote is it
                      */
};

struct dp_event {
    enum dp_event_kind kind;
    enum err err;
    uint32_t spi_in; /* DPE_UNKNOWN_SPI: the SPI on the wire; DPE_NO_SA_OUT: 0 */
    struct dp_counters counters;
    struct endpoint local, remote; /* DPE_UNKNOWN_SPI, DPE_PEER_MOVED */
    struct span packet;            /* valid during the call */
    bool forwarded; /* DPE_UNKNOWN_SPI, DPE_NO_SA_OUT: the packet came from another node already,
                       and is never forwarded a second time */
};

struct dataplane;

struct dataplane_ops {
    /* A second install of an installed spi_in is E_CONFLICT (remove it first: INV-SEQ). Copies
     * child. */
    void (*install)(struct dataplane *dp, const struct dp_child *child);
    /* New end of the outbound block (never lower), and hold_out = false. No answer. Unknown:
     * ignored. */
    void (*extend)(struct dataplane *dp, uint32_t spi_in, uint64_t seq_end);
    /* New outer addresses (MOBIKE, NAT rebinding). Same numbers go on. No answer. */
    void (*move)(struct dataplane *dp, uint32_t spi_in, const struct endpoint *local,
                 const struct endpoint *remote, bool udp_encap);
    /* Answer DPE_REMOVED, also (with err E_NOT_FOUND) when it is not installed. */
    void (*remove)(struct dataplane *dp, uint32_t spi_in);
    /* Answer DPE_COUNTERS, or nothing when it is not installed. */
    void (*query)(struct dataplane *dp, uint32_t spi_in);
    /* ESP of this slot passes, in and out, only while the monotonic clock is below deadline_ms (the
     * dead-man of INV-OWNER). 0: closed now. All slots start closed. */
    void (*slot_deadline)(struct dataplane *dp, uint16_t slot, uint64_t deadline_ms);
};

struct dataplane {
    const struct dataplane_ops *ops;
    void (*on_event)(void *ctx,
                     const struct dp_event *event); /* set by the owner before first use */
    void *ctx;
    uint32_t window_packets; /* unasked DPE_COUNTERS after so many inbound packets ... */
    uint32_t window_ms;      /* ... or so many ms, per SA, only when something moved */
};
