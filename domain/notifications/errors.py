"""Refusals of webhooks, named after the rule they protect."""

from domain.errors import NotFound, RuleBroken


class WebhookNotFound(NotFound):
    """There is no such webhook."""

    code = "webhook_not_found"


class WebhookDisabled(RuleBroken):
    """A webhook that is switched off gets nothing."""

    code = "webhook_disabled"
    help = 'Switch it on first: PATCH with {"enabled": true}.'


class TooManyWebhooks(RuleBroken):
    """A tenant has a limited number of webhooks."""

    code = "too_many_webhooks"
    help = "Remove one that is no longer needed."
