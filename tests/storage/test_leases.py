"""A slot has one live holder, changes hands in turn, and outlives no process."""

import multiprocessing
import sqlite3
import stat
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.errors import LeaseLost, MemoryFailed
from orchestrator.storage.leases import Denied, Leases, Taken, _write_ahead

TTL = 15.0


class Clock:
    """Epoch seconds that pass when told."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


Opened = Callable[[str], Leases]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(tmp_path: Path, clock: Clock) -> Iterator[Opened]:
    every: list[Leases] = []

    def open_one(holder: str) -> Leases:
        every.append(Leases(tmp_path / "home" / "slots.db", holder, clock, TTL, note=f"note of {holder}"))
        return every[-1]

    yield open_one
    for leases in every:
        leases.close()


def test_a_free_slot_is_taken_and_a_held_one_denied(opened: Opened, clock: Clock) -> None:
    ann, bob = opened("ann"), opened("bob")
    assert ann.take(["s"]) == Taken({"s": 1})
    taken_at = clock.now
    clock.now += 3

    assert bob.take(["s"]) == Denied("s", "ann", taken_at, queued=False)
    assert ann.held()["s"].expires == taken_at + TTL
    assert bob.held() == {}


def test_all_slots_are_taken_or_none(opened: Opened) -> None:
    ann, bob, cid = opened("ann"), opened("bob"), opened("cid")
    ann.take(["t"])

    denied = bob.take(["s", "t", "u"])

    assert isinstance(denied, Denied)
    assert denied.key == "t"
    bob.close()
    assert cid.take(["s", "u"]) == Taken({"s": 1, "u": 1})


def test_nothing_asked_is_nothing_taken(opened: Opened) -> None:
    assert opened("ann").take([]) == Taken({})


def test_taking_again_what_we_hold_renews_it(opened: Opened, clock: Clock) -> None:
    ann, bob = opened("ann"), opened("bob")
    ann.take(["s"])
    bob.take(["s"])
    clock.now += 10

    assert ann.take(["s", "t"]) == Taken({"s": 1, "t": 1})
    clock.now += 10
    assert isinstance(bob.take(["s"]), Denied)


def test_a_lease_ends_when_its_holder_is_not_heard_of(opened: Opened, clock: Clock) -> None:
    ann, bob = opened("ann"), opened("bob")
    ann.take(["s"])
    clock.now += TTL - 0.001
    assert isinstance(bob.take(["s"]), Denied)
    clock.now += 0.001

    assert bob.take(["s"]) == Taken({"s": 2})
    assert ann.renew() == ("s",)
    assert ann.held() == {}
    assert ann.renew() == ()


def test_renewing_keeps_a_slot_for_as_long_as_one_likes(opened: Opened, clock: Clock) -> None:
    ann, bob = opened("ann"), opened("bob")
    ann.take(["s", "t"])
    for _ in range(10):
        clock.now += TTL - 1
        assert ann.renew() == ()
        assert isinstance(bob.take(["t"]), Denied)


def test_a_holder_that_froze_keeps_its_slot_if_nobody_took_it(opened: Opened, clock: Clock) -> None:
    ann = opened("ann")
    ann.take(["s"])
    clock.now += 100 * TTL

    assert ann.held()["s"].expires < clock.now
    assert ann.renew() == ()
    assert ann.held()["s"].expires == clock.now + TTL


# --- after a death ---------------------------------------------------------------------------------------------------


def test_what_a_dead_process_of_the_same_name_held_is_inherited_without_a_wait(opened: Opened, clock: Clock) -> None:
    dead, bob = opened("run 1"), opened("bob")
    dead.take(["s", "t"])
    heir = opened("run 1")
    clock.now += 1

    assert heir.take(["s"]) == Taken({"s": 2})
    assert heir.held()["s"].expires == clock.now + TTL
    assert isinstance(bob.take(["s"]), Denied)
    clock.now += TTL
    heir.renew()
    assert isinstance(bob.take(["t"]), Taken), "what the heir does not want ends by time"


def test_an_heir_goes_before_those_who_wait_as_the_dead_holder_would_have(opened: Opened, clock: Clock) -> None:
    dead, bob = opened("run 1"), opened("bob")
    dead.take(["s"])
    bob.take(["s"])
    clock.now += 5
    heir = opened("run 1")

    assert heir.take(["s"]) == Taken({"s": 2})
    heir.release(["s"])
    assert isinstance(heir.take(["s"]), Denied), "one turn is inherited, not more"
    assert bob.take(["s"]) == Taken({"s": 3})


def test_nobody_inherits_from_another_name(opened: Opened, clock: Clock) -> None:
    dead = opened("run 1")
    dead.take(["s"])
    other = opened("run 2")
    clock.now += TTL - 1

    assert isinstance(other.take(["s"]), Denied)


def test_a_lease_that_has_ended_is_not_inherited(opened: Opened, clock: Clock) -> None:
    dead, bob = opened("run 1"), opened("bob")
    dead.take(["s"])
    bob.take(["s"])
    clock.now += TTL - 1
    bob.take(["s"])
    heir = opened("run 1")
    clock.now += 1

    assert isinstance(heir.take(["s"]), Denied)
    assert isinstance(bob.take(["s"]), Taken)


def test_whoever_was_inherited_from_and_lives_cannot_take_the_slot_back(opened: Opened) -> None:
    frozen = opened("run 1")
    frozen.take(["s"])
    heir = opened("run 1")
    heir.take(["s"])

    assert isinstance(frozen.take(["s"]), Denied)
    assert frozen.renew() == ("s",)
    frozen.release(["s"])
    assert heir.renew() == ()


def test_slots_are_inherited_all_or_none(opened: Opened) -> None:
    dead, bob = opened("run 1"), opened("bob")
    dead.take(["s"])
    bob.take(["t"])
    heir = opened("run 1")

    assert isinstance(heir.take(["s", "t"]), Denied)
    assert heir.held() == {}
    assert heir.take(["s"]) == Taken({"s": 2})


def test_who_was_cut_off_can_neither_release_nor_renew_anothers_lease(opened: Opened, clock: Clock) -> None:
    ann, bob, cid = opened("ann"), opened("bob"), opened("cid")
    ann.take(["s"])
    clock.now += TTL
    bob.take(["s"])

    ann.release(["s"])
    assert isinstance(cid.take(["s"]), Denied)
    ann.close()
    assert isinstance(cid.take(["s"]), Denied)


def test_taking_a_lost_slot_anew_is_still_told_as_a_loss(opened: Opened, clock: Clock) -> None:
    ann, bob = opened("ann"), opened("bob")
    ann.take(["s"])
    clock.now += TTL
    bob.take(["s"])
    bob.release(["s"])

    assert ann.take(["s"]) == Taken({"s": 3})
    assert ann.renew() == ("s",)
    assert ann.held()["s"].epoch == 3


def test_the_epoch_grows_with_every_change_of_hands(opened: Opened, clock: Clock) -> None:
    people = [opened("ann"), opened("bob")]
    for number in range(1, 9):
        person = people[number % 2]
        assert person.take(["s"]) == Taken({"s": number})
        if number % 3:
            person.release(["s"])
        clock.now += TTL


def test_a_namesake_is_somebody_else(opened: Opened) -> None:
    first, second = opened("ann"), opened("ann")
    first.take(["s"])

    assert isinstance(second.take(["s"]), Denied)


# --- taking turns ----------------------------------------------------------------------------------------------------


def test_who_releases_and_asks_again_stands_behind_a_live_waiter(opened: Opened, clock: Clock) -> None:
    ann, bob = opened("ann"), opened("bob")
    ann.take(["s"])
    asked_at = clock.now
    bob.take(["s"])
    clock.now += 1
    ann.release(["s"])

    assert ann.take(["s"]) == Denied("s", "bob", asked_at, queued=True)
    assert bob.take(["s"]) == Taken({"s": 2})
    bob.release(["s"])
    assert ann.take(["s"]) == Taken({"s": 3})


def test_waiters_are_served_in_the_order_in_which_they_came(opened: Opened, clock: Clock) -> None:
    people = {name: opened(name) for name in ("ann", "zoe", "bob", "moe")}
    people["ann"].take(["s"])
    for name in ("zoe", "bob", "moe"):
        clock.now += 0.1
        people[name].take(["s"])
    served: list[str] = []
    people["ann"].release(["s"])
    for _ in range(3):
        for name in ("bob", "moe", "zoe"):
            clock.now += 0.1
            if name not in served and isinstance(people[name].take(["s"]), Taken):
                served.append(name)
                people[name].release(["s"])

    assert served == ["zoe", "bob", "moe"]


def test_a_waiter_that_is_not_heard_of_is_passed_over(opened: Opened, clock: Clock) -> None:
    ann, bob = opened("ann"), opened("bob")
    ann.take(["s"])
    bob.take(["s"])
    clock.now += TTL
    ann.release(["s"])

    assert ann.take(["s"]) == Taken({"s": 2})


def test_a_waiter_that_closed_is_passed_over(opened: Opened) -> None:
    ann, bob = opened("ann"), opened("bob")
    ann.take(["s"])
    bob.take(["s"])
    bob.close()
    ann.release(["s"])

    assert ann.take(["s"]) == Taken({"s": 2})


def test_asking_again_keeps_ones_place(opened: Opened, clock: Clock) -> None:
    ann, bob, cid = opened("ann"), opened("bob"), opened("cid")
    ann.take(["s"])
    bob.take(["s"])
    clock.now += 1
    cid.take(["s"])
    for _ in range(5):
        clock.now += 5
        ann.renew()
        bob.take(["s"])
        cid.take(["s"])
    ann.release(["s"])

    assert isinstance(cid.take(["s"]), Denied)
    assert isinstance(bob.take(["s"]), Taken)


def test_two_that_each_came_first_to_one_of_two_slots_do_not_block_each_other(opened: Opened, clock: Clock) -> None:
    ann, bob, cid = opened("ann"), opened("bob"), opened("cid")
    cid.take(["s", "t"])
    ann.take(["s"])
    clock.now += 1
    bob.take(["t"])
    clock.now += 1
    cid.release(["s", "t"])

    first = [isinstance(person.take(["s", "t"]), Taken) for person in (bob, ann, bob)]

    assert first == [False, True, False]
    ann.release(["s", "t"])
    assert isinstance(bob.take(["s", "t"]), Taken)


def test_a_clock_set_back_does_not_make_a_dead_holder_immortal(opened: Opened, clock: Clock) -> None:
    ann, bob = opened("ann"), opened("bob")
    ann.take(["s"])
    clock.now -= 3600
    assert isinstance(bob.take(["s"]), Denied)
    clock.now += TTL

    assert bob.take(["s"]) == Taken({"s": 2})


PEOPLE = ("ann", "bob", "cid")
ACTS = st.lists(
    st.tuples(
        st.sampled_from(["take", "take", "take", "release", "renew", "close"]),
        st.sampled_from(PEOPLE),
        st.lists(st.sampled_from(["s", "t"]), min_size=1, max_size=2, unique=True),
        st.sampled_from([0.0, 0.5, 4.0, 16.0]),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(acts=ACTS)
def test_no_order_of_events_gives_a_slot_two_live_holders(
    tmp_path_factory: pytest.TempPathFactory, acts: list[tuple[str, str, list[str], float]]
) -> None:
    clock, path = Clock(), tmp_path_factory.mktemp("home") / "slots.db"
    people = {name: Leases(path, name, clock, TTL) for name in PEOPLE}
    epochs = {"s": 0, "t": 0}
    for act, name, keys, passed in acts:
        clock.now += passed
        match act:
            case "take":
                before = dict(people[name].held())
                found = people[name].take(keys)
                for key, epoch in found.epochs.items() if isinstance(found, Taken) else ():
                    assert epoch > epochs[key] or (key in before and before[key].epoch == epoch == epochs[key])
                    epochs[key] = epoch
            case "release":
                people[name].release(keys)
            case "renew":
                people[name].renew()
            case _:
                people[name].close()
                people[name] = Leases(path, name, clock, TTL)
        for key in epochs:
            held = [person.held()[key] for person in people.values() if key in person.held()]
            assert sum(lease.expires > clock.now for lease in held) <= 1
    # Once everyone but one has given up, that one gets all.
    for name in PEOPLE[:-1]:
        people[name].close()
    assert isinstance(people["cid"].take(["s", "t"]), Taken)
    people["cid"].close()


# --- the file --------------------------------------------------------------------------------------------------------


def test_the_files_are_for_their_owner_alone(opened: Opened, tmp_path: Path) -> None:
    opened("ann").take(["s"])

    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700
    names = sorted(path.name for path in (tmp_path / "home").iterdir())
    assert names == ["slots.db", "slots.db-shm", "slots.db-wal"]
    for name in names:
        assert stat.S_IMODE((tmp_path / "home" / name).stat().st_mode) == 0o600


def test_the_note_is_there_for_people(opened: Opened, tmp_path: Path) -> None:
    opened("ann").take(["s"])

    with closing(sqlite3.connect(tmp_path / "home" / "slots.db")) as database:
        assert database.execute("SELECT key, holder, note FROM lease").fetchall() == [("s", "ann", "note of ann")]


def test_closing_gives_everything_back_and_twice_is_harmless(opened: Opened) -> None:
    ann, bob = opened("ann"), opened("bob")
    ann.take(["s"])
    ann.close()
    ann.close()

    assert bob.take(["s"]) == Taken({"s": 2})
    with pytest.raises(MemoryFailed):
        ann.take(["s"])


@pytest.mark.parametrize(
    "damage", [b"this is no database, whatever it says" * 40, b"SQLite format 3\x00" + b"\xff" * 900]
)
def test_a_damaged_file_is_a_sentence(tmp_path: Path, clock: Clock, damage: bytes) -> None:
    (tmp_path / "slots.db").write_bytes(damage)

    with pytest.raises(MemoryFailed, match=r"slots\.db") as caught:
        Leases(tmp_path / "slots.db", "ann", clock)
    assert "remove slots.db" in caught.value.next_step


def test_a_file_of_a_later_version_is_refused(tmp_path: Path, clock: Clock) -> None:
    with closing(sqlite3.connect(tmp_path / "slots.db")) as database:
        database.execute("PRAGMA user_version = 99")

    with pytest.raises(MemoryFailed, match="later version"):
        Leases(tmp_path / "slots.db", "ann", clock)


def test_a_table_that_vanished_is_a_sentence_and_nothing_stays_open(opened: Opened, tmp_path: Path) -> None:
    ann = opened("ann")
    ann.take(["s"])
    with closing(sqlite3.connect(tmp_path / "home" / "slots.db")) as database:
        database.execute("DROP TABLE waiter")
        database.commit()

    with pytest.raises(MemoryFailed):
        ann.take(["t"])
    assert list(ann.held()) == ["s"]


def test_a_link_is_not_followed(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "slots.db").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(MemoryFailed):
        Leases(tmp_path / "slots.db", "ann", clock)
    assert not (tmp_path / "elsewhere").exists()


# --- real processes and threads --------------------------------------------------------------------------------------


def _work(path: Path, name: str, turns: int, log: Path) -> None:
    """Take the slot `turns` times, and write down when each turn begins and ends."""
    leases = Leases(path, name, time.time)
    done = 0
    while done < turns:
        if isinstance(leases.take(["s"]), Denied):
            continue
        for word in ("begins", "ends"):
            with log.open("a", encoding="utf-8") as out:
                out.write(f"{name} {word}\n")
        leases.release(["s"])
        done += 1
    leases.close()


def test_a_new_database_that_another_process_is_just_making_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "slots.db"
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN EXCLUSIVE")
    threading.Timer(0.05, other.execute, ["COMMIT"]).start()
    impatient = sqlite3.connect(path, timeout=0.0)
    _write_ahead(impatient)
    assert impatient.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    other.close()
    impatient.close()


def test_processes_take_turns_and_never_overlap(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    log = tmp_path / "log"
    workers = [
        context.Process(target=_work, args=(tmp_path / "slots.db", name, 15, log)) for name in ("ann", "bob", "cid")
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)

    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    lines = log.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 90
    for begins, ends in zip(lines[::2], lines[1::2], strict=True):
        name = begins.split()[0]
        assert (begins, ends) == (f"{name} begins", f"{name} ends")


def test_threads_of_one_process_share_one_object(opened: Opened) -> None:
    ann = opened("ann")
    failures: list[BaseException] = []

    def work(key: str) -> None:
        try:
            for _ in range(20):
                assert isinstance(ann.take([key]), Taken)
                ann.renew()
                ann.release([key])
        except BaseException as error:  # noqa: BLE001 - handed to the test's own thread
            failures.append(error)

    threads = [threading.Thread(target=work, args=(f"s{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failures == []
    assert ann.held() == {}


# --- the guard before what is asked for ---


def test_whoever_stood_still_finds_out_before_it_asks(opened: Opened, clock: Clock) -> None:
    frozen, other = opened("frozen"), opened("other")
    frozen.take(["slot"])
    clock.now += TTL + 1
    assert isinstance(other.take(["slot"]), Taken)
    with pytest.raises(LeaseLost, match="another has taken its place meanwhile: slot"):
        frozen.must_hold()


def test_whoever_stood_still_and_was_not_replaced_goes_on(opened: Opened, clock: Clock) -> None:
    frozen, other = opened("frozen"), opened("other")
    frozen.take(["slot"])
    clock.now += TTL + 1
    frozen.must_hold()
    frozen.confirm()
    assert isinstance(other.take(["slot"]), Denied)


def test_what_was_renewed_a_moment_ago_is_not_asked_for_again(opened: Opened, clock: Clock) -> None:
    holder, other = opened("holder"), opened("other")
    holder.take(["slot"])
    holder.renew()
    with closing(sqlite3.connect(holder._path)) as table, table:
        table.execute("UPDATE lease SET epoch = epoch + 1, holder = 'other'")
    holder.confirm()
    clock.now += 1.1
    with pytest.raises(LeaseLost):
        holder.confirm()
    assert other.held() == {}
