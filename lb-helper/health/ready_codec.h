/* ready_codec: the two lines between ikestra-lb and the daemon's control socket. Pure.
 *
 * Out: {"cmd":"ready","watch":true}. In, at once and at every change: {"ok":true,"ready":BOOL}. */
#pragma once

#include <stdbool.h>

#include "statesync/base/span.h"

enum { READY_LINE_MAX = 4096 };

/* The request, one line with its newline. */
struct span ready_request(void);

/* One line without its newline. E_BAD_VALUE when it is no JSON object, carries no boolean "ready",
 * or says "ok": false (a daemon that does not know the command is not ready). Further members are
 * ignored. */
MUST_USE enum err ready_parse(struct span line, bool *ret_ready);
