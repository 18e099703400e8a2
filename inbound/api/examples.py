"""What the examples of the OpenAPI document have in common."""

from typing import Any, Final

SUBJECT: Final = "5f0f1a52-6b5e-4a58-9df5-0c1f7a0f6c11"
ERASED: Final = "0b9d6f0e-2f0a-4c1c-8f39-7a5d4f7f3c02"
REQUEST: Final = "9d1f3a77-52c4-4be5-8f0e-2a6a4f1d9b10"
ORDER: Final = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
_STEP: Final[dict[str, Any]] = {
    "step": "arrived",
    "at": "2024-05-17T12:00:00.100000Z",
    "local": "2024-05-17T15:00:00.100000+03:00",
    "after_s": 0.0,
    "text": "deliver_sm to +79086228779 from centre main, bind main-1, gateway sms-1-a9d106: "
    "data_coding 0, esm_class 0x00",
    "details": {
        "centre": "main",
        "bind": "main-1",
        "gateway": "sms-1-a9d106",
        "data_coding": 0,
        "esm_class": 0,
        "our_number": "+79086228779",
    },
}
TIMELINE: Final[dict[str, Any]] = {
    "number": "+7916*****67",
    "subject_id": SUBJECT,
    "language": "en",
    "zone": "Europe/Moscow",
    "made_at": "2024-05-17T12:01:00Z",
    "sentence": "Your text with the command CLIENT sms stop reached us on 17 May 2024 at 15:00:00; "
    "notifications were switched off, and the reply that confirms it was delivered to your phone "
    "at 15:00:01.",
    "requests": [
        {
            "request_id": REQUEST,
            "subject_id": SUBJECT,
            "command": "sms_stop",
            "plan": "stopped",
            "arrived_at": "2024-05-17T12:00:00.100000Z",
            "trace_id": "0af7651916cd43dd8448eb211c80319c",
            "verdict": "delivered",
            "sentence": "Your text with the command CLIENT sms stop reached us on 17 May 2024 at "
            "15:00:00; notifications were switched off, and the reply that confirms it was "
            "delivered to your phone at 15:00:01.",
            "clock": {
                "state": "kept",
                "within_s": 120.0,
                "after_s": 0.06,
                "text": "kept: acknowledged after 0.1 s (promise: 2 min)",
            },
            "steps": [_STEP],
        }
    ],
    "misses": [
        {
            "kind": "look_alike",
            "first_at": "2024-05-17T11:58:00Z",
            "last_at": "2024-05-17T11:58:00Z",
            "count": 1,
            "sentence": "A text that reached us on 17 May 2024 at 14:58:00 contained letters that "
            "only look like Latin ones (a Cyrillic С in CLIENT, for example), so it was not a "
            "command; please type it again with a Latin keyboard.",
            "reading": {
                "bind": "main-1",
                "data_coding": 8,
                "alphabet": "ucs-2",
                "octets": 22,
                "text": "22 octets read as data_coding 8 (ucs-2), bind main-1",
            },
        }
    ],
    "unfinished": [],
    "requests_left_out": 0,
    "misses_left_out": False,
}
