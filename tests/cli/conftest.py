import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from services.cli.main import main
from services.cli.scrubbing import run
from services.cli.uploading import asking, follow
from tests.cli import uploads
from tests.cli.scrubs import Run, environment
from tests.cli.stub_jobs import JobStub, job_stub
from tests.cli.stub_list import ListStub, list_stub


@pytest.fixture
def list_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Generator[ListStub]:
    monkeypatch.setattr(run, "ASKED_AGAIN_AFTER_S", (0, 0, 0))
    monkeypatch.chdir(tmp_path)
    with list_stub() as server:
        for name, value in environment(server, tmp_path).items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def scrub(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], list_server: ListStub
) -> Run:
    """Run the command in process; returns its exit code, output and errors."""

    def started(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["izin", "scrub", *arguments])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return started


@pytest.fixture
def job_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Generator[JobStub]:
    """Return a server that takes files; nobody waits long for it."""
    monkeypatch.setattr(asking, "PAUSES_S", (0,))
    monkeypatch.setattr(follow, "LOOK_EVERY_S", 0)
    monkeypatch.chdir(tmp_path)
    with job_stub() as stub:
        for name, value in uploads.environment(stub).items():
            monkeypatch.setenv(name, value)
        yield stub


@pytest.fixture
def run_izin(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run any command in process; returns its exit code, output and errors."""

    def started(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["izin", *arguments])
        code = 0
        try:
            main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        said = capsys.readouterr()
        return code, said.out, said.err

    return started
