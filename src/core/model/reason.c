/* SPDX-License-Identifier: Apache-2.0 */
#include "core/model/reason.h"

#include "basic/macro.h"

static const Reason reasons[] = {
        { -EBADMSG, 400, "Malformed request", "Malformed" },
        { -EINVAL, 400, "Invalid value", "Invalid" },
        { -ENOKEY, 401, "Authentication required", "Unauthorized" },
        { -EACCES, 403, "Forbidden", "Forbidden" },
        { -ENOENT, 404, "Not found", "NotFound" },
        { -EOPNOTSUPP, 405, "Method not allowed", "MethodNotAllowed" },
        { -EEXIST, 409, "Conflict", "AlreadyExists" },
        { -ESTALE, 409, "Conflict", "Conflict" },
        { -ERANGE, 410, "Gone", "Expired" },
        { -EDESTADDRREQ, 411, "Length required", "LengthRequired" },
        { -E2BIG, 413, "Request too large", "TooLarge" },
        { -ENAMETOOLONG, 414, "Request target too long", "TargetTooLong" },
        { -EPROTOTYPE, 415, "Unsupported media type", "UnsupportedMediaType" },
        { -ENOTCONN, 421, "Misdirected request", "MisdirectedRequest" },
        { -EDOM, 422, "Can never be satisfied", "Unsatisfiable" },
        { -EDQUOT, 429, "Limit reached", "LimitReached" },
        { -EMSGSIZE, 431, "Headers too large", "HeadersTooLarge" },
        { -EAGAIN, 503, "Unavailable", "Unavailable" },
        { -ENOMEM, 503, "Out of memory", "OutOfMemory" },
        { -ETIMEDOUT, 504, "Timeout", "Timeout" },
        { -ENOSPC, 507, "The state cannot be stored", "StorageFailed" },
        { -EIO, 507, "The state cannot be stored", "StorageFailed" },
        { -EROFS, 507, "The state cannot be stored", "StorageFailed" },
};

static const Reason internal = { 0, 500, "Internal error", "Internal" };

const Reason *reason_from_code(int code) {
        for (size_t i = 0; i < ELEMENTSOF(reasons); i++)
                if (reasons[i].code == code)
                        return &reasons[i];
        return &internal;
}

unsigned reason_http_status(int code) {
        return reason_from_code(code)->http_status;
}
