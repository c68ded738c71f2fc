"""Which node of a cluster has which keys."""

from binascii import crc_hqx
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from shared.cache.address import ServerAddress
from shared.cache.resp import array

SLOTS: Final = 16_384


@dataclass(frozen=True, slots=True)
class SlotRange:
    """A run of slots and the node that has them, as its primary."""

    first: int
    last: int
    node: ServerAddress


class SlotMap:
    """Every slot's node, as one node of the cluster has told it."""

    def __init__(self, ranges: Sequence[SlotRange]) -> None:
        self._ranges = sorted(ranges, key=lambda one: one.first)
        self._firsts = [one.first for one in self._ranges]

    @property
    def nodes(self) -> frozenset[ServerAddress]:
        """All nodes that have a slot."""
        return frozenset(one.node for one in self._ranges)

    @property
    def is_whole(self) -> bool:
        """Whether every slot has a node."""
        return sum(one.last - one.first + 1 for one in self._ranges) == SLOTS

    def node_of(self, brand_code: int) -> ServerAddress | None:
        """Return the node that has a brand; None if nobody has its slot."""
        slot = slot_of(brand_code)
        at = bisect_right(self._firsts, slot) - 1
        if at < 0 or slot > self._ranges[at].last:
            return None
        return self._ranges[at].node


def slot_of(brand_code: int) -> int:
    """Return the slot of all keys of a brand: what stands in `{}` alone decides."""
    return crc_hqx(b"%d" % brand_code, 0) % SLOTS


def read_slots(reply: object, asked: ServerAddress) -> SlotMap:
    """Read the answer to CLUSTER SLOTS that the node `asked` has given; what makes no sense is left out."""
    rows = array(reply) or []
    return SlotMap([one for row in rows if (one := _read_range(row, asked)) is not None])


def _read_range(row: object, asked: ServerAddress) -> SlotRange | None:
    first, last, primary = _first(row, 3)
    host, port = _first(primary, 2)
    if not (isinstance(first, int) and isinstance(last, int) and isinstance(port, int)):
        return None
    if host is None:  # the node does not know its own name, and is where we have asked it
        return SlotRange(first, last, asked.node("", port))
    if (
        not isinstance(host, bytes) or host == b"?"
    ):  # it is to be told by a name that it has not got
        return None
    return SlotRange(first, last, asked.node(host.decode("utf-8", "replace"), port))


def _first(reply: object, count: int) -> list[object]:
    """Return the first words of an array, or of something else, which has none."""
    return [*(array(reply) or []), *([None] * count)][:count]
