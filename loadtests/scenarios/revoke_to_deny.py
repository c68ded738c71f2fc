"""A withdrawal is acknowledged: does every checker deny from then on, and how soon from the cache?

Consents are recorded and withdrawn over the wire, one after the other, at brands of the seeded world,
while an open loop asks the measured check process about other addresses. In every second trial all
checkers (that process, another one, and the check in `izin up`) are asked as soon as the withdrawal is
acknowledged; an answer that is still "allowed" is an exception. A denial right after an acknowledged
consent is counted, too. In the other trials the time is taken from the commit until the cache's watermark
says that it reflects it: from the ledger's own date of the movement, which lies before the commit, so
the time is rather too long.
"""

import asyncio
import json
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from http.client import HTTPConnection
from random import SystemRandom
from statistics import fmean, quantiles
from typing import Final

import asyncpg

from loadtests.kit.cache import watermarks
from loadtests.kit.lab import Lab
from loadtests.kit.load import CONNECTIONS
from loadtests.kit.prepared import body_of
from loadtests.kit.report import Goal
from loadtests.kit.run import Bench
from loadtests.kit.stack import LOAD_CORE, access_token, check_process, running
from loadtests.kit.tools import built, missing
from loadtests.kit.world import number_for_writes

TURKEY: Final = timezone(timedelta(hours=3))
BACKGROUND_RATE: Final = 2_000
BACKGROUND_S: Final = 300
POLL_S: Final = 0.0001
SERVED_MAX_S: Final = 10.0
WRITTEN_AT: Final = """
    SELECT extract(epoch FROM created_at)::float8 FROM extent
     WHERE brand_code = $1 AND base_position < $2 ORDER BY base_position DESC LIMIT 1
"""


@dataclass(frozen=True, slots=True)
class Served:
    """One withdrawal: where it stands, when it was acknowledged and seen in the cache (Unix time)."""

    brand_code: int
    position: int
    acknowledged_at: float
    seen_at: float


@dataclass(slots=True)
class Outcome:
    """What the trials have shown so far."""

    asked: int = 0
    stale_allows: int = 0
    stale_denies: int = 0
    unverified: int = 0
    served: list[Served] = field(default_factory=list[Served])


@dataclass(frozen=True, slots=True)
class Parties:
    """Who writes, and who is asked."""

    lab: Lab
    registry: HTTPConnection
    provider_token: str
    checkers: Sequence[HTTPConnection]
    random: SystemRandom

    def write(self, brand_code: int, number: str, status: str, age_s: int) -> bool:
        """Record a consent or its withdrawal; False if it was refused."""
        decided = datetime.now(UTC).astimezone(TURKEY) - timedelta(seconds=age_s)  # noqa: TID251
        body = {
            "recipient": number,
            "type": "MESAJ",
            "recipientType": "BIREYSEL",
            "source": "HS_WEB",
            "status": status,
            "consentDate": f"{decided:%Y-%m-%d %H:%M:%S}",
        }
        path = f"/sps/{self.lab.product.demo_text('provider', 'iys_code')}/brands/{brand_code}/consents"
        headers = {"Authorization": f"Bearer {self.provider_token}"}
        self.registry.request("POST", path, json.dumps(body), headers)
        response = self.registry.getresponse()
        response.read()
        return response.status in {200, 201}

    def ask(
        self, brand_code: int, number: str, *, of: int | None = None
    ) -> list[dict[str, object]]:
        """Ask all checkers at the same time, or the first `of` them; return their answers."""
        headers = {"Authorization": f"Bearer {self.lab.token}"}
        body = json.dumps(body_of((brand_code, number)))
        asked = self.checkers[:of]
        for checker in asked:
            checker.request("POST", "/check", body, headers)
        return [json.loads(checker.getresponse().read()) for checker in asked]

    def new_consent(self) -> tuple[int, str]:
        """Record the consent of a number that had none; return brand and number."""
        while True:
            brand_code = self.random.choice(self.lab.world.brand_codes)
            number = number_for_writes(self.random)
            if self.write(brand_code, number, "ONAY", age_s=60):
                return brand_code, number


def run(bench: Bench, lab: Lab) -> None:
    """Measure, and add the rows."""
    outcome = Outcome()
    with ExitStack() as stack:
        if not missing("gcc"):
            _start_background(bench, lab, stack)
        second = stack.enter_context(check_process(lab.product, core=LOAD_CORE))
        web = int(lab.product.base_url.rpartition(":")[2])
        ports = (lab.check.port, second.port, web)
        parties = Parties(
            lab,
            _connection(web, stack),
            access_token(lab.product),
            [_connection(port, stack) for port in ports],
            SystemRandom(),
        )
        for n in range(2 * bench.size.refusals):
            if n % 2:
                _time_trial(parties, outcome)
            else:
                _denial_trial(parties, outcome)
            if n % 200 == 199:
                bench.say(f"{n + 1} withdrawals, {outcome.stale_allows} exceptions")
    _rows(bench, lab, outcome)


