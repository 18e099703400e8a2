"""The configuration of the embedded Kafka, except what protects its listeners."""

from typing import Final

PROPERTIES: Final = """\
process.roles=broker,controller
node.id=1
listeners=CLIENT://{host}:{port},BROKER://{host}:{broker_port},CONTROLLER://{host}:{controller_port}
advertised.listeners=CLIENT://{host}:{port},BROKER://{host}:{broker_port}
controller.listener.names=CONTROLLER
controller.quorum.voters=1@{host}:{controller_port}
log.dirs={data}

# One node, so one replica of everything.
default.replication.factor=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1

# Topics are created by inbound.kafka.admin, never by a misspelt name.
auto.create.topics.enable=false
offsets.topic.num.partitions=8
group.initial.rebalance.delay.ms=0
# Clients may ask for a short session, so that a killed worker is replaced soon.
group.min.session.timeout.ms=2000
# After kill -9 the broker waits for its own old session to expire: 4 s instead of 13 s.
broker.session.timeout.ms=1500
broker.heartbeat.interval.ms=300

# Each of these threads wakes up several times a second; by default there are 30.
num.network.threads=1
num.io.threads=2
group.coordinator.threads=1
share.coordinator.threads=1
# The controller writes an empty record when nothing happens; by default twice a second.
metadata.max.idle.interval.ms=10000

# What a stranger's connection may have in memory before it has logged in; a handshake is small.
sasl.server.max.receive.size=16384

# The cleaner of compacted topics takes this much of the heap at the start; 128 MB by default.
log.cleaner.dedupe.buffer.size=16777216

# Personal data is deleted at most a minute after its retention time.
log.retention.check.interval.ms=60000
"""

LOG4J: Final = """\
status = error
appender.file.type = RollingFile
appender.file.name = file
appender.file.fileName = {log}
appender.file.filePattern = {log}.%i
appender.file.layout.type = PatternLayout
# A client chooses a part of some messages: what could steer a terminal is escaped.
appender.file.layout.pattern = %d %p %c{{1}} %enc{{%m%notEmpty{{ %xEx}}}}{{JSON}}%n
appender.file.layout.alwaysWriteExceptions = false
appender.file.policies.type = Policies
appender.file.policies.start.type = OnStartupTriggeringPolicy
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 10MB
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = 3
rootLogger.level = info
rootLogger.appenderRef.file.ref = file
"""
