"""The configuration: its defaults, its errors, and that no error shows a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from target_tocobagus.config.settings import (
    SCHEMA,
    Credentials,
    Settings,
    Share,
    StockPolicy,
    StreamMapping,
    WarehouseColumn,
    parse_settings,
)
from target_tocobagus.config.validation import CREDENTIALS, doubts
from target_tocobagus.core.errors import ConfigurationError

if TYPE_CHECKING:
    import msgspec

Config = dict[str, Any]

WHO: Config = {
    "partner_client_id": "partner",
    "partner_secret": "hush",
    "store_client_id": "store",
    "store_token": "token",
}
SDK_OWN = {"validate_records"}
"""Settings that the SDK reads, and of which the default here is another."""


OPTIONAL = sorted(set(SCHEMA["properties"]) - SDK_OWN - {*CREDENTIALS})


def parsed(**config: Any) -> Settings:
    """Parse a configuration with good credentials."""
    return parse_settings({**WHO, **config})


def problems(**config: Any) -> tuple[str, ...]:
    """Find what is wrong with a configuration that has good credentials."""
    with pytest.raises(ConfigurationError) as caught:
        parsed(**config)
    assert str(caught.value) == "; ".join(caught.value.problems)
    return caught.value.problems


def stream(**keys: Any) -> list[Config]:
    """Make the setting `streams` of one mapping."""
    return [{"stream": "stock", **keys}]


def pairs(key: str, *values: str) -> list[Config]:
    """Make entries of one client id."""
    return [{key: value, "client_id": "W"} for value in values]


class TestSchema:
    """The schema and the values say the same."""

    def test_it_is_a_schema(self) -> None:
        """settings.json is valid JSON Schema, and each setting says what it is."""
        Draft202012Validator.check_schema(SCHEMA)
        for schema in SCHEMA["properties"].values():
            assert schema["title"]
            assert schema["description"].endswith(".") or "…" in schema["description"]

    def test_settings_are_those_of_the_values(self) -> None:
        """Every setting has its field and every field its setting."""
        fields = {*Settings.__struct_fields__, *StockPolicy.__struct_fields__, *CREDENTIALS}
        assert set(SCHEMA["properties"]) - SDK_OWN == fields - {"policy", "credentials"}

    def test_a_mappings_keys_are_those_of_the_value(self) -> None:
        """Every key of a mapping has its field; two fields are no keys."""
        keys = set(SCHEMA["properties"]["streams"]["items"]["properties"])
        assert keys == set(StreamMapping.__struct_fields__) - {"native", "no_warehouse"}

    @pytest.mark.parametrize(
        ("key", "struct"), [("warehouse_columns", WarehouseColumn), ("split", Share)]
    )
    def test_the_objects_in_a_mapping(self, key: str, struct: type[msgspec.Struct]) -> None:
        """The keys of the objects in a mapping are the fields of their values."""
        schema = SCHEMA["properties"]["streams"]["items"]["properties"][key]["items"]
        assert set(schema["properties"]) == set(struct.__struct_fields__)
        assert set(schema["required"]) == set(struct.__struct_fields__)

    @pytest.mark.parametrize("key", ["unmapped_warehouse", "rounding", "negative_stock"])
    def test_the_policys_own_defaults_are_the_schemas(self, key: str) -> None:
        """A policy that is made in code has the defaults of the configuration."""
        assert getattr(StockPolicy(), key) == SCHEMA["properties"][key]["default"]

    def test_secrets_are_marked(self) -> None:
        """The secrets are marked as such, and nothing else is."""
        marked = {key for key, schema in SCHEMA["properties"].items() if schema.get("secret")}
        assert marked == {"partner_secret", "store_token", "ledger"}

    def test_no_setting_is_a_float(self) -> None:
        """Numbers are integers, for the environment could not set others."""
        for schema in SCHEMA["properties"].values():
            assert "number" not in schema["type"]
            assert "null" in schema["type"]


class TestDefaults:
    """What stands for what was left out."""

    def test_defaults(self) -> None:
        """Without a setting its default holds."""
        found = parsed()
        for key in OPTIONAL:
            holder = found.policy if key in StockPolicy.__struct_fields__ else found
            assert getattr(holder, key) == SCHEMA["properties"][key].get("default"), key
        assert found.credentials == Credentials("partner", "hush", "store", "token")

    def test_null_means_the_default(self) -> None:
        """A setting that is null is a setting that was left out."""
        assert parsed(**dict.fromkeys(OPTIONAL)) == parsed()

    def test_nulls_in_a_mapping_mean_the_default(self) -> None:
        """A mapping's key that is null is left out, but for `warehouse: null`, which says so."""
        keys = SCHEMA["properties"]["streams"]["items"]["properties"]
        nulls = dict.fromkeys(set(keys) - {"stream", "warehouse"})
        assert parsed(
            streams=stream(
                sku="s", stock="q", **{k: None for k in nulls if k not in {"sku", "stock"}}
            )
        ).streams == (StreamMapping(stream="stock", sku=("s",), stock=("q",)),)
        (said,) = parsed(streams=stream(sku="s", stock="q", warehouse=None)).streams or ()
        assert (said.no_warehouse, said.warehouse) == (True, ())

    def test_a_whole_mapping(self) -> None:
        """One path is a list of one; lists of objects become values."""
        (found,) = (
            parsed(
                streams=stream(
                    where="a",
                    sku=["s", "t"],
                    stock="q",
                    subtract=["r"],
                    warehouse="w",
                    decimal_mark=",",
                    warehouse_columns=[{"column": "c", "client_id": "W"}],
                    warehouses=["V"],
                    split=[{"client_id": "U", "weight": 2}],
                    items="i",
                    levels="l",
                )
            ).streams
            or ()
        )
        assert found == StreamMapping(
            stream="stock",
            where="a",
            sku=("s", "t"),
            stock=("q",),
            subtract=("r",),
            warehouse=("w",),
            decimal_mark=",",
            warehouse_columns=(WarehouseColumn("c", "W"),),
            warehouses=("V",),
            split=(Share("U", 2),),
            items="i",
            levels="l",
        )

    def test_codes_and_client_ids_lose_their_white_space(self) -> None:
        """Codes are compared, and client ids are sent, without white space around them."""
        found = parsed(warehouse_map=[{"code": " JKT ", "client_id": "wh_1 "}])
        assert found.policy.warehouse_map == {"JKT": "wh_1"}

    def test_the_urls_last_slash_does_not_matter(self) -> None:
        """A base URL may end in a slash."""
        assert (
            parsed(api_url="https://example.com/api/v1//").api_url == "https://example.com/api/v1"
        )

    def test_a_dry_run_needs_no_credentials(self) -> None:
        """A dry run without credentials has none; one with all of them has them."""
        assert parse_settings({"dry_run": True}).credentials is None
        assert parse_settings({"dry_run": True, "store_token": "t"}).credentials is None
        assert parsed(dry_run=True).credentials is not None


