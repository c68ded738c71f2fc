"""The settings of limits: what is chosen, and what makes no sense."""

from pathlib import Path

import pytest
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from services.check.settings import CheckSettings
from services.ingest.settings import IngestSettings
from services.registry.limits.sizes import sizes_of
from services.registry.settings import RegistrySettings
from shared.domain.limits_table import PROFILES, Profile
from shared.telemetry.metrics import LIMIT_NAMES
from tests.project.repository import section, table_rows, text


def chosen(monkeypatch: pytest.MonkeyPatch, path: Path, content: str) -> RegistrySettings:
    file = path / "limits.json"
    file.write_text(content)
    monkeypatch.setenv("IZIN_LIMITS_FILE", str(file))
    return RegistrySettings()


def test_by_default_the_table_is_izin_s() -> None:
    table = RegistrySettings().limit_table
    assert (table.profile, table.limits) == (Profile.IZIN, tuple(PROFILES[Profile.IZIN]))


def test_a_file_changes_single_rows(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IZIN_LIMIT_PROFILE", "official")
    content = '{"token": {"quota": 10}, "requests": {"quota": 50, "window_s": 10}, "history": null}'
    table = chosen(monkeypatch, tmp_path, content).limit_table
    rows = {one.name: (one.quota, one.window_s) for one in table.limits}
    assert (rows["token"], rows["requests"]) == ((10, 3600), (50, 10))
    assert "history" not in rows


def test_no_file_is_named_by_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IZIN_LIMITS_FILE", "")
    assert RegistrySettings().limits_file is None


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "is not JSON: Expecting property name"),
        ("[]", "limits.json: not a JSON object of limits by name"),
        ('{"adds": {"quota": -1}}', "limits.json: adds.quota: not a whole number from 1 to"),
        ('{"add": null}', "add: the profile izin has no such limit; it has adds, requests"),
    ],
)
def test_a_mistake_is_told_with_its_place(
    content: str, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(ValidationError) as refused:
        chosen(monkeypatch, tmp_path, content)
    (error,) = refused.value.errors()
    assert (error["loc"], said in error["msg"]) == (("limits_file",), True), error["msg"]


def test_a_file_that_is_not_there_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("IZIN_LIMITS_FILE", str(tmp_path / "none.json"))
    with pytest.raises(ValidationError, match="cannot be read: No such file"):
        RegistrySettings()


def test_a_profile_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IZIN_LIMIT_PROFILE", "strict")
    monkeypatch.setenv("IZIN_LIMITS_FILE", "")
    with pytest.raises(ValidationError, match="limit_profile"):
        RegistrySettings()


@pytest.mark.parametrize(
    ("profile", "heading"),
    [(Profile.IZIN, "### `izin`, the default"), (Profile.OFFICIAL, "### `official`")],
)
def test_the_documented_table_is_the_table(profile: Profile, heading: str) -> None:
    rows = table_rows(section(text("docs/limits.md"), heading))
    assert [
        (row[0].strip("`"), row[2], int(row[3]), int(row[4].removesuffix(" s")), row[5])
        for row in rows
    ] == [(one.name, one.per.value, one.quota, one.window_s, one.code) for one in PROFILES[profile]]


def test_the_documented_sizes_are_the_sizes() -> None:
    rows = table_rows(section(text("docs/limits.md"), "## Sizes"))
    assert [(row[0].strip("`"), int(row[1]), row[2], row[3].strip("`")) for row in rows] == [
        (size.name, size.most, size.code, size.setting or "")
        for size in sizes_of(RegistrySettings())
    ]


@pytest.mark.parametrize(
    ("kind", "name"), [(IngestSettings, "ingest_batch_max"), (CheckSettings, "check_batch_max")]
)
def test_what_another_service_heeds_is_shown_as_it_is_there(
    kind: type[BaseSettings], name: str
) -> None:
    shown, heeded = RegistrySettings.model_fields[name], kind.model_fields[name]
    assert (shown.default, shown.metadata) == (heeded.default, heeded.metadata)


def test_every_limit_has_its_number_in_the_metrics() -> None:
    assert {one.name for limits in PROFILES.values() for one in limits} == LIMIT_NAMES
