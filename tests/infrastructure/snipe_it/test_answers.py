"""What each recorded answer is classed as: one table over all recordings."""

import json
from typing import Any

import pytest

from infrastructure.snipe_it.answers import (
    LONGEST_PAUSE_S,
    MOST_CHARACTERS,
    Ambiguous,
    Answer,
    Done,
    Forbidden,
    NotFound,
    Phase,
    Refusal,
    Refused,
    Throttled,
    Unauthorized,
    Unavailable,
    classify,
    in_words,
)
from tests.snipe_it_recordings import Recording, recordings

NOT_DONE: dict[str, tuple[str, ...]] = {
    "Ambiguous": (
        "auth.valid-token.no-accept.checkout-not-found",
        "auth.valid-token.no-accept.checkout-validation",
        "dberror.lock-wait-timeout.post-checkout",
        "hardware-checkin.checkin_at-past.500-but-applied",
    ),
    "Forbidden": (
        "auth.forbidden.activity",
        "auth.forbidden.checkout",
        "auth.forbidden.hardware-list",
    ),
    "NotFound": (
        "accessories-checkin.error.again",
        "accessories-checkout.error.not-found",
        "accessories-checkout.error.user-not-found",
        "accessories-get.not-found",
        "categories-get.not-found",
        "companies-get.not-found",
        "consumables-checkout.error.not-found",
        "consumables-get.not-found",
        "hardware-byserial.not-found",
        "hardware-bytag.deleted",
        "hardware-bytag.not-found",
        "hardware-checkin.error.not-found",
        "hardware-checkout.error.asset-non-numeric",
        "hardware-checkout.error.asset-not-found",
        "hardware-checkout.error.deleted-asset",
        "hardware-delete.again",
        "hardware-delete.error.not-found",
        "hardware-get.non-numeric",
        "hardware-get.not-found",
        "hardware-patch.error.not-found",
        "locations-get.not-found",
        "maintenances-get.not-found",
        "models-get.not-found",
        "statuslabels-get.not-found",
        "users-get.not-found",
    ),
    "NotFound endpoint": (
        "auth.valid-token.no-accept.unknown-endpoint",
        "base.method-not-allowed",
        "base.root",
        "base.unknown-endpoint",
        "consumables-checkin.no-such-endpoint",
        "hardware-checkout.error.get-method",
        "models-id-assets.no-such-endpoint",
    ),
    "Refused already_checked_in": (
        "hardware-checkin.error.malformed-json",
        "hardware-checkin.error.not-checked-out",
    ),
    "Refused invalid_target": (
        "consumables-checkout.error.no-user",
        "hardware-checkout.error.asset-target-not-found",
        "hardware-checkout.error.deleted-user",
        "hardware-checkout.error.location-not-found",
        "hardware-checkout.error.to-itself",
        "hardware-checkout.error.type-and-assignee-mismatch",
        "hardware-checkout.error.user-not-found",
    ),
    "Refused no_stock": (
        "accessories-checkout.error.none-left",
        "accessories-checkout.error.qty-too-big",
        "consumables-checkout.error.none-left",
        "consumables-checkout.error.qty-too-big",
    ),
    "Refused not_available": (
        "hardware-checkout.already-out.other-user",
        "hardware-checkout.already-out.same-user",
        "hardware-checkout.error.archived",
        "hardware-checkout.error.pending",
        "hardware-checkout.error.undeployable",
        "hardware-checkout.idempotency-key.repeat",
        "hardware-checkout.pending-with-deployable-status_id",
    ),
    "Refused other": (
        "hardware-checkin.bad-location_id",
        "hardware-checkin.error.bad-status_id",
        "hardware-restore.error.after-delete-while-checked-out",
        "hardware-restore.not-deleted",
    ),
    "Refused validation": (
        "accessories-checkout.error.no-assignee",
        "hardware-checkout.error.assignee-string",
        "hardware-checkout.error.bad-checkout_to_type",
        "hardware-checkout.error.bad-dates",
        "hardware-checkout.error.empty-body",
        "hardware-checkout.error.json-as-text-plain",
        "hardware-checkout.error.malformed-json",
        "hardware-checkout.error.missing-assignee",
        "hardware-checkout.error.missing-checkout_to_type",
        "hardware-checkout.error.status_id-undeployable",
        "hardware-create.error.assigned-with-undeployable-status",
        "hardware-create.error.bad-custom-field",
        "hardware-create.error.bad-model-and-status",
        "hardware-create.error.duplicate-tag",
        "hardware-create.error.malformed-json",
        "hardware-create.error.missing-fields",
        "hardware-patch.error.custom-field-invalid",
        "hardware-patch.error.duplicate-tag",
        "hardware-patch.error.validation",
        "maintenances-create.error.bad",
        "maintenances-create.error.missing",
        "maintenances-create.no-supplier",
        "models-create.error.missing",
    ),
    "Throttled": (
        "ratelimit.429.accept-json",
        "ratelimit.429.no-accept",
        "ratelimit.429.post-checkout",
    ),
    "Unauthorized": (
        "auth.bad-token.accept-json",
        "auth.bad-token.no-accept",
        "auth.deleted-user-token.users-me",
        "auth.missing-token.accept-any",
        "auth.missing-token.accept-json",
        "auth.missing-token.no-accept",
        "auth.missing-token.xhr",
        "auth.revoked-token.accept-json",
        "auth.tampered-jwt.accept-json",
        "ratelimit.429.unauthenticated-still-401",
    ),
    "Unavailable": (
        "dbdown.followed-redirect.setup",
        "dbdown.get-hardware.accept-json",
        "dbdown.get-hardware.no-accept",
        "dbdown.health",
        "dbdown.missing-token",
        "dbdown.post-checkout",
        "maintenance.503.missing-token",
        "maintenance.503.plain-down.accept-json",
        "maintenance.503.plain-down.no-accept",
        "maintenance.503.post-checkout",
        "maintenance.503.with-retry-option.accept-json",
        "maintenance.health",
        "proxy.502.app-server-down",
    ),
}
"""Class → recordings. All others are Done."""

