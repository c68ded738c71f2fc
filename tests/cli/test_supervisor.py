import signal
from pathlib import Path

import pytest

from services.cli.embedded import supervisor as supervising
from services.cli.embedded.child import ChildSpec
from services.cli.embedded.supervisor import Supervisor
from services.cli.errors import CliError


def shell(directory: Path, name: str, script: str, *, stop_timeout_s: float = 10.0) -> ChildSpec:
    """Return a child that is ready once it wrote its log."""
    log_file = directory / f"{name}.log"
    return ChildSpec(
        name=name,
        command=("/bin/sh", "-c", f"cd {directory}; {script}"),
        log_file=log_file,
        is_ready=lambda _pid: log_file.exists() and "ready" in log_file.read_text(),
        ready_timeout_s=5.0,
        stop_timeout_s=stop_timeout_s,
    )


def until_stopped(name: str) -> str:
    done = f"echo {name} >> order; exit 0"
    return f"trap '{done}' TERM; echo ready; while :; do sleep 0.02; done"


async def test_children_stop_in_reverse_order(tmp_path: Path) -> None:
    async with Supervisor() as supervisor:
        for name in ("first", "second", "third"):
            await supervisor.start(shell(tmp_path, name, until_stopped(name)))
    assert (tmp_path / "order").read_text().split() == ["third", "second", "first"]


async def test_one_that_keeps_dying_ends_everything_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervising, "PAUSE_FIRST_S", 0.0)
    said: list[str] = []
    async with Supervisor(said.append) as supervisor:
        await supervisor.start(shell(tmp_path, "healthy", until_stopped("healthy")))
        await supervisor.start(shell(tmp_path, "dying", "echo ready; exit 7"))
        with pytest.raises(CliError, match="dying died more than 5 times in 60 s"):
            await supervisor.wait()
    assert said == ["dying stopped unexpectedly (code 7); starting it again"] * 5
    assert (tmp_path / "order").read_text() == "healthy\n"


async def test_one_that_cannot_start_is_explained_by_the_end_of_its_log(tmp_path: Path) -> None:
    with pytest.raises(CliError, match=r"broken did not start: stopped with code 3; .*: no luck$"):
        async with Supervisor() as supervisor:
            await supervisor.start(shell(tmp_path, "broken", "echo no luck; exit 3"))


async def test_one_that_does_not_stop_is_cut_short(tmp_path: Path) -> None:
    stubborn = "trap '' TERM; echo ready; while :; do sleep 0.02; done"
    async with Supervisor() as supervisor:
        await supervisor.start(shell(tmp_path, "stubborn", stubborn, stop_timeout_s=0.1))
        [child] = supervisor._children
    assert child.process.returncode == -signal.SIGKILL
