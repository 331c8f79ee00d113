"""roma-migrate: batch migration of integration assets between ROMA Connect instances.

The map of the house. Each room touches one part of the world, and imports run one way:
`cli -> engine -> {roma, storage} -> core -> errors` (checked by import-linter in `make check`).

    errors    what can end a command, by whose fault; exit codes
    core      decides, and touches nothing: no network, disk, clock, chance
        plan, planschema, plan*        what the operator asked for, and every refusal
        selection, dependencies, batches, packing, growth
                                       what moves, what must come first, which assets travel together
        preview, preflight*, waivers, foreseen, timetable, handover*, approval*
                                       what a run would do, what stands against it, what is left to people
        events, lifecycle, progress    what happened, the two lives as tables of legal moves, the events folded
        schedule (the agenda), situation, exporting, importing, proving, settling, splitting, policy, trials, widening
                                       what now: one question, one answer
        estimates, polling, forecast   durations learned, when to ask again, when it will be over
        failures, retries              what a failed request means: the one table
        verification, outcome, report  whether it is there, how it ended, what to tell
    roma      speaks to ROMA and IAM: the only network; a Reader that cannot write, a Client that adds it
    storage   remembers: plan files, secrets, the journal, the vault of packages, leases of slots, the home
    engine    the loop: write the intent, ask, write the answer, believe it (conductor, performer, looks, runs, gate,
              retention)
    emulator  a local ROMA Connect for demos, tests and simulation; only one CLI command knows it
    cli       terminal, arguments, environment, logs

A run is a list of events. `resume` is replay followed by the same loop, `report` a fold over the same events, and a
preview is the very events that a run begins with. Tests: `tests/simulation` lives through whole nights in virtual time,
`tests/e2e` runs the installed program over sockets, `tests/conformance` lets the official SDK drive the emulator.
"""

__version__ = "0.1.0"
