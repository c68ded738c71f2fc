"""What the tests of `izin upload` share: a file, a way to run the command, a look at what it takes."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, SupportsIndex

from typing_extensions import override

from tests.cli.stub_jobs import JobStub
from tests.support.measured import coverage_variables

Run = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).parents[2]
PHONE = "+905990000001"
ROWS = f"Alıcı;Durum\n{PHONE};ONAY\n".encode() * 50
FAULTS = f"Alıcı;Satır;Sütun;Kod;Açıklama\n{PHONE};7;consentDate;H467;Süre geçti.\n".encode()
MEGABYTE = 2**20


def environment(stub: JobStub) -> dict[str, str]:
    return {
        "IZIN_URL": stub.url,
        "IZIN_USERNAME": "somebody",
        "IZIN_PASSWORD": "secret",
        "IZIN_DATA_DIR": "data",
        "IZIN_TIMEOUT_S": "10",
    }


def process(stub: JobStub, *arguments: str) -> subprocess.Popen[str]:
    """Start the command as a process of its own."""
    variables = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), **environment(stub)}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "services.cli.main", "upload", *arguments],
        env=variables | coverage_variables(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


class Endless(list[dict[str, Any]]):
    """Looks at a job that never ends."""

    def __init__(self) -> None:
        super().__init__([{}])
        self.looked = threading.Event()

    @override
    def pop(self, index: SupportsIndex = -1, /) -> dict[str, Any]:
        self.looked.set()
        return {}


def memory_bytes(pid: int) -> int:
    """Return the most that a process has held so far."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) * 1024


def write(content: bytes = ROWS, name: str = "liste.csv") -> Path:
    path = Path(name)
    path.write_bytes(content)
    return path


def some_refused(**facts: object) -> dict[str, object]:
    rows = {"rowsSeen": 50, "rowsDone": 50, "accepted": 40, "unchanged": 3, "refused": 7}
    codes = {"H467": 4, "PHONE_UNREADABLE": 2, "NEWER_CODE": 1}
    return {**rows, "refusedByCode": codes, **facts}
