#include "tests/fuzz/fuzz.h"

#include "node/control/control_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct control_request r, again;
    char error[CONTROL_ERROR], line[4096];
    size_t len;

    if (control_request_parse(span_of(data, size), &r, error) != OK) {
        MUST(error[0] != '\0' && memchr(error, '\0', sizeof error) != NULL);
        len = control_error_write(line, sizeof line, "bad-request", error);
        MUST(len < sizeof line && line[len - 1] == '\n' && strchr(line, '\n') == line + len - 1);
        return 0;
    }
    MUST((unsigned)r.cmd < CMD_COUNT);
    MUST(control_request_write(&r, line, sizeof line, &len) == OK && line[len - 1] == '\n');
    MUST(control_request_parse(span_of(line, len - 1), &again, error) == OK);
    MUST(again.cmd == r.cmd && strcmp(again.conn, r.conn) == 0 && again.ike == r.ike &&
         again.child == r.child && again.all_children == r.all_children && again.watch == r.watch);
    return 0;
}
