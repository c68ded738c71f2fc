"""A file's whole way, with nobody played: sent over HTTP, worked off, seen by a check, its faults mended."""

import csv
import io
from typing import Any

from tests.ingest.doors import Area, shown, uploaded
from tests.ingest.working import work_off, worker
from tests.registry.doors import Town, ago, consent, new_phone

DEFAULTS = {"source": "HS_WEB", "recipientType": "BIREYSEL"}
ENCODING = "windows-1254"


async def worked_off(town: Town, area: Area, rows: list[str]) -> dict[str, Any]:
    """Send a file, and return its job after a worker was at it."""
    content = "\r\n".join(rows).encode(ENCODING)
    job = await uploaded(town, content, brandCode=town.world.brand_code, defaults=DEFAULTS)
    async with worker(town) as lanes:
        await work_off(lanes)
    await area.upkeep.tidy()
    return await shown(town, job)


async def test_good_rows_go_in_and_bad_rows_come_back(town: Town, area: Area) -> None:
    granted, withdrawn, known = new_phone(), new_phone(), new_phone()
    assert (await town.add(consent(known, consentDate=ago(hours=5)))).status_code == 200
    date = ago(hours=1)
    rows = [
        "Telefon;İzin Türü;Durum;Tarih;Not",
        f"{granted};SMS;Onay;{date};ilk",
        f"{withdrawn};SMS;Ret;{date};hiç kayıt yok",
        f"{known};SMS;Ret;{date};vazgeçti",
        f"5;SMS;Onay;{date};=HYPERLINK(1)",
        f"{new_phone()};FAKS;Onay;{date};olmayan kanal",
    ]
    view = await worked_off(town, area, rows)
    assert (view["state"], view["rowsSeen"], view["rowsDone"]) == ("DONE", 5, 5)
    assert (view["accepted"], view["unchanged"], view["refused"]) == (2, 0, 3)
    assert sum(view["refusedByCode"].values()) == 3
    reasons = [await town.reason(address) for address in (granted, withdrawn, known)]
    assert reasons == ["CONSENT", "REFUSED", "REFUSED"]
    folder = town.data_dir / "spool" / "files" / view["id"]
    assert [path.name for path in folder.iterdir()] == ["fault-rows"]

    faults = (await town.get(view["faultsUrl"])).content.decode(ENCODING)
    header, *told = csv.reader(io.StringIO(faults), delimiter=";")
    assert header[:5] == rows[0].split(";")
    assert [row[5] for row in told] == ["3", "5", "6"]
    assert told[0][0] == withdrawn
    assert told[0][7] == "H175"
    assert told[1][4] == "'=HYPERLINK(1)"

    # Mended, and sent again as it came back: what the file added disturbs nobody.
    mended = faults.replace("FAKS", "ARAMA").splitlines()
    second = await worked_off(town, area, [mended[0], mended[3]])
    assert (second["state"], second["accepted"], second["refused"]) == ("DONE", 1, 0)


async def test_a_file_that_is_none_says_so(town: Town, area: Area) -> None:
    view = await worked_off(town, area, ["%PDF-1.7", "1 0 obj"])
    assert view["state"] == "FAILED"
    assert view["failure"]["code"]
    assert view["failure"]["detail"]
    assert view["refused"] == 0


async def test_rows_that_went_in_are_unchanged_the_second_time(town: Town, area: Area) -> None:
    header, good = "Telefon;Tür;Durum;Tarih", f"{new_phone()};SMS;Onay;{ago(hours=1)}"
    rows = [header, good, f"5;SMS;Onay;{ago(hours=1)}"]
    first = await worked_off(town, area, rows)
    second = await worked_off(town, area, rows)
    assert second["duplicateOf"] == first["id"]
    assert (second["accepted"], second["unchanged"], second["refused"]) == (0, 1, 1)
