"""A use case that commands read: what it has at addresses and never landed is landed first."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from features.config.use_case import UseCase, load_use_case, origins_of


def landed_use_case(file: Path, home: Path) -> UseCase:
    """The use case in a TOML file, with a copy in the home of whatever lies elsewhere than in files.

    A copy that is there is read as it is: `penchant ingest` and the daily run bring it up to date.

    Raises:
        UseCaseError: The file has broken keys, or an extra or a variable is missing.
        DataError: Rows or columns are not as they should be.
        SourceUnavailableError: A source cannot be read now.
        SuppressionError: The list of the erased cannot be read.
        SourceRegisterError: The register of sources is damaged.
    """
    use_case = load_use_case(file, home)
    if all(one.path.exists() for one in origins_of(use_case)):
        return use_case
    from features.landing.ingest import ingest
    from features.landing.registered import register

    now = datetime.now(UTC)
    register(home, use_case, ingest(use_case, home, now), now)
    return load_use_case(file, home)
