"""Applications: what somebody asks staff for, with their papers. Nothing of it counts before it is approved.

`asked` is a JSON document that the service reads and writes. Papers and contacts come here sealed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, LiteralString

import asyncpg

from shared.ledger.account_change import account_change
from shared.ledger.failures import ledger_errors
from shared.ledger.store import ReaderPool, WriterPool

READ_TIMEOUT_S: Final = 5
OPEN_OF_PROVIDER_MAX: Final = 100
UPLOADS_MAX: Final = 100
A_DAY: Final = timedelta(days=1)


class TooManyApplicationsError(Exception):
    """This network has applied often enough today, or this provider has enough applications open."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """Something sealed, and the key that opens it."""

    key_id: int
    content: bytes


@dataclass(frozen=True, slots=True)
class NewApplication:
    """An application to be.

    A provider to be has a sealed contact, a secret and a network that it comes from; a provider that we know
    has its number.
    """

    reference: str
    kind: str
    title: str
    asked: str
    iys_code: int | None = None
    contact: Sealed | None = None
    secret_digest: bytes | None = None
    source_digest: bytes | None = None


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """A paper of an application, without its content."""

    number: int
    media_type: str
    byte_count: int
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ApplicationRow:
    """An application as it stands."""

    application_id: int
    reference: str
    kind: str
    state: str
    iys_code: int | None
    title: str
    asked: str
    created_at: datetime
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None
    handed_out_at: datetime | None
    contact: Sealed | None
    secret_digest: bytes | None
    documents: tuple[DocumentInfo, ...]


# Two of one network at once must not both be the last that is allowed.
ONE_AT_A_TIME: LiteralString = "SELECT pg_advisory_xact_lock(hashtextextended($1, 9))"
FILED_SINCE: LiteralString = """
    SELECT count(*) FROM application WHERE source_digest = $1 AND created_at > $2
"""
OPEN_OF_PROVIDER: LiteralString = """
    SELECT count(*) FROM application
     WHERE iys_code = $1 AND state = 'OPEN' AND kind <> 'PROVIDER'
"""
FILE: LiteralString = """
    INSERT INTO application (reference, kind, title, asked, iys_code, sealing_key_id, contact,
                             secret_digest, source_digest, created_at)
    VALUES ($1, $2, $3, $4::text::jsonb, $5, $6, $7, $8, $9, $10)
"""


async def file_application(
    pool: WriterPool,
    new: NewApplication,
    *,
    a_day_max: int,
    now: datetime,
    actor: int | None = None,
) -> None:
    """File an application; raises TooManyApplicationsError, and then nothing is filed.

    `a_day_max` bounds those of one network (`source_digest`) in the last 24 hours.
    """
    async with account_change(pool, actor) as connection:
        if new.source_digest is not None:
            await connection.execute(ONE_AT_A_TIME, new.source_digest.hex())
            since = now - A_DAY
            if await connection.fetchval(FILED_SINCE, new.source_digest, since) >= a_day_max:
                raise TooManyApplicationsError
        elif new.iys_code is not None:
            await connection.execute(ONE_AT_A_TIME, str(new.iys_code))
            opened = await connection.fetchval(OPEN_OF_PROVIDER, new.iys_code)
            if opened >= OPEN_OF_PROVIDER_MAX:
                raise TooManyApplicationsError
        sealed = new.contact
        await connection.execute(
            FILE,
            new.reference,
            new.kind,
            new.title,
            new.asked,
            new.iys_code,
            None if sealed is None else sealed.key_id,
            None if sealed is None else sealed.content,
            new.secret_digest,
            new.source_digest,
            now,
        )


APPLICATION: LiteralString = """
    SELECT a.application_id, a.reference, a.kind, a.state, a.iys_code, a.title, a.asked::text AS asked,
           a.created_at, a.decided_at, u.username AS decided_by, a.reason, a.handed_out_at,
           a.sealing_key_id, a.contact, a.secret_digest,
           ARRAY(SELECT row(d.number, d.media_type, d.byte_count, d.created_at)
                   FROM application_document AS d
                  WHERE d.application_id = a.application_id ORDER BY d.number) AS documents
      FROM application AS a
      LEFT JOIN api_user AS u ON u.user_id = a.decided_by
     WHERE a.reference = $1
