/* bird_codec: the text protocol of BIRD's control socket. Pure.
 *
 * A reply is a row of lines: "dddd-text" goes on, "dddd text" ends it, " text" repeats the last
 * code, "+text" is spontaneous and belongs to no reply. 0xxx is success, 1xxx a table row, 8xxx
 * a run-time error, 9xxx a syntax error. A connection opens with "0001 BIRD x.y ready.". */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "statesync/base/span.h"

enum { BIRD_LINE_MAX = 1024, BIRD_NAME_MAX = 64 };

struct bird_line {
    uint16_t code;    /* 0 for a continuation of the last code, and for spontaneous lines */
    bool ends;        /* the last line of its reply */
    bool spontaneous; /* belongs to no reply */
    struct span text; /* into the input */
};

/* One line without its newline. E_BAD_VALUE when it is none of the four forms. */
MUST_USE enum err bird_line_parse(struct span line, struct bird_line *ret_line);

/* Collects a byte stream into replies. */
struct bird_reader {
    char line[BIRD_LINE_MAX];
    size_t len;
    bool failed;      /* a line of this reply said 8xxx or 9xxx */
    char reason[128]; /* the text of the first such line */
};

struct bird_reply {
    uint16_t code;      /* of the line that ended the reply */
    bool accepted;      /* no line of the reply reported an error */
    const char *reason; /* why not; valid until the reader is fed again */
};

void bird_reader_init(struct bird_reader *r);

/* Consumes bytes from *in. ret_reply is filled, and *ret_complete true, when a reply ended; call
 * again with what is left of *in. E_LIMIT for a line longer than BIRD_LINE_MAX, E_BAD_VALUE for one
 * that is not BIRD's: close the connection then. */
MUST_USE enum err bird_reader_feed(struct bird_reader *r, struct span *in, bool *ret_complete,
                                   struct bird_reply *ret_reply);

/* A protocol name that can stand in a command as it is: letters, digits, underscore. */
bool bird_name_ok(const char *name);

/* "enable NAME\n" or "disable NAME\n" with its NUL; the length without it. E_BAD_VALUE for a name
 * that is not bird_name_ok, E_LIMIT when out is too small. */
MUST_USE enum err bird_command(char *out, size_t cap, bool enable, const char *name,
                               size_t *ret_len);
