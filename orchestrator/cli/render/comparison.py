"""A comparison of both sides for people and for programs. Law: findings first; what is in order is only counted."""

from collections.abc import Sequence

from orchestrator.cli.output.tables import table, wrapped
from orchestrator.cli.output.times import local, utc
from orchestrator.core.comparison.carried import learned
from orchestrator.core.comparison.compare import AssetComparison, Finding, counted
from orchestrator.core.comparison.dictionaries import EntryDifference
from orchestrator.core.model.counts import count
from orchestrator.engine.comparing import Compared

#: assets of one finding and cause that are named in text; JSON holds all
MOST_NAMES = 20


def comparison_text(run: str, compared: Compared, everything: bool) -> str:
    """Verdict, counts, then each finding with its cause."""
    lines = [f"run {run}, compared at {local(compared.at)}: {verdict(compared)}", counts_table(compared.rows)]
    lines += _group("missing", [r for r in compared.rows if r.finding is Finding.MISSING], everything)
    lines += _group("different", [r for r in compared.rows if r.finding is Finding.DIFFERENT], everything)
    lines += _group("unexpected", [r for r in compared.rows if r.finding is Finding.UNEXPECTED], everything)
    lines += _group("added at the source", [r for r in compared.rows if r.finding is Finding.ADDED], everything)
    lines += _drifts(compared.rows, everything)
    lines += _doubts(compared.rows, everything)
    for instance, whys in compared.uncompared.items():
        lines.append(wrapped("not compared: ", f"{instance}: {'; '.join(whys)}"))
    lines += _dictionaries(compared.dictionaries, everything)
    for each in learned(compared.carried):
        without = f": {', '.join(each.without)}" if everything and each.without else ""
        lines.append(wrapped("informing only: ", each.sentence + without))
    return "\n".join(lines)


def verdict(compared: Compared) -> str:
    """In one line."""
    failed = sum(row.failed for row in compared.rows)
    told = sum(not row.clean and not row.failed for row in compared.rows)
    if failed:
        return f"{count(failed, 'asset')} missing or different"
    told_of = [count(told, "asset")] if told else []
    told_of += [count(len(compared.dictionaries), "dictionary entry")] if compared.dictionaries else []
    return "both sides agree" + (f"; {' and '.join(told_of)} to be looked at" if told_of else "")


def counts_table(rows: Sequence[AssetComparison]) -> str:
    """One row per migration and target."""
    head = ["migration@target", *(each.value for each in Finding), "changed since"]
    drifted = [(row.migration, row.target) for row in rows if row.drift and row.finding is not Finding.ADDED]
    rows_told = []
    for key, counts in counted(rows).items():
        rows_told.append(["@".join(key), *map(str, counts.values()), str(drifted.count(key))])
    return table(head, rows_told)


def _group(word: str, rows: Sequence[AssetComparison], everything: bool) -> list[str]:
    """Assets by cause, the commonest cause first."""
    causes: dict[str, list[AssetComparison]] = {}
    for row in rows:
        causes.setdefault(row.why.replace(row.name, "it") or row.drift, []).append(row)
    lines: list[str] = []
    for cause, held in sorted(causes.items(), key=lambda item: -len(item[1])):
        lines.append(wrapped(f"{word}: ", f"{count(len(held), 'asset')}: {cause}"))
        lines.append(wrapped("  ", _names(held, everything)))
    return lines


def _drifts(rows: Sequence[AssetComparison], everything: bool) -> list[str]:
    drifted = [row for row in rows if row.drift and row.finding is not Finding.ADDED]
    if not drifted:
        return []
    if everything:
        return [wrapped("changed since the run: ", f"{_named(row)}: {row.drift}") for row in drifted]
    return [wrapped("changed since the run: ", _names(drifted, everything))]


def _dictionaries(amiss: Sequence[EntryDifference], everything: bool) -> list[str]:
    shown = amiss if everything else amiss[:MOST_NAMES]
    more = f"; and {len(amiss) - len(shown)} more (--all)" if len(amiss) > len(shown) else ""
    return [wrapped("dictionary: ", "; ".join(each.sentence for each in shown) + more)] if amiss else []


def _doubts(rows: Sequence[AssetComparison], everything: bool) -> list[str]:
    doubtful = [row for row in rows if row.doubt and not row.failed]
    causes: dict[str, list[AssetComparison]] = {}
    for row in doubtful:
        causes.setdefault(row.doubt, []).append(row)
    return [
        wrapped("imported but unverified: ", f"{cause}: {_names(held, everything)}") for cause, held in causes.items()
    ]


def _names(rows: Sequence[AssetComparison], everything: bool) -> str:
    shown = rows if everything else rows[:MOST_NAMES]
    more = f" and {len(rows) - len(shown)} more (--all)" if len(rows) > len(shown) else ""
    return ", ".join(_named(row) for row in shown) + more


def _named(row: AssetComparison) -> str:
    return f"{row.kind} {row.name}@{row.target}"


def comparison_json(compared: Compared) -> dict[str, object]:
    """Every asset, whatever was found of it."""
    return {
        "compared": utc(compared.at),
        "verdict": verdict(compared),
        "counts": [
            {"migration": migration, "target": target, **{each.value: number for each, number in counts.items()}}
            for (migration, target), counts in counted(compared.rows).items()
        ],
        "assets": [
            {
                "migration": row.migration, "source": row.source, "target": row.target, "kind": row.kind,
                "id": row.id, "name": row.name, "target_id": row.target_id, "target_name": row.target_name,
                "finding": row.finding.value, "why": row.why, "drift": row.drift, "doubt": row.doubt,
            }
            for row in compared.rows
        ],
        "dictionaries": [
            {"source": each.source, "target": each.target, "entry": each.entry, "name": each.name,
             "name_there": each.name_there, "sentence": each.sentence}
            for each in compared.dictionaries
        ],
        "not_compared": {instance: list(whys) for instance, whys in compared.uncompared.items()},
        "informing": [
            {"thing": each.thing, "target": each.target, "travelled": each.travelled, "did_not_travel": each.stayed,
             "not_readable": each.unread, "why": each.why, "without": list(each.without)}
            for each in learned(compared.carried)
        ],
    }  # fmt: skip
