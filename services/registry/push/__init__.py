"""Push: the registry's own movements are sent to whoever registered an address for them (docs/push.md)."""
