"""What the import contracts cannot say: they list modules, and these rules go by names."""

import ast
import re

import pytest

from tests.project.repository import files, shown, sources

FRAMEWORKS = {"fastapi", "fastapi_offline", "starlette", "uvicorn"}
# The modules of a service that are its web side; everything else decides, and knows no framework.
WEB_SIDE = re.compile(r"app|openapi|request|routes(_\w+)?|\w+_routes")


def imported_by(tree: ast.Module) -> set[str]:
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    return names | {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}


@pytest.mark.parametrize(
    "below", ["services/check", "services/registry", "services/ingest", "shared/wire"]
)
def test_use_cases_import_no_web_framework(below: str) -> None:
    deciding = [path for path in files(".py", below=below) if not WEB_SIDE.fullmatch(path.stem)]
    assert deciding
    for path in deciding:
        tops = {name.partition(".")[0] for name in imported_by(ast.parse(path.read_text()))}
        assert not tops & FRAMEWORKS, shown(path)


def test_load_tests_are_clients_and_no_insiders() -> None:
    for path in files(".py", below="loadtests"):
        tops = {name.partition(".")[0] for name in imported_by(ast.parse(path.read_text()))}
        assert not tops & {"services", "shared", "tests"}, shown(path)


def test_nothing_that_runs_imports_a_test() -> None:
    for path, tree in sources():
        tops = {name.partition(".")[0] for name in imported_by(tree)}
        assert not tops & {"tests", "pytest", "hypothesis", "schemathesis"}, shown(path)
