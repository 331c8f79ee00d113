"""A preview on a terminal: summaries first, 80 columns, everything only when it is asked for."""

import re
from dataclasses import replace

import pytest

from orchestrator.cli.render.preview_json import Shown, document
from orchestrator.cli.render.preview_markdown import preview_markdown
from orchestrator.cli.render.preview_text import counted, preview_text
from orchestrator.core.model.checks import MOST_EXAMPLES, Check, Verdict
from orchestrator.core.plan.plan import Mode, Scope, Settings, Target, Waiver
from orchestrator.core.preview.preview import Informed, preview
from orchestrator.core.scheduling.estimates import Estimates
from orchestrator.core.scheduling.timetable import timetable
from orchestrator.core.selection.only import Only
from orchestrator.core.state.slots import SlotRule
from tests.builders.inventories import PreviewCase, held_app, held_task, told
from tests.builders.plans import migration
from tests.builders.runs import DAWN


def shown(case: PreviewCase, unfinished: str = "") -> Shown:
    facts = {name: told(name) for name in case.names}
    rule = SlotRule(Scope.USER, {"c": "u"})
    informed = Informed(facts, DAWN, expect=lambda b, d: timetable(case.plan, rule, Estimates().predict, b, d))
    draft = preview(case.plan, case.inventories, case.history, Only(), informed)
    return Shown("plan", "plan.yaml", draft, 4 if draft.blockers else 0, unfinished)


def large() -> PreviewCase:
    """1,100 assets with long names."""
    apps = tuple(held_app(f"integration-application-of-some-department-{number:03}") for number in range(100))
    tasks = tuple(
        held_task(f"a-task-with-a-name-that-is-rather-long-but-legal-{number:04}", apps[number % 100].name)
        for number in range(1000)
    )
    return PreviewCase(held={"dev": (*apps, *tasks)})


def test_1100_assets_are_summed_up_in_80_columns_and_a_few_screens() -> None:
    lines = preview_text(shown(large()), everything=False).splitlines()
    assert all(len(line) <= 80 for line in lines)
    assert len(lines) <= 72
    assert lines[0] == "plan plan: 1,100 assets in 11 exports and 11 imports"
    assert lines[2].split()[:3] == ["m@prod", "dev", "AddNew"]
    assert not any("a-task-with-a-name" in line for line in lines if "warning" not in line)
    assert lines[-7].startswith("digest: ")
    assert lines[-6].startswith("verdict: ")
    assert lines[-5:] == [
        "who: nobody",
        "next: roma-migrate run plan.yaml",
        "      or have exactly this approved, and carry that out:",
        "      roma-migrate preview --save plan.preview.json plan.yaml",
        "      roma-migrate run --approved plan.preview.json plan.yaml",
    ]


def test_all_lists_every_asset_once_per_target() -> None:
    text = preview_text(shown(large()), everything=True)
    assert text.count("  created     task a-task") == 1000
    assert text.count("  created     app  integration") == 100


def test_many_batches_are_cut_unless_all_is_asked_for() -> None:
    case = replace(large(), settings=Settings(batch_size=10))
    text = preview_text(shown(case), everything=False)
    assert "  ... and 80 more (--all lists them)" in text
    assert "more (--all lists them)" not in preview_text(shown(case), everything=True)


def test_times_are_told_with_what_they_rest_on_and_what_would_help() -> None:
    text = " ".join(preview_text(shown(large()), everything=False).split())
    assert re.search(r"time: over \d.* after its begin \(P50\), at most \d.* \(P90\); durations are guessed for", text)
    assert "busiest slot: " in text
    assert "a second identity beside c at dev and prod would save up to" in text
    assert "guessed for exports at dev, imports at prod, which no earlier run of this home tells" in text
    assert re.search(r" dev m@prod \d+ \d+ 0:00-\d+:\d\d \d+:\d\d-\d+:\d\d", text)


