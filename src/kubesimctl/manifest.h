/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Reads a Kubernetes manifest, YAML or JSON, which is YAML too. */

#include <json-c/json.h>

#include "basic/error.h"

#define MANIFEST_MAX (256 * KIB)

/* The one document of the file ("-": of stdin). *ret is owned. -EINVAL naming the line, or what reading gives. */
int manifest_load(const char *path, json_object **ret, Error *reterr);
/* The same from text. */
int manifest_parse(const char *text, size_t size, json_object **ret, Error *reterr);
