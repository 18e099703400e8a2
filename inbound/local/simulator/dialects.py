"""Receipt dialects: formats of delivery receipts that real SMS centres use.

SMPP 3.4 defines the receipt's text only as an example (appendix B) and its TLVs as optional
(4.6.1), so formats differ. Every dialect here is in use somewhere.
"""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from inbound.smpp.receipt_building import STATES


class ReceiptDialect(BaseModel):
    """One format of receipts and message ids."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Literal["deliver_sm", "data_sm"] = Field(
        default="deliver_sm", description="the PDU that carries a receipt"
    )
    text: Literal["standard", "hlr", "none"] = Field(
        default="standard",
        description="appendix B; or with imsi, msc, mcc, mnc and networks; or no text",
    )
    tlvs: bool = Field(default=True, description="receipted_message_id and message_state")
    network_error: bool = Field(default=False, description="the TLV network_error_code too")
    date_digits: Literal[10, 12] = Field(default=10, description="12: dates with seconds")
    err: Literal["decimal", "hex"] = Field(default="decimal", description="069, or 0x45")
    answer_id: Literal["hex", "decimal"] = Field(
        default="hex", description="how the submit_sm_resp writes a message id"
    )
    receipt_id: Literal["hex", "decimal"] = Field(
        default="hex", description="how the receipt writes the same id"
    )
    id_width: int = Field(
        default=0, ge=0, le=64, description="zeros in front of a receipt's id, up to this width"
    )
    per: Literal["part", "message"] = Field(
        default="part",
        description="one receipt and id for each part of a long message, or for all of it",
    )


STANDARD: Final = "standard"
DIALECTS: Final[dict[str, ReceiptDialect]] = {
    STANDARD: ReceiptDialect(),
    "tlv": ReceiptDialect(text="none"),
    "text": ReceiptDialect(tlvs=False),
    "text-seconds": ReceiptDialect(tlvs=False, date_digits=12),
    "hlr": ReceiptDialect(text="hlr", network_error=True),
    "err-hex": ReceiptDialect(tlvs=False, err="hex"),
    "id-decimal": ReceiptDialect(tlvs=False, receipt_id="decimal"),
    "id-hex": ReceiptDialect(tlvs=False, answer_id="decimal"),
    "id-padded": ReceiptDialect(tlvs=False, id_width=20),
    "data-sm": ReceiptDialect(by="data_sm"),
    "whole": ReceiptDialect(per="message"),
}


def _state(word: str) -> str:
    if word and word not in STATES:
        raise ValueError(f"unknown state {word!r}; choose one of {', '.join(STATES)}")
    return word


class ReceiptPlan(BaseModel):
    """How a fault changes the receipt of one message.

    With a `state` other than DELIVRD, ENROUTE and ACCEPTD the phone does not get the
    message, as the receipt says.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    dialect: str = Field(default="", description="its dialect, by name")
    late_s: float = Field(default=0.0, ge=0, description="delay in seconds")
    doubled: bool = Field(default=False, description="sent twice")
    before_answer: bool = Field(default=False, description="sent before the submit_sm_resp")
    lost: bool = Field(default=False, description="never sent")
    state: Annotated[str, AfterValidator(_state)] = Field(default="", description="its `stat`")
    err: str = Field(default="", max_length=10, description="its `err`, verbatim")

    @property
    def delivered(self) -> bool:
        """Whether the message reaches its phone."""
        return self.state in {"", "DELIVRD", "ENROUTE", "ACCEPTD"}


DEFAULT_PLAN: Final = ReceiptPlan()
