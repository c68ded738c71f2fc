"""Looking up provinces and districts (iys-api 10.4): for whoever has an account, of any kind."""

from dataclasses import dataclass

from services.registry.reference.places import City, Places, Town
from shared.auth.gate import Gate, NotAuthenticatedError
from shared.domain.basic_credential import refused_credential
from shared.domain.faults import RuleBrokenError
from shared.domain.reference_faults import EntryUnreadable
from shared.ledger.coalesce import StateReader

DIGITS_MAX = 9


@dataclass(frozen=True, slots=True)
class LookUpPlaces:
    """The use cases with what they need; the caller is admitted first."""

    gate: Gate
    reader: StateReader
    places: Places

    async def admit(self, authorization: str | None) -> None:
        """Return if the credential is good; raises RuleBrokenError: H351, for HTTP Basic H250 to H252."""
        try:
            ticket = await self.gate.identify(authorization)
            versions = await self.reader.read_head(0)
            await self.gate.admit(ticket, versions.directory_version)
        except NotAuthenticatedError:
            raise RuleBrokenError(refused_credential(authorization or "")) from None

    def cities(self) -> list[City]:
        """Return the provinces by their codes."""
        return list(self.places.cities.values())

    def towns(self) -> list[Town]:
        """Return the districts by their codes."""
        return list(self.places.towns.values())

    def city(self, code: str) -> City | None:
        """Return a province, or None where none has this code; raises RuleBrokenError (H241)."""
        return self.places.cities.get(_number(code))

    def town(self, code: str) -> Town | None:
        """Return a district, or None where none has this code; raises RuleBrokenError (H241)."""
        return self.places.towns.get(_number(code))


def _number(code: str) -> int:
    """Read a code as it may stand in a path; traffic codes are also written with a zero in front."""
    if not (code.isascii() and code.isdigit()):
        raise RuleBrokenError(EntryUnreadable())
    return int(code) if len(code) <= DIGITS_MAX else 0
