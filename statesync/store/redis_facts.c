#include "statesync/store/redis_facts.h"

#include <openssl/sha.h>
#include <string.h>

#include "statesync/base/rd.h"

static bool hex_digit(uint8_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static enum err id_copy(struct span s, char out[REDIS_RUN_ID_LEN + 1])
{
    if (s.len != REDIS_RUN_ID_LEN)
        return E_BAD_VALUE;
    for (size_t i = 0; i < s.len; i++) {
        if (!hex_digit(s.p[i]))
            return E_BAD_VALUE;
    }
    memcpy(out, s.p, s.len);
    out[s.len] = '\0';
    return OK;
}

enum err redis_facts_ids(struct span run_id, struct span replid, struct redis_facts *ret_facts)
{
    struct redis_facts f = *ret_facts;
    uint8_t both[2 * REDIS_RUN_ID_LEN];
    uint8_t digest[SHA256_DIGEST_LENGTH];

    TRY(id_copy(run_id, f.run_id));
    TRY(id_copy(replid, f.replid));
    memcpy(both, f.run_id, REDIS_RUN_ID_LEN);
    memcpy(both + REDIS_RUN_ID_LEN, f.replid, REDIS_RUN_ID_LEN);
    SHA256(both, sizeof both, digest);
    memcpy(f.incarnation.id, digest, sizeof f.incarnation.id);
    *ret_facts = f;
    return OK;
}

/* The next line without its CR LF; the last one may lack it. False at the end. */
static bool next_line(struct rd *r, struct span *ret_line)
{
    struct span rest = { r->cur, rd_left(r) };
    const uint8_t *nl;
    size_t len;

    if (rest.len == 0)
        return false;
    nl = memchr(rest.p, '\n', rest.len);
    len = nl == NULL ? rest.len : (size_t)(nl - rest.p);
    if (rd_skip(r, nl == NULL ? len : len + 1) != OK)
        return false;
    if (len > 0 && rest.p[len - 1] == '\r')
        len--;
    *ret_line = (struct span){ rest.p, len };
    return true;
}

/* "key:value" with this key? */
static bool line_has(struct span line, const char *key, struct span *ret_value)
{
    size_t len = strlen(key);

    if (line.len < len + 1 || line.p[len] != ':' ||
        !span_eq((struct span){ line.p, len }, span_of(key, len)))
        return false;
    *ret_value = (struct span){ line.p + len + 1, line.len - len - 1 };
    return true;
}

static void policy_set(struct redis_facts *f, struct span v)
{
    size_t n = v.len < sizeof f->policy - 1 ? v.len : sizeof f->policy - 1;

    f->evicts = !span_eq(v, span_str("noeviction"));
    for (size_t i = 0; i < n; i++)
        f->policy[i] = v.p[i] >= 'a' && v.p[i] <= 'z' ? (char)v.p[i] : '-';
    f->policy[n] = '\0';
}

enum err redis_facts_parse(struct span info, struct redis_facts *ret_facts)
{
    struct redis_facts f = { 0 };
    struct rd r = rd_of(info);
    struct span line, v, run_id = SPAN_NONE, replid = SPAN_NONE, role = SPAN_NONE;

    while (next_line(&r, &line)) {
        if (line_has(line, "run_id", &v))
            run_id = v;
        else if (line_has(line, "master_replid", &v))
            replid = v;
        else if (line_has(line, "role", &v))
            role = v;
        else if (line_has(line, "loading", &v))
            f.loading = !span_eq(v, span_str("0"));
        else if (line_has(line, "maxmemory_policy", &v))
            policy_set(&f, v);
    }
    if (run_id.p == NULL || replid.p == NULL || role.p == NULL)
        return E_NOT_FOUND;
    f.primary = span_eq(role, span_str("master"));
    TRY(redis_facts_ids(run_id, replid, &f));
    *ret_facts = f;
    return OK;
}
