"""A large run with everything that can stand in a report, and with names that try to be more than text."""

from collections.abc import Iterator

from orchestrator.core.comparison.carried import Learned
from orchestrator.core.model.checks import Check, Verdict
from orchestrator.core.model.handover_item import Action, Item
from orchestrator.core.model.place import Place
from orchestrator.core.model.undocumented import Thing
from orchestrator.core.state import events as e
from orchestrator.core.state.events import Asset, ErrorDetail, Event

BATCHES, ASSETS = 20, 1100
SOURCE_SLOT, TARGET_SLOT = "roma.example acme/dev-migrator", "roma.example acme/prod-migrator"
#: what people, and those who wish them ill, call their applications
HOSTILE = (
    "<script>window.hit = 1</script>",
    "<img src=x onerror='window.hit = 1'>",
    '" onmouseover="window.hit = 1" x="',
    "' autofocus onfocus='window.hit = 1",
    "</script><script>window.hit = 1</script>",
    "{{ 7 * 7 }}{% raw %}",
    "&lt;b&gt; & <b>bold</b>",
    "invoice\u202egnp.exe",
    "\u2066hidden\u2069\u200f",
    "\x1b[31mred\x1b[0m\x07",
    "two\nlines\tand\ta tab",
    "--> <!-- comment",
    "订单-同步",
    "עברית",
)
#: how each of them must be read on the page
SHOWN = (
    *HOSTILE[:7],
    "invoice\\u202egnp.exe",
    "\\u2066hidden\\u2069\\u200f",
    "\\x1b[31mred\\x1b[0m\\x07",
    "two\\nlines\\tand\\ta tab",
    *HOSTILE[11:],
)
PLACES = (
    Place(
        "dev", "https://roma.example", "cn-north-4", "p-dev", "i-dev", "Entwicklung <b>", ("dev-migrator (acme/mig)",)
    ),
    Place("prod", "https://10.0.0.7:8443", "", "p-prod", "i-prod", "\u202eprod", ("prod-migrator (acme/mig)",)),
)
#: what nobody documented, and how a service may say why it does not tell
LEARNED = (
    Learned(Thing.KEY, "prod", 600, 0, 0),
    Learned(Thing.TOPIC, "prod", 12, 3, 0),
    Learned(Thing.POSITION, "prod", 0, 20, 0),
    Learned(Thing.PRODUCT, "prod", 0, 0, 9, "at prod: SCB.00000000 <script>window.hit = 1</script> \u202eright"),
)
BUSY = ErrorDetail("busy", "ROMA.10012", "a task of <b>somebody</b> is running", "req-7")


def large_run() -> Iterator[tuple[float, Event]]:
    """(seconds after the last one, event), from the first entry to the last."""
    yield 0.0, e.RunBegan(
        "orders-to-prod", "/plans/<orders>.yaml", '{"instances": {}, "note": "</pre><script>window.hit = 1</script>"}',
        "olga", "host-1", 7, "0.1.0", note="CHG-1 <b>now</b>", digest="7f3a-19c2",
        waived=("instance-features orders@prod: agreed <i>with</i> networking, CHG-1234",),
        plan_digest="0123456789abcdef", places=PLACES,
    )  # fmt: skip
    yield 0.0, e.FindingsNoted(tuple(found()))
    half = BATCHES // 2
    for name, batches in (("orders", range(half)), ("the-rest", range(half, BATCHES))):
        left = tuple((f"left-{n}", f"load-{half * 28 + n}", "its other application travels later") for n in range(6))
        aside = (*left, ("lone", "lone-task", "its other application stays")) if name == "orders" else ()
        yield 0.0, e.SelectionMade(name, "dev", "prod", sum(len(held(n)) for n in batches), ("gone",), aside)
    for number in range(BATCHES):
        migration = "orders" if number < half else "the-rest"
        yield 0.0, e.BatchScheduled(batch(number), "dev", held(number), ("dev-migrator",), float(number))
        yield (
            0.0,
            e.DeliveryScheduled(
                delivery(number), batch(number), migration, "prod", "AddNew", "p_", False, "prod-migrator"
            ),
        )
    yield 0.0, e.HandoverListed(tuple(handover()))
    yield 0.0, predicted()
    for number in range(BATCHES):
        yield from exported(number)
        if number:
            yield from imported(number - 1)
    yield from imported(BATCHES - 1)
    yield 1.0, e.RunEnded(1, "some assets did not make it")


def found() -> Iterator[Check]:
    """Many answers of one cause, and one of another."""
    for number in range(40):
        told = f"{number + 2} tasks touch what moves and stay behind"
        yield Check("left-out", Verdict.WARNING, told, (HOSTILE[number % len(HOSTILE)],), "", f"m{number:02}@prod")
    yield Check("clock-skew", Verdict.NOT_CHECKED, "the <clock> could not be read", (), "ask again", "@dev")