EXPECTED = {name: label for label, names in NOT_DONE.items() for name in names}
JSON = {"content-type": "application/json"}
HTML = {"content-type": "text/html"}


def label(answer: Answer) -> str:
    """A class as the table names it."""
    if isinstance(answer, Refused):
        return f"Refused {answer.kind}"
    if isinstance(answer, NotFound) and answer.endpoint:
        return "NotFound endpoint"
    return type(answer).__name__


def classed(recording: Recording) -> Answer:
    return classify(
        recording.method,
        recording.status,
        recording.headers,
        recording.raw_answer(),
        Phase.ANSWERED,
    )


@pytest.mark.parametrize("recording", recordings().values(), ids=recordings())
def test_each_recorded_answer_has_the_class_of_the_table(recording: Recording) -> None:
    assert label(classed(recording)) == EXPECTED.get(recording.name, "Done")


def test_the_table_names_only_recordings_that_exist() -> None:
    assert set(EXPECTED) <= set(recordings())


@pytest.mark.parametrize("recording", recordings().values(), ids=recordings())
def test_a_cut_body_is_never_taken_for_a_success(recording: Recording) -> None:
    if label(classed(recording)) == "Done":
        raw = recording.raw_answer()
        cut = classify(
            recording.method, recording.status, recording.headers, raw[:-1], Phase.ANSWERED
        )
        assert label(cut) == ("Unavailable" if recording.method == "GET" else "Ambiguous")


def test_what_was_never_sent_did_not_happen() -> None:
    for method in ("GET", "POST"):
        assert isinstance(classify(method, None, {}, b"", Phase.NOT_SENT), Unavailable)


def test_a_write_without_an_answer_may_have_happened() -> None:
    assert isinstance(classify("POST", None, {}, b"", Phase.SENT), Ambiguous)
    assert isinstance(classify("PATCH", None, {}, b"", Phase.SENT), Ambiguous)


