#include "statesync/store/redis_reader.h"

#include <hiredis/hiredis.h>
#include <stdlib.h>

#if HIREDIS_MAJOR >= 1
typedef size_t element_count;
#else
typedef int element_count;
#endif

struct redis_reader {
    redisReader *hi;
    redisReplyObjectFunctions fn; /* hiredis's own, createArray replaced */
    void *(*array_default)(const redisReadTask *task, element_count n);
    size_t max_octets, max_elements;
    size_t octets;   /* of the reply under way */
    size_t elements; /* of the reply under way, nested ones included */
    bool too_many;
};

/* Announced elements cost memory before any of them has come. */
static void *array_bounded(const redisReadTask *task, element_count n)
{
    struct redis_reader *r = task->privdata;

    if ((long long)n < 0 || (size_t)n > r->max_elements - r->elements) {
        r->too_many = true;
        return NULL;
    }
    r->elements += (size_t)n;
    return r->array_default(task, n);
}

enum err redis_reader_new(size_t max_octets, size_t max_elements, struct redis_reader **ret_r)
{
    struct redis_reader *r = calloc(1, sizeof *r);

    if (r == NULL)
        return E_NOMEM;
    r->hi = redisReaderCreate();
    if (r->hi == NULL) {
        free(r);
        return E_NOMEM;
    }
    r->fn = *r->hi->fn;
    r->array_default = r->fn.createArray;
    r->fn.createArray = array_bounded;
    r->hi->fn = &r->fn;
    r->hi->privdata = r;
    /* The size above which an empty buffer is given back; it bounds nothing, hence octets. */
    r->hi->maxbuf = (size_t)256 * 1024;
    r->max_octets = max_octets;
    r->max_elements = max_elements;
    *ret_r = r;
    return OK;
}

struct redis_reader *redis_reader_free(struct redis_reader *r)
{
    if (r == NULL)
        return NULL;
    redisReaderFree(r->hi);
    free(r);
    return NULL;
}

enum err redis_reader_feed(struct redis_reader *r, struct span s)
{
    if (s.len > r->max_octets || r->octets > r->max_octets - s.len)
        return E_LIMIT;
    r->octets += s.len;
    if (s.len > 0 && redisReaderFeed(r->hi, (const char *)s.p, s.len) != REDIS_OK)
        return E_NOMEM;
    return OK;
}

enum err redis_reader_next(struct redis_reader *r, struct redisReply **ret_reply)
{
    void *reply = NULL;

    if (redisReaderGetReply(r->hi, &reply) != REDIS_OK)
        return r->too_many ? E_LIMIT : r->hi->err == REDIS_ERR_OOM ? E_NOMEM : E_BAD_VALUE;
    if (reply != NULL) {
        r->octets = r->hi->len - r->hi->pos;
        r->elements = 0;
    }
    *ret_reply = reply;
    return OK;
}

void redis_reply_free(struct redisReply *reply)
{
    if (reply != NULL)
        freeReplyObject(reply);
}
