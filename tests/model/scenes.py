"""Where the searches begin and how far they go: some for the whole protocol, one for each guard taken away.

One search with every fault at once would end before anything interesting happened, so each scene has a few.
All scenes have: checks at any moment, two addresses, projectors that stop anywhere, scripts that arrive late,
again, or never.
"""

from dataclasses import replace
from typing import NamedTuple

from tests.model.bounds import Budget, Scene
from tests.model.protocol import Dataset, Guards, Log, Mark, newest, write


def _log(*keys: int) -> Log:
    log: Log = ()
    for number, key in enumerate(keys, start=1):
        log = write(log, key=key, identity=number)
    return log


def _in_cache(log: Log) -> Dataset:
    head = newest(log)
    return Dataset(w=Mark(1, head, head), buckets=((1, head.on_file),))


A, B = 0, 1
_ONE, _OTHER, _BOTH = _log(A), _log(B), _log(A, B)

FOLLOWING = Scene(
    name="following",
    about="a cache that follows, two projectors, a ledger that loses commits, a cache that goes back",
    budget=Budget(writes=2, losses=1, copies=1, returns=1),
    log=_BOTH,
    data=_in_cache(_BOTH),
    scripts=3,
)
FLUSHED = Scene(
    name="flushed",
    about="the same with longer runs: the copy is the empty cache of the beginning, or a flush",
    budget=Budget(writes=3, losses=1, returns=1),
    log=_ONE,
    data=_in_cache(_ONE),
    scripts=3,
)
TWO_SERVERS = Scene(
    name="two servers",
    about="a server and a copy of it, both reachable: replica, resync, two masters",
    budget=Budget(writes=2, losses=1, copies=1, returns=1),
    log=_ONE,
    data=_in_cache(_ONE),
    scripts=3,
    both_servers=True,
)
BUILDING = Scene(
    name="building",
    about="an empty cache is built, address by address, by two projectors; the ledger loses commits",
    budget=Budget(writes=1, losses=1, names=1),
    log=_BOTH,
    scripts=7,
)
BUILDING_AGAIN = Scene(
    name="building again",
    about="a generation is replaced by another one, while it is built or while it is read",
    budget=Budget(writes=1, losses=1, names=2),
    log=_ONE,
    scripts=8,
    projectors=1,
    page=2,
)
BUILDING_IN_A_COPY = Scene(
    name="building in a copy",
    about="a cache goes back to an old copy while it is built, and while it is read",
    budget=Budget(writes=2, losses=1, copies=1, returns=1, names=1),
    log=_ONE,
    projectors=1,
    scripts=5,
    page=2,
)
CLEANING = Scene(
    name="cleaning",
    about="a generation is dropped and removed, and an old copy brings it back",
    budget=Budget(writes=1, losses=1, copies=1, returns=1, names=1, forgets=1),
    log=_OTHER,
    projectors=1,
    scripts=7,
    page=2,
    cleans=True,
)
CLEANING_THE_OLD = Scene(
    name="cleaning the old",
    about="a generation that was read is replaced and removed, and an old copy brings it back",
    budget=Budget(writes=1, losses=1, copies=1, returns=1, names=1),
    log=_ONE,
    data=_in_cache(_ONE),
    projectors=1,
    scripts=5,
    page=2,
    cleans=True,
)
FULL = (
    FOLLOWING,
    FLUSHED,
    TWO_SERVERS,
    BUILDING,
    BUILDING_AGAIN,
    BUILDING_IN_A_COPY,
    CLEANING,
    CLEANING_THE_OLD,
)

# By hand (`--large`): minutes, and up to 3 GB.
LARGE = (
    replace(FOLLOWING, name="following, longer", budget=Budget(3, 1, 1, 1), scripts=3),
    replace(FLUSHED, name="flushed, longer", budget=Budget(3, 2, 1, 1, 1), projectors=1),
    replace(TWO_SERVERS, name="two servers, longer", budget=Budget(2, 1, 1, 2), scripts=4),
    replace(BUILDING, name="building, longer", budget=Budget(writes=2, losses=1, names=1)),
    replace(BUILDING_AGAIN, name="building again, longer", budget=Budget(2, 1, names=2)),
    replace(CLEANING, name="cleaning, longer", budget=Budget(1, 1, 1, 1, 0, 2, 1)),
)


