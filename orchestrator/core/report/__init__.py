"""How a run ended, and what to tell of it. Law: the same entries give the same report; rests on state alone.

Offers `outcome` (exit code, reasons, counts), `report` (the whole of it), `history` (waits, outages, operators'
acts) and `handover` (the handover list of a run).
"""
