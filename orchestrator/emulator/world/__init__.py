"""What a local ROMA Connect holds at its start, and how it behaves. Law: frozen values; a World never changes.

Offers `world` (the values), `generate` (worlds from a few numbers), `worldfile` (a world from YAML), `options` (a
switch for each thing that the documents leave open) and `faults` (the kinds of fault).
"""
