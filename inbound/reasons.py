"""Says in words why something failed, for people who read health pages, logs and commands.

They get no names of Python classes. Pure: Kafka's errors are recognised by the names of their
classes, so this works for each client and imports none.
"""

from collections.abc import Mapping
from typing import Final

from inbound.errors import ScservError

_NO_ANSWER: Final = "Kafka did not answer in time"
_NOT_REACHED: Final = "no broker of Kafka can be reached"
_NO_LEADER: Final = "a partition of Kafka has no leader at the moment"
_NO_COORDINATOR: Final = "the consumer group has no coordinator at the moment"
_DENIED: Final = "Kafka denies access: check its ACLs"
_OF_KAFKA: Final[Mapping[str, str]] = {
    "KafkaTimeoutError": _NO_ANSWER,
    "RequestTimedOutError": _NO_ANSWER,
    "KafkaConnectionError": _NOT_REACHED,
    "NoBrokersAvailable": _NOT_REACHED,
    "NodeNotReadyError": _NOT_REACHED,
    "BrokerNotAvailableError": _NOT_REACHED,
    "LeaderNotAvailableError": _NO_LEADER,
    "NotLeaderForPartitionError": _NO_LEADER,
    "ReplicaNotAvailableError": _NO_LEADER,
    "NotEnoughReplicasError": "too few brokers of Kafka are in sync",
    "NotEnoughReplicasAfterAppendError": "too few brokers of Kafka are in sync",
    "CoordinatorNotAvailableError": _NO_COORDINATOR,
    "GroupCoordinatorNotAvailableError": _NO_COORDINATOR,
    "NotCoordinatorForGroupError": _NO_COORDINATOR,
    "NotCoordinatorError": _NO_COORDINATOR,
    "CoordinatorLoadInProgressError": _NO_COORDINATOR,
    "GroupLoadInProgressError": _NO_COORDINATOR,
    "RebalanceInProgressError": "the consumer group is rebalancing",
    "IllegalGenerationError": "the consumer group has given the partitions to another process",
    "UnknownMemberIdError": "the consumer group has given the partitions to another process",
    "CommitFailedError": "the consumer group has given the partitions to another process",
    "AuthorizationError": _DENIED,
    "TopicAuthorizationFailedError": _DENIED,
    "GroupAuthorizationFailedError": _DENIED,
    "ClusterAuthorizationFailedError": _DENIED,
    "AuthenticationFailedError": "Kafka refuses the credentials",
    "SaslAuthenticationFailedError": "Kafka refuses the credentials",
    "UnknownTopicOrPartitionError": "Kafka does not have the topic or partition",
    "MessageSizeTooLargeError": "the record is too large for Kafka",
    "RecordListTooLargeError": "the records are too large for Kafka",
    "RecordTooLargeError": "the record is too large for Kafka",
}
WORDS: Final = "words"
"""The attribute in which an error of a client says in our words what is wrong."""

_KAFKA_ERROR: Final = "KafkaError"
_CODE: Final = "message"


def in_words(error: BaseException | None) -> str:
    """Return why something failed, without the name of a class and without a full stop.

    The text of an error of another library is not repeated: it may quote what it was about.
    """
    if isinstance(error, ScservError):
        return str(error)
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError):
        reason = error.strerror or "the connection failed"
        return reason[:1].lower() + reason[1:]
    return _of_kafka(error) or "an unexpected error"


def _of_kafka(error: BaseException | None) -> str | None:
    if isinstance(words := getattr(error, WORDS, None), str):
        return words
    names = [one.__name__ for one in type(error).__mro__]
    if _KAFKA_ERROR not in names:
        return None
    return next((_OF_KAFKA[name] for name in names if name in _OF_KAFKA), _refusal(error))


def _refusal(error: BaseException | None) -> str:
    """Return Kafka's own name of an error, as in the list of its protocol."""
    code = getattr(error, _CODE, None)
    return f"Kafka refuses it ({code})" if isinstance(code, str) else "Kafka's client failed"
