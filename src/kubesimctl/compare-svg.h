/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The answer of compare as a picture: a bar chart for each number (SVG 1.1). */

#include "kubesimctl/ctl.h"

void compare_put_svg(json_object *answer, StrBuf *b);
