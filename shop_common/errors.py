"""The errors that become answers; the handlers that answer them are in app.py.

401 UnauthorizedError, 403 ForbiddenError, 404 NotFoundError, 409 ConflictError, KeyRunningError,
411 LengthRequiredError, 412 PreconditionFailedError, 415 UnsupportedMediaError,
422 InvalidInputError, KeyReusedError, 503 BusyError and PartnerError (with `Retry-After`),
504 UnknownOutcomeError.
"""

from collections.abc import Mapping, Sequence
from typing import Any


class ShopError(Exception):
    """An answer that is not a success: `{"detail": detail, **members}` with `status`."""

    status = 500
    headers: Mapping[str, str] = {}

    def __init__(self, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members = members


class UnauthorizedError(ShopError):
    status = 401

    def __init__(self) -> None:
        super().__init__("Invalid API Key")


class ForbiddenError(ShopError):
    status = 403


class NotFoundError(ShopError):
    status = 404


class ConflictError(ShopError):
    """A rule forbids it now."""

    status = 409


class KeyRunningError(ConflictError):
    def __init__(self) -> None:
        super().__init__("A request with this Idempotency-Key is still running")


class LengthRequiredError(ShopError):
    status = 411


class PreconditionFailedError(ShopError):
    """`If-Match` names another version than today's."""

    status = 412


class UnsupportedMediaError(ShopError):
    status = 415


class InvalidInputError(ShopError):
    """The input is wrong; `errors` maps each field to what is wrong with it, in whole sentences.

    What is wrong with the whole body is under `body`.
    """

    status = 422

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        detail = "; ".join(f"{name}: {' '.join(texts)}" for name, texts in errors.items())
        super().__init__(detail, errors=errors)


class KeyReusedError(InvalidInputError):
    def __init__(self) -> None:
        super().__init__({"Idempotency-Key": ["Was used for another request."]})


class BusyError(ShopError):
    """Nothing was done and trying again soon is sensible."""

    status = 503
    headers: Mapping[str, str] = {"Retry-After": "1"}


class DamagedError(BusyError):
    """The database's file is none, or not whole."""

    def __init__(self) -> None:
        super().__init__("The database is damaged; ./shop doctor says where.")


class UnknownOutcomeError(BusyError):
    """The one BusyError that does not say that nothing was done: the database has left it open."""

    status = 504
    headers: Mapping[str, str] = {}

    def __init__(self) -> None:
        super().__init__(
            "The database went away while it saved this: it is not known whether this was done. "
            "Look, or send it again with the same Idempotency-Key."
        )


class PartnerError(BusyError):
    """A partner gave no usable answer: the one family that fail-open may catch.

    `what` says what it did instead, as in "answered 500".
    """

    def __init__(self, partner: str, what: str) -> None:
        super().__init__(f"{partner} {what}")
        self.partner = partner
