"""The settings of the quotas: how many rows that strangers cause are stored (`[quotas]`)."""

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from inbound.store.quotas import Quotas

_MAX_PARTS = 255
_KILOBYTE, _MEGABYTE = 1_000, 1_000_000


class QuotaSettings(BaseModel):
    """Beyond a quota the oldest rows are dropped, a sender's own first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mo_backlog: int = Field(
        default=50_000,
        ge=100,
        le=80_000,
        description="MOs that may wait for the workers in each partition; further ones "
        "are refused with a temporary error, so the SMS centre keeps them",
    )
    receipt_backlog: int = Field(
        default=3_000,
        ge=100,
        le=3_000,
        description="batches of receipts that may wait in each partition; further receipts are "
        "refused with a temporary error",
    )
    parts: int = Field(
        default=100_000, ge=1_000, description="parts of long MOs that wait for others, at most"
    )
    parts_mb: int = Field(default=100, ge=1, description="megabytes of such parts at most")
    parts_per_sender: int = Field(
        default=512, ge=_MAX_PARTS, description="such parts of one number at most"
    )
    parts_kb_per_sender: int = Field(
        default=128, ge=64, description="kilobytes of such parts of one number at most"
    )
    early_receipts: int = Field(
        default=100_000, ge=1_000, description="receipts that wait for their message, at most"
    )
    early_receipts_mb: int = Field(
        default=50, ge=1, description="megabytes of such receipts at most"
    )
    early_receipts_per_sender: int = Field(
        default=200, ge=10, description="such receipts from one number at most"
    )
    early_receipts_kb_per_sender: int = Field(
        default=100, ge=10, description="kilobytes of such receipts from one number at most"
    )
    dead_letters_per_sender: int = Field(
        default=1_000,
        ge=1,
        description="dead letters of one number at most; further ones are dropped",
    )
    dead_letters_mb_per_sender: int = Field(
        default=10, ge=1, description="megabytes of dead letters of one number at most"
    )
    rejected_mos_per_hour: int = Field(
        default=10_000,
        ge=0,
        description="records of rejected MOs per hour at most; further ones are only counted",
    )
    rejected_mos_per_sender: int = Field(
        default=100, ge=0, description="such records of one number per hour at most"
    )

    def limits(self) -> "Quotas":
        """Return them as the store takes them."""
        # Imported here, as few commands need it.
        from inbound.store.quotas import Quota, Quotas

        return Quotas(
            Quota(
                self.parts,
                self.parts_mb * _MEGABYTE,
                self.parts_per_sender,
                self.parts_kb_per_sender * _KILOBYTE,
            ),
            Quota(
                self.early_receipts,
                self.early_receipts_mb * _MEGABYTE,
                self.early_receipts_per_sender,
                self.early_receipts_kb_per_sender * _KILOBYTE,
            ),
            self.rejected_mos_per_hour,
            self.rejected_mos_per_sender,
        )
