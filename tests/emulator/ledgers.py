"""What a ledger shows: what was created, what arrived twice, which jobs ran at once. Law: reads only."""

from collections import Counter

from orchestrator.emulator.service.ledger import JobRecord, Landed, Ledger, slot_of
from orchestrator.emulator.world.readings import LockScope


def created(ledger: Ledger, instance: str, kind: str = "") -> list[Landed]:
    """What imports created there, of one kind or of all."""
    return [x for x in ledger.landed if x.instance == instance and x.action == "created" and kind in {"", x.kind}]


def twice(ledger: Ledger, instance: str) -> dict[tuple[str, str, str], int]:
    """(kind, source id, name asked for) -> how often, of what imports created more than once and nobody removed."""
    gone = {one.id for one in ledger.removed if one.instance == instance}
    seen = Counter(
        (x.kind, x.source_id, x.wanted)
        for x in created(ledger, instance)
        if x.kind != "datasource" and x.id not in gone
    )
    return {key: count for key, count in seen.items() if count > 1}


def overlaps(ledger: Ledger, scope: LockScope) -> list[tuple[JobRecord, JobRecord]]:
    """Pairs of jobs, none of them foreign, that ran at the same time in one slot of that scope."""
    own = [one for one in ledger.jobs.values() if not one.foreign]
    slots = [slot_of(scope, one.user, one.instance, one.type) for one in own]
    return [
        (one, other)
        for index, one in enumerate(own)
        for place, other in enumerate(own[index + 1 :], index + 1)
        if slots[index] == slots[place] and one.begin < other.end and other.begin < one.end
    ]
