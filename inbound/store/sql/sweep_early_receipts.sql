DELETE FROM early_receipts WHERE arrived_at < %(before)s