def test_a_rate_of_writes_that_binds_is_told_with_what_it_costs_and_what_to_do() -> None:
    slow = replace(large(), settings=Settings(writes_per_second=0.004))
    text = " ".join(preview_text(shown(slow), everything=False).split())
    told = (
        r"the write rate of c binds: 1 lane uses 0\.004/s, which costs \d.*; more credentials would help, or a higher"
    )
    assert re.search(told, text)
    assert "binds" not in preview_text(shown(large()), everything=False)


def test_a_preview_says_which_write_rate_it_assumes_and_why() -> None:
    told = "write rate of c: 0.17/s at first, the default; it rises up to 1/s while ROMA refuses none as one too many"
    assert told in " ".join(preview_text(shown(large()), everything=False).split())
    fixed = replace(large(), settings=Settings(writes_per_second=0.5))
    assert "write rate of c: 0.5/s, set in the plan" in preview_text(shown(fixed), everything=False)


def test_what_stands_against_it_comes_first_and_a_waiver_tells_its_reason() -> None:
    held = {"dev": (held_app("web"), held_app("core")), "prod": (held_app("web", "x"), held_app("core", "y"))}
    waiver = Waiver("name-collision", ("web",), "agreed, CHG-9", None)
    text = preview_text(shown(PreviewCase((migration(waive=(waiver,)),), held)), everything=False)
    assert text.index("blocker: name-collision") < text.index("waived: name-collision")
    assert "reason: agreed, CHG-9" in text
    assert "checks: 1 blocker, " in text
    assert "\nverdict: blocked, nothing would be started\nwho: the plan owner\n" in text


def test_fates_are_columns_only_where_they_happen() -> None:
    held = {"dev": (held_app("web"), held_app("core")), "prod": (held_app("web", "x"),)}
    merged = preview_text(shown(PreviewCase((migration(target=Target("prod", Mode.MERGE, prefix="")),), held)), False)
    head, row = merged.splitlines()[1:3]
    assert head.split() == ["migration@target", "source", "mode", "selected", "create", "overwrite", "batches"]
    assert row.split()[3:] == ["2", "1", "1", "1"]


def test_an_unfinished_run_and_what_no_preview_knows_are_told() -> None:
    text = " ".join(
        preview_text(shown(PreviewCase(held={"dev": (held_app("web"),)}), "20270101-a"), everything=False).split()
    )
    assert "run 20270101-a of this plan is unfinished" in text
    assert "a preview cannot know: - assets that these credentials do not see" in text


def test_without_expected_times_no_table_speaks_of_them() -> None:
    case = shown(PreviewCase(held={"dev": (held_app("web"),)}))
    text = preview_text(replace(case, preview=replace(case.preview, timetable=None)), everything=False)
    assert "batches:\n  no  from  into    apps  tasks  behind\n" in text
    assert "every estimate" not in text


def test_few_findings_alike_tell_once_what_to_do() -> None:
    case = shown(PreviewCase(held={"dev": (held_app("web"),)}))
    few = tuple(Check("clash", Verdict.WARNING, f"{n} of them", (), "leave them", f"m{n}@prod") for n in (2, 3))
    case = replace(case, preview=replace(case.preview, checks=few))
    text = preview_text(case, everything=False)
    assert "warning: clash, 2 times:\n  - m2@prod: 2 of them\n  - m3@prod: 3 of them\n    do: leave them\n" in text
    assert "- **warning** clash, 2 times:\n  - m2@prod" in preview_markdown(case, everything=False)


def test_what_is_left_out_is_three_lines_of_all_migrations_together() -> None:
    case = shown(PreviewCase(held={"dev": (held_app("web"),)}))
    left = tuple((f"t{n}", f"load-{n}", "its other application stays") for n in range(40))
    made = tuple(replace(case.preview.selections[0], migration=f"m{n}", left_out=left) for n in range(30))
    case = replace(case, preview=replace(case.preview, selections=made))
    text = preview_text(case, everything=False)
    assert (text.count("left out of m"), "  ... and 1,197 more (--all lists them)" in text) == (3, True)
    assert preview_text(case, everything=True).count("left out of m") == 1200
    assert "- ... and 1,197 more (--all lists them)" in preview_markdown(case, everything=False)


