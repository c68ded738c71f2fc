"""What can be wrong with a request for a day's reconciliation: one class per fault (iys-api 12.3)."""

from dataclasses import dataclass

from shared.domain.faults import Fault


class ReportDateMalformed(Fault, code="H501"):
    """`reportDate` is not written YYYY-MM-DD, or there is no such day."""


@dataclass(frozen=True, kw_only=True)
class ReportDateOutOfWindow(Fault, code="H502"):
    """`reportDate` is not over yet, or longer ago than reports are shown for."""

    days_back: int


class AgreementNotTrue(Fault, code="H512"):
    """`agreementStatus` is missing or not true: one can agree, and nothing else."""
