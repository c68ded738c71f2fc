"""What the routes about networks call, put together."""

from services.registry.networks.manage_networks import ManageNetworks
from services.registry.parts import Parts


def build(parts: Parts) -> ManageNetworks:
    """Return what the routes call; the composition root yields it as `request.state.networks`."""
    return ManageNetworks(parts.gate, parts.reader, parts.reader_pool, parts.writer_pool)
