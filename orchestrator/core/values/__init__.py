"""What one target needs and no package carries: the values file of its data sources, and who becomes a member there.

`parse` reads the one, `members` the other, `template` writes a first one from what the source shows.
"""
