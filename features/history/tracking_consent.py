"""Opens of mail that nobody consented to have tracked: no events of a log, wherever it is read.

An open is known by a pixel that the reader's device is made to load; to use it for one person takes consent (art. 82 of
the French data protection act, art. 5(3) of directive 2002/58/EC; the CNIL on tracking pixels in mail).
"""

from __future__ import annotations

import re

import ibis.expr.types as ir

from features.columns.expressions import as_text
from features.spec.booleans import YES

OPENS = frozenset(
    (
        *(
            "open",
            "opens",
            "opened",
            "email_open",
            "email_opens",
            "email_opened",
            "mail_open",
            "mail_opens",
            "mail_opened",
        ),
        *("open_email", "open_mail", "opened_email", "opened_mail", "message_open", "message_opened", "unique_open"),
        *("newsletter_open", "newsletter_opened", "mailing_open", "mailing_opened", "campaign_open", "campaign_opened"),
        *("e_mail_open", "e_mail_opened", "tracking_pixel", "open_pixel", "email_pixel", "mail_pixel", "email_read"),
        *("ouverture", "ouvertures", "ouvert", "email_ouvert", "mail_ouvert", "message_ouvert", "courriel_ouvert"),
        *("ouverture_email", "ouverture_mail", "ouverture_message", "ouverture_courriel", "ouverture_newsletter"),
    )
)  # slugs of types
_numbered = r"_[0-9]+$"  # of a slug that another text had before


def is_open(kind: str, *prefixes: str) -> bool:
    """Whether a type of events, a slug, is the opening of a mail; before it may be the name of its log.

    >>> is_open("email_opened"), is_open("open_2"), is_open("account_opened"), is_open("crm_open", "crm_")
    (True, True, False, True)
    """
    own = {kind, *(kind.removeprefix(prefix) for prefix in prefixes)}
    return any(each in OPENS or re.sub(_numbered, "", each) in OPENS for each in own)


def are_open(kinds: ir.Column, *prefixes: str) -> ir.Value:
    """The same of a column of slugs."""
    opens = sorted(OPENS)
    if named := [prefix for prefix in prefixes if prefix]:
        own = kinds.re_replace(f"^({'|'.join(named)})", "")
        return are_open(kinds) | are_open(own)
    return (kinds.isin(opens) | kinds.re_replace(_numbered, "").isin(opens)).fill_null(False)


def is_yes(consent: ir.Column) -> ir.Value:
    """Where consent is given: only a yes is one, a blank or any other word is none."""
    return as_text(consent).strip().lower().isin(sorted(YES)).fill_null(False)
