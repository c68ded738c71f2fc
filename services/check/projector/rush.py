"""Brands that are being loaded: what they take in is copied when that is over, and not while it goes on.

To follow a movement costs three times as much as to copy a consent, and whatever is copied under a load is
behind a moment later: nobody is answered from it. So a brand that is better copied than followed is left
alone while it moves fast, and its checks are the ledger's for so long (ADR 0018).
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final

# The head is looked at so often; a load that brings nothing for so long is taken to be over.
LOOK_AGAIN_S: Final = 0.2
CALM_S: Final = 0.6
# So fast only files and batches are.
MOVEMENTS_A_SECOND_MIN: Final = 5_000
# However long a load goes on, the cache gets its turn.
RUSH_S_MAX: Final = 120.0


@dataclass(slots=True)
class _Rush:
    began_at: float
    moved_at: float
    position: int
    is_over: bool = False


class Rushes:
    """Remembers where the heads of such brands were, to tell how fast they move.

    What is remembered counts for no answer: who forgets it follows or builds a brand sooner than it pays.
    """

    def __init__(self, now: Callable[[], float] = monotonic) -> None:
        self._now = now
        self._rushes: dict[int, _Rush] = {}

    def goes_on(self, brand_code: int, position: int) -> bool:
        """Say whether to wait, given where the head is now. Once the answer was no it stays so, until `end`.

        At first sight it is yes, until the head has been calm for a moment.
        """
        now = self._now()
        rush = self._rushes.get(brand_code)
        if rush is None:
            self._rushes[brand_code] = _Rush(now, now, position)
            return True
        if not rush.is_over:
            if position - rush.position >= MOVEMENTS_A_SECOND_MIN * (now - rush.moved_at):
                rush.moved_at, rush.position = now, position
            is_calm = now - rush.moved_at >= CALM_S
            rush.is_over = is_calm or now - rush.began_at >= RUSH_S_MAX
        return not rush.is_over

    def end(self, brand_code: int) -> None:
        """Forget a brand that was brought to its head, or has a new copy: the next time is another rush."""
        self._rushes.pop(brand_code, None)
