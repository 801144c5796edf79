"""The sandbox's description of itself, as OpenAPI 3.1 data.

It says what the sandbox does, which goes beyond what is documented of the real API: statuses and
most codes are the sandbox's own. What a scenario makes go wrong is not in it.
"""

from typing import Any

from target_tocobagus.sandbox import BASE_PATH, VIEWS_PATH
from target_tocobagus.sandbox.items import MAX_STOCK

Json = dict[str, Any]


def _ref(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: Json, *, closed: bool = False) -> Json:
    schema: Json = {
        "type": "object",
        "properties": properties,
        "required": list(properties),
    }
    if closed:
        schema["additionalProperties"] = False
    return schema


def _array(items: Json) -> Json:
    return {"type": "array", "items": items}


def _answer(description: str, schema: Json) -> Json:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


_TEXT = {"type": "string", "minLength": 1}
_STOCK = {"type": "integer", "minimum": 0, "maximum": MAX_STOCK}
_UUID = {"type": "string", "format": "uuid"}
_COUNT = {"type": "integer", "minimum": 0}
_LEVEL = _object({"clientId": _TEXT, "stock": _STOCK}, closed=True)


def _item(kind: str, stock: Json) -> Json:
    return _object({kind: _TEXT, **stock}, closed=True)


_FORMS: tuple[Json, ...] = (
    {"stock": _STOCK},
    {"stock": _STOCK, "warehouses": {**_array(_TEXT), "minItems": 1, "uniqueItems": True}},
    {"warehouses": {**_array(_LEVEL), "minItems": 1}},
)
_ITEM: Json = {
    "description": "A row that is accepted, unless its product does not exist.",
    "oneOf": [_item(kind, form) for kind in ("sku", "id", "externalId") for form in _FORMS],
}
_UPDATE: Json = {
    **_object(
        {
            "items": {
                "type": "array",
                "minItems": 1,
                "description": "A row that is no Item is refused by itself; the others go on.",
                "items": {"anyOf": [_ref("Item"), {}]},
            },
        }
    ),
    "example": {"items": [{"sku": "SKU-GRY-XL", "stock": 200}]},
}
_FAILURE = _object(
    {
        "success": {"const": False},
        "error": _object(
            {
                "code": _TEXT,
                "message": {"type": "string"},
                "details": _object(
                    {
                        "timestamp": {"type": "string", "format": "date-time"},
                        "hint": {"type": "string"},
                        "context": {"type": "object"},
                    }
                ),
            }
        ),
        "requestId": _UUID,
    }
)
_ACCEPTED = {
    **_object({"rowIndex": _COUNT, "target": _TEXT, "id": _UUID, "externalId": _UUID}),
    "description": "The ids are the platform's own; rowIndex alone says which row was meant.",
}
_ERROR = _object(
    {"code": _TEXT, "message": {"type": "string"}, "rowIndex": _COUNT, "details": {}},
)
_SETTLED = _object(
    {
        "success": {"const": True},
        "message": {"type": "string"},
        "requestId": _UUID,
        "meta": _object(
            {
                "timestamp": {"type": "string", "format": "date-time"},
                "durationMs": _COUNT,
                "dispatch": {"type": "boolean"},
            }
        ),
        "data": _object(
            {
                "summary": _object({"total": _COUNT, "failed": _COUNT, "pending": _COUNT}),
                "acceptedRows": _array(_ACCEPTED),
                "errors": _array(_ERROR),
                "batchId": _UUID,
            }
        ),
    }
)
_PAGE = _object(
    {
        "success": {"const": True},
        "message": {"type": "string"},
        "data": _object(
            {
                "items": _array({"type": "object"}),
                "page": _COUNT,
                "limit": _COUNT,
                "total": _COUNT,
            }
        ),
    }
)


def _query(name: str, most: int) -> Json:
    schema = {"type": "integer", "minimum": 1, "maximum": most}
    return {"name": name, "in": "query", "schema": schema}


_REFUSALS = {
    "400": _answer("REQ_001, REQ_004: the body or the query is not of the form.", _ref("Failure")),
    "401": _answer("AUTH_…: a header is missing, unknown, too old or wrong.", _ref("Failure")),
}
_UPDATE_STOCK: Json = {
    "operationId": "updateStock",
    "summary": "Set stock, row by row",
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": _ref("Update")}},
    },
    "responses": {
        "200": _answer("Each row is in one of the two lists.", _ref("Settled")),
        **_REFUSALS,
        "415": _answer("REQ_002: the content type is not JSON.", _ref("Failure")),
    },
}
_LIST_PRODUCTS: Json = {
    "operationId": "listProducts",
    "summary": "Read products, page by page",
    "parameters": [_query("page", 10**9), _query("limit", 100)],
    "responses": {"200": _answer("A page.", _ref("Page")), **_REFUSALS},
}


def _view(name: str, description: str, schema: Json) -> Json:
    operation = {
        "operationId": name,
        "summary": description,
        "security": [],
        "responses": {"200": _answer(description, schema)},
    }
    return {"get": operation}


_LEVEL_SHOWN = _object(
    {
        "store": _TEXT,
        "kind": {"enum": ["sku", "id", "externalId"]},
        "identifier": _TEXT,
        "warehouse": {"type": ["string", "null"]},
        "stock": _STOCK,
    }
)
_SECURITY = {
    "partner": "x-partner-client-id",
    "store": "x-store-client-id",
    "token": "x-store-token",
    "timestamp": "x-timestamp",
    "signature": "x-signature",
}

DOCUMENT: Json = {
    "openapi": "3.1.0",
    "info": {
        "title": "Sandbox of the Tocobagus partner API",
        "version": "1",
        "description": (
            "A stand-in for tests, not the platform's own description. "
            "What changes the sandbox itself (POST reset, POST scenario) is left out."
        ),
    },
    "paths": {
        f"{BASE_PATH}/partner/stores/inventory": {"patch": _UPDATE_STOCK},
        f"{BASE_PATH}/partner/stores/products": {"get": _LIST_PRODUCTS},
        f"{VIEWS_PATH}/health": _view("health", "Counts.", {"type": "object"}),
        f"{VIEWS_PATH}/stock": _view("stock", "Every level.", _array(_LEVEL_SHOWN)),
        f"{VIEWS_PATH}/requests": _view("requests", "Requests.", _array({"type": "object"})),
        f"{VIEWS_PATH}/batches": _view("batches", "Batches.", _array({"type": "object"})),
        f"{VIEWS_PATH}/history": _view("history", "Updates, in order.", {"type": "object"}),
        f"{VIEWS_PATH}/scenario": _view("scenario", "What it is told to do.", {"type": "object"}),
    },
    "security": [{name: [] for name in _SECURITY}],
    "components": {
        "schemas": {
            "Item": _ITEM,
            "Update": _UPDATE,
            "Settled": _SETTLED,
            "Page": _PAGE,
            "Failure": _FAILURE,
        },
        "securitySchemes": {
            name: {"type": "apiKey", "in": "header", "name": header}
            for name, header in _SECURITY.items()
        },
    },
}
