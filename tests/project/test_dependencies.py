"""The lock pins everything, by hash, and names no host; the project says why it needs what it needs."""

import re
import tomllib

from tests.project.repository import text

PROJECT = tomllib.loads(text("pyproject.toml"))
DECLARED = [*PROJECT["project"]["dependencies"], *PROJECT["dependency-groups"]["dev"]]
LOCK = text("requirements.lock")
# One requirement: its name, its version, perhaps a marker, then at least one hash.
ENTRY = re.compile(
    r"(?P<name>[a-z0-9][a-z0-9-]*)==[^ ;]+(?: ; [^\\\n]+)?(?: \\\n    --hash=sha256:[0-9a-f]{64})+\n"
)


def name_of(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0].lower().replace("_", "-")


def test_the_lock_holds_pinned_and_hashed_requirements_and_nothing_else() -> None:
    assert ENTRY.sub("", LOCK) == ""


def test_the_lock_names_no_host() -> None:
    assert "://" not in LOCK
    assert not re.search(r"^-", LOCK, re.MULTILINE)


def test_the_lock_covers_what_the_project_declares() -> None:
    locked = {entry["name"] for entry in ENTRY.finditer(LOCK)}
    assert {name_of(requirement) for requirement in DECLARED} <= locked


def test_every_dependency_says_what_it_is_for() -> None:
    lines = text("pyproject.toml").splitlines()
    for requirement in DECLARED:
        line = next(line for line in lines if line.strip().startswith(f'"{requirement}"'))
        assert re.search(r'",\s+# \w', line), requirement
