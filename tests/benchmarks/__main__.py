"""`python -m tests.benchmarks [NAME ...] [--plans N]`: print measured ratios. Law: it measures and never asserts.

Names: makespan (a), deadtime (c), scale (d, minutes long), looking (f), startup (g). Without a name all are run.
"""

import argparse

from tests.benchmarks import deadtime, looking, makespan, scale, startup

#: name -> what prints its table, given the number of plans or runs
TABLES = {
    "makespan": makespan.report,
    "deadtime": deadtime.report,
    "scale": scale.report,
    "looking": looking.report,
    "startup": startup.report,
}


def main() -> None:
    """Print the tables that were asked for."""
    asked = argparse.ArgumentParser(prog="python -m tests.benchmarks", description="Ratios, never seconds.")
    asked.add_argument("names", nargs="*", metavar="NAME", help=", ".join(TABLES))
    asked.add_argument("--plans", type=int, default=200, help="plans per topology, runs per row (default 200)")
    given = asked.parse_args()
    unknown = sorted(set(given.names) - set(TABLES))
    if unknown:
        asked.error(f"no such benchmark: {', '.join(unknown)}; there are {', '.join(TABLES)}")
    for name in given.names or TABLES:
        print("\n".join(TABLES[name](given.plans)), flush=True)
        print(flush=True)


if __name__ == "__main__":
    main()
