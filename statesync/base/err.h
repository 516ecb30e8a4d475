/* err: every error the project's functions return.
 *
 * The class (bits 8-11) decides the reaction, the value is for logs and metrics:
 *   input    a peer, a store or a file sent something malformed: drop or refuse, count
 *   peer     well-formed but refused: answer with a notify
 *   cluster  store or ownership said no: the exchange may be retried
 *   local    our own limit, resource or configuration: alarm
 */
#pragma once

enum err {
    OK = 0,

    E_TRUNCATED = 0x100, /* fewer bytes than a declared or fixed length */
    E_TRAILING,          /* bytes left where there must be none */
    E_BAD_LENGTH,        /* a length field contradicts its surroundings */
    E_BAD_VALUE,         /* a field has a value outside its range */
    E_NOT_ALLOWED,       /* well-formed, but not in this state or exchange */
    E_BAD_VERSION,       /* unknown major version of a protocol or format */
    E_CRITICAL_PAYLOAD,  /* unknown payload with the critical bit */
    E_INTEGRITY,         /* an integrity check failed */
    E_REPLAY,            /* already seen, or too old to tell */

    E_NO_PROPOSAL = 0x200, /* no acceptable suite */
    E_INVALID_KE,          /* other group wanted */
    E_AUTH_FAILED,         /* authentication failed, whatever the reason */
    E_TS_UNACCEPTABLE,     /* no common traffic selector */
    E_NO_ADDRESS,          /* no inner address to give */
    E_TEMPORARY,           /* cannot now, try later */

    E_STORE_DOWN = 0x300, /* not sent to the store: certainly not written */
    E_STORE_UNKNOWN,      /* sent, no answer: may have been written */
    E_CONFLICT,           /* another version is stored */
    E_LEASE_LOST,         /* the slot carries another token */
    E_NOT_FOUND,          /* no such record */

    E_NOMEM = 0x400, /* allocation failed */
    E_LIMIT,         /* a limit of statesync/base/limits.h is reached */
    E_CRYPTO,        /* the crypto library failed where it cannot */
    E_CONFIG,        /* configuration is wrong */
    E_IO,            /* the operating system refused */
    E_UNSUPPORTED,   /* not built in, or not supported here */
};

enum err_class { ERR_NONE = 0, ERR_INPUT = 1, ERR_PEER = 2, ERR_CLUSTER = 3, ERR_LOCAL = 4 };

#define MUST_USE __attribute__((warn_unused_result))

/* Return on failure. Only where nothing needs cleaning up. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        enum err try_ = (call);                                                                    \
        if (try_ != OK)                                                                            \
            return try_;                                                                           \
    } while (0)

static inline enum err_class err_class(enum err e)
{
    return (enum err_class)((unsigned)e >> 8);
}

/* Stable lower-case name for logs and metric labels, e.g. "truncated". Never NULL. */
const char *err_name(enum err e);
