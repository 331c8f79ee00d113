"""What a home remembers: the latest that tells something, by endpoint, bounded."""

from orchestrator.core.comparison.carried import Learned
from orchestrator.core.comparison.dialect import MOST_ENDPOINTS, Dialect
from orchestrator.core.model.undocumented import Thing

WHERE = {"prod": "https://prod", "dr": "https://dr"}
YES = Learned(Thing.TOPIC, "prod", 3, 0, 0)
NO = Learned(Thing.TOPIC, "prod", 0, 2, 0)
UNREAD = Learned(Thing.TOPIC, "prod", 0, 0, 3, "no right")


def test_a_later_lesson_replaces_an_earlier_one() -> None:
    known = Dialect().with_learned([YES], WHERE, 1.0, "r1").with_learned([NO], WHERE, 2.0, "r2")
    assert [(thing, each.word, each.at, each.run) for thing, each in known.of("https://prod").items()] == [
        (Thing.TOPIC, "did not travel", 2.0, "r2")
    ]


def test_what_could_not_be_read_replaces_only_its_like() -> None:
    known = Dialect().with_learned([YES], WHERE, 1.0, "r1").with_learned([UNREAD], WHERE, 2.0, "r2")
    assert known.of("https://prod")[Thing.TOPIC].run == "r1"
    known = Dialect().with_learned([UNREAD], WHERE, 1.0, "r1").with_learned([UNREAD], WHERE, 2.0, "r2")
    assert known.of("https://prod")[Thing.TOPIC].run == "r2"


def test_endpoints_are_apart_and_a_mixed_answer_says_so() -> None:
    mixed = Learned(Thing.KEY, "dr", 2, 1, 0)
    known = Dialect().with_learned([YES, mixed], WHERE, 1.0, "r1")
    assert list(known.of("https://prod")) == [Thing.TOPIC]
    assert known.of("https://dr")[Thing.KEY].word == "travelled of 2 assets and not of 1"
    assert known.of("https://elsewhere") == {}


def test_the_endpoints_seen_last_are_kept() -> None:
    known = Dialect()
    for number in range(MOST_ENDPOINTS + 2):
        known = known.with_learned([YES], {"prod": f"https://e{number}"}, float(number), "r")
    assert len(known.lessons) == MOST_ENDPOINTS
    assert "https://e0" not in known.lessons
    assert f"https://e{MOST_ENDPOINTS + 1}" in known.lessons
