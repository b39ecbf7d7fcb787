"""What an operator does and sees."""
