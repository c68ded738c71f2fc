"""docs/settings.md and deploy/*.env.example say what the settings classes say."""

import re

import pytest
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from services.check.projector.settings import ProjectorSettings
from services.check.settings import CheckSettings
from services.cli.settings import ClientSettings, UpSettings
from services.ingest.settings import IngestSettings
from services.registry.settings import RegistrySettings
from tests.project.repository import files, section, table_rows, text

HEADINGS: dict[type[BaseSettings], str] = {
    RegistrySettings: "## The registry (`RegistrySettings`)",
    CheckSettings: "## The check (`CheckSettings`)",
    ProjectorSettings: "## The projector (`ProjectorSettings`)",
    IngestSettings: "## Ingest (`IngestSettings`)",
    UpSettings: "## `izin up` and the owner's commands (`UpSettings`)",
    ClientSettings: "## The commands that talk to a server (`ClientSettings`)",
}
# The owner's DSN goes to no service, so no example of a service names it.
EXAMPLES: dict[str, tuple[type[BaseSettings], set[str]]] = {
    "registry": (RegistrySettings, {"IZIN_POSTGRES_DSN"}),
    "check": (CheckSettings, {"IZIN_POSTGRES_DSN"}),
    "projector": (ProjectorSettings, {"IZIN_POSTGRES_DSN"}),
    "ingest": (IngestSettings, {"IZIN_POSTGRES_DSN"}),
}


def variables(kind: type[BaseSettings]) -> dict[str, FieldInfo]:
    return {f"IZIN_{name.upper()}": field for name, field in kind.model_fields.items()}


def as_shown(default: object) -> str:
    if default is None:
        return "not set"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    return f"`{default:g}`" if isinstance(default, float) else f"`{default}`"


def example(name: str) -> dict[str, str]:
    lines = text(f"deploy/{name}.env.example").splitlines()
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    return {variable: value for variable, _, value in pairs}


@pytest.mark.parametrize("kind", HEADINGS, ids=lambda kind: kind.__name__)
def test_every_setting_is_documented_as_it_is(kind: type[BaseSettings]) -> None:
    documented = {
        row[0].strip("`"): (row[2], row[3].replace("\\", ""))
        for row in table_rows(section(text("docs/settings.md"), HEADINGS[kind]))
    }
    assert documented == {
        name: (as_shown(field.default), field.description)
        for name, field in variables(kind).items()
    }


def test_every_settings_class_has_its_table() -> None:
    declared = {
        name
        for path in files(".py", below="services")
        for name in re.findall(r"^class (\w+)\(BaseSettings\)", path.read_text(), re.MULTILINE)
    }
    assert declared == {kind.__name__ for kind in HEADINGS}


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_names_every_setting_of_its_service(name: str) -> None:
    kind, withheld = EXAMPLES[name]
    assert set(example(name)) == set(variables(kind)) - withheld


@pytest.mark.parametrize(
    "name",
    [
        "registry",
        "check",
        "projector",
        "ingest",
    ],
)
def test_an_example_is_accepted_by_its_service(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in example(name).items():
        monkeypatch.setenv(variable, value)
    EXAMPLES[name][0]()


def test_the_owner_s_dsn_is_in_the_migration_s_example_alone() -> None:
    assert set(example("migrate")) == {"IZIN_POSTGRES_DSN"}


def test_no_variable_is_mentioned_that_is_none() -> None:
    known = {variable for kind in HEADINGS for variable in variables(kind)}
    mentioned = {
        variable
        for path in files(".md", ".example", ".yaml")
        for variable in re.findall(r"\bIZIN_[A-Z_]*[A-Z]", path.read_text())
    }
    assert mentioned <= known
