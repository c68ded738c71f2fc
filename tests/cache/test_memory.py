"""What a consent costs in the server's memory. A nation has five billion."""

import secrets
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from shared.cache.layout import Watermark, bits_for, bucket_prefix, value_of
from shared.cache.store import PAGE_ENTRIES_MAX, Entry, ProjectionStore, open_store
from shared.domain.consent import Channel, RecipientType, Status
from tests.cache.asking import W
from tests.cache.valkey import OwnServer, own_server

SMS, CALL, EMAIL = (
    (channel, RecipientType.INDIVIDUAL, Status.GRANTED)
    for channel in (Channel.SMS, Channel.CALL, Channel.EMAIL)
)


@dataclass(frozen=True)
class Nation:
    """How consents are spread. An address has the same channels at each of its brands."""

    name: str
    brands: int
    brands_an_address: int
    channels: tuple[tuple[tuple[Channel, RecipientType, Status], ...], ...]
    consents: int = 200_000
    bytes_a_consent_max: float = 20

    def entries(self) -> Iterator[tuple[int, list[Entry]]]:
        """Return each brand's addresses; the brands' sizes go from one half to twice the mean."""
        consents_an_address = sum(map(len, self.channels)) / len(self.channels)
        addresses = round(self.consents / consents_an_address / self.brands_an_address)
        known = [secrets.token_bytes(16) for _ in range(addresses)]
        values = [value_of(some) for some in self.channels]
        weights = [2 ** (2 * n / self.brands - 1) for n in range(self.brands)]
        random = secrets.SystemRandom()
        for n, weight in enumerate(weights):
            share = weight / sum(weights) * self.brands_an_address
            of_brand = random.sample(range(addresses), min(addresses, round(share * addresses)))
            yield 600_000 + n, [(known[i], values[i % len(values)]) for i in sorted(of_brand)]


NATIONS = (
    Nation("one channel, 20 brands an address", 60, 20, ((SMS,), (CALL,), (EMAIL,))),
    Nation("calls and messages, 20 brands an address", 60, 20, ((SMS, CALL),)),
    Nation("one or two channels, 20 brands an address", 60, 20, ((SMS, CALL), (SMS,))),
    Nation("one channel, 2 brands an address", 20, 2, ((SMS,), (CALL,), (EMAIL,))),
    # A brand's own two keys are spread over a few consents only.
    Nation("one channel, brands of 30 addresses", 1_000, 3, ((SMS,),), 30_000, 24),
)


@pytest.fixture
def whole(tmp_path: Path) -> Iterator[OwnServer]:
    with own_server(tmp_path) as server:
        yield server


async def fill(store: ProjectionStore, brand_code: int, entries: list[Entry]) -> Watermark:
    """Build a brand page by page, as the projector does."""
    w = replace(W, bucket_bits=bits_for(len(entries)), generation=secrets.randbits(48))
    assert await store.begin(brand_code, None, w)
    entries.sort()
    for at in range(0, len(entries), PAGE_ENTRIES_MAX):
        page = entries[at : at + PAGE_ENTRIES_MAX]
        assert await store.write_page(brand_code, "n", w.encode(), page, w)
    assert await store.promote(brand_code, w.encode())
    return w


@pytest.mark.parametrize("nation", NATIONS, ids=lambda nation: nation.name)
async def test_a_consent_costs_twenty_bytes_at_most_where_brands_are_not_tiny(
    whole: OwnServer, nation: Nation, capsys: pytest.CaptureFixture[str]
) -> None:
    with whole.admin as admin:
        async with open_store(whole.url) as store:
            w = await fill(store, 599_999, [])
            before = admin.info("memory")["used_memory"]
            consents = 0
            for brand_code, entries in nation.entries():
                consents += sum(statuses_in(value) for _digest, value in entries)
                w = await fill(store, brand_code, entries)
            used = admin.info("memory")["used_memory"] - before
        assert (
            admin.object("encoding", bucket_prefix(brand_code, w.generation) + b"0") == b"listpack"
        )
    with capsys.disabled():
        sys.stdout.write(f"\n{nation.name}: {used / consents:.1f} bytes a consent\n")
    assert used / consents <= nation.bytes_a_consent_max


def statuses_in(value: int) -> int:
    """Return how many statuses a value holds."""
    return 0 if value == 0 else (value % 3 != 0) + statuses_in(value // 3)
