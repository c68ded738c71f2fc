"""What the import contracts cannot say by themselves: that nothing slipped past their lists."""

import ast
import tomllib

from tests.project.repository import ROOT, files, shown, sources, text

# The modules of a service that are its web side; everything else decides, and knows no framework.
WEB_SIDE = {
    "__init__",
    "__main__",
    "app",
    "openapi",
    "schemas",
    "routes",
    "hot_path",
    "wire_request",
}
# They put everything together, the web side among it.
ROOTS = {"services.registry.worker"}


def imported_by(tree: ast.Module) -> set[str]:
    names = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    return names | {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}


def test_every_use_case_is_under_the_contract_about_frameworks() -> None:
    contracts = tomllib.loads(text("pyproject.toml"))["tool"]["importlinter"]["contracts"]
    contract = next(c for c in contracts if c["name"] == "use cases import no web framework")
    listed = set(contract["source_modules"])
    modules = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for service in ("check", "registry")
        for path in files(".py", below=f"services/{service}")
    }
    deciding = {
        module
        for module in modules - ROOTS
        if not WEB_SIDE & {last := module.rpartition(".")[2], *last.split("_")}
    }
    # A sub-package that is listed counts as a whole: a forbidden import holds for all that is in it.
    packages = {name for name in listed if name not in modules}
    assert {
        module for module in deciding if not any(_is_in(module, one) for one in listed)
    } == set()
    assert {name for name in listed - packages if name not in deciding} == set()
    assert all(any(_is_in(module, name) for module in modules) for name in packages)


def _is_in(module: str, name: str) -> bool:
    return module == name or module.startswith(f"{name}.")


def test_load_tests_are_clients_and_no_insiders() -> None:
    for path in files(".py", below="loadtests"):
        tops = {name.partition(".")[0] for name in imported_by(ast.parse(path.read_text()))}
        assert not tops & {"services", "shared", "tests"}, shown(path)


def test_nothing_that_runs_imports_a_test() -> None:
    for path, tree in sources():
        tops = {name.partition(".")[0] for name in imported_by(tree)}
        assert not tops & {"tests", "pytest", "hypothesis", "schemathesis"}, shown(path)
