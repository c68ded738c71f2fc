"""What the import contracts cannot say by themselves: that nothing slipped past their lists."""

import ast
import tomllib

from tests.project.repository import ROOT, files, shown, sources, text

# The modules of a service that are its web side; everything else decides, and knows no framework.
WEB_SIDE = ("__init__", "__main__", "app", "openapi", "schemas", "routes", "hot_path")


def imported_by(tree: ast.Module) -> set[str]:
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    return names | {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}


def test_every_use_case_is_under_the_contract_about_frameworks() -> None:
    contracts = tomllib.loads(text("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    contract = next(c for c in contracts if c["name"] == "use cases import no web framework")
    # A sub-package counts as a whole: a forbidden import holds for all that is in it.
    modules = {
        f"services.{service}.{path.stem}"
        for service in ("check", "registry")
        for path in (ROOT / "services" / service).iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
        if not any(part in path.stem.split("_") or part == path.stem for part in WEB_SIDE)
    }
    assert set(contract["source_modules"]) == modules


def test_load_tests_are_clients_and_no_insiders() -> None:
    for path in files(".py", below="loadtests"):
        tops = {name.partition(".")[0] for name in imported_by(ast.parse(path.read_text()))}
        assert not tops & {"services", "shared", "tests"}, shown(path)


def test_nothing_that_runs_imports_a_test() -> None:
    for path, tree in sources():
        tops = {name.partition(".")[0] for name in imported_by(tree)}
        assert not tops & {"tests", "pytest", "hypothesis", "schemathesis"}, shown(path)
