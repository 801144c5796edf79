"""What the names of streams and columns say, in English and Indonesian.

A name is compared without case, separators or a BOM: `qtyOnHand`, `qty_on_hand` and `QTY ON HAND`
are one spelling. Lists of whole spellings decide what a column *is*, so that a longer name
(`stock_status`, `qty_reserved`, `safety_stock`) is never mistaken for a shorter one that it holds.
What a row is *not* is decided by single words, so that no longer name slips through. Where a list
could be wider, ask what a mistake does: a missing spelling costs its user a line of configuration,
a wrong one sends a wrong stock to a shop.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

BOM: Final = "\ufeff"
DEPTH: Final = 5
SCALARS: Final = frozenset({"string", "integer", "number"})


def _list(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


SKU: Final = _set(
    "sku skucode skuno skunumber productsku itemsku variantsku sellersku merchantsku kodesku "
    "nosku nomorsku skuproduk skubarang skuvarian skuvariasi"
)
ARTICLE: Final = _set(
    "kode kodebarang kodeproduk kodeitem kodeartikel itemcode productcode articlecode"
)
"""A merchant's own code for an article: taken for its SKU where no column is called that."""

STOCK: Final = _set(
    "stock stocks stocklevel stockquantity stockqty stockcount stockonhand stockavailable "
    "availablestock currentstock totalstock freestock qtystock quantityinstock qtyinstock "
    "unitsinstock inventory inventoryquantity inventoryqty inventorylevel inventorycount "
    "availableinventory onhand onhandqty onhandquantity qtyonhand quantityonhand qoh soh "
    "availablequantity availableqty quantityavailable qtyavailable sellablequantity "
    "availabletosell availabletopromise atp ats stok stoktersedia stokakhir stokbarang "
    "jumlahstok jmlstok qtystok sisastok saldostok totalstok persediaan"
)
QUANTITY: Final = _set("quantity qty available jumlah jml kuantitas tersedia sisa saldo balance")
"""Counts as stock only in a stream whose name says stock."""

RESERVED: Final = _set(
    "reserved qtyreserved reservedqty quantityreserved reservedquantity stockreserved "
    "reservedstock allocated qtyallocated committed quantitycommitted dipesan stokdipesan"
)

PLACES: Final = _list(
    "warehouse wh whs gudang location loc lokasi branch cabang store toko outlet shop depot depo "
    "site facility plant fulfillmentnode fulfilmentnode distributioncenter stocklocation "
    "inventorylocation storagelocation inventorysource"
)
SHELVES: Final = _list("bin binlocation rack rak shelf aisle lot serial pallet")
NOT_A_PLACE: Final = _set(
    "type tipe jenis status address alamat url phone email city kota country region count date "
    "total at updated created by manager owner currency timezone domain title"
)
"""What follows a place's noun without being that place's name, affixes apart."""
AFFIXES: Final = _list("id code kode name nama no nomor number num key ref uuid guid gid")


def _with_affixes(nouns: tuple[str, ...]) -> frozenset[str]:
    affixes = ["", *AFFIXES]
    return frozenset(
        before + noun + after for before, noun, after in product(affixes, nouns, affixes)
    )


LOCATION: Final = _with_affixes(PLACES) | {"sourcecode", "warehouseclientid"}
LOCATION_LISTS: Final = frozenset(f"{noun}s" for noun in PLACES) | {"branches", "facilities"}
SHELF: Final = _with_affixes(SHELVES) | {"batch", "batchno", "batchnumber", "batchcode", "nobatch"}
"""Finer than a location: what stands there is only a part of the location's stock."""

SAYS_STOCK: Final = ("stock", "stok", "inventor", "availab", "persediaan", "ketersediaan")
"""What a word of a stream's name begins with, if the stream is one of stock."""

SAYS_PLACE: Final = _set("warehouse gudang cabang branch outlet depot")
"""What in a stream's name may mean that it holds the stock of one place."""

NOT_STOCK_BEGINNINGS: Final = _list(
    "sales saleline lineitem safety minimum maximum threshold alert cart basket wishlist "
    "return refund reserv alloc forecast demand request quot picking shipment shipping deliver "
    "receipt receiv incoming outgoing inbound outbound event audit masuk keluar pengaman "
    "keranjang retur"
)
NOT_STOCK_PARTS: Final = _list(
    "order purchase movement transaction adjust histor transfer delta change invoice ledger "
    "journal pesan penjualan pembelian mutasi transaksi riwayat penyesuaian pergerakan "
    "perpindahan faktur pengiriman penerimaan permintaan perubahan selisih jurnal"
)
NOT_STOCK_WORDS: Final = _set("sale line log logs min max moves moved jual beli nota")
DELTA_WORDS: Final = _set(
    "change changes changed diff difference variance moved incoming outgoing masuk keluar "
    "plus minus increment decrement"
)
DELTA_PARTS: Final = _list("delta adjust selisih perubahan penyesuaian movement mutasi")
DOCUMENTS: Final = _set(
    "order orders invoice transaction movement cart shipment receipt pesanan pembelian penjualan "
    "transaksi mutasi faktur"
)


