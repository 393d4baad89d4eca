"""The destination of a file, by its kind."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from activation.deliveries.deliver import Delivery
from activation.deliveries.destination import Destination
from activation.deliveries.destination_file import DestinationFile, load_destination
from activation.deliveries.transport import DeliveryClock
from activation.destinations import brevo, hubspot, mailchimp
from activation.destinations.file import FileDestination
from activation.destinations.vendor import VendorAccount, based
from activation.destinations.vendor_changes import EVENT
from activation.destinations.webhook import WebhookDestination
from features.errors import UseCaseError


def open_delivery(
    home: Path, file: Path, *, clock: DeliveryClock | None = None, environment: Mapping[str, str] = os.environ
) -> Delivery:
    """What a DEST.toml is about.

    Raises:
        UseCaseError: A key of it is broken, or a variable that it names is not set.
    """
    stated = load_destination(file)
    return Delivery(home, stated, _destination(stated, file, environment), clock or DeliveryClock())


def _destination(stated: DestinationFile, file: Path, environment: Mapping[str, str]) -> Destination:
    there = stated.destination
    named = [name for name in (there.key_env, there.url_env) if name]
    if missing := [name for name in named if not environment.get(name)]:
        raise UseCaseError(file, [f"destination: the environment variable {name} must be set" for name in missing])
    key, url = environment.get(there.key_env or "", ""), there.address(environment)
    if there.kind == "webhook":
        return WebhookDestination(stated, url or "", key)
    if there.kind == "file":
        return FileDestination(stated, url or "", key or None)
    listed, event = there.list or stated.name, there.event or EVENT
    if there.kind == "mailchimp":
        account = VendorAccount(based(url or mailchimp.vendor_address(key), mailchimp.VERSION), key, listed, event)
        return mailchimp.MailchimpDestination(account, there.tag or stated.name)
    if there.kind == "hubspot":
        return hubspot.HubspotDestination(VendorAccount((url or hubspot.ADDRESS).rstrip("/"), key, listed, event))
    if not listed.isdecimal():
        raise UseCaseError(file, ["destination.list: must be the number of the list"])
    return brevo.BrevoDestination(VendorAccount(based(url or brevo.ADDRESS, brevo.VERSION), key, listed, event))
