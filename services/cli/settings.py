"""Settings of the command line and of the embedded default, from the environment (`IZIN_…`)."""

import os
from pathlib import Path
from typing import TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.cli.errors import CliError

Settings = TypeVar("Settings", bound=BaseSettings)


class UpSettings(BaseSettings):
    """What `izin up` and the commands that speak to the ledger need to know."""

    model_config = SettingsConfigDict(env_prefix="IZIN_", frozen=True, extra="forbid")

    port: int = Field(
        default=8080, ge=1, le=65535, description="TCP port on which everything is served."
    )
    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on. Anything but loopback belongs behind a TLS proxy.",
    )
    data_dir: Path = Field(
        default=Path(".data"),
        description="Directory of the embedded servers' data, the keys, demo.json and the logs.",
    )
    postgres_dsn: SecretStr | None = Field(
        default=None,
        description="Owner's DSN of a PostgreSQL server to use instead of the embedded one.",
    )
    redis_url: SecretStr | None = Field(
        default=None,
        description="URL of a Valkey or Redis server to use instead of the embedded one.",
    )
    keys_file: Path | None = Field(
        default=None,
        description="File of the digest and sealing keys; <data dir>/keys.json when not set.",
    )
    web_workers: int = Field(
        default=1, ge=1, le=64, description="Number of web processes, all on the one port."
    )
    drain_timeout_s: float = Field(
        default=10.0,
        ge=0,
        description="Seconds that the web process gets to finish open requests when stopped.",
    )
    postgres_shared_buffers_mb: int = Field(
        default=256,
        ge=16,
        description="Memory that the embedded PostgreSQL caches pages in, in MB.",
    )
    valkey_memory_mb_max: int = Field(
        default=0, ge=0, description="Memory limit of the embedded Valkey in MB; 0 means no limit."
    )
    disk_free_mb_min: int = Field(
        default=300,
        ge=0,
        description="Free disk space in MB below which `izin up` refuses to start.",
    )


class ClientSettings(BaseSettings):
    """Where the server is and who asks; without them the demo world's file answers."""

    model_config = SettingsConfigDict(env_prefix="IZIN_", frozen=True, extra="forbid")

    url: str | None = Field(
        default=None, description="Base URL of the server that the commands talk to."
    )
    username: str | None = Field(
        default=None, description="Account that the commands sign in with."
    )
    password: SecretStr | None = Field(default=None, description="Password of that account.")
    data_dir: Path = Field(
        default=Path(".data"), description="Directory in which demo.json is looked for."
    )
    timeout_s: float = Field(
        default=30.0, gt=0, description="Seconds that a command waits for one answer of the server."
    )


def read_settings(kind: type[Settings]) -> Settings:
    """Build settings from the environment; a bad value becomes one readable line."""
    try:
        return kind()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = "IZIN_" + "_".join(str(part) for part in first["loc"]).upper()
        raise CliError(f"{name}: {first['msg']}; correct this variable or unset it") from None


def inherited_environment() -> dict[str, str]:
    """Return the environment that children start from.

    libpq's own variables (PGDATA, PGPORT, …) stay out: they would silently redirect an embedded
    server.
    """
    environment = os.environ  # noqa: TID251  # children inherit it; nothing is read from it here
    return {name: value for name, value in environment.items() if not name.startswith("PG")}
