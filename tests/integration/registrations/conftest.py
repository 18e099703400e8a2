"""The environment in which commands find the database and the keys."""

from tests.fix_store import settings_of_the_service

__all__ = ["settings_of_the_service"]
