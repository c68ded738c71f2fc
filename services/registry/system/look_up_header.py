"""Whose header is this, and may this operator use it? What an operator asks once, before it sets a header up.

It is the check's own judgement of the sender, without an address.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from shared.auth.directory import Directory
from shared.auth.rights import header_is_bound, may_ask
from shared.domain.consent import Channel
from shared.domain.decision import Reason, SenderFacts, decide_sender
from shared.domain.wire_time import turkish_day
from shared.ledger.coalesce import StateReader
from shared.ledger.directory import UserRow
from shared.ledger.operators import HeaderCard, read_header_card, read_sender_code
from shared.ledger.store import ReaderPool


@dataclass(frozen=True, slots=True)
class HeaderStanding:
    """A header as one operator sees it; `obstacle`: what every check under it would say, None if nothing."""

    card: HeaderCard
    obstacle: Reason | None
    sender_code: str | None


@dataclass(frozen=True, slots=True)
class LookUpHeader:
    """The question with what it needs. Call it as a function."""

    directory: Directory
    reader: StateReader
    pool: ReaderPool
    now: Callable[[], datetime]

    async def __call__(self, user: UserRow, header: str) -> HeaderStanding | None:
        """Return the header's standing at the user's operator; None: it is nobody's.

        Raises LedgerUnavailableError.
        """
        card = await read_header_card(self.pool, header)
        if card is None:
            return None
        head = await self.reader.read_head(card.brand_code)
        brand = await self.directory.brand(card.brand_code, head.authority_version)
        today = turkish_day(self.now())
        facts = SenderFacts(
            brand_active=brand is not None and brand.active,
            caller_may_ask=brand is not None and may_ask(user, brand, Channel.SMS, today=today),
            header_bound=brand is not None and header_is_bound(user, brand, header),
            exempt=False,
            retailer_has_access=None,
        )
        return HeaderStanding(
            card=card,
            obstacle=decide_sender(facts),
            sender_code=await read_sender_code(self.pool, user.operator_code or 0),
        )
