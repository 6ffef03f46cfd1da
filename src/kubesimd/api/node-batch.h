/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* POST /nodes/batch: virtual nodes by the thousand, after one Kubernetes Node as template. */

#include "kubesimd/api/context.h"

int handle_nodes_batch(HttpRequest *req, void *userdata, Error *reterr);
