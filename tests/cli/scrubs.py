"""What the tests of `izin scrub` share: a list, a way to run the command, a look at what it leaves."""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.cli.stub_list import ListStub
from tests.support.measured import coverage_variables

Run = Callable[..., tuple[int, str, str]]
ROOT = Path(__file__).parents[2]
ASKED = ("--type", "MESAJ", "--brand", "650001")
PHONES = [f"+90599{n:07d}" for n in range(30)]
PLAIN = "".join(f"{phone}\n" for phone in PHONES)


def environment(stub: ListStub, path: Path) -> dict[str, str]:
    return {
        "IZIN_URL": stub.url,
        "IZIN_USERNAME": "somebody",
        "IZIN_PASSWORD": "secret",
        "IZIN_DATA_DIR": str(path / "data"),
        "IZIN_TIMEOUT_S": "10",
    }


def process(stub: ListStub, *arguments: str, stdin: Any = subprocess.PIPE) -> subprocess.Popen[str]:
    """Start the command as a process of its own."""
    variables = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), **environment(stub, Path.cwd())}
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "services.cli.main", "scrub", *arguments],
        env=variables | coverage_variables(),
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def write(text: str | bytes, name: str = "list.csv") -> Path:
    path = Path(name)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def results(prefix: str = "list") -> tuple[bytes, bytes]:
    return tuple(Path(f"{prefix}.{part}.csv").read_bytes() for part in ("allowed", "denied"))  # type: ignore[return-value]


def left_over() -> set[str]:
    return {path.name for path in Path().iterdir()} - {"data"}


def done(err: str) -> int:
    """Return how many rows a run says that it has done."""
    found = re.search(r"(\d+) rows", err)
    assert found
    return int(found[1])


def assert_says_no_address(text: str) -> None:
    assert not [phone for phone in PHONES if phone[1:] in text]
