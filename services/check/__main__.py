"""A check process of its own: `python -m services.check`."""

from services.check.app import create_app, create_edge
from services.check.hot_door import HotDoor
from services.check.hot_path import hot_path
from services.check.settings import CheckSettings
from shared.telemetry.logs import configure_logging
from shared.web.serving import serve_app, settings_or_exit


def main() -> None:
    """Serve with the settings of the environment."""
    settings = settings_or_exit(CheckSettings)
    configure_logging("check")
    door = HotDoor()
    app = create_app(settings, door=door)
    serve_app(
        create_edge(app, settings),
        host=settings.check_host,
        port=settings.check_port,
        shares_port=settings.check_shares_port,
        protocol=hot_path(door),
    )


if __name__ == "__main__":
    main()
