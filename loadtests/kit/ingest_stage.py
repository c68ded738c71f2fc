"""A product that files are sent to: a copy of a seeded world, and files with what must become of them."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

import redis

from loadtests.consent_files.__main__ import turkish_now, write_file
from loadtests.consent_files.model import BLANK
from loadtests.consent_files.rows import Said
from loadtests.consent_files.stream import Format, Recipe, Tally, lines
from loadtests.consent_files.write_csv import Dialect
from loadtests.kit.cache import connect, wait_until_built
from loadtests.kit.lab import MANY, SHARED_BUFFERS_MB, SHARED_BUFFERS_OF_SMALL_MB, heads_of
from loadtests.kit.load import Measured, busy_cores
from loadtests.kit.processes import below, cpu_seconds, named
from loadtests.kit.seed import seeded
from loadtests.kit.stack import Product, product
from loadtests.kit.tools import DATA
from loadtests.kit.upload import Uploader, outcomes_of
from loadtests.kit.world import World

WORKER: Final = "services.ingest.worker"
PARTS: Final = {
    "worker": WORKER,
    "PostgreSQL": "bin/postgres",
    "web": "services.cli.serve",
    "projector": "services.check.projector",
    "Valkey": "valkey-server",
}
"""What has a part in taking a file in, and a piece of its command line."""
DISK_SHARE_FREE: Final = 3  # the copy, the floor's tables, and what is written
FIRST_OF_FILES: Final = 3
NEXT_OF_FILES: Final = 7
MIXED: Final = {"bad": 0.02, "repeated": 0.02, "odd": 0.05}
PLAIN: Final = dict.fromkeys(MIXED, 0.0)


@dataclass(frozen=True, slots=True)
class File:
    """A file to send, of one brand, and what it holds."""

    path: Path
    recipe: Recipe
    tally: Tally

    @property
    def brand_code(self) -> int:
        """Return the brand that all rows are about."""
        return self.recipe.brand_codes[0]

    def readable(self) -> Iterator[Said]:
        """Yield once more what those rows say that can be read."""
        return (line.said for line in lines(self.recipe) if line.said is not None)


@dataclass(slots=True)
class Stage:
    """A running product with its cache, and where files for it are made. Each file has a brand of its own."""

    world: World
    product: Product
    cache: "redis.Redis"
    uploader: Uploader
    folder: Path
    up_pid: int
    files: int = 0

    def worker(self) -> int:
        """Return the process id of the worker that works files off."""
        found = named(below(self.up_pid), WORKER)
        if not found:
            raise SystemExit(f"no process of {WORKER} below izin up")
        return found[0]

    def make(self, rows: int, shares: dict[str, float], made_as: Format = "csv") -> File:
        """Write a file of so many rows, of another brand than those before."""
        brands = self.world.brand_codes
        brand_code = brands[(FIRST_OF_FILES + NEXT_OF_FILES * self.files) % len(brands)]
        self.files += 1
        recipe = Recipe(
            rows=rows,
            now=turkish_now(),
            seed=self.files,
            format=made_as,
            brand_codes=(brand_code,),
            bad=shares["bad"],
            repeated=shares["repeated"],
            odd=shares["odd"],
        )
        path = self.folder / f"{self.files}.{made_as}"
        return File(path, recipe, write_file(path, recipe, Dialect()))

    def send(self, file: File) -> Measured:
        """Send a file, wait until it is done and the cache serves the brand again; rows a second.

        A row that ends otherwise than it must counts as failed.
        """
        before = self._cpu()
        with busy_cores() as busy:
            started = perf_counter()
            job_id = self.uploader.send(file.path, file.brand_code)
            uploaded = perf_counter()
            job = self.uploader.wait(job_id)
            done = perf_counter()
            self.wait_until_served(file.brand_code)
            ended = perf_counter()
        each_us = {
            name: (seconds - before[name]) / file.recipe.rows * 1e6
            for name, seconds in self._cpu().items()
        }
        said, must = outcomes_of(job), file.tally.outcomes
        wrong = sum(abs(said.get(word, 0) - must[word]) for word in {*said, *must} - {BLANK})
        note = (
            f"upload {uploaded - started:.1f} s, worked off {done - uploaded:.1f} s, "
            f"cache behind by {ended - done:.1f} s; CPU µs a row: "
            + ", ".join(f"{name} {us:.1f}" for name, us in each_us.items())
        )
        rate = file.recipe.rows / (ended - started)
        return Measured(rate, failed=wrong, busy=busy, note=note)

    def _cpu(self) -> dict[str, float]:
        """Return the CPU time so far of everybody who has a part in it, in seconds."""
        children = {pid: below(pid) for pid in below(self.up_pid)[1:]}
        return {
            name: sum(cpu_seconds(children[pid]) for pid in named(list(children), command)[:1])
            for name, command in PARTS.items()
        }

    def wait_until_served(self, brand_code: int) -> None:
        """Wait until the cache is where the ledger is with a brand."""
        head = heads_of(self.product.dsn, [brand_code])
        wait_until_built(self.cache, head)


@contextmanager
def ingest_stage(world: World, *, core: int | None = None) -> Iterator[Stage]:
    """Bring up a product on a copy of a seeded world, which goes at the end with all that was sent."""
    with (
        copy_of(world) as directory,
        product(directory, shared_buffers_mb=_buffers_mb(world), core=core) as running,
        connect(running.valkey) as cache,
    ):
        folder = directory / "files"
        folder.mkdir()
        wait_until_built(cache, heads_of(running.dsn, world.brand_codes))
        up_pid = int((directory / "lock").read_text())
        yield Stage(world, running, cache, Uploader.of(running), folder, up_pid)


@contextmanager
def copy_of(world: World) -> Iterator[Path]:
    """Copy a seeded data directory, and remove the copy at the end."""
    source, target = seeded(world), DATA / f"{world.name}-files"
    shutil.rmtree(target, ignore_errors=True)
    size = sum(path.lstat().st_size for path in source.rglob("*"))
    free = shutil.disk_usage(DATA).free
    if free < DISK_SHARE_FREE * size + 2**31:
        raise SystemExit(
            f"{DATA} has {free / 2**30:.0f} GB free; a copy of {world.name} needs more"
        )
    try:
        subprocess.run(["cp", "-a", "--reflink=auto", str(source), str(target)], check=True)
        yield target
    finally:
        shutil.rmtree(target, ignore_errors=True)


def _buffers_mb(world: World) -> int:
    return SHARED_BUFFERS_MB if world.consents >= MANY else SHARED_BUFFERS_OF_SMALL_MB
