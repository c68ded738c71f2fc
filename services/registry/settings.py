"""Settings of the registry service, from the environment (`IZIN_…`)."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.domain.calendar import BusinessCalendar
from shared.domain.limits_table import LimitTable, Profile, table_of
from shared.domain.write_policy import WritePolicy
from shared.ledger.store import role_dsn
from shared.web.limit_settings import LimitOverrides
from shared.web.network_settings import Networks

ROLE = "izin_registry"


def _unless_empty(value: object) -> object:
    """Take an empty text for None, which an environment cannot hold."""
    return None if value == "" else value


class RegistrySettings(BaseSettings):
    """What the registry needs to know. One of the two DSNs must be given."""

    model_config = SettingsConfigDict(env_prefix="IZIN_", frozen=True, extra="forbid")

    registry_postgres_dsn: SecretStr | None = Field(
        default=None,
        description="The registry's own DSN; derived from IZIN_POSTGRES_DSN when not set.",
    )
    postgres_dsn: SecretStr | None = Field(
        default=None, description="The owner's DSN, only to derive the service's own from it."
    )
    keys_file: Path = Field(
        default=Path(".data/keys.json"), description="File of the digest, sealing and token keys."
    )
    registry_host: str = Field(
        default="127.0.0.1", description="Address that the registry listens on."
    )
    registry_port: int = Field(
        default=8081, ge=1, le=65535, description="Port of a registry process of its own."
    )
    registry_read_connections: int = Field(
        default=4, ge=1, le=100, description="Connections for reads, a process."
    )
    registry_write_connections: int = Field(
        default=8, ge=1, le=100, description="Connections for writes, a process."
    )
    registry_deadline_s: float = Field(
        default=8.0,
        gt=0,
        description="Seconds after which a request is given up; a write may still land.",
    )
    registry_body_bytes_max: int = Field(
        default=1_048_576, ge=1024, description="Largest request body of the registry, in bytes."
    )
    registry_worker_heartbeat_file: Path | None = Field(
        default=None,
        description="File that the worker gives its process id and a new date every five seconds.",
    )
    admit_test_range: bool = Field(
        default=False,
        description="Admit +90599…, a range not in use: for tests, benches and the demo.",
    )
    three_day_rule: bool = Field(
        default=True, description="Refuse consents older than three business days (H467)."
    )
    half_days_are_business_days: bool = Field(
        default=True,
        description="Count 28 October and the eves of religious holidays as business days.",
    )
    transition_rules: Literal["accepted", "enforced"] = Field(
        default="accepted",
        description="HS_2015 records: accepted always, or by the transition calendar alone.",
    )
    clock_tolerance_s: float = Field(
        default=0.0, ge=0, description="How far in the future a consentDate may lie, in seconds."
    )
    retailer_access_max: int = Field(
        default=3000, ge=1, description="Retailers that one recorded consent may name."
    )
    retailers_max: int = Field(
        default=3000, ge=1, le=100_000, description="Retailers that a brand may have (H067)."
    )
    bulk_status_max: int = Field(
        default=1000, ge=1, le=10_000, description="Addresses in one bulk status question (H127)."
    )
    consent_limit: int = Field(
        default=0,
        ge=0,
        description="Addresses on record of a provider whose subscription names no limit; 0: any number.",
    )
    applications_a_day_max: int = Field(
        default=5,
        ge=0,
        le=10_000,
        description="Applications to become a provider, a network and day; 0: none are taken.",
    )
    document_bytes_max: int = Field(
        default=4_194_304,
        ge=1024,
        le=5_242_880,
        description="Largest paper of an application, in bytes.",
    )
    brand_approval: bool = Field(
        default=False, description="Have providers apply for their brands instead of adding them."
    )
    header_approval: bool = Field(
        default=False, description="Have providers apply for their headers instead of binding them."
    )
    unknown_consent_status: Annotated[Literal[404, 200], BeforeValidator(int)] = Field(
        default=404,
        description="Single status of an unknown address: 404 with H401, or 200 with an empty object.",
    )

    feed_delay_s: float = Field(
        default=3600.0,
        ge=0,
        le=86_400,
        description="How long the feed of changes keeps a movement back, in seconds.",
    )
    feed_window_days: int = Field(
        default=7, ge=1, le=36_500, description="How far back the feed of changes reaches, in days."
    )
    push_batch_max: int = Field(
        default=100, ge=1, le=1000, description="Movements in one delivery of push."
    )
    push_retry_days: float = Field(
        default=3.0,
        gt=0,
        description="Days of failed deliveries after which a push connection is suspended.",
    )
    push_deliveries_at_once: int = Field(
        default=64, ge=2, le=1000, description="Receivers that one worker calls at the same time."
    )
    push_ca_file: Annotated[Path | None, BeforeValidator(_unless_empty)] = Field(
        default=None,
        description="File of CA certificates (PEM) that are trusted besides the system's, for push.",
    )
    push_admit_loopback: bool = Field(
        default=False,
        description="Let push call this machine itself, with http too: for tests.",
    )

    redis_url: SecretStr | None = Field(
        default=None,
        description="URL of the cache, where processes count requests together; else each by itself.",
    )
    limit_profile: Literal["izin", "official"] = Field(
        default="izin",
        description="Which table of limits holds: izin against runaway programs, official as at İYS.",
    )
    limits_file: LimitOverrides = Field(
        default=None, description="JSON file with other numbers for single limits of the profile."
    )
    ingest_batch_max: int = Field(
        default=1000, ge=1, le=50_000, description="Consents in one batch (H091)."
    )
    check_batch_max: int = Field(
        default=10_000, ge=1, le=10_000, description="Addresses in one batch check."
    )
    trusted_proxies: Networks = Field(
        default=None,
        description="Networks (CIDR, with commas) whose word about a client's address is believed.",
    )

    reconciliation_days_back: int = Field(
        default=7,
        ge=1,
        le=3660,
        description="Days back from today whose reconciliation may be asked for (H502).",
    )
    tsa_url: Annotated[SecretStr | None, BeforeValidator(_unless_empty)] = Field(
        default=None,
        description="URL of a time-stamping authority (RFC 3161); without it izin stamps by itself.",
    )
    tsa_ca_file: Annotated[Path | None, BeforeValidator(_unless_empty)] = Field(
        default=None,
        validate_default=True,
        description="File of the certificates (PEM) that this authority's stamps are verified with.",
    )
    tsa_timeout_s: float = Field(
        default=10.0,
        gt=0,
        le=120,
        description="Seconds that the time-stamping authority has to answer.",
    )

    @field_validator("limits_file")
    @classmethod
    def _rows_are_there(cls, given: LimitOverrides, info: ValidationInfo[None]) -> LimitOverrides:
        if given and "limit_profile" in info.data:
            table_of(Profile(info.data["limit_profile"]), given)
        return given

    @field_validator("tsa_ca_file")
    @classmethod
    def _stamps_are_verified(cls, given: Path | None, info: ValidationInfo[None]) -> Path | None:
        if given is None and info.data.get("tsa_url") is not None:
            raise ValueError("needed with IZIN_TSA_URL")
        return given

    @property
    def limit_table(self) -> LimitTable:
        """Return the limits that hold."""
        return table_of(Profile(self.limit_profile), self.limits_file or {})

    @property
    def dsn(self) -> str:
        """Return the DSN to connect with; raises ValueError when neither is set."""
        if self.registry_postgres_dsn is not None:
            return self.registry_postgres_dsn.get_secret_value()
        if self.postgres_dsn is not None:
            return role_dsn(self.postgres_dsn.get_secret_value(), ROLE)
        raise ValueError("set IZIN_REGISTRY_POSTGRES_DSN or IZIN_POSTGRES_DSN")

    @property
    def feed_delay(self) -> timedelta:
        """Return how long the feed keeps a movement back."""
        return timedelta(seconds=self.feed_delay_s)

    @property
    def feed_window(self) -> timedelta:
        """Return how far back the feed reaches."""
        return timedelta(days=self.feed_window_days)

    @property
    def write_policy(self) -> WritePolicy:
        """Return the rules of writing that these settings choose."""
        return WritePolicy(
            calendar=BusinessCalendar(half_days_are_business_days=self.half_days_are_business_days),
            three_day_rule=self.three_day_rule,
            admit_test_range=self.admit_test_range,
            retailer_access_max=self.retailer_access_max,
            clock_tolerance=timedelta(seconds=self.clock_tolerance_s),
            transition_rules_enforced=self.transition_rules == "enforced",
        )