def test_a_read_without_an_answer_is_unavailable() -> None:
    assert isinstance(classify("GET", None, {}, b"", Phase.SENT), Unavailable)


@pytest.mark.parametrize(
    ("status", "headers", "body"),
    [
        (200, HTML, b"<html></html>"),
        (200, JSON, b"[]"),
        (200, JSON, b"{}"),
        (200, JSON, b'{"status":"succ'),
        (200, {}, b'{"status":"success"}'),
        (201, JSON, b'{"status":"success"}'),
        (204, {}, b""),
        (301, {"location": "https://snipe.example/api/v1/hardware/1/checkout"}, b""),
        (403, HTML, b"<html></html>"),
        (404, HTML, b"<html></html>"),
        (408, JSON, b"{}"),
        (500, JSON, b'{"message":"Server Error"}'),
        (502, HTML, b"<html></html>"),
        (503, HTML, b"<html></html>"),
        (504, HTML, b"<html></html>"),
    ],
)
def test_a_write_that_something_unexpected_answers_may_have_happened(
    status: int, headers: dict[str, str], body: bytes
) -> None:
    assert isinstance(classify("POST", status, headers, body, Phase.ANSWERED), Ambiguous)


def test_retry_after_is_taken_over_where_the_server_gives_it() -> None:
    headers = {**JSON, "retry-after": "30"}
    assert classify("GET", 429, headers, b"{}", Phase.ANSWERED) == Throttled(30.0)
    down = b'{"status":"error","messages":503,"payload":null}'
    assert classify("POST", 503, headers, down, Phase.ANSWERED) == Unavailable(
        "maintenance mode", 30.0
    )


def test_a_refusal_in_another_language_is_still_a_refusal() -> None:
    body = '{"status":"error","messages":"Nicht verfügbar!","payload":{"asset":"3DP-0001"}}'
    answer = classify("POST", 200, JSON, body.encode(), Phase.ANSWERED)
    assert isinstance(answer, Refused)
    assert answer.kind is Refusal.OTHER


def test_the_kinds_that_a_payload_tells_do_not_depend_on_the_language() -> None:
    body = (
        '{"status":"error","messages":"Schon zurück","payload":{"asset_tag":"x","model":"y",'
        '"model_number":null}}'
    )
    answer = classify("POST", 200, JSON, body.encode(), Phase.ANSWERED)
    assert isinstance(answer, Refused)
    assert answer.kind is Refusal.ALREADY_CHECKED_IN


def test_a_message_that_sits_in_the_payload_is_found_there() -> None:
    body = b'{"status":"error","messages":null,"payload":"Asset is not requestable"}'
    answer = classify("POST", 200, JSON, body, Phase.ANSWERED)
    assert isinstance(answer, Refused)
    assert answer.message == "Asset is not requestable"


def test_refused_fields_keep_their_messages() -> None:
    answer = classed(recordings()["maintenances-create.no-supplier"])
    assert isinstance(answer, Refused)
    assert answer.fields == {"supplier_id": ("The supplier id field is required.",)}


@pytest.mark.parametrize(
    ("method", "status", "answer"),
    [
        ("POST", 401, {"error": "TEXT"}),
        ("POST", 403, {"message": "TEXT"}),
        ("POST", 404, {"message": "TEXT"}),
        ("POST", 422, {"messages": "TEXT"}),
        ("GET", 200, {"status": "error", "messages": "TEXT"}),
        ("POST", 200, {"status": "error", "messages": "TEXT"}),
        ("POST", 200, {"status": "error", "messages": "TEXT not found"}),
        ("POST", 200, {"status": "error", "messages": None, "payload": "TEXT"}),
        ("POST", 200, {"status": "error", "messages": {"name": ["TEXT", "TEXT"]}}),
    ],
)
def test_what_a_server_says_at_length_is_cut(
    method: str, status: int, answer: dict[str, Any]
) -> None:
    body = json.dumps(answer).replace("TEXT", "\\u0000\\ud800" + "word " * 1_000).encode()
    found = classify(method, status, JSON, body, Phase.ANSWERED)
    message: str = getattr(found, "message", "")
    assert "word" in message
    assert len(message) <= MOST_CHARACTERS
    assert message.isprintable()
    lines = found.fields.get("name", ()) if isinstance(found, Refused) else ()
    assert all(len(line) <= MOST_CHARACTERS for line in lines)


