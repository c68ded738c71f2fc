"""What the cache holds, byte by byte. Pure: no connection, no clock.

Everything of a brand has `{brand}` in its key, and so lies in one slot of a cluster:

    {600001}w             the watermark W: this server reflects the brand up to and including that movement
    {600001}n             the watermark of the next generation, while that is being built beside it;
                          otherwise the name of the one that was built last
    {600001}g             the generations that nobody reads any more, to be removed
    {600001}<gen>:<n>     bucket n of a generation: a small hash, address to statuses

A bucket is small enough for the server's compact form (a listpack), so a record costs its bytes and two or
three more. The first bits of an address's digest choose the bucket, the next eight bytes are the field. Two
addresses of one bucket share those 64 bits once in 10^17: nobody can look for such a pair without the key.

The value is one small number for all that is on file for the address at the brand: a digit of base three
for each channel and recipient type (0 no record, 1 ONAY, 2 RET), the common ones first. A refusal that the
rules turned away, but which still denies, is RET here. Retailers are not here: a question that names one
is the ledger's.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from struct import Struct
from typing import Final, NamedTuple

from shared.domain.consent import Channel, RecipientType, Status

VERSION: Final = b"1"
FIELD_AT: Final = 4
FIELD_BYTES: Final = 8
# A digest's two parts, of which `bucket_number` and `field_of` each give one, for who needs both of many.
DIGEST_PARTS: Final = Struct(">I8s4x")
BUCKET_BITS_MAX: Final = 31
# A new generation is laid out for so many addresses a bucket at most, and another one is built when a
# brand has outgrown it by so much. Both stay below the server's own limit of the compact form (512).
MEAN_MAX: Final = 128
OUTGROWN_MEAN: Final = 256

_PLACES: Final = {
    (Channel.SMS, RecipientType.INDIVIDUAL): 1,
    (Channel.CALL, RecipientType.INDIVIDUAL): 3,
    (Channel.EMAIL, RecipientType.INDIVIDUAL): 9,
    (Channel.SMS, RecipientType.MERCHANT): 27,
    (Channel.CALL, RecipientType.MERCHANT): 81,
    (Channel.EMAIL, RecipientType.MERCHANT): 243,
}
VALUES: Final = 729
_DIGITS: Final = {Status.GRANTED: 1, Status.WITHDRAWN: 2}
_STATUSES: Final = (None, Status.GRANTED, Status.WITHDRAWN)


class ForeignWatermarkError(Exception):
    """What stands in a watermark's place is none of this version; it counts as missing."""


class MovementId(NamedTuple):
    """Which movement stands at a position; all zero where a brand has none."""

    extent_id: int = 0
    nonce: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Watermark:
    """How far a generation reflects a brand.

    `settled` is true when the step that wrote it had reached the ledger's head: then every entry is
    exactly the state at `position`, where `movement` stands. Otherwise entries may be newer, `movement` is
    the newest head that any of them was read at, and no question is answered from them.
    `filled_to` is the last digest that the first filling has reached; None when that is done.
    """

    position: int
    movement: MovementId
    generation: int
    bucket_bits: int
    digest_key_id: int
    settled: bool
    filled_to: bytes | None = None

    def encode(self) -> bytes:
        """Return the bytes that stand in the cache; equal watermarks have equal bytes."""
        words = (
            VERSION,
            b"S" if self.settled else b"U",
            b"%d" % self.position,
            b"%d.%d.%d" % self.movement,
            b"%012x.%d" % (self.generation, self.bucket_bits),
            b"%d" % self.digest_key_id,
            b"-" if self.filled_to is None else b"x" + self.filled_to.hex().encode(),
        )
        return b" ".join(words)

    def moved_to(self, position: int, movement: MovementId, *, settled: bool) -> "Watermark":
        """Return the watermark of the same generation at another movement."""
        return replace(self, position=position, movement=movement, settled=settled)

    def is_at(self, position: int, movement: tuple[int, int, int], digest_key_id: int) -> bool:
        """Say whether this generation reflects just what the ledger has, in entries of this digest key.

        This is the whole proof of freshness (docs/coherence.md). The number of a position is not enough: a
        restored ledger hands it out again, for another movement.
        """
        return (
            self.settled
            and self.position == position
            and self.movement == movement
            and self.digest_key_id == digest_key_id
        )


