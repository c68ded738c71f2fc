"""Things that tests need and that are not what they are about: defaults for everything."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache

from shared.auth.passwords import api_key_digest, hash_secret
from shared.domain.consent import Channel, NewConsent, RecipientType, RetailerCode, Source, Status
from shared.domain.faults import ConsentTooLate, Fault
from shared.domain.transitions import block_date, counts, judge, leaves_block
from shared.ledger import accounts, directory
from shared.ledger.accounts import NewGrant, NewProvider, NewUser
from shared.ledger.append import Appender, NewMovement, Stored
from shared.ledger.read_state import Key, KeySnapshot, read_states
from shared.ledger.store import ReaderPool, WriterPool
from shared.sealing.addresses import Digester, Sealer

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PHONE = "+905990000001"
HEADER = "DENEME"
API_KEY = "izin_test-key-of-the-operator-0123456789abcdefghi"
ALL_RIGHTS = NewGrant("write", "write", "write", reconciliation=True, via=True)

# Inserted and not committed, it is what a writer of a new key waits for. $1 brand, $2 digest.
ROW_IN_THE_WAY = """
    INSERT INTO consent (brand_code, digest, channel, recipient_type, status, consent_date,
                         recorded_extent, recorded_offset, latest_extent, latest_offset)
    VALUES ($1, $2, 'MESAJ', 'BIREYSEL', 'ONAY', now(), 1, 1, 1, 1)
"""


def phone(n: int) -> str:
    """Return one of ten million numbers that nobody has."""
    return f"+90599{n:07d}"


def consent(
    recipient: str = PHONE,
    *,
    channel: Channel = Channel.SMS,
    recipient_type: RecipientType = RecipientType.INDIVIDUAL,
    status: Status = Status.GRANTED,
    source: Source | None = Source.WEB,
    consent_date: datetime | None = NOW - timedelta(hours=1),
    retailer_code: int | None = None,
    retailer_access: Sequence[int] = (),
) -> NewConsent:
    """Return a well-formed consent."""
    return NewConsent(
        recipient=recipient,
        channel=channel,
        recipient_type=recipient_type,
        status=status,
        source=source,
        consent_date=consent_date,
        retailer_code=None if retailer_code is None else RetailerCode(retailer_code),
        retailer_access=tuple(map(RetailerCode, retailer_access)),
    )


@dataclass(frozen=True, slots=True)
class Scribe:
    """Reads, judges and writes one consent after the other, as the registry does."""

    reader: ReaderPool
    appender: Appender
    digester: Digester
    sealer: Sealer

    def key(self, brand_code: int, new: NewConsent) -> Key:
        """Return the key of a consent at a brand."""
        digest = self.digester.digest(new.recipient)
        return Key(brand_code, new.channel, new.recipient_type, digest)

    async def read(self, brand_code: int, new: NewConsent) -> KeySnapshot:
        """Return the live state of the consent's key."""
        keys = [self.key(brand_code, new)]
        return (await read_states(self.reader, keys, digest_key_id=self.digester.key_id))[0]

    def movement(
        self,
        brand_code: int,
        new: NewConsent,
        *,
        after: KeySnapshot | None = None,
        is_block: bool = False,
    ) -> NewMovement:
        """Return the movement that stores a consent on top of what was read (None: nothing there)."""
        change = counts(None if after is None else after.state, new)
        return NewMovement(
            consent=new,
            is_block=is_block,
            digest=self.digester.digest(new.recipient),
            sealed=self.sealer.seal(new.recipient, brand_code=brand_code),
            approvals=0 if is_block else change.approvals,
            rejections=0 if is_block else change.rejections,
            expected=None if after is None else after.latest,
        )

    async def write(
        self, brand_code: int, new: NewConsent, *, now: datetime = NOW, too_late: bool = False
    ) -> Stored | None:
        """Store a consent, or the block that it leaves; None when it is turned away without trace."""
        snapshot = await self.read(brand_code, new)
        fault: Fault | None = ConsentTooLate() if too_late else judge(snapshot.state, new)
        if fault is not None:
            if not leaves_block(new, fault, snapshot.state):
                return None
            new = new._replace(consent_date=block_date(new, now=now))
        movement = self.movement(brand_code, new, after=snapshot, is_block=fault is not None)
        stored, _ = await self.appender.append(brand_code, [movement], wait=True)
        assert stored, "somebody else wrote this key meanwhile"
        return stored[0]


@dataclass(frozen=True, slots=True)
class Login:
    """Somebody who signs in."""

    user_id: int
    username: str
    password: str

    @property
    def basic(self) -> str:
        """The Authorization header of HTTP Basic."""
        return "Basic " + base64.b64encode(f"{self.username}:{self.password}".encode()).decode()


@dataclass(frozen=True, slots=True)
class World:
    """One of everybody. The partner may do all at `brand_code`, and nothing at the second brand.

    `brand_code` is the provider's master brand (its own number) and has the header and the retailer; the
    operator asks for every brand and has a long-lived key.
    """

    iys_code: int
    brand_code: int
    second_brand_code: int
    header: str
    retailer_code: int
    integrator_code: int
    operator_code: int
    api_key: str
    provider: Login
    partner: Login
    operator: Login
    admin: Login
    ministry: Login


async def make_world(writer: WriterPool, reader: ReaderPool) -> World:
    """Register one of everybody through `shared.ledger.accounts`."""
    provider = NewProvider("Deneme A.Ş.", "1234567890", None, None, "Deneme")
    iys_code = await accounts.add_provider(writer, provider, new_user("provider"))
    second = await accounts.add_brand(writer, iys_code=iys_code, name="Deneme Kargo")
    operator_code = await accounts.add_operator(
        writer, title="Operatör", brands=None, user=new_user("operator", api_key=API_KEY)
    )
    integrator_code = await accounts.add_partner(
        writer, title="Ortak", licence_valid_until=None, user=new_user("partner")
    )
    await accounts.put_grant(
        writer, brand_code=iys_code, integrator_code=integrator_code, grant=ALL_RIGHTS
    )
    await accounts.bind_header(writer, brand_code=iys_code, header=HEADER, operators=[])
    retailer_code = await accounts.add_retailer(writer, brand_code=iys_code, title="Bayi")
    await accounts.add_user(writer, new_user("admin"))
    await accounts.add_user(writer, new_user("ministry"))
    return World(
        iys_code=iys_code,
        brand_code=iys_code,
        second_brand_code=second,
        header=HEADER,
        retailer_code=retailer_code,
        integrator_code=integrator_code,
        operator_code=operator_code,
        api_key=API_KEY,
        provider=await _login(reader, "provider"),
        partner=await _login(reader, "partner"),
        operator=await _login(reader, "operator"),
        admin=await _login(reader, "admin"),
        ministry=await _login(reader, "ministry"),
    )


def new_user(role: str, *, username: str | None = None, api_key: str | None = None) -> NewUser:
    """Return a user to be, named after its role, with that role's password."""
    key_digest = None if api_key is None else api_key_digest(api_key)
    return NewUser(username or f"test-{role}", _hashed(password_of(role)), role, key_digest)


def password_of(role: str) -> str:
    """Return the password of whoever `new_user` makes."""
    return f"the password of the {role}"


@cache
def _hashed(password: str) -> str:
    """Hash slowly once a run, not once a test."""
    return hash_secret(password)


async def _login(reader: ReaderPool, role: str) -> Login:
    username = f"test-{role}"
    user_id = await directory.user_id_by_name(reader, username)
    assert user_id is not None
    return Login(user_id, username, password_of(role))
