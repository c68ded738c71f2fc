"""How much of the database's own speed is left for single adds over HTTP?

The floor: pgbench with the bare statements of one such write (a movement with an identity column, an
upsert of a consent, nothing else: no head, no rules, no HTTP), prepared, 48 connections. Ours: the same
number of HTTP connections, each recording first consents of addresses of its own, through the whole
product as `make up` starts it. Both durable (fsync and synchronous_commit on), both on the same server,
taking turns in one run.
"""

import os
import re
import secrets
import subprocess
import sys
import tempfile
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from loadtests.kit.load import Measured
from loadtests.kit.report import Goal
from loadtests.kit.run import Bench
from loadtests.kit.stack import Product, access_token, product
from loadtests.kit.tools import missing, pg_program

# As many of both: the embedded server admits 100, and the product holds some forty.
CONNECTIONS = 48
TURKEY = timezone(timedelta(hours=3))

FLOOR_SCHEMA = """
    CREATE SCHEMA IF NOT EXISTS bench;
    DROP TABLE IF EXISTS bench.movement, bench.consent;
    CREATE TABLE bench.movement (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, brand_code integer NOT NULL,
        digest bytea NOT NULL, sealed bytea NOT NULL, channel channel NOT NULL,
        recipient_type recipient_type NOT NULL, status consent_status NOT NULL,
        source consent_source, consent_date timestamptz, created_at timestamptz NOT NULL);
    CREATE TABLE bench.consent (
        brand_code integer NOT NULL, digest bytea NOT NULL, channel channel NOT NULL,
        recipient_type recipient_type NOT NULL, status consent_status NOT NULL,
        consent_date timestamptz, movement_id bigint NOT NULL,
        PRIMARY KEY (brand_code, digest, channel, recipient_type)) WITH (fillfactor = 90);
"""
FLOOR_WRITE = """
BEGIN;
INSERT INTO bench.movement (brand_code, digest, sealed, channel, recipient_type, status, source,
                            consent_date, created_at)
VALUES (600001, uuid_send(gen_random_uuid()), '\\x0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d',
        'MESAJ', 'BIREYSEL', 'ONAY', 'HS_WEB', now(), now())
RETURNING id, digest \\gset
INSERT INTO bench.consent (brand_code, digest, channel, recipient_type, status, consent_date,
                           movement_id)
VALUES (600001, :digest::bytea, 'MESAJ', 'BIREYSEL', 'ONAY', now(), :id)
ON CONFLICT (brand_code, digest, channel, recipient_type)
DO UPDATE SET status = EXCLUDED.status, consent_date = EXCLUDED.consent_date,
              movement_id = EXCLUDED.movement_id;
COMMIT;
"""
WRK_SCRIPT = """
local n = 0
local base = {base}
wrk.method = "POST"
wrk.headers["Authorization"] = "Bearer {token}"
wrk.headers["Content-Type"] = "application/json"
function request()
  n = n + 1
  local body = string.format(
    '{{"recipient":"bench-%d-%d@ornek.example","type":"EPOSTA","source":"HS_WEB","status":"ONAY",' ..
    '"consentDate":"{date}","recipientType":"BIREYSEL"}}', base, n)
  return wrk.format(nil, nil, nil, body)
end
function done(summary, latency)
  io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, summary.duration,
    summary.errors.status + summary.errors.read + summary.errors.write + summary.errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
"""


def psql(running: Product, sql: str) -> str:
    """Run SQL as the owner."""
    return run_pg(running, "psql", "-qtAX", "-v", "ON_ERROR_STOP=1", "-c", sql)


def run_pg(running: Product, program: str, *arguments: str) -> str:
    """Run a PostgreSQL client program against the product's server; return what it printed."""
    found = pg_program(program)
    assert found is not None  # noqa: S101  # missing_tools said so
    where = ["-h", str(running.run), "-p", "5432", "-U", "izin_owner"]
    done = subprocess.run(
        [found, *where, *arguments, "izin"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{program} failed: {done.stderr[:2000]}")
    return done.stdout


def floor_rate(running: Product, seconds: int) -> Measured:
    """Return the bare statements' transactions per second."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(FLOOR_WRITE)
        script.flush()
        printed = run_pg(
            running,
            "pgbench",
            *("-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "1", "-T", str(seconds)),
            *("-f", script.name),
        )
    latency = figure(r"latency average = ([\d.]+)", printed)
    return Measured(figure(r"tps = ([\d.]+)", printed), note=f"mean {latency:.1f} ms")


def figure(pattern: str, text: str) -> float:
    """Take one number out of a program's report."""
    found = re.search(pattern, text)
    if found is None:
        sys.exit(f"no {pattern} in:\n{text}")
    return float(found.group(1))


def our_rate(running: Product, seconds: int, token: str) -> Measured:
    """Return single adds per second over HTTP. Any refused add ends the bench."""
    provider = running.demo["provider"]
    brands = running.demo["brands"]
    assert isinstance(provider, dict)  # noqa: S101  # the shape of demo.json
    assert isinstance(brands, list)  # noqa: S101  # the shape of demo.json
    path = f"/sps/{provider['iys_code']}/brands/{brands[0]['brand_code']}/consents"
    date = datetime.now(UTC).astimezone(TURKEY).strftime("%Y-%m-%d %H:%M:%S")  # noqa: TID251
    script = WRK_SCRIPT.format(base=secrets.randbelow(10**9), token=token, date=date)
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--timeout", "10s", "-s"]
        printed = subprocess.run(
            [*command, file.name, running.base_url + path],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    result = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+)", printed)
    if result is None:
        sys.exit(f"wrk said:\n{printed}")
    requests, micros, errors, p50, p99 = map(int, result.groups())
    if errors:
        sys.exit(f"{errors} of {requests} adds failed:\n{printed}")
    return Measured(requests / (micros / 1e6), p50 / 1000, p99 / 1000)


def run(bench: Bench) -> None:
    """Run the rounds, add the row."""
    what = "single add over HTTP, durable, against the bare statements"
    lack = missing("wrk", "pgbench")
    if lack:
        bench.report.row(what, reached=lack)
        return
    seconds, workers = bench.size.seconds, os.cpu_count() or 1
    with (
        tempfile.TemporaryDirectory(prefix="izin-bench-") as directory,
        product(Path(directory), web_workers=workers) as running,
    ):
        durable = psql(
            running, "SELECT current_setting('fsync') || current_setting('synchronous_commit')"
        )
        if durable.strip() != "onon":
            sys.exit(f"the server is not durable: {durable}")
        psql(running, FLOOR_SCHEMA)
        token = access_token(running)
        our_rate(running, 2, token)  # warm up
        taken = bench.alternate(
            {
                f"single adds, {workers} web processes": lambda: our_rate(running, seconds, token),
                "bare statements, pgbench": lambda: floor_rate(running, seconds),
            }
        )
    ours, floor = taken.values()
    bench.report.ratio(what, ours, floor, Goal(0.4, 1.0))