BAD_CREDENTIALS: Final[dict[str, tuple[str, ...]]] = {
    "has white space in or around it": (" x", "x ", "x\n", "x y", "x\u00a0", "\tx", "x\r\n", " "),
    "has an invisible character in or around it": (
        *("\u200bx", "x\ufeff", "x\u2060y", "\u00adx", "x\u202e", "x\x00", "x\x7f", "x\ud800"),
    ),
    "has quotes around it": ('"x"', "'x'", "`x`", "“x”", "„x“", "«x»", '""', '"x",', "'x';"),
    "must not be empty": ("",),
    "is a placeholder; put the value itself there": (
        *("${TOKEN}", "$TOKEN", "$(pass_token)", "{{token}}", "%TOKEN%", "<tok>", "changeme"),
        *("CHANGE_ME", "your-token", "xxx", "***", "...", "(redacted)", "TODO", "placeholder"),
    ),
}
"""Values that come from careless copying, by what is said of each."""


class TestErrors:
    """Each error names the setting, and what is wrong with it."""

    @pytest.mark.parametrize("missing", CREDENTIALS)
    @pytest.mark.parametrize("value", [None, "absent"])
    def test_a_credential_is_missing(self, missing: str, value: str | None) -> None:
        """Each of the four is required, and null is missing."""
        config = {key: each for key, each in WHO.items() if key != missing or value is None}
        if value is None:
            config[missing] = None
        with pytest.raises(ConfigurationError) as caught:
            parse_settings(config)
        (problem,) = caught.value.problems
        assert problem.startswith(f"{missing}: is required")

    @pytest.mark.parametrize("name", CREDENTIALS)
    @pytest.mark.parametrize(
        ("problem", "value"),
        [(problem, value) for problem, values in BAD_CREDENTIALS.items() for value in values],
    )
    def test_a_credential_that_cannot_be_one(self, name: str, problem: str, value: str) -> None:
        """Each value has one problem, which does not show it."""
        assert problems(**{name: value}) == (f"{name}: {problem}",)

    @pytest.mark.parametrize(
        "value",
        [
            *('"', 'x"', 'x",', "it's", '"x', "\"'x"),
            *("$ecret", "a${b}", "${b}a", "<<", "x", "%a%b", "tok,", "5$"),
        ],
    )
    def test_what_may_be_a_credential_is_one(self, value: str) -> None:
        """A real one may hold most characters; only a pair of quotes around all of it is wrong."""
        assert parsed(partner_secret=value).credentials is not None

    @pytest.mark.parametrize("value", ["tok,", "tok;"])
    def test_a_doubtful_end_is_warned_about(self, value: str) -> None:
        """It may be the end of a line of JSON, and may be meant."""
        (line,) = doubts({"store_token": value}, SCHEMA["properties"])
        assert line.startswith("store_token: ends with a comma or semicolon")

    @pytest.mark.parametrize("value", ["ä", "赤"])
    def test_what_a_header_cannot_carry(self, value: str) -> None:
        """What goes into a header is printable ASCII; the secret does not go into one."""
        for name in set(CREDENTIALS) - {"partner_secret"}:
            (problem,) = problems(**{name: value})
            assert problem.startswith(f"{name}: has a character")
        assert parsed(partner_secret=value).credentials is not None

    @pytest.mark.parametrize(
        ("config", "problem"),
        [
            ({"batch_size_rows": 0}, "batch_size_rows: must be at least 1"),
            ({"batch_size_rows": "500"}, "batch_size_rows: must be a whole number, without quotes"),
            ({"batch_size_rows": 500.0}, "batch_size_rows: must be a whole number"),
            ({"batch_size_rows": True}, "batch_size_rows: must be a whole number"),
            ({"stock_buffer": 1.5}, "stock_buffer: must be a whole number"),
            ({"stock_buffer": -1}, "stock_buffer: must be at least 0"),
            ({"max_in_flight": 257}, "max_in_flight: must be at most 256"),
            *(
                ({name: 10**10}, f"{name}: must be at most 1000000")
                for name in ("batch_wait_seconds", "request_timeout_seconds", "max_retry_seconds")
            ),
            ({"batch_size_bytes": 999}, "batch_size_bytes: must be at least 1000"),
            ({"request_timeout_seconds": 0}, "request_timeout_seconds: must be at least 1"),
            ({"dry_run": "yes"}, "dry_run: must be true or false, without quotes"),
            ({"rounding": "up"}, "rounding: must be one of 'floor', 'reject'"),
            ({"rejects_path": ""}, "rejects_path: must not be empty"),
            (
                {"ledger": "sqlite:///a.db", "rejects_path": "./a.db"},
                "rejects_path: must be a file of its own",
            ),
            (
                {"rejects_path": "/a", "metrics_path": "/b/../a"},
                "metrics_path: must be a file of its own",
            ),
            ({"warehouse_map": {"a": "b"}}, "warehouse_map: must be a list"),
            ({"warehouse_map": []}, "warehouse_map: must not be empty"),
            ({"warehouse_map": [{"code": "a"}]}, "warehouse_map[0]: 'client_id' is missing"),
            ({"streams": [{}]}, "streams[0]: 'stream' is missing"),
            (
                {"streams": stream(sku="a", stok="b")},
                "streams[0]: unknown key 'stok'; did you mean 'stock'?",
            ),
            (
                {"streams": stream(split=[{"client_id": "W", "weight": 0}])},
                "streams[0].split[0].weight: must be at least 1",
            ),
            (
                {"streams": stream(split=[{"client_id": "W", "weight": 2.0}])},
                "streams[0].split[0].weight: must be a whole number",
            ),
            ({"streams": stream(sku=5)}, "streams[0].sku: must be a text or a list"),
            (
                {"streams": stream(decimal_mark=";")},
                "streams[0].decimal_mark: must be one of '.', ','",
            ),
        ],
    )
    def test_what_the_schema_refuses(self, config: Config, problem: str) -> None:
        """Each rule of the schema has a message of its own, which names the place."""
        assert problems(**config) == (problem,)

    def test_an_unknown_key_with_no_name_near_it(self) -> None:
        """Where no name is near, the known ones are listed."""
        (problem,) = problems(warehouse_map=[{"code": "a", "client_id": "b", "zzz": 1}])
        assert problem == "warehouse_map[0]: unknown key 'zzz'; known are code, client_id"

    def test_all_problems_at_once(self) -> None:
        """The user sees all of them at once."""
        found = problems(batch_size_rows=0, rounding="up", max_in_flight=0)
        assert len(found) == 3

    @pytest.mark.parametrize(
        ("config", "problem"),
        [
            (
                {"streams": stream(warehouses=["W", " W"])},
                "streams[0].warehouses: duplicate client_id",
            ),
            (
                {"streams": stream(warehouse_columns=pairs("column", "a", "b"))},
                "streams[0].warehouse_columns: duplicate client_id",
            ),
            (
                {"streams": stream(split=[{"client_id": "W", "weight": 1}] * 2)},
                "streams[0].split: duplicate client_id",
            ),
            ({"warehouse_map": pairs("code", "a", "b")}, "warehouse_map: duplicate client_id"),
            (
                {"warehouse_map": [{"code": "a", "client_id": "W "}, *pairs("code", "b")]},
                "warehouse_map: duplicate client_id",
            ),
            ({"streams": stream(warehouses=[" "])}, "streams[0].warehouses: a client_id is empty"),
            (
                {"warehouse_map": [{"code": "a", "client_id": " "}]},
                "warehouse_map: a client_id is empty",
            ),
            (
                {
                    "warehouse_map": [
                        {"code": "JKT", "client_id": "a"},
                        {"code": " JKT", "client_id": "b"},
                    ]
                },
                "warehouse_map: duplicate code",
            ),
        ],
    )
    def test_a_code_or_client_id_is_neither_duplicate_nor_empty(
        self, config: Config, problem: str
    ) -> None:
        """White space around it makes no difference."""
        (found,) = problems(**config)
        assert found.removesuffix(" (places that become one are added up with combine: sum)") == (
            problem
        )


