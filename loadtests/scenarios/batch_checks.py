"""How much of the cache server's own speed is left for batches of 1,000 over HTTP?

Ours: batches of one brand each, no address twice in a batch, over 8 connections, one worker on its core. The
limit: the same look-ups in the same order as bare pipelined HGETs (100 in a write, 50 connections), the
client on the same core, Valkey on the other. redis-benchmark cannot be given a list of keys, so
`generator/rawpipe.c` does what it does; on a command that both can send, the two are compared in the
same run.
"""

import json
from contextlib import closing
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

from loadtests.kit.lab import Lab
from loadtests.kit.load import Measured, raw_pipe, redis_benchmark, wrk
from loadtests.kit.prepared import (
    batch_checks,
    batch_questions,
    places,
    raw_lookups,
    write_prepared,
)
from loadtests.kit.report import Goal
from loadtests.kit.run import Bench
from loadtests.kit.tools import missing

SIZE: Final = 1_000
CONNECTIONS: Final = 8
COMPARED: Final = 10
OURS: Final = f"batches of {SIZE}"
RAW: Final = "raw pipelined HGET"
OF_BENCHMARK: Final = "redis-benchmark, GET of nothing"
OF_RAWPIPE: Final = "rawpipe, GET of nothing"
NOTHING: Final = b"izin:bench:nothing"
CALIBRATION_S: Final = 3
REASONS: Final = ("NO_RECORD", "CONSENT", "REFUSED")


def run(bench: Bench, lab: Lab) -> None:
    """Measure, and add the rows."""
    lack = missing("wrk", "gcc")
    if lack:
        bench.report.row("batch of 1,000 over HTTP, against raw pipelined look-ups", reached=lack)
        return
    batches = batch_questions(lab.world, bench.size.batches, SIZE, seed=SIZE)
    flat = [(brand_code, number) for brand_code, numbers in batches for number in numbers]
    found = list(places(flat, lab.keys, lab.layout()))
    bodies = write_prepared(lab.folder / "batches", batch_checks(batches, lab.token))
    commands = write_prepared(lab.folder / "lookups", raw_lookups(found))
    void = _difference(lab, batches, found)
    seconds = bench.size.seconds
    wrk(lab.check, bodies, seconds=2, connections=CONNECTIONS)
    taken = bench.alternate(
        {
            OURS: partial(_batches, lab, bodies, seconds),
            RAW: partial(raw_pipe, lab.product.valkey, commands, seconds=seconds),
        }
    )
    bench.report.ratio(
        "batch of 1,000 over HTTP, addresses, against raw pipelined look-ups",
        *(taken[OURS], taken[RAW], Goal(0.55, 0.9)),
        void=void,
    )
    _calibrate(bench, lab)


def _batches(lab: Lab, bodies: Path, seconds: int) -> Measured:
    """Return a turn of ours, counted in addresses."""
    turn = wrk(lab.check, bodies, seconds=seconds, connections=CONNECTIONS)
    return Measured(
        rate=turn.rate * SIZE,
        p50=turn.p50,
        p99=turn.p99,
        p999=turn.p999,
        cpu_us=turn.cpu_us,
        failed=turn.failed,
        busy=turn.busy,
        note="latency and CPU of a whole batch",
    )


def _difference(
    lab: Lab, batches: list[tuple[int, list[str]]], found: list[tuple[bytes, bytes]]
) -> str:
    """Compare some batches with what the cache holds; return what is wrong, or nothing."""
    headers = {"Authorization": f"Bearer {lab.token}", "Content-Type": "application/json"}
    with closing(HTTPConnection("127.0.0.1", lab.check.port, timeout=10)) as connection:
        for n, (brand_code, numbers) in enumerate(batches[:COMPARED]):
            body = {"brandCode": brand_code, "type": "MESAJ", "recipients": numbers}
            connection.request("POST", "/check/batch", json.dumps(body), headers)
            results = json.loads(connection.getresponse().read())["results"]
            together = lab.cache.pipeline(transaction=False)
            for key, field in found[n * SIZE : (n + 1) * SIZE]:
                together.hget(key.decode(), field)
            expected = [REASONS[int(value or 0) % 3] for value in together.execute()]
            if results != expected:
                return f"void: batch {n} has other answers than the cache"
    return ""


def _calibrate(bench: Bench, lab: Lab) -> None:
    """Show that the program behind the limit is no slower than redis-benchmark."""
    what = "… that limit's program, beside redis-benchmark on one command"
    lack = missing("redis-benchmark")
    if lack:
        bench.report.row(what, reached=lack)
        return
    command = b"*2\r\n$3\r\nGET\r\n$%d\r\n%s\r\n" % (len(NOTHING), NOTHING)
    file = write_prepared(lab.folder / "nothing", [command])
    ours = partial(raw_pipe, lab.product.valkey, file, seconds=CALIBRATION_S)
    requests = round(ours().rate * CALIBRATION_S / 100) * 100
    taken = bench.alternate(
        {
            OF_RAWPIPE: ours,
            OF_BENCHMARK: partial(
                redis_benchmark,
                lab.product.valkey,
                ("GET", NOTHING.decode()),
                requests=requests,
            ),
        }
    )
    bench.report.ratio(what, taken[OF_RAWPIPE], taken[OF_BENCHMARK])
