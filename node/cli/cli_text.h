/* cli_text: answers of the control socket for a person to read. */
#pragma once

#include <jansson.h>
#include <stdio.h>

#include "node/control/control_codec.h"

void cli_print(FILE *out, const struct control_request *r, const json_t *answer);