def predicted() -> e.SchedulePredicted:
    """What a preview expected: every export at once, each import behind it."""
    exports = [e.JobPredicted(batch(n), SOURCE_SLOT, n * 40.0, n * 40.0 + 38) for n in range(BATCHES)]
    imports = [e.JobPredicted(delivery(n), TARGET_SLOT, 40 + n * 60.0, 40 + n * 60.0 + 57) for n in range(BATCHES)]
    known = (
        e.DurationPredicted("dev", "export", 12.0, 40.0, 0.2, 0.1, 20),
        e.DurationPredicted("prod", "import", 20.0, 60.0, 0.2, 1.0, 0),
    )
    slots = (("export", "dev", "dev-migrator", SOURCE_SLOT), ("import", "prod", "prod-migrator", TARGET_SLOT))
    return e.SchedulePredicted(1240.0, 1500.0, (*exports, *imports), known, slots, 5.9)


def batch(number: int) -> str:
    return f"b{number:011}"


def delivery(number: int) -> str:
    return f"{batch(number)}@prod"


def held(number: int) -> tuple[Asset, ...]:
    """Half applications, half tasks, 55 in all; the first batch holds the hostile names."""
    apps = [Asset(f"app-{number}-{n}", "app", f"shop-{number * 27 + n}") for n in range(27)]
    tasks = [Asset(f"task-{number}-{n}", "task", f"load-{number * 28 + n}") for n in range(28)]
    for at, name in enumerate(HOSTILE if number == 0 else ()):
        apps[at] = Asset(f"app-{number}-{at}", "app", name)
    return (*apps, *tasks)


def exported(number: int) -> Iterator[tuple[float, Event]]:
    name, asked = batch(number), e.ExportRequested(batch(number), "dev-migrator", SOURCE_SLOT)
    if number in {3, 11}:
        for _ in range(4):
            yield 1.0, asked
            yield 5.0, e.ExportRefused(name, BUSY, 5.0)
    if number == 7:
        yield 1.0, e.OutageBegan("roma.example", ErrorDetail("not-sent", message="<no> answer"))
        yield 40.0, e.OutageEnded("roma.example", 40.0)
    yield 1.0, asked
    yield 1.0, e.ExportAccepted(name, f"export-{number}")
    yield 30.0 + number % 5 * 4, e.Exported(name, f"archive-{number}")
    yield 0.2, e.DownloadRequested(name)
    yield 3.0, e.PackageStored(name, f"{number:064x}", 100_000 + number, "crc")


def imported(number: int) -> Iterator[tuple[float, Event]]:
    name = delivery(number)
    yield 0.5, e.Looked(name)
    yield 0.5, e.ImportRequested(name, "prod-migrator", TARGET_SLOT)
    if number == 5:
        yield 30.0, e.ImportAnswerLost(name, ErrorDetail("dropped", message="the connection ended"), 0.0)
        yield 300.0, e.RunResumed("olga", "host-1", 8, "0.1.0", "after the power cut")
        yield 20.0, e.Looked(name, tuple((asset.id, (f"new-{asset.id}",)) for asset in held(number)))
        yield 1.0, e.ImportFound(name)
    else:
        yield 1.0, e.ImportAccepted(name, f"import-{number}")
        if number == 9:
            yield 20.0, e.ImportFailed(name, (), ErrorDetail("job", "ROMA.500", "<internal> error"))
            yield 1.0, e.Quarantined(name, ErrorDetail("job", "ROMA.500", "<internal> error"))
            return
        yield 45.0 + number % 3 * 10, e.Imported(name)
    ids = [asset.id for asset in held(number)]
    poor = tuple((each, "its <data source> cannot be read") for each in ids[:2]) if number == 2 else ()
    wrong = tuple((each, "its application is another one") for each in ids[2:3]) if number == 2 else ()
    good = tuple(ids[3:] if number == 2 else ids)
    found = tuple((each, f"new-{each}") for each in ids)
    yield 2.0, e.Verified(name, good, poor, wrong, found, (("app", True), ("task", False)) if number == 0 else ())


def handover() -> Iterator[Item]:
    for n, name in enumerate(HOSTILE):
        yield Item(f"{n:010x}", Action.SECRET.value, name, "app", "olga <o@x>", "give callers the <new> secret", "prod")
    for n in range(40):
        yield Item(f"f{n:09x}", Action.STOP_TASK.value, f"load-{n}", "task", "", "stop it at the source", "dev")
