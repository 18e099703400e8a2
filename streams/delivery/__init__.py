"""sms.receipts.v1: submit results and delivery receipts become message outcomes."""
