"""Where the request that is being answered comes from, and who may come from there.

An account with a list of networks acts from these alone. Where a request comes from is found out at the
edge, which tells it here; whoever admits a caller (`gate.py`) need not know the request. Work that belongs to
no request comes from nowhere, and from there nobody with a list may act.
"""

from collections.abc import Callable
from contextvars import ContextVar
from typing import Final

from shared.domain.networks import Address, customer_of, is_within
from shared.ledger.directory import UserRow


class AddressNotAllowedError(Exception):
    """The credential is good, but not from where it is used."""


def _nowhere() -> Address | None:
    return None


_ORIGIN: Final[ContextVar[Callable[[], Address | None]]] = ContextVar("origin", default=_nowhere)


def came_from(origin: Callable[[], Address | None]) -> None:
    """Say where the request comes from that this task answers; `origin` is asked when somebody needs it."""
    _ORIGIN.set(origin)


def customer_here() -> str:
    """Return whom the request is counted as that this task answers; everybody from nowhere is one."""
    return customer_of(_ORIGIN.get()())


def require_origin(user: UserRow) -> None:
    """Raise AddressNotAllowedError if the account has a list and the request comes from elsewhere."""
    if user.networks and not is_within(_ORIGIN.get()(), user.networks):
        raise AddressNotAllowedError
