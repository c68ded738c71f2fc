"""What the routes about push call, put together."""

from dataclasses import dataclass

from services.registry.parts import Parts
from services.registry.push.keep_connections import KeepConnections
from services.registry.push.look_after_connections import LookAfterConnections
from services.registry.push.receiver_secrets import PURPOSE
from services.registry.push.work import receivers_of
from shared.sealing.secret_texts import SecretSealer


@dataclass(frozen=True, slots=True)
class Push:
    """What the composition root yields as `request.state.push`."""

    keep: KeepConnections
    look_after: LookAfterConnections


def build(parts: Parts) -> Push:
    """Return what the routes call."""
    secrets = SecretSealer(parts.ring, purpose=PURPOSE)
    return Push(
        keep=KeepConnections(
            gate=parts.wire_gate,
            reader=parts.reader,
            pool=parts.reader_pool,
            writer=parts.writer_pool,
            secrets=secrets,
            receivers=receivers_of(parts),
            now=parts.now,
        ),
        look_after=LookAfterConnections(
            gate=parts.gate,
            directory=parts.directory,
            reader=parts.reader,
            pool=parts.reader_pool,
            writer=parts.writer_pool,
            secrets=secrets,
            now=parts.now,
        ),
    )
