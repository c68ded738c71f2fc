"""An ingest process of its own: `python -m services.ingest`."""

from services.ingest.app import create_app, create_edge
from services.ingest.settings import IngestSettings
from shared.telemetry.logs import configure_logging
from shared.web.serving import serve_app, settings_or_exit


def main() -> None:
    """Serve with the settings of the environment."""
    settings = settings_or_exit(IngestSettings)
    configure_logging("ingest")
    app = create_app(settings)
    serve_app(create_edge(app, settings), host=settings.ingest_host, port=settings.ingest_port)


if __name__ == "__main__":
    main()
