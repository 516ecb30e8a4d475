/* redis_script: Lua texts.
 *
 * Redis runs a script alone, so what it reads and what it then writes is one step. Each one does
 * all of its checks before its first write: after that nothing can fail in the middle (Redis judges
 * memory, replica count and write permission at a script's first write). Numbers stay octets: Lua
 * has doubles only, which would round a 64-bit version. No "#!lua" line, so that Redis 6 takes them
 * too. */
#include "statesync/store/redis_script.h"

#include <assert.h>
#include <openssl/sha.h>
#include <string.h>

/* KEYS row, slot hash; ARGV token as in the row, then per record: id, expected version (empty: must
 * not exist), value with its new version in front (empty: remove).
 * Returns 1; 0: the row carries another token; octets: the version in the way (empty: none). */
static const char commit_text[] =
    "local call, sub = redis.call, string.sub\n"
    "if call('GETRANGE', KEYS[1], 0, 10) ~= ARGV[1] then return 0 end\n"
    "local h, n = KEYS[2], #ARGV\n"
    "for i = 2, n, 3 do\n"
    "  local v = call('HGET', h, ARGV[i])\n"
    "  v = v and sub(v, 1, 8) or ''\n"
    "  if v ~= ARGV[i + 1] then return v end\n"
    "end\n"
    "for i = 2, n, 3 do\n"
    "  if ARGV[i + 2] == '' then call('HDEL', h, ARGV[i])\n"
    "  else call('HSET', h, ARGV[i], ARGV[i + 2]) end\n"
    "end\n"
    "return 1\n";

/* KEYS row; ARGV expected token as in the row (empty: no row), new token, '1' to vouch,
 * incarnation, and the run id and replication id that this incarnation was computed from. Returns
 * {1, row before, row now}; {0, row in the way}; {2, run id, replication id, role}: this is another
 * incarnation or not a primary, nothing was written. */
static const char claim_text[] =
    "local call, find, match, sub = redis.call, string.find, string.match, string.sub\n"
    "local server, repl = call('INFO', 'server'), call('INFO', 'replication')\n"
    "if not find(server, 'run_id:' .. ARGV[5], 1, true)\n"
    "  or not find(repl, 'master_replid:' .. ARGV[6], 1, true)\n"
    "  or not find(repl, 'role:master', 1, true) then\n"
    "  return {2, match(server, 'run_id:(%x+)'), match(repl, 'master_replid:(%x+)'),\n"
    "    match(repl, 'role:(%a+)')}\n"
    "end\n"
    "local row = call('GET', KEYS[1])\n"
    "local before = row or ''\n"
    "if sub(before, 1, 11) ~= ARGV[1] or (row and #row ~= 27) then return {0, before} end\n"
    "local vouched = ARGV[4]\n"
    "if row and ARGV[3] ~= '1' then vouched = sub(row, 12) end\n"
    "local now = ARGV[2] .. vouched\n"
    "call('SET', KEYS[1], now)\n"
    "return {1, before, now}\n";

/* KEYS object; ARGV expected version (empty: must not exist), value with its new version in front
 * (empty: delete), milliseconds to live ('0': for ever).
 * Returns 1, or the stored value in the way with its version in front (empty: there is none). */
static const char put_text[] =
    "local call = redis.call\n"
    "local v = call('GET', KEYS[1])\n"
    "if (v and string.sub(v, 1, 8) or '') ~= ARGV[1] then return v or '' end\n"
    "if ARGV[2] == '' then\n"
    "  if v then call('DEL', KEYS[1]) end\n"
    "elseif ARGV[3] == '0' then call('SET', KEYS[1], ARGV[2])\n"
    "else call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end\n"
    "return 1\n";

struct span redis_script_text(enum redis_script s)
{
    switch (s) {
    case SCRIPT_COMMIT:
        return span_of(commit_text, sizeof commit_text - 1);
    case SCRIPT_CLAIM:
        return span_of(claim_text, sizeof claim_text - 1);
    case SCRIPT_PUT:
        return span_of(put_text, sizeof put_text - 1);
    case SCRIPT_COUNT:
        break;
    }
    assert(!"no such script");
    return SPAN_NONE;
}

void redis_scripts_init(struct redis_scripts *ret_scripts)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t digest[SHA_DIGEST_LENGTH];

    for (int i = 0; i < SCRIPT_COUNT; i++) {
        struct span text = redis_script_text((enum redis_script)i);
        char *out = ret_scripts->sha[i];

        SHA1(text.p, text.len, digest);
        for (int k = 0; k < SHA_DIGEST_LENGTH; k++) {
            out[2 * k] = hex[digest[k] >> 4];
            out[2 * k + 1] = hex[digest[k] & 15];
        }
        out[REDIS_SHA_LEN] = '\0';
    }
}
