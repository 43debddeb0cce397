"""What can go wrong with a platform, by what is to be done about it.

ConnectorError
  Transient           try again later: time-outs before anything was sent, 5xx, broken answers
  Throttled           wait until `until`; it is waiting, not a failure
  NeedsCredentials    wrong, expired or short of a scope: the channel stops until a person acts
  Rejected            the whole request is refused for good; for single items: PushResult
  UnknownOutcome      sent, no answer: the core has it read before it is written again
"""

from __future__ import annotations

from datetime import datetime


class ConnectorError(Exception):
    """What every error of a platform is. `message` is for an operator: what happened and what to do."""

    def __init__(self, message: str, *, code: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message, self.code, self.hint = message, code, hint


class Transient(ConnectorError): ...


class Throttled(ConnectorError):
    def __init__(self, message: str, *, until: datetime | None, code: str = "THROTTLED", hint: str = "") -> None:
        super().__init__(message, code=code, hint=hint)
        self.until = until


class NeedsCredentials(ConnectorError): ...


class Rejected(ConnectorError): ...


class UnknownOutcome(ConnectorError): ...