def read_watermark(raw: bytes) -> Watermark:
    """Return what `Watermark.encode` wrote; raises ForeignWatermarkError for anything else."""
    try:
        version, settled, position, movement, generation, key_id, filled_to = raw.split(b" ")
        extent_id, nonce, offset = movement.split(b".")
        name, bits = generation.split(b".")
        watermark = Watermark(
            position=int(position),
            movement=MovementId(int(extent_id), int(nonce), int(offset)),
            generation=int(name, 16),
            bucket_bits=int(bits),
            digest_key_id=int(key_id),
            settled=settled == b"S",
            filled_to=None if filled_to == b"-" else bytes.fromhex(filled_to[1:].decode()),
        )
    except ValueError:
        raise ForeignWatermarkError from None
    is_ours = version == VERSION and watermark.encode() == raw
    if not is_ours or not 0 <= watermark.bucket_bits <= BUCKET_BITS_MAX:
        raise ForeignWatermarkError
    return watermark


def watermark_key(brand_code: int) -> bytes:
    """Return the key of W."""
    return b"{%d}w" % brand_code


def next_key(brand_code: int) -> bytes:
    """Return the key of the next generation's watermark."""
    return b"{%d}n" % brand_code


def garbage_key(brand_code: int) -> bytes:
    """Return the key of the set of generations to be removed, each as `generation_name`."""
    return b"{%d}g" % brand_code


def generation_name(watermark: Watermark) -> bytes:
    """Return a generation and its number of bits, by which all its buckets can be named."""
    return b"%012x.%d" % (watermark.generation, watermark.bucket_bits)


def built_mark(watermark: Watermark) -> bytes:
    """Return what stays in `n` when its generation was promoted: a name, so that `n` never repeats."""
    return b"-" + generation_name(watermark)


def is_building(raw: bytes | None) -> bool:
    """Say whether what stands in `n` is a build, and not nothing, or what the last one left."""
    return raw is not None and not raw.startswith(b"-")


def bucket_prefix(brand_code: int, generation: int) -> bytes:
    """Return what the keys of a generation's buckets begin with."""
    return b"{%d}%012x:" % (brand_code, generation)


def bucket_number(digest: bytes, bucket_bits: int) -> int:
    """Return the bucket of an address: the first bits of its digest."""
    return int.from_bytes(digest[:FIELD_AT], "big") >> (32 - bucket_bits)


def field_of(digest: bytes) -> bytes:
    """Return the field of an address within its bucket."""
    return digest[FIELD_AT : FIELD_AT + FIELD_BYTES]


def bits_for(addresses: int) -> int:
    """Return how many bits choose the bucket, for a brand of so many addresses."""
    return min(max(0, (max(addresses, 1) - 1) // MEAN_MAX).bit_length(), BUCKET_BITS_MAX)


def is_outgrown(addresses: int, bucket_bits: int) -> bool:
    """Say whether a brand has become too large for the buckets that it has."""
    return bucket_bits < BUCKET_BITS_MAX and addresses > OUTGROWN_MEAN << bucket_bits


def value_of(statuses: Iterable[tuple[Channel, RecipientType, Status]]) -> int:
    """Return all that is on file for one address as one number."""
    return sum(
        _PLACES[channel, recipient_type] * _DIGITS[status]
        for channel, recipient_type, status in statuses
    )


def status_in(value: int, channel: Channel, recipient_type: RecipientType) -> Status | None:
    """Return one status out of `value_of`'s number; None: no record."""
    return _STATUSES[value // _PLACES[channel, recipient_type] % 3]
