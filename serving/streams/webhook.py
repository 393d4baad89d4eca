"""Changes to a receiver over HTTP, signed as activation signs: HMAC-SHA256 of the timestamp, a dot and the body."""

from __future__ import annotations

import hashlib
import hmac
import time
import urllib.error
import urllib.request
from collections.abc import Sequence

from serving.streams.config import Target, secret
from serving.streams.port import Outgoing, UnavailableError

_SECONDS = 10.0


class WebhookSink:
    """Posts each change by itself; any 2xx took it. `X-Penchant-Id` is the same at every try."""

    def __init__(self, target: Target) -> None:
        """Keeps where it stands, and the secret that both sides know; raises StreamFileError where that is not set."""
        self._url, self._secret = target.name, (secret(target.key_env) or "").encode()

    def publish(self, messages: Sequence[Outgoing]) -> None:
        """Posts them in their order."""
        for message in messages:
            self._post(message)

    def close(self) -> None:
        """Nothing to let go of."""

    def _post(self, message: Outgoing) -> None:
        moment = str(int(time.time()))
        signature = hmac.new(self._secret, f"{moment}.".encode() + message.body, hashlib.sha256).hexdigest()
        headers = {
            "content-type": "application/json",
            "x-penchant-id": message.id.encode("ascii", "backslashreplace").decode(),
            "x-penchant-timestamp": moment,
            "x-penchant-signature": f"sha256={signature}",
        }
        asked = urllib.request.Request(self._url, message.body, headers, method="POST")  # noqa: S310 http or https
        try:
            with urllib.request.urlopen(asked, timeout=_SECONDS):  # noqa: S310
                return
        except urllib.error.HTTPError as error:
            raise UnavailableError(f"The webhook must take a change, it answered {error.code}.") from None
        except OSError as error:
            raise UnavailableError(f"The webhook cannot be reached: {type(error).__name__}.") from None
