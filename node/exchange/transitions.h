/* transitions: which message may arrive in which state, before any handler looks at it.
 *
 * "Is it well-formed" was the parsers' question, "do we agree" is the handler's; this is "is it
 * allowed now". An unlisted message is E_NOT_ALLOWED. Fragments are joined and SK is open before
 * the table is asked. RFC 7296 1.2-1.4. */
#pragma once

#include "node/exchange/exchange.h"

enum trans_role { TR_REQUEST, TR_RESPONSE };

struct transition {
    uint16_t states;  /* bit per enum session_state of the SA (SS_NONE: there is none yet) */
    uint8_t exchange; /* EX_* */
    uint8_t role;     /* enum trans_role */
    uint16_t kinds;   /* responses: bit per enum request_kind in flight; 0: any */
    uint16_t notify;  /* a notify that must be there (REKEY_SA); 0: none */
    uint64_t need_clear, need_sk; /* PL_BIT sets */
    uint64_t not_sk;              /* must not be there: tells rows apart */
    const char *name;
    enum err (*handle)(struct exchange *x);
};

/* NULL: not allowed now. */
const struct transition *transition_find(const struct exchange *x, unsigned state,
                                         enum trans_role role);
/* For the test that walks the table. */
const struct transition *transition_table(size_t *ret_n);
