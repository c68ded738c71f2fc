import json
import os
import shutil
from pathlib import Path

import pytest

from services.cli.embedded.data_dir import (
    DataDir,
    holder,
    is_new,
    open_data_dir,
    record_version,
    write_private,
)
from services.cli.errors import CliError


def test_it_is_made_private_with_a_private_directory_for_sockets(tmp_path: Path) -> None:
    with open_data_dir(tmp_path / "a" / "data") as data_dir:
        assert data_dir.path.stat().st_mode & 0o777 == 0o700
        assert data_dir.run.stat().st_mode & 0o777 == 0o700
        assert is_new(data_dir)


def test_a_second_opener_is_told_who_has_it(tmp_path: Path) -> None:
    with (
        open_data_dir(tmp_path / "data"),
        pytest.raises(CliError, match=rf"already running \(pid {os.getpid()}\) on this data dir"),
        open_data_dir(tmp_path / "data"),
    ):
        pass


def test_the_holder_is_known_while_it_is_open_and_not_after(tmp_path: Path) -> None:
    assert holder(tmp_path / "data") is None
    with open_data_dir(tmp_path / "data") as data_dir:
        assert holder(data_dir.path) == os.getpid()
    assert holder(data_dir.path) is None


def test_a_file_in_its_place_is_named_as_such(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    for path in (tmp_path / "data", tmp_path / "data" / "below"):
        with pytest.raises(CliError, match="is not a directory"), open_data_dir(path):
            pass


def test_a_directory_that_cannot_be_written_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "lock").mkdir()  # unlike a mode, it stops root too
    with (
        pytest.raises(CliError, match=r"cannot be written .*IZIN_DATA_DIR"),
        open_data_dir(tmp_path / "data"),
    ):
        pass


def test_too_little_disk_is_refused_with_the_numbers(tmp_path: Path) -> None:
    free_mb = shutil.disk_usage(tmp_path).free // 1_000_000
    with (
        pytest.raises(CliError, match=r"only \d+ MB are free .* IZIN_DATA_DIR"),
        open_data_dir(tmp_path / "data", disk_free_mb_min=free_mb * 2),
    ):
        pass


def test_another_format_is_refused_with_what_was_found_and_needed(tmp_path: Path) -> None:
    (tmp_path / "VERSION").write_text(json.dumps({"format": 99, "postgres_major": 18}))
    with pytest.raises(CliError, match=r"format 99 .* needs format 1"), open_data_dir(tmp_path):
        pass


def test_a_version_file_that_is_not_ours_is_refused(tmp_path: Path) -> None:
    (tmp_path / "VERSION").write_text("18\n")
    with (
        pytest.raises(CliError, match="cannot be read as what izin wrote"),
        open_data_dir(tmp_path),
    ):
        pass


def test_another_postgres_than_the_one_that_wrote_it_is_refused(tmp_path: Path) -> None:
    with open_data_dir(tmp_path) as data_dir:
        record_version(data_dir, postgres_major=18)
        record_version(data_dir, postgres_major=None)  # a while with a server elsewhere
        with pytest.raises(
            CliError, match="written by PostgreSQL 18 and PostgreSQL 19 is installed"
        ):
            record_version(data_dir, postgres_major=19)


def test_a_path_too_long_for_sockets_gets_a_short_private_one_that_is_removed(
    tmp_path: Path,
) -> None:
    with open_data_dir(tmp_path / ("long" * 30)) as data_dir:
        run = data_dir.run
        assert len(os.fsencode(run)) < 80
        assert run.stat().st_mode & 0o777 == 0o700
    assert not run.exists()


def test_the_short_path_of_a_killed_run_is_removed_by_the_next(tmp_path: Path) -> None:
    leftover = DataDir(tmp_path / ("long" * 30))
    leftover.path.mkdir()
    leftover.make_run()
    abandoned = leftover.run
    with open_data_dir(leftover.path) as data_dir:
        assert data_dir.run != abandoned
    assert not abandoned.exists()


def test_a_private_file_is_whole_and_for_its_owner_alone(tmp_path: Path) -> None:
    write_private(tmp_path / "f", "one")
    write_private(tmp_path / "f", "two")
    assert (tmp_path / "f").read_text() == "two"
    assert (tmp_path / "f").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["f"]
