"""A local ROMA Connect: the far side, for demos, tests and simulation.

Law: truthful to the service as known (roma/README.md), deterministic for a seed and a sequence of calls.

From the middle outwards:

    world, switches, faults   frozen values: what there is, how the documents are read, what goes wrong
    worlds, worldfile         build worlds from numbers, and from YAML
    holding, imports, exports, landing, packages, zipping, jobs, agenda
                              the pieces of the service: what an instance holds, what an import would do, ...
    service, ledger           the state machine with an injected clock, and the truth about what happened
    identity, signatures, routes, paging, lists, reads, writes, views, multipart, refusals, wire
                              the wire, read and written by hand
    strikes, spoiling         which fault strikes, and what it does to a reply
    face                      request in, reply out, synchronous: what an in-memory transport drives
    server, control           the face on a socket, and the view behind the scenes
    command                   what `roma-migrate emulator` does
"""

from orchestrator.emulator.command import run_emulator

__all__ = ["run_emulator"]
