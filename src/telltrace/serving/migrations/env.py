"""Where Alembic starts: on the connection that the service has opened."""

from alembic import context

from telltrace.serving.database import SCHEMA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SCHEMA,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
