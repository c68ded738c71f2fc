"""Under which user PostgreSQL runs; the cases that need root are skipped for others."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from services.cli.embedded import identity
from services.cli.embedded.binaries import find_postgres
from services.cli.embedded.child import AS_WE_ARE, Identity, launched, run_once
from services.cli.embedded.data_dir import open_data_dir
from services.cli.embedded.launcher import PARENT_GONE
from services.cli.embedded.postgres import postgres_dsn, postgres_spec
from services.cli.errors import CliError
from services.cli.ledger_calls import migrate
from tests.support.servers import running

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="is about root")


@as_root
def test_root_below_a_directory_of_its_own_is_served_without_giving_it_away(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o700)
    with open_data_dir(tmp_path / "closed" / "data") as data_dir:
        with running(postgres_spec(find_postgres(), data_dir)):
            assert migrate(postgres_dsn(data_dir))
        assert (tmp_path / "closed").stat().st_mode & 0o777 == 0o700
        assert data_dir.path.stat().st_mode & 0o777 == 0o700


@as_root
def test_root_without_user_namespaces_is_served_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    candidates = [one for one in identity._candidates() if one.kind == "drop"]
    monkeypatch.setattr(identity, "_candidates", lambda: iter(candidates))
    (tmp_path / "closed").mkdir(mode=0o700)
    with (
        open_data_dir(tmp_path / "closed" / "data") as data_dir,
        running(postgres_spec(find_postgres(), data_dir)),
    ):
        assert migrate(postgres_dsn(data_dir))
        assert data_dir.postgres.stat().st_uid == candidates[0].uid
        assert data_dir.path.stat().st_uid == 0


@pytest.mark.skipif(sys.platform != "linux", reason="is about the kernel's capabilities")
@as_root
def test_a_dropped_process_keeps_the_one_capability_and_no_other() -> None:
    show = (
        "print([l for l in open('/proc/self/status') if l[:6] in ('CapEff', 'CapPrm', 'CapAmb')])"
    )
    done = run_once((sys.executable, "-c", show), identity=Identity("drop", 65534, 65534))
    assert done.stdout.count("0000000000000002") == 3


@as_root
def test_when_nothing_works_the_message_names_the_ways_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity, "_candidates", lambda: iter([AS_WE_ARE]))
    with pytest.raises(CliError, match=r"IZIN_DATA_DIR .* IZIN_POSTGRES_DSN"):
        identity.choose_identity(Path("/bin/false"), owned=tmp_path, reach=())


def test_a_child_whose_parent_is_gone_does_not_start() -> None:
    command = launched(("/bin/echo", "started"), identity=AS_WE_ARE, reach=())
    assert subprocess.run(command, capture_output=True, check=True).stdout == b"started\n"
    command[command.index("--parent") + 1] = "0"  # nobody's parent
    done = subprocess.run(command, capture_output=True, check=False)
    assert (done.returncode, done.stdout) == (PARENT_GONE, b"")
