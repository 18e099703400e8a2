"""How current an answer is: which records the service has received and not processed yet."""
