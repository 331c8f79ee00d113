"""Answers of preflight are grouped by check and cause."""

from orchestrator.core.model.checks import MOST_CAUSES, Check, Verdict, cause_of, grouped


def check(sentence: str, where: str = "m@prod", verdict: Verdict = Verdict.WARNING) -> Check:
    return Check("left-out", verdict, sentence, where=where)


def test_numbers_places_and_names_make_no_other_cause() -> None:
    one, other = check("2 tasks stay at prod: a, b"), check("1 task stay at dr: c", "n@dr")
    assert cause_of(one) == cause_of(other)
    assert cause_of(one) != cause_of(check("2 tasks run at prod: a, b"))


def test_one_check_with_two_causes_is_two_groups_and_with_many_it_is_one() -> None:
    alike = [check(f"{n} tasks stay") for n in range(4)]
    assert [len(each) for each in grouped([*alike, check("the list is late")])] == [4, 1]
    many = [check(f"cause {chr(97 + n)}") for n in range(MOST_CAUSES + 1)]
    assert [len(each) for each in grouped(many)] == [MOST_CAUSES + 1]


def test_what_stands_against_a_run_comes_first() -> None:
    assert grouped([check("x"), check("x", verdict=Verdict.BLOCKER)])[0][0].verdict is Verdict.BLOCKER


def test_a_place_is_said_once() -> None:
    assert check("dev: api_task is on", "@dev").told == "api_task is on"
    assert check("development is late", "@dev").told == "development is late"
    assert check("dev: 2 tasks", "").told == "dev: 2 tasks"
