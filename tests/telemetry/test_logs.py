import io
import logging
from collections.abc import Iterator
from datetime import UTC, datetime

import orjson
import pytest
import structlog
from typing_extensions import override

from shared.telemetry.logs import _LibraryLog, configure_logging
from shared.telemetry.redaction import HIDDEN, TEXT_CHARS_MAX, hide_addresses, safe_value

PHONE = "+905990000001"
EMAIL = "ayse.yilmaz@posta.example"


@pytest.fixture
def output() -> Iterator[io.BytesIO]:
    stream = io.BytesIO()
    configure_logging("registry", stream=stream)
    yield stream
    configure_logging("registry")


def lines(output: io.BytesIO) -> list[dict[str, object]]:
    return [orjson.loads(line) for line in output.getvalue().splitlines()]


def test_a_line_is_json_with_utc_time_service_level_and_context(output: io.BytesIO) -> None:
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        structlog.get_logger().info("registry.consent.recorded", position=7)
    (line,) = lines(output)
    assert datetime.fromisoformat(str(line.pop("timestamp"))).tzinfo == UTC
    assert line == {
        "event": "registry.consent.recorded",
        "level": "info",
        "position": 7,
        "request_id": "r-1",
        "service": "registry",
    }


def test_a_level_below_the_configured_one_is_not_written(output: io.BytesIO) -> None:
    structlog.get_logger().debug("registry.consent.read")
    assert lines(output) == []


def test_a_cached_logger_follows_a_new_stream(output: io.BytesIO) -> None:
    log = structlog.get_logger()
    log.info("first.seen")
    second = io.BytesIO()
    configure_logging("check", stream=second)
    log.info("second.seen")
    assert [line["event"] for line in lines(output)] == ["first.seen"]
    assert [(line["event"], line["service"]) for line in lines(second)] == [
        ("second.seen", "check")
    ]


def test_what_libraries_log_becomes_the_same_kind_of_line(output: io.BytesIO) -> None:
    logging.getLogger("uvicorn.error").warning("asked for %s by %s", PHONE, EMAIL)
    (first,) = lines(output)
    assert first["event"] == "library.logged"
    assert (first["logger"], first["level"]) == ("uvicorn.error", "warning")
    assert first["message"] == f"asked for {HIDDEN} by {HIDDEN}"


def test_an_answer_that_was_broken_off_on_purpose_is_no_error(output: io.BytesIO) -> None:
    server = logging.getLogger("uvicorn.error")
    server.error("ASGI callable returned without completing response.")
    server.error("ASGI callable returned without starting response.")
    assert [line["level"] for line in lines(output)] == ["info", "error"]


def test_a_library_that_misuses_its_own_format_is_still_heard(output: io.BytesIO) -> None:
    (ours,) = [h for h in logging.getLogger().handlers if type(h) is _LibraryLog]
    ours.emit(logging.LogRecord("asyncpg", logging.ERROR, "", 1, "broken %d", ("x",), None))
    assert lines(output)[0]["message"] == "broken %d"


def test_the_access_log_of_uvicorn_is_silent_since_it_shows_paths(output: io.BytesIO) -> None:
    logging.getLogger("uvicorn.access").info("GET /consents?recipient=%s", PHONE)
    assert lines(output) == []


def test_no_address_leaves_wherever_it_hides(output: io.BytesIO) -> None:
    log = structlog.get_logger()

    class Consent:
        @override
        def __repr__(self) -> str:
            return f"Consent({PHONE!r})"

    log.info(
        PHONE,
        plain=PHONE,
        nested={"a": [{"b": (EMAIL, {PHONE})}], PHONE: 1},
        raw=EMAIL.encode(),
        thing=Consent(),
        url=f"https://kayit.example/consents?recipient=%2B905990000001&mail={EMAIL}",
    )
    text = output.getvalue().decode()
    assert PHONE[1:] not in text
    assert "ayse" not in text
    assert text.count(HIDDEN) == 9


def test_a_traceback_is_text_without_locals_and_without_addresses(output: io.BytesIO) -> None:
    def fail(recipient: str) -> None:
        known: dict[str, str] = {}
        try:
            known[recipient]
        except KeyError as error:
            raise RuntimeError(f"cannot store {EMAIL}") from error

    try:
        fail(PHONE)
    except RuntimeError:
        structlog.get_logger().exception("registry.write.failed")
    (line,) = lines(output)
    traceback = str(line["exception"])
    assert "RuntimeError: cannot store [address]" in traceback
    assert "KeyError" in traceback
    assert "ayse" not in traceback
    assert PHONE[1:] not in traceback


@pytest.mark.parametrize("value", ["\ud800", 2**80, float("nan"), b"\xff", object(), {1: {2: 3}}])
def test_no_value_breaks_the_line(output: io.BytesIO, value: object) -> None:
    structlog.get_logger().info("odd.value.seen", value=value)
    assert len(lines(output)) == 1


def test_a_broken_repr_and_a_bottomless_value_are_shown_somehow() -> None:
    class Broken:
        @override
        def __repr__(self) -> str:
            raise ValueError

    bottomless: list[object] = []
    bottomless.append(bottomless)
    assert safe_value(Broken()) == "<Broken>"
    assert "..." in str(safe_value(bottomless))


@pytest.mark.parametrize(
    "text",
    ["2026-03-02T14:05:09+03:00", "+1", "a @ b", "position 905990000001", "50%", "x" * 70 + "@"],
)
def test_what_is_no_address_stays(text: str) -> None:
    assert hide_addresses(text) == text


def test_a_long_text_without_a_match_is_cut_and_does_not_take_long() -> None:
    assert len(hide_addresses("a%" * 5_000_000)) == TEXT_CHARS_MAX + 1
    assert hide_addresses("@" + "a" * 5_000).endswith("a")
