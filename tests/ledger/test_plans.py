"""The hot statements probe indexes, by name and by every column of the key, as the pools plan them."""

import json
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, LiteralString

import asyncpg
import pytest

from shared.ledger import (
    access,
    api_keys,
    directory,
    feed,
    history,
    read_changes,
    read_heads,
    read_known,
    read_state,
    tail,
)
from shared.ledger.append import APPEND, Appender
from shared.ledger.store import ReaderPool, WriterPool, open_reader, open_writer, role_dsn
from shared.sealing.addresses import Digester, Sealer
from shared.sealing.keyring import KeyRing
from tests.support.builders import NOW, Scribe, World, consent, make_world, phone
from tests.support.ledger import database, owner_connection

CONSENTS_A_BRAND = 10_000
CHUNK = 500
ACCOUNTS = 500
EXECUTIONS = 8  # plpgsql plans five times for the values at hand and then weighs a generic plan

Probes = dict[str, tuple[str, tuple[str, ...]]]
KEY = ("brand_code", "digest", "channel", "recipient_type")
CONSENT: Probes = {"consent": ("consent_pkey", KEY)}
MOVEMENT: Probes = {"movement": ("movement_pkey", ("brand_code", "extent_id"))}
EXTENT: Probes = {"extent": ("extent_pkey", ("brand_code", "extent_id"))}
HEAD: Probes = {"brand_head": ("brand_head_pkey", ("brand_code",))}
TAIL: Probes = {
    "extent": ("extent_positions_do_not_overlap", ("brand_code", "base_position")),
    "movement": ("movement_pkey", ("brand_code", "extent_id", "extent_offset")),
}

# Of an extent both indexes are used: by its number for the mark, by its position for the tail.
CHANGES: Probes = {
    "consent": ("consent_pkey", ("brand_code", "digest")),
    "movement": ("movement_pkey", ("brand_code", "extent_id", "extent_offset")),
}

HOT: dict[str, tuple[LiteralString, Probes]] = {
    "read_state.STATES": (read_state.STATES, CONSENT | HEAD),
    "read_known.KNOWN": (
        read_known.KNOWN,
        {**HEAD, "consent": ("consent_pkey", ("brand_code", "digest"))},
    ),
    "tail.TAIL": (tail.TAIL, TAIL),
    "read_changes.CHANGES": (read_changes.CHANGES, CHANGES | HEAD),
    "read_changes.FILL": (
        read_changes.FILL,
        {**EXTENT, **HEAD, "consent": ("consent_pkey", ("brand_code", "digest"))},
    ),
    "read_changes.HEADS": (read_changes.HEADS, HEAD),
    "read_heads.HEADS": (read_heads.HEADS, HEAD),
    "history.RECORD": (history.RECORD, CONSENT | MOVEMENT | EXTENT),
    "history.REPLAY": (history.REPLAY, CONSENT | MOVEMENT | EXTENT),
    "history.STATE_AT": (history.STATE_AT, CONSENT | MOVEMENT | EXTENT),
    "history.HISTORY": (history.HISTORY, CONSENT | MOVEMENT | EXTENT),
    "access.SOURCES": (access.SOURCES, CONSENT | MOVEMENT),
    "access.NEWEST": (access.NEWEST, CONSENT | MOVEMENT | EXTENT),
    "feed.WINDOW": (
        feed.WINDOW,
        {"extent": ("extent_by_time", ("brand_code", "created_at"))},
    ),
    "feed.MOVEMENT": (feed.MOVEMENT, EXTENT),
    "feed.TRANSACTION": (
        feed.TRANSACTION,
        {"extent": ("extent_by_time", ("brand_code", "created_at"))},
    ),
    "feed.ALL": (feed.ALL, TAIL),
    "feed.OF_REGISTRY": (
        feed.OF_REGISTRY,
        {
            "extent": ("extent_with_registry", ("brand_code", "base_position")),
            "movement": ("movement_of_registry", ("brand_code", "extent_id", "extent_offset")),
        },
    ),
    "directory.USER_BY_ID": (
        directory.USER_BY_ID,
        {"api_user": ("api_user_pkey", ("user_id",))},
    ),
    "directory.USER_ID_BY_NAME": (
        directory.USER_ID_BY_NAME,
        {"api_user": ("api_user_name_is_unique", ("username",))},
    ),
    "api_keys.MEET_KEY": (
        api_keys.MEET_KEY,
        {"api_key": ("api_key_is_unique", ("digest",))},
    ),
    "directory.CHANGES": (
        directory.CHANGES,
        {"directory_change": ("directory_change_pkey", ("version",))},
    ),
    "directory.HEADER_OWNER": (
        directory.HEADER_OWNER,
        {"header": ("header_pkey", ("header",))},
    ),
    "directory.BRAND": (
        directory.BRAND,
        {
            **HEAD,
            "brand": ("brand_pkey", ("brand_code",)),
            "provider": ("provider_pkey", ("iys_code",)),
            "header": ("header_by_brand", ("brand_code",)),
            "brand_grant": ("brand_grant_pkey", ("brand_code",)),
            "retailer": ("retailer_by_brand", ("brand_code",)),
        },
    ),
}
MANY_ACCOUNTS = """
    INSERT INTO provider (iys_code, title, tax_number)
    SELECT n, 'Deneme', '1234567890' FROM generate_series(1, {n}) AS n;
    INSERT INTO brand (brand_code, iys_code, name)
    SELECT n, n, 'Deneme' FROM generate_series(1, {n}) AS n;
    INSERT INTO header (header, brand_code) SELECT 'BASLIK' || n, n FROM generate_series(1, {n}) AS n;
    INSERT INTO retailer (retailer_code, brand_code, title)
    SELECT 20000000 + n, n, 'Bayi' FROM generate_series(1, {n}) AS n;
    INSERT INTO api_user (username, secret_hash, role)
    SELECT n, '', 'admin' FROM generate_series(1, {n}) AS n;
"""
BIG = {"consent", "movement", "extent", "brand_head"}


