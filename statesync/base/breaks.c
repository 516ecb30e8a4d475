#include "statesync/base/breaks.h"

const char *break_name(unsigned n)
{
    static const char *const names[BREAK_COUNT] = {
        [BREAK_SEND_BEFORE_COMMIT] = "send-before-commit",
        [BREAK_IGNORE_TOKEN] = "ignore-token",
        [BREAK_TAKEOVER_AT_LAST_USED] = "takeover-at-last-used",
        [BREAK_USE_BEFORE_RESERVE] = "use-before-reserve",
        [BREAK_IGNORE_INCARNATION] = "ignore-incarnation",
        [BREAK_IV_FROM_MESSAGE_ID] = "iv-from-message-id",
        [BREAK_REBUILD_REPLY] = "rebuild-reply",
        [BREAK_FORGET_REPLY] = "forget-reply",
        [BREAK_FORGET_WINDOW] = "forget-window",
        [BREAK_FORGET_TOMBSTONE] = "forget-tombstone",
        [BREAK_CLAIM_WITHOUT_CAS] = "claim-without-cas",
        [BREAK_ADDRESS_WITHOUT_LEASE] = "address-without-lease",
        [BREAK_HANDOVER_GUESS] = "handover-guess",
    };

    return n < BREAK_COUNT ? names[n] : NULL;
}
