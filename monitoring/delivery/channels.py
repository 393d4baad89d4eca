"""The ways out: a webhook, signed, and e-mail over STARTTLS."""

from __future__ import annotations

import hashlib
import hmac
import os
import smtplib
import ssl
from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime

import httpx
import msgspec

from features.spec.languages import Language
from monitoring.config.monitor_file import EmailSection, WebhookSection
from monitoring.delivery.messages import AlertMessage

SECONDS = 10.0  # that a receiver has to answer
_MAY_PASS = (408, 425, 429)  # statuses below 500 after which the same message may be taken later


class DeliveryError(Exception):
    """A message did not arrive; `down` says whether others to the same receiver would not either."""

    def __init__(self, message: str, *, down: bool) -> None:
        super().__init__(message)
        self.down = down


def send_webhook(
    receiver: WebhookSection, message: AlertMessage, now: datetime, environment: Mapping[str, str] = os.environ
) -> None:
    """Posts a message, which arrived where the answer is a 2xx.

    `X-Penchant-Id` is the alert's id, the same at every try. `X-Penchant-Signature` is `sha256=` and the HMAC-SHA256,
    under the receiver's secret, of `X-Penchant-Timestamp` (seconds since the epoch), a dot, and the body.

    Raises:
        DeliveryError: It did not arrive, as far as one can know.
    """
    address, secret = receiver.address(environment), environment.get(receiver.secret_env)
    if not address or not secret:
        missing = receiver.secret_env if address else receiver.url_env
        raise DeliveryError(f"the environment variable {missing} must be set", down=True)
    body, moment = msgspec.json.encode(message), str(int(now.timestamp()))
    headers = {
        "content-type": "application/json",
        "x-penchant-id": message.id,
        "x-penchant-timestamp": moment,
        "x-penchant-signature": signature(secret, moment, body),
    }
    try:
        status = httpx.post(address, content=body, headers=headers, timeout=SECONDS).status_code
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        raise DeliveryError(type(error).__name__, down=True) from error  # its text may hold the address
    if not httpx.codes.is_success(status):
        raise DeliveryError(f"status {status}", down=status >= httpx.codes.INTERNAL_SERVER_ERROR or status in _MAY_PASS)


def signature(secret: str, moment: str, body: bytes) -> str:
    """What a receiver computes to know that a message is ours, and when it was sent.

    >>> signature("key", "1", b"{}")[:15]
    'sha256=1ba6b817'
    """
    return "sha256=" + hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()


def send_email(
    server: EmailSection,
    language: Language,
    message: AlertMessage,
    now: datetime,
    environment: Mapping[str, str] = os.environ,
) -> None:
    """Hands a message to the server, dated now.

    Raises:
        DeliveryError: It was not taken.
    """
    password = environment.get(server.password_env) if server.password_env else None
    if server.password_env and not password:
        raise DeliveryError(f"the environment variable {server.password_env} must be set", down=True)
    try:
        with smtplib.SMTP(server.host, server.port, timeout=SECONDS) as connection:
            if server.starttls:
                connection.starttls(context=ssl.create_default_context())
            if server.user and password:
                connection.login(server.user, password)
            connection.send_message(email_of(server, language, message, now))
    except smtplib.SMTPResponseException as error:
        raise DeliveryError(f"SMTP {error.smtp_code}", down=error.smtp_code < 500) from error
    except (smtplib.SMTPException, OSError) as error:
        raise DeliveryError(type(error).__name__, down=True) from error


def email_of(server: EmailSection, language: Language, message: AlertMessage, now: datetime) -> EmailMessage:
    """The e-mail, whose id is the alert's."""
    mail = EmailMessage()
    mail["Subject"] = " ".join(f"[Penchant] {message.use_case} {message.text[language]}".split())
    mail["From"], mail["To"] = server.from_, ", ".join(server.to)
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<{message.id}@penchant.invalid>"
    mail["X-Penchant-Id"] = message.id
    lines = [message.text[language], "", f"→ {message.action[language]}", "", *([message.who] if message.who else [])]
    mail.set_content("\n".join(lines))
    return mail
