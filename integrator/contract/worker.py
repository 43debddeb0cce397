"""gunicorn's threaded worker, with SOAP faults where gunicorn has pages of HTML.

What is not even HTTP (a broken header, a bad chunk, a request line that is too long) never reaches the
application; gunicorn answers it by itself. A POS that posts such a thing reads XML or nothing.
"""

from __future__ import annotations

import logging
from typing import Any

from gunicorn import util
from gunicorn.http import errors
from gunicorn.workers.gthread import ThreadWorker

from integrator.contract.faults import SOAP_11, fault_envelope, invalid, unavailable

logger = logging.getLogger(__name__)

_STATUS: dict[type[Exception], str] = {
    errors.UnsupportedTransferCoding: "501 Not Implemented",
    errors.LimitRequestLine: "414 URI Too Long",
    errors.LimitRequestHeaders: "431 Request Header Fields Too Large",
    errors.ExpectationFailed: "417 Expectation Failed",
}
# A header of ours, not of the client: an error of the application like any other.
_OURS = tuple(
    getattr(errors, name) for name in ("InvalidResponseHeader", "InvalidResponseHeaderName") if hasattr(errors, name)
)


def fault_page(error: BaseException) -> bytes:
    """The whole HTTP answer. What was wrong is named by its kind only: its text may hold a secret."""
    kind = type(error).__name__
    if isinstance(error, errors.ParseException) and not isinstance(error, _OURS):
        status = next((text for known, text in _STATUS.items() if isinstance(error, known)), "400 Bad Request")
        failed = invalid(f"The request is not proper HTTP: {kind}.", hint="Send a proper HTTP/1.1 request.")
    else:
        status = "500 Internal Server Error"
        failed = unavailable("An internal error; nothing was applied.")
    body = fault_envelope(failed, SOAP_11)
    head = (
        f"HTTP/1.1 {status}\r\nConnection: close\r\nContent-Type: {SOAP_11.content_type}\r\n"
        f"X-Content-Type-Options: nosniff\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


class Worker(ThreadWorker):
    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        if isinstance(exc, errors.ParseException) and not isinstance(exc, _OURS):
            logger.warning("a request that is not proper HTTP", extra={"kind": type(exc).__name__})
        else:
            logger.error("unexpected error outside the application", exc_info=exc)
        try:
            util.write_nonblock(client, fault_page(exc))
        except OSError:
            logger.debug("the answer to it could not be sent")
