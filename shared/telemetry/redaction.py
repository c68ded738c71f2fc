"""The last line of defence for addresses: nothing that looks like one leaves in a log line.

The rule is that nobody logs an address. This is for the day when somebody breaks it without
noticing, most likely through the text of an exception. It knows two shapes, telephone numbers with
their plus sign and e-mail addresses, also percent-encoded; bare digits are no address here, since
times, codes and positions are digits too. It also makes every value safe for the JSON encoder, so
that a log line can never be the thing that fails.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Final

HIDDEN: Final = "[address]"
TEXT_CHARS_MAX: Final = 20_000
DEPTH_MAX: Final = 6
_INT_BITS_MAX: Final = 63

# Every repetition is bounded, so a long text without a match costs a bounded look per character.
_ADDRESS: Final = re.compile(
    r"(?:\+|%2B)\d{8,15}"
    r"|[^\s@\"'<>,;:()\[\]{}=|\\/&?]{1,64}(?:@|%40)[^\s@\"'<>,;:()\[\]{}=|\\/&?]{2,255}",
    re.IGNORECASE,
)


def hide_addresses(text: str) -> str:
    """Return the text with everything that looks like an address replaced."""
    if len(text) > TEXT_CHARS_MAX:
        text = text[:TEXT_CHARS_MAX] + "…"
    if not text.isascii():
        text = text.encode("utf-8", "replace").decode("utf-8")
    if "+" in text or "@" in text or "%" in text:
        return _ADDRESS.sub(HIDDEN, text)
    return text


def safe_value(value: object, *, depth: int = 0) -> object:
    """Return a copy that the JSON encoder takes and that holds no address, however deep."""
    if isinstance(value, str):
        return hide_addresses(value)
    if value is None or isinstance(value, (bool, float, date)):
        return value
    if isinstance(value, int) and value.bit_length() <= _INT_BITS_MAX:
        return value
    if depth < DEPTH_MAX:
        if isinstance(value, Mapping):
            return _safe_mapping(value, depth=depth + 1)  # pyright: ignore[reportUnknownArgumentType]  # isinstance loses the parameters
        if isinstance(value, (list, tuple, set, frozenset)):
            return [safe_value(item, depth=depth + 1) for item in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # the same
    return hide_addresses(_text_of(value))


def _safe_mapping(value: Mapping[object, object], *, depth: int) -> dict[str, object]:
    return {hide_addresses(str(key)): safe_value(item, depth=depth) for key, item in value.items()}


def _text_of(value: object) -> str:
    """Show anything else: its `repr`, since an encoder that knows its type would bypass us."""
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    try:
        return repr(value)
    except Exception:  # noqa: BLE001  # a broken __repr__ must not break the log line
        return f"<{type(value).__name__}>"
