"""What no backup brings back. Law: known before a Merge, not after it: the same list stands in preview and undo."""

#: what importing the backup of an overwritten asset does not restore, as sentences
NOT_RESTORED = (
    "connections of data sources (address, account, password): no package carries them (API 2.4)",
    "data sources, APIs and topics that the import has added to an asset: they stay",
    "APIs that are not published in RELEASE, and what hangs on a publication: throttling, access control, signature "
    "keys, authorisations (API 2.4)",
    "secrets, AppCodes and members of applications, schedules and increment positions of tasks: whether Merge touches "
    "them is not documented (Finishing 2.3, 2.5)",
)