def test_where_a_redirect_leads_is_cut() -> None:
    answer = classify("GET", 302, {"location": "/" + "x" * 5_000}, b"", Phase.ANSWERED)
    assert isinstance(answer, Unavailable)
    assert answer.reason == "redirected"
    assert len(answer.message) == MOST_CHARACTERS


def test_what_is_no_text_in_a_message_is_left_out() -> None:
    body = b'{"status":"error","messages":{"name":["Too long.",{"x":[1]}],"size":7}}'
    answer = classify("POST", 200, JSON, body, Phase.ANSWERED)
    assert isinstance(answer, Refused)
    assert answer.fields == {"name": ("Too long.",), "size": ()}


def test_the_three_lasting_causes_are_told_apart() -> None:
    names = ("auth.bad-token.accept-json", "auth.forbidden.checkout", "hardware-get.ok")
    kinds = [type(classed(recordings()[name])) for name in names]
    assert kinds == [Unauthorized, Forbidden, Done]


@pytest.mark.parametrize(
    "told",
    [
        '"That asset is not available for checkout!"',
        '"Gerät existiert nicht."',
        '"Your session expired; the page was not found"',
        '"An error has occurred"',
        "null",
        '{"company_id":["The selected company id is invalid."]}',
    ],
)
def test_a_read_that_is_refused_says_nothing_of_what_is_there(told: str) -> None:
    body = f'{{"status":"error","messages":{told},"payload":null}}'.encode()
    assert isinstance(classify("GET", 200, JSON, body, Phase.ANSWERED), Unavailable)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("3600", 3600.0),
        ("31536000", LONGEST_PAUSE_S),
        ("999999999999", LONGEST_PAUSE_S),
        ("9" * 400, LONGEST_PAUSE_S),
        ("-5", None),
        ("nan", None),
        ("inf", None),
        ("1e9", None),
        ("", None),
        ("Wed, 21 Oct 2099 07:28:00 GMT", None),
    ],
)
def test_no_server_is_left_alone_for_longer_than_an_hour(text: str, seconds: float | None) -> None:
    headers = {"retry-after": text}
    throttled = classify("GET", 429, headers, b"", Phase.ANSWERED)
    down = classify("GET", 503, headers, b"", Phase.ANSWERED)
    assert isinstance(throttled, Throttled)
    assert isinstance(down, Unavailable)
    assert (throttled.retry_after_s, down.retry_after_s) == (seconds, seconds)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (JSON, b"[" * 200_000),
        (JSON, b"1" * 5_000),
        ({"location": "https://[broken/setup"}, b""),
    ],
    ids=["too deep", "too long a number", "a broken address"],
)
@pytest.mark.parametrize("status", [200, 302, 401, 403, 404, 422, 429, 500, 503])
def test_an_answer_that_cannot_be_read_is_never_an_error(
    status: int, headers: dict[str, str], body: bytes
) -> None:
    for method in ("GET", "POST"):
        answer = classify(method, status, headers, body, Phase.ANSWERED)
        assert not isinstance(answer, Done)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Unavailable("maintenance mode", 60.0), "maintenance mode"),
        (Unavailable("status 502", None, "Bad Gateway"), "status 502: Bad Gateway"),
        (Ambiguous("status 504"), "status 504, so it is not known whether it happened"),
        (Throttled(56.685), "the rate limit is used up for 57 s"),
        (Throttled(), "the rate limit is used up"),
        (Refused(Refusal.OTHER, "No."), "refused: No."),
        (NotFound(""), "not found"),
        (Unauthorized("Unauthenticated."), "unauthorized: Unauthenticated."),
    ],
)
def test_people_are_told_an_answer_in_words(answer: Answer, words: str) -> None:
    assert in_words(answer) == words
