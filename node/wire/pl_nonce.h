/* pl_nonce: Nonce payload. RFC 7296 3.9: 16 to 256 octets. */
#pragma once

#include "statesync/base/limits.h"
#include "statesync/base/rd.h"
#include "statesync/base/wr.h"

/* *ret: LIMIT_NONCE_MIN..LIMIT_NONCE_MAX octets, pointing into body; else E_BAD_LENGTH. */
MUST_USE enum err pl_nonce_parse(struct rd body, struct span *ret);
void pl_nonce_write(struct wr *w, struct span nonce);
