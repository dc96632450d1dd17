"""The meaning of LMDB's errors in an environment that holds a model's tables."""

from __future__ import annotations

from typing import Final

from comity.engine.errors import ModelDamaged, ModelInUse, NotReady, ReadModelError
from comity.engine.lmdb.meaning import Meaning

MODEL: Final = Meaning(
    damaged=ModelDamaged,
    foreign=ModelDamaged,
    barred=ModelDamaged,
    in_use=ModelInUse,
    crowded=ReadModelError,
    gone=NotReady,
    mend="have its domain build the model anew",
    find="ask again, or open its domain",
)
