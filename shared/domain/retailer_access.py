"""Which retailers may use a consent, before and after a change (iys-api 6, regulation J4).

Two places of a consent name retailers: the one that collected it, and the list of those that it was given to.
Both may use it. A grant adds to the list. A replacement leaves those that it names and nobody else, so the
collector loses its access, too; a removal takes from both places. Who collected the consent stays in the
movement that recorded it.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import assert_never

from shared.domain.read_access_change import AccessCall


@dataclass(frozen=True, slots=True)
class Access:
    """Who may use one consent: the collector, if it still may, and the list."""

    collector: int | None
    listed: frozenset[int]

    @property
    def everybody(self) -> frozenset[int]:
        """All retailers that may use the consent."""
        return self.listed if self.collector is None else self.listed | {self.collector}


def after_change(before: Access, call: AccessCall, retailers: AbstractSet[int]) -> Access:
    """Return who may use the consent once the call is done."""
    match call:
        case AccessCall.GRANT:
            return Access(before.collector, before.listed | retailers)
        case AccessCall.REPLACE:
            return Access(None, frozenset(retailers))
        case AccessCall.REMOVE:
            stays = before.collector is not None and before.collector not in retailers
            return Access(before.collector if stays else None, before.listed - retailers)
        case AccessCall.REMOVE_ALL:
            return Access(None, frozenset())
        case _:
            assert_never(call)
