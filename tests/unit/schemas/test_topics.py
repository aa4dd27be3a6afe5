import pytest

from schemas import topics


def test_every_topic_is_in_the_table_once() -> None:
    names = [topic.name for topic in topics.TABLE]
    assert sorted(names) == sorted(set(names))
    assert {topics.RAW.name, topics.ENRICHED.name, topics.DEAD_LETTER.name} <= set(names)


def test_a_dead_letter_has_room_for_any_message_and_its_headers() -> None:
    largest = max(topic.max_message_bytes for topic in topics.TABLE if topic != topics.DEAD_LETTER)
    assert topics.DEAD_LETTER.max_message_bytes >= largest * 2


def test_config_uses_the_brokers_names() -> None:
    assert topics.CURSORS.config == {
        "cleanup.policy": "compact",
        "retention.ms": "-1",
        "max.message.bytes": str(topics.CURSORS.max_message_bytes),
        "message.timestamp.type": "LogAppendTime",
    }


def test_a_team_has_its_own_topic() -> None:
    assert topics.routed("press-de").name == "mentions.routed.press-de"


@pytest.mark.parametrize("team", ["", "Press", "a b", "x" * 64, "ä", "-a"])
def test_a_team_name_that_is_no_topic_name_is_refused(team: str) -> None:
    with pytest.raises(ValueError, match="team"):
        topics.routed(team)
