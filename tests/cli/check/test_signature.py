"""Signed reads of `tocobagus check`: the forms, and what is shown of them."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as st

from target_tocobagus.cli.check.signature import Form, as_settings, forms, signed
from target_tocobagus.config.settings import Credentials, Settings, parse_settings

CREDENTIALS: Final = {
    "partner_client_id": "partner",
    "partner_secret": "MARKER-secret",
    "store_client_id": "store",
    "store_token": "MARKER-token",
}
NOW_MS: Final = 1_758_100_350_458


def configured(**settings: Any) -> Settings:
    """Check a configuration."""
    return parse_settings({**CREDENTIALS, **settings})


@given(
    prefix=st.sampled_from(["sha256=", "", "hmac "]),
    path=st.sampled_from(["", "/api/v1", "/v2"]),
    base=st.sampled_from(["", "/api/v1", "/gate"]),
)
def test_every_documented_form_is_tried_once_and_the_configured_one_first(
    prefix: str, path: str, base: str
) -> None:
    """What is advised for a form turns the configuration into it."""
    found = forms(
        configured(
            api_url=f"https://h.example{base}", signature_prefix=prefix, signed_path_prefix=path
        )
    )
    documented = {Form(*pair) for pair in (("sha256=", ""), ("", ""), ("", "/api/v1"))}

    assert found[0] == Form(prefix, path)
    assert len(set(found)) == len(found)
    assert documented <= set(found)
    for form in found:
        advised = as_settings(form, found[0])
        for name, value, old in zip(Form._fields, form, found[0], strict=True):
            assert (f'{name} to "{value}"' in advised) == (value != old)


def test_a_signed_read_shows_neither_token_nor_secret() -> None:
    """What is shown is what was signed, but for the token; what is sent has no secret."""
    headers, shown = signed(Form("", "/api/v1"), Credentials(**CREDENTIALS), NOW_MS)

    assert shown[1] == "/api/v1/partner/stores/products"
    assert "x-store-token:***" in shown
    assert "MARKER" not in "".join(shown)
    assert "MARKER-secret" not in str(headers)
    assert headers["x-timestamp"] == str(NOW_MS)
