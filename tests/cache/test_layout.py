from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.cache.layout import (
    BUCKET_BITS_MAX,
    MEAN_MAX,
    VALUES,
    ForeignWatermarkError,
    MovementId,
    Watermark,
    bits_for,
    bucket_number,
    bucket_prefix,
    field_of,
    garbage_key,
    generation_name,
    is_outgrown,
    next_key,
    read_watermark,
    status_in,
    value_of,
    watermark_key,
)
from shared.cache.slots import slot_of
from shared.domain.consent import Channel, RecipientType, Status

NUMBERS = st.integers(0, 2**63 - 1)
WATERMARKS = st.builds(
    Watermark,
    position=NUMBERS,
    movement=st.builds(MovementId, NUMBERS, NUMBERS, NUMBERS),
    generation=st.integers(0, 2**48 - 1),
    bucket_bits=st.integers(0, BUCKET_BITS_MAX),
    digest_key_id=NUMBERS,
    settled=st.booleans(),
    filled_to=st.none() | st.binary(min_size=16, max_size=16),
)
PLACES = st.tuples(st.sampled_from(Channel), st.sampled_from(RecipientType))
DIGESTS = st.binary(min_size=16, max_size=16)


@given(WATERMARKS)
def test_a_watermark_comes_back_as_it_was_written(watermark: Watermark) -> None:
    assert read_watermark(watermark.encode()) == watermark


@given(WATERMARKS, WATERMARKS)
def test_two_watermarks_have_the_same_bytes_only_if_they_are_equal(
    one: Watermark, other: Watermark
) -> None:
    assert (one.encode() == other.encode()) == (one == other)


@given(st.binary(max_size=100))
def test_anything_else_is_no_watermark(raw: bytes) -> None:
    with pytest.raises(ForeignWatermarkError):
        read_watermark(raw)


@given(WATERMARKS, st.data())
def test_a_damaged_watermark_is_no_watermark_or_another_one(
    watermark: Watermark, data: st.DataObject
) -> None:
    raw = bytearray(watermark.encode())
    raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with suppress(ForeignWatermarkError):
        assert read_watermark(bytes(raw)).encode() == bytes(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"2 S 5 1.2.3 0123456789ab.4 1 -",  # another version
        b"1 S 05 1.2.3 0123456789ab.4 1 -",  # a second spelling of the same
        b"1 S 5 1.2.3 0123456789AB.4 1 -",
        b"1 s 5 1.2.3 0123456789ab.4 1 -",
        b"1 S 5 1.2 0123456789ab.4 1 -",
        b"1 S 5 1.2.3 0123456789ab.32 1 -",  # more bits than a bucket's number can have
        b"1 S 5 1.2.3 0123456789ab.-1 1 -",
        b"1 S 5 1.2.3 0123456789ab.4 1 -\n",
        b"1 S 5 1.2.3 0123456789ab.4 1",
        "1 S ٥ 1.2.3 0123456789ab.4 1 -".encode(),  # a digit of another script
    ],
)
def test_a_watermark_has_one_spelling_and_makes_sense(raw: bytes) -> None:
    with pytest.raises(ForeignWatermarkError):
        read_watermark(raw)


@given(st.dictionaries(PLACES, st.sampled_from(Status)))
def test_a_value_holds_every_status_of_an_address(
    statuses: dict[tuple[Channel, RecipientType], Status],
) -> None:
    value = value_of((*place, status) for place, status in statuses.items())
    assert 0 <= value < VALUES
    for channel in Channel:
        for recipient_type in RecipientType:
            assert status_in(value, channel, recipient_type) == statuses.get(
                (channel, recipient_type)
            )


def test_what_persons_have_on_file_fits_the_smallest_number_of_the_server() -> None:
    everything = value_of((c, RecipientType.INDIVIDUAL, Status.WITHDRAWN) for c in Channel)
    assert everything < 128


@given(DIGESTS, st.integers(0, BUCKET_BITS_MAX))
def test_bucket_and_field_are_of_the_address_and_within_bounds(digest: bytes, bits: int) -> None:
    assert 0 <= bucket_number(digest, bits) < 1 << bits
    assert len(field_of(digest)) == 8


@given(st.lists(DIGESTS, unique=True), st.integers(0, BUCKET_BITS_MAX))
def test_addresses_in_digest_order_are_in_bucket_order(digests: list[bytes], bits: int) -> None:
    buckets = [bucket_number(digest, bits) for digest in sorted(digests)]
    assert buckets == sorted(buckets)


@given(st.integers(0, MEAN_MAX << BUCKET_BITS_MAX))
def test_a_new_generation_is_roomy_and_not_outgrown(addresses: int) -> None:
    bits = bits_for(addresses)
    assert addresses <= MEAN_MAX << bits
    assert not is_outgrown(addresses, bits)
    assert bits == 0 or addresses > MEAN_MAX << (bits - 1)


def test_a_brand_that_has_doubled_since_is_outgrown() -> None:
    bits = bits_for(100_000)
    assert not is_outgrown(2 * MEAN_MAX << bits, bits)
    assert is_outgrown((2 * MEAN_MAX << bits) + 1, bits)


@given(st.integers(1, 10**9), WATERMARKS)
def test_all_keys_of_a_brand_have_its_tag_and_no_other(
    brand_code: int, watermark: Watermark
) -> None:
    keys = (
        watermark_key(brand_code),
        next_key(brand_code),
        garbage_key(brand_code),
        bucket_prefix(brand_code, watermark.generation),
    )
    for key in keys:
        assert key.startswith(b"{%d}" % brand_code)
        assert key.count(b"{") == 1
    assert len(set(keys)) == len(keys)


def test_a_slot_is_computed_as_the_servers_do_it() -> None:
    assert slot_of(123_456_789) == 0x31C3  # the check value of the cluster specification


@given(WATERMARKS)
def test_the_name_of_a_generation_stands_in_its_watermark(watermark: Watermark) -> None:
    assert watermark.encode().split(b" ")[4] == generation_name(watermark)
