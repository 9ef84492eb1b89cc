"""Secrets and signatures as Standard Webhooks has them."""

from infrastructure.ids import new_id
from infrastructure.notifications.signing import secret_of, signed_headers
from tests.fixtures.webhook_receiver import Message

KEY = b"k" * 40
BODY = b'{"type":"requisition.approved.v1"}'


def test_the_example_of_the_specification() -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    headers = signed_headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', [secret]
    )

    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_secret_is_the_same_again_and_another_for_each_webhook_version_and_key() -> None:
    one, other = new_id(), new_id()
    secrets = {
        secret_of(KEY, one, 1),
        secret_of(KEY, one, 2),
        secret_of(KEY, other, 1),
        secret_of(b"x" * 40, one, 1),
    }

    assert len(secrets) == 4
    assert secret_of(KEY, one, 1) in secrets


def test_two_secrets_sign_while_one_replaces_the_other() -> None:
    old, new = secret_of(KEY, new_id(), 1), secret_of(KEY, new_id(), 2)
    headers = signed_headers("msg_1", 1_000, BODY, [new, old])

    for secret in (old, new):
        assert Message("/", headers, BODY).is_signed_with(secret)


def test_a_message_that_was_changed_on_its_way_is_signed_no_more() -> None:
    secret = secret_of(KEY, new_id(), 1)
    headers = signed_headers("msg_1", 1_000, BODY, [secret])

    assert Message("/", headers, BODY).is_signed_with(secret)
    assert not Message("/", headers, BODY + b" ").is_signed_with(secret)
    assert not Message("/", {**headers, "webhook-id": "msg_2"}, BODY).is_signed_with(secret)
    later = {**headers, "webhook-timestamp": "1001"}
    assert not Message("/", later, BODY).is_signed_with(secret)
    assert not Message("/", headers, BODY).is_signed_with(secret_of(KEY, new_id(), 1))
