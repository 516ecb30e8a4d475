/* boot_file: the boot second that this node used last, kept over restarts
 * (docs/formats/state-file.md). */
#pragma once

#include <stdint.h>

#include "statesync/base/err.h"

/* The boot second to start with: wall_s, or one above the file's if the clock went back. *ret is
 * already in the file. path "": no file. E_IO: errno; E_BAD_VALUE: the file is not one of ours. */
MUST_USE enum err boot_file_next(const char *path, uint64_t wall_s, uint32_t *ret);
/* The store made it higher. */
MUST_USE enum err boot_file_keep(const char *path, uint32_t boot);
