/* limits: every bound of the project in one place. A loop over input ends at one of these; reaching
 * it is E_LIMIT and a counter. */
#pragma once

enum {
    /* one IKE message */
    LIMIT_MESSAGE = 65535,     /* octets of a whole (reassembled) IKE message */
    LIMIT_DATAGRAM = 3072,     /* octets of one IKE message that we send unfragmented */
    LIMIT_INIT = 8192,         /* octets of an IKE_SA_INIT message that we keep for AUTH */
    LIMIT_FRAGMENT_MTU = 1232, /* RFC 7383: default size of an IP datagram with a fragment */
    LIMIT_FRAGMENTS = 64,      /* per message */
    LIMIT_PAYLOADS = 64,       /* per message, clear and protected each */
    LIMIT_PROPOSALS = 32,      /* per SA payload */
    LIMIT_TRANSFORMS = 64,     /* per proposal */
    LIMIT_SELECTORS = 16,      /* per TS payload that we keep */
    LIMIT_SELECTORS_WIRE = 64, /* per TS payload that we read */
    LIMIT_CP_ATTRS = 32,       /* per CP payload */
    LIMIT_CERTS = 8,           /* certificates per IKE_AUTH */
    LIMIT_NONCE_MIN = 16,
    LIMIT_NONCE_MAX = 256,
    LIMIT_DELETE_SPIS = 64, /* per Delete payload */
    LIMIT_COOKIE = 64,

    /* one session */
    LIMIT_CHILDREN = 16, /* Child SAs per IKE SA, rekeyed ones included */
    LIMIT_ID = 256,      /* octets of an identity that we keep */
    LIMIT_VIPS = 4,      /* inner addresses per session */
    LIMIT_PARKED = 4,    /* packets waiting while a commit is in flight */

    /* cluster */
    LIMIT_SLOTS = 4096,
    LIMIT_NODES = 64,         /* configured nodes per PoP */
    LIMIT_RECORD = 48 * 1024, /* sealed octets of one record in the store */
    LIMIT_COMMIT_WRITES = 4,  /* records per commit */
    LIMIT_HELD_PER_SLOT = 16, /* packets held while a slot is being claimed */

    /* redis backend of the store */
    LIMIT_REDIS_OPS = 16384,               /* operations without an answer, per connection */
    LIMIT_REDIS_QUEUE = 32 * 1024 * 1024,  /* octets of commands waiting to be written */
    LIMIT_REDIS_COMMAND = 512 * 1024,      /* octets of one command */
    LIMIT_REDIS_REPLY = 256 * 1024 * 1024, /* octets of one reply */
    LIMIT_REDIS_ELEMENTS = 256 * 1024,     /* elements of one reply, nested ones included */
    LIMIT_STORE_NAME = 63,                 /* octets of the name of a named object */

    /* text */
    LIMIT_NAME = 64, /* connection, pool and node names, NUL included */
};