class Column(msgspec.Struct, frozen=True):
    """A column as a SCHEMA declares it, and how its name reads.

    Attributes:
        name: As written, without a BOM: what a path would say.
        types: The JSON types that it may have, `null` apart; empty where none is declared.
    """

    name: str
    schema: Any
    types: frozenset[str]

    @property
    def spelling(self) -> str:
        """The name's words, run together."""
        return "".join(words(self.name))

    @property
    def is_scalar(self) -> bool:
        """Whether it can hold a number, a code or a name (a date-time cannot)."""
        if isinstance(self.schema, dict) and "date" in str(self.schema.get("format", "")):
            return False
        return not self.types or bool(self.types & SCALARS)


@lru_cache(maxsize=4096)
def words(name: str) -> tuple[str, ...]:
    """Split a name at separators and at changes of case: ``qtyOnHand`` is qty, on, hand."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name.strip(BOM))
    return tuple(word.casefold() for word in re.split(r"[\W_]+", spaced) if word)


def columns(schema: Any) -> list[Column]:
    """List the columns of a stream, or of a nested object; whatever is no schema has none."""
    return [
        Column(name.removeprefix(BOM), column, frozenset(_types(column, DEPTH)) - {"null"})
        for name, column in _properties(schema).items()
        if not name.removeprefix(BOM).startswith("_sdc_")
    ]


def nested(column: Column) -> list[Column]:
    """List the columns of the objects that stand in a column, by themselves or in a list."""
    return [inner for schema in _alternatives(column.schema, DEPTH) for inner in columns(schema)]


def has_path(schema: Any, path: str) -> bool:
    """Tell whether a schema declares ``column.inner``, through lists and objects alike."""
    name, _, rest = path.partition(".")
    properties = _properties(schema)
    if not rest or name not in properties:
        return name in properties
    return any(has_path(inner, rest) for inner in _alternatives(properties[name], DEPTH))


def _properties(schema: Any) -> Mapping[str, Any]:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    return properties if isinstance(properties, dict) else {}


def _alternatives(schema: Any, depth: int) -> Iterator[Any]:
    """Yield a schema, what a list of it holds, and each of its `anyOf`."""
    if not isinstance(schema, dict) or not depth:
        return
    yield schema
    branches = [schema.get("items")]
    for key in ("anyOf", "oneOf", "allOf"):
        branches += schema[key] if isinstance(schema.get(key), list) else []
    for branch in branches:
        yield from _alternatives(branch, depth - 1)


def _types(schema: Any, depth: int) -> Iterator[str]:
    if not isinstance(schema, dict) or not depth:
        return
    declared = schema.get("type")
    for kind in declared if isinstance(declared, list) else [declared]:
        if isinstance(kind, str):
            yield kind
    for key in ("anyOf", "oneOf", "allOf"):
        for branch in schema[key] if isinstance(schema.get(key), list) else []:
            yield from _types(branch, depth - 1)


def is_delta(name: str) -> bool:
    """Tell whether a column's name says that it holds a change, not a stock."""
    found = words(name)
    if found and found[-1] in {"in", "out"}:
        return True
    return bool(DELTA_WORDS & set(found)) or any(part in "".join(found) for part in DELTA_PARTS)


def is_document(name: str) -> bool:
    """Tell whether a column names the order, invoice or movement that its row belongs to."""
    found = words(name)
    ends = {found[0], found[-1]} if found else set()
    return bool(set(found) & DOCUMENTS) and bool(ends & set(AFFIXES))


def not_stock_word(stream: str) -> str | None:
    """Find the word in a stream's name for which it is never recognised."""
    found = words(stream)
    for word in found:
        if word in NOT_STOCK_WORDS or word.endswith(("lines", "sales")):
            return word
        if word.startswith(NOT_STOCK_BEGINNINGS):
            return word
    joined = "".join(found)
    if found and found[-1] in {"in", "out"}:
        return found[-1]
    return next((part for part in NOT_STOCK_PARTS if part in joined), None)


def says_stock(stream: str) -> bool:
    """Tell whether a stream's name says that its quantities are stock."""
    return any(word.startswith(SAYS_STOCK) for word in words(stream))


def says_place(stream: str) -> bool:
    """Tell whether a stream's own name, after a schema's prefix, speaks of a place."""
    return bool(SAYS_PLACE & set(words(stream.partition("-")[2] or stream)))
