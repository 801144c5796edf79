"""What can be found on this machine: in the settings, the mappings, the file of rejected rows."""

from __future__ import annotations

from target_tocobagus.cli.check.advice import Diagnosis, Row


class Setup(Diagnosis):
    """Whether a run would start, and with what."""

    SETTINGS_VALID = Row("settings", "ok", "{source}: {count}, all valid.")
    SETTINGS_DOUBTFUL = Row(
        "settings",
        "attention",
        "A run would start with {source}, and yet:",
        "Mend what is not meant so.",
    )
    SETTINGS_INVALID = Row(
        "settings",
        "wrong",
        "A run would not start with {source}:",
        "Mend what is named; `target-tocobagus --about --format=markdown` describes each setting.",
    )

    MAPPINGS_USABLE = Row("mappings", "ok", "`streams`: {count}, fit for use. {hint}")
    MAPPINGS_RECOGNISED = Row(
        "mappings", "ok", "`streams` is not set: a run takes what it recognises. {hint}"
    )
    MAPPINGS_DOUBTFUL = Row(
        "mappings",
        "attention",
        "A run would start with these mappings, and yet:",
        "Mend what is not meant so.",
    )
    MAPPINGS_INVALID = Row(
        "mappings",
        "wrong",
        "A run would not start with these mappings:",
        "Mend what is named; examples stand in the README.",
    )
    FILE_MAPPED = Row("mappings", "ok", "{file}:")
    FILE_DOUBTFUL = Row(
        "mappings",
        "attention",
        "A run would go through with {file}, and yet:",
        "See each mapping with its first records:",
    )
    FILE_FAILS = Row(
        "mappings",
        "wrong",
        "A run would fail with {file}:",
        "See each mapping with its first records:",
    )
    FILE_UNMAPPED = Row(
        "mappings",
        "wrong",
        "A run would send nothing of {file}:",
        "Draft mappings for its streams:",
    )
    MAPPING_UNUSED = Row(
        "mappings",
        "attention",
        "Some mappings have nothing to do:",
        "Compare the names with those of the tap's SCHEMA messages.",
    )
    FILE_EMPTY = Row(
        "mappings",
        "wrong",
        "{file} holds no SCHEMA of a Singer stream, and is no catalog.",
        "Give what the tap writes to stdout, or its catalog.",
    )

    REJECTS_UNSET = Row(
        "rejects", "ok", "rejects_path is not set: rejected rows go to the log alone."
    )
    REJECTS_WRITABLE = Row("rejects", "ok", "{path} can be appended to.")
    REJECTS_CREATABLE = Row("rejects", "ok", "{path} is not there, and can be made.")
    REJECTS_BUSY = Row(
        "rejects",
        "wrong",
        "A run is writing to {path}, and a second one would be refused.",
        "Let it end first, or give each run a file of its own.",
    )
    REJECTS_FOREIGN = Row(
        "rejects",
        "wrong",
        "{path} holds something else than rejected rows, and a run refuses it.",
        "Name another file in rejects_path.",
    )
    REJECTS_NO_FILE = Row(
        "rejects",
        "wrong",
        "{path} is no regular file.",
        "Name a file in rejects_path; it is made where there is none.",
    )
    REJECTS_UNWRITABLE = Row(
        "rejects",
        "wrong",
        "{path} cannot be written ({reason}), and a run would not start.",
        "Give whoever runs the target the right to write there, or name another place in"
        " rejects_path.",
    )
