"""Decides, and touches nothing. Law: values in, values out; no network, disk, clock, chance, environment, `async`.

The packages in order, lowest first; imports run downwards only (checked by import-linter):

    model        what ROMA holds and says, as values
    plan         what the operator asked for, and every refusal
    state        what happened, the lives of packages and deliveries, the events folded
    scheduling   which job next, and when it will be over
    selection    what moves, what must come first, which assets travel together
    preflight    what stands against a run
    handover     what is left to people
    preview      before the run: what it would do, what was approved
    decisions    during the run: what now
    report       after it: how it ended, what to tell; rests on state alone

`preview` and `decisions` never meet.
"""
