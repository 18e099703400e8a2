"""The outbox stream, sms.mt.*: claims MTs, submits them and publishes their results."""
