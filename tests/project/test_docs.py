"""The documents lead somewhere, and leave nothing out that a machine can count."""

import re
from pathlib import Path

import pytest

from services.check.app import create_app as create_check
from services.check.settings import CheckSettings
from services.registry.app import create_app as create_registry
from services.registry.settings import RegistrySettings
from tests.project.repository import ROOT, files, shown, text

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
ADR = re.compile(r"(\d{4})-[a-z0-9-]+\.md")
DSN = "postgresql://nobody@127.0.0.1/none"


def anchors(path: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", files(".md"), ids=shown)
def test_every_link_leads_somewhere(path: Path) -> None:
    for link in LINK.findall(path.read_text()):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        assert target.exists(), link
        assert not anchor or anchor in anchors(target), link


def test_files_that_the_architecture_names_are_there() -> None:
    named = set(
        re.findall(r"`((?:services|shared|docs|deploy)/[\w/.-]+)`", text("ARCHITECTURE.md"))
    )
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_decisions_are_numbered_without_gaps_and_dated() -> None:
    names = sorted(path.name for path in (ROOT / "docs" / "adr").iterdir())
    numbers = [int(found[1]) for name in names if (found := ADR.fullmatch(name))]
    assert numbers == list(range(1, len(names) + 1))
    for name in names:
        title, _, dated, *rest = text(f"docs/adr/{name}").splitlines()
        assert title.startswith(f"# {name[:4]} ")
        assert re.fullmatch(r"\d{4}-\d\d-\d\d · \w+", dated)
        assert all(
            f"**{part}.**" in "\n".join(rest) for part in ("Context", "Decision", "Consequences")
        )


def test_decisions_that_are_referred_to_are_there() -> None:
    there = {path.name[:4] for path in (ROOT / "docs" / "adr").iterdir()}
    for path in files(".py", ".sql", ".md"):
        assert set(re.findall(r"\bADR (\d{4})\b", path.read_text())) <= there, shown(path)


def test_every_make_target_is_documented() -> None:
    targets = set(re.findall(r"^([a-z][a-z-]*):.*## ", text("Makefile"), re.MULTILINE))
    assert targets == set(
        re.findall(r"^\| `make ([a-z-]+)` \|", text("DEVELOPMENT.md"), re.MULTILINE)
    )


def test_every_event_that_is_logged_is_documented() -> None:
    operations = text("docs/operations.md")
    for path in [*files(".py", below="services"), *files(".py", below="shared")]:
        logged = r'log\.(?:log|info|warning|error)\((?:\s*record\.levelno,)?\s*"([a-z._]+)"'
        for event in re.findall(logged, path.read_text()):
            assert f"`{event}`" in operations, f"{event} of {shown(path)}"


def test_every_metric_is_documented() -> None:
    declared = set(re.findall(r'"(izin_\w+)"', text("shared/telemetry/metrics.py")))
    operations = text("docs/operations.md")
    assert {name for name in declared if not re.search(rf"`{name}(?:`|\{{)", operations)} == set()


def test_every_address_of_the_services_is_documented(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IZIN_REGISTRY_POSTGRES_DSN", DSN)
    monkeypatch.setenv("IZIN_CHECK_POSTGRES_DSN", DSN)
    apps = (create_registry(RegistrySettings()), create_check(CheckSettings()))
    documents = "\n".join(path.read_text() for path in files(".md", below="docs"))
    addresses = {
        f"{method.upper()} {path}"
        for app in apps
        for path, operations in app.openapi()["paths"].items()
        for method in operations
    }
    assert {address for address in addresses if f"`{address}`" not in documents} == set()
