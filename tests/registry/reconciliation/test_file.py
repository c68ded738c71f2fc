"""The file of a day: byte for byte what a provider can write by itself."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from hashlib import sha384

import pytest
from structlog.testing import capture_logs

from services.registry.reconciliation import movement_file
from services.registry.reconciliation.make_reports import ReportMaker
from services.registry.reconciliation.movement_file import FileDiffersError, proven
from shared.domain.wire_time import consent_date_to_wire
from shared.ledger.append import transaction_id
from shared.ledger.failures import LedgerUnavailableError
from tests.registry.doors import Town, consent, new_email, new_phone
from tests.registry.reconciliation.crowds import put_crowd
from tests.registry.reconciliation.days import (
    NOW,
    Reports,
    Row,
    days_ago,
    file_of,
    make,
    moment,
    phones,
    put,
)

YESTERDAY = days_ago(1)
WHOLE_HASH = sha384(b"one\ntwo\n").digest()
# What the ledger has dated just now becomes a movement of the services' yesterday.
TWO_DAYS_BACK = (
    "UPDATE extent SET created_at = created_at - interval '2 days' WHERE brand_code = $1"
)


async def test_the_file_is_the_one_that_a_provider_writes_from_its_own_records(
    town: Town, maker: ReportMaker, reports: Reports
) -> None:
    brand = reports.brand_code
    person, merchant, email = new_phone(), new_phone(), new_email()
    first = await put(
        town,
        brand,
        moment(YESTERDAY, hours=3),
        [
            Row(person),
            Row(merchant, recipient_type="TACIR", decided=None, source=None),
            Row(email, channel="EPOSTA", source="HS_FIZIKSEL_ORTAM"),
        ],
    )
    second = await put(
        town,
        brand,
        moment(YESTERDAY, hours=12),
        [Row(person, status="RET", source="IYS_MOBIL", previous=first.at(1))],
    )
    await make(town, maker)

    answer = await reports.file(YESTERDAY)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv")
    assert (
        answer.headers["content-disposition"] == f'attachment; filename="{brand}-{YESTERDAY}.csv"'
    )
    assert answer.content == file_of(first, second)
    assert answer.content.endswith(b"\n")
    assert int(answer.headers["content-length"]) == len(answer.content)
    shown = (await reports.agreement(YESTERDAY)).json()
    assert shown == {
        "processStatus": "completed",
        "hashValue": sha384(answer.content).hexdigest(),
        "hashMethod": "SHA-384",
        "agreementStatus": False,
    }


async def test_what_the_wire_answered_is_enough_to_write_the_file(
    town: Town, maker: ReportMaker, reports: Reports
) -> None:
    brand = town.brand_path(reports.brand_code)
    lines = list[str]()
    for _ in range(12):
        body = consent(consentDate=consent_date_to_wire(NOW - timedelta(hours=1)))
        said = (await town.add(body, brand=brand)).json()
        words = [body[name] for name in ("recipient", "recipientType", "type", "status")]
        told = [said["creationDate"], said["transactionId"], *words, body["consentDate"]]
        lines.append(",".join([*told, body["source"]]))
    async with town.owner.transaction():
        await town.owner.execute("SET LOCAL session_replication_role = replica")
        await town.owner.execute(TWO_DAYS_BACK, reports.brand_code)
    await make(town, maker)
    own = sorted(f"{two_days_before(line)}\n" for line in lines)
    assert (await reports.file(YESTERDAY)).text.splitlines(keepends=True)[1:] == own


async def test_movements_of_one_second_stand_in_the_order_of_their_ids(
    town: Town, maker: ReportMaker, reports: Reports
) -> None:
    brand = reports.brand_code
    puts = [
        await put(town, brand, moment(YESTERDAY, hours=1, seconds=second), phones(count))
        for second, count in ((0.1, 7), (0.6, 5), (0.999, 6), (1.0, 4), (1.7, 3))
    ]
    await make(town, maker)
    content = (await reports.file(YESTERDAY)).content
    assert content == file_of(*puts)
    lines = content.decode().splitlines()[1:]
    ids = [line.split(",")[1] for line in lines if line.startswith(lines[0][:19])]
    assert len(ids) == 18
    assert ids == sorted(ids)


async def test_blocks_and_changes_of_access_are_in_no_file(
    town: Town, maker: ReportMaker, reports: Reports
) -> None:
    person, brand = new_phone(), reports.brand_code
    rows = [Row(person), Row(new_phone(), kind="BLOCK", status="RET"), Row(person, kind="ACCESS")]
    written = await put(town, brand, moment(YESTERDAY, hours=1), rows)
    await make(town, maker)
    content = (await reports.file(YESTERDAY)).content
    assert content == file_of(written)
    assert content.count(b"\n") == 2


async def test_a_day_of_blocks_alone_has_no_file(
    town: Town, maker: ReportMaker, reports: Reports
) -> None:
    rows = [Row(new_phone(), kind="BLOCK", status="RET")]
    await put(town, reports.brand_code, moment(YESTERDAY, hours=1), rows)
    await make(town, maker)
    for answer in (
        await reports.file(YESTERDAY),
        await reports.stamp(YESTERDAY),
        await reports.agreement(YESTERDAY),
        await reports.agree(YESTERDAY, {"agreementStatus": True}),
    ):
        assert (answer.status_code, answer.content) == (204, b"")


async def test_what_comes_later_does_not_change_a_file(
    town: Town, maker: ReportMaker, reports: Reports
) -> None:
    brand = reports.brand_code
    early = await put(town, brand, moment(days_ago(2), hours=23.9), phones(5))
    await make(town, maker)
    before = (await reports.file(days_ago(2))).content
    late = await put(town, brand, moment(YESTERDAY, minutes=1), phones(5))
    await make(town, maker)
    assert (await reports.file(days_ago(2))).content == before == file_of(early)
    assert (await reports.file(YESTERDAY)).content == file_of(late)


async def test_a_crowded_second_is_written_over_many_pages(
    town: Town, maker: ReportMaker, reports: Reports
) -> None:
    brand, count = reports.brand_code, 5000
    begin = moment(YESTERDAY, hours=2)
    await put_crowd(town, brand, begin, extents=2, rows=count // 2, over_s=0.8)
    await make(town, maker)
    lines = (await reports.file(YESTERDAY)).text.splitlines()[1:]
    extents = await town.owner.fetch(
        "SELECT extent_id, nonce, size FROM extent WHERE brand_code = $1", brand
    )
    ids = [
        transaction_id(brand, extent["extent_id"], extent["nonce"], n)
        for extent in extents
        for n in range(1, extent["size"] + 1)
    ]
    assert [line.split(",")[1] for line in lines] == sorted(ids)


async def test_a_client_gets_the_hashed_file_or_visibly_less(
    town: Town, maker: ReportMaker, reports: Reports
) -> None:
    await put(town, reports.brand_code, moment(YESTERDAY, hours=1), phones(3))
    await make(town, maker)
    async with town.owner.transaction():
        await town.owner.execute("SET LOCAL session_replication_role = replica")
        await town.owner.execute(
            "UPDATE movement SET status = 'RET' WHERE brand_code = $1 AND extent_offset = 2",
            reports.brand_code,
        )
    headers = await town.authorization("provider")
    path = f"{town.brand_path(reports.brand_code)}/changes/{YESTERDAY}/file"
    with pytest.raises(FileDiffersError):
        await town.client.get(path, headers=headers)


async def test_a_ledger_that_goes_away_breaks_the_answer_off(
    town: Town, maker: ReportMaker, reports: Reports, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(town, reports.brand_code, moment(YESTERDAY, hours=1), phones(3))
    await make(town, maker)

    async def gone(*_: object) -> None:
        raise LedgerUnavailableError("gone")

    monkeypatch.setattr(movement_file, "read_places", gone)
    with capture_logs() as events, pytest.raises(RuntimeError, match="already started"):
        await reports.file(YESTERDAY)
    assert "reconciliation.file.broken_off" in {event["event"] for event in events}


@pytest.mark.parametrize(
    ("size", "file_hash"),
    [(7, WHOLE_HASH), (9, WHOLE_HASH), (8, sha384(b"one\nTwo\n").digest())],
    ids=["shorter", "longer", "another"],
)
async def test_the_end_of_another_file_is_kept_back(size: int, file_hash: bytes) -> None:
    passed = list[bytes]()

    async def receive() -> None:
        async for chunk in proven(two_chunks(), size_bytes=size, file_hash=file_hash):
            passed.append(chunk)

    with pytest.raises(FileDiffersError):
        await receive()
    assert passed in ([], [b"one\n"])


async def test_the_very_file_is_passed_on() -> None:
    chunks = proven(two_chunks(), size_bytes=8, file_hash=WHOLE_HASH)
    assert [chunk async for chunk in chunks] == [b"one\n", b"two\n"]


async def two_chunks() -> AsyncIterator[bytes]:
    yield b"one\n"
    yield b"two\n"


def two_days_before(line: str) -> str:
    """Return a line of the file as it would be two days earlier."""
    moved = datetime.fromisoformat(line[:19]) - timedelta(days=2)
    return moved.isoformat(" ") + line[19:]
