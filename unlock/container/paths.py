"""The Merkle path of one segment: that it belongs to a ``content_id``, without the rest of the index.

The tree is that of ``layout.merkle_root``: a node without a neighbour rises unchanged, so a path has
at most one hash for each level, and which side each stands on follows from the segment's number.
"""

import hashlib
from collections.abc import Sequence

from unlock.container.layout import INDEX_ROW_BYTES, CoreHeader, Index, leaf_hash
from unlock.errors import Damaged

HASH_BYTES = 32


def path_of(core: CoreHeader, index: Index, segment: int) -> tuple[bytes, ...]:
    """The neighbours of segment ``segment`` on its way to the root, from the leaf up."""
    level = [
        leaf_hash(core, number, index.rows[number * INDEX_ROW_BYTES :][:INDEX_ROW_BYTES])
        for number in range(core.segments)
    ]
    path, at = [], segment
    while len(level) > 1:
        if at ^ 1 < len(level):
            path.append(level[at ^ 1])
        pairs = zip(level[::2], level[1::2], strict=False)
        above = [_node(left, right) for left, right in pairs]
        level = above + level[len(above) * 2 :]
        at //= 2
    return tuple(path)


def root_from(core: CoreHeader, segment: int, row: bytes, path: Sequence[bytes]) -> bytes:
    """The root that ``row`` (segment hash 32 || kc 32) and its path lead to. Raises Damaged."""
    if not 0 <= segment < core.segments or len(row) != INDEX_ROW_BYTES:
        raise Damaged("There is no such segment.", segment=segment)
    at, count, rest = segment, core.segments, list(path)
    found = leaf_hash(core, segment, row)
    while count > 1:
        if at ^ 1 < count:
            if not rest or len(rest[0]) != HASH_BYTES:
                raise Damaged("The path is too short.", segment=segment)
            other = rest.pop(0)
            found = _node(other, found) if at & 1 else _node(found, other)
        at, count = at // 2, (count + 1) // 2
    if rest:
        raise Damaged("The path is too long.", segment=segment)
    return found


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()
