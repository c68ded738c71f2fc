"""Real processes whose environment a test makes up still count when the run is measured."""

import os


def coverage_variables() -> dict[str, str]:
    """Return what a measured run tells its children; nothing otherwise."""
    inherited = os.environ  # noqa: TID251  # nothing of the product is read from it
    return {name: value for name, value in inherited.items() if name.startswith("COVERAGE_")}
