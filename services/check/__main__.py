"""A check process of its own: `python -m services.check`."""

from services.check.app import create_app, create_edge
from services.check.settings import CheckSettings
from shared.telemetry.logs import configure_logging
from shared.web.serving import serve_app, settings_or_exit


def main() -> None:
    """Serve with the settings of the environment."""
    settings = settings_or_exit(CheckSettings)
    configure_logging("check")
    app = create_app(settings)
    serve_app(create_edge(app, settings), host=settings.check_host, port=settings.check_port)


if __name__ == "__main__":
    main()
