"""One run: its stages wired together, and the place where the main thread waits."""
