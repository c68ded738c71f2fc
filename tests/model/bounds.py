"""How far a search goes: where it begins, and how often each thing may happen."""

from dataclasses import dataclass, field
from typing import NamedTuple

from tests.model.protocol import Dataset, Log


class Budget(NamedTuple):
    """How often each thing may still happen."""

    writes: int = 0
    losses: int = 0  # a fail-over that loses commits, or a restore
    copies: int = 0  # a dump is taken, a replica is made
    returns: int = 0  # the cache is what the copy was
    flushes: int = 0  # emptied, or restarted empty
    names: int = 0  # generations
    forgets: int = 0
    evictions: int = 0
    failovers: int = 0  # of the ledger, without a loss; they leave a deposed primary


@dataclass(frozen=True)
class Scene:
    """Where a search begins, and its bounds."""

    name: str
    about: str
    budget: Budget
    log: Log = ()
    data: Dataset = field(default_factory=Dataset)
    projectors: int = 2
    scripts: int = 4  # different ones ever sent; each arrives any number of times
    page: int = 1
    both_servers: bool = False  # the copy is a server that clients reach, too
    cleans: bool = False
