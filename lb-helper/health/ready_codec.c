#include "lb-helper/health/ready_codec.h"

#include <jansson.h>

struct span ready_request(void)
{
    return span_str("{\"cmd\":\"ready\",\"watch\":true}\n");
}

enum err ready_parse(struct span line, bool *ret_ready)
{
    json_t *root, *ok, *ready;
    enum err e = E_BAD_VALUE;

    if (line.len == 0 || line.len > READY_LINE_MAX)
        return E_BAD_VALUE;
    root = json_loadb((const char *)line.p, line.len, JSON_REJECT_DUPLICATES, NULL);
    if (root == NULL)
        return E_BAD_VALUE;
    ok = json_object_get(root, "ok");
    ready = json_object_get(root, "ready");
    if (json_is_true(ok) && json_is_boolean(ready)) {
        *ret_ready = json_is_true(ready);
        e = OK;
    }
    json_decref(root);
    return e;
}
