"""One person at all brands: found by the digest alone, over its index."""

import json
from datetime import timedelta

import asyncpg
import pytest

from shared.domain.consent import Channel, RecipientType, Source, Status
from shared.ledger.failures import DigestKeyRetiredError
from shared.ledger.read_across_brands import ACROSS_BRANDS, read_across_brands
from shared.ledger.store import ReaderPool
from shared.sealing.addresses import Digester
from tests.support.builders import NOW, Scribe, World, consent, phone


async def test_everything_on_file_for_a_person_and_nobody_elses(
    scribe: Scribe, world: World, digester: Digester
) -> None:
    first, second = world.brand_code, world.second_brand_code
    for brand_code, new in (
        (second, consent(consent_date=NOW - timedelta(hours=2))),
        (first, consent()),
        (first, consent(status=Status.WITHDRAWN, consent_date=NOW)),
        (first, consent(recipient_type=RecipientType.MERCHANT, source=None, consent_date=None)),
        (first, consent(channel=Channel.CALL, status=Status.WITHDRAWN)),  # a block alone
        (first, consent(phone(2))),
    ):
        assert await scribe.write(brand_code, new)
    digest = digester.digest(phone(1))
    found = await read_across_brands(scribe.reader, digest, digest_key_id=1)
    assert [
        (one.key.brand_code, one.key.channel.value, one.key.recipient_type.value) for one in found
    ] == [
        (first, "ARAMA", "BIREYSEL"),
        (first, "MESAJ", "BIREYSEL"),
        (first, "MESAJ", "TACIR"),
        (second, "MESAJ", "BIREYSEL"),
    ]
    blocked, refused, merchant, granted = found
    assert (blocked.state.status, blocked.recorded) == (None, None)
    assert blocked.state.blocked_at is not None
    assert (refused.state.status, refused.state.consent_date) == (Status.WITHDRAWN, NOW)
    assert merchant.recorded is not None
    assert (merchant.recorded.source, merchant.state.consent_date) == (None, None)
    assert granted.recorded is not None
    assert (granted.recorded.source, granted.brand_name) == (Source.WEB, "Deneme Kargo")
    for one in found:
        snapshot = await scribe.read(
            one.key.brand_code,
            consent(channel=one.key.channel, recipient_type=one.key.recipient_type),
        )
        assert (snapshot.latest, snapshot.state) == (one.latest, one.state)
    calls = await read_across_brands(
        scribe.reader, digest, digest_key_id=1, channels=[Channel.CALL]
    )
    assert calls == [blocked]


async def test_a_stranger_is_nowhere_and_an_old_key_is_noticed(
    reader: ReaderPool, digester: Digester
) -> None:
    digest = digester.digest(phone(3))
    assert await read_across_brands(reader, digest, digest_key_id=1) == []
    with pytest.raises(DigestKeyRetiredError):
        await read_across_brands(reader, digest, digest_key_id=2)


FILLED = """
    INSERT INTO consent (brand_code, channel, recipient_type, blocked_at, latest_extent, latest_offset,
                         digest)
    SELECT b, 'MESAJ', 'BIREYSEL', now(), 1, n, decode(md5(n::text), 'hex')
      FROM generate_series(1, 50) AS b, generate_series(1, 200) AS n
"""


async def test_the_index_on_the_digest_is_probed(
    owner: asyncpg.Connection, reader: ReaderPool
) -> None:
    await owner.execute(FILLED)
    await owner.execute("ANALYZE consent")
    plan = json.loads(
        await reader.fetchval(
            "EXPLAIN (FORMAT JSON) " + ACROSS_BRANDS, b"0" * 16, ["ARAMA", "MESAJ"]
        )
    )
    text = json.dumps(plan)
    assert '"Index Name": "consent_by_digest"' in text
    assert '"Seq Scan", "Parent Relationship": "Inner"' not in text
    for index in ("movement_pkey", "extent_pkey", "brand_pkey"):
        assert f'"Index Name": "{index}"' in text


async def test_equal_digests_share_their_place_in_the_index(owner: asyncpg.Connection) -> None:
    await owner.execute(FILLED)
    await owner.execute("REINDEX INDEX consent_by_digest")
    size = await owner.fetchval("SELECT pg_relation_size('consent_by_digest')")
    assert size / 10_000 < 16, "bytes a consent, of an address at fifty brands"
