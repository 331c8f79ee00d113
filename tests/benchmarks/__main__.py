"""`python -m tests.benchmarks [NAME ...] [--plans N]`: print measured ratios. Law: it measures and never asserts.

Names: makespan (a), script (b), deadtime (c), scale (d), memory (e), looking (f), startup (g), lane (h), firstjobs (i),
foreign (j), years (k), watching (l), fleet (m), listing (n), harder (o), expecting (p), owners (q), poison (r), cold
(s), whole (w). The module of each says what is measured, how the worlds are made and what the lower bound is. Without a
name all are run, which takes a while: `script` alone waits some five minutes for jobs over a socket. `--most 10000`
lets `scale` go to the end.
"""

import argparse

from tests.benchmarks import (
    cold,
    deadtime,
    expecting,
    firstjobs,
    fleet,
    foreign,
    harder,
    lane,
    listing,
    looking,
    makespan,
    memory,
    owners,
    poison,
    scale,
    script,
    startup,
    watching,
    whole,
    years,
)

#: name -> what prints its table, given the number of plans or runs
TABLES = {
    "makespan": makespan.report,
    "script": script.report,
    "deadtime": deadtime.report,
    "scale": scale.report,
    "memory": memory.report,
    "looking": looking.report,
    "startup": startup.report,
    "lane": lane.report,
    "firstjobs": firstjobs.report,
    "foreign": foreign.report,
    "harder": harder.report,
    "expecting": expecting.report,
    "owners": owners.report,
    "poison": poison.report,
    "cold": cold.report,
    "whole": whole.report,
    "years": years.report,
    "watching": watching.report,
    "fleet": fleet.report,
    "listing": listing.report,
}


def main() -> None:
    """Print the tables that were asked for."""
    asked = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Ratios, never seconds.")
    asked.add_argument("names", nargs="*", metavar="NAME", help=", ".join(TABLES))
    asked.add_argument("--plans", type=int, default=200, help="plans per topology, runs per row (default 200)")
    asked.add_argument("--most", type=int, default=scale.MOST, help=f"batches that scale goes to ({scale.MOST})")
    given = asked.parse_args()
    unknown = sorted(set(given.names) - set(TABLES))
    if unknown:
        asked.error(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(TABLES)}")
    scale.MOST = given.most
    for name in given.names or TABLES:
        print("\n".join(TABLES[name](given.plans)), flush=True)
        print(flush=True)


if __name__ == "__main__":
    main()