class TestUrl:
    """The API's address is https, but for a server on this machine."""

    @pytest.mark.parametrize(
        "url",
        [
            "https://example.com",
            "https://example.com:8443/api/v1",
            "https://[2001:db8::1]/api",
            "HTTPS://EXAMPLE.COM",
            "http://localhost:8000",
            "http://LOCALHOST",
            "http://127.0.0.1:8000/api/v1",
            "http://127.9.9.9",
            "http://[::1]:8000",
        ],
    )
    def test_good(self, url: str) -> None:
        """These can be used."""
        assert parsed(api_url=url).api_url == url

    @pytest.mark.parametrize(
        "url",
        [
            "http://example.com",
            "http://partners-api.tocobagus.net/api/v1",
            "http://127.0.0.1.example.com",
            "http://127.evil.example",
            "http://localhost.example.com",
            "http://10.0.0.1",
            "http://0.0.0.0",
            "http://[2001:db8::1]",
        ],
    )
    def test_plain_http_to_any_other_host(self, url: str) -> None:
        """Credentials never travel in the clear, however much a host's name looks like this one."""
        (problem,) = problems(api_url=url)
        assert problem.startswith("api_url: plain http is allowed for loopback")

    @pytest.mark.parametrize(
        "url",
        [
            "example.com",
            "ftp://example.com",
            "https://",
            "https:///api",
            "https://[::1",
            "https://example.com:99999",
            "https://example.com:port",
            "https://user:pass@example.com",
            "https://user@example.com",
            "https://:@example.com",
            "https://example.com/api?x=1",
            "https://example.com/api?",
            "https://example.com/api#",
            "https://example.com/api#x",
            " https://example.com",
            "https://example.com\n",
            "https://exam ple.com",
            "https://example.com/\u200b",
        ],
    )
    def test_no_base_url(self, url: str) -> None:
        """A text that is not a base URL is refused before anything is sent to it."""
        (problem,) = problems(api_url=url)
        assert problem.startswith("api_url: ")

    @pytest.mark.parametrize("prefix", ["sha256=\n", "sha256\u20ac", "\r\nx: ", " sha256="])
    def test_no_signature_prefix(self, prefix: str) -> None:
        """What a header cannot carry is refused before anything is signed."""
        (problem,) = problems(signature_prefix=prefix)
        assert problem == "signature_prefix: has a character that an HTTP header cannot carry"

    @pytest.mark.parametrize("prefix", ["", "sha256=", "hmac "])
    def test_a_signature_prefix(self, prefix: str) -> None:
        """Bare hex and words are what a header can carry."""
        assert parsed(signature_prefix=prefix).signature_prefix == prefix


