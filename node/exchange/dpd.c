/* dpd: the probe of a silent peer: an empty INFORMATIONAL. RFC 7296 2.4. */
#include "node/exchange/exchange.h"

enum err dpd_begin(struct exchange *x)
{
    (void)exchange_build(x);
    TRY(exchange_finish(x));
    x->sa->r.request.kind = RQ_DPD;
    x->out.commit = true;
    return OK;
}
