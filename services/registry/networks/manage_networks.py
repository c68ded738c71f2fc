"""Keeping the list of networks that an account may act from; the next request anywhere heeds it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shared.auth.gate import Gate, NotAuthenticatedError
from shared.domain.networks import Address, Network, is_within, read_network
from shared.ledger import networks as ledger_networks
from shared.ledger.coalesce import StateReader
from shared.ledger.directory import UserRow
from shared.ledger.store import ReaderPool, WriterPool
from shared.web.problems import FieldError, ProblemError, pointer


@dataclass(frozen=True, slots=True)
class ManageNetworks:
    """The use cases with what they need.

    Every method takes the caller's Authorization header first. Raises ProblemError: NOT_AUTHENTICATED,
    FORBIDDEN, UNKNOWN_ACCOUNT; LedgerUnavailableError.
    """

    gate: Gate
    reader: StateReader
    pool: ReaderPool
    writer: WriterPool

    async def show(self, authorization: str | None, username: str) -> tuple[Network, ...]:
        """Return the networks that an account may act from; none: from anywhere."""
        await self._admitted(authorization, username)
        found = await ledger_networks.read_networks(self.pool, username)
        if found is None:
            raise ProblemError("UNKNOWN_ACCOUNT")
        return found

    async def replace(
        self,
        authorization: str | None,
        username: str,
        texts: Sequence[str],
        *,
        origin: Callable[[], Address | None],
    ) -> tuple[Network, ...]:
        """Let an account act from these networks alone, or (none) from anywhere again; return them.

        Besides the others: INVALID_FIELD for what is no network, and CONFLICT for a list of one's own that
        leaves out where one is: nobody locks itself out by a slip.
        """
        user = await self._admitted(authorization, username)
        networks = _read(texts)
        if networks and user.username == username and not is_within(origin(), networks):
            detail = "this request itself comes from outside of these networks"
            raise ProblemError("CONFLICT", detail)
        if not await ledger_networks.set_networks(
            self.writer, username, networks, actor=user.user_id
        ):
            raise ProblemError("UNKNOWN_ACCOUNT")
        return networks

    async def _admitted(self, authorization: str | None, username: str) -> UserRow:
        try:
            ticket = await self.gate.identify(authorization)
            versions = await self.reader.read_head(0)
            user = await self.gate.admit(ticket, versions.directory_version)
        except NotAuthenticatedError:
            raise ProblemError("NOT_AUTHENTICATED") from None
        if user.role != "admin" and user.username != username:
            raise ProblemError("FORBIDDEN", "only the user itself and staff may do this")
        return user


def _read(texts: Sequence[str]) -> tuple[Network, ...]:
    networks: dict[Network, None] = {}
    errors: list[FieldError] = []
    for n, text in enumerate(texts):
        try:
            networks[read_network(text)] = None
        except ValueError as error:
            errors.append(FieldError(pointer(["networks", n]), str(error)))
    if errors:
        raise ProblemError("INVALID_FIELD", errors=errors)
    return tuple(networks)
