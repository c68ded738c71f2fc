"""`izin upload` against a server that takes files and tells of faulty rows."""

import json
import re
from pathlib import Path

import pytest

from services.cli.uploading import asking
from services.cli.uploading.bars import duration
from tests.cli.stub_jobs import AT, CONTENT, CUT_SHORT, JOB, JobStub, Script
from tests.cli.uploads import FAULTS, PHONE, ROWS, Run, some_refused, write


def test_a_file_is_announced_sent_and_waited_for(run_izin: Run, job_server: JobStub) -> None:
    write()
    job_server.script.looks = [{}, {"rowsSeen": 50, "rowsDone": 20, "rowsPerSecond": 9.5}]
    job_server.script.end = {"rowsSeen": 50, "rowsDone": 50, "accepted": 50}
    code, out, err = run_izin(
        *("upload", "liste.csv", "--brand", "650001", "--type", "MESAJ", "--source", "HS_WEB"),
        *("--status", "ONAY", "--date", "2026-03-02 14:05:09", "--recipient-type", "TACIR"),
        *("--map", "Cep = No=recipient", "--wait", "--json"),
    )
    assert (code, err) == (0, "")
    assert job_server.script.stored == ROWS
    assert job_server.script.announced == {
        "name": "liste.csv",
        "size": len(ROWS),
        "brandCode": 650001,
        "defaults": {
            "type": "MESAJ",
            "source": "HS_WEB",
            "status": "ONAY",
            "consentDate": "2026-03-02 14:05:09",
            "recipientType": "TACIR",
        },
        "mapping": {"Cep = No": "recipient"},
        "dryRun": False,
    }
    told = json.loads(out)
    assert (told["id"], told["state"], told["accepted"]) == (JOB, "DONE", 50)
    assert told["faultsFile"] is None


def test_without_wait_it_ends_once_the_file_is_there(run_izin: Run, job_server: JobStub) -> None:
    write()
    job_server.script.looks = [{}] * 9
    code, out, _ = run_izin("upload", "liste.csv")
    assert code == 0
    assert f"izin upload --resume {JOB}" in out
    assert json.loads(run_izin("upload", "liste.csv", "--json")[1])["state"] == "QUEUED"
    assert job_server.script.stored == ROWS


def test_refused_rows_have_an_exit_code_a_table_and_a_file(
    run_izin: Run, job_server: JobStub
) -> None:
    write()
    job_server.script.end = some_refused()
    job_server.script.faults = ("text/csv; charset=utf-8", FAULTS)
    job_server.script.brands = [
        {"brandCode": n, "brandName": name, "accepted": 9, "unchanged": 0, "refused": n % 2}
        for n, name in ((650001, "Kuzey"), (650002, None))
    ]
    code, out, _ = run_izin("upload", "liste.csv", "--wait")
    assert code == 6
    assert re.search(r"H467 +4 +İzin, alındığı günü izleyen üç iş günü", out)
    assert re.search(r"PHONE_UNREADABLE +2 +Telefon numarası okunamadı", out)
    assert re.search(r"NEWER_CODE +1 *\n", out)
    assert re.search(r"accepted +40", out)
    assert re.search(r"650001 +9 +0 +1 +Kuzey", out)
    assert "liste.faults.csv" in out
    assert Path("liste.faults.csv").read_bytes() == FAULTS
    assert {path.name for path in Path().iterdir()} == {"liste.csv", "liste.faults.csv"}
    assert PHONE not in out


@pytest.mark.parametrize(
    ("name", "kind", "beside"),
    [
        ("l.csv.gz", "text/csv", "l.faults.csv"),
        (
            "l.xlsx",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "l.faults.xlsx",
        ),
        ("l.parquet", "application/vnd.apache.parquet", "l.faults.parquet"),
    ],
)
def test_the_faults_stand_beside_the_file(
    run_izin: Run, job_server: JobStub, name: str, kind: str, beside: str
) -> None:
    write(name=name)
    job_server.script.end = some_refused()
    job_server.script.faults = (kind, FAULTS)
    assert json.loads(run_izin("upload", name, "--wait", "--json")[1])["faultsFile"] == beside
    assert Path(beside).read_bytes() == FAULTS


def test_the_faults_go_where_they_are_wanted(run_izin: Run, job_server: JobStub) -> None:
    write()
    job_server.script.end = some_refused()
    job_server.script.faults = ("text/csv", FAULTS)
    # After its end the server puts them together; it may also break off in the middle.
    job_server.script.trouble["GET", f"{AT}/faults"] = [
        (409, {"title": "Not yet", "retry": 0}),
        (CUT_SHORT, None),
        (503, {"title": "Away", "retry": 0}),
    ]
    assert run_izin("upload", "liste.csv", "--wait", "--faults", "mend.csv")[0] == 6
    assert Path("mend.csv").read_bytes() == FAULTS
    job_server.script = Script(end=some_refused(), faults=("text/csv", FAULTS))
    code, _, err = run_izin("upload", "liste.csv", "--wait", "--faults", "no/such/folder.csv")
    assert code == 1
    assert "no/such/folder.csv cannot be written" in err


