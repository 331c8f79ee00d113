"""Secrets are found in every spelling in which they may come back, whole or cut."""

import base64
import html
import json
import re
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.core.model.redaction import HIDDEN, PREFIX, Redactor

PASSWORD = "pä\"ss/w\\ord+%é&<0>'SESAME"
TOKEN = "MIIQ" + "".join(chr(65 + n % 26) + str(n % 10) for n in range(638)) + "=="


def echoes(secret: str) -> dict[str, str]:
    """What a service says that has been sent this secret."""
    plain = json.dumps({"auth": {"password": secret}})
    return {
        "as it is": f"no such password: {secret}.",
        "the body": plain,
        "the body, in other letters": json.dumps({"auth": {"password": secret}}, ensure_ascii=False),
        "the body in an error message": json.dumps({"error": {"message": plain}}),
        "slashes escaped": plain.replace("/", "\\/"),
        "upper case escapes": plain.replace("\\u00e4", "\\u00E4").replace("\\u00e9", "\\u00E9"),
        "an address": f"/v3?password={quote(secret, safe='')}&x=1",
        "an address, in small letters": re.sub(
            "%..", lambda sign: sign[0].lower(), f"/v3?password={quote(secret, safe='')}"
        ),
        "a form": f"user=a&password={quote_plus(secret)}&x=1",
        "a page": f"<p>password {html.escape(secret)} refused</p>",
        "a page of old": f"<p>{html.escape(secret, quote=False)}</p>",
        "basic": "Basic " + base64.b64encode(f"user:{secret}".encode()).decode(),
        "basic of another user": "Basic " + base64.b64encode(f"use:{secret}".encode()).decode(),
        "basic of a third": "Basic " + base64.b64encode(f"us:{secret}:x".encode()).decode(),
        "for addresses": base64.urlsafe_b64encode(secret.encode()).decode(),
        "hex": secret.encode().hex(),
    }


@pytest.mark.parametrize("secret", [PASSWORD, TOKEN, "sk/planted+SESAME=00000000000000000000", "hunter2"])
@pytest.mark.parametrize("way", list(echoes("")))
def test_a_secret_is_found_in_every_spelling(secret: str, way: str) -> None:
    if len(secret) < 10 and way in {"basic", "basic of another user", "basic of a third", "for addresses"}:
        pytest.skip("seven characters leave too little in base64")
    told = Redactor([secret]).clean(echoes(secret)[way])
    assert HIDDEN in told
    for spelling in (secret, json.dumps(secret)[1:-1], quote(secret, safe=""), html.escape(secret)):
        assert spelling not in told
        assert len(spelling) < PREFIX or spelling[:PREFIX] not in told


@pytest.mark.parametrize("kept", [16, 17, 100, 500, 1279])
def test_a_token_that_was_cut_is_found_by_its_beginning(kept: int) -> None:
    assert Redactor([TOKEN]).clean(f"refused: {TOKEN[:kept]}… (request 1)") == f"refused: {HIDDEN}… (request 1)"


def test_what_follows_a_secret_stays() -> None:
    assert Redactor(["secret-one", "secret-one-longer"]).clean("a secret-one-longer b secret-one c") == "a *** b *** c"


def test_what_names_itself_a_signature_or_a_token_is_hidden_though_nobody_knows_it() -> None:
    redactor = Redactor()
    signed = "SDK-HMAC-SHA256 Access=A, SignedHeaders=host, Signature=0123456789abcdef0123"
    assert redactor.clean(signed).endswith("Signature=***")
    assert redactor.clean('{"X-Auth-Token": "abcdefghijkl"}') == '{"X-Auth-Token": "***"}'
    assert redactor.clean("x-subject-token: abcdefghijkl\n") == "x-subject-token: ***\n"
    assert redactor.clean("the signature does not match") == "the signature does not match"


def test_short_values_do_not_tear_words_apart() -> None:
    assert Redactor(["tell", "", "me"]).clean("tell me") == "tell me"


@given(st.text(min_size=6), st.text(), st.text())
def test_no_text_holds_a_secret_afterwards(secret: str, before: str, after: str) -> None:
    assert secret not in Redactor([secret]).clean(before + secret + after).replace(HIDDEN, "\0")
