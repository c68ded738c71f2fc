"""Settings of the registry service, from the environment (`IZIN_…`)."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.domain.calendar import BusinessCalendar
from shared.domain.write_policy import WritePolicy
from shared.ledger.store import role_dsn

ROLE = "izin_registry"


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
    bulk_status_max: int = Field(
        default=1000, ge=1, le=10_000, description="Addresses in one bulk status question (H127)."
    )
    unknown_consent_status: Annotated[Literal[404, 200], BeforeValidator(int)] = Field(
        default=404,
        description="Single status of an unknown address: 404 with H401, or 200 with an empty object.",
    )

    @property
    def dsn(self) -> str:
        """Return the DSN to connect with; raises ValueError when neither is set."""
        if self.registry_postgres_dsn is not None:
            return self.registry_postgres_dsn.get_secret_value()
        if self.postgres_dsn is not None:
            return role_dsn(self.postgres_dsn.get_secret_value(), ROLE)
        raise ValueError("set IZIN_REGISTRY_POSTGRES_DSN or IZIN_POSTGRES_DSN")

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
