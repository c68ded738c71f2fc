"""What the ledger can answer besides data. Nothing of the driver escapes this package."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg

from shared.telemetry import metrics


class LedgerUnavailableError(Exception):
    """The ledger did not answer, or not as a primary of ours; nothing may be concluded from it."""


class DigestKeyRetiredError(LedgerUnavailableError):
    """This process digests addresses with a key that the ledger no longer uses: restart it."""


class CommitUnknownError(LedgerUnavailableError):
    """The reply to a write was lost, or came with a warning: it may or may not be in the ledger."""


class MovementRefusedError(Exception):
    """The database refuses a value of this movement: a rule of the schema that the domain let pass."""


class StaleStateError(Exception):
    """The key has moved on since it was read: read it again and judge anew."""


class AlreadyExistsError(Exception):
    """A unique thing exists already; `what` names the constraint."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class UnknownReferenceError(Exception):
    """Something refers to a thing that is not there; `what` names the constraint."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


class ConstraintBrokenError(Exception):
    """A value breaks a rule of the schema; `what` names the constraint."""

    def __init__(self, what: str) -> None:
        super().__init__(what)
        self.what = what


UNREACHABLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.InternalClientError,  # a session that the server ended a moment ago, while it was idle
    asyncpg.CannotConnectNowError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.TooManyConnectionsError,
    asyncpg.QueryCanceledError,
    asyncpg.LockNotAvailableError,
    asyncpg.DeadlockDetectedError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
)


@asynccontextmanager
async def ledger_errors() -> AsyncGenerator[None]:
    """Turn the driver's exceptions into ours."""
    try:
        yield
    except asyncpg.UniqueViolationError as error:
        raise AlreadyExistsError(error.constraint_name or "") from error
    except asyncpg.ForeignKeyViolationError as error:
        raise UnknownReferenceError(error.constraint_name or "") from error
    except asyncpg.CheckViolationError as error:
        raise ConstraintBrokenError(error.constraint_name or "") from error
    except UNREACHABLE as error:
        slow = isinstance(error, (TimeoutError, asyncpg.QueryCanceledError))
        metrics.LEDGER_ERRORS_TOTAL.add("timeout" if slow else "unavailable")
        raise LedgerUnavailableError(type(error).__name__) from error
