"""Settings of the ingest service and its worker, from the environment (`IZIN_…`)."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.ingest.reading.limits import ReadLimits
from shared.domain.calendar import BusinessCalendar
from shared.domain.limits_table import LimitTable, Profile, table_of
from shared.domain.write_policy import WritePolicy
from shared.ledger.store import role_dsn
from shared.web.limit_settings import LimitOverrides
from shared.web.network_settings import Networks

ROLE = "izin_ingest"


class IngestSettings(BaseSettings):
    """What ingest needs to know. One of the two DSNs must be given."""

    model_config = SettingsConfigDict(env_prefix="IZIN_", frozen=True, extra="forbid")

    ingest_postgres_dsn: SecretStr | None = Field(
        default=None,
        description="The ingest's own DSN; derived from IZIN_POSTGRES_DSN when not set.",
    )
    postgres_dsn: SecretStr | None = Field(
        default=None, description="The owner's DSN, only to derive the service's own from it."
    )
    keys_file: Path = Field(
        default=Path(".data/keys.json"), description="File of the digest, sealing and token keys."
    )
    ingest_host: str = Field(default="127.0.0.1", description="Address that ingest listens on.")
    ingest_port: int = Field(
        default=8083, ge=1, le=65535, description="Port of an ingest process of its own."
    )
    ingest_read_connections: int = Field(
        default=3, ge=1, le=100, description="Connections for reads, a process."
    )
    ingest_write_connections: int = Field(
        default=3, ge=2, le=100, description="Connections for writes, a process."
    )
    ingest_deadline_s: float = Field(
        default=8.0, gt=0, description="Seconds after which a request is given up."
    )
    ingest_body_bytes_max: int = Field(
        default=4_194_304, ge=1024, description="Largest body of a batch, in bytes."
    )
    ingest_batch_max: int = Field(
        default=1000, ge=1, le=50_000, description="Consents in one batch (H091)."
    )
    ingest_result_days: int = Field(
        default=60, ge=1, le=3650, description="Days for which results can be asked for."
    )
    ingest_lease_s: float = Field(
        default=60.0,
        ge=5,
        description="Seconds after which the work of a worker that is gone is taken over.",
    )
    ingest_worker_heartbeat_file: Path | None = Field(
        default=None,
        description="File that the worker gives its process id and a new date every five seconds.",
    )
    data_dir: Path = Field(
        default=Path(".data"),
        description="Directory below which uploaded files wait, sealed; shared by web and workers.",
    )
    ingest_file_bytes_max: int = Field(
        default=5_368_709_120, ge=1024, description="Largest file, in bytes."
    )
    ingest_jobs_open_max: int = Field(
        default=100, ge=1, description="Files that an account may have under way."
    )
    ingest_chunk_rows: int = Field(
        default=5000, ge=1, le=50_000, description="Rows of a file that are worked off together."
    )
    ingest_disk_free_bytes_min: int = Field(
        default=1_073_741_824,
        ge=0,
        description="Bytes of the disk that uploads leave free; beyond them they are refused.",
    )
    ingest_workbook_bytes_max: int = Field(
        default=134_217_728,
        ge=1024,
        description="Largest workbook (.xlsx) as it is sent, in bytes.",
    )
    ingest_unpacked_bytes_max: int = Field(
        default=21_474_836_480, ge=1024, description="What a file may unpack to, in bytes."
    )
    ingest_unpacked_ratio_max: int = Field(
        default=200,
        ge=2,
        description="What a file of more than 64 MB unpacked may unpack to, as a multiple of its size.",
    )
    ingest_child_memory_bytes: int = Field(
        default=1_073_741_824,
        ge=268_435_456,
        description="Address space of the process that reads a workbook or Parquet, in bytes.",
    )
    ingest_child_s: int = Field(
        default=600, ge=1, description="Seconds that this process may take, and of processor time."
    )
    ingest_webhook_admit_loopback: bool = Field(
        default=False,
        description="Let a job's webhook be this machine itself, with http too: for tests.",
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

    consent_limit: int = Field(
        default=0,
        ge=0,
        description="Addresses on record of a provider whose subscription names no limit; 0: any number.",
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
    trusted_proxies: Networks = Field(
        default=None,
        description="Networks (CIDR, with commas) whose word about a client's address is believed.",
    )

    @field_validator("limits_file")
    @classmethod
    def _rows_are_there(cls, given: LimitOverrides, info: ValidationInfo[None]) -> LimitOverrides:
        if given and "limit_profile" in info.data:
            table_of(Profile(info.data["limit_profile"]), given)
        return given

    @property
    def limit_table(self) -> LimitTable:
        """Return the limits that hold."""
        return table_of(Profile(self.limit_profile), self.limits_file or {})

    @property
    def spool_dir(self) -> Path:
        """Return the directory of uploaded files, a folder for each job."""
        return self.data_dir / "spool" / "files"

    @property
    def dsn(self) -> str:
        """Return the DSN to connect with; raises ValueError when neither is set."""
        if self.ingest_postgres_dsn is not None:
            return self.ingest_postgres_dsn.get_secret_value()
        if self.postgres_dsn is not None:
            return role_dsn(self.postgres_dsn.get_secret_value(), ROLE)
        raise ValueError("set IZIN_INGEST_POSTGRES_DSN or IZIN_POSTGRES_DSN")

    @property
    def read_limits(self) -> ReadLimits:
        """Return how much a file may ask for while it is read."""
        return ReadLimits(
            unpacked_bytes_max=self.ingest_unpacked_bytes_max,
            ratio_max=self.ingest_unpacked_ratio_max,
            workbook_bytes_max=self.ingest_workbook_bytes_max,
            child_memory_bytes=self.ingest_child_memory_bytes,
            child_s=self.ingest_child_s,
        )

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
