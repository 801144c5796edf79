"""The command `target-tocobagus`, also as `python -m target_tocobagus`."""

from __future__ import annotations


def main() -> None:
    """Run the target; see `target-tocobagus --help`."""
    from target_tocobagus.target import TargetTocobagus

    TargetTocobagus.cli(prog_name="target-tocobagus")


if __name__ == "__main__":
    main()
