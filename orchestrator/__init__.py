"""roma-migrate: batch migration of integration assets between ROMA Connect instances.

The rooms, each of which touches one part of the world. Imports run one way,
`cli -> engine -> {roma, storage} -> core -> errors` (checked by import-linter in `make check`):

    errors     what can end a command, by whose fault; exit codes
    core       decides, and touches nothing: no network, disk, clock, chance
    roma       speaks to ROMA and IAM: the only network; a Reader that cannot write, a Client that adds it
    storage    remembers: plan files, secrets, the journal, the vault of packages, leases of slots, the home
    engine     the loop: write the intent, ask, write the answer, believe it
    fleet      spreads components over workers, by an engine behind a protocol; its server is the only one it speaks to
    emulator   a local ROMA Connect for demos, tests and simulation; only two commands know it
    cli        terminal, arguments, environment, logs

A run is a list of events. A resume is replay followed by the same loop, a report is a fold over the same events, and a
preview is the very events that a run begins with. Each package's `__init__.py` says what it offers; the whole map, the
promises and three journeys through the code stand in `orchestrator/README.md`.
"""

__version__ = "0.1.0"
