"""The contract as others read it: generated from the Structs and the table of topics, compared."""
