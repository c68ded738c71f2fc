"""The one table of limits, in two profiles, and how an installation changes single rows of it.

`izin` is the default: it counts by account and stops nobody but a program that has run wild. `official` has
the numbers of İYS (iys-api 11), which count by network address. Neither counts a check, an operator's
question, a refusal or a token that is refreshed.

The published documents give two numbers for tokens: 100 an hour in the introduction and in the chapter on
signing in, 10 in the method's text. `official` takes the first; a row of the file takes the other.

A file of overrides is one JSON object: the name of a row, and the row's new numbers or null, which takes the
limit away.

    {"token": {"quota": 10}, "requests": {"quota": 50, "window_s": 10}, "history": null}
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import Enum
from typing import Final, TypeAlias, cast

from shared.domain.limits import Limit, LimitGroup, Operation, Per

HOUR_S: Final = 3600
DAY_S: Final = 24 * HOUR_S
QUOTA_MAX: Final = 1_000_000_000
NUMBERS: Final = ("quota", "window_s")

Changes: TypeAlias = Mapping[str, int] | None
"""The numbers of a row that are changed; None takes the row away."""


class Profile(Enum):
    """Which of the two tables holds."""

    IZIN = "izin"
    OFFICIAL = "official"


class LimitsFileError(ValueError):
    """A file of overrides makes no sense; the text says where and why."""


_WIRE: Final = frozenset({Operation.BATCH, Operation.STATUS, Operation.HISTORY, Operation.OTHER})


def _limit(name: str, per: Per, numbers: tuple[int, int], code: str, *of: Operation) -> Limit:
    return Limit(name, frozenset(of), per, numbers[0], numbers[1], code)


_WRONG_PASSWORDS: Final = _limit("wrong_passwords", Per.USERNAME, (60, 300), "H084", Operation.TRY)
_SIGNED_IN: Final = _limit("signed_in", Per.SIGN_IN, (QUOTA_MAX, DAY_S), "H084")
SIGNED_IN: Final = LimitGroup(Per.SIGN_IN, (_SIGNED_IN,), DAY_S)
"""No limit but a memory: whoever has signed in from an address within a day gets in from there, also while
somebody else uses up the tries for the name."""

PROFILES: Final[Mapping[Profile, Sequence[Limit]]] = {
    Profile.IZIN: (
        _limit("adds", Per.ACCOUNT, (100_000, 10), "H124", Operation.ADD),
        _limit("requests", Per.ACCOUNT, (20_000, 10), "H124", *_WIRE),
        _limit("info", Per.ACCOUNT, (20_000, 10), "H083", Operation.INFO),
        _limit("token", Per.ADDRESS, (600, 60), "H084", Operation.TOKEN),
        _WRONG_PASSWORDS,
    ),
    Profile.OFFICIAL: (
        _limit("requests", Per.ADDRESS, (10, 1), "H124", Operation.ADD, *_WIRE),
        _limit("info", Per.ADDRESS, (10, 1), "H083", Operation.INFO),
        _limit("token", Per.ADDRESS, (100, HOUR_S), "H084", Operation.TOKEN),
        _limit("status", Per.ADDRESS, (1000, HOUR_S), "H086", Operation.STATUS),
        _limit("history", Per.ADDRESS, (100, HOUR_S), "H089", Operation.HISTORY),
        _WRONG_PASSWORDS,
    ),
}


class LimitTable:
    """The limits that hold in this installation."""

    def __init__(self, profile: Profile, limits: Sequence[Limit]) -> None:
        self.profile = profile
        self.limits = tuple(limits)
        self._of = {one: self._group(one, self.limits) for one in Operation}
        self._by = {per: self._group(None, self._counted_by(per)) for per in Per}

    def of(self, operation: Operation) -> LimitGroup | None:
        """Return the limits that a request of this kind counts for; None where there are none."""
        return self._of[operation]

    def by(self, per: Per) -> LimitGroup | None:
        """Return all limits that are counted by this, to look at; None where there are none."""
        return self._by[per]

    def _counted_by(self, per: Per) -> tuple[Limit, ...]:
        return tuple(limit for limit in self.limits if limit.per is per)

    def _group(self, operation: Operation | None, limits: Sequence[Limit]) -> LimitGroup | None:
        chosen = [one for one in limits if operation is None or operation in one.operations]
        if not chosen:
            return None
        per = chosen[0].per
        keep_s = max(limit.window_s for limit in self._counted_by(per))
        return LimitGroup(per, tuple(chosen), keep_s)


def table_of(profile: Profile, overrides: Mapping[str, Changes]) -> LimitTable:
    """Return a profile with single rows changed; raises LimitsFileError for a row that it has not got."""
    rows = {limit.name: limit for limit in PROFILES[profile]}
    for name, changes in overrides.items():
        if name not in rows:
            known = ", ".join(rows)
            raise LimitsFileError(
                f"{name}: the profile {profile.value} has no such limit; it has {known}"
            )
        if changes is None:
            del rows[name]
        else:
            quota, window_s = rows[name].quota, rows[name].window_s
            rows[name] = replace(
                rows[name],
                quota=changes.get("quota", quota),
                window_s=changes.get("window_s", window_s),
            )
    return LimitTable(profile, list(rows.values()))


def read_overrides(content: object) -> dict[str, Changes]:
    """Read what a file of overrides says; raises LimitsFileError."""
    if not isinstance(content, dict):
        raise LimitsFileError("not a JSON object of limits by name")
    named = cast("Mapping[str, object]", content)
    return {name: _read_changes(name, changes) for name, changes in named.items()}


def _read_changes(name: str, changes: object) -> Changes:
    if changes is None:
        return None
    if not isinstance(changes, dict) or not changes:
        raise LimitsFileError(f"{name}: not an object with {' or '.join(NUMBERS)}, nor null")
    given = cast("Mapping[str, object]", changes)
    return {number: _read_number(name, number, value) for number, value in given.items()}


def _read_number(name: str, number: str, value: object) -> int:
    if number not in NUMBERS:
        raise LimitsFileError(
            f"{name}.{number}: not a number of a limit; say {' or '.join(NUMBERS)}"
        )
    most = DAY_S if number == "window_s" else QUOTA_MAX
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise LimitsFileError(f"{name}.{number}: not a whole number from 1 to {most}")
    return value
