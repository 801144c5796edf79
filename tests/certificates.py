"""Certificates of an authority that only a test trusts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import trustme

if TYPE_CHECKING:
    from pathlib import Path


def issue(folder: Path, name: str = "127.0.0.1", **options: Any) -> tuple[Path, Path]:
    """Write a certificate's chain and key into a folder, and its authority's as `ca.pem`."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    issued = authority.issue_cert(name, **options)
    chain, key = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(b"".join(part.bytes() for part in issued.cert_chain_pems))
    key.write_bytes(issued.private_key_pem.bytes())
    return chain, key
