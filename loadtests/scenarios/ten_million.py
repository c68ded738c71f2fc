"""Does the check slow down when there is a hundred times as much to look in?

Two whole products at the same time, one with 10 million consents, one with 100 thousand, with as many
brands; their check processes take turns on the one core.
"""

from functools import partial
from typing import Final

from loadtests.kit.lab import Lab, lab
from loadtests.kit.load import wrk
from loadtests.kit.report import Goal
from loadtests.kit.run import Bench
from loadtests.kit.tools import missing

LARGE: Final = "single check, the large world"
SMALL: Final = "single check, the small world"


def run(bench: Bench, large: Lab) -> None:
    """Measure, and add the row."""
    size = bench.size
    what = f"rate with {size.world.consents:,} consents, against {size.small.consents:,}"
    if size.world == size.small:
        bench.report.row(what, reached="not in a quick run")
        return
    lack = missing("wrk")
    if lack:
        bench.report.row(what, reached=lack)
        return
    with lab(size.small) as small:
        turns = {
            name: partial(wrk, one.check, one.single_checks(size.questions), seconds=size.seconds)
            for name, one in ((LARGE, large), (SMALL, small))
        }
        for turn in turns.values():
            turn()
        taken = bench.alternate(turns)
    bench.report.ratio(what, taken[LARGE], taken[SMALL], Goal(0.9, 1.0))
