"""A template is written, filled in and uploaded; what stands in it counts, and faults come back."""

import json
from pathlib import Path
from typing import Any

from tests.end_to_end.running import Api, Izin, minutes_ago

EXAMPLE = "+905990000001"
GRANTED = [f"+90599007{n:04d}" for n in range(300)]
MENDED = "+905990079999"


def upload(izin: Izin, path: Path, *arguments: str, brand: int = 0) -> tuple[int, dict[str, Any]]:
    """Upload for a brand of the demo world and wait; return the exit code and the summary."""
    code = str(izin.demo["brands"][brand]["brand_code"])
    done = izin.run("upload", str(path), "--brand", code, "--wait", "--json", *arguments)
    assert done.stdout, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, summary


def outcomes(summary: dict[str, Any]) -> tuple[int, int, int]:
    return summary["accepted"], summary["unchanged"], summary["refused"]


def fill_in(path: Path) -> None:
    """Write rows below the examples as people do, and one that nobody can read."""
    date = minutes_ago(3)
    with path.open("a", encoding="utf-8") as file:
        for n, phone in enumerate(GRANTED):
            bare = phone.removeprefix("+90")
            number = [phone, f"0{bare}", bare, f"0{bare[:3]} {bare[3:6]} {bare[6:8]} {bare[8:]}"]
            file.write(f"{number[n % 4]};{('MESAJ', 'Sms')[n % 2]};Onay;HS_WEB;{date};Bireysel\r\n")
        file.write(f"5,99E+09;MESAJ;ONAY;HS_WEB;{date};BIREYSEL\r\n")


def test_a_template_is_filled_in_uploaded_and_counts(running: Izin, tmp_path: Path) -> None:
    path = tmp_path / "izinler.csv"
    assert running.tell("template", str(path))["format"] == "csv"
    fill_in(path)
    code, summary = upload(running, path, "--dry-run")
    assert (code, summary["rowsDone"]) == (6, 303)
    with Api(running) as api:
        assert api.reason(GRANTED[0]) == "NO_RECORD"
        code, summary = upload(running, path)
        assert (code, outcomes(summary)) == (6, (302, 0, 1))
        assert summary["rowsSeen"] == summary["rowsDone"] == 303
        assert {api.reason(phone) for phone in GRANTED[:8]} == {"CONSENT"}
        assert api.granted(GRANTED) == GRANTED
        assert api.reason(EXAMPLE) == "REFUSED"  # the second example takes the first one back

        faults = tmp_path / "izinler.faults.csv"
        assert summary["faultsFile"] == str(faults)
        _names, row = faults.read_text("utf-8-sig").splitlines()
        assert row.startswith(("5,99E+09;", '"5,99E+09";'))
        assert ";304;" in row
        assert "PHONE_ROUNDED" in row
        faults.write_text(faults.read_text("utf-8-sig").replace("5,99E+09", MENDED), "utf-8")
        code, summary = upload(running, faults)
        assert (code, outcomes(summary)) == (0, (1, 0, 0))
        assert api.reason(MENDED) == "CONSENT"


def test_sending_a_file_twice_changes_nothing(running: Izin, tmp_path: Path) -> None:
    """XLSX this time; without rows that are refused the file itself is recognised."""
    path = tmp_path / "izinler.xlsx"
    running.tell("template", str(path))
    code, first = upload(running, path, brand=1)
    assert (code, outcomes(first)) == (0, (2, 0, 0))
    code, second = upload(running, path, brand=1)
    assert (code, second["duplicateOf"], outcomes(second)) == (0, first["id"], (0, 0, 0))
    code, third = upload(running, path, "--again", brand=1)
    assert (third["accepted"], third["rowsDone"]) == (0, 2)
    listed = running.tell("jobs", "list")["items"]
    assert [job["id"] for job in listed[:3]] == [job["id"] for job in (third, second, first)]


def test_an_upload_is_stopped_and_waited_for_later(running: Izin, tmp_path: Path) -> None:
    path = tmp_path / "izinler.csv"
    running.tell("template", str(path))
    brand = str(running.demo["brands"][0]["brand_code"])
    job = running.tell("upload", str(path), "--brand", brand)["id"]
    done = running.run("upload", "--resume", job, "--json")
    assert json.loads(done.stdout)["rowsDone"] == 2, done.stderr
