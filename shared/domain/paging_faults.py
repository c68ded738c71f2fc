"""What can be wrong with `offset` and `limit`: one class per fault, with its public code (iys-api 12.3)."""

from dataclasses import dataclass

from shared.domain.faults import Fault


@dataclass(frozen=True, kw_only=True)
class OffsetWrong(Fault, code="H182"):
    """`offset` is no number from 0 on. Some methods say it of `limit`: `name` is what is meant."""

    name: str


@dataclass(frozen=True, kw_only=True)
class LimitWrong(Fault, code="H183"):
    """`limit` is no number from 1 on. Some methods say it of `offset`: `name` is what is meant."""

    name: str


class PageTooLarge(Fault, code="H186"):
    """`limit` asks for more than a page may hold."""


class PageEmpty(Fault, code="H187"):
    """`limit` asks for nothing."""
