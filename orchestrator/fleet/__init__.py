"""Spreads a submission's components over workers. Law: the engine schedules, and is no safety device.

What keeps two workers from conducting one component are the leases of the journal's database (promise 21); what the
engine forgets is started again from the rows there. Only `temporal` and `component_workflow` know the engine, and are
imported when a command needs it: it comes with an extra.

    engine              what the engine must be able to do: start, signal, work
    engine_address      where it is; secrets in it are references
    component_workflow  the life of a component at Temporal
    temporal            the engine behind the protocol
"""