def test_faults_that_are_not_there_yet_can_be_fetched_later(
    run_izin: Run, job_server: JobStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(asking, "PATIENCE_S", -1)
    write()
    job_server.script.end = some_refused()
    job_server.script.trouble["GET", f"{AT}/faults"] = [
        (409, {"title": "Not yet", "code": "CONFLICT", "retry": 0})
    ] * 2
    code, out, err = run_izin("upload", "liste.csv", "--wait")
    assert code == 6
    assert f"Not yet (409 CONFLICT); `izin jobs faults {JOB}` does it later" in err
    assert re.search(r"H467 +4", out)


def test_a_dry_run_waits_and_says_that_nothing_was_recorded(
    run_izin: Run, job_server: JobStub
) -> None:
    write()
    job_server.script.end = {"rowsSeen": 50, "rowsDone": 50, "accepted": 50}
    code, out, _ = run_izin("upload", "liste.csv", "--dry-run")
    assert code == 0
    assert job_server.script.announced["dryRun"] is True
    assert "none recorded" in out


def test_a_file_that_cannot_be_read_is_told_in_the_words_of_the_server(
    run_izin: Run, job_server: JobStub
) -> None:
    write()
    failure = {"code": "FORMULA_BOMB", "detail": "Dosya okunamadı."}
    job_server.script.end = {"state": "FAILED", "failure": failure}
    code, out, err = run_izin("upload", "liste.csv", "--wait")
    assert (code, out) == (1, "")
    assert err == "izin: liste.csv: Dosya okunamadı. (FORMULA_BOMB)\n"


def test_a_job_that_somebody_cancels_is_no_success(run_izin: Run, job_server: JobStub) -> None:
    write()
    job_server.script.end = {"state": "CANCELLED"}
    code, _, err = run_izin("upload", "liste.csv", "--wait")
    assert code == 1
    assert "was cancelled" in err
    job_server.script = Script(cuts=[10])
    job_server.script.trouble["GET", AT] = [(200, Script(state="CANCELLED").job())] * 2
    assert run_izin("upload", "liste.csv", "--wait")[0] == 1


def test_a_file_that_is_known_is_told(run_izin: Run, job_server: JobStub) -> None:
    write()
    job_server.script.end = {"duplicateOf": "11111111-1111-1111-1111-111111111111", "rowsSeen": 0}
    code, out, _ = run_izin("upload", "liste.csv", "--wait")
    assert code == 0
    assert "the file of job 11111111-1111-1111-1111-111111111111" in out
    assert "--again" in out


@pytest.mark.parametrize(
    ("at", "status"), [(("POST", "/ingest/jobs"), 422), (("HEAD", CONTENT), 404)]
)
def test_a_refusal_is_told(
    run_izin: Run, job_server: JobStub, at: tuple[str, str], status: int
) -> None:
    write()
    job_server.script.trouble[at] = [(status, {"title": "It cannot be", "code": "SOME_CODE"})]
    code, _, err = run_izin("upload", "liste.csv")
    assert code == 1
    assert f"({status} " in err


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("liste.csv", "--map", "Cep"),
        ("liste.csv", "--map", "Cep=phone"),
        ("liste.csv", "--resume", "../../oauth2"),
        ("liste.csv", "--type", "FAKS"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_sent(
    run_izin: Run, job_server: JobStub, arguments: tuple[str, ...]
) -> None:
    write()
    assert run_izin("upload", *arguments)[0] == 2
    assert job_server.script.asked == []


@pytest.mark.parametrize(("name", "told"), [("none.csv", "cannot be read"), (".", "cannot be")])
def test_a_file_that_is_not_there_is_told(
    run_izin: Run, job_server: JobStub, name: str, told: str
) -> None:
    code, _, err = run_izin("upload", name)
    assert code == 1
    assert told in err
    write(b"")
    assert "nothing to upload" in run_izin("upload", "liste.csv")[2]


def test_jobs_are_listed_shown_counted_and_cancelled(run_izin: Run, job_server: JobStub) -> None:
    job_server.script.state = "QUEUED"
    job_server.script.end = some_refused()
    job_server.script.faults = ("text/csv", FAULTS)
    code, out, err = run_izin("jobs", "list", "--limit", "1", "--after", JOB)
    assert (code, err) == (0, f"more: --after {JOB}\n")
    assert job_server.script.asked == [f"GET /ingest/jobs?limit=1&before={JOB}"]
    assert JOB in out
    assert json.loads(run_izin("jobs", "show", JOB, "--json")[1])["refused"] == 7
    assert re.search(r"H467 +4 +İzin", run_izin("jobs", "report", JOB)[1])
    assert json.loads(run_izin("jobs", "report", JOB, "--json")[1])["unreadable"] == 0
    told = json.loads(run_izin("jobs", "faults", JOB, "--json")[1])
    assert told == {"faultsFile": "izinler.faults.csv", "refused": 7}
    assert run_izin("jobs", "faults", JOB, "mend.csv")[0] == 0
    assert Path("mend.csv").read_bytes() == Path(told["faultsFile"]).read_bytes() == FAULTS
    assert run_izin("jobs", "cancel", JOB)[0] == 0
    assert json.loads(run_izin("jobs", "show", JOB, "--json")[1])["state"] == "CANCELLED"
    assert run_izin("jobs", "show", "seven")[0] == 2


def test_times_are_written_as_people_read_them() -> None:
    assert [duration(one) for one in (0.4, 59, 61, 3_600, 9_000)] == [
        *("0 s", "59 s", "1 min 01 s", "1 h 00 min", "2 h 30 min")
    ]
