"""The web process of the embedded default: `python -m services.cli.serve`."""

from services.check.app import create_app as create_check
from services.check.app import create_edge as create_check_edge
from services.check.hot_door import HotDoor
from services.check.hot_path import hot_path
from services.check.settings import CheckSettings
from services.cli.compose import FrontDoor, Part
from services.cli.settings import UpSettings, read_settings
from services.ingest.app import create_app as create_ingest
from services.ingest.app import create_edge as create_ingest_edge
from services.ingest.settings import IngestSettings
from services.registry.app import create_app as create_registry
from services.registry.app import create_edge as create_registry_edge
from services.registry.settings import RegistrySettings
from shared.telemetry.logs import configure_logging
from shared.web.route_table import service_of
from shared.web.serving import serve_app


def open_front_door(hot_door: HotDoor) -> FrontDoor:
    """Compose the services, each with settings of its own; the check opens its `hot_door` while it runs."""
    registry_settings, check_settings, ingest_settings = (
        read_settings(RegistrySettings),
        read_settings(CheckSettings),
        read_settings(IngestSettings),
    )
    registry = create_registry(registry_settings)
    ingest = create_ingest(ingest_settings)
    check = create_check(check_settings, door=hot_door)
    return FrontDoor(
        [
            Part("registry", registry, create_registry_edge(registry, registry_settings)),
            Part("check", check, create_check_edge(check, check_settings)),
            Part("ingest", ingest, create_ingest_edge(ingest, ingest_settings)),
        ],
        service_of=service_of,
    )


def serve() -> None:
    """Serve until SIGTERM, then finish the open requests."""
    settings = read_settings(UpSettings)
    configure_logging("web")
    hot_door = HotDoor()
    serve_app(
        open_front_door(hot_door),
        host=settings.host,
        port=settings.port,
        drain_timeout_s=settings.drain_timeout_s,
        shares_port=settings.web_workers > 1,
        protocol=hot_path(hot_door),
    )


if __name__ == "__main__":
    serve()
