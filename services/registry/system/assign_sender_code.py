"""Assigning the code that ends every bulk SMS of an operator (regulation E10): for staff."""

from dataclasses import dataclass

from services.registry.administration.doorkeeper import Doorkeeper
from shared.ledger.failures import AlreadyExistsError
from shared.ledger.operators import set_sender_code
from shared.ledger.store import WriterPool
from shared.web.problems import ProblemError


@dataclass(frozen=True, slots=True)
class AssignSenderCode:
    """The use case with what it needs."""

    door: Doorkeeper
    pool: WriterPool

    async def __call__(
        self, authorization: str | None, operator_code: int, sender_code: str | None
    ) -> None:
        """Put a code in place of what was there; None takes it away.

        Raises ProblemError: NOT_AUTHENTICATED, FORBIDDEN, ALREADY_EXISTS, UNKNOWN_ACCOUNT;
        LedgerUnavailableError.
        """
        staff = await self.door.staff(authorization)
        try:
            known = await set_sender_code(
                self.pool, operator_code, sender_code, actor=staff.user_id
            )
        except AlreadyExistsError:
            raise ProblemError("ALREADY_EXISTS", "another operator has this senderCode") from None
        if not known:
            raise ProblemError("UNKNOWN_ACCOUNT")
