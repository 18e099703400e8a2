"""sms.mo.v1: texts become accepted requests."""
