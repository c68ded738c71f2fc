"""What the routes about reference data call, put together."""

from services.registry.parts import Parts
from services.registry.reference.look_up_places import LookUpPlaces
from services.registry.reference.places import read_places


def build(parts: Parts) -> LookUpPlaces:
    """Return what the routes call; the composition root yields it as `request.state.reference`."""
    return LookUpPlaces(parts.gate, parts.reader, read_places())
