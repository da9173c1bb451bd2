"""What people read and what programs read, from data made by hand: no Azure, no process."""
