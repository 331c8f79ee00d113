"""What moves, what must come first, which assets travel together. Law: from plan and inventories alone.

Offers `selection` (which assets, and what is left out), `only` (the `--only` selectors), `dependencies` (the order
and its cycles), `routes` (one migration's way to one target) and `batches` (packing; `packing` and `grouping` are
the search behind it).
"""
