-- Orders through sms.notify.v1 name their account themselves, so an account needs a right to it.
UPDATE accounts SET rights = array_append(rights, 'kafka') WHERE account = 'default';
