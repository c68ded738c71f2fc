import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import orjson
import pytest

from shared import domain
from shared.domain import faults
from shared.domain.consent import Source
from shared.web.iys_messages import CONSENT_PROPERTIES, MESSAGES, text_of
from shared.web.oauth_errors import OAUTH_MESSAGES
from shared.web.surfaces import IYS_CODES

OFFICIAL = Path(__file__).resolve().parents[3] / "shared" / "reference" / "iys-openapi-3.2.0.json"
# iys-api 12.1 to 12.3, without the ViA flow, and the limits of 11
DOCUMENTED = re.findall(
    r"H\d{3}",
    """
    H001 H014 H015 H016 H017 H018 H031 H058 H060 H061 H062 H067 H082 H241 H085 H090 H092 H093 H095
    H097 H098 H403 H405 H402 H100 H101 H102 H103 H105 H106 H107 H179 H181 H470 H476 H412 H123 H129
    H176 H190 H191 H192 H195 H196 H197 H404 H245 H268 H250 H251 H252 H266 H267 H351 H353 H355 H363
    H437 H520 H521 H524 H586 H522 H525 H110 H111 H112 H113 H114 H170 H115 H116 H117 H119 H118 H120
    H121 H122 H160 H166 H155 H156 H157 H158 H162 H467 H408 H486 H464 H459 H091 H125 H194 H193 H174
    H175 H178 H462 H463 H163 H126 H180 H171 H172 H173 H401 H164 H168 H169 H478 H127 H182 H183 H184
    H185 H186 H187 H198 H199 H400 H501 H502 H506 H507 H512 H083 H084 H086 H089 H124
    """,
)

for _module in iter_modules(domain.__path__):  # each area has faults of its own
    import_module(f"{domain.__name__}.{_module.name}")


def fault_classes(root: type[faults.Fault] = faults.Fault) -> Iterator[type[faults.Fault]]:
    for child in root.__subclasses__():
        yield child
        yield from fault_classes(child)


def plain(text: str) -> str:
    return re.sub(r"[\W_]+", " ", text).strip().casefold()


def official_texts() -> set[str]:
    def strings(node: object) -> Iterator[str]:
        if isinstance(node, dict):
            for child in node.values():
                yield from strings(child)
        elif isinstance(node, list):
            for child in node:
                yield from strings(child)
        elif isinstance(node, str):
            yield from (cell for line in node.splitlines() for cell in (line, *line.split("|")))

    return {plain(text) for text in strings(orjson.loads(OFFICIAL.read_bytes()))} - {""}


ALL_TEXTS = [m.text for m in MESSAGES.values()] + [m.description for m in OAUTH_MESSAGES.values()]


def test_every_documented_code_has_a_message() -> None:
    assert set(DOCUMENTED) - set(MESSAGES) == set()
    assert set(IYS_CODES.values()) <= set(MESSAGES)


def test_every_fault_of_the_domain_has_a_message() -> None:
    classes = list(fault_classes())
    assert len(classes) > 40
    assert {fault.code for fault in classes} <= set(MESSAGES)


def test_every_fact_that_a_text_names_is_a_field_of_its_fault() -> None:
    fields_by_code = {f.code: set(f.__dataclass_fields__) for f in fault_classes()}
    for code, message in MESSAGES.items():
        named = set(re.findall(r"{(\w+)}", message.text))
        assert named <= fields_by_code.get(code, set()), code


@pytest.mark.parametrize("text", ALL_TEXTS)
def test_every_text_is_a_turkish_sentence(text: str) -> None:
    assert text == text.strip()
    assert len(text) > 10
    assert re.search(r"[çğıöşüÇĞİÖŞÜ]|eksik|zorunlu|tam |en çok|kabul|mal|mel", text)
    assert not re.search(r"\b(the|is|not|must|and|of|error|invalid)\b", text)


def test_every_text_is_shown_without_facts_too() -> None:
    for code in MESSAGES:
        shown = text_of(None, code)
        assert shown
        assert "{" not in shown


def test_lists_of_allowed_values_are_the_values_that_are_allowed() -> None:
    providers = {s.value for s in Source if s.value.startswith("HS_")}
    listed = {
        code: set(MESSAGES[code].text.split(": ")[1].split(", ")) for code in ("H119", "H486")
    }
    assert listed["H119"] == providers
    assert listed["H486"] == providers - {"HS_KARAR"}
    assert set(MESSAGES["H118"].text.split(": ")[1].split(", ")) == set(CONSENT_PROPERTIES)


@pytest.mark.parametrize("official", [official_texts()] if OFFICIAL.exists() else [])
def test_no_text_is_copied_from_the_official_document(official: set[str]) -> None:
    assert [text for text in ALL_TEXTS if plain(text) in official] == []
