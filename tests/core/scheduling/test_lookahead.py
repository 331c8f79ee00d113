import random
from collections.abc import Sequence
from dataclasses import replace

from orchestrator.core.scheduling import policy
from orchestrator.core.scheduling.board import Board, Waiting
from orchestrator.core.scheduling.forecast import JobDuration, Planned, PlannedExport, PlannedImport, Rule, play
from orchestrator.core.scheduling.lookahead import behind, choose
from orchestrator.core.scheduling.policy import Feed, LoadKind, SlotLoad, Work
from orchestrator.core.scheduling.rest import MOST_JOBS, Rest, tied_to
from orchestrator.core.state.slots import JobKind

UNKNOWN = JobDuration(1.0)


def leaves(batch: str, seconds: float, *feeds: Feed, position: float = 0.0) -> Work:
    return Work(batch, JobKind.EXPORT, seconds, position, feeds)


def lands(delivery: str, seconds: float, position: float = 0.0) -> Work:
    return Work(delivery, JobKind.IMPORT, seconds, position)


def board_of(*jobs: tuple[Waiting, str]) -> Board:
    """Each job with the migration of an import, "" for an export."""
    board = Board()
    for job, migration in jobs:
        part = LoadKind.EXPORTS if job.work.is_export else LoadKind.IMPORTS
        board.waits(job, part, migration)
    return board


def two_migrations() -> tuple[Board, list[Work]]:
    """`late` may begin only when `early` is whole; Johnson's rule would export the quick batch of `late` first."""
    quick = leaves("b-late", 20, Feed("t", 100))
    slow = leaves("b-early", 60, Feed("u", 90), position=1)
    board = board_of(
        (Waiting(quick, ("s",)), ""),
        (Waiting(slow, ("s",)), ""),
        (Waiting(lands("d-late", 100), ("t",), ("b-late",), ("early",)), "late"),
        (Waiting(lands("d-early", 90), ("u",), ("b-early",)), "early"),
    )
    return board, [quick, slow]


def test_of_imports_that_several_slots_could_take_the_longest_begins_first() -> None:
    works = [replace(lands(f"d{n}", seconds, n), slots=2) for n, seconds in enumerate((50, 50, 100))]
    board = Board()
    for work in works:
        board.waits(Waiting(work, ("t", "u")), LoadKind.STORED, "m")
    assert choose(works, board, 0.0) is works[2]
    assert policy.choose(works, board.loads, 0.0) is works[2]
    alone = [replace(work, slots=1) for work in works]
    assert policy.choose(alone, board.loads, 0.0) is alone[0], "in one slot their order makes no difference"


def test_what_a_whole_migration_waits_for_is_exported_first() -> None:
    board, (quick, slow) = two_migrations()
    assert policy.choose([quick, slow], board.loads, 0.0) is quick
    assert choose([quick, slow], board, 0.0) is slow


def test_the_import_that_a_migration_elsewhere_waits_for_goes_first() -> None:
    first, second = lands("d0", 60), lands("d1", 60, position=1)
    board = board_of(
        (Waiting(first, ("t",)), "alone"),
        (Waiting(second, ("t",)), "early"),
        (Waiting(lands("d2", 100), ("u",), (), ("early",)), "late"),
    )
    assert choose([first, second], board, 0.0) is second


def test_a_running_import_is_waited_for_like_one_that_has_not_begun() -> None:
    board, works = two_migrations()
    board.runs("d-early", "u", 90.0)
    rest = Rest.of(tied_to(["b-late"], board) or [], board, 0.0)
    end, _ = rest.play(list(range(len(rest.works))), [work.seconds for work in rest.works])
    assert end == 190.0  # 90 s until `early` is whole, then the import of `late`
    assert works[0] in rest.works


def test_more_jobs_than_can_be_played_are_left_to_the_policy() -> None:
    works = [leaves(f"b{n:03}", 20 + n % 7, Feed("t", 90 - n % 11), position=n) for n in range(MOST_JOBS)]
    jobs = [(Waiting(work, ("s",)), "") for work in works]
    imports = [(Waiting(lands(f"d{n}", 90), ("t",), (f"b{n:03}",)), "m") for n in range(2)]
    board = board_of(*jobs, *imports)
    assert tied_to(["b000"], board) is None
    assert choose(works[:20], board, 0.0) == policy.choose(works[:20], board.loads, 0.0)


