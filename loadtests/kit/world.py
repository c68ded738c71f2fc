"""The world that the checks are asked about: who consented to whom, computed and not stored.

Numbers are of the test range, which holds ten million. The first of them have consents, each at a
run of neighbouring brands; the last are kept for writes; what lies between has none anywhere. So a
question about a consent, or about a number without one, is made without asking the ledger, and the
same world comes out each time. All consents are BIREYSEL and MESAJ, one in eight is RET: one record for
each pair of address and brand, which is the dearest case for the cache.
"""

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final

VERSION: Final = 1
RANGE: Final = 10_000_000
KEPT_FOR_WRITES: Final = 100_000
FIRST_BRAND: Final = 700_001
# Any odd number that five does not divide permutes the range; neighbours land far apart.
SPREAD: Final = 6_180_339
MASK: Final = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class World:
    """A world of about `consents` consents; an address has `fewest` to `most` brands, all equally often.

    Brands differ in size: the first ones have several times the consents of the last.
    """

    consents: int
    fewest: int = 1
    most: int = 39
    brands: int = 250

    @property
    def name(self) -> str:
        """Return what the data directory of this world is called."""
        return f"v{VERSION}-{self.consents}-{self.brands}-{self.fewest}to{self.most}"

    @property
    def mean(self) -> float:
        """Return how many brands an address has on average."""
        return (self.fewest + self.most) / 2

    @property
    def addresses(self) -> int:
        """Return how many addresses have a consent at all."""
        return round(self.consents / self.mean)

    @property
    def brand_codes(self) -> range:
        """Return the codes of all brands."""
        return range(FIRST_BRAND, FIRST_BRAND + self.brands)

    def consents_of(self, address: int) -> Iterator[tuple[int, bool]]:
        """Yield index of the brand, and whether the person refused there."""
        mixed = _mix(address)
        count = self.fewest + mixed % (self.most - self.fewest + 1)
        share = (mixed >> 32) / (1 << 32)
        first = int(self.brands * share * share)  # small indices more often than large ones
        for n in range(count):
            yield (first + n) % self.brands, (mixed >> (n % 48)) & 7 == 0

    def members(self) -> list["array[int]"]:
        """Return for each brand its addresses, each as twice its index, plus one if it refused."""
        found = [array("I") for _brand in range(self.brands)]
        for address in range(self.addresses):
            for brand, refused in self.consents_of(address):
                found[brand].append(2 * address + refused)
        return found

    def present(self, random: Random) -> tuple[int, str]:
        """Draw one consent, all equally likely; return brand code and number."""
        while True:
            address = random.randrange(self.addresses)
            brands = [brand for brand, _refused in self.consents_of(address)]
            # An address of many brands must come as much more often.
            if random.randrange(self.most) < len(brands):
                return FIRST_BRAND + random.choice(brands), number_of(address)

    def absent(self, random: Random) -> tuple[int, str]:
        """Draw a brand as `present` does, and a number that has no consent anywhere."""
        return self.present(random)[0], self.unknown_number(random)

    def unknown_number(self, random: Random) -> str:
        """Draw a number without any consent."""
        return number_of(random.randrange(self.addresses, RANGE - KEPT_FOR_WRITES))


def number_for_writes(random: Random) -> str:
    """Draw a number that no question is about, for scenarios that write."""
    return number_of(random.randrange(RANGE - KEPT_FOR_WRITES, RANGE))


def number_of(address: int) -> str:
    """Return the number of an address, by its index."""
    return f"+90599{address * SPREAD % RANGE:07d}"


def _mix(address: int) -> int:
    """Scramble an index into 64 bits (the finish of splitmix64)."""
    mixed = (address + 1) * 0x9E3779B97F4A7C15 & MASK
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB & MASK
    return mixed ^ (mixed >> 31)
