"""What a call can end with instead of an answer.

Guards: no error text holds a body, a key or anything that was sent; `code` is the server's stable
code (RFC 9457 extension) or one of the client's own: `not_reached`, `time_limit`,
`answer_unreadable`, `answer_unproven`. Only `Unserved` and `NotReached` may be turned into a local
decision: a refusal is the caller's own fault, and letting payments pass because a key is wrong
would hide it.
"""

from __future__ import annotations


class ClientError(Exception):
    """Root of the client's errors: `code`, `detail`, `pointer`, `request_id`, `status`.

    `pointer`: JSON pointer (RFC 6901) to the field at fault. `status`: HTTP status, 0 without one.
    """

    def __init__(
        self,
        code: str,
        detail: str,
        *,
        pointer: str | None = None,
        request_id: str | None = None,
        status: int = 0,
    ) -> None:
        place = f" (at {pointer})" if pointer else ""
        asked = f" [{request_id}]" if request_id else ""
        super().__init__(f"{code}: {detail}{place}{asked}")
        self.code = code
        self.detail = detail
        self.pointer = pointer
        self.request_id = request_id
        self.status = status


class Refused(ClientError):
    """The server understood and said no (4xx): trying the same again does not help."""


class Unserved(ClientError):
    """The server answered and could not serve (429, 5xx), also after the retries."""


class ReceiptRefused(ClientError):
    """A promise or receipt does not hold: forged, broken, or not of a pinned log."""


class NotReached(ClientError):
    """No answer came within the time limit: whether the call was carried out is not known.

    Calling again with the same payment is safe: its identity makes sure that it counts once.
    """
