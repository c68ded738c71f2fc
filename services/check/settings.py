"""Settings of the check service, from the environment (`IZIN_…`)."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.ledger.store import role_dsn
from shared.web.network_settings import Networks

ROLE = "izin_check"


class CheckSettings(BaseSettings):
    """What the check needs to know. One of the two DSNs must be given."""

    model_config = SettingsConfigDict(env_prefix="IZIN_", frozen=True, extra="forbid")

    check_postgres_dsn: SecretStr | None = Field(
        default=None,
        description="The check's own DSN; derived from IZIN_POSTGRES_DSN when not set.",
    )
    postgres_dsn: SecretStr | None = Field(
        default=None, description="The owner's DSN, only to derive the service's own from it."
    )
    redis_url: SecretStr | None = Field(
        default=None,
        description="URL of the cache (Valkey or Redis); without it the ledger answers every check.",
    )
    keys_file: Path = Field(
        default=Path(".data/keys.json"),
        description="File of the digest keys and the public token key.",
    )
    data_dir: Path = Field(
        default=Path(".data"),
        description="Directory below which evidence waits while the ledger is away.",
    )
    check_host: str = Field(default="127.0.0.1", description="Address that the check listens on.")
    check_port: int = Field(
        default=8082, ge=1, le=65535, description="Port of a check process of its own."
    )
    check_shares_port: bool = Field(
        default=False, description="Let several check processes listen on the port."
    )
    check_read_connections: int = Field(
        default=4, ge=1, le=100, description="Connections to the ledger, a process."
    )
    check_deadline_s: float = Field(
        default=0.25,
        gt=0,
        description="Seconds after which a check of up to 1000 addresses is answered UNVERIFIED.",
    )
    check_cache_timeout_s: float = Field(
        default=0.02,
        gt=0,
        description="Seconds after which the cache is given up and the ledger is asked.",
    )
    check_body_bytes_max: int = Field(
        default=4_194_304, ge=1024, description="Largest request body of the check, in bytes."
    )
    check_batch_max: int = Field(
        default=10_000, ge=1, le=10_000, description="Addresses in one batch check."
    )
    admit_test_range: bool = Field(
        default=False,
        description="Admit +90599…, a range not in use: for tests, benches and the demo.",
    )
    trusted_proxies: Networks = Field(
        default=None,
        description="Networks (CIDR, with commas) whose word about a client's address is believed.",
    )

    @property
    def dsn(self) -> str:
        """Return the DSN to connect with; raises ValueError when neither is set."""
        if self.check_postgres_dsn is not None:
            return self.check_postgres_dsn.get_secret_value()
        if self.postgres_dsn is not None:
            return role_dsn(self.postgres_dsn.get_secret_value(), ROLE)
        raise ValueError("set IZIN_CHECK_POSTGRES_DSN or IZIN_POSTGRES_DSN")
