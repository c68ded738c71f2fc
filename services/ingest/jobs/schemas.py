"""The bodies of files as jobs: what is asked for, and what is told."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

from services.ingest.uploads.file_request import (
    DEFAULT_FIELDS,
    FileRequest,
    Webhook,
    read_default,
    read_mapping,
    read_name,
    read_webhook,
)

BRAND_MAX = 2**31 - 1
StateWord = Literal["UPLOADING", "QUEUED", "DONE", "FAILED", "CANCELLED"]


class _Strict(BaseModel):
    """A body whose fields are known: a misspelt one is a mistake, and no wish that is passed over."""

    model_config = ConfigDict(extra="forbid")


class DefaultsBody(_Strict):
    """What holds for rows that do not say: the wire's words, or those that files may use."""

    type: str | None = None
    source: str | None = None
    status: str | None = None
    recipientType: str | None = None  # noqa: N815
    consentDate: str | None = None  # noqa: N815

    @field_validator(*DEFAULT_FIELDS)
    @classmethod
    def _is_known(cls, text: str | None, info: ValidationInfo[None]) -> str | None:
        return None if text is None else read_default(info.field_name or "", text)

    @property
    def given(self) -> dict[str, str]:
        """Return those that were given."""
        return self.model_dump(exclude_none=True)


class WebhookBody(_Strict):
    """Who is called when the job has ended (https); the secret signs, and is made up where there is none."""

    url: str
    secret: str | None = None


class JobBody(_Strict):
    """A file that is announced; its content comes afterwards."""

    name: str
    size: Annotated[int | None, Field(ge=1, lt=2**63, description="In bytes; may be left out.")] = (
        None
    )
    brandCode: Annotated[  # noqa: N815
        int | None, Field(ge=1, le=BRAND_MAX, description="The brand of rows that name none.")
    ] = None
    defaults: DefaultsBody = Field(default_factory=DefaultsBody)
    mapping: dict[str, str] = Field(
        default_factory=dict[str, str],
        description="Which column, by its name, stands for which field of a consent.",
    )
    dryRun: bool = False  # noqa: N815
    webhook: WebhookBody | None = None

    _name = field_validator("name")(read_name)
    _mapping = field_validator("mapping")(read_mapping)

    def asked(self, *, admit_http: bool) -> FileRequest:
        """Return what is asked for; raises ValueError for a webhook that cannot be called."""
        return FileRequest(
            name=self.name,
            size=self.size,
            brand_code=self.brandCode,
            defaults=self.defaults.given,
            mapping=self.mapping,
            dry_run=self.dryRun,
            webhook=self._receiver(admit_http=admit_http),
        )

    def _receiver(self, *, admit_http: bool) -> Webhook | None:
        if self.webhook is None:
            return None
        return read_webhook(self.webhook.url, self.webhook.secret, admit_http=admit_http)


class FailureView(BaseModel):
    """Why a file could not be worked off; the explanation is in Turkish."""

    code: str
    detail: str | None


class JobView(BaseModel):
    """A file, and how far it is. `rowsSeen` is known once it was read through."""

    id: UUID
    state: StateWord
    name: str | None
    brandCode: int | None  # noqa: N815
    dryRun: bool  # noqa: N815
    createdAt: datetime  # noqa: N815
    finishedAt: datetime | None  # noqa: N815
    size: int | None
    received: int
    uploadUrl: str | None  # noqa: N815
    rowsSeen: int | None  # noqa: N815
    rowsDone: int  # noqa: N815
    accepted: int
    unchanged: int
    refused: int
    refusedByCode: dict[str, int]  # noqa: N815
    rowsPerSecond: float | None  # noqa: N815
    secondsLeft: float | None  # noqa: N815
    faultsUrl: str | None  # noqa: N815
    duplicateOf: UUID | None  # noqa: N815
    failure: FailureView | None


class AnnouncedView(JobView):
    """A file that was announced. `webhookSecret` is one that was made up, shown here and never again."""

    webhookSecret: str | None  # noqa: N815


class JobsPage(BaseModel):
    """Some jobs, the newest first; `next` is the `before` of the following page."""

    items: list[JobView]
    next: UUID | None


class BrandReport(BaseModel):
    """How the rows of one brand ended; name and provider are told of brands that are the sender's."""

    brandCode: int  # noqa: N815
    brandName: str | None  # noqa: N815
    iysCode: int | None  # noqa: N815
    accepted: int
    unchanged: int
    refused: int
    refusedByCode: dict[str, int]  # noqa: N815


class JobReport(BaseModel):
    """How the rows of a file ended, brand by brand; `unreadable` are those whose brand is not known."""

    id: UUID
    state: StateWord
    brands: list[BrandReport]
    unreadable: int
    unreadableByCode: dict[str, int]  # noqa: N815
