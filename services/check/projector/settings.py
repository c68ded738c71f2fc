"""Settings of the projector, from the environment (`IZIN_…`)."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from shared.ledger.store import role_dsn

ROLE = "izin_projector"


class ProjectorSettings(BaseSettings):
    """What the projector needs to know: the cache, and one of the two DSNs. It has no key file."""

    model_config = SettingsConfigDict(env_prefix="IZIN_", frozen=True, extra="forbid")

    projector_postgres_dsn: SecretStr | None = Field(
        default=None,
        description="The projector's own DSN; derived from IZIN_POSTGRES_DSN when not set.",
    )
    postgres_dsn: SecretStr | None = Field(
        default=None, description="The owner's DSN, only to derive the projector's own from it."
    )
    redis_url: SecretStr | None = Field(
        default=None,
        description="URL of the cache (Valkey or Redis), or of any node of its cluster.",
    )
    projector_brands: int = Field(
        default=4, ge=2, le=64, description="Brands that are worked on at the same time."
    )
    projector_sweep_interval_s: float = Field(
        default=1.0, ge=0.05, le=60, description="Seconds between two looks at all brands."
    )
    projector_heartbeat_file: Path | None = Field(
        default=None,
        description="File that gets the process id and a new date after each look at all brands.",
    )

    @property
    def dsn(self) -> str:
        """Return the DSN to connect with; raises ValueError when neither is set."""
        if self.projector_postgres_dsn is not None:
            return self.projector_postgres_dsn.get_secret_value()
        if self.postgres_dsn is not None:
            return role_dsn(self.postgres_dsn.get_secret_value(), ROLE)
        raise ValueError("set IZIN_PROJECTOR_POSTGRES_DSN or IZIN_POSTGRES_DSN")

    @property
    def cache_url(self) -> str:
        """Return the URL of the cache; raises ValueError when it is not set."""
        if self.redis_url is None:
            raise ValueError("set IZIN_REDIS_URL")
        return self.redis_url.get_secret_value()