class TestSecrets:
    """No value of the configuration is ever shown."""

    def test_credentials_show_no_secret(self) -> None:
        """What prints credentials prints whose they are."""
        shown = repr(parsed()) + str(parsed().credentials)
        assert "hush" not in shown
        assert "'token'" not in shown
        assert "partner" in shown


MARKER = "MARKED"
MARKED = st.sampled_from(
    [
        MARKER,
        f" {MARKER}",
        f"{MARKER}\n",
        f"{MARKER} {MARKER}",
        f"ä{MARKER}",
        f"https://{MARKER}",
        f"http://{MARKER}",
        f"http://user:{MARKER}@localhost",
        f"https://[{MARKER}",
        f"https://x:{MARKER}",
        f"https://x?{MARKER}#{MARKER}",
    ]
)
KEYS = sorted(
    {
        "client_id",
        "code",
        "column",
        "weight",
        *SCHEMA["properties"],
        *SCHEMA["properties"]["streams"]["items"]["properties"],
    }
)
MARKED_VALUES = st.recursive(
    MARKED | st.none() | st.booleans() | st.sampled_from([0, 1.5, -7, 10**9]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=4)
    ),
    max_leaves=6,
)
MAPPINGS = st.lists(
    st.dictionaries(st.sampled_from(KEYS), MARKED | MARKED_VALUES, max_size=4).map(
        lambda keys: {"stream": MARKER, **keys}
    ),
    max_size=2,
)


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            **dict.fromkeys(sorted(SCHEMA["properties"]), MARKED | MARKED_VALUES),
            "streams": MAPPINGS | MARKED_VALUES,
        },
    )
)
@example({**WHO, "partner_secret": f" {MARKER}"})
@example({**WHO, "warehouse_map": [{"code": MARKER, "client_id": MARKER}] * 2})
@example({**WHO, "streams": stream(warehouses=[MARKER, MARKER])})
def test_no_problem_ever_shows_a_value(config: Config) -> None:
    """Whatever the values are, a problem names the place and never the value."""
    found: tuple[str, ...] = ()
    try:
        parse_settings(config)
    except ConfigurationError as error:
        found = (*error.problems, str(error), repr(error))
    assert MARKER not in "".join(found)


@pytest.mark.parametrize(
    "key", ["partner_secert", "partner-secret", "PARTNER_SECRET", "partnerSecret"]
)
def test_a_misspelt_credential_is_named_beside_the_one_that_is_missing(key: str) -> None:
    """Both are told at once, however it is written wrongly, and its value is not."""
    (missing, unknown) = problems(**{"partner_secret": None, key: MARKER})
    assert missing.startswith("partner_secret: is required")
    assert unknown.startswith(f"Unknown setting '{key}' is ignored; did you mean 'partner_secret")


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("batch_size_row", "; did you mean 'batch_size_rows'?"),
        ("partner_secrets", "; did you mean 'partner_secret'?"),
        ("reject_path", "; did you mean 'rejects_path'?"),
        ("DRY-RUN", "; did you mean 'dry_run'?"),
        ("zzz", ""),
    ],
)
def test_an_unknown_setting_is_named_with_its_nearest(key: str, hint: str) -> None:
    """An unknown setting is warned about with the nearest known name, and never with its value."""
    (line,) = doubts({key: MARKER, "dry_run": True}, SCHEMA["properties"])
    assert line == f"Unknown setting '{key}' is ignored{hint}"
