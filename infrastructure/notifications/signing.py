"""Secrets and signatures of webhooks, as Standard Webhooks has them.

A secret is derived from the installation's secret key, the webhook and the number of the secret:
it stands in no table, so a stolen dump of the database signs nothing, and a repeated command can
show it again. Another ``QM_SECRET_KEY`` makes other secrets of all of them.
"""

import hmac
from base64 import b64decode, b64encode
from collections.abc import Iterable
from typing import Final

from domain.ids import Id

PREFIX: Final = "whsec_"
_PURPOSE: Final = b"webhook secrets"


def secret_of(secret_key: bytes, webhook_id: Id, secret_version: int) -> str:
    """The secret of a webhook, as its receiver is shown it: ``whsec_…``, 256 bits."""
    root = hmac.digest(secret_key, _PURPOSE, "sha256")
    key = hmac.digest(root, f"{webhook_id} {secret_version}".encode(), "sha256")
    return PREFIX + b64encode(key).decode()


def signed_headers(
    message_id: str, timestamp: int, body: bytes, secrets: Iterable[str]
) -> dict[str, str]:
    """The three headers of a message, with a signature for each of the secrets."""
    signatures = [_signature(message_id, timestamp, body, secret) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(signatures),
    }


def _signature(message_id: str, timestamp: int, body: bytes, secret: str) -> str:
    signed = b".".join((message_id.encode(), str(timestamp).encode(), body))
    key = b64decode(secret.removeprefix(PREFIX))
    return "v1," + b64encode(hmac.digest(key, signed, "sha256")).decode()
