"""What an operator does with parked messages: look at them safely, publish them again."""
