"""An address at rest: digests identify, seals open, and neither helps who has no key."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st

from shared.sealing.addresses import DIGEST_BYTES, Digester, SealBrokenError, Sealer, block_of
from shared.sealing.keyring import KeyRing, derive, new_key_ring

RING = new_key_ring()
DIGESTER, SEALER = Digester(RING), Sealer(RING)
PHONES = st.from_regex(r"\+[1-9][0-9]{1,13}", fullmatch=True)
EMAILS = st.from_regex(r"[a-z0-9._+-]{1,200}@[a-z0-9-]{1,20}\.[a-z]{2,9}", fullmatch=True)
ADDRESSES = PHONES | EMAILS
PHONE, EMAIL = "+905990000001", "kisi@example.com"
KNOWN_PHONE = "418e2fd365bed731aa87bcc5073b673a"
KNOWN_EMAIL = "2b7b2e5aaa3b22e742dec65584230a99"
KNOWN_SEAL = "fad96ff91c702ec92b355c68e03dafe90607c146f90fbe057c134aa0c7"


@given(ADDRESSES)
def test_a_digest_is_sixteen_bytes_and_always_the_same(address: str) -> None:
    digest = DIGESTER.digest(address)
    assert len(digest) == DIGEST_BYTES
    assert digest == DIGESTER.digest(address) == Digester(RING).digest(address)


def test_known_answers_do_not_change() -> None:
    """Digests are identities in a ledger that outlives any version of this code."""
    fixed = KeyRing(1, {1: bytes(range(32))}, 1, {1: bytes(32)}, RING.token_public, None)
    digester, sealer = Digester(fixed), Sealer(fixed)
    assert digester.digest(PHONE).hex() == KNOWN_PHONE
    assert digester.digest(EMAIL).hex() == KNOWN_EMAIL
    assert sealer.seal(PHONE, brand_code=600001).hex() == KNOWN_SEAL


@given(st.lists(ADDRESSES, unique=True, max_size=50))
def test_different_addresses_have_different_digests(addresses: list[str]) -> None:
    assert len(set(DIGESTER.digests(addresses))) == len(addresses)


@given(PHONES)
def test_the_digest_of_a_number_is_a_permutation(number: str) -> None:
    """So two numbers can never share one: with the key, each digest has exactly one number."""
    key = derive(RING.digest_keys[1], b"izin digest of a telephone number", 32)
    decryptor = Cipher(algorithms.AES(key), modes.ECB()).decryptor()  # noqa: S305  # of one block
    assert decryptor.update(DIGESTER.digest(number)).rstrip(b"\0").decode() == number


@given(st.lists(ADDRESSES, max_size=50) | st.lists(PHONES, max_size=50))
def test_digests_in_bulk_are_those_one_by_one(addresses: list[str]) -> None:
    assert DIGESTER.digests(addresses) == [DIGESTER.digest(address) for address in addresses]
    assert DIGESTER.digests(iter(addresses)) == DIGESTER.digests(addresses)


@given(st.lists(PHONES, max_size=20))
def test_digests_of_blocks_are_those_of_their_numbers(numbers: list[str]) -> None:
    blocks = b"".join(map(block_of, numbers))
    assert DIGESTER.digests_of_blocks(blocks) == DIGESTER.digests(numbers)


def test_another_key_makes_other_digests() -> None:
    ring = RING.with_new_digest_key()
    for address in (PHONE, EMAIL):
        old, new = Digester(ring, key_id=1), Digester(ring)
        assert (old.key_id, new.key_id) == (1, 2)
        assert old.digest(address) == DIGESTER.digest(address)
        assert old.digest(address) != new.digest(address)


@pytest.mark.parametrize(
    "number", ["+905990000001234", "+9059900000012345", "+" + "9" * 31, "+٩٠٥٩٩٠٠٠٠٠٠"]
)
def test_a_number_that_does_not_fit_is_refused_and_spoils_nothing_after_it(number: str) -> None:
    """A longer text would shift every later block of the shared cipher."""
    digester = Digester(RING)
    expected = digester.digest(PHONE)
    with pytest.raises(ValueError, match="at most 15"):
        digester.digest(number)
    with pytest.raises(ValueError, match="at most 15"):
        digester.digests([PHONE, number, PHONE])
    with pytest.raises(ValueError, match="at most 15"):
        digester.digests([number, number])
    assert digester.digest(PHONE) == expected
    assert digester.digests([PHONE, PHONE]) == [expected, expected]


@given(ADDRESSES, st.integers(1, 2**31 - 1))
def test_a_seal_opens_to_its_address(address: str, brand_code: int) -> None:
    sealed = SEALER.seal(address, brand_code=brand_code)
    assert len(sealed) == len(address) + 16
    assert address.encode() not in sealed
    assert SEALER.open(sealed, brand_code=brand_code, key_id=SEALER.key_id) == address


def test_a_seal_does_not_open_for_another_brand() -> None:
    sealed = SEALER.seal(PHONE, brand_code=600001)
    assert sealed != SEALER.seal(PHONE, brand_code=600002)
    with pytest.raises(SealBrokenError):
        SEALER.open(sealed, brand_code=600002, key_id=1)


@pytest.mark.parametrize("key_id", [0, 2, 99])
def test_a_seal_does_not_open_with_a_key_that_is_not_there(key_id: int) -> None:
    sealed = SEALER.seal(PHONE, brand_code=600001)
    with pytest.raises(SealBrokenError):
        SEALER.open(sealed, brand_code=600001, key_id=key_id)


def test_a_seal_of_another_ring_does_not_open() -> None:
    sealed = Sealer(new_key_ring()).seal(PHONE, brand_code=600001)
    with pytest.raises(SealBrokenError):
        SEALER.open(sealed, brand_code=600001, key_id=1)


def test_a_damaged_seal_does_not_open() -> None:
    sealed = SEALER.seal(PHONE, brand_code=600001)
    for at in range(len(sealed)):
        damaged = sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :]
        with pytest.raises(SealBrokenError):
            SEALER.open(damaged, brand_code=600001, key_id=1)
    for cut in (b"", sealed[:1], sealed[:16], sealed[:-1]):
        with pytest.raises(SealBrokenError):
            SEALER.open(cut, brand_code=600001, key_id=1)


def test_a_broken_seal_says_nothing_of_the_address() -> None:
    with pytest.raises(SealBrokenError) as broken:
        SEALER.open(random.Random(1).randbytes(40), brand_code=7, key_id=1)  # noqa: S311  # noise
    assert str(broken.value) == "sealed with key 1, brand 7"


def test_old_seals_open_after_a_new_sealing_key() -> None:
    sealed = SEALER.seal(PHONE, brand_code=600001)
    newer = Sealer(RING.with_new_sealing_key())
    assert newer.key_id == 2
    assert newer.seal(PHONE, brand_code=600001) != sealed
    assert newer.open(sealed, brand_code=600001, key_id=1) == PHONE


def test_threads_share_a_digester() -> None:
    """The race: both lanes of a file prepare their rows at the same time, each in a thread of its own."""
    numbers = [f"+90599{n:07d}" for n in range(20_000)]
    expected = DIGESTER.digests(numbers)
    with ThreadPoolExecutor(4) as threads:
        for found in threads.map(DIGESTER.digests, [numbers] * 100):
            assert found == expected
