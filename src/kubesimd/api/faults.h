/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* /faults: what is injected into virtual nodes, chosen by name, by labels or by lot. */

#include "kubesimd/api/context.h"

int handle_faults_list(HttpRequest *req, void *userdata, Error *reterr);
int handle_fault_inject(HttpRequest *req, void *userdata, Error *reterr);
int handle_fault_end(HttpRequest *req, void *userdata, Error *reterr);
int handle_faults_recover(HttpRequest *req, void *userdata, Error *reterr);
