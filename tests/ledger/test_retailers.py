"""Retailers in the ledger: what lies sealed, what a removal means for writers under way, and a re-key."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest

from shared.ledger import accounts
from shared.ledger.failures import (
    AlreadyExistsError,
    DigestKeyRetiredError,
    StaleStateError,
    UnknownReferenceError,
)
from shared.ledger.rekey import rekey
from shared.ledger.retailers import (
    Removal,
    SealedRetailer,
    add_retailer,
    find_twins,
    read_named,
    remove_retailer,
)
from shared.ledger.store import ReaderPool, WriterPool, connect, open_writer, role_dsn
from shared.sealing.addresses import SealBrokenError
from shared.sealing.keyring import KeyRing
from shared.sealing.retailer_details import DetailSealer, IdDigester
from tests.support.builders import Scribe, World, consent, phone
from tests.support.national_ids import mersis, tckn

AUTHORITY = "SELECT authority_version FROM brand_head WHERE brand_code = $1"


def sealed(ring: KeyRing, brand_code: int, n: int = 1, **changes: object) -> SealedRetailer:
    """Return a retailer to be."""
    digester, sealer = IdDigester(ring), DetailSealer(ring)
    details = {"name": "Deniz Örnek", "tckn": tckn(n), "tin": tckn(n), "mersis": mersis(n)}
    retailer = SealedRetailer(
        brand_code=brand_code,
        title="Bayi",
        alias=None,
        status="active",
        city=("34", "İstanbul"),
        town=("429", "Kadıköy"),
        digest_key_id=digester.key_id,
        sealing_key_id=sealer.key_id,
        sealed=sealer.seal(details, brand_code=brand_code),
        tckn_digest=digester.digest(tckn(n), kind="tckn"),
        mersis_digest=digester.digest(mersis(n), kind="mersis"),
    )
    return replace(retailer, **changes)  # type: ignore[arg-type]  # fields of it


async def added(writer: WriterPool, retailer: SealedRetailer) -> int:
    code = await add_retailer(writer, retailer, count_max=3000)
    assert code is not None
    return code


async def test_a_retailer_is_added_to_a_brand_that_is_there(
    writer: WriterPool, world: World, key_ring: KeyRing
) -> None:
    with pytest.raises(UnknownReferenceError):
        await added(writer, sealed(key_ring, 999))
    with pytest.raises(DigestKeyRetiredError):
        await added(writer, sealed(key_ring, world.brand_code, digest_key_id=2))


async def test_every_change_of_a_retailer_moves_the_brands_authority(
    owner: asyncpg.Connection, writer: WriterPool, world: World, key_ring: KeyRing
) -> None:
    versions = [await owner.fetchval(AUTHORITY, world.brand_code)]
    code = await added(writer, sealed(key_ring, world.brand_code))
    versions.append(await owner.fetchval(AUTHORITY, world.brand_code))
    await remove_retailer(writer, world.brand_code, code)
    versions.append(await owner.fetchval(AUTHORITY, world.brand_code))
    assert versions == sorted(set(versions))


async def test_a_number_is_a_providers_once(
    reader: ReaderPool, writer: WriterPool, world: World, key_ring: KeyRing
) -> None:
    first = sealed(key_ring, world.brand_code)
    await added(writer, first)
    for brand_code in (world.brand_code, world.second_brand_code):
        with pytest.raises(AlreadyExistsError):
            await added(writer, sealed(key_ring, brand_code))
    other = sealed(key_ring, world.second_brand_code, 2)
    assert (
        await find_twins(
            reader, other.brand_code, tckn_digest=other.tckn_digest, mersis_digest=None
        )
        == []
    )
    (twin,) = await find_twins(
        reader, other.brand_code, tckn_digest=first.tckn_digest, mersis_digest=other.mersis_digest
    )
    assert (twin.passive, twin.same_tckn, twin.same_mersis) == (False, True, False)


async def test_a_retailer_that_a_consent_names_stays_as_it_is(
    owner: asyncpg.Connection, writer: WriterPool, scribe: Scribe, world: World, key_ring: KeyRing
) -> None:
    code = await added(writer, sealed(key_ring, world.brand_code))
    await scribe.write(world.brand_code, consent(retailer_code=code))
    before = await owner.fetchrow("SELECT * FROM retailer WHERE retailer_code = $1", code)
    assert await remove_retailer(writer, world.brand_code, code) is Removal.LINKED
    assert await owner.fetchrow("SELECT * FROM retailer WHERE retailer_code = $1", code) == before


async def test_a_write_that_was_judged_before_a_removal_is_judged_again(
    writer: WriterPool, scribe: Scribe, world: World, key_ring: KeyRing
) -> None:
    code = await added(writer, sealed(key_ring, world.brand_code))
    judged = scribe.movement(world.brand_code, consent(retailer_access=[code]))
    assert await remove_retailer(writer, world.brand_code, code) is Removal.DONE
    with pytest.raises(StaleStateError):
        await scribe.appender.append(world.brand_code, [judged], wait=True)
    assert (await scribe.read(world.brand_code, consent())).state is None


async def test_removals_and_writes_at_the_same_time_never_both_win(
    ledger: str, scribe: Scribe, world: World, key_ring: KeyRing
) -> None:
    async with open_writer(role_dsn(ledger, "izin_registry"), size=4) as pool:
        for n in range(1, 13):
            code = await added(pool, sealed(key_ring, world.brand_code, n))
            naming = scribe.movement(world.brand_code, consent(phone(n), retailer_code=code))
            removal, written = await asyncio.gather(
                remove_retailer(pool, world.brand_code, code),
                scribe.appender.append(world.brand_code, [naming], wait=True),
                return_exceptions=True,
            )
            if removal is Removal.DONE:
                assert isinstance(written, StaleStateError)
            else:
                assert removal is Removal.LINKED
                assert not isinstance(written, BaseException)


async def test_the_code_of_a_removed_retailer_is_never_given_again(
    owner: asyncpg.Connection, writer: WriterPool, world: World, key_ring: KeyRing
) -> None:
    code = await added(writer, sealed(key_ring, world.brand_code))
    await remove_retailer(writer, world.brand_code, code)
    with pytest.raises(AlreadyExistsError):
        await accounts.add_retailer(
            writer, brand_code=world.brand_code, title="Bayi", retailer_code=code
        )
    assert await read_named(writer, world.brand_code, [code]) == {}  # type: ignore[arg-type]  # reads too


async def test_sealed_details_open_for_their_brand_and_key_alone(key_ring: KeyRing) -> None:
    retailer, sealer = sealed(key_ring, 7), DetailSealer(key_ring)
    opened = sealer.open(retailer.sealed, brand_code=7, key_id=retailer.sealing_key_id)
    assert opened["tckn"] == tckn(1)
    for brand_code, key_id in ((8, retailer.sealing_key_id), (7, 99)):
        with pytest.raises(SealBrokenError):
            sealer.open(retailer.sealed, brand_code=brand_code, key_id=key_id)


def test_the_same_digits_have_another_digest_as_another_number(key_ring: KeyRing) -> None:
    digester = IdDigester(key_ring)
    number = tckn(1)
    assert digester.digest(number, kind="tckn") == digester.digest(number, kind="tckn")
    assert digester.digest(number, kind="tckn") != digester.digest(number, kind="mersis")
    other = IdDigester(key_ring.with_new_digest_key())
    assert digester.digest(number, kind="tckn") != other.digest(number, kind="tckn")


async def test_a_re_key_finds_the_numbers_by_the_new_key(
    ledger: str, writer: WriterPool, world: World, key_ring: KeyRing
) -> None:
    code = await added(writer, sealed(key_ring, world.brand_code))
    bare = sealed(key_ring, world.brand_code, 2, mersis_digest=None)
    details = {"name": "Deniz Örnek", "tckn": tckn(2), "tin": tckn(2)}
    seal = DetailSealer(key_ring).seal(details, brand_code=world.brand_code)
    await added(writer, replace(bare, sealed=seal))
    ring = key_ring.with_new_digest_key()
    assert await rekey(ledger, ring, new_key_id=2, progress=lambda *_: None) == 0
    digester = IdDigester(ring)
    connection = await connect(ledger)
    try:
        rows = await connection.fetch(
            "SELECT retailer_code, tckn_digest, mersis_digest FROM retailer WHERE sealed IS NOT NULL"
        )
    finally:
        await connection.close()
    found = {row["tckn_digest"]: (row["retailer_code"], row["mersis_digest"]) for row in rows}
    assert found[digester.digest(tckn(1), kind="tckn")] == (
        code,
        digester.digest(mersis(1), kind="mersis"),
    )
    assert found[digester.digest(tckn(2), kind="tckn")][1] is None