"""
APPLICATIONS: LiteralString = """
    SELECT a.application_id, a.reference, a.kind, a.state, a.iys_code, a.title, a.asked::text AS asked,
           a.created_at, a.decided_at, u.username AS decided_by, a.reason, a.handed_out_at,
           a.sealing_key_id, a.contact, a.secret_digest,
           ARRAY(SELECT row(d.number, d.media_type, d.byte_count, d.created_at)
                   FROM application_document AS d
                  WHERE d.application_id = a.application_id ORDER BY d.number) AS documents
      FROM application AS a
      LEFT JOIN api_user AS u ON u.user_id = a.decided_by
     WHERE a.application_id > $1
       AND ($2::text IS NULL OR a.state::text = $2)
       AND ($3::text IS NULL OR a.kind::text = $3)
       AND ($4::integer IS NULL OR a.iys_code = $4)
     ORDER BY a.application_id
     LIMIT $5
"""


async def read_application(pool: ReaderPool, reference: str) -> ApplicationRow | None:
    """Return an application, over application_reference_is_unique; None: there is none."""
    async with ledger_errors():
        row = await pool.fetchrow(APPLICATION, reference, timeout=READ_TIMEOUT_S)
    return None if row is None else _to_application(row)


async def list_applications(
    pool: ReaderPool,
    *,
    state: str | None,
    kind: str | None,
    iys_code: int | None,
    after: int,
    limit: int,
) -> Sequence[ApplicationRow]:
    """Return a page of applications, the oldest first, by their numbers behind `after`."""
    async with ledger_errors():
        rows = await pool.fetch(
            APPLICATIONS, after, state, kind, iys_code, limit, timeout=READ_TIMEOUT_S
        )
    return [_to_application(row) for row in rows]


def _to_application(row: asyncpg.Record) -> ApplicationRow:
    sealed = None if row["contact"] is None else Sealed(row["sealing_key_id"], row["contact"])
    return ApplicationRow(
        application_id=row["application_id"],
        reference=row["reference"],
        kind=row["kind"],
        state=row["state"],
        iys_code=row["iys_code"],
        title=row["title"],
        asked=row["asked"],
        created_at=row["created_at"],
        decided_at=row["decided_at"],
        decided_by=row["decided_by"],
        reason=row["reason"],
        handed_out_at=row["handed_out_at"],
        contact=sealed,
        secret_digest=row["secret_digest"],
        documents=tuple(DocumentInfo(*document) for document in row["documents"]),
    )


# Held to the end of the change: a paper must not come in behind the decision. And a paper that is put there
# again and again costs room each time.
TAKE_PAPER: LiteralString = """
    UPDATE application SET uploads = uploads + 1
     WHERE application_id = $1 AND state = 'OPEN' AND uploads < $2
"""
PUT_DOCUMENT: LiteralString = """
    INSERT INTO application_document (application_id, number, media_type, byte_count, sealing_key_id,
                                      sealed, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)
        ON CONFLICT ON CONSTRAINT application_document_pkey DO UPDATE
       SET media_type = EXCLUDED.media_type,
           byte_count = EXCLUDED.byte_count,
           sealing_key_id = EXCLUDED.sealing_key_id,
           sealed = EXCLUDED.sealed,
           created_at = EXCLUDED.created_at
"""


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A paper to keep, sealed; `byte_count` is its length in clear."""

    number: int
    media_type: str
    byte_count: int
    sealed: Sealed


async def put_document(
    pool: WriterPool,
    application_id: int,
    document: NewDocument,
    *,
    now: datetime,
    actor: int | None = None,
) -> bool:
    """Keep a paper, in place of one with its number.

    False: the application is not open any more, or papers were put beside it too often.
    """
    async with account_change(pool, actor) as connection:
        if await connection.execute(TAKE_PAPER, application_id, UPLOADS_MAX) != "UPDATE 1":
            return False
        await connection.execute(
            PUT_DOCUMENT,
            application_id,
            document.number,
            document.media_type,
            document.byte_count,
            document.sealed.key_id,
            document.sealed.content,
            now,
        )
        return True


DOCUMENT: LiteralString = """
    SELECT media_type, sealing_key_id, sealed FROM application_document
     WHERE application_id = $1 AND number = $2
"""


async def read_document(
    pool: ReaderPool, application_id: int, number: int
) -> tuple[str, Sealed] | None:
    """Return a paper's media type and sealed content, by its primary key; None: there is none."""
    async with ledger_errors():
        row = await pool.fetchrow(DOCUMENT, application_id, number, timeout=READ_TIMEOUT_S)
    return None if row is None else (row["media_type"], Sealed(row[1], row[2]))