class Removal(NamedTuple):
    """A guard, or two that only protect together, taken away in a scene that is as small as can be.

    `stale_allow`: look for an answer from a movement that was never the newest, not for any wrong one.
    """

    title: str
    guards: tuple[str, ...]
    scene: Scene
    stale_allow: bool = True

    @property
    def remaining(self) -> Guards:
        return replace(Guards(), **dict.fromkeys(self.guards, False))


def _small(log: Log, *, empty: bool = False, projectors: int = 2, **bounds: int) -> Scene:
    """One script at a time is enough where the trace needs no more."""
    scripts, page = bounds.pop("scripts", 4), bounds.pop("page", 1)
    return Scene(
        name="small",
        about="",
        budget=Budget(**bounds),
        log=log,
        data=Dataset() if empty else _in_cache(log),
        projectors=projectors,
        scripts=scripts,
        page=page,
    )


_BUILD = _small(_ONE, empty=True, projectors=1, scripts=5, page=2, writes=1, names=1)

RULES = (
    Removal(
        "Rule 1: a check joins a round that was sent", ("joins_unsent",), _small(_ONE, writes=1)
    ),
    Removal("Rule 2: W is a position alone", ("identity",), _small(_ONE, writes=1, losses=1)),
    Removal(
        "Rule 3: a script does not compare",
        ("compares",),
        _small(_ONE, scripts=3, writes=2, copies=1, returns=1),
    ),
    Removal(
        "Rule 4: W and entries are read one after the other",
        ("atomic",),
        _small(_ONE, projectors=1, writes=1, copies=1, returns=1),
    ),
    Removal(
        "Rule 4 again: entries first, then W",
        ("atomic", "mark_first"),
        _small(_ONE, projectors=1, writes=1),
    ),
    Removal("Rule 5: a standby answers", ("primary",), _small(_ONE, writes=1)),
    Removal(
        "Rule 5 again: a deposed primary answers", ("fenced",), _small(_ONE, writes=1, failovers=1)
    ),
)
OWN_GUARDS = (
    Removal(
        "Rule 8: the server evicts", ("no_eviction",), _small(_ONE, evictions=1), stale_allow=False
    ),
    Removal(
        "An unsettled W is believed", ("settled",), _small(_ONE, scripts=3, writes=2, losses=1)
    ),
    Removal(
        "W does not say which head its entries were read at",
        ("seen",),
        _small(_ONE, projectors=1, scripts=3, writes=2, losses=1),
    ),
    Removal(
        "W does not say it, in a build", ("seen",), replace(_BUILD, budget=Budget(1, 1, names=1))
    ),
    Removal(
        "Entries of another generation count",
        ("same_generation",),
        _small(_ONE, projectors=1, page=2, writes=1, names=1),
    ),
    Removal(
        "Generations share their buckets",
        ("own_buckets",),
        _small(_ONE, projectors=1, page=2, writes=1, names=1),
    ),
    Removal("A generation is begun twice", ("leaves_name",), _BUILD),
    Removal(
        "What is removed is looked up nowhere",
        ("cleans_garbage", "cleans_unnamed"),
        CLEANING,
        stale_allow=False,
    ),
)
_DEPOSED = replace(BUILDING, budget=Budget(writes=1, losses=1, names=1, failovers=1))

# Taken away alone these change nothing that the searches can see: something else stands behind each.
HARMLESS = (
    Removal("What is named is removed", ("cleans_unnamed",), CLEANING, stale_allow=False),
    Removal("What is not garbage is removed", ("cleans_garbage",), CLEANING, stale_allow=False),
    Removal(
        "A projector asks a deposed primary", ("projects_fenced",), _DEPOSED, stale_allow=False
    ),
)
