/* session_check: is this a record that may be stored, and trusted after loading? The one list of
 * checks behind encode and decode, so that no node writes what another would refuse. */
#pragma once

#include "statesync/record/session_record.h"

enum {
    SESSION_FORMAT = 1,
    SESSION_PLAIN_MAX = LIMIT_RECORD - 64, /* leaves room for the envelope */
    SESSION_DH_MAX = 1024,                 /* octets of a private value */
};

/* E_BAD_VALUE, E_LIMIT, E_BAD_LENGTH. Counts must already be within the struct's arrays. */
MUST_USE enum err session_record_check(const struct session_record *r);
