"""A client in Python, sync and async: typed answers, chunks of at most 1,000 profiles, and patience with a busy server.

docs/guide/client.md shows it at work.
"""

from features.spec.languages import Language
from scoring.answers.wire import Explanation, Profile, Result
from serving.client.async_client import AsyncClient
from serving.client.calls import CallError
from serving.client.profiles import profiles_of
from serving.client.sync_client import Client

__all__ = ["AsyncClient", "CallError", "Client", "Explanation", "Language", "Profile", "Result", "profiles_of"]
