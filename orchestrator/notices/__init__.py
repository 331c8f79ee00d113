"""Tells people and monitors how a run goes. Law: nothing here fails a run, and no run waits for it.

notice     what is told, in words        forms     how each service wants to hear it
channels   the ways it goes              sender    a thread of its own that sends
watching   which entries of the journal a person must hear of
"""
