"""The channels: ways to a person other than an ordinary text message."""

from schemas.documented_enum import DocumentedEnum


class Channel(DocumentedEnum):
    """How a message reaches a person, if not as a text message."""

    MAIL = "mail", "e-mail, to the address that the directory has for the client"
    BOT = "bot", "a chat with our bot in Telegram"
    HLR = "hlr", "a question to the network about the number; nothing reaches the phone"
    PING = "ping", "a text that the phone doesn't show, which tells whether it can be reached"
    MMS = "mms", "a multimedia message, through an SMS centre that offers it"
    CALL = "call", "a call that reads the text aloud, through an SMS centre that offers it"
    VIBER = "viber", "Viber, through an SMS centre that offers it"
    SOC = "soc", "social networks, through an SMS centre that offers it"
