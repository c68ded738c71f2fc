"""`make bench`: every scenario in one run, one table, and a dated result file.

    python -m loadtests.bench               everything, with 10 million consents (seeded on the first run)
    python -m loadtests.bench quick         a few minutes, with 100 thousand: shows that it works, no more
    python -m loadtests.bench single batch  some scenarios only
    python -m loadtests.bench ingest        files: a result file of its own, with a picture

Never fails for being slow. What is missing is named above the table and in its rows.
"""

import argparse
import sys
import traceback
from collections.abc import Callable
from functools import partial
from typing import Final

from loadtests.kit.lab import Lab, lab
from loadtests.kit.load import generator_sees_stalls
from loadtests.kit.report import HEAD, heading, table, write_result
from loadtests.kit.run import FULL, QUICK, Bench
from loadtests.kit.seed import seeded
from loadtests.kit.tools import describe_machine, missing, missing_anything
from loadtests.scenarios import (
    batch_checks,
    cache_memory,
    ingest_beside,
    ingest_files,
    revoke_to_deny,
    single_adds,
    single_checks,
    ten_million,
)

IN_THE_LAB: Final[dict[str, Callable[[Bench, Lab], None]]] = {
    "memory": cache_memory.run,
    "single": single_checks.run,
    "batch": batch_checks.run,
    "revoke": revoke_to_deny.run,
    "ten-million": ten_million.run,
}
ALONE: Final[dict[str, Callable[[Bench], None]]] = {
    "few-brands": cache_memory.run_few_brands,
    "adds": single_adds.run,
}
# A report of their own. What is asked for by name only takes long.
FILES: Final[dict[str, tuple[Callable[[Bench], None], ...]]] = {
    "ingest": (ingest_files.run, ingest_beside.run),
}
BY_NAME_ONLY: Final[dict[str, tuple[Callable[[Bench], None], ...]]] = {
    "ingest-large": (ingest_files.run_large,),
    "ingest-files": (ingest_files.run,),
    "ingest-beside": (ingest_beside.run,),
}


def main() -> None:
    """Run what was asked for, print the table, write the result."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    known = (*IN_THE_LAB, *ALONE, *FILES, *BY_NAME_ONLY)
    parser.add_argument("what", nargs="*", help=f"quick, {', '.join(known)}")
    parser.add_argument("--seconds", type=int, help="length of one turn")
    parser.add_argument("--rounds", type=int, help="turns of each")
    options = parser.parse_args()
    quick = "quick" in options.what
    names = [name for name in options.what if name not in {"quick", "full"}]
    unknown = [name for name in names if name not in known]
    if unknown:
        parser.error(f"no scenario {', '.join(unknown)}")
    size = QUICK if quick else FULL
    size = size.changed(options.seconds, options.rounds)
    checks, files = Bench(size), Bench(size)
    command = " ".join(["make bench", *_said(options.what)])
    _run(checks, names or [*IN_THE_LAB, *ALONE])
    if not names or set(names) & {*IN_THE_LAB, *ALONE}:
        _publish(checks, "The check", command, name="checks", complete=not quick and not names)
    asked = names or list(FILES)
    ingest_beside.PICTURE.unlink(missing_ok=True)
    parts = {name: some for name, some in (FILES | BY_NAME_ONLY).items() if name in asked}
    for name, some in parts.items():
        for part in some:
            _guarded(files, name, partial(part, files))
    if parts:
        if "ingest-large" not in parts:
            large = f"CSV at {size.ingest.large.consents:,} stored"
            files.report.row(large, reached="missing: BENCH='ingest ingest-large' has it")
        complete = not quick and bool({*FILES} & {*parts})
        _publish(files, "Files", command, name="ingest", complete=complete)


def _publish(bench: Bench, title: str, command: str, *, name: str, complete: bool) -> None:
    """Print the table, and write the result."""
    machine = describe_machine()
    above = heading(title, machine, command, missing_anything())
    print(f"{above}\n\n{table(HEAD, bench.report.rows)}\n")
    print("\n".join(f"- {remark}" for remark in bench.report.remarks))
    picture = ingest_beside.PICTURE if name == "ingest" else None
    path = write_result(
        bench.report, machine.day, above, name=name, complete=complete, picture=picture
    )
    print(f"\nwritten to {path}")


def _run(bench: Bench, names: list[str]) -> None:
    for line in missing_anything():
        bench.say(f"MISSING {line}")
    if not missing("gcc"):
        seen, what = generator_sees_stalls()
        bench.report.remark(f"Self-check of the open-loop generator: {what}.")
        if not seen:
            sys.exit(f"the open-loop generator does not see stalls: {what}")
    in_the_lab = [name for name in IN_THE_LAB if name in names]
    if in_the_lab:
        _run_in_the_lab(bench, in_the_lab)
    for name in ALONE:
        if name in names:
            _guarded(bench, name, partial(ALONE[name], bench))


def _run_in_the_lab(bench: Bench, names: list[str]) -> None:
    # Made before anything runs: seeding has the machine for itself.
    for world in (bench.size.world, bench.size.small, bench.size.few_brands):
        seeded(world)
    bench.say(f"starting the product with {bench.size.world.consents:,} consents")
    with lab(bench.size.world, wait="memory" not in names) as measured:
        for name in names:
            _guarded(bench, name, partial(IN_THE_LAB[name], bench, measured))


def _guarded(bench: Bench, name: str, scenario: Callable[[], None]) -> None:
    """Run one scenario; what breaks in it takes a row, and the others go on."""
    bench.say(f"--- {name}")
    try:
        scenario()
    except (Exception, SystemExit) as error:  # noqa: BLE001  # a row, whatever it was
        traceback.print_exc()
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        bench.report.row(name, reached=f"FAILED: {reason}")


def _said(what: list[str]) -> list[str]:
    return [f"BENCH='{' '.join(what)}'"] if what else []


if __name__ == "__main__":
    main()
