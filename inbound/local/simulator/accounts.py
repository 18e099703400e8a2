"""Loads the simulator's accounts from a TOML file with `[[account]]` tables."""

import os
from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from inbound.errors import SetupError
from inbound.local.simulator import _toml
from inbound.local.simulator.router import digits
from inbound.local.simulator.settings import PHONE, SimulatorAccount

_Number = Annotated[str, Field(pattern=r"^\+?[0-9]{3,20}$")]


class AccountTable(BaseModel):
    """One account. `password_env` names the environment variable with its password."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    system_id: str = Field(min_length=1, max_length=15)
    password: str = Field(default="", max_length=8, repr=False)
    password_env: str = ""
    numbers: tuple[_Number, ...] = Field(min_length=1)
    rate: float = Field(default=0.0, ge=0)
    window: int = Field(default=0, ge=0, le=10_000)
    dialect: str = ""

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if bool(self.password) == bool(self.password_env):
            raise ValueError("set either password or password_env")
        if self.system_id == PHONE:
            raise ValueError(f'system_id "{PHONE}" is reserved for phones; choose another')
        return self

    def account(self, path: Path) -> SimulatorAccount:
        """Return the account. Raises `SetupError` when `password_env` is not set."""
        password = self.password or os.environ.get(self.password_env, "")
        if not password:
            raise SetupError(
                f"{path}: account {self.system_id}: the environment variable"
                f" {self.password_env} (password_env) is not set"
            )
        first, *more = self.numbers
        return SimulatorAccount(
            self.system_id, password, first, self.rate, self.window, self.dialect, tuple(more)
        )


class AccountsFile(BaseModel):
    """The whole file."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    account: tuple[AccountTable, ...] = Field(min_length=1)


def load_accounts(path: Path) -> tuple[SimulatorAccount, ...]:
    """Load a file. Blocks. Raises `SetupError` that names the account and the field."""
    accounts = tuple(table.account(path) for table in _toml.load(path, AccountsFile).account)
    names = [account.system_id for account in accounts]
    numbers = [digits(number) for account in accounts for number in account.numbers]
    for what, values in (("system_id", names), ("number", numbers)):
        if len(set(values)) < len(values):
            raise SetupError(f"{path}: two accounts have the same {what}")
    return accounts
