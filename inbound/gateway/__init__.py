"""The process towards the SMS centres: binds, MOs and delivery receipts, shared rate."""
