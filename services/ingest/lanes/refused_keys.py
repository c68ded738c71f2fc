"""Which keys of a file have a refusal among their rows: all their rows go in the lane of refusals.

`KeyHashes` knows it for certain, once a row was read. `AddressMarks` is asked before: by the text of a cell
it says which rows need not be read at all, and is wrong only in reading too many.
"""

from array import array
from bisect import bisect_left
from dataclasses import dataclass
from heapq import merge
from typing import Final
from zlib import crc32

HASHES_A_RUN: Final = 1_000_000
TAIL_DIGITS: Final = 7
"""So many digits at the end of a telephone number are the same in all its spellings."""
MARK_BITS: Final = 23


class KeyHashes:
    """A set of 64-bit hashes of keys, in 8 bytes each."""

    def __init__(self, found: "array[int]") -> None:
        """Make a set of the hashes in an `array("Q")`, where some may stand several times."""
        runs = (
            sorted(set(found[at : at + HASHES_A_RUN])) for at in range(0, len(found), HASHES_A_RUN)
        )
        self._sorted = array("Q")
        # Python's own numbers take five times as much memory, so never all of them are there at once.
        for one in merge(*(array("Q", run) for run in runs)):
            if not self._sorted or self._sorted[-1] != one:
                self._sorted.append(one)

    @classmethod
    def of_bytes(cls, raw: bytes) -> "KeyHashes":
        """Return the set that `to_bytes` wrote."""
        hashes = array("Q")
        hashes.frombytes(raw)
        return cls(hashes)

    def to_bytes(self) -> bytes:
        """Return it as bytes of this kind of machine."""
        return self._sorted.tobytes()

    def __contains__(self, one: int) -> bool:
        at = bisect_left(self._sorted, one)
        return at < len(self._sorted) and self._sorted[at] == one

    def __len__(self) -> int:
        return len(self._sorted)


class AddressMarks:
    """Marks of addresses, in 1 MiB whatever their number."""

    def __init__(self, bits: bytearray | None = None) -> None:
        self._bits = bytearray(1 << MARK_BITS - 3) if bits is None else bits

    @classmethod
    def of_bytes(cls, raw: bytes) -> "AddressMarks":
        """Return the marks that `to_bytes` wrote; of nothing, none."""
        return cls(bytearray(raw) if raw else None)

    def to_bytes(self) -> bytes:
        """Return them as bytes."""
        return bytes(self._bits)

    def add(self, address: str) -> None:
        """Mark an address, in the registry's spelling."""
        mark = mark_of(address)
        if mark is None:
            raise ValueError("an address in the registry's spelling has a mark")
        self._bits[mark >> 3] |= 1 << (mark & 7)

    def may_hold(self, written: str | None) -> bool:
        """Say whether this may be a spelling of an address that was marked."""
        if not written:
            return False
        mark = mark_of(written)
        return mark is None or bool(self._bits[mark >> 3] >> (mark & 7) & 1)


@dataclass(frozen=True, slots=True)
class RefusedKeys:
    """The keys that have a refusal among their rows, and the marks of their addresses."""

    hashes: KeyHashes
    marks: AddressMarks


def mark_of(written: str) -> int | None:
    """Return what all spellings of an address share that have a mark; None: it may be anybody's.

    Of digits alone it is the last seven. An e-mail address differs in the size of its letters, and in blanks.
    """
    if written.isascii() and (written.isdigit() or (written[0] == "+" and written[1:].isdigit())):
        return crc32(written[-TAIL_DIGITS:].encode()) >> 32 - MARK_BITS
    if "@" in written:
        return crc32(written.strip().lower().encode()) >> 32 - MARK_BITS
    return None
