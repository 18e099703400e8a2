"""sms.mt.*: MTs are claimed, submitted, and their results published."""
