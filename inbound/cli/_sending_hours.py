"""The option `--hours` of commands."""

from pydantic import ValidationError

from inbound.errors import SetupError
from inbound.wording import both
from schemas.sending_hours import SendingHours


def sending_hours(text: str | None, zone: str) -> SendingHours | None:
    """Return the hours in `10:00-12:00`, in a zone; None without them. Raises SetupError."""
    if text is None:
        return None
    try:
        return SendingHours.parse(text, zone)
    except ValidationError as error:
        # Only the check of both has no place of its own: they may not be the same.
        are_equal = any(not one["loc"] for one in error.errors(include_url=False))
    except ValueError:
        are_equal = False
    if are_equal:
        raise SetupError(
            both(
                "--hours {text}: they end when they start; leave them out to send always",
                "--hours {text}: конец совпадает с началом; без этой опции отправка круглосуточная",
                text=text,
            )
        )
    raise SetupError(
        both(
            "--hours {text}: write the first and the last minute, such as 10:00-12:00",
            "--hours {text}: напишите первую и последнюю минуту, например 10:00-12:00",
            text=text,
        )
    )
