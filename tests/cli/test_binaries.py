from pathlib import Path

import pytest

from services.cli.embedded.binaries import find_postgres, find_valkey
from services.cli.errors import CliError


def nowhere(_package: str) -> None:
    return None


def program(path: Path, says: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)


def test_the_wheels_are_found() -> None:
    assert find_postgres().major >= 17
    assert find_valkey().name == "valkey-server"


def test_without_a_wheel_the_message_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(
        CliError, match=r"no PostgreSQL wheel for this platform \(.*IZIN_POSTGRES_DSN"
    ):
        find_postgres(nowhere, tmp_path, search_path=str(tmp_path))
    with pytest.raises(CliError, match=r"no Valkey wheel for this platform \(.*IZIN_REDIS_URL"):
        find_valkey(nowhere, search_path=str(tmp_path))


def test_a_new_enough_postgres_of_the_machine_serves(tmp_path: Path) -> None:
    for major in (9, 15, 17, 18):
        program(tmp_path / str(major) / "bin" / "postgres", f"postgres (PostgreSQL) {major}.2")
        program(tmp_path / str(major) / "bin" / "initdb", "")
    old = tmp_path / "15" / "bin"
    found = find_postgres(nowhere, tmp_path, search_path=str(old))
    assert found.major == 18
    assert found.initdb == tmp_path / "18" / "bin" / "initdb"


def test_a_redis_server_of_the_machine_serves(tmp_path: Path) -> None:
    program(tmp_path / "redis-server", "")
    assert find_valkey(nowhere, search_path=str(tmp_path)) == tmp_path / "redis-server"
