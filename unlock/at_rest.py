"""What the server must be able to read again, and a thief of the database must not: sealed in its
column under KIM_FIELD_KEY. Nothing that opens a file is among it; that the server never has.

Whoever seals here names the column in ``kim.sealed``, or a change of the key would lose it.
"""

from __future__ import annotations

from payments.field_keys import renewed, seal, unseal

__all__ = ["renewed", "seal", "unseal"]