@dataclass
class Full:
    """A ledger with enough rows that a planner might be tempted."""

    dsn: str
    reader: ReaderPool
    writer: WriterPool
    scribe: Scribe
    world: World


@pytest.fixture(scope="module")
async def full(server_dsn: str, template: str, key_ring: KeyRing) -> AsyncIterator[Full]:
    async with (
        database(server_dsn, template=template) as dsn,
        open_reader(role_dsn(dsn, "izin_check"), size=1) as reader,
        open_writer(dsn, size=1) as writer,
    ):
        appender = Appender(writer, digest_key_id=1, sealing_key_id=1)
        scribe = Scribe(reader, appender, Digester(key_ring), Sealer(key_ring))
        opened = Full(dsn, reader, writer, scribe, await make_world(writer, reader))
        await _fill(opened)
        yield opened


async def _fill(full: Full) -> None:
    for brand_code in (full.world.brand_code, full.world.second_brand_code):
        for start in range(0, CONSENTS_A_BRAND, CHUNK):
            movements = [
                full.scribe.movement(brand_code, consent(phone(n)))
                for n in range(start, start + CHUNK)
            ]
            await full.scribe.appender.append(brand_code, movements, wait=True)
    async with owner_connection(full.dsn) as owner:
        await owner.execute(MANY_ACCOUNTS.format(n=ACCOUNTS))
        await owner.execute("ANALYZE")


@pytest.mark.parametrize("name", HOT)
async def test_a_hot_read_probes_its_indexes(full: Full, name: str) -> None:
    sql, expected = HOT[name]
    async with full.reader.acquire() as connection:
        parameters = len((await connection.prepare(sql)).get_parameters())
        await connection.execute(f"PREPARE hot AS {sql}")
        try:
            nothing = ", ".join(["NULL"] * parameters)
            plan = await connection.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE hot({nothing})")
        finally:
            await connection.execute("DEALLOCATE hot")
    _expect_probes(json.loads(plan)[0]["Plan"], expected)


async def test_a_page_of_the_tail_reads_no_more_of_an_extent_than_it_can_hold(full: Full) -> None:
    """A bulk chunk is one extent; a reader that pages through it must not begin anew with each page."""
    limit = 10
    async with owner_connection(full.dsn, enable_seqscan="off", enable_bitmapscan="off") as owner:
        await owner.execute(f"PREPARE page AS {tail.TAIL}")
        plan = await owner.fetchval(
            "EXPLAIN (ANALYZE, FORMAT JSON) "
            f"EXECUTE page({full.world.second_brand_code}, {CHUNK // 2}, {limit})"
        )
    read = [
        node["Actual Rows"] * node["Actual Loops"] + node.get("Rows Removed by Filter", 0)
        for node in _nodes(json.loads(plan)[0]["Plan"])
        if node.get("Relation Name") == "movement"
    ]
    assert sum(read) == limit


async def test_a_page_of_changes_reads_its_movements_and_their_consents_and_no_more(
    full: Full,
) -> None:
    """However far behind: what begins beyond the page is not looked at, whatever the planner chooses."""
    limit = 10
    mark = "0, 0, 0, 0, true"
    read = await _rows_read(full, read_changes.CHANGES, f"{mark}, {limit}")
    assert read["movement"] == read["consent"] == limit


async def test_a_page_of_everything_reads_no_further_than_it_shows(full: Full) -> None:
    limit = 10
    read = await _rows_read(full, read_changes.FILL, f"0, 0, 0, 0, '\\x80', {limit}")
    assert read["consent"] == limit


