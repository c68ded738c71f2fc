"""The protocol of the cache, step for step: no wrong answer with all its guards, one without each."""

import pytest

from tests.model.bounds import Scene
from tests.model.explore import TRACES, all_traces, search, without
from tests.model.protocol import Guards
from tests.model.scenes import FULL, HARMLESS, RULES, Removal


@pytest.mark.parametrize("scene", FULL, ids=lambda scene: scene.name)
def test_no_answer_is_wrong(scene: Scene) -> None:
    assert search(scene, Guards()).wrong is None


@pytest.mark.parametrize("removal", RULES, ids=lambda removal: removal.title)
def test_without_a_rule_what_was_withdrawn_is_allowed(removal: Removal) -> None:
    found = without(removal)
    assert found.wrong is not None
    assert found.wrong.is_stale_allow


@pytest.mark.parametrize("removal", HARMLESS, ids=lambda removal: removal.title)
def test_a_guard_behind_another_one_is_not_missed(removal: Removal) -> None:
    assert without(removal).wrong is None


def test_the_traces_on_file_are_what_the_search_finds() -> None:
    assert TRACES.read_text() == all_traces()
