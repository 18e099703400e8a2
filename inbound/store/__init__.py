"""PostgreSQL: event store, inbox, subjects, vault, migrations.

SQL stands in the .sql files beside the modules.
"""
