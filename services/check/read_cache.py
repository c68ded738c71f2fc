"""One question's way through the rounds: in parts, and yet all of one position.

A long list is asked for in parts, so that nobody waits long behind one. All parts must come back fresh and
of one and the same head, which was read after the question arrived. Otherwise this is a miss, and the ledger
answers for the whole list.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.check.rounds import ADDRESSES_A_PAGE, Fresh, FreshByBrand, Rounds

# A question about more is a large one: it waits for other large ones, and nobody else for it.
SMALL_ADDRESSES_MAX = 100


@dataclass(frozen=True, slots=True)
class _Part:
    """Some addresses of a question. An asker of `Rounds`."""

    brand_code: int
    digests: Sequence[bytes]
    expires_at: float
    answer: asyncio.Future[Fresh | None]

    @property
    def addresses(self) -> int:
        return len(self.digests)

    def questions(self) -> Mapping[int, Sequence[bytes]]:
        return {self.brand_code: self.digests}

    def answered(self, answers: FreshByBrand) -> None:
        if not self.answer.done():  # whoever asked may have gone
            self.answer.set_result(answers.get(self.brand_code))


@dataclass(frozen=True, slots=True)
class CachedStates:
    """Reads what the cache has, as far as it is proven to be the ledger's state."""

    small: Rounds
    large: Rounds

    async def read(
        self, brand_code: int, digests: Sequence[bytes], *, expires_at: float
    ) -> Fresh | None:
        """Return the values of some addresses of a brand, all of one position; None: ask the ledger.

        `expires_at` in the loop's time: an answer that comes later is of no use. Never raises.
        """
        loop = asyncio.get_running_loop()
        rounds = self.small if len(digests) <= SMALL_ADDRESSES_MAX else self.large
        parts: list[_Part] = []
        for at in range(0, max(len(digests), 1), ADDRESSES_A_PAGE):
            some = digests[at : at + ADDRESSES_A_PAGE]
            part = _Part(brand_code, some, expires_at, loop.create_future())
            if not rounds.join(part):
                return None
            parts.append(part)
        found = [await part.answer for part in parts]
        fresh = [one for one in found if one is not None]
        return _together(fresh) if len(fresh) == len(found) else None


def _together(parts: Sequence[Fresh]) -> Fresh | None:
    """Put parts together if they are of one head; rights as of the newest versions that any has brought."""
    first = parts[0]
    if len(parts) == 1:
        return first
    if any(part.head[:2] != first.head[:2] for part in parts):
        return None
    authority_version = max(part.head.authority_version for part in parts)
    return Fresh(
        first.head._replace(authority_version=authority_version),
        max(part.directory_version for part in parts),
        [value for part in parts for value in part.values],
    )