def test_jobs_that_share_neither_slot_nor_order_are_not_played() -> None:
    board, _ = two_migrations()
    board.waits(Waiting(leaves("other", 20, Feed("w", 30)), ("r",)), LoadKind.EXPORTS)
    assert sorted(tied_to(["b-late"], board) or []) == ["b-early", "b-late", "d-early", "d-late"]


def test_the_work_behind_a_job_counts_a_slot_that_is_full_and_not_the_longest_chain_alone() -> None:
    followers = [(Waiting(lands(f"d{n}", 50), ("t",), (), ("early",)), "late") for n in range(3)]
    board = board_of((Waiting(lands("first", 10), ("u",)), "early"), *followers)
    rest = Rest.of(tied_to(["first"], board) or [], board, 0.0)
    assert behind(rest)[rest.number["first"]] == 150.0


def test_a_play_and_the_forecast_agree_on_when_all_is_over() -> None:
    for seed in range(30):
        planned, seconds = _drawn(random.Random(seed))
        place = {each.subject: n for n, each in enumerate(planned.jobs)}
        expected = play(planned, seconds, seconds, _first_of(place))
        board = board_of(
            *((Waiting(leaves(each.batch, seconds[each.batch]), each.slots), "") for each in planned.exports),
            *(
                (
                    Waiting(
                        lands(each.delivery, seconds[each.delivery]), each.slots, (each.batch, *each.needs), each.after
                    ),
                    each.migration,
                )
                for each in planned.imports
            ),
        )
        names = [each.subject for each in planned.jobs]
        rest = Rest.of(names, board, 0.0)
        end, _ = rest.play([place[name] for name in names], [seconds[name] for name in names])
        assert abs(end - expected.end) < 1e-6


def _first_of(place: dict[str, int]) -> Rule:
    def rule(heads: Sequence[Work], _board: Board, _now: float) -> Work:
        return min(heads, key=lambda work: place[work.subject])

    return rule


def _drawn(draw: random.Random) -> tuple[Planned, dict[str, float]]:
    exports = tuple(PlannedExport(f"b{n}", (f"s{n % 2}",), UNKNOWN, float(n)) for n in range(8))
    imports: list[PlannedImport] = []
    for n in range(8):
        migration = draw.randrange(3)
        needs = (draw.choice(imports).delivery,) if imports and draw.random() < 0.3 else ()
        after = (f"m{migration - 1}",) if migration and not needs else ()
        imports.append(PlannedImport(f"d{n}", f"b{n}", (f"t{n % 3}",), UNKNOWN, needs, f"m{migration}", after))
    # A need must not lie in a migration that waits for this one's: only the first migration's are needed by others.
    kept = tuple(each for each in imports if not each.needs or _migration(imports, each.needs[0]) <= each.migration)
    subjects = [*(each.batch for each in exports), *(each.delivery for each in kept)]
    seconds = {subject: draw.uniform(20, 120) for subject in subjects}
    known = {each.delivery for each in kept}
    return Planned(exports, tuple(each for each in kept if set(each.needs) <= known)), seconds


def _migration(imports: list[PlannedImport], delivery: str) -> str:
    return next(each.migration for each in imports if each.delivery == delivery)


def test_a_board_forgets_what_it_was_told_of_a_job_that_is_over() -> None:
    board = board_of((Waiting(leaves("b", 60), ("s",)), ""), (Waiting(lands("d", 90), ("t",), ("b",), ("n",)), "m"))
    board.runs("b", "s", 60.0)
    assert (board.running, board.slot_of) == ({"s": ("b", 60.0)}, {"b": "s"})
    board.ended("s", 70.0)
    board.runs("d", "t", 160.0)
    assert list(board.members["m"]) == ["d"]
    board.ended("t", 170.0)
    assert not any((board.running, board.slot_of, board.waiting, board.members["m"], board.heirs["b"], board.at["t"]))
    assert board.loads["t"] == SlotLoad(busy_until=170.0)


def test_a_job_that_is_dropped_while_it_runs_leaves_its_slot() -> None:
    board = board_of((Waiting(lands("d", 90), ("t",)), "m"))
    board.runs("d", "t", 90.0)
    board.drop("d")
    assert not any((board.running, board.slot_of, board.members["m"]))
