"""Lets ``python -m target_tocobagus.sandbox`` start the sandbox."""

from target_tocobagus.sandbox.command import sandbox

if __name__ == "__main__":
    sandbox(prog_name="python -m target_tocobagus.sandbox")
