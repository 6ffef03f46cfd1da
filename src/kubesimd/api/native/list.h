/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* GET of a kind: the whole list, a page of it, or a watch. */

#include "kubesimd/api/context.h"

int reply_list(HttpRequest *req, ApiContext *api, Kind kind, Error *reterr);
