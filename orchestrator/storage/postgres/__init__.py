"""Journals, leases and requests in a PostgreSQL database. Law: whoever lost a lease writes nothing more.

Only `storage.stores` knows this package, and imports it when an address asks for it: psycopg comes with an extra.
"""
