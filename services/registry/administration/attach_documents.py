"""Papers of an application: taken as PDF, PNG or JPEG, by what they are; kept sealed."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from services.registry.administration.application_access import ApplicationAccess
from shared.domain.document_type import DocumentType, sniff_document
from shared.ledger.applications import NewDocument, Sealed, put_document, read_document
from shared.ledger.store import ReaderPool, WriterPool
from shared.sealing.papers import PaperSealer
from shared.web.problems import ProblemError


@dataclass(frozen=True, slots=True)
class AttachDocuments:
    """The use cases with what they need.

    Raises ProblemError: NOT_AUTHENTICATED, UNKNOWN_APPLICATION, and what is named.
    """

    access: ApplicationAccess
    pool: ReaderPool
    writer: WriterPool
    papers: PaperSealer
    now: Callable[[], datetime]

    async def put(
        self, authorization: str | None, reference: str, number: int, content: bytes
    ) -> DocumentType:
        """Keep a paper, in place of one with its number; return what it is.

        UNSUPPORTED_MEDIA_TYPE: neither PDF nor PNG nor JPEG. CONFLICT: the application is closed, or had
        papers too often.
        """
        look = await self.access.look(authorization, reference)
        kind = sniff_document(content)
        if kind is None:
            raise ProblemError("UNSUPPORTED_MEDIA_TYPE", "a paper is a PDF, PNG or JPEG file")
        belongs_to = _belongs_to(reference, number)
        sealed = await asyncio.to_thread(self.papers.seal, content, belongs_to=belongs_to)
        document = NewDocument(number, kind.value, len(content), Sealed(self.papers.key_id, sealed))
        kept = await put_document(
            self.writer,
            look.application.application_id,
            document,
            now=self.now(),
            actor=look.actor,
        )
        if not kept:
            raise ProblemError(
                "CONFLICT", "the application is not open any more, or had papers too often"
            )
        return kind

    async def get(
        self, authorization: str | None, reference: str, number: int
    ) -> tuple[DocumentType, bytes]:
        """Return a paper. UNKNOWN_DOCUMENT."""
        look = await self.access.look(authorization, reference)
        found = await read_document(self.pool, look.application.application_id, number)
        if found is None:
            raise ProblemError("UNKNOWN_DOCUMENT")
        media_type, sealed = found
        content = await asyncio.to_thread(
            self.papers.open,
            sealed.content,
            belongs_to=_belongs_to(reference, number),
            key_id=sealed.key_id,
        )
        return DocumentType(media_type), content


def _belongs_to(reference: str, number: int) -> str:
    return f"document {number} of {reference}"
