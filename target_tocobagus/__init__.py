"""Singer target that sends stock to the Tocobagus (Toco) partner API."""

__version__ = "0.2.0"
