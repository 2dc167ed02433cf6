"""Run the migrations over the connection that `storage.opening` hands in; there is no alembic.ini.

A step and the record that it was made are one transaction. SQLite can do that; Alembic only has to
be told. Without a connection the steps are written down as SQL of the dialect that was named.
"""

from alembic import context

from storage.schema import metadata

target = (
    {"dialect_name": context.config.attributes["dialect"], "literal_binds": True}
    if context.is_offline_mode()
    else {"connection": context.config.attributes["connection"]}
)
context.configure(
    **target,
    target_metadata=metadata,
    transaction_per_migration=True,
    transactional_ddl=True,
    compare_type=True,
    compare_server_default=False,
)
with context.begin_transaction():
    context.run_migrations()
