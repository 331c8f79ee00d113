"""One line a seed, to compare two states of the code: `python -m tests.simulation.traces --seeds 60 > FILE`.

Law: the same seed and the same code give the same line. A change that only moves code leaves every line as it was;
where one differs, `python -m tests.simulation.soak --replay SEED` tells that night event by event.
"""

import argparse
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

from tests.simulation.finishing import finish_night
from tests.simulation.scenarios import Night, live, vault_root
from tests.simulation.undoing import undo_night
from tests.simulation.whole_finish import whole_night
from tests.simulation.worlds import Scenario, scenario


def line_of(night: Night) -> str:
    """A digest of every entry of every run, then how many there are, the codes of the commands and the time taken."""
    events = sum(len(record.rows) for record in night.records.values())
    digest = sha256(night.trace.encode()).hexdigest()[:16]
    return f"{digest} {events} {','.join(night.codes)} {night.seconds:.6f}"


def traced(seed: int, lived: Callable[[Scenario, Path], Night]) -> str:
    """The line of one seed; a night that fails is told by its failure."""
    try:
        with vault_root() as root:
            return f"{seed} {line_of(lived(scenario(seed), root))}"
    except Exception as error:  # noqa: BLE001 - a failure is an outcome too, and is compared like one
        return f"{seed} {type(error).__name__}: {error}"[:300].replace("\n", " ")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=60)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--undo", action="store_true", help="nights whose run is taken back")
    parser.add_argument("--finish", action="store_true", help="nights whose run is finished, which is then taken back")
    parser.add_argument("--whole", action="store_true", help="the same with every step that finish knows")
    asked = parser.parse_args()
    lived = undo_night if asked.undo else finish_night if asked.finish else whole_night if asked.whole else live
    for seed in range(asked.first, asked.first + asked.seeds):
        print(traced(seed, lived), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
