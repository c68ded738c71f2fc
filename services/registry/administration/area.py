"""The account API put together: one object for each subject."""

from dataclasses import dataclass
from typing import Final

from services.registry.administration.application_access import ApplicationAccess
from services.registry.administration.attach_documents import AttachDocuments
from services.registry.administration.doorkeeper import Doorkeeper
from services.registry.administration.file_applications import FileApplications
from services.registry.administration.manage_brands import ManageBrands
from services.registry.administration.manage_headers import ManageHeaders
from services.registry.administration.manage_keys import ManageKeys
from services.registry.administration.manage_operators import ManageOperators
from services.registry.administration.manage_partners import ManagePartners
from services.registry.administration.manage_providers import ManageProviders
from services.registry.administration.manage_users import ManageUsers
from services.registry.administration.read_events import ReadEvents
from services.registry.administration.review_applications import ReviewApplications
from services.registry.parts import Parts
from shared.sealing.papers import PaperSealer

PAPERS: Final = "/accounts/applications/"
"""Below this, bodies may be as large as a paper."""


@dataclass(frozen=True, slots=True)
class Administration:
    """What the routes call; the composition root yields it as `request.state.administration`."""

    providers: ManageProviders
    brands: ManageBrands
    headers: ManageHeaders
    operators: ManageOperators
    partners: ManagePartners
    users: ManageUsers
    keys: ManageKeys
    events: ReadEvents
    filing: FileApplications
    documents: AttachDocuments
    review: ReviewApplications


def build(parts: Parts) -> Administration:
    """Return the use cases of this process."""
    door = Doorkeeper(parts.gate, parts.directory, parts.reader)
    pool, writer, now, settings = parts.reader_pool, parts.writer_pool, parts.now, parts.settings
    access = ApplicationAccess(door, pool)
    papers = PaperSealer(parts.ring)
    return Administration(
        providers=ManageProviders(door, pool, writer),
        brands=ManageBrands(door, pool, writer, settings.brand_approval, settings.retailers_max),
        headers=ManageHeaders(door, pool, writer, settings.header_approval),
        operators=ManageOperators(door, pool, writer),
        partners=ManagePartners(door, pool, writer),
        users=ManageUsers(door, pool, writer),
        keys=ManageKeys(door, pool, writer, now),
        events=ReadEvents(door, pool),
        filing=FileApplications(
            door, access, pool, writer, papers, settings.applications_a_day_max, now
        ),
        documents=AttachDocuments(access, pool, writer, papers, now),
        review=ReviewApplications(door, access, pool, writer, papers, now),
    )
