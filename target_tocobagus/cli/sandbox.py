"""``tocobagus sandbox``: stand in for the partner API on this machine.

The sandbox is another program; all that is here is its name among the commands. Its own module
imports the server only when the command runs.
"""

from target_tocobagus.sandbox.command import sandbox

__all__ = ["sandbox"]
