#include "node/runtime/harden.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

void harden_process(const struct env *env)
{
    struct rlimit none = { 0, 0 };

    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
        LOG(env, LOG_WARN, "core-files-not-off", F_STR("reason", strerror(errno)));
    /* On fault: what is reserved but never touched costs no memory. */
    if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) != 0)
        LOG(env, LOG_WARN, "memory-not-locked", F_STR("reason", strerror(errno)),
            F_STR("do", "give the unit LimitMEMLOCK=infinity, or switch swap off"));
}