def test_programs_read_who_acts_and_what_is_next_and_that_the_disk_is_full() -> None:
    fine = shown(PreviewCase(held={"dev": (held_app("web"),)}))
    assert (document(fine).who, document(fine).next) == ("nobody", "roma-migrate run plan.yaml")
    blocked = document(shown(PreviewCase(held={"dev": (held_app("web"),), "prod": (held_app("web", "x"),)})))
    assert blocked.who == "the plan owner"
    assert "roma-migrate preview plan.yaml" in blocked.next
    full = replace(fine, crowded="the disk under runs has 3 MiB free", code=7)
    assert document(full).disk == "the disk under runs has 3 MiB free"
    text = preview_text(full, everything=False)
    assert "`run` would end with 7" in text
    assert "nothing stands against it" not in text


@pytest.mark.parametrize("everything", [False, True])
def test_markdown_says_the_same_and_names_format_nothing(everything: bool) -> None:
    held = {"dev": (held_app("we|b_*x*"), held_task("load", "we|b_*x*", running=True))}
    text = preview_markdown(shown(PreviewCase(held=held)), everything)
    assert text.startswith("# Preview of plan plan\n\n**nothing stands against it")
    for title in ("## Checks: ", "## Schedule", "## What a preview cannot know", "eft to people"):
        assert title in text
    assert "we\\|b\\_\\*x\\*" in text
    assert "we|b_*x*" not in text


def test_verdicts_are_counted_worst_first() -> None:
    checks = [Check("a", verdict, "") for verdict in (*Verdict, Verdict.OK)]
    assert counted(checks) == "1 blocker, 1 warning, 1 not checked, 1 waived, 2 ok"


def findings() -> tuple[Check, ...]:
    """45 of them, as a plan of many migrations meets them."""
    lanes = [f"{name}-of-team-{n:02}@prod" for n in range(10) for name in ("orders", "stock", "billing")]
    taken = [
        Check("name-collision", Verdict.BLOCKER, f"{n + 2} applications are there already", ("web",),
              "leave them out, use Merge, or give a prefix", lane)
        for n, lane in enumerate(lanes[:12])
    ]  # fmt: skip
    left = [
        Check("left-out", Verdict.WARNING, f"{n + 1} tasks touch what moves and stay behind", (), "", lane)
        for n, lane in enumerate(lanes)
    ]
    once = [
        Check("unpublished-apis", Verdict.WARNING, "8 APIs are not published", (), "publish them", "@dev"),
        Check("function-backends", Verdict.WARNING, "1 API calls a function", (), "move the function by hand", "@dev"),
        Check("clock", Verdict.WARNING, "ROMA's clock is 40 s ahead of ours", (), "set this host's clock", "@prod"),
    ]  # fmt: skip
    return (*left, *once, *taken)


def test_findings_are_grouped_with_three_examples() -> None:
    case = shown(PreviewCase(held={"dev": (held_app("web"),)}))
    case = replace(case, preview=replace(case.preview, checks=findings()), code=4)
    text = preview_text(case, everything=False)
    assert text.index("blocker: name-collision, 12 times, such as:") < text.index("warning: left-out, 30 times")
    assert "    ... and 27 more (--all lists them)" in text
    assert text.count("leave them out, use Merge") == 1
    assert preview_text(case, everything=True).count("warning: left-out ") == 30
    ticket = preview_markdown(case, everything=False)
    listed = ticket.partition("- **warning** left-out, 30 times, such as:\n")[2].partition("- **")[0]
    assert listed.count("\n  - ") + 1 >= MOST_EXAMPLES
    assert "and 27 more (--all lists them)" in listed