async def test_the_states_of_many_keys_are_read_without_those_of_all_others(full: Full) -> None:
    """A step of a file must not go through its brand, whose consents are millions."""
    known, absent = 300, 200
    digests = [
        full.scribe.digester.digest(phone(n))
        for n in (*range(known), *range(CONSENTS_A_BRAND, CONSENTS_A_BRAND + absent))
    ]
    listed = ", ".join(f"'\\x{digest.hex()}'" for digest in digests)
    read = await _rows_read(full, read_known.KNOWN, f"ARRAY[{listed}]::bytea[]")
    assert read["consent"] == known


async def test_the_registrys_feed_reads_nothing_of_what_a_provider_wrote(full: Full) -> None:
    """Of ten thousand movements none is the registry's: a reader that finds nothing reads nothing."""
    read = await _rows_read(full, feed.OF_REGISTRY, f"0, {CONSENTS_A_BRAND}, 1000")
    assert read["movement"] == read["extent"] == 0


async def _rows_read(full: Full, sql: LiteralString, arguments: str) -> Counter[str]:
    """Run a statement on the second brand, as the pools plan it; return the rows read of each table."""
    async with full.reader.acquire() as connection:
        await connection.execute(f"PREPARE page AS {sql}")
        try:
            plan = await connection.fetchval(
                "EXPLAIN (ANALYZE, FORMAT JSON) "
                f"EXECUTE page({full.world.second_brand_code}, {arguments})"
            )
        finally:
            await connection.execute("DEALLOCATE page")
    read = Counter[str]()
    for node in _nodes(json.loads(plan)[0]["Plan"]):
        if _is_table(node):
            rows = node["Actual Rows"] * node["Actual Loops"]
            read[node["Relation Name"]] += round(rows + node.get("Rows Removed by Filter", 0))
    return read


async def test_append_probes_its_indexes(full: Full) -> None:
    """Half of the keys are there and half are not, in a group as large as groups get."""
    plans: list[dict[str, Any]] = []

    def note(_connection: object, message: asyncpg.PostgresLogMessage) -> None:
        _, mark, document = message.message.partition("plan:\n")
        if mark:
            plans.append(json.loads(document))

    async with full.writer.acquire() as connection:
        await connection.execute(AUTO_EXPLAIN)
        for n in range(EXECUTIONS):
            arguments = await _append_arguments(full, absent_from=100_000 + 100 * n)
            connection.add_log_listener(note)
            await connection.fetch(APPEND, *arguments)
            connection.remove_log_listener(note)
    inner = [plan["Plan"] for plan in plans if _relations(plan["Plan"]) & BIG]
    assert len(inner) >= 5 * EXECUTIONS, "lock, insert, update, insert movements, head, extent"
    for plan in inner:
        _expect_probes(plan, CONSENT | HEAD, everything=False)


AUTO_EXPLAIN = """
    LOAD 'auto_explain';
    SET auto_explain.log_min_duration = 0;
    SET auto_explain.log_nested_statements = on;
    SET auto_explain.log_format = json;
    SET auto_explain.log_level = notice;
"""


async def _append_arguments(full: Full, *, absent_from: int) -> list[object]:
    brand_code = full.world.brand_code
    known = [consent(phone(n), consent_date=NOW) for n in range(100)]
    keys = [full.scribe.key(brand_code, new) for new in known]
    snapshots = await read_state.read_states(full.reader, keys, digest_key_id=1)
    movements = [
        full.scribe.movement(brand_code, new, after=snapshot)
        for new, snapshot in zip(known, snapshots, strict=True)
    ] + [
        full.scribe.movement(brand_code, consent(phone(n)))
        for n in range(absent_from, absent_from + 100)
    ]
    return full.scribe.appender._arguments(brand_code, movements, nonce=1, wait=False)


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


def _relations(plan: dict[str, Any]) -> set[str]:
    return {node["Relation Name"] for node in _nodes(plan) if "Relation Name" in node}


def _expect_probes(plan: dict[str, Any], expected: Probes, *, everything: bool = True) -> None:
    scans = [
        node for node in _nodes(plan) if node["Node Type"].endswith("Scan") and _is_table(node)
    ]
    for node in scans:
        table = node["Relation Name"]
        assert table not in BIG or node["Node Type"] != "Seq Scan", node
        if table in expected and node["Node Type"] != "Tid Scan":  # a row that is held already
            index, columns = expected[table]
            assert node["Node Type"] in {"Index Scan", "Index Only Scan"}, node
            assert node["Index Name"] == index, node
            missing = [column for column in columns if column not in node["Index Cond"]]
            assert not missing, node
    if everything:
        assert {node["Relation Name"] for node in scans} >= expected.keys()


def _is_table(node: dict[str, Any]) -> bool:
    return "Relation Name" in node
