/* control_codec: lines of the control socket to commands and back. Pure but for memory.
 *
 * docs/cli.md gives the lines. One request per line, one object; unknown members are refused, so
 * that a mistyped one is not taken for its absence. */
#pragma once

#include <stdbool.h>

#include "statesync/base/limits.h"
#include "statesync/base/span.h"

enum { CONTROL_LINE = 64 * 1024, CONTROL_ERROR = 256, CONTROL_LIST_MAX = 5000 };

enum control_cmd {
    CMD_STATUS,
    CMD_LIST,
    CMD_SHOW,
    CMD_INITIATE,
    CMD_REKEY,
    CMD_TERMINATE,
    CMD_DRAIN,
    CMD_READY,
    CMD_STATS,
    CMD_COUNT
};

struct control_request {
    enum control_cmd cmd;
    char conn[LIMIT_NAME]; /* "": not given */
    uint64_t ike;          /* own IKE SPI, 0: not given */
    uint32_t child;        /* inbound ESP SPI of a child, 0: not given */
    bool all_children;     /* terminate: every child, keep the IKE SA */
    bool watch;            /* ready */
    uint32_t limit, skip;  /* list: at most limit (default 1000) after the first skip */
    uint32_t timeout_s;    /* initiate, rekey, terminate, drain: how long to wait (default 30) */
};

/* One line, without its newline. E_BAD_VALUE: error says what would be right, in words for the
 * operator; ret untouched. */
MUST_USE enum err control_request_parse(struct span line, struct control_request *ret,
                                        char error[CONTROL_ERROR]);
/* The line for a request, with its newline; NUL-terminated. E_LIMIT. */
MUST_USE enum err control_request_write(const struct control_request *r, char *out, size_t cap,
                                        size_t *ret_len);
const char *control_cmd_name(enum control_cmd cmd);

/* {"ok":false,"error":CODE,"message":TEXT} and a newline. Returns the length; cap >= 512. */
size_t control_error_write(char *out, size_t cap, const char *code, const char *message);
