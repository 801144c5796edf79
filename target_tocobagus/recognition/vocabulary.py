"""Words in names of streams and columns, in English, Indonesian, Malay, Spanish and German.

A name is split into words, without case, accents, separators or a BOM: `qtyOnHand`, `qty_on_hand`
and `QTY ON HAND` are the same three, and `kodegudang` or `Lagerbestand` are two each. Nothing here
causes a stream to be sent: the words decide which mapping is drafted, and what its user is asked.
So a longer list makes drafts better and never sends more.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final

from target_tocobagus.mapping.values import BOM


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


def _list(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Identifiers

SKU: Final = _set("sku skus msku")
ARTICLE: Final = _set(
    "item items product products produk barang brg art article articles artikel articulo producto "
    "variant variants variante varian variasi material part goods stockcode"
)
CODE: Final = _set(
    "code kode kod kd codigo cod number nummer num no nomor nomer nr numero ref reference "
    "referencia clave key"
)
BARCODE: Final = _set("barcode barras strichcode ean ean13 upc gtin isbn asin fnsku jan plu")
ID: Final = _set("id uuid guid gid uid")
NOT_THE_ITEM: Final = _set(
    "system manufacturer supplier vendor parent master channel fulfillment fulfilment name nama "
    "count type tipe family group category brand customer account tax image url alias bundle "
    "component option price list"
)
OWN: Final = _set("seller merchant custom my internal own our toko")

# Quantities

AVAILABLE: Final = _set(
    "available availability avail tersedia disponible disponibles disponibilidad verfugbar "
    "verfugbarer sellable fulfillable salable saleable atp ats buyable"
)
FREE: Final = _set("free frei freier libre")
"""Available only beside a word for stock or quantity."""
FINAL: Final = _set("akhir saldo sisa tersisa baki balance final ending closing restante")
ON_HAND: Final = _set("onhand qoh soh hand physical fisik existencias existencia")
STOCK: Final = _set(
    "stock stocks stok inventory inventories inventario persediaan ketersediaan bestand bestande "
    "inv"
)
QUANTITY: Final = _set(
    "quantity quantities qty jumlah jml kuantitas kuantiti kuantitatif cantidad cant menge anzahl "
    "units unidades count pcs bilangan stuck"
)
TOTAL: Final = _set("total gesamt totals")
NO_QUANTITY: Final = _set(
    "reserved reserviert reservado reserve allocated committed incoming inbound outbound outgoing "
    "ordered order orders backordered backorder backorders min max minimum maximum minimal minimo "
    "maximo mindest safety pengaman reorder threshold buffer target forecast projected planned "
    "initial opening awal masuk keluar anfang pending unsellable transit adjusted adjustment delta "
    "change changed difference diff selisih penyesuaian perubahan movement mutasi moved plus minus "
    "increment decrement variance sold terjual refunded returned shipped received receiving "
    "invoiced value nilai average avg aged age excess recommended price harga preis precio cost "
    "rate old id uuid code kode type tipe status date tanggal time url name nama unit uom "
    "satuan currency account weight volume size days lead per tax percent limit allow allowed "
    "allows policy track tracked tracks tracking manage managed manages management is has "
    "enabled note description reason researching future unavailable damaged rusak defective "
    "quarantine hold blocked gl asset case carton box lot last sync synced updated created "
    "low selamat apartado apartados dipesan pesan bestellt pedido jual beli message alert format "
    "working valuation turnover mode control keeping rule source reference variations start"
)

RESERVED: Final = _set(
    "reserved reserve reserviert reservado reservados allocated committed booked dipesan pesan "
    "apartado apartados bestellt"
)
UNITS: Final = _set(
    "dus kg gram gr liter ltr pack pak lusin kodi meter roll current new old all total optional"
)
"""Words in brackets behind a quantity that name a unit or a state, and no place."""

# Places

PLACES: Final = _set(
    "warehouse warehouses wh whs whse gudang gdg location locations loc lokasi branch branches "
    "cabang cawangan store stores toko outlet outlets shop shops depot depo depots site sites "
    "facility facilities plant plants node nodes center centre hub almacen almacenes bodega "
    "sucursal deposito tienda lager lagerort filiale standort standorte ort werk werks lgort "
    "subinventory sede"
)
REGIONS: Final = _set("country city kota region area zone negara pais ciudad land stadt wilayah")
SALES_PLACES: Final = _set("channel marketplace kanal canal")
OF_PLACES: Final = _set("storage fulfillment fulfilment distribution client")
AFFIXES: Final = CODE | ID | _set("name nama nombre bezeichnung client")
NAMES: Final = _set("name nama nombre bezeichnung title description")

# Doubts

PART: Final = _set(
    "bin rack rak shelf aisle slot lot lots serial serials pallet batch batches expiry "
    "expiration expires exp kadaluarsa kedaluwarsa kadaluwarsa luput lote caducidad charge "
    "lagerplatz verfall mhd lpn container zone"
)
CONDITION: Final = _set(
    "condition kondisi keadaan disposition quality grade damaged rusak defective unsellable "
    "quarantine karantina hold blocked status state estado zustand keterangan"
)
DOUBTS: Final[dict[str, frozenset[str]]] = {
    "a place": PLACES | REGIONS | SALES_PLACES,
    "a part of the stock": PART,
    "a condition": CONDITION,
    "tracking": _set(
        "track tracked tracks tracking manage managed manages management unlimited infinite "
        "unlimitedstock virtual service jasa backorder backorders policy bundle kit type jenis tipe"
    ),
    "a row's life": _set(
        "deleted removed archived inactive active aktif discontinued hidden enabled disabled "
        "published draft"
    ),
    "a day": _set(
        "date tanggal tgl tarikh fecha datum day month week year period snapshot asof effective"
    ),
    "an owner": _set(
        "owner supplier vendor pemasok pembekal proveedor lieferant company perusahaan consignor "
        "customer account tenant subsidiary mandant"
    ),
    "a variant": _set(
        "size color colour ukuran warna saiz talla farbe option variant variante varian variasi "
        "variation style model"
    ),
}
DECIDING: Final = PLACES.union(
    *(DOUBTS[what] for what in ("a part of the stock", "a condition", "tracking", "a row's life"))
)
"""Words of columns that may split a stock, or leave rows out of it."""

TRACKED: Final = _set("track tracked tracks manage managed manages")
UNTRACKED: Final = _set("unlimited infinite virtual unlimitedstock service")
GONE: Final = _set("deleted archived removed")
MOMENT: Final = _set("at time date on")
GOOD: Final = _set("sellable in_stock instock available good baik normal")
"""Values of a condition that mean that the stock can be sold."""

# Streams

SAYS_STOCK: Final = _list(
    "stock stok inventor inventar availab persediaan ketersediaan existencia bestand lager"
)
"""Beginnings of words in the names of streams with stock."""

SAYS_ITEMS: Final = _set(
    "product products produk producto productos item items barang listing listings variant "
    "variants variations artikel articulos catalog catalogue katalog sku skus merchandise"
)
"""Words of streams of items, in which a quantity is usually the stock."""

NATIVE_NAMES: Final = _set(
    "stock stok inventory persediaan item items product products produk barang variant variants "
    "level levels sku current data list export sheet1 public dbo"
)
NEUTRAL_NAMES: Final = NATIVE_NAMES | _set(
    "stocks inventories quantity quantities qty available availability report api v1 v2 all of by "
    "and the on hand tap csv table laporan inventario existencias bestand"
)

NEVER_BEGINNINGS: Final = _list(
    "sales saleline lineitem safety minimum maximum threshold alert cart basket wishlist "
    "return refund reserv alloc forecast demand request quot picking shipment shipping deliver "
    "receipt receiv incoming outgoing inbound outbound event audit masuk keluar pengaman "
    "keranjang retur subscription reimburse replenish valuation stocktak opname discount "
    "campaign customer payment charge bestellung auftrag rechnung lieferung verkauf "
    "retoure umsatz pedido venta compra movimiento histor factura ajuste devolucion jualan"
)
NEVER_PARTS: Final = _list(
    "order purchase movement transaction adjust histor transfer delta change invoice ledger "
    "journal pesan penjualan pembelian mutasi transaksi riwayat penyesuaian pergerakan "
    "perpindahan bewegung faktur pengiriman penerimaan permintaan perubahan selisih jurnal"
)
NEVER_WORDS: Final = _set(
    "sale line lines log logs min max moves moved jual beli nota plan plans fee fees price prices "
    "assembly assemblies removal removals count counts supplier suppliers bill bills harga "
    "precios preise in out"
)
DOCUMENTS: Final = _set(
    "order orders invoice transaction movement cart shipment receipt pesanan pembelian penjualan "
    "transaksi mutasi faktur pedido factura auftrag rechnung"
)

_PHRASES: Final = {
    ("siap", "jual"): "sellable",
    ("bisa", "dijual"): "sellable",
    ("dapat", "dijual"): "sellable",
}
_LINKS: Final = _set("de del der des")
"""Words that only join others, between them; at the end of a name ``de`` is a country."""
_WRAPPERS: Final = _set("attributes data node fields properties record document value")
_SPLIT: Final = (
    SKU | ARTICLE | CODE | ID | AVAILABLE | FREE | FINAL | ON_HAND | STOCK | QUANTITY | TOTAL
    | PLACES | NAMES | _set("reserved min max mindest on in awal satuan level total client is to")
)  # fmt: skip
"""Words that are also found inside names without separators."""


@lru_cache(maxsize=1 << 14)
def words(name: str) -> tuple[str, ...]:
    """Split a name at separators and at changes of case: ``qtyOnHand`` is qty, on, hand."""
    plain = name.strip(BOM)
    if not plain.isascii():
        letters = unicodedata.normalize("NFKD", plain)
        plain = "".join(char for char in letters if not unicodedata.combining(char))
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", plain)
    return tuple(word.casefold() for word in re.split(r"[\W_]+", spaced) if word)


@lru_cache(maxsize=1 << 14)
def tokens(*names: str) -> tuple[str, ...]:
    """List the words of a path, also those without separators, without wrappers."""
    around = [word for name in names[:-1] for word in words(name) if word not in _WRAPPERS]
    own = [word for name in names[-1:] for word in words(name)]
    if "".join(own) == "stockkeepingunit":
        return ("sku",)
    own = [*own[:1], *(word for word in own[1:-1] if word not in _LINKS), *own[1:][-1:]]
    return _joined([part for word in (*around, *own) for part in _parts(word)])


def _joined(found: list[str]) -> tuple[str, ...]:
    """Put one word in place of several that mean it together."""
    for phrase, word in _PHRASES.items():
        length = len(phrase)
        for start in range(len(found) - length + 1):
            if tuple(found[start : start + length]) == phrase:
                found[start : start + length] = [word]
    return tuple(found)


def _parts(word: str) -> tuple[str, ...]:
    """Split a word that consists of known words only; longer ones are tried first."""
    if word in _SPLIT or word in NO_QUANTITY:
        return (word,)
    for end in range(len(word) - 2, 1, -1):
        if word[:end] in _SPLIT:
            rest = word[end:]
            after = (rest,) if rest in _SPLIT else _parts(rest)
            if all(part in _SPLIT for part in after):
                return (word[:end], *after)
    return (word,)


def never_asked(stream: str) -> str | None:
    """Find the word in a stream's name that excludes it from stock."""
    found = words(stream)
    for word in found:
        if word in NEVER_WORDS - {"in", "out"} or word.endswith(("lines", "sales")):
            return word
        if word.startswith(NEVER_BEGINNINGS):
            return word
    if found and found[-1] in {"in", "out"}:
        return found[-1]
    joined = "".join(found)
    return next((part for part in NEVER_PARTS if part in joined), None)


def says_stock(name: str) -> bool:
    """Whether the name of a stream or a list means that its quantities are stock."""
    return any(word.startswith(SAYS_STOCK) or word in SAYS_ITEMS for word in words(name))


def may_hold_stock(column: str) -> bool:
    """Whether a column may be a quantity of stock, or that of one location, by its name."""
    return not _SAYS_QUANTITY.isdisjoint(tokens(column))


_SAYS_QUANTITY: Final = STOCK | ON_HAND | AVAILABLE | QUANTITY | PLACES