def _start_background(bench: Bench, lab: Lab, stack: ExitStack) -> None:
    requests = lab.single_checks(bench.size.questions)
    command = [
        *(str(built("openloop")), "127.0.0.1", str(lab.check.port), str(requests)),
        *(str(BACKGROUND_RATE), str(BACKGROUND_S), str(CONNECTIONS), "poisson"),
    ]
    log = lab.folder / "background.log"
    stack.enter_context(running("background load", command, log=log, core=LOAD_CORE))


def _connection(port: int, stack: ExitStack) -> HTTPConnection:
    connection = HTTPConnection("127.0.0.1", port, timeout=30)
    stack.callback(connection.close)
    return connection


def _denial_trial(parties: Parties, outcome: Outcome) -> None:
    brand_code, number = parties.new_consent()
    for answer in parties.ask(brand_code, number):
        outcome.asked += 1
        outcome.unverified += answer["reason"] == "UNVERIFIED"
        outcome.stale_denies += answer["reason"] not in {"CONSENT", "UNVERIFIED"}
    if not parties.write(brand_code, number, "RET", age_s=0):
        raise SystemExit("a withdrawal was refused")
    for answer in parties.ask(brand_code, number):
        outcome.asked += 1
        outcome.unverified += answer["reason"] == "UNVERIFIED"
        outcome.stale_allows += bool(answer["allowed"])


def _position(parties: Parties, brand_code: int, number: str) -> int:
    """Return where the brand stands, by an answer that was verified."""
    while True:
        position = parties.ask(brand_code, number, of=1)[0]["position"]
        if isinstance(position, int):
            return position


def _time_trial(parties: Parties, outcome: Outcome) -> None:
    brand_code, number = parties.new_consent()
    # Nobody else writes here: the withdrawal is the next movement of the brand.
    position = _position(parties, brand_code, number) + 1
    if not parties.write(brand_code, number, "RET", age_s=0):
        raise SystemExit("a withdrawal was refused")
    acknowledged_at = time.time()  # noqa: TID251  # compared with the ledger's date, on this machine
    give_up = time.perf_counter() + SERVED_MAX_S
    while time.perf_counter() < give_up:
        found = watermarks(parties.lab.cache, [brand_code]).get(brand_code)
        if found is not None and found.settled and found.position >= position:
            break
        time.sleep(POLL_S)
    seen_at = time.time()  # noqa: TID251  # likewise
    outcome.served.append(Served(brand_code, position, acknowledged_at, seen_at))
    outcome.asked += 1
    outcome.stale_allows += bool(parties.ask(brand_code, number, of=1)[0]["allowed"])


def _rows(bench: Bench, lab: Lab, outcome: Outcome) -> None:
    written_at = asyncio.run(_dates(lab, outcome))
    from_date = [
        (one.seen_at - written) * 1000
        for one, written in zip(outcome.served, written_at, strict=True)
    ]
    from_ack = [(one.seen_at - one.acknowledged_at) * 1000 for one in outcome.served]
    cuts = quantiles(from_date, n=100, method="inclusive")
    after = quantiles(from_ack, n=100, method="inclusive")
    bench.report.remark(
        f"From the acknowledgement of a withdrawal until the cache serves it: p50 {after[49]:.1f} ms, "
        f"p99 {after[98]:.1f} ms. The row counts from the ledger's date of the movement, before the "
        f"commit was flushed: {fmean(from_date) - fmean(from_ack):.1f} ms earlier."
    )
    bench.report.figure(
        f"RET acknowledged, every checker denies: exceptions in {outcome.asked:,} answers",
        outcome.stale_allows,
        Goal(0, 0, "", smaller_is_better=True),
        beside=f"stale denies {outcome.stale_denies}, unverified {outcome.unverified}",
    )
    bench.report.figure(
        "… from the commit until the cache serves it, p99",
        cuts[98],
        Goal(25, 25, " ms", smaller_is_better=True),
        beside=f"p50 {cuts[49]:.1f} ms, largest {max(from_date):.1f} ms",
    )


async def _dates(lab: Lab, outcome: Outcome) -> list[float]:
    connection = await asyncpg.connect(lab.product.dsn)
    try:
        return [
            await connection.fetchval(WRITTEN_AT, one.brand_code, one.position)
            for one in outcome.served
        ]
    finally:
        await connection.close()
