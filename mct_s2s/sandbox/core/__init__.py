"""What every room of the sandbox rests on: its clock, its addresses, the forms of its errors."""
