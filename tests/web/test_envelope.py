import orjson
import pytest
from starlette.responses import Response

from shared.domain.consent import Status
from shared.domain.faults import (
    AlreadyInThatStatus,
    ConsentTooLate,
    ConsentUnknown,
    PhoneMalformed,
    PhoneTooLong,
    RecipientMissing,
    RequestLimitReached,
    StatusUnknown,
)
from shared.web.iys_envelope import (
    error_entry,
    render_faults,
    render_item_faults,
    render_oauth_error,
)
from shared.web.problems import pointer
from shared.web.wire_json import ECHO_CHARS_MAX


def body(response: Response) -> dict[str, object]:
    parsed: dict[str, object] = orjson.loads(bytes(response.body))
    return parsed


def test_location_value_and_index_are_absent_where_there_is_nothing() -> None:
    assert set(error_entry(RecipientMissing())) == {"code", "message"}
    entry = error_entry(RecipientMissing(("recipient",)), index=0)
    assert entry["location"] == ["recipient"]
    assert entry["index"] == 0


def test_the_first_fault_gives_the_status_unless_the_caller_does() -> None:
    faults = [PhoneTooLong(("recipient",), "+9"), PhoneMalformed(("recipient",), "+9")]
    assert render_faults(faults).status_code == 422
    assert render_faults([ConsentUnknown()]).status_code == 400
    assert render_faults([ConsentUnknown()], status=404).status_code == 404


def test_a_list_body_shows_the_position_of_each_item() -> None:
    faults = [(0, ConsentTooLate()), (2, StatusUnknown(("status",), "EVET"))]
    errors = body(render_item_faults(faults))["errors"]
    assert isinstance(errors, list)
    assert [(e["index"], e["code"]) for e in errors] == [(0, "H467"), (2, "H115")]


def test_a_limit_says_when_to_come_back() -> None:
    response = render_faults([RequestLimitReached(retry_after_s=0)])
    assert (response.status_code, response.headers["retry-after"]) == (429, "1")
    assert set(body(response)) == {"errors"}


def test_the_current_status_ends_the_text_of_a_repeated_refusal() -> None:
    entry = error_entry(AlreadyInThatStatus(current=Status.WITHDRAWN))
    assert str(entry["message"]).endswith(" RET")


def nest(depth: int) -> object:
    value: object = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "value",
    [
        None,
        float("nan"),
        float("inf"),
        2**70,
        pytest.param(-(10**5_000), id="an-integer-of-5000-digits"),
        "a\ud800b",
        ["\udfff"],
        {1: 2},
        b"\xff",
        "\x00",
        nest(900),
        {"deep": nest(300)},
    ],
)
def test_any_value_can_be_echoed(value: object) -> None:
    response = render_faults([StatusUnknown(("status",), value)])
    assert response.status_code == 422
    assert b'"value":' in bytes(response.body)


def test_a_value_of_the_wire_is_echoed_as_it_came() -> None:
    value = {"a": [1, 2.5, True, None, "ğ"]}
    response = render_faults([StatusUnknown(("status",), value)])
    assert orjson.dumps(body(response)["errors"]).decode().count('"value":{"a":[1,2.5') == 1


@pytest.mark.parametrize("value", ["x" * 10_000_000, ["ş" * 99] * 100_000], ids=["text", "list"])
def test_an_enormous_value_comes_back_cut(value: object) -> None:
    response = render_faults([StatusUnknown(("x" * 10_000_000,), value)])
    assert len(response.body) < 20 * ECHO_CHARS_MAX


def test_the_oauth_pair_is_never_stored() -> None:
    response = render_oauth_error("invalid_grant", "yok", 400)
    assert body(response) == {"error": "invalid_grant", "error_description": "yok"}
    assert response.headers["cache-control"] == "no-store"


def test_a_pointer_escapes_its_two_characters() -> None:
    assert pointer(("a/b", 0, "c~d")) == "/a~1b/0/c~0d"
