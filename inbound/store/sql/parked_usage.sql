SELECT rows, bytes FROM parked_usage
