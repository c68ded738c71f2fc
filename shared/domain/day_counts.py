"""What moved on one day of a brand, counted as the wire's daily summary shows it (iys-api 7, 4.10).

`approval` counts approvals that were a key's first or followed a refusal, `rejection` refusals that followed
an approval, `total` every movement: an approval over an approval is in `total` alone.
"""

from collections.abc import Iterable, Sequence
from enum import Enum
from itertools import product
from typing import Final

from shared.domain.consent import Channel, RecipientType, Status


class Side(Enum):
    """Who made a movement: the provider (or somebody for it), or a citizen by way of the registry."""

    PROVIDER = "HS"
    REGISTRY = "IYS"


_REGISTRY_PREFIX: Final = "IYS_"
_MEASURES: Final = ("approval", "rejection", "total")
# One counter each, in this order, which is also the one in which they are stored.
_CELLS: Final = {
    cell: n * len(_MEASURES)
    for n, cell in enumerate(
        product([r.value for r in RecipientType], [c.value for c in Channel], Side)
    )
}
COUNTERS: Final = len(_CELLS) * len(_MEASURES)


class DayCounts:
    """Counters of one brand and day. Words come as the wire and the ledger have them."""

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self._numbers = list(numbers) or [0] * COUNTERS

    @property
    def numbers(self) -> Sequence[int]:
        """All counters in their fixed order, to be stored."""
        return self._numbers

    @property
    def total(self) -> int:
        """How many movements there were."""
        return sum(self._numbers[at + 2] for at in _CELLS.values())

    def add(
        self, key: tuple[str, str], source: str | None, *, status: str, before: str | None
    ) -> None:
        """Count one movement; `key` is recipient type and channel, `before` the key's status before it.

        A first TACIR record may come without a source: only providers record such.
        """
        at = _CELLS[(*key, side_of(source))]
        self._numbers[at + 2] += 1
        if status == Status.GRANTED.value:
            self._numbers[at] += before != Status.GRANTED.value
        else:
            self._numbers[at + 1] += before == Status.GRANTED.value

    def stats(self, recipient_type: RecipientType) -> list[dict[str, object]]:
        """Return the wire's `changeStats`.

        Every channel is there, and the provider's side of it; the registry's where it has moved
        something, as the published example has it. Nothing of a day that is over waits any more.
        """
        return [
            {
                "type": channel.value,
                "consents": [
                    self._shown((recipient_type.value, channel.value, side))
                    for side in Side
                    if side is Side.PROVIDER or self._of(recipient_type, channel, side)[2]
                ],
            }
            for channel in Channel
        ]

    def _of(self, recipient_type: RecipientType, channel: Channel, side: Side) -> Sequence[int]:
        at = _CELLS[(recipient_type.value, channel.value, side)]
        return self._numbers[at : at + len(_MEASURES)]

    def _shown(self, cell: tuple[str, str, Side]) -> dict[str, object]:
        at = _CELLS[cell]
        approval, rejection, total = self._numbers[at : at + len(_MEASURES)]
        return {
            "source": cell[2].value,
            "approval": approval,
            "rejection": rejection,
            "pending": 0,
            "total": total,
        }


def side_of(source: str | None) -> Side:
    """Return who made a movement of this source."""
    of_registry = source is not None and source.startswith(_REGISTRY_PREFIX)
    return Side.REGISTRY if of_registry else Side.PROVIDER
