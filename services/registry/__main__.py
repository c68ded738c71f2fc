"""A registry process of its own: `python -m services.registry`."""

from services.registry.app import create_app, create_edge
from services.registry.settings import RegistrySettings
from shared.telemetry.logs import configure_logging
from shared.web.serving import serve_app, settings_or_exit


def main() -> None:
    """Serve with the settings of the environment."""
    settings = settings_or_exit(RegistrySettings)
    configure_logging("registry")
    app = create_app(settings)
    serve_app(create_edge(app, settings), host=settings.registry_host, port=settings.registry_port)


if __name__ == "__main__":
    main()
