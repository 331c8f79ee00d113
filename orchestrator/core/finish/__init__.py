"""What ROMA does not carry, done for people (Contract 6). Law: pure; each change has its images, proof and inverse.

kind          what a step and a kind of change must say of themselves
kinds         the list of all of them
dictionaries, tasks, ...   one step each, with its kinds of change
looks         what is read, as values
ground, pairs what planning rests on: the plan, what the run brought, what the operator named
planning      the rows of a finish, and the inverses with which an undo takes it back
lots          which changes go in one request, for undo too
proof         what a read says just before a request and after it
saved         a saved preview

To add a step with its kinds: one file here, as `tasks.py` is. It holds

1. a class with `name` (a `FinishStep`), `wanted`, `looks` and `planned`: which answers planning needs, and the rows
   that follow from them: `Change`s, and what is `Left` to a person with the reason. `looks` is asked again with the
   answers until it names nothing new, so that it may read a list first and then its objects;
2. a subclass of `Kind` for each sort of change: `kind`, the words `act`, `done`, `what`, its `wave` (the row of
   Finishing 3), `lot`; `looks` and `image` (the object now, without secrets: `Seen.digest` stands for one), `write`,
   `inverse`; where they matter `needs` (what else is read right before a write, and not again to prove it), `right`,
   `hindrance`, `underway`, `reads`. What a write needs beside the images stands in the change's `facts`, secrets
   excepted: `write` finds those in the `Seen` that was read right before it.

Then its names in `kinds`, its word in `core.model.change.ChangeKind`, its key in `core.plan.plan.Finish` and
`core.plan.keys.FINISH`; a new sort of request in `core.model.writes` and `roma.writes`; a new sort of read in `looks`,
`roma.client.Reader` and `engine.finish_reads`. Preview, saved preview, journal, resume, settling, report and undo need
nothing more.
"""
